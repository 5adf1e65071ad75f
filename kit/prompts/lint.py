"""What must hold of a draft before anybody is asked to approve it (L2.2, L2.3)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

import jsonschema

from kit.prompts.library import PromptFile
from lambdas.common.prompts import PLACEHOLDER, check_variables, parse_prompt

_ELEMENT = re.compile(r"<([a-z][a-z0-9_-]*)>(.*?)</\1>", re.DOTALL)
_UNFILLED = "TO FILL IN"  # what `kit prompt new` writes where a person must
_SAYS_DATA = re.compile(r"\bis data\b|\bare data\b|\bmaterial to\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding. An error stops approval; a warning does not."""

    prompt: str
    rule: str
    severity: Literal["error", "warning"]
    message: str


def lint(file: PromptFile, *, today: date, departments: Collection[str] | None = None) -> list[LintFinding]:
    """Every finding on `file`. `departments` are those of the client's configuration, where it is known."""
    found: list[LintFinding] = []

    def report(rule: str, message: str, severity: Literal["error", "warning"] = "error") -> None:
        found.append(LintFinding(file.name, rule, severity, message))

    _lint_unfilled(file, report)
    _lint_placeholders(file, report)
    _lint_injection(file, report)
    _lint_expectations(file, report)
    if file.review_by < today:
        report("review-date", f"review_by {file.review_by} has passed", "warning")
    if "*" not in file.departments and file.department not in file.departments:
        report("departments", f"the owning department {file.department} is not among departments")
    for name in sorted(set(file.departments) - {"*"} - set(departments or file.departments)):
        report("departments", f"department {name} is not in the client's configuration", "warning")
    return found


def _lint_unfilled(file: PromptFile, report) -> None:
    places = {"title": file.title, "owner": file.owner, "system": file.system, "template": file.template}
    places |= {f"tests[{number}].name": case.name for number, case in enumerate(file.tests)}
    for place, text in places.items():
        if _UNFILLED in text:
            report("unfilled", f"{place} still says {_UNFILLED!r}")


def _lint_placeholders(file: PromptFile, report) -> None:
    used = set(PLACEHOLDER.findall(file.system)) | set(PLACEHOLDER.findall(file.template))
    for name in sorted(used - set(file.variables)):
        report("unknown-variable", f"{{{{ {name} }}}} is used but not declared under variables")
    for name in sorted(set(file.variables) - used):
        report("unused-variable", f"variable {name} is declared but never used")


def _lint_injection(file: PromptFile, report) -> None:
    untrusted = {variable.name for variable in parse_prompt(file.document()).variables if variable.untrusted}
    for name in sorted(untrusted & set(PLACEHOLDER.findall(file.system))):
        report(
            "untrusted-in-system",
            f"variable {name} is untrusted and stands in the system prompt; move it to the template",
        )
    outside = set(PLACEHOLDER.findall(_ELEMENT.sub("", file.template)))
    for name in sorted(untrusted & outside):
        report(
            "untrusted-outside-delimiters",
            f"variable {name} is untrusted; enclose it: <{name}>{{{{ {name} }}}}</{name}>",
        )
    if untrusted and not _SAYS_DATA.search(file.system):
        report(
            "data-not-declared", "the system prompt must say that the enclosed text is data, not instructions"
        )


def _lint_expectations(file: PromptFile, report) -> None:
    prompt = parse_prompt(file.document())
    if file.output_schema is not None:
        try:
            jsonschema.Draft202012Validator.check_schema(file.output_schema)
        except jsonschema.SchemaError as error:
            report("output-schema", f"output_schema is not a JSON schema: {error.message}")
    names = [case.name for case in file.tests]
    for name in sorted({name for name in names if names.count(name) > 1}):
        report("test-cases", f"two cases are called {name!r}")
    for case in file.tests:
        for problem in check_variables(prompt, case.variables):
            report("test-cases", f"case {case.name!r}: {problem}")
        for expectation in case.expect:
            if expectation.schema_ and file.output_schema is None:
                report("test-cases", f"case {case.name!r} expects a schema, but there is no output_schema")
            for pattern in (expectation.matches, expectation.not_matches):
                if pattern is not None and not _compiles(pattern):
                    report("test-cases", f"case {case.name!r}: not a regular expression: {pattern}")
        if all(expectation.graded for expectation in case.expect):
            report(
                "test-cases",
                f"case {case.name!r} has only graded expectations; give one that needs no judge",
                "warning",
            )


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
