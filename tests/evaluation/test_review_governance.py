"""`kit review` reads what a change means: rights, issuers, providers, groups, reviews, code (O.3, G.1)."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from contract.in_force import declarations
from contract.keys import Declaration, keys_of
from contract.rights import Department, Findings
from kit.cli import app
from kit.plan.document import plan_document, to_json
from stacks.settings.loading import CONFIG_FOLDER
from tests.evaluation.test_review import resource, reviewed
from tests.support.stages import plans_of

Policy = dict[str, Any]
Edit = Callable[[Policy], None]
POLICY, RULES = "gateway-policy-object", "scim-rules-object"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(to_json(plan_document(plans_of("medium").values())))


def content(document: dict[str, Any], name: str) -> Policy:
    """A published document of the plan."""
    text = resource(document, name)["inputs"]["content"]
    return json.loads(text) if isinstance(text, str) else text


def edited(document: dict[str, Any], name: str, edit: Edit) -> dict[str, Any]:
    """The plan with one published document changed."""
    changed = copy.deepcopy(document)
    policy = copy.deepcopy(content(changed, name))
    edit(policy)
    entry = resource(changed, name)
    whole = isinstance(entry["inputs"]["content"], str)
    entry["inputs"]["content"] = json.dumps(policy) if whole else policy
    return changed


def department(policy: Policy, identifier: str) -> dict[str, Any]:
    return next(one for one in policy["departments"] if one["id"] == identifier)


def _finance(**changes: Any) -> Edit:
    return lambda policy: department(policy, "finance").update(changes)


def _ci(policy: Policy) -> dict[str, Any]:
    return next(one for one in policy["issuers"] if "githubusercontent" in str(one["issuer"]))


def _drop_claim(policy: Policy) -> None:
    del _ci(policy)["required_claims"]["ref"]


def _widen_claim(policy: Policy) -> None:
    _ci(policy)["required_claims"]["ref"] = "refs/heads/*"


def _narrow_claim(policy: Policy) -> None:
    _ci(policy)["required_claims"]["ref"] = "refs/heads/main"


def _foreign_provider(policy: Policy) -> None:
    policy["providers"][0]["base_url"] = "https://llm-proxy.example.net"


def _look_alike_provider(policy: Policy) -> None:
    policy["providers"][0]["base_url"] = "https://api.anthropic.com.example.net"


def _new_provider(host: str) -> Edit:
    return lambda policy: policy["providers"].append(
        {**policy["providers"][0], "name": "another", "base_url": f"https://{host}"}
    )


def _new_issuer(policy: Policy) -> None:
    policy["issuers"].append({**_ci(policy), "issuer": "https://tokens.example.net"})


GATEWAY_CHANGES: list[tuple[str, Edit, str]] = [
    ("restricted data is redacted only", _finance(findings={"restricted": "redact"}), "restricted-weaker"),
    ("confidential data is flagged", _finance(findings={"confidential": "flag"}), "confidential-weaker"),
    ("unreadable content passes", _finance(findings={"uninspectable": "flag"}), "uninspectable-weaker"),
    ("answers are not filtered", _finance(redact_output=False), "redact-output-weaker"),
    ("free prompts are allowed", lambda p: department(p, "legal").update(registered_prompts_only=False),
     "registered-prompts-only-weaker"),
    ("more data classes", _finance(data_classes=["public", "internal", "restricted"]), "data-classes-weaker"),
    ("no human review", _finance(human_review=[]), "human-review-weaker"),
    ("a claim is dropped", _drop_claim, "claim-dropped"),
    ("a claim is widened", _widen_claim, "claim-widened"),
    ("prompts go to a foreign host", _foreign_provider, "provider-address"),
    ("prompts go to a host that only looks right", _look_alike_provider, "provider-address"),
    ("another issuer is believed", _new_issuer, "issuer-added"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "rule"), [one[1:] for one in GATEWAY_CHANGES], ids=[one[0] for one in GATEWAY_CHANGES]
)
def test_a_weaker_policy_is_critical(tmp_path: Path, document: dict[str, Any], edit: Edit, rule: str) -> None:
    code, found = reviewed(tmp_path, document, edited(document, POLICY, edit))
    assert code == 5
    assert rule in {one["rule"] for one in found["findings"] if one["severity"] == "critical"}


@pytest.mark.parametrize(
    ("host", "severity"),
    [("api.anthropic.com", "warning"), ("api.anthropic.com.example.net", "critical")],
)
def test_a_new_provider_is_known_by_the_end_of_its_host(
    tmp_path: Path, document: dict[str, Any], host: str, severity: str
) -> None:
    _, found = reviewed(tmp_path, document, edited(document, POLICY, _new_provider(host)))
    said = [one for one in found["findings"] if one["rule"] == "provider-address"]
    assert [one["severity"] for one in said] == [severity]


def _everybody_reviews(rules: Policy) -> None:
    rules["groups"].insert(0, {"group": "Everybody", "roles": ["reviewer"]})


def _contractors_get_more(rules: Policy) -> None:
    next(one for one in rules["groups"] if one.get("data_classes"))["data_classes"].append("internal")


def _contractors_are_not_narrowed(rules: Policy) -> None:
    rules["groups"] = [one for one in rules["groups"] if not one.get("data_classes")]


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (_everybody_reviews, "role-granted"),
        (_contractors_get_more, "data-classes-weaker"),
        (_contractors_are_not_narrowed, "group-rule-removed"),
    ],
)
def test_wider_rules_of_provisioning_are_critical(
    tmp_path: Path, document: dict[str, Any], edit: Edit, rule: str
) -> None:
    code, found = reviewed(tmp_path, document, edited(document, RULES, edit))
    assert code == 5
    assert rule in {one["rule"] for one in found["findings"] if one["severity"] == "critical"}


def test_an_earlier_onboarding_is_missed_when_it_is_dropped(tmp_path: Path, document: dict[str, Any]) -> None:
    with_it = edited(document, RULES, lambda rules: rules.update(onboarding_required=True))
    code, found = reviewed(tmp_path, with_it, document)
    assert code == 5
    assert "onboarding-dropped" in {one["rule"] for one in found["findings"]}


WEAKEST: dict[str, Any] = {"less": 10**12, "more": 0}


def _weakened(one: Declaration, value: Any) -> Any:
    """A mutation: the same key, less strict. None where the value is the weakest already."""
    key = one.key
    if key.choices:
        strictest = key.choices[-1 if key.stricter == "more" else 0]
        place = key.choices.index(strictest if value is None else value)  # nothing said is taken as strict
        weaker = place - 1 if key.stricter == "more" else place + 1
        return key.choices[weaker] if 0 <= weaker < len(key.choices) else None
    if isinstance(value, bool):
        weaker_value = key.stricter == "less"
        return weaker_value if weaker_value != value else None
    if isinstance(value, list | tuple):
        if key.empty_is_any and key.stricter == "less":
            return [] if value else None
        return [*value, "confidential"] if key.stricter == "less" else list(value)[1:] if value else None
    if isinstance(value, int):
        return value * 2 + 1 if key.stricter == "less" else value // 2
    return None


def _mutations() -> list[tuple[str, Declaration]]:
    """Every ordered right of a department, and every finding's action."""
    rights = [("", one) for one in keys_of(Department) if one.key.stricter]
    return [*rights, *(("findings", one) for one in keys_of(Findings) if one.key.stricter)]


