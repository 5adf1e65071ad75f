"""Who wrote a document, proved by AWS itself and not by a name that the document says (L3.4, G.2).

Anyone who writes adds a request to STS `GetCallerIdentity`, signed with the own role session and with the
document's hash among what is signed. Anyone who reads sends that request to STS: its answer names the role
and the session. A signature is good for that one document, says who signed and can do nothing else; STS
takes it for fifteen minutes.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.auth
import botocore.awsrequest
import urllib3

from lambdas.workflow.area import encoded

FIELD = "proof"
UNVERIFIED = " (not verified)"  # a name that was typed for a trial; AWS takes no blank in a session's name
_UNVERIFIED_SESSION = ",not-verified"
_BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
_ABOUT = "x-kit-document"
_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
_SENT = frozenset({"authorization", "x-amz-date", "x-amz-security-token", _ABOUT})
_ARN = re.compile(r"<Arn>([^<]+)</Arn>")
_SIGNED = re.compile(r"SignedHeaders=([a-z0-9;-]+)")


class NotProved(Exception):
    """The document is of nobody who may write it; the text says why, and nothing of the document."""


class ProofUnavailable(Exception):
    """STS gave no answer; the same step may be tried again."""


def signed(document: Mapping[str, Any], credentials: Any, sts_url: str, region: str) -> dict[str, Any]:
    """The document with the proof of who wrote it. `credentials` are botocore's, of a role session."""
    request = botocore.awsrequest.AWSRequest(
        "POST", _root(sts_url), headers={"content-type": _TYPE, _ABOUT: _hash(document)}, data=_BODY
    )
    botocore.auth.SigV4Auth(credentials, "sts", region).add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {**document, FIELD: {name: headers[name] for name in sorted(_SENT & headers.keys())}}


@dataclass(frozen=True, slots=True)
class Prover:
    """Asks the STS of `sts_url`, never one that a document names. `role` is the ARN with which a session of
    the one role begins that may write: `arn:aws:sts::<account>:assumed-role/<role>/`.
    """

    sts_url: str
    role: str
    pool: urllib3.PoolManager

    def person(self, document: Mapping[str, Any]) -> str:
        """Who wrote a document. Raises `NotProved`, or `ProofUnavailable` where STS does not answer."""
        arn = self.arn(document)
        if not arn.startswith(self.role):
            raise NotProved("the person who wrote it may not")
        return person_of(arn.removeprefix(self.role))

    def arn(self, document: Mapping[str, Any]) -> str:
        """Whose session wrote a document, for any role. Raises as `person` does."""
        proof = document.get(FIELD)
        if not isinstance(proof, Mapping) or not all(isinstance(one, str) for one in proof.values()):
            raise NotProved("it has no proof")
        about = _hash({name: value for name, value in document.items() if name != FIELD})
        names = _SIGNED.search(proof.get("authorization", ""))
        if proof.get(_ABOUT) != about or names is None or _ABOUT not in names.group(1).split(";"):
            raise NotProved("its proof is of another document")
        return self._ask({name: value for name, value in proof.items() if name in _SENT})

    def _ask(self, headers: Mapping[str, str]) -> str:
        try:
            answer = self.pool.request(
                "POST", _root(self.sts_url), body=_BODY, headers={"content-type": _TYPE, **headers},
                timeout=urllib3.Timeout(connect=3.0, read=10.0), redirect=False,
            )  # fmt: skip
        except urllib3.exceptions.HTTPError:
            raise ProofUnavailable("no answer") from None
        if answer.status >= 500 or answer.status == 429:
            raise ProofUnavailable(str(answer.status))
        found = _ARN.search(answer.data.decode("utf-8", "replace"))
        if answer.status != 200 or found is None:
            raise NotProved("AWS does not confirm its proof, or no longer")
        return found.group(1)


def session_of(person: str) -> str:
    """The name of the role session that acts for a person: what STS takes, 64 characters at most."""
    mark = _UNVERIFIED_SESSION if person.endswith(UNVERIFIED) else ""
    name = re.sub(r"[^\w+=.@-]+", "-", person.removesuffix(UNVERIFIED), flags=re.ASCII).strip("-")
    name = name[: 64 - len(mark)] if len(name) > 1 else f"person-{name}"
    return name + mark


def person_of(session: str) -> str:
    """The person for whom a role session acts, from its name."""
    if session.endswith(_UNVERIFIED_SESSION):
        return session.removesuffix(_UNVERIFIED_SESSION) + UNVERIFIED
    return session


def _hash(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(encoded(document)).hexdigest()


def _root(url: str) -> str:
    return url.rstrip("/") + "/"
