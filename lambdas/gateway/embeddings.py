"""POST /v1/embeddings: texts to vectors, under the same controls as a message (L1.1).

Claude has no embeddings of its own; the model is chosen in configuration: Amazon Titan Text Embeddings or
Cohere Embed through Amazon Bedrock, or a model of a provider whose API is Voyage AI's or OpenAI's.

Request, the last two optional:

    {"input": "text" | ["text", …], "dimensions": 512, "input_type": "search_document"}

Answer:

    {"object": "list", "model": "amazon.titan-embed-text-v2:0",
     "data": [{"object": "embedding", "index": 0, "embedding": [0.1, …]}, …], "usage": {"input_tokens": 7}}

`model` may be given; it must then be the configured one. At most 96 texts a call, as Cohere has it. A client
that leaves changes nothing: the call takes less than a second, is finished, recorded and charged.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from lambdas.common.identities import Principal
from lambdas.common.json_text import json_bytes
from lambdas.common.policy import Embeddings, PolicyWatch
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.authorise import authorise_embeddings
from lambdas.gateway.call import Attempt, Calls, Deadlines
from lambdas.gateway.completion import Completion
from lambdas.gateway.errors import ApiError, Header, invalid_request
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.inspection import InspectionStep, read_declaration, refusal
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.gateway.message_request import read_use_case
from lambdas.gateway.outcome import Outcome
from lambdas.gateway.providers.credentials import AwsSignature, Credential, CredentialUnavailable, read_whole
from lambdas.gateway.providers.transport import HttpTransport, Response, TransportError
from lambdas.gateway.providers.user_sessions import Attribution, attribution_of
from lambdas.gateway.record import Recorder
from lambdas.gateway.reserve import Reserver
from lambdas.gateway.settle import Settler

_TEXTS_LIMIT = 96
_AT_ONCE = 8  # Titan accepts one text per request
_ANSWER_LIMIT = 16 << 20
_BYTES_PER_TOKEN = 4  # of ordinary text
_PROVIDER = "bedrock"
_DIMENSIONS = (256, 512, 1024, 1536)
_MOST_DIMENSIONS = 4_096
_VOYAGE = "voyage"
_VOYAGE_TYPES = {"search_document": "document", "search_query": "query"}
_VOYAGE_PREFIX_TOKENS = 48  # maximum length of the instruction before each text, one token per byte
_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")
_JSON: list[Header] = [(b"content-type", b"application/json")]


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """The texts, and how to embed them."""

    texts: list[str]
    dimensions: int | None
    input_type: str


def read_embeddings_request(
    fields: dict[str, Any], model: str, *, any_dimensions: bool = False
) -> EmbeddingsRequest:
    """Parse the request. Raises `ApiError` 400 naming the field, 404 for a model other than the configured
    one.
    """
    given = fields.get("model", model)
    if given != model:
        raise errors.not_found(
            f"model: {str(given)[:100]}; embeddings are made by {model}", reason="unknown_model"
        )
    texts = fields.get("input")
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid_request("input: a non-empty string or a list of non-empty strings is required")
    if len(texts) > _TEXTS_LIMIT:
        raise invalid_request(f"input: at most {_TEXTS_LIMIT} texts a call")
    dimensions = fields.get("dimensions")
    if any_dimensions and dimensions is not None:
        if type(dimensions) is not int or not 0 < dimensions <= _MOST_DIMENSIONS:
            raise invalid_request(f"dimensions: must be 1 to {_MOST_DIMENSIONS}")
    elif dimensions is not None and dimensions not in _DIMENSIONS:
        raise invalid_request(f"dimensions: must be one of {', '.join(map(str, _DIMENSIONS))}")
    input_type = fields.get("input_type", _INPUT_TYPES[0])
    if input_type not in _INPUT_TYPES:
        raise invalid_request(f"input_type: must be one of {', '.join(_INPUT_TYPES)}")
    return EmbeddingsRequest(texts, dimensions, input_type)


@dataclass(slots=True)
class _Embedded:
    """Result for the texts: a vector for each, or the reason for failure. `tokens` are charged either way."""

    vectors: list[list[float]]
    tokens: int = 0
    failure: ApiError | None = None


class _Unusable(Exception):
    """The model answered and charges for it, but the answer is unusable."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens


