"""What a change means for governance: rights, issuers, providers, groups, reviews, code (G.1, G.3, O.3).

The published policy objects are read back into keys of the contract, which declares for each key which
value is stricter. Anything without an order, or unknown here, is reported as changed: no change of policy
goes unreported.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from contract.in_force import IN_FORCE, declarations
from contract.keys import Declaration, keys_of, weaker
from contract.rights import Department, Findings, InspectionRules, Issuer, Organization, RoleLimits, Route
from kit.plan.difference import Change
from kit.plan_review.finding import Finding, Severity
from kit.plan_review.grants import Grant, grants, policy_documents
from kit.plan_review.watching import ALARM, DASHBOARD, watching

_OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
_DOMAINS = "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList"
_STATE_MACHINE = "aws:sfn/stateMachine:StateMachine"
_FUNCTION = "aws:lambda/function:Function"
GATEWAY_POLICY, SCIM_RULES = "policy/gateway.json", "policy/scim.json"
# Where Claude is served: Anthropic's own address and AWS's.
_KNOWN_HOSTS = (".anthropic.com", ".amazonaws.com", ".api.aws")
# Keys that admit someone, or let data out, when they are weaker or, without an order, something else.
_DOORS = frozenset(
    {
        "algorithms", "allowed_hosts", "canaries", "issuer", "metadata_file", "metadata_url",
        "required_claims", "required_scopes", "single_use", "truststore_uri",
    }
)  # fmt: skip
# Reading these, or writing those, is what the kit exists to restrict.
_CROWN_READS = ("kms:decrypt", "s3:getobject", "secretsmanager:getsecretvalue")
_CROWN_WRITES = (
    "dynamodb:putitem", "dynamodb:updateitem", "dynamodb:deleteitem", "dynamodb:batchwriteitem",
    "dynamodb:partiql", "kms:putkeypolicy", "kms:creategrant", "kms:schedulekeydeletion", "s3:deleteobject",
    "s3:putbucketpolicy", "s3:bypassgovernanceretention", "s3:putobject", "secretsmanager:putsecretvalue",
    "iam:", "sts:assumerole", "cloudtrail:stoplogging", "cloudtrail:deletetrail",
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """Finds what one change means. `roles` are the names of the roles that exist before it."""

    roles: frozenset[str]

    def __call__(self, change: Change) -> Iterator[Finding]:
        """Yield every finding about governance."""
        match change.type:
            case t if t == _OBJECT:
                yield from _object(change)
            case t if t == _DOMAINS:
                yield from _egress(change)
            case t if t == _STATE_MACHINE:
                yield from _workflow(change)
            case t if t == _FUNCTION:
                yield from _code(change)
            case t if t in {ALARM, DASHBOARD}:
                yield from watching(change)
        yield from self._new_rights(change)

    def _new_rights(self, change: Change) -> Iterator[Finding]:
        """A new document that grants an existing role access to a guarded resource."""
        if change.new is None or change.operation == "same":
            return
        inputs = change.new["inputs"]
        before = {path for path, _ in policy_documents((change.old or {}).get("inputs", {}))}
        role = str(inputs.get("role", "")).rsplit("/", 1)[-1]
        known = role in self.roles
        for path, document in policy_documents(inputs):
            if path in before or path.startswith("assumeRolePolicy"):
                continue
            for grant in sorted(grants(document, "Allow")):
                if not grant.principal and _is_guarded(grant):
                    severity: Severity = "critical" if known else "info"
                    whose = f"the existing role {role} may newly" if known else "a new role may"
                    yield Finding("guarded-right", severity, change.urn, f"{whose}: {grant}", path)


def judge(changes: Sequence[Change]) -> Callable[[Change], Iterator[Finding]]:
    """Return the governance rules for all changes of one plan."""
    roles = {
        str(change.old["inputs"].get("name", ""))
        for change in changes
        if change.type == "aws:iam/role:Role" and change.old is not None
    }
    return Judged(frozenset(roles - {""}))


def _is_guarded(grant: Grant) -> bool:
    action = grant.action.lower()
    return (
        grant.inverted
        or any(action.startswith(one) for one in (*_CROWN_READS, *_CROWN_WRITES))
        or "*" in action
    )


# -- policy objects


def _object(change: Change) -> Iterator[Finding]:
    before, after = _document(change.old), _document(change.new)
    if before == after or change.new is None or change.old is None:
        return
    key = str(change.new["inputs"].get("key", ""))
    if before is None or after is None:
        if _text(change.old) != _text(change.new):
            yield Finding("document-changed", "warning", change.urn, f"{key} says something else", "content")
        return
    say = _Said(change.urn)
    match key:
        case k if k == GATEWAY_POLICY:
            yield from _gateway_policy(say, before, after)
        case k if k == SCIM_RULES:
            yield from _scim_rules(say, before, after)
        case k if k.startswith(IN_FORCE):
            yield from _in_force(say, before, after)
        case _:
            yield from _whatever(say, key, before, after)


@dataclass(frozen=True)
class _Said:
    """Creates the findings of one resource."""

    urn: str

    def __call__(self, rule: str, severity: Severity, message: str, path: str = "content") -> Finding:
        return Finding(rule, severity, self.urn, message, path)


def _gateway_policy(say: _Said, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _declared(
        say, Organization, "organization", _map(before, "organization"), _map(after, "organization")
    )
    yield from _departments(say, _by(before, "departments", "id"), _by(after, "departments", "id"))
    yield from _models(say, _map(before, "models"), _map(after, "models"))
    yield from _providers(say, _by(before, "providers", "name"), _by(after, "providers", "name"))
    yield from _issuers(say, before.get("issuers") or [], after.get("issuers") or [])
    yield from _inspection(say, before, after)
    yield from _role_limits(say, _map(before, "role_limits"), _map(after, "role_limits"))
    old, new = _map(before, "role_sign_in"), _map(after, "role_sign_in")
    for role in sorted(old.keys() | new.keys()):
        yield from _sign_in(say, f"role {role}", old.get(role), new.get(role))
    known = {
        "organization", "departments", "models", "providers", "issuers", "inspection", "dictionary",
        "role_limits", "role_sign_in",
    }  # fmt: skip
    yield from _whatever(say, "the gateway policy", _without(before, known), _without(after, known))


def _departments(
    say: _Said, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        where = f"department {name}"
        if old is None and new is not None:
            classes = ", ".join(new.get("data_classes", ()))
            yield say("department-added", "info", f"{where} may use Claude with data of class {classes}")
        elif new is None:
            yield say("department-removed", "info", f"{where} may no longer use Claude")
        elif old is not None:
            yield from _declared(say, Department, where, old, new, leave=("findings", "sign_in"))
            yield from _sign_in(say, where, old.get("sign_in"), new.get("sign_in"))
            yield from _declared(
                say, Findings, where, _map(old, "findings"), _map(new, "findings"), by_file_name=True
            )


def _models(say: _Said, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    for alias in sorted(before.keys() & after.keys()):
        old, new = before[alias], after[alias]
        if old.get("model") != new.get("model"):
            yield say(
                "model-moved",
                "warning",
                f"{alias} is answered by {new.get('model')} instead of {old.get('model')}",
            )
        kept, opened = set(old.get("roles") or ()), set(new.get("roles") or ())
        if kept and (not opened or opened - kept):
            yield say(
                "model-opened", "warning", f"{alias} is open to more people than {', '.join(sorted(kept))}"
            )
    for alias in sorted(after.keys() - before.keys()):
        yield say("model-added", "info", f"{alias} stands for {after[alias].get('model')}")
    for alias in sorted(before.keys() - after.keys()):
        yield say("model-removed", "warning", f"{alias} is gone; who asks for it is refused")


def _providers(
    say: _Said, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    for name in sorted(after):
        old, new = before.get(name), after[name]
        host = urlsplit(str(new.get("base_url", ""))).hostname or ""
        was = urlsplit(str((old or {}).get("base_url", ""))).hostname or ""
        if host and host != was:
            foreign = not f".{host}".endswith(_KNOWN_HOSTS)
            message = f"every prompt that {name} answers goes to {host}" + (
                f" instead of {was}" if was else ""
            )
            yield say("provider-address", "critical" if foreign or old else "warning", message)
        if old is None:
            continue
        if old.get("inference_geo") != new.get("inference_geo"):
            message = f"{name} infers in {new.get('inference_geo') or 'any region'}"
            yield say(
                "inference-moved",
                "critical",
                f"{message} instead of {old.get('inference_geo') or 'any region'}",
            )
        yield from _declared(say, Route, f"provider {name}", old, new, leave=("base_url", "inference_geo"))
    for name in sorted(before.keys() - after.keys()):
        yield say("provider-removed", "warning", f"{name} no longer answers when another provider fails")


def _issuers(say: _Said, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Finding]:
    old = {_issuer_name(one): one for one in before}
    new = {_issuer_name(one): one for one in after}
    for name in sorted(new.keys() - old.keys()):
        yield say("issuer-added", "critical", f"anyone who holds a token of {name} may call")
    for name in sorted(old.keys() - new.keys()):
        yield say("issuer-removed", "info", f"tokens of {name} are no longer accepted")
    for name in sorted(old.keys() & new.keys()):
        yield from _declared(say, Issuer, f"issuer {name}", old[name], new[name], leave=("required_claims",))
        yield from _claims(say, name, _map(old[name], "required_claims"), _map(new[name], "required_claims"))


def _issuer_name(one: Mapping[str, Any]) -> str:
    """Audiences of the stage's own pool are known only after a deployment; the known fields identify the
    issuer.
    """
    audience = one.get("audience")
    claims = json.dumps(one.get("claims") or {}, sort_keys=True)
    whom = audience if isinstance(audience, str) else "the pool"
    return f"{one.get('issuer')} for {whom} as {one.get('principal')} {claims}"


def _claims(
    say: _Said, issuer: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Finding]:
    for claim, asked in sorted(before.items()):
        now = after.get(claim)
        if now is None:
            yield say(
                "claim-dropped", "critical", f"a token of {issuer} no longer needs {claim} to be {asked}"
            )
        elif now != asked and not _narrower(str(asked), str(now)):
            yield say(
                "claim-widened", "critical", f"a token of {issuer} may say {claim} {now} instead of {asked}"
            )


def _narrower(asked: str, now: str) -> bool:
    """Whether everything that `now` admits was admitted before."""
    return asked.endswith("*") and now.removesuffix("*").startswith(asked[:-1])


def _inspection(say: _Said, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    old, new = _map(before, "inspection"), _map(after, "inspection")
    yield from _declared(say, InspectionRules, "inspection", old, new, leave=("labels",))
    order = ("public", "internal", "restricted", "confidential")
    for label, level in sorted(_map(old, "labels").items()):
        now = _map(new, "labels").get(label)
        if now is None or order.index(now) < order.index(level):
            yield say(
                "label-lowered",
                "critical",
                f"texts with the label {label} count as {now or 'unlabelled'}, not {level}",
            )
    if before.get("dictionary") and not after.get("dictionary"):
        yield say("dictionary-gone", "critical", "protected terms are no longer looked for")
    elif before.get("dictionary") != after.get("dictionary"):
        approver = _map(after, "dictionary").get("approved_by", "nobody")
        yield say(
            "dictionary-changed", "warning", f"other protected terms are in force, approved by {approver}"
        )


def _role_limits(say: _Said, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    for role in sorted(before.keys() | after.keys()):
        yield from _declared(say, RoleLimits, f"role {role}", before.get(role) or {}, after.get(role) or {})


def _sign_in(
    say: _Said, where: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Iterator[Finding]:
    """What a sign-in must satisfy: weaker if one that was refused before would now be accepted."""
    old, new = before or {}, after or {}
    if old == new:
        return
    oldest, newest = old.get("max_age_minutes"), new.get("max_age_minutes")
    weaker_now = oldest is not None and (newest is None or newest > oldest)
    for name in ("methods", "contexts"):
        wanted, will_do = set(old.get(name) or ()), set(new.get(name) or ())
        weaker_now |= bool(wanted) and (not will_do or not will_do <= wanted)
    words = f"{where}: what a sign-in must have been: {_shown(after)} instead of {_shown(before)}"
    if weaker_now:
        yield say("sign-in-weaker", "critical", words)
    else:
        yield say("sign-in-stricter", "info", words)


# -- keys of the contract


def _declared(
    say: _Said,
    cls: type,
    where: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    leave: Iterable[str] = (),
    by_file_name: bool = False,
) -> Iterator[Finding]:
    """Yield every changed key of a declared class, and every other changed entry of the two documents."""
    left = set(leave)
    for one in keys_of(cls):
        name = one.file_name if by_file_name else one.name
        left.add(name)
        if one.name in leave:
            continue
        yield from _key(say, where, one, before.get(name, one.default), after.get(name, one.default))
    yield from _whatever(say, where, _without(before, left), _without(after, left))


def _key(say: _Said, where: str, one: Declaration, before: Any, after: Any) -> Iterator[Finding]:
    if _plain(before) == _plain(after):
        return
    rule = one.file_name.replace("_", "-")
    words = f"{where}: {one.key.says}: {_shown(after)} instead of {_shown(before)}"
    severity: Severity = "critical" if one.key.control or one.name in _DOORS else "warning"
    try:
        less = weaker(one.key, before, after)
    except (TypeError, ValueError):  # a value without an order counts as the weakest
        less = one.key.stricter is not None
    names = isinstance(before, str) and isinstance(after, str) and not one.key.choices
    if less and not names:
        yield say(f"{rule}-weaker", severity, words)
    elif one.key.stricter is not None and not names:
        yield say(f"{rule}-stricter", "info", words)
    else:
        yield say(f"{rule}-changed", severity, words)


def _in_force(say: _Said, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    """What the client's own settings say. A name that one side lacks belongs to a part that has an entry."""
    known = declarations()
    for name in sorted(before.keys() & after.keys() & known.keys()):
        yield from _key(say, name, known[name], before[name], after[name])


