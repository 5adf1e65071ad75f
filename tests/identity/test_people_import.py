"""People where no identity provider provisions: a list, a plan that somebody looks at, the same consequences
as by SCIM (G.4, C.1).
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from kit.errors import ExitCode, KitError
from kit.identity.scim_client import ScimClient
from tests.identity.commands import known_target, run
from tests.support.local_kit import LocalKit

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("one_target")]
HEAD = "user_name,email,name,department,external_id,groups,active\n"


@pytest.fixture(scope="module")
def one_target(local_kit: LocalKit) -> Iterator[None]:
    """The deployment is looked up once: AWS clients take seconds to make on a loaded machine."""
    with known_target(local_kit):
        yield


def imported(kit: LocalKit, file: Path, *options: str) -> dict[str, Any]:
    done = run(kit, "people", "import", str(file), "--json", *options)
    assert done.code == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def people(kit: LocalKit, *options: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(run(kit, "people", "list", "--json", *options).stdout)}


def test_a_list_is_planned_looked_at_and_carried_out_once(local_kit: LocalKit, tmp_path: Path) -> None:
    kit, file = local_kit, tmp_path / "people.csv"
    file.write_text(
        "\ufeff" + HEAD + "new-a@example.com,,Ann A,marketing,x-1,,\n"
        'new-b@example.com,b@example.com,"B, Bob",,x-2,Claude Finance;Claude Champions,yes\n'
        "new-c@example.com,,,marketing,,,no\n"
    )
    planned = imported(kit, file)
    assert [one["what"] for one in planned["steps"]] == ["create"] * 3
    assert "new-a@example.com" not in people(kit), "a plan changes nothing"
    assert run(kit, "people", "import", str(file), "--apply", "0" * 12).code == 2
    assert imported(kit, file, "--apply", planned["sha256"][:12])["failures"] == []
    found = people(kit, "--all")
    assert found["new-a@example.com"]["department"] == "marketing"
    assert found["new-a@example.com"]["granted_by"] == ["attribute department: department marketing"]
    assert found["new-b@example.com"]["state"] == "active"
    assert found["new-c@example.com"]["state"] == "inactive"
    again = imported(kit, file)
    assert (again["steps"], again["unchanged"]) == ([], 3)
    file.write_text(
        HEAD + "NEW-A@example.com,,Ann A,finance,x-1,,\nnew-b@example.com,,,,,Claude Finance,no\n"
    )
    moved = imported(kit, file)
    assert [(one["what"], one["changes"], one["leaves"]) for one in moved["steps"]] == [
        ("change", ["department"], []),
        ("change", ["active"], ["Claude Champions"]),
    ]
    imported(kit, file, "--apply", moved["sha256"])
    found = people(kit, "--all")
    assert found["new-a@example.com"]["department"] == "finance"
    assert found["new-b@example.com"]["state"] == "inactive"
    records = json.loads(run(kit, "audit", "find", "--kind", "scim", "--json").stdout)["records"]
    assert any(one["event"] == "token-created" and one["token"].startswith("kit-import-") for one in records)
    assert not [
        one for one in json.loads(run(kit, "scim", "token", "list", "--json").stdout) if "kit-" in one["name"]
    ]


def test_a_complete_list_puts_out_who_is_not_on_it_but_not_everybody_by_mistake(
    local_kit: LocalKit, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(HEAD + "nobody-else@example.com,,,marketing,,,\n")
    planned = run(local_kit, "people", "import", str(file), "--complete", "--leavers", "0")
    assert planned.code == 2
    assert "would be put out" in planned.stderr
    steps = imported(local_kit, file, "--complete")["steps"]
    assert {"put out", "create"} == {one["what"] for one in steps}


def test_one_person_is_invited_and_removed_and_the_next_call_is_refused(local_kit: LocalKit) -> None:
    kit = local_kit
    said = run(kit, "people", "invite", "guest@example.com", "--department", "marketing", "--name", "Guest")
    assert said.code == 0, said.stderr
    assert "claude-kit-token login" in said.stdout
    guest = people(kit)["guest@example.com"]
    assert run(kit, "people", "invite", "guest@example.com", "--department", "marketing").code == 2
    assert run(kit, "people", "invite", "x@example.com", "--department", "nowhere").code == 2
    assert run(kit, "people", "invite", "no address", "--department", "marketing").code == 2
    assert run(kit, "people", "remove", "guest@example.com").code == 0
    assert people(kit, "--all")["guest@example.com"]["state"] == "inactive"
    assert run(kit, "people", "remove", guest["id"], "--delete").code == 0
    assert run(kit, "people", "remove", "guest@example.com").code == 2


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("name,email\nA,a@example.com\n", "unknown columns|no column user_name"),
        ("user_name,colour\na@example.com,red\n", "unknown columns: colour"),
        (HEAD, "nobody is on the list"),
        ("", "no column user_name"),
        (HEAD + ",a@example.com,,,,,\n", "line 2"),
        (HEAD + "a@example.com,,,,,,perhaps\n", "line 2"),
        (HEAD + "a@example.com,,,,,,,extra\n", "line 2"),
        (HEAD + "a@example.com,,,,,,\nA@EXAMPLE.com,,,,,,\n", "line 3: .* on line 2"),
    ],
)
def test_a_list_that_is_wrong_names_its_lines(tmp_path: Path, text: str, wrong: str) -> None:
    from kit.errors import KitError
    from kit.identity.imports import read_list

    with pytest.raises(KitError, match=wrong):
        read_list(text)


def test_a_request_above_the_rate_limit_is_sent_again_and_not_for_ever() -> None:
    refusals, seen = [3], []

    class Limited(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append(body)
            refused = len(seen) <= refusals[0]
            content = b'{"detail": "Too many requests"}' if refused else body
            self.send_response(429 if refused else 201)
            self.send_header("retry-after", "0")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Limited) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = ScimClient(f"http://127.0.0.1:{server.server_port}", "token")
        assert client.ask("POST", "/Users", {"userName": "a"}) == {"userName": "a"}
        assert len(seen) == 4
        refusals[0] = 1000
        with pytest.raises(KitError) as stopped:
            client.ask("POST", "/Users", {"userName": "b"})
        assert stopped.value.exit_code == ExitCode.ENVIRONMENT
        server.shutdown()
