"""The gateway policy: who may use what, how much of it, and from which provider (L1.2, L1.5, L1.6, G.1, C.2).

One JSON object, `policy/gateway.json` in the governance bucket, written by
`components/governance/gateway_policy.py` and read by the gateway. `parse_policy` turns it into frozen
dataclasses or names the first key that is wrong; `PolicyWatch` keeps the parsed policy current: read again
every 15 seconds, the last good one used for at most 5 minutes when reading fails, then nothing.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from lambdas.common.documents import DocumentSource

SCHEMA_VERSION = 1
DATA_CLASSES = ("public", "internal", "restricted", "confidential")
BUDGET_MODELS = ("per-call", "per-user-month", "central")
CALLER_KINDS = ("person", "agent", "application")
CONCURRENT_CALLS = 32  # of one caller, where the policy does not say
PROVIDER_KINDS = ("anthropic", "claude-platform-aws", "bedrock")
AUTH_KINDS = ("workload-identity", "secret", "aws")
FINDING_ACTIONS = ("allow", "flag", "redact", "block", "review")
EMBEDDINGS = "embeddings"  # what a key that is narrowed to models calls the right to embed
POLL_SECONDS = 15.0
LAST_GOOD_SECONDS = 300.0
_ADDED = re.compile(r"(?:[-@]20\d{6}|-latest)$")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class PolicyError(ValueError):
    """The document is not a gateway policy; the message names the key."""


class PolicyUnavailable(Exception):
    """No policy that may be used: none was read, or the last good one is older than five minutes."""


@dataclass(frozen=True, slots=True)
class Organization:
    """What holds for the whole organisation. Amounts in micro-dollars a calendar month (UTC)."""

    monthly_budget_microusd: int
    budget_model: str  # one of BUDGET_MODELS
    budget_shards: int


@dataclass(frozen=True, slots=True)
class Rates:
    """How much one caller may do at a time."""

    requests_per_minute: int
    tokens_per_minute: int
    concurrent_calls: int


@dataclass(frozen=True, slots=True)
class Department:
    """One department's rights and limits. A limit of 0 means that nothing is allowed, not that nothing is
    limited. `batch_monthly_budget_microusd` bounds overnight work within the department's budget; None leaves
    it to that one.
    """

    id: str
    cost_center: str
    data_classes: tuple[str, ...]
    models: tuple[str, ...]
    monthly_budget_microusd: int
    user_monthly_budget_microusd: int
    requests_per_minute: int
    tokens_per_minute: int
    user_requests_per_minute: int
    user_tokens_per_minute: int
    findings: Mapping[str, str]  # kind of finding -> one of FINDING_ACTIONS; inspection knows the kinds
    redact_output: bool
    registered_prompts_only: bool
    human_review: tuple[str, ...]
    batch_monthly_budget_microusd: int | None = None
    embeddings: bool = True
    rates: Mapping[str, Rates] = field(default_factory=dict)  # by kind of caller

    def rates_of(self, kind: str) -> Rates:
        """What one caller of a kind may do; as a person where the policy has nothing of that kind."""
        return self.rates.get(kind) or Rates(
            self.user_requests_per_minute, self.user_tokens_per_minute, CONCURRENT_CALLS
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A name that callers use (`fast`, `legal-best`) and the Claude model that it stands for today. `roles`
    keeps it for people with one of them, such as early access for `champions`; empty: for everybody.
    """

    alias: str
    display_name: str
    model: str
    roles: tuple[str, ...] = ()

    def answers_to(self, name: str) -> bool:
        """Whether callers mean it by `name`: its alias, `claude-` and its alias (some clients take no other
        names), the Claude model's id; each with a date or `[1m]` after it, as some clients add.
        """
        return _plain(name) in {self.alias, f"claude-{self.alias}", self.model} or name == self.model


@dataclass(frozen=True, slots=True)
class Provider:
    """One way to Claude, in order of preference. `models` maps a Claude model to the provider's own name of
    it.
    """

    name: str
    kind: str  # one of PROVIDER_KINDS
    base_url: str
    auth: Mapping[str, str]  # `kind` is one of AUTH_KINDS, the rest belongs to the kind
    models: Mapping[str, str]
    inference_geo: str | None = None  # where inference must happen (`us`); None leaves it to the provider


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The Bedrock model behind /v1/embeddings (L1.1)."""

    model: str
    base_url: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Issuer:
    """An identity provider whose tokens the gateway accepts (L1.3). A token has all of `required_scopes`;
    where `single_use`, each is good for one request.
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    jwks_uri: str
    principal: str  # "person" | "application"
    claims: Mapping[str, str]
    required_claims: Mapping[str, str] = field(default_factory=dict)  # claim -> value, or beginning and `*`
    required_scopes: tuple[str, ...] = ()
    single_use: bool = False


