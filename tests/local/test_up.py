"""`kit up`, `down`, `env`, `status`, `logs` as a stranger uses them: on this machine, over HTTP, with the
official SDK (Z.1, S.1-S.3, L1.7). The shared deployment of the session is only looked at.
"""

import json
import re
import shlex
import stat
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import anthropic
import boto3
import botocore.exceptions
import httpx2
import pytest

from tests.support.local_kit import LocalKit

pytestmark = [pytest.mark.emulator, pytest.mark.timeout(300)]  # a busy machine takes its time


def test_kit_up_makes_a_first_request_and_says_what_is_where(local_kit: LocalKit) -> None:
    report = local_kit.report
    assert report["stages"] == ["foundation", "integration", "rollout"]
    assert report["resources"]["emulated"] > 100
    assert report["changes"].keys() == {"create"}
    assert report["claude"] == "stand-in"
    assert "[local stand-in, not Claude]" in report["first_request"]["text"]
    assert report["first_request"]["request_id"].startswith("req_")


def test_the_next_call_just_works_with_what_kit_env_exports(local_kit: LocalKit) -> None:
    lines = local_kit.run("env").stdout.splitlines()
    exported = dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in lines)
    assert exported == local_kit.variables
    client = anthropic.Anthropic(
        base_url=exported["ANTHROPIC_BASE_URL"], auth_token=exported["ANTHROPIC_AUTH_TOKEN"]
    )
    with client.messages.stream(
        model="fast", max_tokens=50, messages=[{"role": "user", "content": "A question."}]
    ) as stream:
        assert "A question." in stream.get_final_text()
    session = boto3.Session(
        aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
        region_name=exported["AWS_REGION"],
    )
    tables = session.client("dynamodb", endpoint_url=exported["AWS_ENDPOINT_URL"]).list_tables()["TableNames"]
    assert "example-production-ledger" in tables
    request = urllib.request.Request(
        exported["SCIM_BASE_URL"] + "/Users",
        headers={"Authorization": f"Bearer {exported['SCIM_TOKEN']}"},
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["totalResults"] >= 0


def test_embeddings_are_answered_with_made_up_vectors_and_on_record(local_kit: LocalKit) -> None:
    exported = local_kit.clients_environment()
    answer = httpx2.post(
        f"{exported['ANTHROPIC_BASE_URL']}/v1/embeddings",
        json={"input": ["one text", "another", "one text"], "dimensions": 256},
        headers={"Authorization": f"Bearer {exported['ANTHROPIC_AUTH_TOKEN']}"},
    )
    assert answer.status_code == 200, answer.text
    first, other, again = (one["embedding"] for one in answer.json()["data"])
    assert len(first) == 256
    assert first == again != other
    found = local_kit.run("audit", "find", "--request-id", answer.headers["request-id"], "--json")
    assert [one["kind"] for one in json.loads(found.stdout)["records"]] == ["intent", "outcome"]


def test_a_second_run_says_that_nothing_changed_and_restarts_nothing(local_kit: LocalKit) -> None:
    before = {process["name"]: process["pid"] for process in _status(local_kit)["processes"]}
    done = local_kit.run("up")
    assert done.returncode == 0, done.stderr
    assert "nothing changed" in done.stdout
    assert {process["name"]: process["pid"] for process in _status(local_kit)["processes"]} == before
    assert (
        local_kit.run("env", "--json").stdout
        == json.dumps(local_kit.variables, indent=2, sort_keys=True) + "\n"
    )


def _status(kit: LocalKit) -> dict[str, Any]:
    return json.loads(kit.run("status", "--json").stdout)


def test_status_tells_urls_and_health(local_kit: LocalKit) -> None:
    status = _status(local_kit)
    assert status["up"]
    assert status["gateway_url"] == local_kit.variables["ANTHROPIC_BASE_URL"]
    assert {process["name"]: process["health"] for process in status["processes"]}.items() >= {
        "attendant": "up", "claude-stand-in": "up", "emulator": "up", "gateway": "up", "scim": "up",
    }.items()  # fmt: skip
    assert status["stacks"].keys() == {"foundation", "integration", "rollout"}
    assert "gateway" in local_kit.run("status").stdout


def test_everything_listens_on_the_loopback_address_only(local_kit: LocalKit) -> None:
    ports = {int(process["url"].rsplit(":", 1)[1]) for process in _status(local_kit)["processes"]}
    listening = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, port = line.split()[1].rsplit(":", 1)
            if line.split()[3] == "0A" and int(port, 16) in ports:
                listening.add((int(port, 16), address))
    assert {port for port, _ in listening} == ports
    assert {address for _, address in listening} == {"0100007F"}


def test_the_demonstration_calls_itself_one(local_kit: LocalKit) -> None:
    assert "data-classification-approved" in local_kit.report["demonstrated"]
    evidence = local_kit.home.demonstration_file.read_text()
    assert evidence.count("demonstration: true") == len(local_kit.report["demonstrated"])
    assert "nobody approved or measured this" in evidence


def test_credentials_are_generated_private_and_not_printed(local_kit: LocalKit) -> None:
    secrets = [
        local_kit.variables[name] for name in ("AWS_SECRET_ACCESS_KEY", "ANTHROPIC_AUTH_TOKEN", "SCIM_TOKEN")
    ]
    shown = json.dumps(local_kit.report) + local_kit.run("status", "--json").stdout
    assert all(len(secret) >= 40 and secret not in shown for secret in secrets)
    holders = [
        path
        for path in local_kit.folder.rglob("*")
        if path.is_file()
        and not path.is_relative_to(local_kit.home.emulator_folder)
        and any(secret.encode() in path.read_bytes() for secret in secrets)
    ]
    assert {path.name for path in holders} == {"emulator.json", "access.json"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in holders)


def test_a_process_gets_the_credentials_of_its_own_role_and_of_no_other(local_kit: LocalKit) -> None:
    stored = json.loads((local_kit.home.processes / "gateway.json").read_text())["environment"]
    url, token = (
        stored["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        stored["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
    )
    assert "AWS_ACCESS_KEY_ID" not in stored

    def ask(address: str, shown: str) -> dict[str, str]:
        with urllib.request.urlopen(
            urllib.request.Request(address, headers={"Authorization": shown})
        ) as told:
            return json.load(told)

    given = ask(url, token)
    session = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["Token"], local_kit.variables["AWS_REGION"]
    )
    endpoint = local_kit.variables["AWS_ENDPOINT_URL"]
    identity = session.client("sts", endpoint_url=endpoint).get_caller_identity()["Arn"]
    assert ":assumed-role/example-production-gateway/" in identity
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        session.client("dynamodb", endpoint_url=endpoint).put_item(
            TableName="example-production-directory", Item={"pk": {"S": "KEY#x"}, "sk": {"S": "ACCESS"}}
        )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(url.replace("-gateway", "-notary"), token)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(url, "guessed")


def test_logs_of_processes_and_functions_can_be_read(local_kit: LocalKit) -> None:
    names = local_kit.run("logs").stdout.split()
    assert {"gateway", "emulator", "claude-stand-in"} <= set(names)
    functions = set(names) - {path.stem for path in local_kit.folder.glob("logs/*.log")}
    assert functions
    for name in ("gateway", min(functions)):
        assert local_kit.run("logs", name).returncode == 0
    done = local_kit.run("logs", "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: there is no log 'nothing'\nhint: use one of: ")


def test_event_functions_stand_in_the_emulator_with_their_code_role_and_environment(
    local_kit: LocalKit,
) -> None:
    functions = boto3.client(
        "lambda",
        endpoint_url=local_kit.variables["AWS_ENDPOINT_URL"],
        region_name=local_kit.variables["AWS_REGION"],
        aws_access_key_id=local_kit.variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=local_kit.variables["AWS_SECRET_ACCESS_KEY"],
    )
    found = functions.get_function(FunctionName="example-production-gateway", Qualifier="live")[
        "Configuration"
    ]
    assert found["Role"].endswith(":role/example-production-gateway")
    assert found["Environment"]["Variables"]["LEDGER_TABLE"] == "example-production-ledger"
    assert found["CodeSize"] > 10_000


def test_help_of_every_command_names_its_exit_codes(local_kit: LocalKit) -> None:
    for command in ("up", "down", "env", "status", "logs"):
        done = local_kit.run(command, "--help", COLUMNS="200")
        assert done.returncode == 0
        assert re.search(r"Exit codes: 0 ", done.stdout), command
