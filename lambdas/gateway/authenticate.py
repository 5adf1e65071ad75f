"""Authentication (L1.3, G.4): people and applications with tokens, virtual keys, AWS roles (SigV4).

However callers authenticate, their rights come from their live access record and never from the credential,
so that changes take effect immediately. Verified tokens and records are cached for a few seconds, because a
store lookup for every call would cost more than everything else; each reservation reads the record again,
so leavers and signed-out people are refused at the next call nevertheless. Tokens of an issuer with
`single_use` are consumed by their first request.

Identity headers, which assert an identity without proof, are trusted from two sources only:
* API Gateway, for SigV4 callers, if the gateway is a function behind it;
* a Claude apps gateway in front that authenticated with a key whose record has the role `identity-hop`.
From anybody else such headers are an attempted impersonation and refused.
"""

import asyncio
import hashlib
import ipaddress
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from lambdas.common.access import AccessRecord, AccessRecords, NameKind, user_key
from lambdas.common.bindings import Bindings, subject_hash
from lambdas.common.claim_rules import claim
from lambdas.common.clock import Clock, utc_now
from lambdas.common.identities import Principal
from lambdas.common.ledger.token_uses import TokenUses, session_name, use_name
from lambdas.common.policy import GatewayPolicy, Issuer
from lambdas.common.sign_in_rules import SignInFacts, unmet
from lambdas.common.tokens import (
    LEEWAY_SECONDS,
    LONGEST_TOKEN,
    KeySets,
    TokenRefused,
    TokenVerifier,
    Verified,
    began_at,
    emulated_key_set_url,
)
from lambdas.common.virtual_keys import PREFIX, is_well_formed, key_record_pk, workload_record_pk
from lambdas.gateway.accounts import Accounts, ForeignSubject

VERIFIED_SECONDS = 600.0  # after which a token is verified again, because its key may have been withdrawn
RECORD_SECONDS = 5.0  # how long a record is trusted outside the ledger
_MOST_RECORDS = 50_000
_MOST_TOKENS = 20_000
KEY_ISSUER = "virtual-key"
IAM_ISSUER = "aws:iam"
HOP_ROLE = "identity-hop"
_CONTEXT = b"x-amzn-request-context"
_USER_EMAIL = b"x-claude-gateway-user-email"
_IDENTITY_HEADERS = (_USER_EMAIL, b"x-claude-gateway-user-id")
_ONCE = frozenset({b"authorization", b"x-api-key", _CONTEXT, *_IDENTITY_HEADERS})
ENDED = "access_ended"  # reason shown to identified callers only
_WRONG = "The credential is missing or wrong."
_ENDED = "Your access to Claude has ended."
_PENDING = "Your onboarding is not finished: sign in at the portal and take the first steps."
_FOREIGN = "This account is not the one that your access belongs to. Ask your Center of Excellence."
_SIGNED_OUT = "You have signed out. Sign in again."

Value = TypeVar("Value")
Announce = Callable[[dict[str, Any]], Awaitable[None]]  # takes a record, which is durable on return


class AuthenticationError(Exception):
    """The credential is missing or invalid; the message may be shown to the caller. `reason` is a fixed
    word.
    """

    def __init__(self, message: str = _WRONG, *, reason: str = "credential") -> None:
        super().__init__(message)
        self.reason = reason


class Policies(Protocol):
    """Source of the issuers. Raises `PolicyUnavailable`."""

    def current(self) -> GatewayPolicy: ...


class Lookup(NamedTuple):
    """How to find the access record behind a credential: by its `pk`, or by a person's name.

    If an issuer identifies a person, `account` is the hash of issuer and subject, which decides once it is
    bound.
    """

    by: Literal["pk", "user-name", "external-id"]
    name: str
    issuer: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Hops:
    """Which neighbours are trusted to describe the caller: `api_gateway` only on Lambda behind it;
    `proxies` are the load balancers whose X-Forwarded-For is used.
    """

    api_gateway: bool = False
    proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()


class _Verified(NamedTuple):
    """What a credential has proved.

    `session` and `use` are as named by `token_uses`, or empty; `expires_at` includes the leeway; `began_at`
    is the time of the sign-in, or 0 if not stated.
    """

    lookup: Lookup
    issuer: str
    expires_at: float = 0.0
    began_at: float = 0.0
    session: str = ""
    use: str = ""
    sign_in: SignInFacts = SignInFacts()


