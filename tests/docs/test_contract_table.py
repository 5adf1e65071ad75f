"""docs/callers.md says of every field, tool and beta what the contract says (L1.10)."""

from .contract_table import PAGE, table


def test_the_table_is_the_contract_s() -> None:
    assert table() in PAGE.read_text("utf-8"), "run `make docs`"
