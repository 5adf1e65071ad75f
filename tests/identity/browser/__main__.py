"""A person's whole way, for real: `make test-browser` (G.4, L1.3).

A real OpenID Connect provider is federated through the user pool of a fresh embedded deployment. A person,
provisioned by SCIM, signs in with `kit login` in a real headless Chromium, calls the gateway with the token,
is deactivated by SCIM, and the next call is refused; five times over. Prints how long that took from the
answer of SCIM.

What it needs is installed under `.kit/browser`. Exit codes: 0 proved; 1 not; 4 this machine lacks something.
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
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from kit.identity.federation import PROVIDER
from kit.local.home import PROJECT_ROOT
from kit.target import Target, find_target
from tests.conftest import free_port
from tests.support.local_kit import LocalKit, local_deployment

FOLDER = PROJECT_ROOT / ".kit" / "browser"
SOURCES = Path(__file__).parent
PERSON, SECRET = "ada", "a-secret-of-this-run"
ROUNDS = 5
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def lacking() -> str:
    """What this machine lacks; empty when nothing."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not there: install Node.js 20 or newer"
    if chromium() is None:
        return "no Chromium: install the package chromium, or name one in CHROMIUM"
    FOLDER.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.glob("*.mjs"):
        shutil.copy(source, FOLDER)
    shutil.copy(SOURCES / "package.json", FOLDER)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    return f"npm could not install oidc-provider: {done.stderr.strip()[-300:]}" if done.returncode else ""


def chromium() -> str | None:
    """A Chromium on this machine."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextlib.contextmanager
def provider(port: int, redirect_uri: str) -> Iterator[None]:
    command = ["node", "provider.mjs", str(port), redirect_uri, SECRET]
    process = subprocess.Popen(
        command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        if not any("ready" in line for line in process.stdout):
            raise RuntimeError("the OpenID Connect provider did not start")
        yield
    finally:
        process.terminate()
        process.wait(10)


def federate(target: Target, port: int) -> None:
    """Point the pool's identity provider at ours, as a client's settings would."""
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


def send(method: str, url: str, token: str, body: dict[str, Any]) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def walk(kit: LocalKit) -> list[float]:
    """The whole way; seconds from SCIM's answer to the refusal, of each round."""
    variables = kit.clients_environment()
    with mock.patch.dict(os.environ, {"KIT_HOME": str(kit.folder)}):
        target = find_target()
    port = free_port()
    federate(target, port)
    user = {"schemas": [USER, ENTERPRISE], "userName": f"{PERSON}@example.com", "active": True}
    user[ENTERPRISE] = {"department": "finance"}
    scim, scim_token = variables["SCIM_BASE_URL"], variables["SCIM_TOKEN"]
    status, made = send("POST", f"{scim}/Users", scim_token, user)
    assert status == 201, made
    with provider(port, f"{target.require('sign_in_url')}/oauth2/idpresponse"):
        session = {"KIT_SESSION_FILE": str(kit.folder / "session.json")}
        browser = {
            "BROWSER": f"node {FOLDER / 'person.mjs'} %s", "PERSON": PERSON, "CHROMIUM": chromium() or "",
            "EMULATOR": target.endpoint_url or "",
        }  # fmt: skip

        def sign_in() -> str:
            signed_in = kit.run("login", "--wait", "60", **session, **browser)
            assert signed_in.returncode == 0, signed_in.stderr
            who = json.loads(kit.run("whoami", "--json", **session).stdout)
            assert (who["id"], who["department"]) == (made["id"], "finance"), who
            return kit.run("token", **session).stdout.strip()

        user_url = f"{scim}/Users/{made['id']}"
        return [round_of(variables, sign_in, user_url, scim_token) for _ in range(ROUNDS)]


def round_of(
    variables: Mapping[str, str], sign_in: Callable[[], str], user_url: str, scim_token: str
) -> float:
    """A person who was put out before comes back, signs in, calls, and is put out again."""

    def active(value: bool) -> None:
        operation = {"op": "replace", "path": "active", "value": value}
        status, answer = send("PATCH", user_url, scim_token, {"schemas": [PATCH], "Operations": [operation]})
        assert status == 200, answer

    def call() -> int:
        body = {
            "model": "fast", "max_tokens": 8, "messages": [{"role": "user", "content": "Say hello."}],
        }  # fmt: skip
        return send("POST", f"{variables['ANTHROPIC_BASE_URL']}/v1/messages", token, body)[0]

    active(True)
    time.sleep(1.1)  # sign-ins are distinguished by the second in which they began
    token = sign_in()
    deadline = time.monotonic() + 15
    while call() != 200:  # a refusal is remembered for some seconds too
        assert time.monotonic() < deadline, "the token of an active person is refused"
        time.sleep(0.2)
    active(False)
    answered = time.perf_counter()
    status = call()
    assert status in {401, 403}, f"the next call was answered with {status}"
    return time.perf_counter() - answered


def main() -> int:
    missing = lacking()
    if missing:
        print(f"error: {missing}", file=sys.stderr)
        return 4
    with local_deployment(FOLDER / "home") as kit:
        kit.up()
        seconds = sorted(walk(kit))
    print(
        f"signed in, called, deactivated, refused at the next call: {len(seconds)} of {ROUNDS}; "
        f"time to deny {seconds[len(seconds) // 2] * 1000:.0f} ms median, {seconds[-1] * 1000:.0f} ms at most"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
