"""The user pool in front of the organisation's identity provider, by OpenID Connect and by SAML (G.4, L1.3).

A sign-in by OpenID Connect runs for real in `make test-browser`. One by SAML cannot: the emulated user pool
does not check who signed an assertion. So SAML is held against the plan, and its document is checked when
the configuration is read.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.identity.people import UNSET
from kit.evaluation.graph import Graph
from kit.evaluation.stages import evaluate_stage
from stacks.settings import CONFIG_FOLDER
from stacks.settings.documents import parse_yaml

from .test_console_access import configuration, metadata, wrong

EXAMPLE = parse_yaml((CONFIG_FOLDER / "clients" / "example.yaml").read_text("utf-8"), "example.yaml")
GROUPS = {"groups": EXAMPLE["identity"]["groups"]}
ENTRA = "https://login.microsoftonline.com/0000/federationmetadata/2007-06/federationmetadata.xml?appid=1111"
CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return configuration(tmp_path_factory.mktemp("configuration"))


@cache
def _plan(folder: Path, identity: str) -> Graph:
    config = {"config_folder": str(folder), "size": "small", **json.loads(identity)}
    return evaluate_stage("integration", config=config, assume_gates=True)


def plan(folder: Path, **identity: Any) -> Graph:
    """The plan of the stage; the example client's own identity where none is given. Each is made once."""
    return _plan(folder, json.dumps({"identity": {**GROUPS, **identity}} if identity else {}))


def provider(graph: Graph) -> dict[str, Any]:
    (found,) = [one for one in graph if one.type == "aws:cognito/identityProvider:IdentityProvider"]
    return dict(found.inputs)


def test_by_oidc_the_pool_asks_the_configured_issuer_and_no_secret_is_in_the_plan(folder: Path) -> None:
    inputs = provider(plan(folder))
    assert inputs["providerType"] == "OIDC"
    assert inputs["providerDetails"]["oidc_issuer"] == EXAMPLE["identity"]["issuer"]
    assert inputs["providerDetails"]["client_secret"] == UNSET
    assert inputs["attributeMapping"]["preferred_username"] == "preferred_username"


def test_by_saml_with_an_address_requests_are_signed_and_names_are_mapped(folder: Path) -> None:
    inputs = provider(plan(folder, kind="saml", metadata_url=ENTRA))
    assert inputs["providerType"] == "SAML"
    assert inputs["providerDetails"] == {
        "MetadataURL": ENTRA,
        "IDPSignout": "true",
        "RequestSigningAlgorithm": "rsa-sha256",
    }
    assert inputs["attributeMapping"] == {
        "preferred_username": f"{CLAIMS}/name",
        "email": f"{CLAIMS}/emailaddress",
    }


def test_by_saml_with_a_document_all_of_it_is_handed_over_with_what_was_chosen(folder: Path) -> None:
    graph = plan(
        folder,
        kind="saml",
        metadata_file="saml/login.xml",
        attributes={"user_name": "uid", "email": "mail"},
        encrypted_assertions=True,
        signed_requests=False,
    )
    inputs = provider(graph)
    assert inputs["providerDetails"] == {
        "MetadataFile": metadata(),
        "IDPSignout": "true",
        "EncryptedResponses": "true",
    }
    assert inputs["attributeMapping"] == {"preferred_username": "uid", "email": "mail"}
    assert str(folder) not in json.dumps(inputs), "the plan is the same on every machine"


def test_either_way_people_have_the_same_app_client_and_no_unasked_assertion_is_taken(folder: Path) -> None:
    plans = [plan(folder), plan(folder, kind="saml", metadata_url=ENTRA)]
    clients = [
        [dict(one.inputs) for one in graph if one.type == "aws:cognito/userPoolClient:UserPoolClient"]
        for graph in plans
    ]
    assert clients[0] == clients[1]
    assert "IDPInit" not in provider(plans[1])["providerDetails"]


@pytest.mark.parametrize(
    ("identity", "key", "says"),
    [
        ({}, "identity.metadata_url", "is required, or identity.metadata_file"),
        (
            {"metadata_url": ENTRA, "metadata_file": "saml/login.xml"},
            "identity.metadata_url",
            "both are given",
        ),
        ({"metadata_url": "http://login.example.com/m"}, "identity.metadata_url", "begins with https://"),
        ({"metadata_file": "saml/nosuch.xml"}, "identity.metadata_file", "there is no such file"),
        ({"metadata_file": "/etc/hostname"}, "identity.metadata_file", "is outside the folder"),
        ({"metadata_url": ENTRA, "attributes": {"name": "uid"}}, "identity.attributes.name", "is not a key"),
        ({"metadata_url": ENTRA, "signed_requests": "rsa"}, "identity.signed_requests", "is not allowed"),
    ],
)
def test_a_saml_provider_that_cannot_be_is_named(
    folder: Path, identity: dict[str, Any], key: str, says: str
) -> None:
    found = wrong(folder, identity={**GROUPS, "kind": "saml", **identity})
    assert says in found[key]
    assert len(found) == 1


def test_nobody_comes_in_with_a_password(folder: Path) -> None:
    """A client that names no flow gets AWS's default ones, with passwords among them."""
    graph = plan(folder, **{**EXAMPLE["identity"], "machine_clients": ["reports"]})
    clients = [one for one in graph if one.type == "aws:cognito/userPoolClient:UserPoolClient"]
    assert len(clients) == 3  # of people, of the portal, of the machine
    for client in clients:
        assert client.inputs["explicitAuthFlows"] == ["ALLOW_CUSTOM_AUTH"]
    (pool,) = [one for one in graph if one.type == "aws:cognito/userPool:UserPool"]
    assert set(pool.inputs["lambdaConfig"]) == {"preTokenGenerationConfig"}, "no trigger answers that flow"
    assert pool.inputs["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}


def test_machines_get_one_scope_each_and_the_gateway_asks_for_it(folder: Path) -> None:
    identity = {**EXAMPLE["identity"], "machine_clients": ["reports"]}
    graph = plan(folder, **identity)
    (client,) = [one for one in graph if one.name == "people-machine-reports"]
    assert client.inputs["allowedOauthFlows"] == ["client_credentials"]
    assert client.inputs["allowedOauthScopes"] == ["claude/messages"]
    assert client.inputs["generateSecret"] is True
    (published,) = [one for one in graph if one.inputs.get("key") == "policy/gateway.json"]
    issuers = json.loads(published.inputs["content"])["issuers"]
    people = [one for one in issuers if one["principal"] == "person"]
    machine = next(one for one in issuers if one["principal"] == "application")
    assert {one["claims"]["session"] for one in people} == {"origin_jti"}
    assert (machine["principal"], machine["required_scopes"]) == ("application", ["claude/messages"])
