"""A person's whole way, for real, by OpenID Connect and by SAML: `make test-browser` (G.4, L1.3). One of them
alone: `python -m tests.identity.browser saml`.

Real identity providers (npm's oidc-provider and samlp) are federated through the user pool of a fresh
embedded deployment. A person, provisioned by SCIM, signs in with `kit login` in a real headless Chromium and
calls the gateway; the session is renewed, follows a change of group, ends with a rename and with a sign-out;
another account with the person's address is not the person; and, some times over, the person is deactivated
by SCIM and the next call is refused. Prints each step, and how long the refusal took from the answer of SCIM.

What it needs is installed under `.kit/browser`; pictures of the pages are in `.kit/browser/pictures`. The
emulated user pool checks no signature of an assertion: that is AWS's part. Exit codes: 0 proved; 1 not; 4
this machine lacks something.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from contract.client import SamlAttributes
from kit.home import PROJECT_ROOT
from kit.identity.federation import PROVIDER
from kit.target import Target, find_target
from tests.support.local_kit import LocalKit, local_deployment
from tests.support.ports import free_port

FOLDER = PROJECT_ROOT / ".kit" / "browser"
PICTURES = FOLDER / "pictures"
SOURCES = Path(__file__).parent
SECRET = "a-secret-of-this-run"
ROUNDS = 3
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_METADATA = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{base}">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>
{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{base}/sso"/>
</IDPSSODescriptor></EntityDescriptor>"""


def lacking() -> str:
    """What this machine lacks; empty when nothing."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not there: install Node.js 20 or newer"
    if not shutil.which("openssl"):
        return "openssl is not there, which makes the SAML provider's certificate"
    if chromium() is None:
        return "no Chromium: install the package chromium, or name one in CHROMIUM"
    PICTURES.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.glob("*.mjs"):
        shutil.copy(source, FOLDER)
    shutil.copy(SOURCES / "package.json", FOLDER)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    return f"npm could not install the providers: {done.stderr.strip()[-300:]}" if done.returncode else ""


def chromium() -> str | None:
    """A Chromium on this machine."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextlib.contextmanager
def running(*command: str) -> Iterator[None]:
    """A provider, once it says that it is ready."""
    process = subprocess.Popen(
        ["node", *command], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        if not any("ready" in line for line in process.stdout):
            raise RuntimeError(f"{command[0]} did not start")
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def by_oidc(target: Target) -> Iterator[None]:
    """The pool's identity provider is a real one of OpenID Connect, as a client's settings would have it."""
    port = free_port()
    cognito, names = target.client("cognito-idp"), {
        "UserPoolId": target.require("user_pool_id"), "ProviderName": PROVIDER,
    }  # fmt: skip
    details = cognito.describe_identity_provider(**names)["IdentityProvider"]["ProviderDetails"]
    base = f"http://127.0.0.1:{port}"
    ours = {
        "oidc_issuer": base, "authorize_url": f"{base}/auth", "token_url": f"{base}/token",
        "jwks_uri": f"{base}/jwks", "attributes_url": f"{base}/me", "client_secret": SECRET,
    }  # fmt: skip
    cognito.update_identity_provider(**names, ProviderDetails={**details, **ours})
    with running("provider.mjs", str(port), f"{target.require('sign_in_url')}/oauth2/idpresponse", SECRET):
        yield


@contextlib.contextmanager
def by_saml(target: Target) -> Iterator[None]:
    """The pool's identity provider is a real one of SAML, with the attributes of `identity.attributes`."""
    port = free_port()
    key, certificate = FOLDER / "saml.key", FOLDER / "saml.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
         "-days", "2", "-subj", "/CN=browser-test"],
        check=True, capture_output=True,
    )  # fmt: skip
    lines = certificate.read_text().splitlines()[1:-1]
    metadata = _METADATA.format(base=f"http://127.0.0.1:{port}", certificate="".join(lines))
    cognito, names = target.client("cognito-idp"), {
        "UserPoolId": target.require("user_pool_id"), "ProviderName": PROVIDER,
    }  # fmt: skip
    cognito.delete_identity_provider(**names)
    attributes = SamlAttributes()
    cognito.create_identity_provider(
        **names,
        ProviderType="SAML",
        ProviderDetails={"MetadataFile": metadata, "IDPSignout": "true"},
        AttributeMapping={"email": attributes.email, "preferred_username": attributes.user_name},
    )
    with running("saml.mjs", str(port), str(certificate), str(key)):
        yield


