"""A small engine that converges the emulated AWS to the Pulumi program.

It answers the evaluation (it is a `kit.evaluation.backends.Backend`) resource by resource, dependencies
first. Each resource is compared with the state of the last run and created, updated, replaced or left
alone; resources that are no longer registered are deleted at the end, dependents first. Types with a
handler (`kit.local.resources`) exist in the emulator; all others are recorded with predicted outputs.

The same class plans and applies: with `apply=False` nothing is changed and `steps` is the plan.
"""

import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import botocore.exceptions

from kit.aws_facts.lookups import answer
from kit.aws_facts.prediction import Account, predict
from kit.errors import ExitCode, KitError
from kit.evaluation.backends import stack_reference
from kit.evaluation.errors import EvaluationError
from kit.evaluation.graph import STACK_REFERENCE_TYPE, Graph, Resource, ResourceState, unwrapped
from kit.home import PROJECT_ROOT
from kit.local.resources import HANDLERS
from kit.local.resources.handler import Clients, Handler, Place
from kit.local.state import Entry, StackState
from kit.plan.difference import Change, difference
from kit.plan.document import resource_entry

Operation = Literal["same", "create", "restore", "update", "replace", "delete"]
_PROVIDER = "pulumi:providers:aws"
_NAMES = {"name", "bucket", "key", "namePrefix", "bucketPrefix", "alias", "domain"}


@dataclass(frozen=True)
class Step:
    """What happens to one resource, and which inputs cause it."""

    operation: Operation
    urn: str
    type: str
    name: str
    live: bool
    because: tuple[str, ...] = ()