@dataclass(frozen=True, slots=True)
class ApprovedDictionary:
    """The dictionary of protected terms that somebody approved, by what it is, never by what is in it
    (L2.3).
    """

    version: int
    sha256: str  # of the published document
    approved_by: str

    @property
    def object_key(self) -> str:
        """Where it lies in the governance bucket. Holding the hash, what is there never changes."""
        return dictionary_key(self.sha256)


def dictionary_key(sha256: str) -> str:
    """The object that holds the dictionary with this hash."""
    return f"dictionaries/{sha256}.json"


@dataclass(frozen=True, slots=True)
class InspectionRules:
    """What inspection knows of the client besides its terms (L2.3, L2.4). `labels` maps the id of a
    sensitivity label (lower case) to its class; `canaries` are marks in system prompts that no answer may
    hold; `allowed_hosts` may be linked to with data in the address, with their subdomains.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    canaries: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GatewayPolicy:
    """The whole policy, validated. `models` is by alias, `departments` by id."""

    version: int
    client: str
    environment: str
    organization: Organization
    departments: Mapping[str, Department]
    models: Mapping[str, Model]
    embeddings: Embeddings | None
    providers: tuple[Provider, ...]
    issuers: tuple[Issuer, ...]
    dictionary: ApprovedDictionary | None = None  # without one the client protects no terms of its own
    inspection: InspectionRules = InspectionRules()
    role_limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # fields of Rates, by role
    help_url: str | None = None  # where people read what to do when a call is refused

    def model_named(self, name: str) -> Model | None:
        """The model behind an alias, or behind the Claude model id itself; None when the policy knows
        neither.
        """
        by_alias = self.models.get(name)
        if by_alias is not None:
            return by_alias
        return next((model for model in self.models.values() if model.answers_to(name)), None)


def _plain(name: str) -> str:
    """A model's name without what clients add: a date, `-latest`, the mark of the long window."""
    return _ADDED.sub("", name.removesuffix("[1m]"))


def parse_policy(document: bytes) -> GatewayPolicy:
    """The policy in a JSON document. Raises `PolicyError` naming the key that is missing or wrong."""
    try:
        raw = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"not JSON: {error}") from error
    root = _Reader(raw, "policy")
    version = root.integer("version", minimum=1)
    if version != SCHEMA_VERSION:
        raise PolicyError(
            f"policy.version: this gateway reads version {SCHEMA_VERSION}, the document has {version}"
        )
    models = {alias: _model(alias, reader) for alias, reader in root.mapping("models")}
    departments = [_department(reader) for reader in root.items("departments")]
    ids = [department.id for department in departments]
    for name in ids:
        if ids.count(name) > 1:
            raise PolicyError(f"policy.departments: {name} occurs twice")
    for department in departments:
        for alias in department.models:
            if alias not in models:
                raise PolicyError(
                    f"policy.departments.{department.id}.models: no such alias in policy.models: {alias}"
                )
    providers = tuple(_provider(reader) for reader in root.items("providers"))
    if not providers:
        raise PolicyError("policy.providers: at least one provider is needed")
    organization = root.child("organization")
    return GatewayPolicy(
        version=version,
        client=root.text("client"),
        environment=root.text("environment"),
        organization=Organization(
            monthly_budget_microusd=organization.integer("monthly_budget_microusd"),
            budget_model=organization.choice("budget_model", BUDGET_MODELS),
            budget_shards=organization.integer("budget_shards", minimum=1),
        ),
        departments={department.id: department for department in departments},
        models=models,
        embeddings=_embeddings(root),
        providers=providers,
        issuers=tuple(_issuer(reader) for reader in root.items("issuers", optional=True)),
        dictionary=_dictionary(root.child("dictionary")) if root.has("dictionary") else None,
        inspection=_inspection(root.child("inspection")) if root.has("inspection") else InspectionRules(),
        role_limits={
            role: {name: limits.integer(name) for name in limits.names()}
            for role, limits in (root.mapping("role_limits") if root.has("role_limits") else ())
        },
        help_url=root.text("help_url") if root.has("help_url") else None,
    )


