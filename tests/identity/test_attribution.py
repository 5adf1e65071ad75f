"""Calls to models on AWS are made in the name of the person who asked (L1.6, L1.7, C.2, G.4): in a role
session named after the caller and tagged with department and cost centre, or not at all.
"""

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.foundation.boundary import actions
from kit.evaluation.stages import evaluate_stage
from lambdas.gateway.composition import Gateway
from lambdas.gateway.providers.user_sessions import Assumed, Attribution, UserSessions
from stacks.settings import CONFIG_FOLDER
from stacks.settings.documents import parse_yaml
from tests.gateway.harness import Harness, chat, make
from tests.gateway.upstream import FakeUpstream, json_reply, message
from tests.support.stages import plan_of
from tests.support.standing import Acting

from .deployed import Deployed, refused, session_of

ADA = Attribution("01J9ADA", "marketing", "CC-100")
BOB = Attribution("01J9BOB", "marketing", "CC-100")
START = datetime(2026, 11, 24, tzinfo=UTC)


# -- names and tags ------------------------------------------------------------------------------------------


@given(st.text(min_size=1))
def test_every_id_gives_a_name_and_tags_that_sts_takes(anything: str) -> None:
    one = Attribution(anything, anything, anything)
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", one.session_name, re.ASCII)
    for value in one.tags.values():
        assert re.fullmatch(r"[\w .:/=+@-]{1,256}", value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_callers_never_share_a_name(one: str, other: str) -> None:
    names = [Attribution(user, "d", "c").session_name for user in (one, other)]
    assert (names[0] == names[1]) == (one == other)


def test_an_opaque_id_is_the_name_itself() -> None:
    assert ADA.session_name == "01J9ADA"
    assert ADA.tags == {"kit:cost-center": "CC-100", "kit:department": "marketing"}


# -- sessions ------------------------------------------------------------------------------------------------


@dataclass
class Sts:
    """Opens sessions of an hour of the clock's time; may be slow, may refuse."""

    now: float = START.timestamp()
    opened: int = 0
    refuse: Exception | None = None
    hold: threading.Event | None = None

    def assume(self, name: str, tags: Mapping[str, str]) -> Assumed:
        assert threading.current_thread() is not threading.main_thread(), "the event loop must not wait"
        if self.hold is not None:
            self.hold.wait(5)
        if self.refuse is not None:
            raise self.refuse
        self.opened += 1
        end = datetime.fromtimestamp(self.now, UTC) + timedelta(hours=1)
        return Assumed(f"{name} {tags['kit:department']} {self.opened}", end)

    def sessions(self, **options: Any) -> UserSessions:
        return UserSessions(self.assume, ThreadPoolExecutor(2), clock=lambda: self.now, **options)


async def _settled(sts: Sts, opened: int) -> None:
    for _ in range(500):
        if sts.opened == opened:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.02)
    assert sts.opened == opened


def test_each_caller_has_a_session_of_their_own_that_is_kept() -> None:
    async def scenario() -> None:
        sts = Sts()
        sessions = sts.sessions()
        assert await sessions.credentials(ADA) == "01J9ADA marketing 1"
        assert await sessions.credentials(BOB) == "01J9BOB marketing 2"
        assert await sessions.credentials(ADA) == "01J9ADA marketing 1"

    asyncio.run(scenario())


def test_a_mover_gets_another_session_at_once() -> None:
    async def scenario() -> None:
        sessions = Sts().sessions()
        await sessions.credentials(ADA)
        moved = Attribution(ADA.user, "finance", "CC-200")
        assert await sessions.credentials(moved) == "01J9ADA finance 2"

    asyncio.run(scenario())


def test_however_many_calls_wait_one_session_is_opened() -> None:
    async def scenario() -> None:
        sts = Sts(hold=threading.Event())
        sessions = sts.sessions()
        waiting = [asyncio.create_task(sessions.credentials(ADA)) for _ in range(50)]
        await asyncio.sleep(0.05)
        assert sts.hold is not None
        sts.hold.set()
        assert set(await asyncio.gather(*waiting)) == {"01J9ADA marketing 1"}

    asyncio.run(scenario())