class LocalBackend:
    """The engine's side of one evaluation of one stack.

    `clients` returns AWS clients of the emulator; it is called at the first live resource that must be
    looked up, so that planning a first run needs no emulator. `reported` is called with every completed
    step. `served` maps logical names to outputs of recorded resources that something local replaces.
    `standing` collects the URNs found to exist, which are not looked up again.
    """

    prompt = False  # most answers wait for the emulator

    def __init__(
        self,
        state: StackState,
        *,
        account: Account,
        clients: Callable[[], Clients],
        secret_key: bytes,
        stack_outputs: Mapping[str, Mapping[str, Any]] | None = None,
        apply: bool = False,
        reported: Callable[[Step], None] | None = None,
        handlers: Mapping[str, Handler] = HANDLERS,
        served: Mapping[str, Mapping[str, Any]] | None = None,
        standing: set[str] | None = None,
        root: Path = PROJECT_ROOT,
    ) -> None:
        self.state = state
        self.account = account
        self.steps: list[Step] = []
        self._clients = clients
        self._secret_key = secret_key
        self._stack_outputs = stack_outputs or {}
        self._apply = apply
        self._reported = reported or _unreported
        self._handlers = handlers
        self._served = served or {}
        self._standing = set() if standing is None else standing
        self._root = root
        self._regions: dict[str, str] = {}
        self._lock = threading.Lock()

    # -- the contract of an evaluation

    def register(self, resource: Resource) -> ResourceState:
        """Converge one resource. Raises EvaluationError, with the URN, if the emulator refuses."""
        if resource.type == _PROVIDER:
            self._regions[resource.urn] = str(resource.inputs.get("region") or self.account.region)
        handler = self._handlers.get(resource.type)
        wanted = self._wanted(resource, handler)
        old, change = self._known(wanted)
        operation = self._operation(old, change, wanted, handler)
        because = tuple(each.path for each in (*change.properties, *change.options)) if change else ()
        if old and operation == "update" and old.handler != wanted.handler:
            because += ("the kit's own handler",)
        step = Step(operation, wanted.urn, wanted.type, wanted.name, wanted.live, because)
        if old and operation == "replace":
            self._refuse_if_protected(old, "replaced", because)
        made = self._perform(step, resource, wanted, old, handler) if self._apply else None
        with self._lock:
            self.steps.append(step)
        self._reported(step)
        if not wanted.live:
            predicted = predict(resource, self.account)
            return replace(predicted, outputs={**predicted.outputs, **self._served.get(resource.name, {})})
        if made is None and old is not None and operation in ("same", "update"):
            made = old
        if made is None:
            return predict(resource, self.account)
        return ResourceState(made.id, {**resource.inputs, **made.computed})

    def read(self, resource: Resource) -> ResourceState:
        """Return the exports of an earlier stage; any other resource is assumed to exist as described."""
        if resource.type == STACK_REFERENCE_TYPE:
            return stack_reference(resource, self._stack_outputs)
        return ResourceState(str(resource.options.get("id", "")), dict(resource.inputs))

    def invoke(self, token: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what AWS would return for this account and region."""
        return answer(token, args, self.account)

    def finish(self, graph: Graph) -> None:
        """Delete what the program no longer registers, dependents first, and record the exports.

        Raises KitError for a protected resource, before anything is deleted.
        """
        gone = [entry for entry in self.state if entry.urn not in graph.resources]
        gone = [entry for entry in gone if entry.urn not in self._renamed(graph)]
        for entry in gone:
            self._refuse_if_protected(entry, "deleted", ())
        for entry in [*_dependents_first(gone), *self.state.condemned]:
            condemned = self.state.get(entry.urn) is not entry
            step = Step("delete", entry.urn, entry.type, entry.name, entry.live)
            if self._apply:
                if entry.live and not entry.options.get("retainOnDelete"):
                    with self._named_errors(entry.urn, "deleted"):
                        self._handlers[entry.type].delete(self._place(entry), entry.id, entry.inputs)
                if condemned:
                    self.state.absolve(entry)
                else:
                    self.state.drop(entry.urn)
            if not condemned:
                self.steps.append(step)
                self._reported(step)
        if self._apply:
            self.state.export(graph.exports)
            self.state.compact()

    # -- one resource

    def _wanted(self, resource: Resource, handler: Handler | None) -> Entry:
        shown = resource_entry(replace(resource, inputs=self._without_secrets(resource.inputs)), self._root)
        provider = str(resource.options.get("provider", "")).rpartition("::")[0]
        region = resource.inputs.get("region") or self._regions.get(provider) or self.account.region
        return Entry(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            inputs=shown["inputs"],
            options=_kept_options(shown["options"]),
            live=handler is not None,
            region=str(region),
            depends_on=tuple(resource.depends_on()),
            parent=resource.parent,
            handler=handler.digest if handler else "",
        )

    def _without_secrets(self, value: Any) -> Any:
        """Replace each secret by a keyed hash, so that a change still shows."""
        if isinstance(value, Mapping):
            if set(value) == {"$secret"}:
                text = repr(unwrapped(value)).encode()
                return {"$hash": hmac.new(self._secret_key, text, hashlib.sha256).hexdigest()}
            return {key: self._without_secrets(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._without_secrets(one) for one in value]
        return value

    def _known(self, wanted: Entry) -> tuple[Entry | None, Change | None]:
        """Return the resource as last made, under this URN or one of its aliases, and what has changed."""
        old = self.state.get(wanted.urn)
        if old is not None:
            candidates = [old]
        elif wanted.options.get("aliases") or wanted.options.get("aliasURNs"):
            candidates = list(self.state)
        else:
            return None, None
        found = difference(_plan(candidates), _plan([wanted])).changes
        change = next(each for each in found if each.urn == wanted.urn)
        if old is None and change.old_urn:
            old = self.state.get(change.old_urn)
        return old, change if old else None

    def _operation(
        self, old: Entry | None, change: Change | None, wanted: Entry, handler: Handler | None
    ) -> Operation:
        if old is None or change is None or (handler and not old.live):
            return "create"
        if change.operation in ("replace", "may replace") or old.region != wanted.region:
            return "replace"
        if handler and not self._exists(old, handler):
            return "restore"
        return "update" if change.properties or old.handler != wanted.handler else "same"

    def _exists(self, entry: Entry, handler: Handler) -> bool:
        if entry.urn not in self._standing:
            with self._named_errors(entry.urn, "looked up"):
                if not handler.exists(self._place(entry), entry.id, entry.inputs):
                    return False
            self._standing.add(entry.urn)
        return True

    def _perform(
        self, step: Step, resource: Resource, wanted: Entry, old: Entry | None, handler: Handler | None
    ) -> Entry:
        if step.operation == "same" and old is not None:  # at most its name or its options changed
            made = replace(wanted, id=old.id, computed=old.computed)
        else:
            made = self._made(step, resource, wanted, old, handler) if handler else wanted
        if made != old:
            create_first = handler is not None and step.operation == "replace" and _renames(step)
            self.state.put(made, replaces=old if create_first else None)
        if old is not None and old.urn != wanted.urn:
            self.state.drop(old.urn)
        return made

    def _made(
        self, step: Step, resource: Resource, wanted: Entry, old: Entry | None, handler: Handler
    ) -> Entry:
        place = self._place(wanted)
        known_id = old.id if old and step.operation == "update" else None
        with self._named_errors(wanted.urn, f"{step.operation}d"):
            if old and step.operation == "replace" and not _renames(step) and self._exists(old, handler):
                handler.delete(self._place(old), old.id, old.inputs)
            if known_id is None:
                self.state.begin(wanted.urn)
            id_, computed = handler.ensure(place, unwrapped(resource.inputs), known_id)
        return replace(wanted, id=id_, computed=computed)

    def _place(self, entry: Entry) -> Place:
        return Place(self._clients(), entry.region, self.account, entry.urn, self._root)

    def _renamed(self, graph: Graph) -> set[str]:
        """Return old URNs of resources that the program now registers under a new one."""
        renamed: set[str] = set()
        if any(self.state.get(urn) is None for urn in graph.resources):
            for resource in graph:
                if resource.options.get("aliases") and self.state.get(resource.urn) is None:
                    old, _ = self._known(self._wanted(resource, self._handlers.get(resource.type)))
                    renamed |= {old.urn} if old else set()
        return renamed

    def _refuse_if_protected(self, entry: Entry, what: str, because: tuple[str, ...]) -> None:
        if not entry.options.get("protect"):
            return
        reason = f" because {', '.join(because)} changed" if because else ""
        raise EvaluationError(
            f"{entry.name} ({entry.type}) is protected and would be {what}{reason}",
            urn=entry.urn,
            hint="take the change back, or start over with `kit down`, which removes the local data",
        )

    def _named_errors(self, urn: str, what: str) -> "_NamedErrors":
        return _NamedErrors(urn, what)


class _NamedErrors:
    """Turns errors of AWS clients into one message with the resource's name."""

    def __init__(self, urn: str, what: str) -> None:
        self._urn = urn
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        name = self._urn.rsplit("::", 1)[-1]
        match error:
            case botocore.exceptions.ClientError():
                found = error.response.get("Error", {})
                reason = found.get("Message") or found.get("Code") or "no reason given"
                raise EvaluationError(
                    f"{name} could not be {self._what}: {error.operation_name}: {reason}",
                    urn=self._urn,
                    hint="fix the cause, then run `kit up` again: it goes on from here",
                ) from None
            case botocore.exceptions.EndpointConnectionError() | botocore.exceptions.ConnectionClosedError():
                raise EvaluationError(
                    f"{name} could not be {self._what}: the emulated AWS does not answer",
                    urn=self._urn,
                    hint="read `kit logs emulator`, then run `kit up` again",
                    exit_code=ExitCode.ENVIRONMENT,
                ) from None
            case botocore.exceptions.BotoCoreError():
                raise EvaluationError(f"{name} could not be {self._what}: {error}", urn=self._urn) from None
            case KitError() | None:
                return
            case KeyError() | TypeError() | ValueError():
                raise EvaluationError(
                    f"{name} could not be {self._what}: {type(error).__name__}: {error}", urn=self._urn
                ) from error


def _unreported(step: Step) -> None:
    del step


def _renames(step: Step) -> bool:
    """Return whether old and new can coexist: the physical name is among the changes."""
    return any(path.split(".", 1)[0] in _NAMES for path in step.because)


def _kept_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that matter to later runs."""
    kept = ("protect", "retainOnDelete", "aliases", "aliasURNs", "ignoreChanges", "replaceOnChanges",
            "deleteBeforeReplace", "replacementTrigger")  # fmt: skip
    return {name: options[name] for name in kept if options.get(name)}


def _plan(entries: list[Entry]) -> dict[str, Any]:
    return {"stacks": [{"stack": "", "resources": [entry.document() for entry in entries]}]}


def _dependents_first(entries: list[Entry]) -> list[Entry]:
    """Return the entries, each before everything it depends on."""
    waiting = {entry.urn: entry for entry in entries}
    order: list[Entry] = []
    while waiting:
        needed = {urn for entry in waiting.values() for urn in entry.depends_on}
        free = [urn for urn in sorted(waiting) if urn not in needed] or sorted(waiting)[:1]
        order += [waiting.pop(urn) for urn in free]
    return order
