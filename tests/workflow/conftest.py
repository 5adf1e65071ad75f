"""The stages with their departments in an emulated AWS of their own, and a stand-in of the gateway.

Everything else is real: definitions, functions under their own roles, tables, buckets, keys. One copy of a
workflow waits for seconds instead of hours.
"""

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials

from kit.target import Target
from lambdas.common.access import AccessRecords, person_record
from lambdas.common.ids import new_id
from lambdas.workflow.area import DepartmentArea, encoded, request_key
from lambdas.workflow.courses import keep_completion
from lambdas.workflow.proof import signed
from lambdas.workflow.reviews import Review, Reviews, UnknownReview
from tests.support.ports import free_port
from tests.support.standing import Acting, Standing, standing

from .waiting import until

QUICK = "content-quick"  # marketing's workflow once more, with seconds in the place of hours
QUICK_SECONDS = 2


@dataclass
class StandInGateway:
    """Answers registered prompts with what a test has put there, and keeps what it was told."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outcomes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failing: int = 0

    def of(self, text: str) -> list[tuple[str, dict[str, Any]]]:
        """The prompts whose variables hold a text."""
        return [(path, body) for path, body in self.asked if text in json.dumps(body)]

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path.endswith("/outcome"):
            if self.failing > 0:
                self.failing -= 1
                return 503, {"type": "error", "error": {"type": "api_error", "message": "later"}}
            self.outcomes.append((path.split("/")[3], body))
            return 201, {"type": "record"}
        self.asked.append((path, body))
        found = next((text for mark, text in self.answers.items() if mark in json.dumps(body)), None)
        if found is None:
            return 403, {"type": "error", "error": {"type": "permission_error", "message": "no"}}
        return 200, {"content": [{"type": "text", "text": found}], "stop_reason": "end_turn"}


@pytest.fixture(scope="session")
def gateway() -> Iterator[StandInGateway]:
    """The gateway of this session."""
    stand_in = StandInGateway()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = stand_in.answer(self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("request-id", new_id("req_"))
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield stand_in
    server.shutdown()


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, gateway: StandInGateway) -> Iterator[Standing]:
    """All three stages, size small."""
    with standing(tmp_path_factory.mktemp("departments"), free_port(), "rollout", {"size": "small"}) as up:
        for department in ("marketing", "finance", "legal", "executive", "product", "operations", "people"):
            up.root("secretsmanager").put_secret_value(
                SecretId=f"example-production-{department}-workflow-key",
                SecretString=json.dumps({"key": "vk_test"}),
            )
            for step in ("drafter", "releaser"):
                point(up, f"example-production-{department}-{step}", gateway.url)
        hurry(up)
        provision(up, "legal", "ada@example.com", "01J9ADALEGAL")
        governance = DepartmentArea(
            up.root("s3"), up.exported("governance_bucket_name"), up.exported("governance_key_arn")
        )
        keep_completion(governance, "01J9ADALEGAL", "contract-analysis", {"completed_on": "2026-11-02"})
        yield up


def provision(stage: Standing, department: str, name: str, person: str) -> None:
    """A person as provisioning makes one: `name` is what the identity provider says, `person` the id."""
    dynamodb, table = stage.root("dynamodb"), stage.exported("access_table_name")
    access = AccessRecords(dynamodb, table)
    made = access.creation(person_record(person, provisioned=True, department=department))
    dynamodb.transact_write_items(TransactItems=[made, access.naming("user-name", name, person)])


def seat(stage: Standing, department: str, name: str) -> None:
    """Have the access record of a person, made where there is none, say this department."""
    access = AccessRecords(stage.root("dynamodb"), stage.exported("access_table_name"))
    found = access.find_person(name)
    if found is None:
        provision(stage, department, name, f"01J9{name.upper()}")
    elif found.department != department:
        access.change(found, department=department)


def hurry(stage: Standing) -> None:
    """A copy of marketing's workflow that waits for its reviewer as long as a test can."""
    states = stage.root("stepfunctions")
    arn = f"arn:aws:states:eu-central-1:{stage.emulator.account}:stateMachine:example-production-marketing-"
    planned = states.describe_state_machine(stateMachineArn=f"{arn}content")
    definition = json.loads(planned["definition"])
    for name in ("AwaitReview", "Escalate"):
        definition["States"][name]["TimeoutSeconds"] = QUICK_SECONDS
    states.create_state_machine(
        name=f"example-production-marketing-{QUICK}",
        definition=json.dumps(definition),
        roleArn=planned["roleArn"],
    )


@pytest.fixture
def target(stage: Standing) -> Target:
    """The deployment as `kit` finds it."""
    emulator = stage.emulator
    session = boto3.Session(emulator.access_key_id, emulator.secret_access_key, region_name=emulator.region)
    exports = {name: value for graph in stage.graphs.values() for name, value in graph.exports.items()}
    texts = {name: str(value) for name, value in exports.items() if isinstance(value, str)}
    return Target(texts, emulator.region, True, session, emulator.endpoint_url)