@pytest.mark.parametrize(
    ("inside", "one"), _mutations(), ids=lambda each: getattr(each, "file_name", str(each))
)
def test_every_right_that_is_weakened_is_found_at_its_level(
    tmp_path: Path, document: dict[str, Any], inside: str, one: Declaration
) -> None:
    finance = department(content(document, POLICY), "finance")
    name = one.file_name if inside else one.name
    place = finance.get("findings", {}) if inside else finance
    mutated = _weakened(one, place.get(name, one.default))
    if mutated is None:
        mutated, base = place.get(name, one.default), "stricter"
    else:
        base = "weaker"

    def edit(policy: Policy) -> None:
        target = department(policy, "finance")
        (target.setdefault("findings", {}) if inside else target)[name] = mutated

    code, found = reviewed(tmp_path, document, edited(document, POLICY, edit))
    if base == "stricter":  # nothing weaker than the default: leaving it as it is finds nothing
        assert (code, found["findings"]) == (0, [])
        return
    rule = f"{one.file_name.replace('_', '-')}-weaker"
    (finding,) = found["findings"]
    assert finding["rule"] == rule
    assert finding["severity"] == ("critical" if one.key.control else "warning")


def test_a_stricter_policy_is_no_reason_to_stop(tmp_path: Path, document: dict[str, Any]) -> None:
    code, found = reviewed(tmp_path, document, edited(document, POLICY, _finance(embeddings=False)))
    assert code == 0
    assert [one["severity"] for one in found["findings"]] == ["info"]


