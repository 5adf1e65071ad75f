"""Composition of the gateway: the implementation of each step."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from lambdas.common.clock import Clock, utc_now
from lambdas.common.documents import DocumentSource
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import Store
from lambdas.common.ledger.token_uses import TokenUses
from lambdas.common.policy import PolicyUnavailable, PolicyWatch
from lambdas.common.prices import PriceList
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessLog
from lambdas.gateway.answered import Answered
from lambdas.gateway.authenticate import ENDED, AuthenticationError, refuse_repeated
from lambdas.gateway.batches import Batches
from lambdas.gateway.belongings import Belongings
from lambdas.gateway.budget_requests import BudgetRequests
from lambdas.gateway.call import Caller, Calls
from lambdas.gateway.count_tokens import CountTokens
from lambdas.gateway.dry_run import DryRun
from lambdas.gateway.embeddings import EmbeddingsEndpoint
from lambdas.gateway.errors import ApiError
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.feedback import Feedback
from lambdas.gateway.gate import CallerRates, Gate
from lambdas.gateway.inspection import InspectionStep
from lambdas.gateway.inspection_mistakes import InspectionMistakes
from lambdas.gateway.me import Me
from lambdas.gateway.messages import Messages
from lambdas.gateway.own_records import OwnRecords
from lambdas.gateway.prompts import PromptRegistry
from lambdas.gateway.providers.credentials import BearerKey
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import HttpTransport
from lambdas.gateway.providers.user_sessions import Attribution
from lambdas.gateway.record import Audit, Recorder
from lambdas.gateway.refusal_counts import RefusalCounts
from lambdas.gateway.request_rules import ContractWatch, RequestRules
from lambdas.gateway.reserve import Ledger, Reserver
from lambdas.gateway.session_care import SessionCare
from lambdas.gateway.settings import GatewaySettings
from lambdas.gateway.settle import Settler
from lambdas.gateway.sign_out import SignOut
from lambdas.gateway.switch_state import SwitchState
from lambdas.gateway.turns import Turns
from lambdas.gateway.uses import Uses

if TYPE_CHECKING:
    from lambdas.gateway.files.endpoint import Files
    from lambdas.gateway.files.quarantine import Quarantine
    from lambdas.gateway.skills import Skills

_LONG_BODIES = 4


class Authenticator(Protocol):
    """Identifies callers; `force_refresh` bypasses caches.

    Raises `AuthenticationError` if the credential is missing or invalid.
    """

    async def authenticate(
        self, headers: dict[bytes, bytes], peer: str = "", *, force_refresh: bool = False
    ) -> Principal: ...


async def _no_key() -> str:
    raise RuntimeError("embeddings have no key")


class Gateway:
    """A composed gateway. `start` and `stop` belong to the server's lifespan."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        policy: PolicyWatch,
        authenticator: Authenticator,
        inspection: InspectionStep,
        ledger: Ledger,
        prices: PriceList,
        audit: Audit,
        providers: Providers,
        transport: HttpTransport,
        access_log: AccessLog,
        batch_store: Store,
        prompts: PromptRegistry,
        aws_credentials: Callable[[Attribution], Awaitable[Any]],
        embeddings_key: Callable[[], Awaitable[str]] = _no_key,
        quarantine: "Callable[[], Quarantine] | None" = None,
        contract_additions: DocumentSource | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.settings = settings
        self.policy = policy
        self.access_log = access_log
        self.prompts = prompts
        self._authenticator = authenticator
        self._transport = transport
        self._audit = audit
        self._inspection = inspection
        self.exceptions = inspection.exceptions
        self.turns = inspection.turns
        # from reading to verdict: a parsed body is many times its size in memory
        self.long_bodies = Turns(_LONG_BODIES)
        self._tasks: list[asyncio.Task[None]] = []
        caller = Caller(transport, settings.deadlines)
        calls = Calls(settings.concurrent_calls)
        self.own_records = OwnRecords(batch_store, clock)
        reserver, settler, recorder = (
            Reserver(ledger, prices, clock, inspection.turns),
            Settler(ledger, prices),
            Recorder(audit, access_log, RefusalCounts(batch_store, clock), self.own_records, clock),
        )
        self.gate = gate = Gate(policy, ledger, CallerRates(clock))
        self.contract = ContractWatch(
            contract_additions, lambda text: access_log.event("request-contract", message=text)
        )
        rules = RequestRules(self.contract, access_log)
        answered = Answered(batch_store, policy)
        belongings = Belongings(batch_store, clock)
        self.mistakes = InspectionMistakes(recorder, answered, batch_store, clock)
        sessions = SessionCare(ledger, batch_store, clock)
        self.messages = Messages(
            policy,
            rules,
            inspection,
            reserver,
            settler,
            recorder,
            providers,
            caller,
            calls,
            settings.deadlines,
            sessions,
            belongings,
        )
        self.count_tokens = CountTokens(
            policy,
            gate,
            rules,
            recorder,
            inspection,
            providers,
            caller,
            calls,
            settings.deadlines,
            belongings,
        )
        self.embeddings = EmbeddingsEndpoint(
            policy,
            inspection,
            reserver,
            settler,
            recorder,
            calls,
            transport,
            settings.deadlines,
            aws_credentials,
            settings.region,
            BearerKey(embeddings_key),
            settings.bedrock_endpoint_url,
            settings.has_bedrock,
        )
        self.batches = Batches(
            policy,
            gate,
            rules,
            inspection,
            reserver,
            settler,
            recorder,
            providers,
            caller,
            calls,
            settings.deadlines,
            batch_store,
            belongings,
        )

        # what few calls need is imported and created on first use
        def files() -> "Files":
            from lambdas.gateway.files.endpoint import Files

            return Files(
                policy=policy,
                gate=gate,
                rules=rules,
                inspection=inspection,
                recorder=recorder,
                providers=providers,
                caller=caller,
                calls=calls,
                deadlines=settings.deadlines,
                store=batch_store,
                clock=clock,
                body_limit=settings.body_limit,
                body_seconds=settings.body_seconds,
                quarantine=quarantine() if quarantine is not None else None,
            )

        def skills() -> "Skills":
            from lambdas.gateway.skills import Skills

            return Skills(policy, gate, rules, providers, caller, settings.deadlines)

        self._make_files, self._make_skills = files, skills
        self.uses = Uses(recorder, answered)
        self.feedback = Feedback(recorder, answered, batch_store, clock)
        self.sign_out = SignOut(TokenUses(batch_store, clock))
        self.dry_run = DryRun(policy, gate, inspection)
        self.me = Me(policy, ledger, sessions, clock)
        self.budget_requests = BudgetRequests(batch_store, clock)
        self.switch_state = SwitchState(batch_store)

    @cached_property
    def files(self) -> "Files":
        """Return the handler of routes below /v1/files."""
        return self._make_files()

    @cached_property
    def skills(self) -> "Skills":
        """Return the handler of routes below /v1/skills."""
        return self._make_skills()

    async def start(self) -> None:
        """Read the policy and keep it current. Without a policy, a gateway starts and refuses calls until
        it has one.
        """
        if not self._tasks:
            await asyncio.gather(self.policy.refresh(), self.contract.catch_up(), self.exceptions.catch_up())
            self._tasks.append(asyncio.create_task(self.policy.run()))
            self._tasks.append(asyncio.create_task(self.contract.run()))
            self._tasks.append(asyncio.create_task(self.exceptions.run()))

    async def stop(self) -> None:
        """Stop polling, close idle connections, send pending copies of records."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._transport.close()
        await asyncio.to_thread(self._inspection.close)
        await asyncio.to_thread(self._audit.close)

    def not_ready(self) -> str:
        """Return what is missing before calls can be accepted, or an empty text."""
        try:
            self.policy.current()
        except PolicyUnavailable:
            return "policy"
        return ""

    async def authenticate(self, exchange: Exchange, *, force_refresh: bool = False) -> Principal:
        """Return the caller.

        Raises `ApiError` 401 (403 if access has ended), or 503 if identities cannot be verified.
        """
        try:
            refuse_repeated(exchange.raw_headers)
            return await self._authenticator.authenticate(
                exchange.headers, exchange.peer, force_refresh=force_refresh
            )
        except AuthenticationError as error:
            if error.reason == ENDED:
                raise ApiError(
                    403, errors.PERMISSION, self._with_help(error), reason="access", retry=False
                ) from None
            raise ApiError(401, errors.AUTHENTICATION, str(error), reason="credential", retry=False) from None
        except Exception:  # whatever the identity store raises: nobody passes unchecked
            raise errors.control_unavailable("identity store") from None

    def _with_help(self, error: AuthenticationError) -> str:
        """Return the message for somebody whose access has ended, with a link to the help page."""
        try:
            help_url = self.policy.current().help_url
        except PolicyUnavailable:
            help_url = None
        return f"{error} Help: {help_url}" if help_url else str(error)
