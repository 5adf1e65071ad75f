"""From findings to an action: allow, flag, redact or block, with a sentence for the person (G.1, G.2,
L2.3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from lambdas.inspection.detectors import identity
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import (
    SERVER_ENCRYPTED,
    DataClass,
    Finding,
    Inspection,
    Uninspectable,
    highest,
)
from lambdas.inspection.withholding import KEPT


class Action(StrEnum):
    """Action on a request, mildest first."""

    ALLOW = "allow"
    FLAG = "flag"
    REDACT = "redact"
    WITHHOLD = "withhold"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """Return 0 for allow to 4 for block."""
        return _RANKS[self]


_RANKS = {member: rank for rank, member in enumerate(Action)}


class DepartmentRules(Protocol):
    """The part of a department's policy that inspection needs; `lambdas.common.policy.Department` has it.

    `findings` maps `restricted`, `confidential`, `injection`, `uninspectable` and the acceptable-use rules
    to an action (for acceptable use also `review`, for an `image` also `ask`). `restricted-in-tools` and
    `confidential-in-tools` apply if a tool or a document contributed it, or if an earlier turn contains it
    that was refused once. `human_review` lists the department's uses that a person must review.
    """

    @property
    def data_classes(self) -> Sequence[str]: ...
    @property
    def findings(self) -> Mapping[str, str]: ...
    @property
    def human_review(self) -> Sequence[str]: ...


# what happens when a department's policy is silent (safety decisions of the kit; G.1, G.2)
DEFAULT_ACTIONS: Mapping[str, str] = {
    "internal": "block",
    "restricted": "block",
    "confidential": "block",
    "injection": "flag",
    "injection-order": "block",
    "image": "flag",
    "uninspectable": "block",
    "personnel-decision": "block",
    "health-information": "block",
    "customer-contact": "review",
    "unreviewed-decision": "review",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Action and reason.

    `reason` is a stable code for records and metrics; `message` is for the person: which class was found,
    where, and what to do, without any value. `requires_review` asks for the human-review flag. `withhold`
    lists the content blocks that must not leave (JSON pointers into the request); the rest of the request
    may.
    """

    action: Action
    reason: str
    message: str = ""
    requires_review: bool = False
    redact: tuple[Finding, ...] = ()
    withhold: tuple[str, ...] = ()


_CLASS_ADVICE = {
    DataClass.INTERNAL: "Internal data needs a department that is cleared for it",
    DataClass.RESTRICTED: "Restricted data (people, legal, unpublished figures, credentials) never goes to "
    "Claude",
    DataClass.CONFIDENTIAL: "Confidential data (trade secrets, unreleased plans) never goes to Claude",
}
_TYPE_NAMES = {
    "EMAIL": "an e-mail address", "PHONE": "a telephone number", "IP_ADDRESS": "an IP address", "MAC_ADDRESS":
        "a MAC address",
    "PERSON": "a person's name", "ADDRESS": "a postal address", "CREDIT_CARD": "a card number", "CVV":
        "a card's security code",
    "CARD_EXPIRY": "a card's expiry date", "IBAN": "an IBAN", "US_SSN": "a US social security number",
        "SECRET": "a password or key",
    "PASSPORT": "a passport number", "DRIVER_LICENSE": "a driving licence number", "BANK_ACCOUNT":
        "a bank account number",
    "US_ROUTING": "a bank routing number", "DATE_OF_BIRTH": "a date of birth", "MRN":
        "a medical record number",
    "US_MBI": "a Medicare number", "DEA": "a DEA number", "INSURANCE_ID": "an insurance number", "UK_NINO":
        "a National Insurance number",
    "UK_NHS": "an NHS number", "CA_SIN": "a social insurance number", "IN_AADHAAR": "an Aadhaar number",
        "IN_PAN": "a PAN",
    "TAX_ID": "a tax number", "EMPLOYEE_ID": "an employee number", "USERNAME": "a user name", "VIN":
        "a vehicle number",
    "LICENSE_PLATE": "a number plate", "ICD10": "a diagnosis code", "NPI": "a provider number", "DICTIONARY":
        "a protected name or term",
    "CUSTOMER_LIST": "a list of people", "PERSONNEL": "a personnel matter", "LEGAL": "a legal matter",
    "MNPI": "unpublished financial information", "HEALTH": "a person's health information", "TRADE_SECRET":
        "a trade secret",
    "ROADMAP": "an unreleased plan", "LABEL": "a confidentiality label", "FILE": "a file of that class",
    "DECLARED":
        "the class that you declared",
    "CANARY": "a protected marker", "EGRESS": "a link that carries data out",
}  # fmt: skip
_USE_ADVICE = {
    "personnel-decision": "Claude does not decide about people's jobs: ask for a draft or for criteria, and "
    "let HR decide",
    "health-information": "personal health information does not go to Claude: remove the person or the "
    "condition",
    "customer-contact": "nothing goes to a customer unread: have a person review the text, then send it "
    "with the human-review flag",
    "unreviewed-decision": "no decision without a person: name who reviews the result, then send it with "
    "the human-review flag",
}
_FAILURES = {
    "timeout": "it could not be inspected in time: send a shorter text or fewer documents",
    "too-large": "it is larger than what can be inspected: split it",
    "error": "the inspection failed: try again, and report the request id if it happens again",
}


