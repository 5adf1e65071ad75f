"""The local engine against an emulated AWS over HTTP: it converges, refuses, and goes on after a failure
(Z.1: a changed setting converges without a reset; a failed step leaves a state to go on from).
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_aws import kms, s3, secretsmanager, sns, sqs, ssm

from kit.aws_facts.prediction import Account
from kit.embedded import Emulator
from kit.evaluation.engine import evaluate
from kit.evaluation.errors import EvaluationError
from kit.home import PROJECT_ROOT
from kit.local.engine import LocalBackend, Step
from kit.local.resources import HANDLERS
from kit.local.resources.handler import Clients, Handler, Inputs, Place
from kit.local.state import StackState

pytestmark = pytest.mark.emulator


@dataclass
class Bench:
    """One stack of a test: its state file, and names of its own in the shared emulator."""

    emulator: Emulator
    folder: Path
    handlers: dict[str, Handler] = field(default_factory=lambda: dict(HANDLERS))
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def name(self, what: str) -> str:
        return f"{what}-{self.tag}"

    @property
    def clients(self) -> Clients:
        return Clients(
            self.emulator.endpoint_url, self.emulator.access_key_id, self.emulator.secret_access_key
        )

    def aws(self, service: str) -> Any:
        return self.clients.of(service, self.emulator.region)

    def state(self) -> StackState:
        return StackState(self.folder / "stack.json")

    def run(self, program: Callable[[], None], *, apply: bool = True) -> list[Step]:
        """Converge (or plan) once; the steps, without the provider."""
        clients = self.clients
        backend = LocalBackend(
            self.state(),
            account=Account(self.emulator.account, self.emulator.region),
            clients=lambda: clients,
            secret_key=b"key",
            apply=apply,
            handlers=self.handlers,
        )
        backend.finish(evaluate(program, {}, backend))
        return [step for step in backend.steps if not step.type.startswith("pulumi:")]

    def operations(self, program: Callable[[], None], *, apply: bool = True) -> dict[str, str]:
        return {step.name: step.operation for step in self.run(program, apply=apply)}

    def queue_exists(self, what: str) -> bool:
        listed = self.aws("sqs").list_queues(QueueNamePrefix=self.name(what)).get("QueueUrls", [])
        return any(url.endswith("/" + self.name(what)) for url in listed)


@pytest.fixture
def bench(emulated_aws: Emulator, tmp_path: Path) -> Bench:
    return Bench(emulated_aws, tmp_path)


def test_what_is_asked_for_exists_afterwards_and_a_second_run_changes_nothing(bench: Bench) -> None:
    def program() -> None:
        dead = sqs.Queue("dead", name=bench.name("dead"))
        policy = dead.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3}))
        sqs.Queue("work", name=bench.name("work"), redrive_policy=policy)
        pulumi.export("arn", dead.arn)

    assert bench.operations(program) == {"dead": "create", "work": "create"}
    url = bench.aws("sqs").get_queue_url(QueueName=bench.name("work"))["QueueUrl"]
    attributes = bench.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    assert bench.name("dead") in attributes["Attributes"]["RedrivePolicy"]
    assert bench.state().exports["arn"].endswith(bench.name("dead"))
    before = (bench.folder / "stack.json").read_bytes()
    assert bench.operations(program) == {"dead": "same", "work": "same"}
    assert (bench.folder / "stack.json").read_bytes() == before


def test_a_plan_touches_nothing(bench: Bench) -> None:
    def program() -> None:
        sqs.Queue("work", name=bench.name("work"))

    assert bench.operations(program, apply=False) == {"work": "create"}
    assert not bench.queue_exists("work")
    assert list(bench.folder.iterdir()) == []


def test_a_changed_setting_is_updated_in_place(bench: Bench) -> None:
    def program(seconds: int) -> Callable[[], None]:
        return lambda: sqs.Queue("q", name=bench.name("q"), visibility_timeout_seconds=seconds) and None

    bench.run(program(30))
    (step,) = bench.run(program(77))
    assert (step.operation, step.because) == ("update", ("visibilityTimeoutSeconds",))
    url = bench.aws("sqs").get_queue_url(QueueName=bench.name("q"))["QueueUrl"]
    found = bench.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"]["VisibilityTimeout"] == "77"


def test_what_an_older_handler_made_is_brought_to_what_the_new_one_makes(
    bench: Bench, tmp_path: Path
) -> None:
    """An upgrade of the kit changes how a type is made, and no input of any resource."""

    def program() -> None:
        sqs.Queue("q", name=bench.name("q"))

    bench.run(program)
    upgraded = tmp_path / "upgraded.py"
    upgraded.write_text(
        "from kit.local.resources import HANDLERS\n"
        "def ensure(place, inputs, known):\n"
        "    return HANDLERS['aws:sqs/queue:Queue'].ensure(place, {**inputs, 'delaySeconds': 7}, known)\n"
    )
    module: dict[str, Any] = {}
    exec(compile(upgraded.read_text(), str(upgraded), "exec"), module)
    before = HANDLERS["aws:sqs/queue:Queue"]
    bench.handlers["aws:sqs/queue:Queue"] = Handler(module["ensure"], before.exists, before.delete)
    (step,) = bench.run(program)
    assert (step.operation, step.because) == ("update", ("the kit's own handler",))
    url = bench.aws("sqs").get_queue_url(QueueName=bench.name("q"))["QueueUrl"]
    found = bench.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert found["Attributes"]["DelaySeconds"] == "7"
    assert bench.operations(program) == {"q": "same"}


def test_a_new_physical_name_replaces_and_the_old_one_is_gone(bench: Bench) -> None:
    def program(name: str) -> Callable[[], None]:
        def build() -> None:
            queue = sqs.Queue("q", name=bench.name(name))
            sqs.Queue("reader", name=bench.name("reader"), tags={"of": queue.arn})

        return build

    bench.run(program("old"))
    assert bench.operations(program("new")) == {"q": "replace", "reader": "update"}
    assert bench.queue_exists("new")
    assert not bench.queue_exists("old")
    assert not bench.state().condemned


def test_what_is_no_longer_registered_is_deleted_dependents_first(bench: Bench) -> None:
    def both() -> None:
        key = kms.Key("key", description=bench.name("key"))
        kms.Alias("alias", name=f"alias/{bench.name('a')}", target_key_id=key.key_id)

    bench.run(both)
    deleted = [step.name for step in bench.run(lambda: None) if step.operation == "delete"]
    assert deleted == ["alias", "key"]
    assert len([entry for entry in bench.state() if entry.live]) == 0


def test_a_protected_resource_is_neither_deleted_nor_replaced(bench: Bench) -> None:
    def program(name: str) -> Callable[[], None]:
        options = pulumi.ResourceOptions(protect=True)
        return lambda: sqs.Queue("q", name=bench.name(name), opts=options) and None

    bench.run(program("kept"))
    with pytest.raises(EvaluationError, match=r"q \(.*\) is protected and would be replaced because name"):
        bench.run(program("other"))
    with pytest.raises(EvaluationError, match="is protected and would be deleted"):
        bench.run(lambda: None)
    assert bench.queue_exists("kept")
    assert bench.operations(program("kept")) == {"q": "same"}


def test_a_retained_resource_stays_when_the_program_lets_go_of_it(bench: Bench) -> None:
    options = pulumi.ResourceOptions(retain_on_delete=True)
    bench.run(lambda: sqs.Queue("q", name=bench.name("kept"), opts=options) and None)
    assert bench.operations(lambda: None)["q"] == "delete"
    assert bench.queue_exists("kept")
    assert bench.state().get("q") is None


def test_what_somebody_else_removed_is_restored(bench: Bench) -> None:
    def program() -> None:
        sqs.Queue("q", name=bench.name("q"))

    bench.run(program)
    url = bench.aws("sqs").get_queue_url(QueueName=bench.name("q"))["QueueUrl"]
    bench.aws("sqs").delete_queue(QueueUrl=url)
    assert bench.operations(program) == {"q": "restore"}
    assert bench.queue_exists("q")


def test_a_bucket_that_lost_its_versioning_gets_it_back(bench: Bench) -> None:
    """As in an emulator that was killed before it had saved: the bucket is there, what it was told is not."""

    def program() -> None:
        bucket = s3.Bucket("bucket", bucket=bench.name("bucket"))
        s3.BucketVersioning("versioning", bucket=bucket.id, versioning_configuration={"status": "Enabled"})

    bench.run(program)
    client, name = bench.aws("s3"), bench.name("bucket")
    client.delete_bucket(Bucket=name)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": bench.emulator.region})
    assert bench.operations(program) == {"bucket": "same", "versioning": "restore"}
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_a_renamed_resource_with_an_alias_is_kept(bench: Bench) -> None:
    def program(name: str, aliases: list[Any]) -> Callable[[], None]:
        options = pulumi.ResourceOptions(aliases=aliases)
        return lambda: sqs.Queue(name, name=bench.name("q"), opts=options) and None

    bench.run(program("before", []))
    steps = bench.run(program("after", [pulumi.Alias(name="before")]))
    assert [(step.name, step.operation) for step in steps] == [("after", "same")]
    assert [entry.name for entry in bench.state() if entry.live] == ["after"]


def test_a_type_that_no_function_needs_is_recorded_only(bench: Bench) -> None:
    def program() -> None:
        ssm.Parameter("p", name=bench.name("p"), type="String", value="x")

    (step,) = bench.run(program)
    assert (step.operation, step.live) == ("create", False)
    assert bench.operations(program) == {"p": "same"}
    bench.run(lambda: None)
    assert [entry for entry in bench.state() if not entry.type.startswith("pulumi:")] == []


def test_no_secret_comes_into_the_state_and_a_changed_one_shows(bench: Bench) -> None:
    def program(value: str) -> Callable[[], None]:
        def build() -> None:
            secret = secretsmanager.Secret("s", name=bench.name("s"))
            text = pulumi.Output.secret(value)
            secretsmanager.SecretVersion("v", secret_id=secret.id, secret_string=text)

        return build

    bench.run(program("hunter2-first"))
    assert bench.operations(program("hunter2-first"))["v"] == "same"
    assert bench.operations(program("hunter2-second"))["v"] != "same"
    stored = bench.aws("secretsmanager").get_secret_value(SecretId=bench.name("s"))
    assert stored["SecretString"] == "hunter2-second"
    assert not any(b"hunter2" in path.read_bytes() for path in bench.folder.iterdir())


def test_a_run_goes_on_after_the_step_that_failed(bench: Bench) -> None:
    topics = HANDLERS["aws:sns/topic:Topic"]

    def refuse(place: Place, inputs: Inputs, known: str | None) -> Any:
        del place, inputs, known
        raise ValueError("out of order")

    def program() -> None:
        queue = sqs.Queue("q", name=bench.name("q"))
        topic = sns.Topic("t", name=bench.name("t"), opts=pulumi.ResourceOptions(depends_on=[queue]))
        sqs.Queue("last", name=bench.name("last"), opts=pulumi.ResourceOptions(depends_on=[topic]))

    bench.handlers["aws:sns/topic:Topic"] = Handler(refuse, topics.exists, topics.delete)
    with pytest.raises(EvaluationError, match="t could not be created: ValueError: out of order") as failed:
        bench.run(program)
    assert failed.value.urn
    assert failed.value.urn.endswith("::t")
    assert not bench.queue_exists("last")
    bench.handlers["aws:sns/topic:Topic"] = topics
    assert bench.operations(program) == {"q": "same", "t": "create", "last": "create"}


def test_an_update_that_failed_is_tried_again(bench: Bench) -> None:
    queues = HANDLERS["aws:sqs/queue:Queue"]

    def program(seconds: int) -> Callable[[], None]:
        return lambda: sqs.Queue("q", name=bench.name("q"), visibility_timeout_seconds=seconds) and None

    def refuse(place: Place, inputs: Inputs, known: str | None) -> Any:
        raise ValueError("out of order")

    bench.run(program(1))
    bench.handlers["aws:sqs/queue:Queue"] = Handler(refuse, queues.exists, queues.delete)
    with pytest.raises(EvaluationError, match="updated"):
        bench.run(program(2))
    bench.handlers["aws:sqs/queue:Queue"] = queues
    assert bench.operations(program(2)) == {"q": "update"}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_run_is_adopted_and_makes_nothing_twice(bench: Bench, moment: str) -> None:
    """Killed just before or just after AWS made the key, before it could be recorded: ids of keys are not
    ours, so only the tag with the URN finds it again.
    """
    script = bench.folder / "killed.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys
            from pathlib import Path
            sys.path[:0] = [{str(PROJECT_ROOT)!r}, {str(PROJECT_ROOT / "tests" / "local")!r}]
            import test_engine
            from kit.embedded import Emulator
            from kit.local.resources.handler import Handler
            bench = test_engine.Bench(Emulator(*{_fields(bench.emulator)!r}), Path({str(bench.folder)!r}))
            bench.tag = {bench.tag!r}
            kind = "aws:kms/key:Key"
            keys = bench.handlers[kind]
            def ensure(place, inputs, known):
                if {moment == "after"}:
                    keys.ensure(place, inputs, known)
                os.kill(os.getpid(), signal.SIGKILL)
            bench.handlers[kind] = Handler(ensure, keys.exists, keys.delete)
            bench.run(lambda: test_engine._queue_and_key(bench))
            """
        )
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (bench.folder / "stack.journal").exists()
    assert bench.operations(lambda: _queue_and_key(bench)) == {"q": "same", "k": "create"}
    described = [
        bench.aws("kms").describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"]
        for page in bench.aws("kms").get_paginator("list_keys").paginate()
        for key in page["Keys"]
    ]
    assert described.count(bench.name("k")) == 1


