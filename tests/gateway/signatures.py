"""Checks AWS signatures as AWS does: by signing what arrived again, with botocore (L1.3, L1.7)."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials

from .upstream import Received

SESSION = Credentials("AKIDEXAMPLE", "not-a-real-secret", "session-token").get_frozen_credentials()
MUST_BE_SIGNED = {"host", "content-type", "x-amz-date", "x-amz-security-token"}


@dataclass(frozen=True)
class Signature:
    """What an `Authorization` header of AWS says."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    value: str


def signature_of(received: Received) -> Signature:
    """Raises `ValueError` when the request has none, or not exactly one."""
    (given,) = [value for name, value in received.headers if name == "authorization"]
    scheme, _, rest = given.partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        raise ValueError(f"not signed by AWS's scheme but by {scheme}")
    fields = dict(part.split("=", 1) for part in rest.split(", "))
    access_key, date, region, service, end = fields["Credential"].split("/")
    if end != "aws4_request":
        raise ValueError(f"the scope ends with {end}")
    return Signature(
        access_key, date, region, service, tuple(fields["SignedHeaders"].split(";")), fields["Signature"]
    )


def why_refused(
    received: Received, *, service: str, region: str, credentials: ReadOnlyCredentials = SESSION
) -> str | None:
    """Why AWS would answer 403; None when the signature holds over these very bytes."""
    try:
        signature = signature_of(received)
    except (ValueError, KeyError) as error:
        return f"malformed: {error}"
    if (signature.service, signature.region) != (service, region):
        return f"signed for {signature.service} in {signature.region}"
    if signature.access_key != credentials.access_key:
        return "an unknown access key"
    if received.header("x-amz-security-token") != credentials.token:
        return "the session's token is missing"
    present = {name for name, _ in received.headers}
    if missing := (MUST_BE_SIGNED & present) - set(signature.headers):
        return f"not signed: {', '.join(sorted(missing))}"
    if absent := set(signature.headers) - present:
        return f"signed and not sent: {', '.join(sorted(absent))}"
    return None if signature.value == _again(received, signature, credentials) else "the signature differs"


def _again(received: Received, signature: Signature, credentials: ReadOnlyCredentials) -> str:
    signer: Any = SigV4Auth(credentials, signature.service, signature.region)
    url = f"http://{received.header('host')}{received.target}"
    assert urlsplit(url).netloc == received.header("host")
    headers = {name: value for name, value in received.headers if name in signature.headers}
    request = AWSRequest(method=received.method, url=url, data=received.body, headers=headers)
    request.context["timestamp"] = received.header("x-amz-date")
    return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