def decide(inspection: Inspection, department: DepartmentRules, *, human_review: bool = False) -> Decision:
    """Return the department's action on an inspection. The strictest rule wins; a failed inspection always
    blocks.

    `human_review` says that the caller sent the human-review flag, which satisfies rules whose action is
    `review`.
    """
    if inspection.failure:
        advice = _FAILURES.get(inspection.failure, _FAILURES["error"])
        return Decision(Action.BLOCK, f"inspection-{inspection.failure}", f"Blocked because {advice}.")
    decisions = [
        _decide_level(inspection, department),
        *_decide_unread(inspection, department, human_review),
        _decide_injection(inspection, department),
        _decide_order(inspection, department),
        *_decide_use(inspection, department, human_review),
    ]
    strictest = max(decisions, key=lambda one: one.action.rank)
    review = any(one.requires_review for one in decisions)
    return Decision(
        strictest.action,
        strictest.reason,
        strictest.message,
        review,
        decisions[0].redact,
        decisions[0].withhold,
    )


def _action(department: DepartmentRules, kind: str) -> str:
    return department.findings.get(kind, DEFAULT_ACTIONS[kind])


def _decide_level(inspection: Inspection, department: DepartmentRules) -> Decision:
    """Withhold blocks contributed by others or by an earlier turn; judge the rest as a whole."""
    held: dict[Finding, tuple[str, ...]] = {}
    for one in inspection.findings:
        if (
            one.level.rank >= DataClass.RESTRICTED.rank
            and _in_tools(one.level, department) is Action.WITHHOLD
        ):
            pointers = _pointers(one.field, inspection)
            if pointers:
                held[one] = pointers
    if not held:
        return _decide_rest(inspection, department)
    rest = tuple(one for one in inspection.findings if one not in held)
    level = level_of(rest, DataClass.PUBLIC)
    decision = _decide_rest(replace(inspection, findings=rest, level=level), department)
    if decision.action is Action.BLOCK:
        return decision
    named = tuple(dict.fromkeys(pointer for pointers in held.values() for pointer in pointers))
    message = f"Withheld: {_where(tuple(held))}. {_remedy(tuple(held)).capitalize()}."
    reason = f"class-{highest(one.level for one in held).value}"
    return Decision(Action.WITHHOLD, reason, message, redact=decision.redact, withhold=named)


def _in_tools(level: DataClass, department: DepartmentRules) -> Action:
    """Return the action for a class in what tools and documents contribute.

    By default it is the milder of withholding and the action for a person's own text.
    """
    own = Action(department.findings.get(level.value, DEFAULT_ACTIONS[level.value]))
    default = min(own, Action.WITHHOLD, key=lambda one: one.rank)
    return Action(department.findings.get(f"{level.value}-in-tools", default))


