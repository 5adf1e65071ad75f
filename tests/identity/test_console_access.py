"""How the Center of Excellence takes its roles in AWS: by SAML or by IAM Identity Center, as configured (C.1,
G.4).

The emulated AWS knows neither AssumeRoleWithSAML nor Identity Center: what is tested there is that a role
that trusts SAML can be taken in no other way. The rest is held against the plan.
"""

import base64
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from components.foundation.boundary import actions
from components.foundation.roles import ROLES
from kit.embedded import Emulator
from kit.evaluation.graph import Graph
from kit.evaluation.stages import evaluate_stage
from policy.checking import violations
from stacks.settings import CONFIG_FOLDER, RawConfig, SettingsError, read_settings
from stacks.settings.loading import as_config
from stacks.settings.saml_metadata import metadata_problems
from tests.support.standing import _client

from .deployed import refused

KEY = rsa.generate_private_key(65537, 2048)
NOW = datetime(2026, 11, 25, tzinfo=UTC)
INSTANCE = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
GROUP = "90676a1b2c-11111111-2222-3333-4444-5555555555{:02d}"
ROLE, SAML = "aws:iam/role:Role", "aws:iam/samlProvider:SamlProvider"
SETS = "aws:ssoadmin/permissionSet:PermissionSet"
INLINE = "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy"
BOUNDARY = "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment"
ASSIGNMENT = "aws:ssoadmin/accountAssignment:AccountAssignment"


def certificate(
    *,
    begins: datetime = NOW - timedelta(days=365),
    ends: datetime = NOW + timedelta(days=36_500),
    key: Any = KEY,
) -> str:
    """A certificate in base 64, as it stands in a metadata document."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "login.example.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(KEY, hashes.SHA256())
    )
    return base64.encodebytes(made.public_bytes(serialization.Encoding.DER)).decode()


def metadata(*certificates: str, head: str = "", address: str = "https://login.example.com/sso") -> str:
    """A document as identity providers publish it."""
    keys = "".join(
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>{one}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for one in certificates or (certificate(),)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}<md:EntityDescriptor '
        'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://login.example.com/saml">'
        '<md:IDPSSODescriptor WantAuthnRequestsSigned="true" '
        f'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{keys}'
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        f'Location="{address}"/></md:IDPSSODescriptor></md:EntityDescriptor>'
    )


def configuration(folder: Path) -> Path:
    """The example client's configuration in `folder`, with a document of SAML beside it."""
    (folder / "clients").mkdir()
    shutil.copy(CONFIG_FOLDER / "clients" / "example.yaml", folder / "clients" / "example.yaml")
    (folder / "saml").mkdir()
    (folder / "saml" / "login.xml").write_text(metadata())
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return configuration(tmp_path)


def plan(folder: Path, **config: Any) -> Graph:
    return evaluate_stage("foundation", config={"config_folder": str(folder), **config}, assume_gates=True)


def of_type(graph: Graph, kind: str) -> dict[str, Any]:
    return {one.name: one for one in graph if one.type == kind}


BY_SAML = {"console_access": {"kind": "saml", "metadata_file": "saml/login.xml", "session_hours": 2}}
BY_CENTER = {
    "console_access": {
        "kind": "identity-center",
        "instance_arn": INSTANCE,
        "groups": {role: GROUP.format(number) for number, role in enumerate(ROLES)},
        "region": "us-east-1",
    }
}


# -- SAML ----------------------------------------------------------------------------------------------------


def test_by_saml_each_role_is_taken_with_an_assertion_for_aws_and_in_no_other_way(folder: Path) -> None:
    graph = plan(folder, **BY_SAML)
    (provider,) = of_type(graph, SAML).values()
    assert provider.inputs["samlMetadataDocument"] == metadata()
    assert provider.inputs["name"] == "example-production-console"
    arn = graph.exports["console_saml_provider_arn"]
    for role in ROLES:
        inputs = of_type(graph, ROLE)[f"coe-{role}"].inputs
        assert json.loads(inputs["assumeRolePolicy"])["Statement"] == [
            {
                "Sid": "FederatedPerson",
                "Effect": "Allow",
                "Action": ["sts:AssumeRoleWithSAML", "sts:SetSourceIdentity", "sts:TagSession"],
                "Principal": {"Federated": [arn]},
                "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
            }
        ]
        assert inputs["maxSessionDuration"] == 7200
        assert inputs["permissionsBoundary"]
    assert violations(graph) == []


def test_principals_that_are_named_come_beside_the_identity_provider(folder: Path) -> None:
    hall = "arn:aws:iam::111122223333:role/break-glass"
    graph = plan(folder, **BY_SAML, coe={"director": [hall]})
    trust = json.loads(of_type(graph, ROLE)["coe-director"].inputs["assumeRolePolicy"])["Statement"]
    assert [one["Sid"] for one in trust] == ["FederatedPerson", "PersonOfThisAccount"]
    assert trust[1]["Condition"] == {
        "ArnLike": {"aws:PrincipalArn": [hall]},
        # in sessions of the person's own name only, which approvals count
        "StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/kit-person}"},
    }