def _department(reader: "_Reader") -> Department:
    findings: dict[str, str] = {}
    if reader.has("findings"):
        chosen = reader.child("findings")
        findings = {kind: chosen.choice(kind, FINDING_ACTIONS) for kind in chosen.names()}
    data_classes = reader.texts("data_classes")
    for data_class in data_classes:
        if data_class not in DATA_CLASSES:
            raise PolicyError(
                f"{reader.path}.data_classes: {data_class} is none of {', '.join(DATA_CLASSES)}"
            )
    return Department(
        id=reader.text("id"),
        cost_center=reader.text("cost_center"),
        data_classes=data_classes,
        models=reader.texts("models"),
        monthly_budget_microusd=reader.integer("monthly_budget_microusd"),
        user_monthly_budget_microusd=reader.integer("user_monthly_budget_microusd"),
        requests_per_minute=reader.integer("requests_per_minute"),
        tokens_per_minute=reader.integer("tokens_per_minute"),
        user_requests_per_minute=reader.integer("user_requests_per_minute"),
        user_tokens_per_minute=reader.integer("user_tokens_per_minute"),
        findings=findings,
        redact_output=reader.boolean("redact_output", default=True),
        registered_prompts_only=reader.boolean("registered_prompts_only", default=False),
        human_review=reader.texts("human_review", optional=True),
        batch_monthly_budget_microusd=(
            reader.integer("batch_monthly_budget_microusd")
            if reader.has("batch_monthly_budget_microusd")
            else None
        ),
        embeddings=reader.boolean("embeddings", default=True),
        rates={
            kind: Rates(
                rates.integer("requests_per_minute"),
                rates.integer("tokens_per_minute"),
                rates.integer("concurrent_calls"),
            )
            for kind, rates in (reader.mapping("rates") if reader.has("rates") else ())
        },
    )


def _model(alias: str, reader: "_Reader") -> Model:
    return Model(
        alias=alias,
        display_name=reader.text("display_name"),
        model=reader.text("model"),
        roles=reader.texts("roles", optional=True),
    )


def _provider(reader: "_Reader") -> Provider:
    auth = reader.child("auth")
    auth.choice("kind", AUTH_KINDS)
    base_url = reader.text("base_url").rstrip("/")
    if not base_url.startswith(("https://", "http://")):
        raise PolicyError(f"{reader.path}.base_url: must begin with https://")
    return Provider(
        name=reader.text("name"),
        kind=reader.choice("kind", PROVIDER_KINDS),
        base_url=base_url,
        auth=dict(reader.text_mapping("auth")),
        models=dict(reader.text_mapping("models")),
        inference_geo=reader.text("inference_geo") if reader.has("inference_geo") else None,
    )


def _embeddings(root: "_Reader") -> Embeddings | None:
    if not root.has("embeddings"):
        return None
    reader = root.child("embeddings")
    return Embeddings(
        model=reader.text("model"),
        base_url=reader.text("base_url") if reader.has("base_url") else None,
        region=reader.text("region") if reader.has("region") else None,
    )


def _dictionary(reader: "_Reader") -> ApprovedDictionary:
    sha256 = reader.text("sha256")
    if not _SHA256.fullmatch(sha256):
        raise PolicyError(f"{reader.path}.sha256: must be 64 hexadecimal digits")
    return ApprovedDictionary(reader.integer("version", minimum=1), sha256, reader.text("approved_by"))


def _inspection(reader: "_Reader") -> InspectionRules:
    labels = reader.child("labels") if reader.has("labels") else None
    return InspectionRules(
        labels={one.lower(): labels.choice(one, DATA_CLASSES) for one in labels.names()} if labels else {},
        canaries=reader.texts("canaries", optional=True),
        allowed_hosts=tuple(one.lower() for one in reader.texts("allowed_hosts", optional=True)),
    )


def _issuer(reader: "_Reader") -> Issuer:
    return Issuer(
        issuer=reader.text("issuer"),
        audience=reader.text("audience"),
        algorithms=reader.texts("algorithms"),
        jwks_uri=reader.text("jwks_uri"),
        principal=reader.choice("principal", ("person", "application")),
        claims=dict(reader.text_mapping("claims")),
        required_claims=dict(reader.text_mapping("required_claims")),
        required_scopes=reader.texts("required_scopes", optional=True),
        single_use=reader.boolean("single_use", default=False),
    )