_PLACE = Expression(r"messages\[(\d+)\]\.content((?:\[\d+\](?:\.content(?=\[))?)*)(?:\+\[(\d+)\])?")
_NUMBER = Expression(r"\[(\d+)\]")
_REMAINS = Expression(rf"\.(?:{'|'.join(KEPT)})(?![^.+\[])")


def _pointers(field: str, inspection: Inspection) -> tuple[str, ...]:
    """Return the blocks of a finding as JSON pointers, if they may be withheld: those of others, and before
    the last turn.

    Empty for a person's own last words, for instructions, for definitions, and for what would remain of a
    withheld block.
    """
    match = _PLACE.match(field)
    if match is None or _REMAINS.match(field[match.end() :]):
        return ()
    message, steps, joined = match.groups()
    block = f"messages[{message}].content{steps}"
    if int(message) >= inspection.last_turn and block not in inspection.others:
        return ()
    numbers = _NUMBER.findall(steps)
    pointer = "/".join(["", "messages", message, "content", *"/content/".join(numbers).split("/")]).rstrip(
        "/"
    )
    if joined is None:
        return (pointer,)
    return (pointer, f"{pointer.rpartition('/')[0]}/{joined}")


def _decide_rest(inspection: Inspection, department: DepartmentRules) -> Decision:
    level = inspection.level
    if level is DataClass.PUBLIC or (level is DataClass.INTERNAL and "internal" in department.data_classes):
        return Decision(Action.ALLOW, "clean")
    action = Action(_action(department, level.value))
    if (
        action is not Action.BLOCK
        and level.value not in department.data_classes
        and level is DataClass.INTERNAL
    ):
        action = Action.BLOCK
    evidence = [one for one in inspection.findings if one.level is level]
    # what stands for a whole text cannot be cut out of it
    if action is Action.REDACT and any(
        one.type in WHOLE_TEXT_TYPES for one in inspection.findings if one.level.rank >= 2
    ):
        action = Action.BLOCK
    if action is Action.ALLOW:
        return Decision(action, f"{level.value}-allowed")
    where = _where(evidence)
    message = ""
    if action is Action.BLOCK:
        message = f"Blocked: {where}. {_CLASS_ADVICE[level]}: {_remedy(evidence)}."
    redact = (
        tuple(one for one in inspection.findings if one.level.rank >= DataClass.RESTRICTED.rank)
        if action is Action.REDACT
        else ()
    )
    return Decision(action, f"class-{level.value}", message, redact=redact)


# findings that describe a text as a whole, not a place in it
WHOLE_TEXT_TYPES = frozenset(
    (
        "PERSONNEL",
        "LEGAL",
        "MNPI",
        "HEALTH",
        "TRADE_SECRET",
        "ROADMAP",
        "LABEL",
        "FILE",
        "CUSTOMER_LIST",
        "DECLARED",
    )
)


def _where(evidence: Sequence[Finding]) -> str:
    if not evidence:
        return "its class is not allowed here"
    first = min(evidence, key=lambda one: (-one.score, one.field, one.start))
    number = identity.BY_TYPE.get(first.type)
    name = _TYPE_NAMES.get(first.type) or (number.name if number else first.type.lower().replace("_", " "))
    others = len({(one.field, one.start) for one in evidence}) - 1
    more = f" and {others} more" if others > 0 else ""
    return f"{name} ({first.level.value.capitalize()}) in {first.field}{more}"


def _remedy(evidence: Sequence[Finding]) -> str:
    types = {one.type for one in evidence}
    if "SECRET" in types:
        return "remove it, change that password or key now, and send again"
    if types & WHOLE_TEXT_TYPES:
        return "ask in general terms without the names and figures, or ask the owner of the data"
    return "remove it or put a placeholder in its place, and send again"


