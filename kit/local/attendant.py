"""The attendant gives each web process the credentials of its own role only, and restarts processes that
died.

On AWS the Lambda service assumes a function's role; here this process does. Only it holds the emulator's
root credentials. A process proves its role with a token; botocore's container provider fetches, caches and
renews the credentials.

It reads `<home>/attendant.json` (mode 0600): {"token_key": "…"}, the key of the tokens.
"""

import argparse
import hashlib
import hmac
import json
import os
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any
from urllib.parse import unquote

from kit.errors import KitError
from kit.home import Home, read_json, write_private
from kit.local.processes import is_running, load, note_restart, recorded, restarts, start
from lambdas.common.clock import Clock, utc_now

SESSION_SECONDS = 3600
_LOOK_SECONDS = 2.0
_MOST_RESTARTS = 5  # of one process within the time below: then it is left, and `kit status` says so
_RESTARTS_WITHIN = timedelta(minutes=10)


def token_of(token_key: str, role_arn: str) -> str:
    """Return the token with which a process gets the credentials of this role, and of no other."""
    return hmac.new(bytes.fromhex(token_key), role_arn.encode(), hashlib.sha256).hexdigest()


def token_key_of(home: Home) -> str:
    """Return the token key of this home; created once."""
    stored = read_json(home.attendant_file)
    if stored is None:
        stored = {"token_key": secrets.token_hex(32)}
        write_private(home.attendant_file, json.dumps(stored) + "\n")
    return str(stored["token_key"])


def credential_environment(url: str, token_key: str, role_arn: str) -> dict[str, str]:
    """Return the variables with which botocore finds the attendant, the ones that ECS and EKS set."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials/{role_arn}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token_of(token_key, role_arn),
    }


class Attendant:
    """Credentials for the processes of one home. `assume_role` is that of STS, as root."""

    def __init__(self, token_key: str, assume_role: Any) -> None:
        self._token_key = token_key
        self._assume_role = assume_role

    def credentials(self, role_arn: str, token: str) -> dict[str, str] | None:
        """Return fresh credentials of a role, or None for a wrong token."""
        if not hmac.compare_digest(token.encode(), token_of(self._token_key, role_arn).encode()):
            return None
        session = role_arn.rsplit("/", 1)[-1][:64]
        given = self._assume_role(RoleArn=role_arn, RoleSessionName=session, DurationSeconds=SESSION_SECONDS)[
            "Credentials"
        ]
        return {
            "AccessKeyId": given["AccessKeyId"],
            "SecretAccessKey": given["SecretAccessKey"],
            "Token": given["SessionToken"],
            "Expiration": given["Expiration"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _handler_class(attendant: Attendant) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200, {"status": "ok"})
                return
            if not self.path.startswith("/credentials/"):
                self._answer(404, {"message": "not found"})
                return
            role_arn = unquote(self.path.removeprefix("/credentials/"))
            try:
                found = attendant.credentials(role_arn, self.headers.get("Authorization", ""))
            except Exception as error:  # whatever STS raises: the caller learns the kind, not the details
                self._answer(503, {"message": type(error).__name__})
                return
            self._answer(*((200, found) if found else (403, {"message": "wrong token"})))

        def _answer(self, status: int, body: Mapping[str, str]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged: they come every few minutes and their path is all there is."""

    return Handler


class Keeper:
    """Restarts processes of a home that died without being stopped. It does nothing while `kit up` or `kit
    down` is running.
    """

    def __init__(self, home: Home, *, clock: Clock = utc_now) -> None:
        self._home = home
        self._clock = clock

    def watch(self) -> None:
        """Check every two seconds until the process ends."""
        while True:
            sleep(_LOOK_SECONDS)
            try:
                self.look()
            except (KitError, OSError) as error:
                print(f"not started again: {error}", file=sys.stderr)

    def look(self) -> list[str]:
        """Restart dead processes, except those that died too often; return the names of those restarted."""
        if self._home.busy():
            return []
        started = []
        for process in recorded(self._home):
            if process.pid == os.getpid() or is_running(process):
                continue
            if len(self._recent(process.name)) >= _MOST_RESTARTS:
                continue
            if self._home.busy() or load(self._home, process.name) is None:
                return started
            start(self._home, process)
            note_restart(self._home, process.name, self._clock())
            started.append(process.name)
        return started

    def _recent(self, name: str) -> list[datetime]:
        after = self._clock() - _RESTARTS_WITHIN
        return [at for at in restarts(self._home).get(name, ()) if at > after]


def main() -> None:
    """Serve until SIGTERM."""
    import boto3

    from kit import embedded

    parser = argparse.ArgumentParser(description="Hand out the credentials of roles.")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    home = Home(Path(os.environ["KIT_HOME"]))
    running = embedded.remembered(home)
    if running is None:
        sys.exit("there is no emulator: run kit up")
    sts = boto3.client(
        "sts",
        endpoint_url=running.endpoint_url,
        region_name=running.region,
        aws_access_key_id=running.access_key_id,
        aws_secret_access_key=running.secret_access_key,
    )
    attendant = Attendant(token_key_of(home), sts.assume_role)
    Thread(target=Keeper(home).watch, name="keeper", daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", arguments.port), _handler_class(attendant)).serve_forever()


if __name__ == "__main__":
    main()
