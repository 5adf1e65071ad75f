"""`kit review` finds every weakened control and lets none pass without an override."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kit.cli import app
from kit.errors import KitError
from kit.plan.document import plan_document, to_json
from kit.plan_review.grants import added, grants
from tests.support.stages import plans_of

Entry = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(to_json(plan_document(plans_of("large").values())))


def reviewed(tmp_path: Path, old: Any, new: Any, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of `kit review` on two plans."""
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(old))
    after.write_text(json.dumps(new))
    result = CliRunner().invoke(app, ["review", str(after), "--against", str(before), "--json", *more])
    return result.exit_code, json.loads(result.stdout)


def digest(tmp_path: Path, content: Any, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of `kit review` on a preview of Pulumi."""
    file = tmp_path / "digest.json"
    file.write_text(json.dumps(content))
    result = CliRunner().invoke(app, ["review", str(file), "--json", *more])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout)


def resource(document: dict[str, Any], name: str) -> Entry:
    return next(r for stack in document["stacks"] for r in stack["resources"] if r["name"] == name)


def _policy(change: Callable[[list[Any]], None]) -> Callable[[Entry], None]:
    def apply(entry: Entry) -> None:
        document = json.loads(entry["inputs"]["policy"])
        change(document["Statement"])
        entry["inputs"]["policy"] = json.dumps(document)

    return apply


def _set(path: str, value: Any) -> Callable[[Entry], None]:
    def apply(entry: Entry) -> None:
        *parents, last = path.split(".")
        place: Any = entry
        for key in parents:
            place = place[int(key)] if key.isdigit() else place[key]
        place[last] = value

    return apply


ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
WEAKENED = [
    ("audit-store-lock", "lock-weakened", _set("inputs.rule.defaultRetention.mode", "GOVERNANCE")),
    ("audit-store-lock", "retention-shortened", _set("inputs.rule.defaultRetention.days", 7)),
    ("audit-store-bucket", "protect-lost", _set("options.protect", False)),
    ("audit-store-bucket", "retain-lost", _set("options.retainOnDelete", False)),
    ("audit-store-bucket", "protected-resource", _set("inputs.bucket", "another")),
    ("audit-store-bucket", "bucket-emptied", _set("inputs.forceDestroy", True)),
    ("audit-store-public-access", "public-access", _set("inputs.blockPublicPolicy", False)),
    ("audit-store-versioning", "versioning-lost", _set("inputs.versioningConfiguration.status", "Suspended")),
    (
        "audit-store-encryption",
        "encryption-lost",
        _set("inputs.rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", "AES256"),
    ),
    ("audit-store-policy", "denial-lost", _policy(lambda statements: statements.pop(0))),
    ("audit-store-policy", "public-grant", _policy(lambda statements: statements.append(ANYONE))),
    ("keys-audit", "rotation-lost", _set("inputs.enableKeyRotation", False)),
    ("trail-trail", "trail-validation-lost", _set("inputs.enableLogFileValidation", False)),
    ("trail-trail", "trail-off", _set("inputs.enableLogging", False)),
    ("coe-director", "boundary-lost", _set("inputs.permissionsBoundary", None)),
    (
        "coe-director-permissions",
        "access-widened",
        _policy(
            lambda s: s.append({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::x/*"})
        ),
    ),
    (
        "coe-director-permissions",
        "sweeping-grant",
        _policy(lambda s: s.append({"Effect": "Allow", "Action": "*", "Resource": "*"})),
    ),
    ("budgets-claude", "budget-notice-lost", _set("inputs.notifications", [])),
    ("secrets-key-pepper", "encryption-key-lost", _set("inputs.kmsKeyId", None)),
]


@pytest.mark.parametrize(("name", "rule", "weaken"), WEAKENED, ids=[f"{n}-{r}" for n, r, _ in WEAKENED])
def test_a_weakened_control_fails_the_review(
    tmp_path: Path, document: dict[str, Any], name: str, rule: str, weaken: Callable[[Entry], None]
) -> None:
    changed = copy.deepcopy(document)
    weaken(resource(changed, name))
    code, found = reviewed(tmp_path, document, changed)
    assert code == 5
    critical = [f for f in found["findings"] if f["severity"] == "critical"]
    assert rule in {f["rule"] for f in critical}
    assert all(f["urn"].endswith(f"::{name}") for f in critical)
    assert found["passed"] is False


@pytest.mark.parametrize("forever", [0, None])
def test_logs_that_were_kept_for_ever_and_no_longer_are_is_critical(
    tmp_path: Path, document: dict[str, Any], forever: int | None
) -> None:
    before = copy.deepcopy(document)
    logs = next(
        one
        for stack in before["stacks"]
        for one in stack["resources"]
        if one["type"] == "aws:cloudwatch/logGroup:LogGroup"
    )
    logs["inputs"]["retentionInDays"] = forever
    after = copy.deepcopy(before)
    resource(after, logs["name"])["inputs"]["retentionInDays"] = 3_653
    code, found = reviewed(tmp_path, before, after)
    assert code == 5
    assert "retention-shortened" in {one["rule"] for one in found["findings"]}


def test_a_strengthened_control_passes(tmp_path: Path, document: dict[str, Any]) -> None:
    weaker = copy.deepcopy(document)
    for name, _, weaken in WEAKENED:
        if name != "audit-store-bucket":
            weaken(resource(weaker, name))
    _, found = reviewed(tmp_path, weaker, document)
    allowed = {
        "denial-lost"
    }  # the public grant that is taken back was not a denial; nothing else may be critical
    assert {f["rule"] for f in found["findings"] if f["severity"] == "critical"} <= allowed


def test_no_change_passes(tmp_path: Path, document: dict[str, Any]) -> None:
    code, found = reviewed(tmp_path, document, document)
    assert (code, found["findings"], found["passed"]) == (0, [], True)


def test_a_first_deployment_of_the_kit_holds_nothing_critical(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    empty = {**document, "stacks": []}
    code, found = reviewed(tmp_path, empty, document)
    assert [f for f in found["findings"] if f["severity"] == "critical"] == []
    assert code == 0


def test_an_override_with_approver_and_reason_opens_the_review(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    changed = copy.deepcopy(document)
    _set("inputs.rule.defaultRetention.days", 7)(resource(changed, "audit-store-lock"))
    overrides = tmp_path / "overrides.yaml"
    overrides.write_text(
        "- {rule: retention-shortened, resource: audit-store-lock, approver: Ada, "
        "reason: Decided by the board on 3 May.}\n"
    )
    code, found = reviewed(tmp_path, document, changed, "--overrides", str(overrides))
    assert code == 0
    assert found["findings"][0]["override"] == {"approver": "Ada", "reason": "Decided by the board on 3 May."}
    overrides.write_text(
        "- {rule: retention-shortened, resource: another, approver: Ada, reason: Decided by the board.}\n"
    )
    code, found = reviewed(tmp_path, document, changed, "--overrides", str(overrides))
    assert code == 5
    assert found["unusedOverrides"] == [{"rule": "retention-shortened", "resource": "another"}]


def test_an_override_without_reason_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    overrides = tmp_path / "overrides.yaml"
    overrides.write_text("- {rule: x, resource: y, approver: '', reason: short, colour: red}\n")
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(document))
    with pytest.raises(KitError) as caught:
        CliRunner().invoke(
            app,
            ["review", str(plan), "--against", str(plan), "--overrides", str(overrides)],
            catch_exceptions=False,
        )
    for part in ("approver: is required", "reason: say why", "colour: is not a key"):
        assert part in caught.value.message


def state(inputs: dict[str, Any], token: str = "aws:kms/key:Key", **options: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:s::p::{token}::x"
    return {"urn": urn, "type": token, "custom": True, "inputs": inputs, **options}


def step(op: str, old: Any = None, new: Any = None, **more: Any) -> dict[str, Any]:
    return {"op": op, "urn": (new or old)["urn"], "oldState": old, "newState": new, **more}


def test_a_digest_of_pulumi_is_read(tmp_path: Path) -> None:
    old, new = state({"enableKeyRotation": True}, protect=True), state({"enableKeyRotation": False})
    code, found = digest(tmp_path, {"steps": [step("update", old, new)], "changeSummary": {"update": 1}})
    assert code == 5
    assert {f["rule"] for f in found["findings"]} == {"rotation-lost", "protect-lost"}


def test_retention_lost_in_a_step_that_says_same_is_found(tmp_path: Path) -> None:
    steps = [step("same", state({}, retainOnDelete=True), state({}))]
    code, found = digest(tmp_path, {"steps": steps, "changeSummary": {"same": 1}})
    assert (code, found["findings"][0]["rule"]) == (5, "retain-lost")


def test_sames_that_were_left_out_are_said(tmp_path: Path) -> None:
    code, found = digest(tmp_path, {"steps": [], "changeSummary": {"same": 7}})
    assert code == 0
    assert found["findings"][0]["rule"] == "incomplete"
    assert "--show-sames" in found["findings"][0]["message"]


def test_a_changed_secret_is_told_though_both_sides_look_alike(tmp_path: Path) -> None:
    token = "aws:secretsmanager/secretVersion:SecretVersion"
    both = state({"secretString": "[secret]"}, token)
    detail = {"secretString": {"kind": "update-replace", "inputDiff": True}}
    code, found = digest(tmp_path, {"steps": [step("replace", both, both, detailedDiff=detail)]})
    assert code == 0
    assert [f["rule"] for f in found["findings"]] == ["secret-changed"]


def test_the_halves_of_a_replacement_are_one_change(tmp_path: Path) -> None:
    old, new = state({"keyUsage": "a"}, protect=True), state({"keyUsage": "b"}, protect=True)
    steps = [step("create-replacement", old, new), step("replace", old, new), step("delete-replaced", old)]
    code, found = digest(tmp_path, {"steps": steps})
    assert code == 5
    assert found["counts"] == {"replace": 1}
    assert {f["rule"] for f in found["findings"]} == {"protected-resource", "data-lost"}


def test_a_credential_in_plain_is_found_and_not_repeated(tmp_path: Path) -> None:
    key = "sk-ant-api03-abcdefghijkl"
    token = "aws:lambda/function:Function"
    new = state(
        {"environment": {"variables": {"NOTE": key, "DB_PASSWORD": "hunter2", "KEY_ARN": "arn:aws:x"}}}, token
    )
    code, found = digest(tmp_path, {"steps": [step("create", new=new)]})
    assert code == 5
    assert [f["path"] for f in found["findings"]] == [
        "environment.variables.DB_PASSWORD",
        "environment.variables.NOTE",
    ]
    assert key not in json.dumps(found)
    assert "hunter2" not in json.dumps(found)


def test_a_failed_or_corrupt_preview_does_not_pass(tmp_path: Path) -> None:
    content = {"steps": [], "maybeCorrupt": True, "diagnostics": [{"severity": "error", "message": "boom"}]}
    code, found = digest(tmp_path, content)
    assert code == 5
    assert {f["rule"] for f in found["findings"]} == {"state-corrupt", "preview-failed"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"steps": [{"op": "explode", "urn": "u"}]}, "'explode' is not known"),
        ({"steps": [{"op": "same", "urn": "u", "news": 1}]}, "'news' is not known"),
        ({"steps": [], "policies": []}, "'policies' is not known"),
        ({"steps": {}}, "steps is not a list"),
        ({"steps": [{"op": "same"}]}, "has no urn"),
        ({"resources": []}, "not a plan of this kit"),
        ([], "not a plan of this kit"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(KitError, match=said):
        digest(tmp_path, content)


def test_wildcards_cover_what_they_cover() -> None:
    def allow(action: str, resource: str = "*", **more: Any) -> Any:
        return grants(
            {"Statement": {"Effect": "Allow", "Action": action, "Resource": resource, **more}}, "Allow"
        )

    assert not added(allow("s3:*"), allow("s3:GetObject"))
    assert not added(allow("S3:getobject"), allow("s3:GetObject"))
    assert not added(allow("s3:GetObject", "arn:aws:s3:::a/*"), allow("s3:GetObject", "arn:aws:s3:::a/b"))
    assert added(allow("s3:GetObject"), allow("s3:*"))
    assert added(allow("s3:GetObject", Condition={"Bool": {"a": "true"}}), allow("s3:GetObject"))
    assert not added(allow("s3:GetObject"), allow("s3:GetObject", Condition={"Bool": {"a": "true"}}))
    assert added(
        allow("s3:GetObject"),
        grants({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}, "Allow"),
    )