def test_without_a_choice_nothing_of_either_is_made(folder: Path) -> None:
    graph = plan(folder)
    assert not [one for one in graph if one.type == SAML or one.type.startswith("aws:ssoadmin")]
    assert "console_saml_provider_arn" not in graph.exports


def test_a_role_that_trusts_saml_is_taken_by_nobody_without_an_assertion(
    folder: Path, emulated_aws: Emulator
) -> None:
    root = (emulated_aws, "iam", emulated_aws.access_key_id, emulated_aws.secret_access_key, None)
    iam = _client(*root)
    trust = of_type(plan(folder, **BY_SAML), ROLE)["coe-director"].inputs["assumeRolePolicy"]
    anybody = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    iam.create_user(UserName="console-anybody")
    iam.put_user_policy(
        UserName="console-anybody",
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [anybody]}),
    )
    key = iam.create_access_key(UserName="console-anybody")["AccessKey"]
    sts = _client(emulated_aws, "sts", key["AccessKeyId"], key["SecretAccessKey"], None)
    open_to_all = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
        }
    )
    taken = {}
    for name, policy in (("console-open", open_to_all), ("console-saml", trust)):
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
        taken[name] = not refused(sts.assume_role, RoleArn=arn, RoleSessionName="anybody")
    assert taken == {"console-open": True, "console-saml": False}


# -- IAM Identity Center -------------------------------------------------------------------------------------


def test_by_identity_center_each_group_gets_what_its_role_may_do_and_no_more(folder: Path) -> None:
    graph = plan(folder, **BY_CENTER)
    sets, policies = of_type(graph, SETS), of_type(graph, INLINE)
    assert set(sets) == {f"console-{role}" for role in ROLES}
    boundary = of_type(graph, "aws:iam/policy:Policy")["boundary-policy"].inputs["name"]
    roles = of_type(graph, "aws:iam/rolePolicy:RolePolicy")
    for number, role in enumerate(ROLES):
        inputs = sets[f"console-{role}"].inputs
        assert inputs["sessionDuration"] == "PT4H"
        assert len(inputs["name"]) <= 32
        assert (
            policies[f"console-{role}-permissions"].inputs["inlinePolicy"]
            == roles[f"coe-{role}-permissions"].inputs["policy"]
        )
        bound = of_type(graph, BOUNDARY)[f"console-{role}-boundary"].inputs["permissionsBoundary"]
        assert bound == {"customerManagedPolicyReference": {"name": boundary}}
        assigned = of_type(graph, ASSIGNMENT)[f"console-{role}-assignment"].inputs
        assert (assigned["principalType"], assigned["principalId"]) == ("GROUP", GROUP.format(number))
        assert (assigned["targetType"], assigned["targetId"]) == ("AWS_ACCOUNT", "111122223333")
    assert {one.inputs["region"] for one in graph if one.type.startswith("aws:ssoadmin")} == {"us-east-1"}
    assert violations(graph) == []


def test_no_group_is_assigned_before_policy_and_boundary_are_there(folder: Path) -> None:
    graph = plan(folder, **BY_CENTER)
    for name, assignment in of_type(graph, ASSIGNMENT).items():
        before = " ".join(assignment.options["dependencies"])
        stem = name.removesuffix("-assignment")
        assert f"::{stem}-permissions" in before
        assert f"::{stem}-boundary" in before


def test_what_a_permission_set_allows_is_within_the_boundary_and_fits(folder: Path) -> None:
    """The longest names, because Identity Center takes 10,240 characters of policy."""
    long = {"client": "a" * 12, "environment": "b" * 10}
    text = (folder / "clients" / "example.yaml").read_text()
    for key, value in long.items():
        text = "\n".join(f"{key}: {value}" if one.startswith(f"{key}:") else one for one in text.splitlines())
    (folder / "clients" / "example.yaml").write_text(text)
    graph = plan(folder, **BY_CENTER)
    for policy in of_type(graph, INLINE).values():
        document = json.loads(policy.inputs["inlinePolicy"])
        assert len(policy.inputs["inlinePolicy"]) <= 10_240
        for statement in document["Statement"]:
            assert set(statement["Action"]) <= set(actions())
            assert statement["Resource"] != ["*"] or statement["Condition"]
    assert all(len(one.inputs["name"]) <= 32 for one in of_type(graph, SETS).values())


def test_a_role_without_a_group_gets_no_permission_set(folder: Path) -> None:
    access = BY_CENTER["console_access"] | {"groups": {"governance-lead": GROUP.format(1)}}
    assert set(of_type(plan(folder, console_access=access), SETS)) == {"console-governance-lead"}


