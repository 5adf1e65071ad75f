"""Renders plans and their differences as text for people, and differences as a document for machines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from kit.evaluation.graph import STACK_TYPE, Graph, Resource, unwrapped
from kit.plan.difference import Change, Difference, PropertyChange
from kit.plan.document import shown

DIFFERENCE_SCHEMA = "kit-difference/1"
_WIDEST_VALUE = 100
_SIGNS = {
    "create": "+",
    "read": "<",
    "update": "~",
    "may replace": "±?",
    "replace": "±",
    "delete": "-",
    "same": " ",
}
_COLOURS = {
    "create": "green",
    "update": "yellow",
    "may replace": "magenta",
    "replace": "magenta",
    "delete": "red",
}
_VERBS = {
    "create": "add",
    "read": "read",
    "update": "change",
    "may replace": "may replace",
    "replace": "replace",
    "delete": "delete",
    "same": "keep",
}

# Where "off" means nothing: only some buckets lock, and AWS rotates no signing key.
_NEVER_OFF = {"objectLockEnabled", "enableKeyRotation"}

# What a reader of a plan looks for first, by type: (words, path of the input).
_FACTS: dict[str, tuple[tuple[str, str], ...]] = {
    "aws:apigateway/stage:Stage": (("stage", "stageName"),),
    "aws:budgets/budget:Budget": (("limit", "limitAmount"), ("", "limitUnit"), ("per", "timeUnit")),
    "aws:cloudtrail/trail:Trail": (
        ("multi-region", "isMultiRegionTrail"),
        ("log file validation", "enableLogFileValidation"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (("days", "retentionInDays"),),
    "aws:dynamodb/table:Table": (
        ("", "name"),
        ("point-in-time recovery", "pointInTimeRecovery.enabled"),
        ("deletion protection", "deletionProtectionEnabled"),
    ),
    "aws:iam/role:Role": (("", "name"),),
    "aws:kms/key:Key": (("rotation", "enableKeyRotation"), ("usage", "keyUsage")),
    "aws:lambda/function:Function": (("", "name"), ("MB", "memorySize"), ("s", "timeout")),
    "aws:s3/bucket:Bucket": (("", "bucket"), ("object lock", "objectLockEnabled")),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": (
        ("", "rule.defaultRetention.mode"),
        ("days", "rule.defaultRetention.days"),
        ("years", "rule.defaultRetention.years"),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": (("", "key"),),
    "aws:secretsmanager/secret:Secret": (("", "name"),),
    "aws:sns/topic:Topic": (("", "name"),),
    "aws:sqs/queue:Queue": (("", "name"),),
}


def show_plan(graphs: Sequence[Graph], assumed: Sequence[str], console: Console | None = None) -> None:
    """Print the plan of each stack as a tree by component, with counts."""
    console = console or Console(highlight=False)
    for graph in graphs:
        tree = [Text(graph.stack, style="bold"), *plan_tree(graph)]
        _line(console, Text("\n").join(tree))  # in one write: line by line takes twice as long
        for severity, message in graph.messages:
            _line(console, Text(f"  {severity}: {message}", style="yellow"))
        console.print()
    for graph in graphs:
        _line(console, Text(f"{graph.stack}: {counts_of(graph)}"))
    if assumed:
        _line(
            console,
            Text(
                f"The gates of {' and '.join(assumed)} are assumed to be open in this plan; "
                "`kit gate status` tells how they stand.",
                style="yellow",
            ),
        )


def plan_tree(graph: Graph) -> Iterator[Text]:
    """Yield the lines of the tree: components with their resources, each with the facts that reviewers look
    for.
    """
    children: dict[str | None, list[Resource]] = {}
    for resource in graph:
        children.setdefault(resource.parent, []).append(resource)
    roots = [resource for resource in graph if resource.type == STACK_TYPE]
    top = roots[0].urn if roots else None

    def walk(parent: str | None, prefix: str) -> Iterator[Text]:
        members = sorted(children.get(parent, ()), key=lambda r: (r.custom, r.name, r.type))
        for position, resource in enumerate(members):
            last = position == len(members) - 1
            yield _plan_line(resource, prefix + ("└─ " if last else "├─ "))
            yield from walk(resource.urn, prefix + ("   " if last else "│  "))

    yield from walk(top, "")


def counts_of(graph: Graph) -> str:
    """`41 resources in 6 components, 12 protected, 9 retained, 2 read`."""
    custom = [resource for resource in graph if resource.custom and not resource.read]
    components = [resource for resource in graph if not resource.custom and resource.type != STACK_TYPE]
    parts = [f"{len(custom)} resources in {len(components)} components"]
    for words, number in (
        ("protected", sum(resource.protected for resource in custom)),
        ("retained on delete", sum(resource.retained for resource in custom)),
        ("read", sum(resource.read for resource in graph)),
    ):
        if number:
            parts.append(f"{number} {words}")
    return ", ".join(parts)


def _plan_line(resource: Resource, prefix: str) -> Text:
    line = Text(prefix, style="dim")
    line.append(resource.name, style="bold" if not resource.custom else "default")
    line.append(f"  {short_type(resource.type)}", style="cyan")
    facts = list(_facts(resource))
    if facts:
        line.append("  " + ", ".join(facts), style="default")
    kept = [word for word, on in (("protect", resource.protected), ("retain", resource.retained)) if on]
    if kept:
        line.append(f"  [{' '.join(kept)}]", style="green")
    return line


def _facts(resource: Resource) -> Iterator[str]:
    for words, path in _FACTS.get(resource.type, ()):
        value: Any = unwrapped(resource.inputs)
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None or isinstance(value, Mapping):
            continue
        if isinstance(value, bool):
            if value or path not in _NEVER_OFF:
                yield f"{words} {'on' if value else 'OFF'}"
        elif words in ("MB", "s", "days", "years"):
            yield f"{value} {words}"
        else:
            yield f"{words} {value}".strip()


def short_type(token: str) -> str:
    """`aws:s3/bucket:Bucket` as `s3.Bucket`, `kit:index:AuditStore` as `AuditStore`."""
    package, module, name = (*token.split(":"), "", "")[:3]
    if package == "kit":
        return name
    service = module.split("/")[0]
    if package == "aws":
        return f"{service}.{name}"
    return f"{package}.{name}" if service in ("", "index", "pulumi") else f"{package}.{service}.{name}"


def show_difference(found: Difference, against: str, console: Console | None = None) -> None:
    """Print what changes, the most important first within each resource; lost protection stands out."""
    console = console or Console(highlight=False)
    if not found.effective:
        _line(console, Text(f"Nothing changes against {against}."))
        return
    for change in found.effective:
        _line(console, _change_line(change))
        for line in _property_lines(change):
            _line(console, line)
    console.print()
    counts = ", ".join(f"{count} to {_VERBS[name]}" for name, count in found.counts.items())
    _line(console, Text(f"Against {against}: {counts}."))
    lost = [change for change in found.changes if change.lost_safety and change.new is not None]
    if lost:
        _line(console, Text(f"{len(lost)} resources LOSE PROTECTION, marked !! above.", style="bold red"))
    _line(console, Text("Values of secrets are not in a plan, so a changed secret does not show."))


def _change_line(change: Change) -> Text:
    colour = _COLOURS.get(change.operation, "default")
    line = Text(f"{_SIGNS[change.operation]:<2} ", style=f"bold {colour}")
    line.append(change.name, style="bold")
    line.append(f"  {short_type(change.type)}", style="cyan")
    line.append(f"  {_VERBS[change.operation]}", style=colour)
    if change.old_urn:
        line.append(f"  (was {change.old_urn.rsplit('::', 1)[-1]}, kept by its alias)", style="dim")
    if change.operation in ("delete", "replace") and change.old is not None:
        if change.old["options"].get("protect"):
            line.append("  PROTECTED: Pulumi will refuse this", style="bold red")
        elif change.old["options"].get("retainOnDelete"):
            line.append("  the physical resource stays in the account", style="dim")
    return line


def _property_lines(change: Change) -> Iterator[Text]:
    for option in change.options:
        lost = change.new is not None and option.path in change.lost_safety
        mark, style = ("!! ", "bold red") if lost else ("   ", "default")
        text = f"   {mark}option {option.path}: {_brief(option.old)} → {_brief(option.new)}"
        yield Text(text + ("  PROTECTION LOST" if lost else ""), style=style)
    for prop in change.properties:
        note = {"replaces": "  (replaces)", "may replace": "  (may replace)"}.get(prop.effect, "")
        yield Text(f"      {prop.path}: {_value_change(prop)}{note}")


def _value_change(change: PropertyChange) -> str:
    if change.kind == "add":
        return f"+ {_brief(change.new)}"
    if change.kind == "delete":
        return f"- {_brief(change.old)}"
    return f"{_brief(change.old)} → {_brief(change.new)}"


def _brief(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, Mapping) and "$secret" in value:
        return "[secret]"
    if isinstance(value, Mapping) and "$unknown" in value:
        return "(known after deployment)"
    text = value if isinstance(value, str) else json.dumps(shown(value), sort_keys=True, ensure_ascii=False)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _WIDEST_VALUE else f"{text[: _WIDEST_VALUE - 1]}…"


def difference_document(found: Difference) -> dict[str, Any]:
    """Return the difference for machines: every change that has an effect, with full values (secrets
    masked).
    """
    return {
        "schema": DIFFERENCE_SCHEMA,
        "counts": found.counts,
        "changes": [
            {
                "urn": change.urn,
                "type": change.type,
                "name": change.name,
                "operation": change.operation,
                "oldUrn": change.old_urn,
                "protectionLost": list(change.lost_safety),
                "properties": [_property_entry(one) for one in change.properties],
                "options": [_property_entry(one) for one in change.options],
            }
            for change in found.effective
        ],
    }


def _property_entry(change: PropertyChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "kind": change.kind,
        "old": shown(change.old),
        "new": shown(change.new),
        "effect": change.effect,
    }


def _line(console: Console, line: Text) -> None:
    console.print(line, soft_wrap=True)