def test_an_unknown_entry_of_the_policy_never_changes_in_silence(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    changed = edited(document, POLICY, lambda policy: policy.update(something_new={"open": True}))
    _, found = reviewed(tmp_path, document, changed)
    assert "policy-changed" in {one["rule"] for one in found["findings"]}


def test_a_new_right_of_an_existing_role_on_what_is_guarded_is_critical(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    changed = copy.deepcopy(document)
    stack = changed["stacks"][0]["resources"]
    role = next(one for one in stack if one["type"] == "aws:iam/role:Role")
    statement = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "kms:Decrypt"],
        "Resource": "arn:aws:s3:::example-production-audit-111122223333-eu-central-1/records/*",
    }
    added = copy.deepcopy(role)
    added |= {
        "urn": role["urn"].replace("aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy") + "-more",
        "type": "aws:iam/rolePolicy:RolePolicy",
        "name": role["name"] + "-more",
        "inputs": {
            "role": role["inputs"]["name"],
            "policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        },
    }
    stack.append(added)
    code, found = reviewed(tmp_path, document, changed)
    assert code == 5
    assert "guarded-right" in {one["rule"] for one in found["findings"] if one["severity"] == "critical"}


def test_a_domain_that_functions_may_reach_is_named(tmp_path: Path, document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    lists = [
        one
        for stack in changed["stacks"]
        for one in stack["resources"]
        if one["type"].endswith(":ResolverFirewallDomainList") and len(one["inputs"].get("domains", ())) > 1
    ]
    assert lists
    lists[0]["inputs"]["domains"].append("llm-proxy.example.net")
    code, found = reviewed(tmp_path, document, changed)
    assert code == 5
    assert any("llm-proxy.example.net" in one["message"] for one in found["findings"])


def test_a_review_step_taken_out_of_a_workflow_is_critical(tmp_path: Path) -> None:
    document = json.loads(to_json(plan_document(plans_of("small").values())))
    changed = copy.deepcopy(document)
    machine = next(
        one
        for stack in changed["stacks"]
        for one in stack["resources"]
        if one["type"] == "aws:sfn/stateMachine:StateMachine" and ".waitForTaskToken" in str(one["inputs"])
    )
    definition = machine["inputs"]["definition"]
    text = definition if isinstance(definition, str) else json.dumps(definition)
    text = text.replace(".waitForTaskToken", "")
    machine["inputs"]["definition"] = text if isinstance(definition, str) else json.loads(text)
    code, found = reviewed(tmp_path, document, changed)
    assert code == 5
    assert "review-removed" in {one["rule"] for one in found["findings"]}


def test_code_of_a_function_that_changes_is_named(tmp_path: Path, document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    resource(changed, "gateway-api-function")["inputs"]["code"]["$archive"]["sha256"] = "0" * 64
    _, found = reviewed(tmp_path, document, changed)
    (finding,) = [one for one in found["findings"] if one["rule"] == "code-changed"]
    assert "000000000000" in finding["message"]


@pytest.mark.parametrize(
    ("small", "big"), [("small", "medium"), ("medium", "large"), ("large", "enterprise")]
)
def test_growing_to_the_next_size_is_no_false_alarm(tmp_path: Path, small: str, big: str) -> None:
    before = json.loads(to_json(plan_document(plans_of(small).values())))
    after = json.loads(to_json(plan_document(plans_of(big).values())))
    _, found = reviewed(tmp_path, before, after)
    wrong = {"firewall-rules-lost", "guarded-right"}
    assert not [one for one in found["findings"] if one["severity"] == "critical" and one["rule"] in wrong]


def test_one_cause_over_many_resources_is_one_line(tmp_path: Path) -> None:
    before = json.loads(to_json(plan_document(plans_of("medium").values())))
    after = json.loads(to_json(plan_document(plans_of("small").values())))
    files = tmp_path / "before.json", tmp_path / "after.json"
    for file, plan in zip(files, (before, after), strict=True):
        file.write_text(json.dumps(plan))
    result = CliRunner().invoke(app, ["review", str(files[1]), "--against", str(files[0])])
    critical = [line for line in result.stdout.splitlines() if line.startswith("critical")]
    assert result.exit_code == 5
    assert 0 < len(critical) <= 25


def test_a_pull_request_and_a_scanner_get_the_same_verdict(tmp_path: Path, document: dict[str, Any]) -> None:
    files = tmp_path / "before.json", tmp_path / "after.json"
    files[0].write_text(json.dumps(document))
    files[1].write_text(json.dumps(edited(document, POLICY, _foreign_provider)))
    command = ["review", str(files[1]), "--against", str(files[0]), "--format"]
    markdown = CliRunner().invoke(app, [*command, "markdown"])
    assert "llm-proxy.example.net" in markdown.stdout
    assert "governance lead and security" in markdown.stdout
    sarif = CliRunner().invoke(app, [*command, "sarif"])
    (run,) = json.loads(sarif.stdout)["runs"]
    assert {one["level"] for one in run["results"]} == {"error"}
    assert markdown.exit_code == sarif.exit_code == 5


# -- the client's own settings

# What a client may write; the published documents of the example are taken and one value is exchanged.
STRICT: dict[str, Any] = {
    "api.exposure": ("private", "regional"),
    "api.mutual_tls": (True, False),
    "audit.anchor_bucket": ("anchors-of-another-account", None),
    "audit.mode": ("COMPLIANCE", "GOVERNANCE"),
    "cluster.reached_from": ([], ["0.0.0.0/0"]),
    "guardrail": (True, False),
    "guardrail.prompt_attack_strength": ("HIGH", "LOW"),
    "identity.email_domains": (["example.com"], []),
    "identity.encrypted_assertions": (True, False),
    "identity.signed_requests": (True, False),
    "sizing.detection.cognito_tier": ("PLUS", "ESSENTIALS"),
    "sizing.adoption.dashboards": (["governance", "operations"], ["operations"]),
}
OF_OTHER_KINDS = {"console_access.session_hours": 4, "data_residency": ["eu"]}


def _in_force(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The published settings among which this one is; the example client has no value for some."""
    objects = [
        one
        for stack in document["stacks"]
        for one in stack["resources"]
        if one["inputs"].get("key", "").startswith("policy/in-force-")
    ]
    first, second = objects
    return first if name.startswith(("audit", "budget", "console_", "data_", "sizing.retention")) else second


def _with(document: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    inputs = _in_force(changed, name)["inputs"]
    inputs["content"] = json.dumps(json.loads(inputs["content"]) | {name: value})
    return changed


@pytest.mark.parametrize("name", [name for name, one in declarations().items() if one.key.stricter])
def test_every_setting_of_the_client_that_is_weakened_is_found_at_its_level(
    tmp_path: Path, document: dict[str, Any], name: str
) -> None:
    one = declarations()[name]
    published = json.loads(_in_force(document, name)["inputs"]["content"]) | OF_OTHER_KINDS
    before, after = STRICT.get(name) or (published[name], _weakened(one, published[name]))
    assert after != before
    code, found = reviewed(tmp_path, _with(document, name, before), _with(document, name, after))
    (finding,) = found["findings"]
    assert finding["rule"] == f"{one.file_name.replace('_', '-')}-weaker"
    assert finding["severity"] == ("critical" if one.key.control else "warning")
    assert code == (5 if one.key.control else 0)
    assert reviewed(tmp_path, _with(document, name, after), _with(document, name, before))[0] == 0


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("identity.issuer", "https://login.example.net", "critical"),
        ("api.mutual_tls.truststore_uri", "s3://someone-elses/ca.pem", "critical"),
        ("identity.client_id", "another", "warning"),
        ("audit.anchor_bucket", "another-bucket", "critical"),
        ("network.mode", "none", "warning"),
    ],
)
def test_a_setting_without_an_order_is_reported_when_it_changes(
    tmp_path: Path, document: dict[str, Any], name: str, value: str, severity: str
) -> None:
    before = _with(document, name, "as it was")
    _, found = reviewed(tmp_path, before, _with(document, name, value))
    assert [(one["rule"].endswith("-changed"), one["severity"]) for one in found["findings"]] == [
        (True, severity)
    ]


def test_what_is_published_is_what_the_client_decided_and_names_nobody(document: dict[str, Any]) -> None:
    client = yaml.safe_load((CONFIG_FOLDER / "clients" / "example.yaml").read_text())
    published = {
        name: value
        for stage in ("audit", "identity")
        for name, value in json.loads(_in_force(document, stage)["inputs"]["content"]).items()
    }
    assert published["identity.issuer"] == client["identity"]["issuer"]
    assert published["data_residency"] == ["eu"]
    assert published["guardrail"] is ("guardrail" in client)
    assert not [value for value in map(str, published.values()) if "@" in value]


def test_alarms_that_go_to_someone_else_are_reported(tmp_path: Path, document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    resource(changed, "notifications-email-0")["inputs"]["endpoint"] = "someone@example.net"
    _, found = reviewed(tmp_path, document, changed)
    assert "recipient-changed" in {one["rule"] for one in found["findings"]}