def point(stage: Standing, function: str, gateway_url: str) -> None:
    """Let a function call the gateway that stands here; the plan's lies on AWS."""
    client = stage.root("lambda")
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**variables, "GATEWAY_URL": gateway_url}}
    )
    version = client.publish_version(FunctionName=function)["Version"]
    client.update_alias(FunctionName=function, Name="live", FunctionVersion=version)


@dataclass
class Run:
    """One execution of a department's workflow."""

    stage: Standing
    department: str
    workflow: str
    request: str
    arn: str

    @property
    def reviews(self) -> Reviews:
        return Reviews(self.stage.root("dynamodb"), self.stage.exported("reviews_table_name"))

    def review(self) -> Review:
        return self.reviews.get(self.department, self.request)

    def until_waiting(self) -> Review:
        """The review, once the execution waits for it."""

        def waiting() -> Review | None:
            try:
                found = self.review()
            except UnknownReview:
                return None
            return found if found.token else None

        return until(waiting, lambda: self.history())

    def status(self) -> str:
        return self.stage.root("stepfunctions").describe_execution(executionArn=self.arn)["status"]

    def until_ended(self, seconds: float = 60) -> str:
        def ended() -> str | None:
            status = self.status()
            return None if status == "RUNNING" else status

        return until(ended, lambda: self.history(), seconds=seconds)

    def history(self) -> str:
        states = self.stage.root("stepfunctions")
        return json.dumps(states.get_execution_history(executionArn=self.arn)["events"], default=str)[-3000:]

    def area(self, part: str) -> DepartmentArea:
        return area_of(self.stage, self.department, part)

    def released(self) -> dict[str, Any] | None:
        found = self.area("member").s3.list_objects_v2(
            Bucket=self.area("member").bucket, Prefix=f"released/{self.workflow}/{self.request}"
        )
        if not found.get("Contents"):
            return None
        return self.area("member").document(f"released/{self.workflow}/{self.request}.json")

    def versions(self, key: str) -> int:
        area = self.area("releaser")
        listed = self.stage.root("s3").list_object_versions(Bucket=area.bucket, Prefix=key)
        return len(listed.get("Versions", ()))


def role(stage: Standing, name: str, session: str = "test") -> Acting:
    """Acting under a role of the plan, as `kit` and Lambda do; `session` is whose session it is."""
    arn = f"arn:aws:iam::{stage.emulator.account}:role/example-production-{name}"
    given = stage.root("sts").assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
    return Acting(stage.emulator, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def signed_by(stage: Standing, part: str, person: str, document: dict[str, Any]) -> dict[str, Any]:
    """A document signed by a person's session of a department's role."""
    acting = role(stage, part, person)
    given = Credentials(acting.access_key_id, acting.secret_access_key, acting.session_token)
    return signed(document, given, stage.emulator.endpoint_url, stage.emulator.region)


def area_of(stage: Standing, department: str, part: str) -> DepartmentArea:
    """A department's data area, as one of a department's roles sees it; `part` may name another's role."""
    key = stage.resource("aws:kms/key:Key", f"department-{department}-key")
    graph = next(one for one in stage.graphs.values() if key.urn in one.resources)
    who = part if "-" in part or part == "gateway" else f"{department}-{part}"
    bucket = stage.resource("aws:s3/bucket:Bucket", f"department-{department}-data-bucket").inputs["bucket"]
    return DepartmentArea(role(stage, who).client("s3"), bucket, graph.states[key.urn].outputs["arn"])


def start(
    stage: Standing,
    department: str,
    workflow: str,
    request: dict[str, Any],
    machine: str = "",
    **documents: str,
) -> Run:
    """Ask for a workflow as a member of the department does; `machine` where it is another's name."""
    id_ = new_id("wf_")
    area = area_of(stage, department, "member")
    names = []
    for name, text in documents.items():
        names.append(f"{id_}-{name}.txt")
        area.put(f"sources/{names[-1]}", text.encode())
    by = request.pop("requested_by", "ada@example.com")
    body = {"workflow": workflow, "request": id_, "documents": names, **request}
    area.put(request_key(id_), encoded(signed_by(stage, f"{department}-member", by, body)))
    states = role(stage, f"{department}-member").client("stepfunctions")
    arn = f"arn:aws:states:eu-central-1:{stage.emulator.account}:stateMachine:"
    started = states.start_execution(
        stateMachineArn=f"{arn}example-production-{department}-{machine or workflow}",
        name=id_,
        input=json.dumps({"request": id_}),
    )
    return Run(stage, department, workflow, id_, started["executionArn"])
