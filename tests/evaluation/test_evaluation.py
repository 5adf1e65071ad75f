"""An evaluation tells what the engine would have received: every option, the engine's URNs, nothing of
the machine.
"""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from kit.errors import KitError
from kit.evaluation.backends import PlanBackend
from kit.evaluation.engine import PROJECT_ROOT, evaluate
from kit.evaluation.errors import EvaluationCancelled, EvaluationError
from kit.evaluation.graph import Resource, ResourceState
from kit.evaluation.language_host import evaluate_project
from kit.plan.document import plan_document, to_json
from tests.support.stages import plan_of_program


class Vault(pulumi.ComponentResource):
    """A component with one child, as small as can be."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kit:index:Vault", name, None, opts)
        self.bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket="evidence",
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=True,
                retain_on_delete=True,
                ignore_changes=["tags"],
                replace_on_changes=["bucket"],
                delete_before_replace=False,
                aliases=[pulumi.Alias(name="old-bucket")],
                custom_timeouts=pulumi.CustomTimeouts(create="5m"),
            ),
        )
        self.register_outputs({"arn": self.bucket.arn})


def test_every_option_is_kept() -> None:
    def program() -> None:
        vault = Vault("vault")
        aws.s3.BucketPolicy(
            "policy",
            bucket=vault.bucket.id,
            policy="{}",
            opts=pulumi.ResourceOptions(depends_on=[vault], deleted_with=vault.bucket),
        )

    graph = plan_of_program(program)
    bucket, policy = graph.named("vault-bucket"), graph.named("policy")
    assert bucket.options["protect"] is True
    assert bucket.options["retainOnDelete"] is True
    assert bucket.options["ignoreChanges"] == ["tags"]
    assert bucket.options["replaceOnChanges"] == ["bucket"]
    assert bucket.options["deleteBeforeReplace"] is False
    assert bucket.options["customTimeouts"] == {"create": "5m"}
    assert any(alias["spec"].get("name") == "old-bucket" for alias in bucket.options["aliases"])
    assert policy.options["deletedWith"] == bucket.urn
    assert policy.options["dependencies"] == [bucket.urn]
    assert policy.options["propertyDependencies"] == {"bucket": [bucket.urn]}
    assert graph.named("vault").outputs == {"arn": "arn:aws:s3:::evidence"}


def test_urns_are_the_engine_s() -> None:
    class Outer(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("kit:index:Outer", "outer")
            Vault("inner", pulumi.ResourceOptions(parent=self))

    graph = plan_of_program(Outer, stack="dev", project="p")
    assert (
        "urn:pulumi:dev::p::kit:index:Outer$kit:index:Vault$aws:s3/bucket:Bucket::inner-bucket"
        in graph.resources
    )
    assert "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev" in graph.resources


def test_two_resources_of_one_urn_are_refused() -> None:
    def program() -> None:
        aws.sns.Topic("same")
        aws.sns.Topic("same")

    with pytest.raises(EvaluationError, match="two resources have the URN") as caught:
        plan_of_program(program)
    assert caught.value.urn is not None
    assert caught.value.urn.endswith("::same")


def test_transforms_change_properties_and_options() -> None:
    def protect_all(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        args.opts.protect = True
        return pulumi.ResourceTransformResult({**args.props, "displayName": "seen"}, args.opts)

    def program() -> None:
        pulumi.runtime.register_resource_transform(protect_all)
        aws.sns.Topic("topic")

    topic = plan_of_program(program).named("topic")
    assert topic.protected
    assert topic.inputs["displayName"] == "seen"


def test_hooks_are_recorded_and_not_run() -> None:
    ran = []

    def program() -> None:
        hook = pulumi.ResourceHook("after", lambda args: ran.append(args))
        aws.sns.Topic(
            "topic", opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[hook]))
        )

    graph = plan_of_program(program)
    assert graph.hooks == ("after",)
    assert graph.named("topic").options["hooks"] == {"after_create": ["after"]}
    assert ran == []


def test_secrets_stay_marked_and_leave_no_trace_in_a_document() -> None:
    def program() -> None:
        config = pulumi.Config()
        aws.secretsmanager.SecretVersion("version", secret_id="s", secret_string=config.require_secret("key"))
        pulumi.export("key", config.require_secret("key"))

    graph = plan_of_program(
        program, config={"key": "hunter2-plain"}, secret_keys=["claude-enterprise-kit:key"]
    )
    assert graph.named("version").inputs["secretString"] == {"$secret": "hunter2-plain"}
    assert graph.exports["key"] == {"$secret": "hunter2-plain"}
    assert "hunter2" not in to_json(plan_document([graph]))


def test_preview_knows_no_ids_and_update_makes_plausible_ones() -> None:
    def program() -> None:
        function = aws.lambda_.Function("f", name="gate", role="r")
        queue = aws.sqs.Queue("q", name="dead")
        pulumi.export("invoke", function.invoke_arn)
        pulumi.export("stream", function.response_streaming_invoke_arn)
        pulumi.export("url", queue.url)
        pulumi.export("name", function.name)

    before, after = plan_of_program(program, preview=True).exports, plan_of_program(program).exports
    assert before == {
        "invoke": {"$unknown": True},
        "stream": {"$unknown": True},
        "url": {"$unknown": True},
        "name": "gate",
    }
    function = "arn:aws:lambda:eu-central-1:111122223333:function:gate"
    gateway = "arn:aws:apigateway:eu-central-1:lambda:path"
    assert after == {
        "invoke": f"{gateway}/2015-03-31/functions/{function}/invocations",
        "stream": f"{gateway}/2021-11-15/functions/{function}/response-streaming-invocations",
        "url": "https://sqs.eu-central-1.amazonaws.com/111122223333/dead",
        "name": "gate",
    }


def test_every_predicted_output_is_one_that_the_type_has() -> None:
    from pulumi import _types

    from kit.aws_facts.prediction import _RULES, Account, predict
    from kit.evaluation.input_check import arguments_of

    for key in _RULES:
        token = f"aws:{key}"
        arguments = arguments_of(token)
        cls = getattr(sys.modules[arguments.__module__], token.rsplit(":", 1)[1])
        known = set(_types.resource_py_to_pulumi_names(cls).values())
        predicted = predict(Resource(f"urn:pulumi:s::p::{token}::x", token, "x", None, True, {}), Account())
        assert predicted.id is not None
        extra = set(predicted.outputs) - known
        assert not extra, f"{token}: {extra}"


def test_exports_of_an_earlier_stage_answer_a_stack_reference() -> None:
    def program() -> None:
        foundation = pulumi.StackReference("organization/claude-enterprise-kit/foundation")
        pulumi.export("bucket", foundation.require_output("bucket"))
        pulumi.export("token", foundation.get_output("token"))

    exports = {"foundation": {"bucket": "evidence", "token": {"$secret": "t"}}}
    assert plan_of_program(program, stack_outputs=exports).exports == {
        "bucket": "evidence",
        "token": {"$secret": "t"},
    }
    with pytest.raises(EvaluationError, match="has no exports here"):
        plan_of_program(program)


def test_an_output_in_a_text_is_an_error() -> None:
    def program() -> None:
        topic = aws.sns.Topic("topic")
        aws.sqs.Queue("queue", name=f"{topic.name}-dead")

    with pytest.raises(EvaluationError, match="_OutputToStringError"):
        plan_of_program(program)


def test_an_error_in_an_apply_names_its_line() -> None:
    def program() -> None:
        aws.sns.Topic("topic").arn.apply(lambda arn: 1 / 0)

    with pytest.raises(EvaluationError, match=r"tests/evaluation/test_evaluation.py:\d+: ZeroDivisionError"):
        plan_of_program(program)


def test_source_is_a_line_of_the_project_and_no_path_of_the_machine() -> None:
    from tests.support.stages import plan_of

    graph = plan_of("foundation")
    sources = [resource.source for resource in graph if resource.source]
    assert len(sources) > 50
    assert all((PROJECT_ROOT / source.split("#")[0]).is_file() for source in sources)
    text = to_json(plan_document([graph]))
    assert str(PROJECT_ROOT) not in text
    assert str(Path.home()) not in text


class Refusing(PlanBackend):
    """Refuses one resource, as an emulator might."""

    def __init__(self) -> None:
        super().__init__()
        self.registered: list[str] = []

    def register(self, resource: Resource) -> ResourceState:
        if resource.name == "bad":
            raise RuntimeError("no room")
        self.registered.append(resource.name)
        return super().register(resource)


def test_what_a_backend_refuses_surfaces_with_its_urn_and_stops_the_rest() -> None:
    def program() -> None:
        bad = aws.sns.Topic("bad")
        aws.sns.TopicSubscription("after", topic=bad.arn, protocol="email", endpoint="a@b.c")

    backend = Refusing()
    with pytest.raises(EvaluationError, match="no room") as caught:
        plan_of_program(program, backend=backend)
    assert caught.value.urn is not None
    assert caught.value.urn.endswith("Topic::bad")
    assert backend.registered == []


def test_a_cancelled_evaluation_registers_nothing_more() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(EvaluationCancelled):
        plan_of_program(lambda: aws.sns.Topic("topic"), cancelled=cancelled)


def test_dependencies_come_before_their_dependents() -> None:
    from tests.support.stages import plan_of

    for stage in ("foundation", "integration"):
        seen: set[str] = set()
        graph = plan_of(stage)
        for resource in graph.in_dependency_order():
            assert seen.issuperset(urn for urn in resource.depends_on() if urn in graph.resources)
            seen.add(resource.urn)
        assert len(seen) == len(graph)


def test_evaluations_in_threads_do_not_meet() -> None:
    def one(number: int) -> Any:
        def program() -> None:
            vault = Vault(f"vault-{number}")
            pulumi.export("stack", pulumi.get_stack())
            pulumi.export("arn", vault.bucket.arn)

        return evaluate(program, {}, PlanBackend(), stack=f"s{number}")

    with ThreadPoolExecutor(4) as pool:
        graphs = list(pool.map(one, range(8)))
    for number, graph in enumerate(graphs):
        assert graph.exports["stack"] == f"s{number}"
        assert [r.name for r in graph.of_type("kit:index:Vault")] == [f"vault-{number}"]


def test_a_failing_child_says_why(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("raise ValueError('broken on purpose')")
    with pytest.raises(EvaluationError, match="broken on purpose"):
        evaluate_project(tmp_path, {}, PlanBackend(), stack="s")


@pytest.mark.nightly  # every run has another seed, and its plans must be the committed snapshots
def test_hash_seed_changes_no_byte_of_a_plan() -> None:
    def planning(seed: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", "from kit.cli import main; main()", "preview", "--json"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
        )

    children = [planning("1"), planning("4242")]  # beside each other: they are the longest of this module
    first, second = (child.communicate(timeout=90)[0] for child in children)
    assert [child.returncode for child in children] == [0, 0]
    assert first == second
    assert len(json.loads(first)["stacks"]) == 3


def test_an_unanswered_function_is_an_error_and_not_an_empty_answer() -> None:
    with pytest.raises(KitError, match="getAmi"):
        plan_of_program(lambda: pulumi.export("ami", aws.ec2.get_ami_output(owners=["self"]).id))


class _Unreachable(PlanBackend):
    """A backend that cannot be reached."""

    def register(self, resource: Resource) -> ResourceState:
        raise OSError("connection refused")


def test_the_causes_of_a_failure_come_to_an_end() -> None:
    def program() -> None:
        aws.s3.Bucket("one")
        raise RuntimeError("follows from the first")

    with pytest.raises(KitError) as caught:
        plan_of_program(program, backend=_Unreachable())
    seen: set[int] = set()
    cause: BaseException | None = caught.value
    while cause is not None:
        assert id(cause) not in seen
        seen.add(id(cause))
        cause = cause.__cause__