def _whatever(
    say: _Said, what: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Finding]:
    """Yield the entries that have no rule of their own."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield say("policy-changed", "warning", f"{what}: {name}: {_shown(new)} instead of {_shown(old)}")


# -- provisioning, egress, workflows, code


def _scim_rules(say: _Said, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    if before.get("onboarding_required") and not after.get("onboarding_required"):
        yield say("onboarding-dropped", "critical", "people get access before they finish their onboarding")
    old, new = _by(before, "groups", "group"), _by(after, "groups", "group")
    for group in sorted(new):
        yield from _group(say, group, old.get(group), new[group])
    for group in sorted(old.keys() - new.keys()):
        narrowed = old[group].get("data_classes") is not None
        severity: Severity = "critical" if narrowed else "info"
        yield say(
            "group-rule-removed",
            severity,
            f"the group {group} no longer decides anything"
            + (": its narrower data classes no longer hold" if narrowed else ""),
        )
    known = {"groups", "onboarding_required", "departments", "version"}
    yield from _whatever(say, "the rules of provisioning", _without(before, known), _without(after, known))


def _group(
    say: _Said, group: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]
) -> Iterator[Finding]:
    gained = set(new.get("roles") or ()) - set((old or {}).get("roles") or ())
    if gained:
        yield say("role-granted", "critical", f"everybody in {group} becomes {', '.join(sorted(gained))}")
    if old is None:
        if not gained:
            yield say(
                "group-rule-added",
                "warning",
                f"the group {group} decides the department {new.get('department')}",
            )
        return
    was, now = old.get("data_classes"), new.get("data_classes")
    if was is not None and (now is None or set(now) - set(was)):
        more = "all of the department's" if now is None else ", ".join(sorted(set(now) - set(was)))
        yield say("data-classes-weaker", "critical", f"people in {group} may use more data classes: {more}")
    if old.get("department") != new.get("department"):
        yield say("group-moved", "warning", f"people in {group} belong to {new.get('department')}")


def _egress(change: Change) -> Iterator[Finding]:
    if change.new is None:
        return
    gained = _domains(change.new) - _domains(change.old)
    for domain in sorted(gained if change.old is not None else ()):
        severity: Severity = "warning" if f".{domain}".rstrip(".").endswith(_KNOWN_HOSTS) else "critical"
        yield Finding("egress-opened", severity, change.urn, f"functions may reach {domain}", "domains")


def _domains(entry: Mapping[str, Any] | None) -> set[str]:
    return {str(one) for one in ((entry or {}).get("inputs", {}).get("domains") or ())}


def _workflow(change: Change) -> Iterator[Finding]:
    """A state machine that waits for a person in fewer places than before."""
    if change.old is None or change.new is None:
        return
    before, after = _states(change.old), _states(change.new)
    if before == after:
        return
    lost = [name for name, state in before.items() if _waits(state) and not _waits(after.get(name, {}))]
    for name in sorted(lost):
        yield Finding(
            "review-removed", "critical", change.urn, f"nobody is waited for at {name}", "definition"
        )
    if not lost:
        yield Finding(
            "workflow-changed", "warning", change.urn, "the steps of the workflow change", "definition"
        )


def _states(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    definition = entry["inputs"].get("definition")
    try:
        parsed = json.loads(definition) if isinstance(definition, str) else definition
    except ValueError:
        return {}
    return dict(_nested(parsed or {}))


def _nested(machine: Any) -> Iterator[tuple[str, Any]]:
    """Yield all states, including those of parallel branches and maps."""
    if isinstance(machine, Mapping):
        for name, state in (machine.get("States") or {}).items():
            yield name, state
            for branch in [*(state.get("Branches") or ()), state.get("Iterator"), state.get("ItemProcessor")]:
                yield from _nested(branch)


def _waits(state: Mapping[str, Any]) -> bool:
    return ".waitForTaskToken" in str(state.get("Resource", ""))


def _code(change: Change) -> Iterator[Finding]:
    if change.old is None or change.new is None:
        return
    before, after = _archive(change.old), _archive(change.new)
    if before.get("sha256") != after.get("sha256"):
        said = f"its code differs: {after.get('files')} files, {str(after.get('sha256'))[:12]}"
        yield Finding(
            "code-changed",
            "warning",
            change.urn,
            f"{said} instead of {str(before.get('sha256'))[:12]}",
            "code",
        )


def _archive(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return _map(_map(entry["inputs"], "code"), "$archive")


# -- reading


def _text(entry: Mapping[str, Any] | None) -> Any:
    return (entry or {}).get("inputs", {}).get("content")


def _document(entry: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    text = _text(entry)
    if isinstance(text, Mapping):  # only partly known
        return text
    try:
        parsed = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return parsed if isinstance(parsed, Mapping) else None


def _map(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def _by(document: Mapping[str, Any], name: str, key: str) -> dict[str, Mapping[str, Any]]:
    return {str(one.get(key)): one for one in document.get(name) or () if isinstance(one, Mapping)}


def _without(document: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    left = set(names)
    return {name: value for name, value in document.items() if name not in left}


def _plain(value: Any) -> Any:
    """Treat tuples and lists alike; the order of a set of words does not matter."""
    if isinstance(value, tuple | list):
        return sorted(map(str, value))
    return value


def _shown(value: Any) -> str:
    if value is None or value in ("", [], (), {}):
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