def test_a_caller_who_gives_up_takes_the_session_from_nobody_else() -> None:
    async def scenario() -> None:
        sts = Sts(hold=threading.Event())
        sessions = sts.sessions()
        gone, stays = (asyncio.create_task(sessions.credentials(ADA)) for _ in range(2))
        await asyncio.sleep(0.02)
        gone.cancel()
        await asyncio.sleep(0)
        assert sts.hold is not None
        sts.hold.set()
        assert await stays == "01J9ADA marketing 1"

    asyncio.run(scenario())


def test_sessions_are_bounded_and_the_least_recently_used_goes_first() -> None:
    async def scenario() -> None:
        sts = Sts()
        sessions = sts.sessions(most=2)
        cleo = Attribution("01J9CLEO", "finance", "CC-200")
        for one in (ADA, BOB, ADA, cleo, ADA):
            await sessions.credentials(one)
        assert sts.opened == 3
        await sessions.credentials(BOB)
        assert sts.opened == 4

    asyncio.run(scenario())


def test_a_session_is_renewed_before_its_end_without_making_a_call_wait() -> None:
    async def scenario() -> None:
        sts = Sts()
        sessions = sts.sessions()
        await sessions.credentials(ADA)
        sts.now += 3600 - 599
        assert await sessions.credentials(ADA) == "01J9ADA marketing 1"
        await _settled(sts, 2)
        assert await sessions.credentials(ADA) == "01J9ADA marketing 2"

    asyncio.run(scenario())


def test_a_session_in_its_last_minute_is_never_used() -> None:
    async def scenario() -> None:
        sts = Sts()
        sessions = sts.sessions()
        await sessions.credentials(ADA)
        sts.now += 3600 - 59
        assert await sessions.credentials(ADA) == "01J9ADA marketing 2"
        sts.now += 3600 - 59
        sts.refuse = RuntimeError("throttled")
        with pytest.raises(RuntimeError):
            await sessions.credentials(ADA)

    asyncio.run(scenario())


def test_a_renewal_that_fails_is_tried_again_by_the_next_call() -> None:
    async def scenario() -> None:
        sts = Sts()
        sessions = sts.sessions()
        await sessions.credentials(ADA)
        sts.now += 3600 - 599
        sts.refuse = RuntimeError("throttled")
        assert await sessions.credentials(ADA) == "01J9ADA marketing 1"
        await asyncio.sleep(0.1)
        sts.refuse = None
        assert await sessions.credentials(ADA) == "01J9ADA marketing 1"
        await _settled(sts, 2)

    asyncio.run(scenario())


def test_a_silent_sts_holds_a_call_for_a_bounded_time() -> None:
    async def scenario() -> None:
        sts = Sts(hold=threading.Event())
        with pytest.raises(TimeoutError):
            await sts.sessions(wait_seconds=0.05).credentials(ADA)
        assert sts.hold is not None
        sts.hold.set()

    asyncio.run(scenario())


# -- without a session there is no call ----------------------------------------------------------------------


def _bedrock(upstream: FakeUpstream) -> dict[str, Any]:
    return {
        "name": "aws",
        "kind": "bedrock",
        "base_url": upstream.url,
        "auth": {"kind": "aws", "region": "eu-central-1"},
        "models": {},
    }


@pytest.fixture
def without_sts() -> Iterator[Harness]:
    """A gateway whose first provider is on AWS, and which gets no session."""

    async def none(attribution: Attribution) -> Any:
        raise RuntimeError("AccessDenied")

    upstreams = [FakeUpstream().start(), FakeUpstream().start()]
    second = {"name": "second", "kind": "anthropic", "base_url": upstreams[1].url}
    providers = [_bedrock(upstreams[0]), {**second, "auth": {"kind": "secret"}, "models": {}}]
    harness = make(upstreams, providers=providers, aws_credentials=none)
    harness.reset()
    yield harness
    harness.stop()
    for upstream in upstreams:
        upstream.stop()