def _decide_unread(inspection: Inspection, department: DepartmentRules, human_review: bool) -> list[Decision]:
    """Decide on what cannot be read; images have a rule of their own, because screenshots are an agent's
    daily work.
    """
    decisions: list[Decision] = []
    for rule in ("uninspectable", _IMAGE):
        unread = [
            one
            for one in inspection.uninspectable
            if one.kind != SERVER_ENCRYPTED and (one.kind == _IMAGE) == (rule == _IMAGE)
        ]
        if not unread:
            continue
        chosen = _action(department, rule)
        if chosen == _ASK:
            decisions.append(_ask(unread[0], confirmed=human_review))
            continue
        action = Action(chosen)
        message = ""
        if action.rank >= Action.REDACT.rank:
            action = Action.BLOCK
            message = (
                f"Blocked: {unread[0].field} ({unread[0].kind}) cannot be read by the inspection. "
                "What cannot be read does not leave: paste its text instead, or ask for a department policy "
                "that allows it."
            )
        decisions.append(Decision(action, rule, message))
    return decisions


def _ask(image: Uninspectable, *, confirmed: bool) -> Decision:
    """Let a person look where no machine can."""
    if confirmed:
        return Decision(Action.FLAG, "image-confirmed")
    return Decision(
        Action.BLOCK,
        "image-unconfirmed",
        f"Blocked: nobody has read {image.field} ({image.kind}). Look at it: if it shows no personal data, "
        "no password and nothing confidential, send again with the human-review flag; otherwise crop it or "
        "leave it out.",
        requires_review=True,
    )


_ASK = "ask"
_IMAGE = "image"
# a person, or a document that a person sends, tells Claude to drop its instructions or to give them away
_ORDERS = frozenset(
    f"phrasing-{rule}"
    for rule in (
        "direct-order",
        "override",
        "override-abroad",
        "override-without-spaces",
        "extraction",
        "above-text",
    )
)
_SURE = 0.96  # "repeat the instructions above in simpler words" is below


def _decide_order(inspection: Inspection, department: DepartmentRules) -> Decision:
    orders = [
        one
        for one in inspection.injections
        if one.rule in _ORDERS
        and (one.rule == "phrasing-direct-order" or one.score >= _SURE)
        and (".source." in one.field or _block(one.field) not in inspection.others)
        and not one.field.startswith(("system", "tools"))
    ]
    if not orders:
        return Decision(Action.ALLOW, "clean")
    action = Action(_action(department, "injection-order"))
    message = ""
    if action.rank >= Action.REDACT.rank:
        action = Action.BLOCK
        message = (
            f"Blocked: {orders[0].field} orders the assistant to ignore or to give away its instructions. "
            "Remove that sentence and send again."
        )
    return Decision(action, "injection-order", message)


def _block(field: str) -> str:
    match = _PLACE.match(field)
    return f"messages[{match[1]}].content{match[2]}" if match else field


def _decide_injection(inspection: Inspection, department: DepartmentRules) -> Decision:
    injections = inspection.injections
    if not injections:
        return Decision(Action.ALLOW, "clean")
    action = Action(_action(department, "injection"))
    if action is Action.REDACT:
        action = Action.BLOCK
    first = max(injections, key=lambda one: one.score)
    message = ""
    if action is Action.BLOCK:
        message = (
            f"Blocked: {first.field} holds instructions that try to take over the assistant. "
            "Text from others is data, not orders: remove that passage and send again."
        )
    return Decision(action, "prompt-injection", message)


def _decide_use(inspection: Inspection, department: DepartmentRules, human_review: bool) -> list[Decision]:
    decisions: list[Decision] = []
    for violation in inspection.violations:
        action = _action(department, violation.rule)
        if (
            violation.rule == "customer-contact"
            and "customer-facing" in department.human_review
            and action == "allow"
        ):
            action = "review"
        if action == "review":
            if human_review:
                decisions.append(Decision(Action.FLAG, f"use-{violation.rule}", requires_review=True))
                continue
            action = "block"
            review = True
        else:
            review = False
        message = ""
        if action == "block":
            message = (
                f"Blocked by the acceptable-use policy ({violation.field}): {_USE_ADVICE[violation.rule]}."
            )
        decisions.append(Decision(Action(action), f"use-{violation.rule}", message, requires_review=review))
    return decisions


def level_of(findings: Sequence[Finding], declared: DataClass | None) -> DataClass:
    """Return the maximum over evidence and declaration; a declared class can only raise the level."""
    return highest([*(one.level for one in findings), declared or DataClass.PUBLIC])