class _Reader:
    """Reads typed values out of parsed JSON; every complaint names the path."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise PolicyError(f"{path}: must be an object")
        self._value: dict[str, Any] = value
        self.path = path

    def names(self) -> list[str]:
        return list(self._value)

    def has(self, key: str) -> bool:
        return self._value.get(key) is not None

    def _get(self, key: str) -> Any:
        if key not in self._value:
            raise PolicyError(f"{self.path}.{key}: is missing")
        return self._value[key]

    def child(self, key: str) -> "_Reader":
        return _Reader(self._get(key), f"{self.path}.{key}")

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise PolicyError(f"{self.path}.{key}: must be a non-empty string")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            raise PolicyError(f"{self.path}.{key}: {value} is none of {', '.join(choices)}")
        return value

    def integer(self, key: str, *, minimum: int = 0) -> int:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise PolicyError(f"{self.path}.{key}: must be an integer of {minimum} or more")
        return value

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self._value.get(key, default)
        if not isinstance(value, bool):
            raise PolicyError(f"{self.path}.{key}: must be true or false")
        return value

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        if optional and key not in self._value:
            return ()
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise PolicyError(f"{self.path}.{key}: must be a list of non-empty strings")
        return tuple(value)

    def text_mapping(self, key: str) -> list[tuple[str, str]]:
        if key not in self._value:
            return []
        reader = self.child(key)
        return [(name, reader.text(name)) for name in reader.names()]

    def mapping(self, key: str) -> list[tuple[str, "_Reader"]]:
        reader = self.child(key)
        return [(name, reader.child(name)) for name in reader.names()]

    def items(self, key: str, *, optional: bool = False) -> list["_Reader"]:
        if optional and key not in self._value:
            return []
        value = self._get(key)
        if not isinstance(value, list):
            raise PolicyError(f"{self.path}.{key}: must be a list")
        return [_Reader(item, f"{self.path}.{key}[{index}]") for index, item in enumerate(value)]


class PolicyWatch:
    """The current policy. `current` is a plain read; `run` keeps it fresh until cancelled.

    A document that does not parse counts as a failed read: the last good policy stays for
    `last_good_seconds`, so a broken upload never silently opens or changes anything, and never goes unnoticed
    for longer than that.
    """

    def __init__(
        self,
        source: DocumentSource,
        *,
        poll_seconds: float = POLL_SECONDS,
        last_good_seconds: float = LAST_GOOD_SECONDS,
        clock: Callable[[], float] = monotonic,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._poll_seconds = poll_seconds
        self._last_good_seconds = last_good_seconds
        self._clock = clock
        self._report = report
        self._policy: GatewayPolicy | None = None
        self._etag: str | None = None
        self._confirmed_at = 0.0
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    def current(self) -> GatewayPolicy:
        """The policy in force. Raises `PolicyUnavailable`."""
        if self._policy is None:
            raise PolicyUnavailable("no gateway policy has been read yet")
        if self._clock() - self._confirmed_at > self._last_good_seconds:
            raise PolicyUnavailable("the gateway policy could not be confirmed for too long")
        return self._policy

    async def refresh(self) -> bool:
        """Read once. False when the source failed or the document is not a policy; what was reported says
        why.
        """
        self._read_at = self._clock()
        try:
            document = await self._source.fetch(self._etag)
            if document is not None:
                self._policy = parse_policy(document.body)
                self._etag = document.etag
        except PolicyError as error:
            self._report(f"gateway policy refused: {error}")
            return False
        except Exception as error:  # whatever the store raises: the last good policy stands, and time runs
            self._report(f"gateway policy not read: {type(error).__name__}")
            return False
        self._confirmed_at = self._clock()
        return True

    @property
    def overdue(self) -> bool:
        """Whether `run` has not read for twice its time: Lambda freezes a process between two requests."""
        return self._clock() - self._read_at > 2 * self._poll_seconds

    async def catch_up(self) -> None:
        """Read now if reading is overdue; several at once read once."""
        async with self._reading:
            if self.overdue:
                await self.refresh()

    async def run(self) -> None:
        """Refresh for ever, every `poll_seconds`."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self.refresh()
