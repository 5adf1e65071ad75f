"""The attendant: hands each process the credentials of its own role, and runs scheduled functions.

On AWS the Lambda service assumes a function's role and starts it on schedule; here this process does. It
alone is given the emulator's root credentials. A process proves with its token which role it is, and
botocore's container provider fetches, caches and renews the credentials by itself.

It reads `<home>/attendant.json` (mode 0600):

    {"token_key": "…",                                     keys the tokens
     "functions": [{"name", "role_arn", "handler", "environment", "schedules": ["rate(1 minute)", …]}]}
"""

import argparse
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from kit.local.home import PROJECT_ROOT, Home

SESSION_SECONDS = 3600
FILE = "attendant.json"


def token_of(token_key: str, role_arn: str) -> str:
    """What a process shows to be given the credentials of this role, and of no other."""
    return hmac.new(bytes.fromhex(token_key), role_arn.encode(), hashlib.sha256).hexdigest()


def credential_environment(url: str, token_key: str, role_arn: str) -> dict[str, str]:
    """How botocore finds the attendant: the variables that ECS and EKS set."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials/{role_arn}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token_of(token_key, role_arn),
    }


@dataclass(frozen=True)
class ScheduledFunction:
    """A function that runs on events: `handler` is `module.function`."""

    name: str
    role_arn: str
    handler: str
    environment: Mapping[str, str]
    schedules: Sequence[str] = ()


class Attendant:
    """Credentials and schedules for one home."""

    def __init__(self, home: Home, assume_role: Any) -> None:
        stored = json.loads((home.path / FILE).read_text(encoding="utf-8"))
        self.home = home
        self.token_key: str = stored["token_key"]
        self.functions = [ScheduledFunction(**one) for one in stored["functions"]]
        self._assume_role = assume_role

    def credentials(self, role_arn: str, token: str) -> dict[str, str] | None:
        """Fresh credentials of a role; None for a wrong token."""
        if not hmac.compare_digest(token, token_of(self.token_key, role_arn)):
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

    def run_schedules(self, stopped: threading.Event) -> None:
        """Start every function whose schedule has come, minute by minute, one run of each at a time."""
        running: dict[str, subprocess.Popen[bytes]] = {}
        begun = datetime.now(UTC).replace(second=0, microsecond=0)
        minute = begun
        while not stopped.wait(max(0.0, (minute + timedelta(minutes=1) - datetime.now(UTC)).total_seconds())):
            minute += timedelta(minutes=1)
            for function in self.functions:
                still = running.get(function.name)
                if still is not None and still.poll() is None:
                    continue
                if any(is_due(schedule, minute, begun) for schedule in function.schedules):
                    running[function.name] = self._invoke(function, minute)

    def _invoke(self, function: ScheduledFunction, minute: datetime) -> "subprocess.Popen[bytes]":
        event = {"source": "aws.scheduler", "time": minute.strftime("%Y-%m-%dT%H:%M:%SZ")}
        with self.home.log(function.name).open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "kit.local.invoke", function.handler, json.dumps(event)],
                env=dict(function.environment),
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )


def is_due(schedule: str, minute: datetime, begun: datetime) -> bool:
    """Whether a schedule expression of AWS (`rate(…)` or `cron(…)`, in UTC) has come in this minute."""
    kind, _, rest = schedule.partition("(")
    body = rest.rstrip(")")
    if kind == "rate":
        number, unit = body.split()
        every = int(number) * {"minute": 1, "hour": 60, "day": 1440}[unit.rstrip("s")]
        return int((minute - begun).total_seconds() // 60) % every == 0
    minutes, hours, days, months, weekdays, *_ = body.split()
    weekday = minute.isoweekday() % 7 + 1  # AWS counts from Sunday = 1
    return (
        _field_has(minutes, minute.minute)
        and _field_has(hours, minute.hour)
        and _field_has(days, minute.day)
        and _field_has(months, minute.month, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")
        and _field_has(weekdays, weekday, "SUN MON TUE WED THU FRI SAT")
    )


def _field_has(field: str, value: int, names: str = "") -> bool:
    numbers = {name: str(number) for number, name in enumerate(names.split(), start=1)}
    for part in field.upper().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span in ("*", "?"):
            low, high = 0, 99
        else:
            low = int(numbers.get(first, first))
            high = int(numbers.get(last, last)) if last else (99 if step else low)
        origin = low if span not in ("*", "?") else 0
        if low <= value <= high and (value - origin) % int(step or 1) == 0:
            return True
    return False


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


def main() -> None:
    """Serve until SIGTERM."""
    import boto3

    parser = argparse.ArgumentParser(description="Hand out role credentials and run scheduled functions.")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    home = Home(Path(os.environ["KIT_HOME"]))
    from kit.local import emulator

    running = emulator.remembered(home)
    if running is None:
        sys.exit("there is no emulator: run kit up")
    sts = boto3.client(
        "sts",
        endpoint_url=running.endpoint_url,
        region_name=running.region,
        aws_access_key_id=running.access_key_id,
        aws_secret_access_key=running.secret_access_key,
    )
    attendant = Attendant(home, sts.assume_role)
    stopped = threading.Event()
    threading.Thread(target=attendant.run_schedules, args=(stopped,), daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", arguments.port), _handler_class(attendant)).serve_forever()


if __name__ == "__main__":
    main()
