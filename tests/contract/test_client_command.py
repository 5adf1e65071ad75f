"""`kit client`: a new client in a minute, and nothing that was left open goes unnoticed (Z.1)."""

from pathlib import Path

import pytest
import yaml

from kit.clients.folder import Facts, client_text, placeholders, residency_of, stack_files
from stacks.settings import parse_settings

FACTS = Facts(
    client="acme",
    organization="Acme AG",
    account="444455556666",
    region="eu-central-1",
    size="small",
    owner="claude@acme.example.com",
    issuer="https://login.acme.example.com",
    departments=("sales=marketing", "research=product", "care"),
)


@pytest.mark.parametrize("size", ["small", "medium", "large", "enterprise"])
@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "ap-northeast-1"])
def test_the_file_of_a_new_client_is_valid_as_it_is_written(size: str, region: str) -> None:
    text = client_text(Facts(**{**vars(FACTS), "size": size, "region": region}))
    settings = parse_settings({**yaml.safe_load(text), "stage": "foundation"})
    assert [one.like for one in settings.departments] == ["marketing", "product", None]
    assert settings.departments[2].workflows == ()
    assert settings.data_residency == (residency_of(region),)
    assert [one.pilot for one in settings.departments] == [True, True, False]
    assert placeholders_of(text) == []


def placeholders_of(text: str) -> list[str]:
    path = Path(__file__).parent / "client.yaml"
    path.write_text(text)
    try:
        return [one.text for one in placeholders(path, "client.yaml")]
    finally:
        path.unlink()


def test_the_stack_files_are_those_that_pulumi_asks_for() -> None:
    assert set(stack_files("acme")) == {
        f"Pulumi.{stage}.acme.yaml" for stage in ("foundation", "integration", "rollout")
    }


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("Director: _name_, from _date_", ["_name_", "_date_"]),
        ("Approved: USD _amount_ a year", ["_amount_"]),
        ("a word_with_underscores and __init__ and *emphasis*", []),
        ("kept for _number of years_", ["_number of years_"]),
        ("`monthly_budget_usd` is a key", []),
    ],
)
def test_a_placeholder_is_found_where_it_stands(tmp_path: Path, line: str, left: list[str]) -> None:
    document = tmp_path / "charter.md"
    document.write_text(f"# Charter\n\n{line}\n")
    found = placeholders(document, "documents/charter.md")
    assert [one.text for one in found] == left
    assert {(one.file, one.line) for one in found} <= {("documents/charter.md", 3)}


def test_an_id_of_zeros_is_a_placeholder(tmp_path: Path) -> None:
    file = tmp_path / "client.yaml"
    file.write_text("organization_id: 00000000-0000-0000-0000-000000000000\nworkspace_id: wrkspc_example\n")
    assert [one.line for one in placeholders(file, "client.yaml")] == [1, 2]
