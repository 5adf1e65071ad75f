"""The published schema and page of a client's file are those of the contract (Z.1, L1.7)."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from contract.schema import client_schema
from stacks.settings import CONFIG_FOLDER
from tests.docs.configuration_page import SCHEMA, computed

EXAMPLE = CONFIG_FOLDER / "clients" / "example.yaml"


def test_the_page_and_the_schema_are_written_from_the_contract() -> None:
    for path, text in computed().items():
        assert path.read_text("utf-8") == text, f"{path.name}: run `make docs`"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = client_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _example(**changes: Any) -> dict[str, Any]:
    document = json.loads(json.dumps(yaml.safe_load(EXAMPLE.read_text("utf-8")), default=str))
    return {**document, **changes}


def test_the_example_fits_the_schema_that_its_first_line_names(validator: Draft202012Validator) -> None:
    first = EXAMPLE.read_text("utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (EXAMPLE.parent / first.partition("=")[2]).resolve() == SCHEMA
    assert [error.message for error in validator.iter_errors(_example())] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"sise": "large"},
        {"size": "larg"},
        {"account": "12"},
        {"account": 111122223333},
        {"identity": {"kind": "ldap"}},
        {"departments": []},
        {"sizing": {"retention": {"audit_days": "long"}}},
        {"sizing": {"capcity": {}}},
        {"sizing": {"capacity": {"gateway_memory_mb": 3}}},
        {"budget": {"organization_monthly_usd": -1}},
        {"budget": {"organization_monthly_usd": "1.23456789"}},
        {"contacts": {"owner": "somebody", "alarms": ["a@example.com"]}},
    ],
)
def test_what_the_reader_refuses_an_editor_marks(
    validator: Draft202012Validator, wrong: dict[str, Any]
) -> None:
    assert list(validator.iter_errors(_example(**wrong)))
