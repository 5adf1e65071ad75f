"""What the gateway answers a workflow: a refusal is final, everything else is tried again (L3.1)."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.workflow.gateway_client import GatewayClient, GatewayUnavailable, Refused


@dataclass
class Answer:
    """One answer to every request, and the store of the key."""

    status: int
    message: str = "variables.audience: required\n(who reads it)"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        error = {"type": "permission_error", "message": self.message}
        return json.dumps({"type": "error", "error": error}).encode()

    def request(self, *_: Any, **__: Any) -> "Answer":
        return self

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        return {"SecretString": json.dumps({"key": "kit"})}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, Refused) for status in (400, 402, 403, 404, 413, 422, 451)),
        *((status, GatewayUnavailable) for status in (401, 408, 409, 429, 500, 502, 529)),
    ],
)
def test_what_the_gateway_will_refuse_again_is_not_asked_again(status: int, error: type[Exception]) -> None:
    answer: Any = Answer(status)
    gateway = GatewayClient("https://gateway.example.com", "arn:secret", answer, answer)
    with pytest.raises(error) as raised:
        gateway.message("campaign-copy", "current", {}, reviewed=True)
    if error is Refused:  # a reader of `kit workflow status` can act on it
        said = f"{status} permission_error: variables.audience: required (who reads it)"
        assert str(raised.value) == said