@dataclass(frozen=True, slots=True)
class EmbeddingsEndpoint:
    """Serves embeddings. `endpoint_url` is that of an emulated AWS."""

    policy: PolicyWatch
    inspection: InspectionStep
    reserver: Reserver
    settler: Settler
    recorder: Recorder
    calls: Calls
    transport: HttpTransport
    deadlines: Deadlines
    aws_credentials: Callable[[Attribution], Awaitable[Any]]
    region: str
    key: Credential  # of a provider other than Bedrock
    endpoint_url: str | None = None
    available: bool = True

    async def answer(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, body: JsonBody
    ) -> None:
        """Serve one call. Raises `ApiError`."""
        policy = self.policy.current()
        configured = policy.embeddings
        if configured is None or not (configured.url or self.available):
            raise errors.not_found(
                "Embeddings are not set up in this organisation: claude.embeddings_model names the model, "
                f"which Amazon Bedrock serves{'' if self.available else '; an emulated AWS does not'}, or "
                "claude.embeddings_url the endpoint of another provider.",
                reason="no_embeddings",
            )
        department = authorise_embeddings(policy, principal)
        request = read_embeddings_request(
            body.fields, configured.model, any_dimensions=configured.url is not None
        )
        entry.model = configured.model
        # as one turn: findings in it are refused or redacted, never withheld as history
        blocks = [{"type": "text", "text": text} for text in request.texts]
        as_message = {"messages": [{"role": "user", "content": blocks}]}
        inspected = parse_object(json_bytes(as_message))
        verdict = await self.inspection.verdict(
            inspected, department, principal, read_declaration(exchange.headers)
        )
        call = GovernedCall(
            exchange, entry, policy, principal, department, "embeddings", configured.model, configured.model,
            body.raw, 0, False, verdict, use_case=read_use_case(exchange.headers),
        )  # fmt: skip
        if configured.url and configured.model.startswith(_VOYAGE):
            call.added_tokens = _VOYAGE_PREFIX_TOKENS * len(request.texts)
        if not verdict.allowed:
            await self.recorder.refusal(call)
            raise refusal(verdict, exchange.headers, policy.help_url)
        texts = [block["text"] for block in verdict.body.fields["messages"][0]["content"]]
        provider = _name_of(configured)
        with self.calls.place():
            reserved = await self.reserver.reserve(call)
            completion = Completion(call, reserved, self.settler, self.recorder)
            try:
                await completion.begin()
                call.provider = entry.provider = provider
                made = await self._embed(configured, request, texts, attribution_of(principal, department))
                result = made.failure.reason if made.failure else "200"
                call.attempts.append(Attempt(provider, result))
                data = _answer(configured.model, made.vectors, made.tokens)
                await completion.finish(_outcome(made, data))
            except BaseException as error:
                await completion.abandon(error)
                raise
        if made.failure is not None:
            raise made.failure
        await exchange.answer(200, [*_JSON, *reserved.headers], data)

    async def _embed(
        self, configured: Embeddings, request: EmbeddingsRequest, texts: list[str], attribution: Attribution
    ) -> _Embedded:
        if configured.url is not None:
            return await self._elsewhere(configured.model, configured.url, request, texts, attribution)
        region = configured.region or self.region
        base = configured.base_url or self.endpoint_url or f"https://bedrock-runtime.{region}.amazonaws.com"
        url = f"{base}/model/{quote(configured.model, safe='')}/invoke"
        invoke = partial(
            self._invoke, AwsSignature(self.aws_credentials, "bedrock", region), attribution, url
        )
        if not configured.model.startswith("cohere."):
            return await _one_by_one(texts, lambda text: invoke(*_titan(text, request)))
        asked: dict[str, Any] = {
            "texts": texts,
            "input_type": request.input_type,
            "embedding_types": ["float"],
        }
        if request.dimensions is not None:
            asked["output_dimension"] = request.dimensions
        return await _together(texts, invoke(asked, lambda answer: answer["embeddings"]["float"]))

    async def _elsewhere(
        self, model: str, url: str, request: EmbeddingsRequest, texts: list[str], attribution: Attribution
    ) -> _Embedded:
        """Embed all texts in one call to a provider with the API of Voyage AI or OpenAI."""
        asked: dict[str, Any] = {"model": model, "input": texts}
        if model.startswith(_VOYAGE):
            # a text that is too long is refused, never truncated
            asked |= {"truncation": False, "input_type": _VOYAGE_TYPES.get(request.input_type)}
        if request.dimensions is not None:
            asked["output_dimension" if model.startswith(_VOYAGE) else "dimensions"] = request.dimensions
        return await _together(texts, self._invoke(self.key, attribution, url, asked, _in_order))

    async def _invoke(
        self,
        credential: Credential,
        attribution: Attribution,
        url: str,
        asked: dict[str, Any],
        read: Callable[[Any], list[Any]],
    ) -> tuple[list[Any], int]:
        """Return what `read` finds in the answer, and its input tokens. Raises `ApiError` 529 or 400,
        `_Unusable`.
        """
        body = json.dumps(asked).encode()
        try:
            headers = [*_JSON, *await credential.headers("POST", url, _JSON, body, attribution)]
            response = await self.transport.send(
                "POST", url, headers, body, first_byte_seconds=self.deadlines.idle
            )
            data = await read_whole(response, self.deadlines.idle, limit=_ANSWER_LIMIT)
        except (TransportError, CredentialUnavailable):
            raise ApiError(
                529, errors.OVERLOADED, "The embedding model cannot be reached now.", reason="no_provider"
            ) from None
        if response.status == 400:
            raise invalid_request(
                "The embedding model refused the input: a text is longer than it takes, or `dimensions` is"
                " none that it has.",
                reason="upstream_refused",
            )
        if response.status == 401:
            credential.refused()  # read again by the next call
        if response.status != 200:
            raise ApiError(
                529,
                errors.OVERLOADED,
                "The embedding model cannot answer now.",
                reason=f"upstream_{response.status}",
            )
        try:
            answer = json.loads(data)
            tokens = _counted(response, answer)
            found = read(answer)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _Unusable(-(-len(body) // _BYTES_PER_TOKEN)) from None
        if not isinstance(found, list) or not found:
            raise _Unusable(tokens)
        return found, tokens


def _name_of(configured: Embeddings) -> str:
    """Return the provider's name in records."""
    return (urlsplit(configured.url).hostname or _PROVIDER) if configured.url else _PROVIDER


def _counted(response: Response, answer: Any) -> int:
    """Return the input tokens counted by a provider. Raises if they are missing, ValueError if they are
    impossible.
    """
    counted = response.header(b"x-amzn-bedrock-input-token-count")
    if counted is not None:
        return int(counted)
    usage = answer["usage"] if isinstance(answer, dict) and "usage" in answer else None
    given = answer["inputTextTokenCount"] if usage is None else usage["total_tokens"]
    if type(given) is not int or given < (1 if usage is not None else 0):
        raise ValueError("the number of tokens is none")
    return given


def _in_order(answer: Any) -> list[Any]:
    """Return the vectors of an answer in OpenAI's format, in the order of the texts."""
    entries = sorted(answer["data"], key=lambda one: one["index"])
    if [one["index"] for one in entries] != list(range(len(entries))):
        raise ValueError("an index is missing")
    return [one["embedding"] for one in entries]


async def _together(texts: list[str], call: Awaitable[tuple[list[Any], int]]) -> _Embedded:
    """Return the result of one call for all texts."""
    try:
        vectors, tokens = await call
    except ApiError as failure:
        return _Embedded([], failure=failure)
    except _Unusable as unusable:
        return _Embedded([], unusable.tokens, _no_use())
    if len(vectors) != len(texts):
        return _Embedded([], tokens, _no_use())
    return _Embedded(vectors, tokens)


def _titan(text: str, request: EmbeddingsRequest) -> tuple[dict[str, Any], Callable[[Any], list[Any]]]:
    """Return Titan's request for one text, and where its vector is in the answer."""
    asked: dict[str, Any] = {"inputText": text}
    if request.dimensions is not None:
        asked["dimensions"] = request.dimensions
    return asked, lambda answer: answer["embedding"]


async def _one_by_one(
    texts: list[str], embed: Callable[[str], Awaitable[tuple[list[float], int]]]
) -> _Embedded:
    """Make one call per text, eight concurrently. After a failure no further one starts."""
    made = _Embedded([[] for _ in texts])
    waiting = iter(enumerate(texts))

    async def work() -> None:
        for index, text in waiting:
            if made.failure is not None:
                return
            try:
                made.vectors[index], tokens = await embed(text)
                made.tokens += tokens
            except ApiError as failure:
                made.failure = failure
            except _Unusable as unusable:
                made.failure = _no_use()
                made.tokens += unusable.tokens

    await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(texts)))))
    return made


def _no_use() -> ApiError:
    return ApiError(502, errors.API, "The embedding model gave no usable answer.", reason="malformed")


def _outcome(made: _Embedded, data: bytes) -> Outcome:
    """Return what to record and charge, after a failure too: what Bedrock counted until then."""
    usage = {"input_tokens": made.tokens}
    if made.failure is None:
        return Outcome("completed", 200, usage, billable=True, said_usage=True, response=data)
    return Outcome(
        "upstream_error", made.failure.status, usage, billable=made.tokens > 0, reason=made.failure.reason
    )


def _answer(model: str, vectors: list[list[float]], tokens: int) -> bytes:
    data = [
        {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)
    ]
    return json.dumps(
        {"object": "list", "model": model, "data": data, "usage": {"input_tokens": tokens}}
    ).encode()
