"""Validation of an identity provider's SAML metadata before AWS sees it (G.4, C.1).

The document holds no secrets: names, URLs and public certificates. The parser rejects document type
declarations, so entities are never expanded or fetched.
"""

import base64
import xml.parsers.expat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lambdas.common.clock import utc_now

_METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
_BINDINGS = tuple(f"urn:oasis:names:tc:SAML:2.0:bindings:{name}" for name in ("HTTP-Redirect", "HTTP-POST"))
LARGEST_BYTES = 1_000_000
LEAST_CHARACTERS = 1_000  # minimum length that IAM accepts
_LEAST_RSA_BITS = 2048


@dataclass
class _Document:
    """The parts of the document that matter: entity id, sign-in endpoints, and signing certificates
    (base64).
    """

    entities: list[str] = field(default_factory=list[str])
    speaks_saml2: bool = False
    endpoints: list[tuple[str, str]] = field(
        default_factory=list[tuple[str, str]]
    )  # binding and location of sign-in
    certificates: list[str] = field(default_factory=list[str])


class _Refused(ValueError):
    """The document is invalid. The message says why and quotes nothing from it."""


def metadata_problems(path: Path, now: datetime | None = None) -> list[str]:
    """Return everything wrong with the document at `path`, or nothing if it is valid."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return [f"is bigger than {LARGEST_BYTES} bytes"]
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ["there is no such file"]
    except OSError as error:
        return [f"cannot be read: {error.strerror}"]
    except UnicodeDecodeError:
        return ["is not UTF-8 text"]
    try:
        document = _read(text)
    except _Refused as refused:
        return [str(refused)]
    return list(_problems(text, document, now or utc_now()))


def _problems(text: str, document: _Document, now: datetime) -> Iterator[str]:
    if len(text) < LEAST_CHARACTERS:
        yield f"is shorter than {LEAST_CHARACTERS} characters, which IAM does not take"
    if len(document.entities) != 1 or not document.entities[0]:
        yield "names no entity, or several: one EntityDescriptor with an entityID is needed"
    if not document.speaks_saml2:
        yield "describes no identity provider for SAML 2.0 (IDPSSODescriptor)"
        return
    if not any(binding in _BINDINGS for binding, _ in document.endpoints):
        yield "has no SingleSignOnService for HTTP-Redirect or HTTP-POST"
    for _, address in document.endpoints:
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname or parts.username is not None:
            yield "has a SingleSignOnService that is not at an https address"
            break
    yield from _certificate_problems(document.certificates, now)


def _certificate_problems(given: list[str], now: datetime) -> Iterator[str]:
    """Check the certificates. Providers publish the next one beside the current one, so one must be valid."""
    if not given:
        yield "has no certificate for signing"
        return
    try:
        certificates = [
            x509.load_der_x509_certificate(base64.b64decode("".join(one.split()), validate=True))
            for one in given
        ]
        keys = [one.public_key() for one in certificates]
    except (ValueError, TypeError):
        yield "has a certificate that cannot be read"
        return
    if all(one.not_valid_after_utc <= now for one in certificates):
        last = max(one.not_valid_after_utc for one in certificates)
        yield f"has only certificates that have expired, the last on {last.date()}: fetch the document again"
    if all(one.not_valid_before_utc > now for one in certificates):
        yield "has only certificates that are not valid yet"
    if any(isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA_BITS for key in keys):
        yield f"has an RSA key of less than {_LEAST_RSA_BITS} bits"


def _read(text: str) -> _Document:
    """Return the parts of the document that matter. Raises `_Refused`."""
    found = _Document()
    path: list[str] = []
    texts: list[str] = []
    use = ""

    def forbidden(*_: object) -> None:
        raise _Refused("has a document type or entities, which are not read")

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal use
        path.append(name)
        texts.clear()
        if name == f"{_METADATA} EntityDescriptor":
            found.entities.append(attributes.get("entityID", ""))
        elif name == f"{_METADATA} IDPSSODescriptor":
            found.speaks_saml2 |= _PROTOCOL in attributes.get("protocolSupportEnumeration", "").split()
        elif name == f"{_METADATA} KeyDescriptor":
            use = attributes.get("use", "signing")
        elif name == f"{_METADATA} SingleSignOnService":
            found.endpoints.append((attributes.get("Binding", ""), attributes.get("Location", "")))

    def end(name: str) -> None:
        path.pop()
        provider = f"{_METADATA} IDPSSODescriptor" in path
        if name == f"{_SIGNATURE} X509Certificate" and provider and use == "signing":
            found.certificates.append("".join(texts))

    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = forbidden
    parser.EntityDeclHandler = forbidden
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    try:
        parser.Parse(text, True)
    except xml.parsers.expat.ExpatError as error:
        raise _Refused(f"is not well-formed XML: line {error.lineno}, column {error.offset}") from None
    return found
