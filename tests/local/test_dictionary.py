"""A client's protected terms on a deployment: published, approved in the diff, in force (L2.3, G.1).

The shared deployment of the session gets a published version and, for a moment, a policy that approves it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import anthropic
import pytest

from kit.target import Target, find_target
from lambdas.common.policy import dictionary_key
from tests.identity.commands import run
from tests.support.local_kit import LocalKit

pytestmark = [pytest.mark.emulator, pytest.mark.timeout(300)]  # a busy machine takes its time
TERM = "Quillfeather"


@pytest.fixture
def target(local_kit: LocalKit, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """The deployment as operators reach it; its policy is put back at the end."""
    monkeypatch.setenv("KIT_HOME", str(local_kit.folder))
    target = find_target()
    place = {"Bucket": target.require("governance_bucket_name"), "Key": target.require("policy_object_key")}
    policy = target.client("s3").get_object(**place)["Body"].read()
    yield target
    target.client("s3").put_object(**place, Body=policy)


def terms(folder: Path, **more: object) -> Path:
    file = folder / "terms.json"
    entry = {"id": "deal-7", "term": TERM, "level": "confidential", **more}
    file.write_text(json.dumps({"terms": [entry]}))
    return file


def approve(target: Target, published: dict[str, Any]) -> None:
    """What a deployment of integration does with the client's `dictionary:`."""
    place = {"Bucket": target.require("governance_bucket_name"), "Key": target.require("policy_object_key")}
    policy = json.loads(target.client("s3").get_object(**place)["Body"].read())
    policy["dictionary"] = {key: published[key] for key in ("version", "sha256", "approved_by")}
    target.client("s3").put_object(**place, Body=json.dumps(policy).encode())


def ask(local_kit: LocalKit) -> None:
    client = anthropic.Anthropic(
        base_url=local_kit.variables["ANTHROPIC_BASE_URL"],
        auth_token=local_kit.variables["ANTHROPIC_AUTH_TOKEN"],
        max_retries=0,
    )
    content = f"What is new in {TERM.lower()}?"
    client.messages.create(model="fast", max_tokens=9, messages=[{"role": "user", "content": content}])


def test_an_approved_dictionary_stops_its_terms_within_fifteen_seconds_and_a_changed_one_stops_all(
    local_kit: LocalKit, target: Target, tmp_path: Path
) -> None:
    done = run(local_kit, "dictionary", "publish", str(terms(tmp_path)), "--approved-by", "Ana", "--json")
    assert done.code == 0, done.stderr
    published = json.loads(done.stdout)
    assert TERM not in done.stdout
    ask(local_kit)  # published is not approved
    approve(target, published)
    refused = _refused_within(local_kit, 20)
    assert isinstance(refused, anthropic.APIStatusError)
    assert refused.status_code == 451
    assert TERM.lower() not in str(refused).lower()
    shown = run(local_kit, "dictionary", "show", "--json")
    assert [(one["version"], one["in_force"]) for one in json.loads(shown.stdout)] == [
        (published["version"], True)
    ]
    assert TERM not in run(local_kit, "dictionary", "show").stdout
    # a policy that names another hash than anything published: the operator is told
    approve(target, {**published, "sha256": "0" * 64})
    told = run(local_kit, "dictionary", "show")
    assert (told.code, "never published" in told.stderr) == (5, True)


def _refused_within(local_kit: LocalKit, seconds: float) -> Exception:
    until = monotonic() + seconds
    while monotonic() < until:
        try:
            ask(local_kit)
        except anthropic.APIStatusError as error:
            return error
        sleep(0.5)
    raise AssertionError("the term still passes")


def test_the_same_terms_are_one_version_encrypted_under_the_governance_key_and_recorded(
    local_kit: LocalKit, target: Target, tmp_path: Path
) -> None:
    arguments = ("dictionary", "publish", str(terms(tmp_path)), "--approved-by", "Ana", "--json")
    first, second = (json.loads(run(local_kit, *arguments).stdout) for _ in range(2))
    assert first == second
    head = target.client("s3").head_object(
        Bucket=target.require("governance_bucket_name"), Key=dictionary_key(first["sha256"])
    )
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"] == target.require("governance_key_arn")
    changed = terms(tmp_path, cased=True)
    other = json.loads(run(local_kit, "dictionary", "publish", str(changed), *arguments[3:]).stdout)
    assert other["version"] == first["version"] + 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not JSON"),
        ('{"terms": []}', "terms: none"),
        ('{"terms": [{"id": "1", "term": "Quillfeather", "level": "secret"}]}', "terms[0].level"),
    ],
)
def test_a_file_that_is_no_dictionary_is_refused_by_place_and_not_by_term(
    local_kit: LocalKit, tmp_path: Path, content: str, says: str
) -> None:
    file = tmp_path / "terms.json"
    file.write_text(content)
    done = run(local_kit, "dictionary", "publish", str(file), "--approved-by", "Ana")
    assert done.code == 2
    assert says in done.stderr
    assert TERM not in done.stderr