def test_a_provider_without_a_session_is_left_for_the_next_one(without_sts: Harness) -> None:
    without_sts.second_upstream.script = lambda _: json_reply(message())
    assert without_sts.post("/v1/messages", chat(model="fast")).status == 200
    assert not without_sts.upstream.received
    attempts = without_sts.audit.records[-1]["attempts"]
    assert [one["result"].split(":")[0] for one in attempts] == ["CredentialUnavailable", "200"]


def test_where_there_is_no_other_the_call_is_not_made_at_all(without_sts: Harness) -> None:
    without_sts.policy_source.document["providers"].pop()
    threading.Event().wait(0.2)  # the gateway follows the policy by itself
    for path, body in (
        ("/v1/messages", chat(model="fast")),
        ("/v1/embeddings", {"model": "amazon.titan-embed-text-v2:0", "input": "Hello."}),
    ):
        assert without_sts.post(path, body).status == 529
    assert not without_sts.upstream.received
    assert without_sts.spent() == 0


# -- the plan ------------------------------------------------------------------------------------------------


def _statements(graph: Any, name: str, document: str = "policy") -> dict[str, dict[str, Any]]:
    (found,) = [one for one in graph if one.name == name]
    return {one["Sid"]: one for one in json.loads(found.inputs[document])["Statement"]}


MODEL_SIDS = {"CallBedrock", "CallClaudePlatform", "Embed"}


def test_only_the_callers_role_may_call_a_model_and_only_the_gateway_may_assume_it() -> None:
    plan = plan_of("integration", "enterprise")
    assert _statements(plan, "claude-caller-permissions").keys() <= MODEL_SIDS
    for one in plan:
        if one.type == "aws:iam/rolePolicy:RolePolicy" and one.name != "claude-caller-permissions":
            assert not MODEL_SIDS & {st["Sid"] for st in json.loads(one.inputs["policy"])["Statement"]}
    (trust,) = _statements(plan, "claude-caller-role", "assumeRolePolicy").values()
    roles = {name.rpartition("/")[2] for name in trust["Principal"]["AWS"]}
    assert roles == {"example-production-gateway", "example-production-gateway-pods"}
    (assume,) = (
        one for sid, one in _statements(plan, "gateway-api-permissions").items() if sid == "CallInCallersName"
    )
    assert assume["Resource"] == ["arn:aws:iam::111122223333:role/example-production-claude-caller"]
    assert {*assume["Action"]} == {*trust["Action"]} == {"sts:AssumeRole", "sts:TagSession"}
    assert {*assume["Action"]} <= set(actions()), "the permissions boundary must let it through"


def test_the_switch_gives_the_permissions_back_to_the_gateway() -> None:
    example = parse_yaml((CONFIG_FOLDER / "clients" / "example.yaml").read_text(), "example.yaml")
    claude = {**example["claude"], "in_callers_names": False}
    plan = evaluate_stage("integration", size="small", config={"claude": claude}, assume_gates=True)
    gateway = _statements(plan, "gateway-api-permissions")
    assert {"CallBedrock", "Embed"} <= gateway.keys()
    assert "CallInCallersName" not in gateway
    assert not [one for one in plan if one.name.startswith("claude-caller")]


# -- in an emulated AWS with IAM enforced --------------------------------------------------------------------

EMBEDDINGS = "amazon.titan-embed-text-v2:0"


def _tags(attribution: Attribution) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in attribution.tags.items()]


@pytest.mark.emulator
def test_without_the_tags_nobody_gets_a_session(deployed: Deployed) -> None:
    sts = deployed.gateway.client("sts")
    session = {"RoleArn": deployed.caller_role, "RoleSessionName": ADA.session_name}
    assert not refused(sts.assume_role, **session, Tags=_tags(ADA))
    assert refused(sts.assume_role, **session)
    for only in _tags(ADA):
        assert refused(sts.assume_role, **session, Tags=[only])


