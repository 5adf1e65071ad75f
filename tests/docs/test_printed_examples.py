"""What pages print as an example is taken by the code that it is an example for."""

import json
import re

import yaml

from components.workflow.catalogue import read_workflow
from contract.reading import Reading
from lambdas.inspection.dictionaries import parse_dictionary
from stacks.settings import CONFIG_FOLDER, parse_settings
from tests.docs.blocks import PAGES, ROOT, fenced, indented

# Blocks by page and language, each run or read by a test: those of callers.md and of the client's page by
# tests/clients/test_examples.py, the one about large files by tests/gateway/test_uploads.py.
TESTED = {
    ("claude_client/README.md", "python"): 1,
    ("docs/callers.md", "json"): 2,
    ("docs/callers.md", "python"): 3,
}


def test_every_printed_program_and_document_has_a_test() -> None:
    pages = [page.relative_to(ROOT).as_posix() for page in PAGES]
    found = {
        (page, language): len(fenced(page, language))
        for page in pages
        for language in ("json", "python", "toml", "yaml")
    }
    assert {one: count for one, count in found.items() if count} == TESTED


def test_the_printed_terms_are_a_dictionary() -> None:
    parse_dictionary(indented("docs/data-classes.md", '{"terms"').encode())


def test_the_printed_inspection_is_one_of_a_client_s_file() -> None:
    printed = yaml.safe_load(indented("docs/data-classes.md", "inspection:"))
    example = yaml.safe_load((CONFIG_FOLDER / "clients" / "example.yaml").read_text("utf-8"))
    settings = parse_settings({**example, "stage": "foundation", **printed})
    assert settings.inspection.canaries == ("kestrel-4471-mark",)


def test_the_printed_steps_are_those_of_a_workflow() -> None:
    printed = yaml.safe_load(indented("docs/workflow-files.md", "steps:"))
    file = yaml.safe_load((ROOT / "workflows" / "content.yaml").read_text("utf-8"))
    reading = Reading()
    workflow = read_workflow(reading, {**file, **printed}, "content", "printed")
    assert not reading.problems
    assert workflow is not None


def test_the_printed_statement_of_the_second_account_s_bucket_is_one_of_a_policy() -> None:
    printed = indented("docs/decisions/writers-and-anchors.md", '{"Effect"')
    statement = json.loads(re.sub(r"<[^<>]+>", "1", printed))
    assert statement.keys() == {"Action", "Effect", "Principal", "Resource"}
