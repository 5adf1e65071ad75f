"""The Messages request: the few fields of its body that the gateway itself relies on."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lambdas.gateway.errors import invalid_request
from lambdas.gateway.json_body import JsonBody, Span
from lambdas.gateway.survey import Survey, survey

_USE_CASE = re.compile(rb"[a-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class RegisteredPrompt:
    """The approved prompt that a body was made from (L2.1). `human_review` says why a person must review
    its answers.
    """

    id: str
    version: int
    data_class: str
    human_review: str | None = None


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """The fields of a Messages body that the gateway itself relies on, and what was `seen` in all others."""

    body: JsonBody
    seen: Survey
    model: str
    max_tokens: int
    stream: bool
    prompt: RegisteredPrompt | None = None
    use_case: str | None = None


def read_use_case(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the caller's own name of its use case, `x-use-case` (L1.4). Raises `ApiError` 400."""
    given = headers.get(b"x-use-case")
    if given is None:
        return None
    if not _USE_CASE.fullmatch(given):
        raise invalid_request("x-use-case: 1 to 64 of a-z, 0-9 and - are allowed")
    return given.decode()


def body_for(body: JsonBody, model_name: str, inference_geo: str | None = None) -> bytes:
    """Return the body with a provider's model id in place of the caller's, and the policy's inference
    location.
    """
    if body.fields["model"] == model_name and inference_geo is None:
        return body.raw
    return body.replace(edits(body.spans, model_name, inference_geo))


def edits(
    spans: Mapping[str, Span], model_name: str, inference_geo: str | None
) -> Iterator[tuple[Span, bytes]]:
    """Return the changes to the parameters of one message, whose values are at `spans`."""
    model = json.dumps(model_name).encode()
    geo = json.dumps(inference_geo).encode()
    if inference_geo is not None and "inference_geo" in spans:
        yield spans["inference_geo"], geo
    elif inference_geo is not None:
        model += b',"inference_geo":' + geo
    yield spans["model"], model


def read_message_request(
    body: JsonBody,
    *,
    prompt: RegisteredPrompt | None = None,
    use_case: str | None = None,
    needs_max_tokens: bool = True,
) -> MessageRequest:
    """Parse the fields that the gateway relies on.

    Raises `ApiError` 400 naming the field that is missing or of a wrong type.
    """
    fields = body.fields
    model = fields.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= 256:
        raise invalid_request("model: a string is required")
    if not isinstance(fields.get("messages"), list):
        raise invalid_request("messages: a list is required")
    max_tokens = fields.get("max_tokens", None if needs_max_tokens else 1)
    if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or not 0 < max_tokens < 1 << 31:
        raise invalid_request("max_tokens: a positive integer is required")
    stream = fields.get("stream", False)
    if stream is None:
        stream = False
    if not isinstance(stream, bool):
        raise invalid_request("stream: must be true or false")
    return MessageRequest(body, survey(fields), model, max_tokens, stream, prompt, use_case)