def refuse_repeated(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise `AuthenticationError` if an identity header is repeated: two readers might trust different
    values.
    """
    seen: set[bytes] = set()
    for name, _ in headers:
        if name in _ONCE:
            if name in seen:
                raise AuthenticationError(reason="repeated_header")
            seen.add(name)


def presented(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the credential in `x-api-key` or `authorization: Bearer`, or None.

    Claude Code sends the same one in both; two different ones are refused.
    """
    key = headers.get(b"x-api-key", b"")
    scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
    bearer = bearer.strip() if scheme.lower() == b"bearer" else b""
    if key and bearer and key != bearer:
        raise AuthenticationError(reason="two_credentials")
    given = bearer or key
    if not given:
        return None
    if len(given) > LONGEST_TOKEN:
        raise AuthenticationError(reason="too_long")
    try:
        return given.decode("ascii")
    except UnicodeDecodeError:
        raise AuthenticationError from None


class Authenticator:
    """Identifies the caller of a request. One per process."""

    def __init__(
        self,
        *,
        policy: Policies,
        records: "LiveRecords",
        pepper: Callable[[], bytes],
        verifier: TokenVerifier,
        hops: Hops | None = None,
        uses: TokenUses | None = None,
        clock: Clock = utc_now,
        monotonic_clock: Callable[[], float] = monotonic,
    ) -> None:
        """Without `uses`, tokens are not consumed and neither ended sessions nor weak sign-ins are
        detected.

        That is for the authorizer at the edge; the gateway then decides again.
        """
        self._policy = policy
        self._records = records
        self._pepper = pepper
        self._verifier = verifier
        self._hops = hops or Hops()
        self._uses = uses
        self._sessions: _Kept[bool] = _Kept(RECORD_SECONDS, _MOST_TOKENS, monotonic_clock)
        self._clock = clock
        self._tokens: OrderedDict[bytes, tuple[_Verified, float]] = OrderedDict()  # and until when
        self._issuers: tuple[Issuer, ...] = ()

    async def authenticate(
        self, headers: dict[bytes, bytes], peer: str = "", *, force_refresh: bool = False
    ) -> Principal:
        """Return the caller; `peer` is the address of the connection.

        With `force_refresh`, for a request that was accepted before, the record is read again. Raises
        `AuthenticationError`, and whatever the stores of keys, policy, records and uses raise.
        """
        context = _request_context(headers) if self._hops.api_gateway else {}
        credential = presented(headers)
        if credential is None:
            proved = self._iam_caller(context)
        elif credential.startswith(PREFIX):
            proved = _Verified(self._key(credential), KEY_ISSUER)
        else:
            proved = await self._token(credential)
        record = await self._live(proved.lookup, force_refresh)
        if record.signed_out_at is not None and proved.began_at <= record.signed_out_at.timestamp():
            raise AuthenticationError(_SIGNED_OUT, reason=ENDED)
        if record.networks:
            self._check_network(record.networks, headers, context, peer)
        if any(name in headers for name in _IDENTITY_HEADERS):
            record = await self._behind_hop(record, headers, force_refresh)
        if proved.session:
            await self._check_session(proved.session, force_refresh)
        if proved.use and not force_refresh:
            await self._use(proved)
        if self._uses is not None and record.kind == "person":
            self._check_sign_in(record, proved.sign_in)
        return _principal(record, proved)

    def _key(self, key: str) -> Lookup:
        if not is_well_formed(key):
            raise AuthenticationError(reason="key_shape")
        return Lookup("pk", key_record_pk(key, self._pepper()))

    async def _token(self, token: str) -> _Verified:
        issuers = self._policy.current().issuers
        if issuers is not self._issuers:  # a new policy: nobody stays authenticated by the old one
            self._tokens.clear()
            self._issuers = issuers
        digest = hashlib.sha256(token.encode()).digest()
        known, until = self._tokens.get(digest, (None, 0.0))
        now = self._clock().timestamp()
        if known is not None and now < until:
            return known
        try:
            known = self._proved(await self._verifier.verify(token, issuers))
        except TokenRefused as refused:
            self._tokens.pop(digest, None)
            raise AuthenticationError(reason=f"token_{refused.reason}") from None
        if issuers is self._issuers:
            self._tokens[digest] = known, min(known.expires_at, now + VERIFIED_SECONDS)
            if len(self._tokens) > _MOST_TOKENS:
                self._tokens.popitem(last=False)
        return known

    def _proved(self, verified: Verified) -> _Verified:
        """Return what an accepted token has proved. Raises `TokenRefused` if it lacks what its issuer
        requires.
        """
        issuer, claims = verified.issuer, verified.claims
        session = use = ""
        if "session" in issuer.claims:
            session = session_name(issuer.issuer, _text(claims, issuer.claims["session"], "session"))
        if issuer.single_use:
            use = use_name(issuer.issuer, _text(claims, "jti", "no_id"))
        expires_at = verified.expires_at + LEEWAY_SECONDS
        return _Verified(
            self._lookup(issuer, claims),
            issuer.issuer,
            expires_at,
            began_at(claims),
            session,
            use,
            _sign_in(issuer, claims),
        )

    def _check_sign_in(self, record: AccessRecord, sign_in: SignInFacts) -> None:
        """Check a person's sign-in against the requirements of department and roles. An identity header is
        no sign-in.
        """
        policy = self._policy.current()
        department = policy.departments.get(record.department)
        rules = [
            department.sign_in if department else None,
            *(policy.role_sign_in.get(role) for role in record.roles),
        ]
        wanted = unmet((one for one in rules if one is not None), sign_in, self._clock())
        if wanted:
            raise AuthenticationError(wanted, reason=ENDED)

    async def _check_session(self, session: str, force_refresh: bool) -> None:
        uses = self._uses
        if uses is None:
            return
        found, ended = self._sessions.known(session)
        if not found or force_refresh:
            ended = await self._sessions.read(session, lambda: uses.has_ended(session))
        if ended:
            raise AuthenticationError(_SIGNED_OUT, reason=ENDED)

    async def _use(self, proved: _Verified) -> None:
        if self._uses is not None and not await self._uses.use(proved.use, proved.expires_at):
            raise AuthenticationError(reason="token_used")

    def _lookup(self, issuer: Issuer, claims: Mapping[str, Any]) -> Lookup:
        """Return how to find the record of a token's subject.

        `issuer.claims` says which claim identifies it: `person` (the kit's own id), `user_name` or
        `external_id` of a person; `application` of an application (default: `sub`).
        """
        named = issuer.claims
        if issuer.principal == "application":
            subject = _text(claims, named.get("application", "sub"))
            return Lookup("pk", workload_record_pk(issuer.identity, subject, self._pepper()))
        kinds: tuple[tuple[str, NameKind], ...] = (("user_name", "user-name"), ("external_id", "external-id"))
        for name, kind in kinds:
            if name in named:
                account = subject_hash(issuer.issuer, _text(claims, "sub"))
                return Lookup(kind, _text(claims, named[name]), issuer.issuer, account)
        return Lookup("pk", user_key(_text(claims, named.get("person", "sub"))))

    def _iam_caller(self, context: Mapping[str, Any]) -> _Verified:
        """Return the AWS role that API Gateway has authenticated, which it does only for methods with
        AWS_IAM.
        """
        identity = context.get("identity")
        arn = identity.get("userArn") if isinstance(identity, dict) else None
        if not isinstance(arn, str) or not arn:
            raise AuthenticationError(reason="no_credential")
        return _Verified(
            Lookup("pk", workload_record_pk(IAM_ISSUER, role_arn(arn), self._pepper())), IAM_ISSUER
        )

    async def _live(self, lookup: Lookup, force_refresh: bool) -> AccessRecord:
        try:
            record = await self._records.find(lookup, force_refresh=force_refresh)
        except ForeignSubject:
            raise AuthenticationError(_FOREIGN, reason="foreign_subject") from None
        if record is None:
            raise AuthenticationError(reason="no_record")
        if record.kind == "group":
            raise AuthenticationError(reason="group")
        if not record.active_at(self._clock()):
            raise AuthenticationError(_PENDING if record.awaits_onboarding else _ENDED, reason=ENDED)
        return record

    async def _behind_hop(
        self, hop: AccessRecord, headers: Mapping[bytes, bytes], force_refresh: bool
    ) -> AccessRecord:
        if hop.kind != "application" or HOP_ROLE not in hop.roles:
            raise AuthenticationError(reason="identity_header")
        try:
            email = headers.get(_USER_EMAIL, b"").decode("ascii").strip()
        except UnicodeDecodeError:
            raise AuthenticationError(reason="identity_header") from None
        if not email:
            raise AuthenticationError(reason="identity_header")
        return await self._live(Lookup("user-name", email), force_refresh)

    def _check_network(
        self,
        networks: Sequence[str],
        headers: Mapping[bytes, bytes],
        context: Mapping[str, Any],
        peer: str,
    ) -> None:
        address = self._address(headers, context, peer)
        if address is None or not any(address in ipaddress.ip_network(one) for one in networks):
            raise AuthenticationError(reason="network")

    def _address(
        self, headers: Mapping[bytes, bytes], context: Mapping[str, Any], peer: str
    ) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        if self._hops.api_gateway:
            identity = context.get("identity")
            return _parsed(str(identity.get("sourceIp", "")) if isinstance(identity, dict) else "")
        address = _parsed(peer)
        if address is not None and any(address in proxy for proxy in self._hops.proxies):
            # the last entry is the proxy's own; clients control those before it
            forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2]
            return _parsed(forwarded.strip())
        return address


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _text(claims: Mapping[str, Any], name: str, reason: str = "subject") -> str:
    value = claim(claims, name)
    if not isinstance(value, str) or not 0 < len(value) <= 2048:
        raise TokenRefused(reason)
    return value