# -- what is wrong, all at once ------------------------------------------------------------------------------


def wrong(folder: Path, **config: Any) -> dict[str, str]:
    raw = as_config({"stage": "foundation", "client": "example", "config_folder": str(folder), **config})
    with pytest.raises(SettingsError) as caught:
        read_settings(RawConfig(raw))
    return {one.key: str(one) for one in caught.value.problems}


@pytest.mark.parametrize(
    ("given", "key", "says"),
    [
        ({"kind": "saml"}, "console_access.metadata_file", "is required"),
        (
            {"kind": "saml", "metadata_file": "saml/nosuch.xml"},
            "console_access.metadata_file",
            "no such file",
        ),
        (
            {"kind": "saml", "metadata_file": "../x.xml"},
            "console_access.metadata_file",
            "is outside the folder",
        ),
        ({"kind": "ldap"}, "console_access.kind", "identity-center"),
        (
            {"kind": "saml", "metadata_file": "saml/login.xml", "session_hours": 13},
            "console_access.session_hours",
            "13",
        ),
        (
            {"kind": "identity-center", "instance_arn": "ssoins-1", "groups": {"director": GROUP.format(1)}},
            "console_access.instance_arn",
            "arn:aws:sso:::instance/",
        ),
        (
            {"kind": "identity-center", "instance_arn": INSTANCE, "groups": {}},
            "console_access.groups",
            "is empty",
        ),
        (
            {"kind": "identity-center", "instance_arn": INSTANCE, "groups": {"director": "admins"}},
            "console_access.groups.director",
            "a group id such as",
        ),
        (
            {"kind": "identity-center", "instance_arn": INSTANCE, "groups": {"boss": GROUP.format(1)}},
            "console_access.groups",
            "not allowed",
        ),
    ],
)
def test_a_choice_that_cannot_be_is_named(folder: Path, given: Any, key: str, says: str) -> None:
    found = wrong(folder, console_access=given)
    assert says in found[key]
    assert len(found) == 1


def test_every_problem_is_told_at_once(folder: Path) -> None:
    found = wrong(
        folder,
        size="tiny",
        console_access={"kind": "saml", "metadata_file": "saml/nosuch.xml", "session_hours": 0},
    )
    assert {"size", "console_access.metadata_file", "console_access.session_hours"} <= set(found)


# -- the document --------------------------------------------------------------------------------------------


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "metadata.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return metadata_problems(path, NOW)


EXPIRED = certificate(ends=NOW - timedelta(days=1))
BILLION = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x SYSTEM "file:///etc/passwd">'


def test_a_document_as_it_is_published_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, metadata()) == []
    assert problems(tmp_path, b"\xef\xbb\xbf" + metadata().encode()) == []
    assert problems(tmp_path, metadata(EXPIRED, certificate())) == [], "the next certificate is there already"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lambda: "", "not well-formed XML"),
        (lambda: metadata()[:-5], "not well-formed XML"),
        (lambda: metadata().encode("utf-16"), "not UTF-8"),
        (lambda: metadata(head=BILLION), "document type or entities"),
        (lambda: metadata(head=OUTSIDE), "document type or entities"),
        (lambda: metadata().replace('entityID="https://login.example.com/saml"', ""), "names no entity"),
        (lambda: metadata().replace("IDPSSODescriptor", "SPSSODescriptor"), "no identity provider"),
        (lambda: metadata().replace("SAML:2.0:protocol", "SAML:1.1:protocol"), "no identity provider"),
        (lambda: metadata(address="http://login.example.com/sso"), "not at an https address"),
        (lambda: metadata(address="https://user:word@login.example.com/sso"), "not at an https address"),
        (lambda: metadata().replace("HTTP-Redirect", "SOAP"), "no SingleSignOnService"),
        (lambda: metadata(EXPIRED), "have expired, the last on 2026-11-24"),
        (lambda: metadata(certificate(begins=NOW + timedelta(days=1))), "not valid yet"),
        (lambda: metadata(certificate(), "bm8gY2VydGlmaWNhdGU="), "cannot be read"),
        (lambda: metadata().replace('use="signing"', 'use="encryption"'), "no certificate for signing"),
        (lambda: metadata(certificate(key=rsa.generate_private_key(65537, 1024))), "less than 2048 bits"),
        (lambda: metadata() + " " * 1_000_000, "is bigger than"),
    ],
)
@pytest.mark.filterwarnings("ignore:Key size")
def test_what_is_wrong_with_a_document_is_said(tmp_path: Path, text: Callable[[], Any], says: str) -> None:
    (found,) = problems(tmp_path, text())
    assert says in found
    assert "login.example.com" not in found
    assert "aaaa" not in found