def _fields(emulator: Emulator) -> tuple[Any, ...]:
    return (
        emulator.endpoint_url,
        emulator.region,
        emulator.access_key_id,
        emulator.secret_access_key,
        emulator.pid,
        emulator.account,
    )


def _queue_and_key(bench: Bench) -> None:
    queue = sqs.Queue("q", name=bench.name("q"))
    kms.Key("k", description=bench.name("k"), opts=pulumi.ResourceOptions(depends_on=[queue]))


def test_a_half_written_line_of_the_journal_is_passed_over(bench: Bench) -> None:
    def program() -> None:
        sqs.Queue("q", name=bench.name("q"))

    bench.run(program)
    (bench.folder / "stack.journal").write_bytes(b'{"drop": "urn:pulu')
    assert bench.operations(program) == {"q": "same"}
    assert not (bench.folder / "stack.journal").exists()


def test_an_emulator_that_does_not_answer_is_named(bench: Bench) -> None:
    bench.emulator = Emulator("http://127.0.0.1:9", "eu-central-1", "AKIAX", "x", os.getpid())
    with pytest.raises(EvaluationError, match="the emulated AWS does not answer"):
        bench.run(lambda: sqs.Queue("q", name="q") and None)


def test_what_aws_refuses_is_told_with_the_name_of_the_resource(bench: Bench) -> None:
    with pytest.raises(EvaluationError, match="a could not be created: CreateAlias: "):
        bench.run(lambda: kms.Alias("a", name=f"alias/{bench.name('a')}", target_key_id="none") and None)