@pytest.mark.emulator
def test_no_other_role_can_call_in_somebodys_name(deployed: Deployed) -> None:
    allow = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": "*"}
    other = deployed.stage.acting([allow]).client("sts")
    session = {"RoleArn": deployed.caller_role, "RoleSessionName": ADA.session_name}
    assert refused(other.assume_role, **session, Tags=_tags(ADA))


@pytest.mark.emulator
def test_the_gateway_itself_can_call_no_model(deployed: Deployed) -> None:
    call = {"modelId": EMBEDDINGS, "body": json.dumps({"inputText": "Hello."})}
    assert refused(deployed.gateway.client("bedrock-runtime").invoke_model, **call)


@pytest.mark.emulator
def test_a_callers_session_calls_the_configured_models_and_nothing_else(deployed: Deployed) -> None:
    sts = deployed.gateway.client("sts")
    session = session_of(deployed.stage, sts, deployed.caller_role, "ada", Tags=_tags(ADA))
    bedrock = session.client("bedrock-runtime")
    body = json.dumps({"inputText": "Hello."})
    assert not refused(bedrock.invoke_model, modelId=EMBEDDINGS, body=body)
    assert refused(bedrock.invoke_model, modelId="amazon.titan-text-express-v1", body=body)
    assert refused(session.client("dynamodb").list_tables)


@pytest.mark.emulator
def test_a_call_through_the_gateway_reaches_aws_as_its_caller(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What signed the call that the provider got: a session whose name and tags AWS knows."""
    stage = deployed.stage
    _route_to(deployed)
    harness, gateway = deployed.composed(monkeypatch)
    harness.start()
    try:
        deployed.upstream.script = lambda _: json_reply(message())
        for _ in range(2):
            assert harness.post("/v1/messages", chat(model="fast"), key=deployed.key).status == 200
    finally:
        harness.stop()
    signers = {
        re.findall(r"Credential=(\w+)/", one.header("authorization") or "")[0]
        for one in deployed.upstream.received
    }
    application = Attribution("app-1", "marketing", "CC-100")
    used = asyncio.run(_used(gateway, application))
    assert signers == {used.access_key}, "one session for both calls, and not the gateway's own role"
    session = Acting(stage.emulator, used.access_key, used.secret_key, used.token)
    arn = session.client("sts").get_caller_identity()["Arn"]
    assert arn.endswith(":assumed-role/example-production-claude-caller/app-1")
    assert _has_tags(deployed, session, application.tags)
    assert not _has_tags(deployed, session, {**application.tags, "kit:department": "finance"})


async def _used(gateway: Gateway, attribution: Attribution) -> Any:
    return await gateway.embeddings.aws_credentials(attribution)


def _route_to(deployed: Deployed) -> None:
    """Publish a policy whose only provider is on AWS, and answers under the upstream's address."""
    s3, bucket = deployed.stage.root("s3"), deployed.stage.exported("governance_bucket_name")
    key = deployed.stage.exported("policy_object_key")
    policy = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    policy["providers"] = [_bedrock(deployed.upstream)]
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=json.dumps(policy).encode(),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=deployed.stage.exported("governance_key_arn"),
    )


def _has_tags(deployed: Deployed, session: Acting, tags: Mapping[str, str]) -> bool:
    """Whether IAM sees these tags on the session: a policy that asks for them lets it through."""
    iam, role = deployed.stage.root("iam"), deployed.caller_role.rpartition("/")[2]
    statement = {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": "*",
        "Condition": {"StringEquals": {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="probe", PolicyDocument=document)
    try:
        key = {"pk": {"S": "x"}, "sk": {"S": "y"}}
        table = deployed.stage.exported("access_table_name")
        return not refused(session.client("dynamodb").get_item, TableName=table, Key=key)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="probe")
