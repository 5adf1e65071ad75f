"""From a person's proposal to a draft of the library (L2.1, L4.2)."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import botocore.session
import pytest
from typer.testing import CliRunner

from kit.commands.prompt import app
from kit.home import PROJECT_ROOT
from kit.prompts.library import read_library
from lambdas.portal.erasure import erase
from lambdas.portal.notices import Notices

from .in_process import REGION, Clock, Place, make_place, post

LIN, KIM = "p_lin", "p_kim"
WORDS = {
    "text": "Read a lease: notice period, rent, who repairs.",
    "example": "Clause 14: six months' notice.\n# not a heading",
    "result": "Notice: six months (clause 14)",
}


@pytest.fixture
def place(aws: None) -> Place:
    made = make_place(clock=Clock(datetime(2026, 12, 1, 9, tzinfo=UTC)))
    made.joined(LIN)
    made.joined(KIM, "people", roles=["enablement-lead"])
    return made


@pytest.fixture
def library(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT_ROOT / "prompts" / "legal" / "nda-triage", tmp_path / "prompts/legal/nda-triage")
    return tmp_path / "prompts"


def _proposed(place: Place, folder: Path, **fields: str) -> Path:
    """Lin proposes, Kim downloads; Lin cannot."""
    with place.browser(LIN) as client:
        ticket = post(client, "library/propose", {**WORDS, **fields}).url.path.removeprefix("/portal/")
        assert client.get(f"/portal/{ticket}/proposal.json").status_code == 404
    with place.browser(KIM) as client:
        assert f"{ticket}/proposal.json" in client.get(f"/portal/{ticket}").text
        file = folder / "proposal.json"
        file.write_bytes(client.get(f"/portal/{ticket}/proposal.json").content)
    assert LIN not in file.read_text()
    return file


def _kit(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return done.exit_code, done.output


def test_a_proposal_starts_a_draft_that_the_library_reads(
    place: Place, library: Path, tmp_path: Path
) -> None:
    file = _proposed(place, tmp_path)
    code, said = _kit("adopt", file, "legal/lease-check", "--library", library)
    assert code == 0, said
    entry = read_library(library)["lease-check"]
    assert entry.status == "unpublished"
    assert entry.file.tests[0].variables == {"document": WORDS["example"]}
    text = (entry.folder / "prompt.yaml").read_text()
    assert all(line.startswith("#") for line in text.partition("name: ")[0].splitlines())
    assert "A good result: Notice" in text


def test_a_change_stands_above_its_prompt_and_changes_nothing_that_is_published(
    place: Place, library: Path, tmp_path: Path
) -> None:
    before = read_library(library)["nda-triage"]
    file = _proposed(place, tmp_path, prompt="nda-triage")
    for said in ("stands above it", "was there already"):
        code, output = _kit("adopt", file, "--library", library)
        assert code == 0
        assert said in output
    after = read_library(library)["nda-triage"]
    assert after.draft_hash == before.draft_hash
    assert re.search(r"^# Proposal tic_\w+ of legal, 2026-12-01", (after.folder / "prompt.yaml").read_text())


@pytest.mark.parametrize(
    "content", ["", "[]", '{"kind": "kit-prompt-proposal/1"}', '{"kind": "other", "text": "x"}']
)
def test_a_file_that_is_no_proposal_is_refused_by_name(library: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(content)
    done = CliRunner().invoke(app, ["adopt", str(file), "--library", str(library)])
    assert "is not a proposal" in str(done.exception)


def test_an_erasure_takes_the_example_with_it(place: Place, tmp_path: Path) -> None:
    _proposed(place, tmp_path)
    erase(place.portal.table, LIN)
    left = json.dumps(place.dynamodb.scan(TableName="portal")["Items"])
    assert "Clause 14" not in left
    assert "six months" not in left


def test_the_centers_channel_is_notified_of_every_ticket_without_a_persons_words(place: Place) -> None:
    """(L4.3) In the format of Amazon Q Developer in chat applications; the ticket stands if nobody can be."""
    session = botocore.session.get_session()
    sns, sqs = (session.create_client(one, region_name=REGION) for one in ("sns", "sqs"))
    topic = sns.create_topic(Name="questions")["TopicArn"]
    queue = sqs.create_queue(QueueName="channel")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    asked = {"kind": "question", "text": "May I translate a letter from Jo?"}
    place.portal = replace(place.portal, notices=Notices(sns, topic))
    with place.browser(LIN) as client:
        first = post(client, "support/ask", asked).url.path.rsplit("/", 1)[1]
        second = post(client, "library/propose", WORDS).url.path.rsplit("/", 1)[1]
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        notices = {one["Body"] for one in received}
        assert len(notices) == 2
        for body in notices:
            notice = json.loads(body)
            assert (notice["version"], notice["source"]) == ("1.0", "custom")
            assert set(notice["content"]) == {"textType", "title", "description"}
            assert "From legal." in notice["content"]["description"]
            assert not any(word in body for word in ("Jo?", LIN, *WORDS.values()))
        assert all(any(f"/support/tickets/{one}" in body for body in notices) for one in (first, second))
        sns.delete_topic(TopicArn=topic)
        assert post(client, "support/ask", asked).status_code == 200