def send(method: str, url: str, token: str, body: Mapping[str, Any] | None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


@dataclass
class Journey:
    """One person's way through one kind of sign-in."""

    kit: LocalKit
    variables: Mapping[str, str]
    target: Target
    kind: str

    def walk(self) -> list[float]:
        """Every step, said as it is done; seconds from SCIM's answer to the refusal, of each round."""
        person = f"ada-{self.kind}"
        made = self._scim(
            "POST", "/Users",
            {"schemas": [USER, ENTERPRISE], "userName": f"{person}@example.com", "externalId": person,
             "active": True, ENTERPRISE: {"department": "finance"}},
        )  # fmt: skip
        path = f"/Users/{made['id']}"
        who = self._sign_in(person, pictures=True)
        assert (who["id"], who["department"]) == (made["id"], "finance"), who
        self._passes()
        self._said("signed in and called")

        before = self._held()
        self._expire()
        assert self._run("token").stdout.strip() not in {"", before}, "the session was not renewed"
        self._passes()
        self._said("renewed the session and called")

        members = [{"value": made["id"]}]
        self._scim("POST", "/Groups", {
            "schemas": [GROUP], "displayName": f"Claude {self.kind}", "members": members,
        })  # fmt: skip
        self._patch(path, {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "marketing"})
        self._expire()
        assert self._who()["department"] == "marketing", "the renewed session did not follow the change"
        self._said("another department after the next renewal")

        self._patch(path, {"op": "replace", "path": "userName", "value": f"{person}.new@example.com"})
        self._is_refused()
        assert self._sign_in(person)["id"] == made["id"], "the account is the person's under a new name too"
        self._passes()
        self._said("a rename ended the session; the same account is the same person")

        stranger = self._sign_in(f"mallory.as.{person}", may_fail=True)
        assert stranger.get("id") != made["id"], "another account with the address is the person"
        self._said("another account with the person's address is not the person")

        self._sign_in(person)
        token = self._held()
        assert self._run("logout").returncode == 0
        assert self._call(token) in {401, 403}, "a token of a session that was ended passes"
        self._said("signed out, the token is refused")
        return [self._round(person, path) for _ in range(ROUNDS)]

    def _round(self, person: str, path: str) -> float:
        """Signs in, calls, is put out, is refused, comes back."""
        self._sign_in(person)
        self._passes()
        token = self._held()
        self._patch(path, {"op": "replace", "path": "active", "value": False})
        answered = time.perf_counter()
        status = self._call(token)
        assert status in {401, 403}, f"the next call was answered with {status}"
        seconds = time.perf_counter() - answered
        self._patch(path, {"op": "replace", "path": "active", "value": True})
        return seconds

    def _said(self, what: str) -> None:
        print(f"{self.kind}: {what}", flush=True)

    def _scim(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        base, token = self.variables["SCIM_BASE_URL"], self.variables["SCIM_TOKEN"]
        status, answer = send(method, f"{base}{path}", token, body)
        assert status in {200, 201, 204}, answer
        return answer

    def _patch(self, path: str, *operations: Mapping[str, Any]) -> None:
        self._scim("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    def _sign_in(self, account: str, *, pictures: bool = False, may_fail: bool = False) -> dict[str, Any]:
        """Who the gateway says somebody is after signing in as an account of the provider."""
        time.sleep(1.1)  # sign-ins are distinguished by the second in which they began
        self._session.unlink(missing_ok=True)
        browser = {
            "BROWSER": f"node {FOLDER / 'person.mjs'} %s", "PERSON": account, "CHROMIUM": chromium() or "",
            "EMULATOR": self.target.endpoint_url or "",
            "PICTURES": str(PICTURES / self.kind) if pictures else "",
        }  # fmt: skip
        done = self._run("login", "--wait", "90", **browser)
        assert may_fail or done.returncode == 0, done.stderr
        return self._who(may_fail=may_fail)

    def _who(self, *, may_fail: bool = False) -> dict[str, Any]:
        """Of somebody who may fail, the first answer; else waits until a known refusal is forgotten."""
        deadline = time.monotonic() + 60
        while (done := self._run("whoami", "--json")).returncode:
            if may_fail:
                return {}
            assert time.monotonic() < deadline, done.stderr
        return json.loads(done.stdout)

    def _held(self) -> str:
        """The access token of the session, as it is kept."""
        return json.loads(self._session.read_text())["access_token"]

    def _expire(self) -> None:
        """As if the access token had come to its end."""
        session = json.loads(self._session.read_text())
        self._session.write_text(json.dumps({**session, "expires_at": 0}))

    def _passes(self) -> None:
        """A call is answered, at the latest when what is remembered of a refusal is over."""
        deadline = time.monotonic() + 60
        while self._call(self._held()) != 200:
            assert time.monotonic() < deadline, "the token of an active person is refused"
            time.sleep(0.2)

    def _is_refused(self) -> None:
        """The token passes no more, and the session gives no other once the worker, which runs every
        minute, has ended it at the pool. Until then a renewed token of AWS still says when the sign-in was;
        the emulator's says that it was now.
        """
        assert self._call(self._held()) in {401, 403}
        deadline = time.monotonic() + 240
        self._expire()
        while self._run("token").returncode == 0:
            assert time.monotonic() < deadline, "the session was not ended"
            time.sleep(5)
            self._expire()

    def _call(self, token: str) -> int:
        body = {
            "model": "fast", "max_tokens": 8, "messages": [{"role": "user", "content": "Say hello."}],
        }  # fmt: skip
        return send("POST", f"{self.variables['ANTHROPIC_BASE_URL']}/v1/messages", token, body)[0]

    def _run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return self.kit.run(*arguments, KIT_SESSION_FILE=str(self._session), **environment)

    @property
    def _session(self) -> Path:
        return self.kit.folder / f"session-{self.kind}.json"


_WAYS = {"oidc": by_oidc, "saml": by_saml}


def main() -> int:
    kinds = sys.argv[1:] or list(_WAYS)
    if not set(kinds) <= set(_WAYS):
        print(f"error: ways to sign in are {' and '.join(_WAYS)}", file=sys.stderr)
        return 2
    missing = lacking()
    if missing:
        print(f"error: {missing}", file=sys.stderr)
        return 4
    seconds: list[float] = []
    with local_deployment(FOLDER / "home") as kit:
        kit.up()
        variables = kit.clients_environment()
        with mock.patch.dict(os.environ, {"KIT_HOME": str(kit.folder)}):
            target = find_target()
        for kind in kinds:
            with _WAYS[kind](target):
                seconds += Journey(kit, variables, target, kind).walk()
    seconds.sort()
    print(
        f"deactivated, refused at the next call: {len(seconds)} of {len(kinds) * ROUNDS}; time to deny "
        f"{seconds[len(seconds) // 2] * 1000:.0f} ms median, {seconds[-1] * 1000:.0f} ms at most"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
