"""What must hold for a draft before anyone is asked to approve it (L2.2, L2.3)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Literal

import jsonschema

from kit.prompts.library import PromptFile
from lambdas.common.prompts import PLACEHOLDER, check_variables, parse_prompt, render
from lambdas.inspection import Action, InspectionConfig, Inspector, decide

_ELEMENT = re.compile(r"<([a-z][a-z0-9_-]*)>(.*?)</\1>", re.DOTALL)
_CLASSES = ("public", "internal", "restricted", "confidential")
_UNFILLED = "TO FILL IN"  # `kit prompt new` writes this where a person must fill something in
_SAYS_DATA = re.compile(r"\bis data\b|\bare data\b|\bmaterial to\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding. An error stops approval; a warning does not."""

    prompt: str
    rule: str
    severity: Literal["error", "warning"]
    message: str


def lint(file: PromptFile, *, today: date, departments: Collection[str] | None = None) -> list[LintFinding]:
    """Return every finding about `file`. `departments` are those of the client's configuration, if known."""
    found: list[LintFinding] = []

    def report(rule: str, message: str, severity: Literal["error", "warning"] = "error") -> None:
        found.append(LintFinding(file.name, rule, severity, message))

    _lint_unfilled(file, report)
    _lint_placeholders(file, report)
    _lint_injection(file, report)
    _lint_expectations(file, report)
    _lint_inspection(file, report)
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
            for variable in (expectation.quotes_from, expectation.numbers_from):
                if variable is not None and variable not in file.variables:
                    report("test-cases", f"case {case.name!r}: there is no variable {variable}")
            for pattern in (expectation.matches, expectation.not_matches):
                if pattern is not None and not _compiles(pattern):
                    report("test-cases", f"case {case.name!r}: not a regular expression: {pattern}")
        if case.expect and all(expectation.graded for expectation in case.expect):
            report(
                "test-cases",
                f"case {case.name!r} has only graded expectations; give one that needs no judge",
                "warning",
            )


def _lint_inspection(file: PromptFile, report) -> None:
    """Send each case through the inspection at the prompt's class, as the gateway would."""
    prompt = parse_prompt(file.document())
    cases = [(f"case {case.name!r}", case.variables, case.expect_blocked) for case in file.tests]
    if file.about is not None and file.about.example is not None:
        cases.append(("the example", file.about.example.variables, ""))
    rules = _Rules(_CLASSES[: _CLASSES.index(file.data_class) + 1])
    for place, variables, wanted in cases:
        if check_variables(prompt, variables):
            continue  # already reported
        inspection = _inspector().inspect_request(render(prompt, variables))
        decision = decide(inspection, rules, human_review=file.human_review is not None)
        found = {one.type for one in inspection.findings} | {one.rule for one in inspection.violations}
        found.add(decision.reason)
        if wanted and (decision.action is not Action.BLOCK or wanted not in found):
            report("inspection", f"{place} passes the inspection, or not for {wanted}")
        elif not wanted and decision.action is Action.BLOCK:
            report("inspection", f"{place} would be blocked: {decision.message or decision.reason}")


@dataclass(frozen=True, slots=True)
class _Rules:
    """A department that may use the prompt's class, with the kit's own actions."""

    data_classes: tuple[str, ...]
    findings: Mapping[str, str] = field(default_factory=dict)
    human_review: tuple[str, ...] = ()


@cache
def _inspector() -> Inspector:
    return Inspector(InspectionConfig(hash_key=b"lint" * 8))


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
