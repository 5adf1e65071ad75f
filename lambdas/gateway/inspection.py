"""Inspection of a request before anything leaves, with refusals that people understand (G.1, G.2, L2.3,
L2.4).

`lambdas/inspection` decides what is found and what follows; this step runs it for a caller and turns its
decision into a verdict on the call. A request that cannot be inspected is not sent (fail closed).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from lambdas.common.clock import Clock, utc_now
from lambdas.common.documents import WideningDocument
from lambdas.common.identities import Principal
from lambdas.common.inspection_exceptions import InspectionException, in_force, parse_exceptions
from lambdas.common.policy import DATA_CLASSES, Department, InspectionRules
from lambdas.gateway import errors
from lambdas.gateway.answer_filter import AnswerFilter
from lambdas.gateway.dictionary import DictionaryWatch
from lambdas.gateway.errors import ApiError, Header
from lambdas.gateway.inspection_process import InspectionProcess
from lambdas.gateway.json_body import JsonBody
from lambdas.gateway.publications import Publications
from lambdas.gateway.refusal_text import explained
from lambdas.gateway.turns import LIGHT_BYTES, Turns
from lambdas.gateway.verdict import Declaration, Judged, Leniency, Verdict, judge
from lambdas.inspection import Action, AnswerPolicy, DataClass, Inspection, Inspector, KnownFile
from lambdas.inspection import AnswerFilter as DepartmentFilter
from lambdas.inspection.second_stage import SecondStage, SecondStageFilter

# Maximum size inspected in a thread of the gateway, mostly known to its cache, such as the next turn of an
# agent. Anything larger goes to a separate process, because a thread takes the interpreter from all other
# calls.
_IN_THREAD_BYTES = 1 << 20
_IN_THREAD_SECONDS = 0.25
_LONGEST_SOURCE = 200  # characters of a place of publication

_STOPS = (Action.BLOCK.value, Action.WITHHOLD.value)


def read_declaration(headers: Mapping[bytes, bytes]) -> Declaration:
    """Return the declaration in the request's headers.

    Raises `ApiError` 400 for a class that does not exist, and for an invalid place of publication.
    """
    declared = headers.get(b"x-data-class")
    data_class = declared.decode("latin-1").strip().lower() if declared else None
    if data_class is not None and data_class not in DATA_CLASSES:
        raise errors.invalid_request(f"x-data-class: must be one of {', '.join(DATA_CLASSES)}")
    published = " ".join(headers.get(b"x-published-at", b"").decode("latin-1").split())
    if published and data_class != "public":
        raise errors.invalid_request("x-published-at: counts only with x-data-class: public")
    if len(published) > _LONGEST_SOURCE or not published.isprintable():
        raise errors.invalid_request(f"x-published-at: at most {_LONGEST_SOURCE} printable characters")
    reviewed = headers.get(b"x-human-review", b"").strip().lower() == b"true"
    return Declaration(data_class, reviewed, published)


class InspectionStep:
    """Runs one inspector for all calls of a process.

    `rules` returns the current policy's labels, canaries and hosts; `count` receives each kind of finding
    in a request: department, kind, action. A long request waits for its turn among the callers (`turns`).
    One that would block other calls, and any beyond `in_thread_bytes`, is inspected in `process`; a runtime
    with one request at a time has none. `exceptions` are excepted findings; `publications` counts public
    declarations.
    """

    def __init__(
        self,
        inspector: Inspector,
        dictionary: DictionaryWatch | None = None,
        second_stage: SecondStage | None = None,
        count: Callable[[str, str, str], None] = lambda *_: None,
        rules: Callable[[], InspectionRules] = InspectionRules,
        process: InspectionProcess | None = None,
        in_thread_bytes: int = _IN_THREAD_BYTES,
        exceptions: WideningDocument[tuple[InspectionException, ...]] | None = None,
        publications: Publications | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._inspector = inspector
        self._dictionary = dictionary
        self._second_stage = second_stage
        self._count = count
        self._rules = rules
        self._process = process
        self._in_thread_bytes = in_thread_bytes
        self.exceptions = exceptions or WideningDocument(None, parse_exceptions, ())
        self._publications = publications
        self._clock = clock
        self.turns = Turns()
        self._process_turns = Turns()

    async def verdict(
        self,
        body: JsonBody,
        department: Department,
        principal: Principal,
        declaration: Declaration,
        *,
        counted: bool = True,
        files: tuple[KnownFile, ...] = (),
    ) -> Verdict:
        """Return the verdict on a request that names `files`; a trial is not `counted`.

        Raises `ApiError` 503 if inspection itself fails, 429 or 503 if it is too long given what is
        pending.
        """
        if principal.data_classes is not None:
            narrowed = tuple(one for one in department.data_classes if one in principal.data_classes)
            department = replace(department, data_classes=narrowed)
        try:
            await self._follow_policy()
            exceptions = in_force(self.exceptions.current(), department.id, self._clock())
            call = Leniency(exceptions, files=files)
            judged, inspection = await self._judged(body, department, principal, declaration, call)
            if declaration.published_at and self._publications and judged.action in _STOPS:
                await self._publications.declare(principal, department)
                call = replace(call, published_at=declaration.published_at)
                judged, inspection = await self._judged(body, department, principal, declaration, call)
            if self._second_stage is not None and judged.verdict.allowed and inspection is not None:
                judged = await asyncio.to_thread(
                    self._second, self._second_stage, inspection, body, department, declaration, call
                )
        except ApiError:
            raise
        except Exception:  # a defect in inspection must not let a request through
            raise errors.control_unavailable("inspection") from None
        for kind in judged.kinds if counted else ():
            self._count(department.id, kind, judged.action)
        return judged.verdict

    def close(self) -> None:
        """Stop the process for long inspections."""
        if self._process is not None:
            self._process.close()

    async def _judged(
        self,
        body: JsonBody,
        department: Department,
        principal: Principal,
        declaration: Declaration,
        leniency: Leniency,
    ) -> tuple[Judged, Inspection | None]:
        inspector, process, size = self._inspector, self._process, len(body.raw)
        if process is None or size <= self._in_thread_bytes:
            seconds = _IN_THREAD_SECONDS if process is not None and size > LIGHT_BYTES else None
            here = await self.turns.run(
                principal.id, size, _judge, inspector, body, department, declaration, leniency, seconds
            )
            if process is None or here[1].failure != "timeout":
                return here
        async with self._process_turns.turn(principal.id, size):
            return await asyncio.to_thread(
                process.judge,
                inspector.config,
                body,
                department,
                declaration,
                leniency,
                wants_inspection=self._second_stage is not None,
            )

    def _second(
        self,
        second_stage: SecondStage,
        first: Inspection,
        body: JsonBody,
        department: Department,
        declaration: Declaration,
        leniency: Leniency,
    ) -> Judged:
        return judge(second_stage.inspect(body.fields, first), body, department, declaration, leniency)

    async def _follow_policy(self) -> None:
        """Return an inspector with the dictionary and labels now in force."""
        config = self._inspector.config
        dictionary = await self._dictionary.current() if self._dictionary else config.dictionary
        rules = self._rules()
        regions = frozenset(rules.identity_regions)
        if (
            dictionary is not config.dictionary
            or rules.labels != config.labels
            or regions != config.identity_regions
        ):
            classes = {one: DataClass(level) for one, level in rules.labels.items()}
            self._inspector = Inspector(
                replace(config, dictionary=dictionary, labels=classes, identity_regions=regions)
            )

    def answer_filter(
        self, department: Department, restricted: frozenset[str] = frozenset()
    ) -> AnswerFilter | None:
        """Return a filter for one answer, or None if the department's answers pass unfiltered.

        `restricted` are hashes of the restricted values in the request.
        """
        if not department.redact_output:
            return None
        rules = self._rules()
        policy = AnswerPolicy(canaries=rules.canaries, allowed_hosts=rules.allowed_hosts, known=restricted)
        own = DepartmentFilter(self._inspector, policy)
        if self._second_stage is None:
            return own
        return SecondStageFilter(own, self._second_stage, policy)


def _judge(
    inspector: Inspector,
    body: JsonBody,
    department: Department,
    declaration: Declaration,
    leniency: Leniency,
    seconds: float | None,
) -> tuple[Judged, Inspection]:
    inspection = inspector.inspect_request(body.fields, declaration.data_class, seconds=seconds)
    return judge(inspection, body, department, declaration, leniency), inspection


def refusal(verdict: Verdict, headers: Mapping[bytes, bytes], help_url: str | None) -> ApiError:
    """Return the answer to a request that inspection blocked: what, where in the caller's words, what to
    do.
    """
    message = explained(verdict.message, verdict.body.fields, headers, help_url)
    return errors.policy_refusal(message, verdict.reason)


def review_headers(verdict: Verdict) -> list[Header]:
    """Return headers that tell the caller that a person must review the answer before use (L3.4, G.2)."""
    return [(b"x-human-review", b"required")] if verdict.requires_review else []