def _sign_in(issuer: Issuer, claims: Mapping[str, Any]) -> SignInFacts:
    """Return what a token says about the sign-in: `amr`, `acr` and `auth_time`, or the equivalents in its
    rule.
    """
    methods = claim(claims, issuer.claims.get("methods", "amr"))
    several = [methods] if isinstance(methods, str) else methods if isinstance(methods, list) else ()
    context, at = claim(claims, issuer.claims.get("context", "acr")), claims.get("auth_time")
    return SignInFacts(
        tuple(one for one in several if isinstance(one, str)),
        context if isinstance(context, str) else "",
        float(at) if isinstance(at, int | float) and not isinstance(at, bool) else 0.0,
    )


def _request_context(headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    try:
        context = json.loads(headers.get(_CONTEXT, b"{}"))
    except (ValueError, RecursionError):
        raise AuthenticationError(reason="request_context") from None
    return context if isinstance(context, dict) else {}


def role_arn(caller: str) -> str:
    """Return the role behind the calling session: callers choose session names, but not roles."""
    head, _, rest = caller.partition(":assumed-role/")
    if not rest:
        return caller
    return head.replace(":sts:", ":iam:", 1) + ":role/" + rest.split("/", 1)[0]


def _principal(record: AccessRecord, proved: _Verified) -> Principal:
    return Principal(
        kind="person" if record.kind == "person" else "application",
        id=record.subject,
        department=record.department,
        access_key=record.key,
        issuer=proved.issuer,
        roles=record.roles,
        models=record.models,
        data_classes=record.data_classes,
        session=proved.session,
        signed_out_at=int(record.signed_out_at.timestamp()) if record.signed_out_at else 0,
        limits=record.limits,
        use_case=record.use_case or None,
    )


class LiveRecords:
    """Access records, cached for a few seconds, including missing ones, so that guessing costs the table
    little.

    `records` and `accounts` block, so they run in threads of `pool`, with one concurrent read per record.
    `announce` records an account that is bound, or one that claims to be another person; without it nothing
    is bound.
    """

    def __init__(
        self,
        records: AccessRecords,
        pool: ThreadPoolExecutor,
        *,
        accounts: Accounts | None = None,
        announce: Announce | None = None,
        seconds: float = RECORD_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._records = records
        self._accounts = accounts
        self._announce = announce
        self._pool = pool
        self._kept: _Kept[AccessRecord | None] = _Kept(seconds, _MOST_RECORDS, clock)

    async def find(self, lookup: Lookup, *, force_refresh: bool = False) -> AccessRecord | None:
        """Return the record, or None; read now with `force_refresh`. Raises botocore's errors."""
        found, record = self._kept.known(lookup)
        if found and not force_refresh:
            return record
        return await self._kept.read(lookup, lambda: self._now(lookup))

    async def _now(self, lookup: Lookup) -> AccessRecord | None:
        if lookup.by == "pk" or not lookup.account or self._accounts is None:
            return await self._in_thread(self._read, lookup)
        try:
            return await self._of_account(self._accounts, lookup, lookup.by)
        except ForeignSubject as foreign:
            await self._say("refused", foreign.person, foreign.account)
            raise

    async def _of_account(self, accounts: Accounts, lookup: Lookup, kind: NameKind) -> AccessRecord | None:
        found = await self._in_thread(accounts.find, lookup.issuer, lookup.account, kind, lookup.name)
        if found.binding is not None and self._announce is not None:
            await self._say("bound", found.binding.person, found.binding.subject)
            await self._in_thread(accounts.bind, found.binding)
        return found.record

    async def _say(self, what: str, person: str, account: str) -> None:
        if self._announce is not None:
            after = {"account": account, "by": "name"}
            record = {
                "kind": "identity",
                "event": what,
                "subject": person,
                "actor": "gateway",
                "after": after,
            }
            await self._announce(record)

    async def _in_thread(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call, *arguments)

    def _read(self, lookup: Lookup) -> AccessRecord | None:
        if lookup.by == "pk":
            return self._records.get(lookup.name)
        return self._records.find_person(lookup.name, lookup.by)


class _Kept(Generic[Value]):
    """A cache of at most `most` values with an expiry. Callers of a value being read wait for it."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._values: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()
        self._reading: dict[Hashable, asyncio.Future[Value]] = {}

    def known(self, key: Hashable) -> tuple[bool, Value | None]:
        entry = self._values.get(key)
        if entry is None or self._clock() >= entry[0]:
            return False, None
        return True, entry[1]

    async def read(self, key: Hashable, call: Callable[[], Any]) -> Value:
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.ensure_future(call())
            self._reading[key] = reading
            asked_at = self._clock()  # a value is as old as the request for it, not the response
            reading.add_done_callback(lambda done: self._keep(key, asked_at, done))
        return await asyncio.shield(reading)

    def _keep(self, key: Hashable, asked_at: float, done: "asyncio.Future[Value]") -> None:
        self._reading.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._values[key] = (asked_at + self._seconds, done.result())
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)


class _EmulatedIssuers:
    """The policy with the key sets of user pools at the emulated AWS."""

    def __init__(self, policy: Policies, endpoint_url: str) -> None:
        self._policy = policy
        self._endpoint_url = endpoint_url
        self._seen: tuple[Issuer, ...] | None = None
        self._moved: GatewayPolicy | None = None

    def current(self) -> GatewayPolicy:
        policy = self._policy.current()
        if self._moved is None or policy.issuers is not self._seen:
            self._seen = policy.issuers
            self._moved = replace(
                policy,
                issuers=tuple(
                    replace(one, jwks_uri=emulated_key_set_url(one.jwks_uri, self._endpoint_url))
                    for one in policy.issuers
                ),
            )
        return self._moved


def open_authenticator(
    policy: Policies,
    dynamodb: Any,
    access_table: str,
    pepper: Callable[[], bytes],
    pool: ThreadPoolExecutor,
    *,
    hops: Hops | None = None,
    uses: TokenUses | None = None,
    announce: Announce | None = None,
    endpoint_url: str | None = None,
) -> Authenticator:
    """Return the authenticator of a deployed gateway, or of the edge, which has neither `uses` nor
    `announce`.

    `dynamodb` is a botocore client; `endpoint_url` is that of an emulated AWS.
    """
    records = AccessRecords(dynamodb, access_table)
    accounts = Accounts(records, Bindings(dynamodb, access_table), utc_now)
    return Authenticator(
        policy=_EmulatedIssuers(policy, endpoint_url) if endpoint_url else policy,
        records=LiveRecords(records, pool, accounts=accounts, announce=announce),
        pepper=pepper,
        verifier=TokenVerifier(KeySets()),
        hops=hops,
        uses=uses,
    )
