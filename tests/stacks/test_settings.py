"""The configuration: read once, typed, every problem at once with its key, never a secret (L1.7, Z.1)."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.keys import keys_of
from contract.kinds import REGIONS
from contract.money import MoneyError, microusd_from_usd, usd
from contract.rights import Findings
from stacks.settings import CONFIG_FOLDER, RawConfig, Settings, SettingsError, parse_settings, read_settings
from stacks.settings.documents import UnreadableFile, parse_yaml

Read = Callable[..., Settings]
EXAMPLE = parse_yaml((CONFIG_FOLDER / "clients" / "example.yaml").read_text(), "example") | {
    "stage": "foundation"
}


def refused(call: Callable[[], Any]) -> dict[str, str]:
    """The problems that a call is refused with, by key."""
    with pytest.raises(SettingsError) as caught:
        call()
    return {each.key: str(each) for each in caught.value.problems}


def outcome(call: Callable[[], Any]) -> SettingsError | None:
    """None if the call succeeds, the error if it is refused; anything else that it raises fails the test."""
    try:
        call()
    except SettingsError as error:
        return error
    return None


def changed(**top_level: Any) -> Callable[[], Settings]:
    return lambda: parse_settings(EXAMPLE | top_level)


def department(**keys: Any) -> Callable[[], Settings]:
    first = EXAMPLE["departments"][0] | keys
    return changed(departments=[first, *EXAMPLE["departments"][1:]])


def named(name: str, *, region: str = "eu-central-1", account: str = "111122223333") -> dict[str, Any]:
    """A name of the client's own with its certificate."""
    arn = f"arn:aws:acm:{region}:{account}:certificate/0a1b2c3d-1111-2222-3333-444455556666"
    return {"custom_domain": {"name": name, "certificate_arn": arn}}


def on_kubernetes(**cluster: Any) -> Callable[[], Settings]:
    sizing = {"capacity": {"runtime": "kubernetes"}}
    return changed(api=named("api.example.com"), cluster=cluster, sizing=sizing)


# --- what ships works


@pytest.mark.parametrize("stage", ["foundation", "integration", "rollout"])
def test_the_shipped_stack_files_of_the_example_client_are_valid(stage: str) -> None:
    stack_file = yaml.safe_load((CONFIG_FOLDER / f"Pulumi.{stage}.yaml").read_text())
    config = {key.removeprefix("claude-enterprise-kit:"): each for key, each in stack_file["config"].items()}

    read = read_settings(RawConfig(config))

    assert (read.stage, read.client, read.size) == (stage, "example", "medium")
    assert [each.id for each in read.departments] == [
        "marketing",
        "finance",
        "legal",
        "executive",
        "operations",
        "product",
        "people",
    ]
    assert [each.id for each in read.pilots] == ["marketing", "finance"]
    assert len(read.followers) == 5


def test_what_a_client_leaves_out_follows_from_the_size(read: Read) -> None:
    medium, large = read(size="medium"), read(size="large")

    assert large.departments[0].requests_per_minute == large.sizing.limits.department_requests_per_minute
    assert large.departments[0].requests_per_minute > medium.departments[0].requests_per_minute
    assert medium.departments[0].user_monthly_budget_microusd == medium.sizing.budgets.user_microusd
    assert medium.budget.organization_monthly_microusd == medium.sizing.budgets.organization_microusd


def test_a_stack_file_overrides_the_client_file_with_scalars_and_structures(read: Read) -> None:
    assert read(size="large").size == "large"
    overridden = read(budget={"model": "central", "organization_monthly_usd": 12.345678})
    assert overridden.budget.model == "central"
    assert overridden.budget.organization_monthly_microusd == 12_345_678


def test_a_deep_override_of_the_sizing_reaches_the_plan(read: Read) -> None:
    plan = read(sizing={"capacity": {"gateway_memory_mb": 4096}, "budgets": {"user_usd": "12.50"}}).sizing
    assert plan.capacity.gateway_memory_mb == 4096
    assert plan.budgets.user_microusd == 12_500_000


def test_settings_cannot_be_changed_after_reading(read: Read) -> None:
    with pytest.raises(AttributeError, match="size"):
        read().size = "large"  # pyright: ignore[reportAttributeAccessIssue]


# --- every problem at once, each with its key, the value and a hint


def test_all_problems_are_reported_at_once_and_read_well(folder: Path) -> None:
    config = {
        "client": "example",
        "config_folder": str(folder),
        "stage": "foundtion",
        "siz": "large",
        "account": "12",
        "region": "us-east-1",
        "audit": "forever",
        "identity": '{"kind": "ldap"}',
        "contacts": '{"owner": "somebody", "alarms": []}',
        "budget": '{"organization_monthly_usd": 0.0000001}',
        "sizing": '{"capcity": {}, "retention": {"audit_days": 3}, "budgets": {"user_usd": -1}}',
        "departments": '[{"id": "A B", "nme": "x", "models": ["fst"], "findings": {"restricted": "flag"}}]',
    }
    with pytest.raises(SettingsError) as caught:
        read_settings(RawConfig(config))

    text = str(caught.value).replace(str(folder), "<folder>")
    assert text.splitlines() == [
        "19 problems in the configuration (<folder>/clients/example.yaml):",
        '  account: "12" is not allowed; allowed: twelve digits in quotes',
        '  audit: "forever" is not a mapping of names to values',
        "  budget.organization_monthly_usd: 1E-7 is finer than a millionth of a dollar; monthly limit of the "
        "whole organisation's spending on Claude",
        "  contacts.alarms: is empty; recipients of alarm notifications",
        '  contacts.owner: "somebody" is not allowed; allowed: an e-mail address',
        "  departments: none is a pilot; set pilot: true for two or three departments",
        "  departments[0].cost_center: is required; cost center that is charged",
        "  departments[0].findings.restricted: flag is not for production: restricted data must not reach "
        "Claude; allowed: block, redact",
        '  departments[0].id: "A B" is not allowed; allowed: lower-case letters, digits and single hyphens, '
        "a letter first",
        '  departments[0].models: "fst" is not a model; did you mean "fast"?',
        "  departments[0].name: is required; display name",
        '  departments[0].nme: is not a key; did you mean "name"?',
        '  identity.kind: "ldap" is not allowed; known: oidc, saml',
        '  region: "us-east-1" is outside the data residency; data_residency allows: eu-central-1, '
        "eu-west-1, eu-west-3, eu-north-1, eu-south-1, eu-south-2",
        '  siz: is not a key; did you mean "size"?',
        "  sizing.budgets.user_usd: -1 is not between 0 and 1,000,000,000 USD; default monthly budget of "
        "a person",
        '  sizing.capcity: is not a key; did you mean "capacity"?',
        "  sizing.retention.audit_days: 3 is not allowed; allowed: whole numbers from 365 to 36500",
        '  stage: "foundtion" is not allowed; allowed: foundation, integration or rollout',
    ]


@pytest.mark.parametrize(
    ("attempt", "key", "says"),
    [
        (changed(size="larg"), "size", "allowed: small, medium, large or enterprise"),
        (changed(sise="large"), "sise", 'did you mean "size"?'),
        (changed(region="us-east-1"), "region", "data_residency allows: eu-central-1"),
        (changed(replica_region="us-east-1"), "replica_region", "outside the data residency"),
        (changed(replica_region="eu-central-1"), "replica_region", "same as region"),
        (changed(size="large", replica_region=None), "replica_region", "choose one of eu-west-1"),
        (changed(account=111122223333), "account", "put it in quotes"),
        (changed(environment="Production!"), "environment", "lower-case letters"),
        (changed(departments=[]), "departments", "is empty; at least one department"),
        (department(models=["fst"]), "departments[0].models", 'did you mean "fast"?'),
        (department(id="finance"), "departments[1].id", "more than once"),
        (department(monthly_budget_usd="a lot"), "departments[0].monthly_budget_usd", "1200.50"),
        (department(monthly_budget_usd=-1), "departments[0].monthly_budget_usd", "not between 0 and"),
        (
            department(monthly_budget_usd="0.0000001"),
            "departments[0].monthly_budget_usd",
            "finer than a millionth",
        ),
        (
            department(requests_per_minute=0),
            "departments[0].requests_per_minute",
            "whole numbers from 1",
        ),
        (
            department(findings={"restricted": "allow"}),
            "departments[0].findings.restricted",
            "must not reach Claude",
        ),
        (
            department(findings={"confidential": "flag"}),
            "departments[0].findings.confidential",
            "must not reach",
        ),
        (
            department(findings={"personnel-decision": "review"}),
            "departments[0].findings.personnel-decision",
            "personnel decisions",
        ),
        (department(data_classes=["confidential"]), "departments[0].data_classes", "must not reach Claude"),
        (department(human_review=[]), "departments[0].human_review", "personnel-decision"),
        (changed(identity={"kind": "saml"}), "identity.metadata_url", "is required"),
        (changed(identity={"kind": "oidc", "issuer": "http://x"}), "identity.issuer", "begins with https://"),
        (changed(identity={"issuer": "https://x.example"}), "identity.kind", "is required"),
        (changed(audit={"mode": "GOVERNANCE"}), "audit.mode", "named non-production"),
        (changed(audit={"retention_days": 30}), "audit.retention_days", "sizing.retention.audit_days"),
        (changed(api={"exposure": "private"}), "api.exposure", "needs a way in"),
        (
            changed(api={"mutual_tls": {"truststore_uri": "s3://bucket/ca.pem"}}),
            "api.mutual_tls",
            "needs api.custom_domain",
        ),
        (changed(network={"mode": "managed"}), "network.cidr", "is required"),
        (changed(network={"mode": "managed", "cidr": "8.8.0.0/16"}), "network.cidr", "not a private range"),
        (changed(network={"mode": "managed", "cidr": "127.0.0.0/16"}), "network.cidr", "172.16.0.0/12"),
        (changed(network={"mode": "managed", "cidr": "169.254.0.0/16"}), "network.cidr", "private range"),
        (changed(network={"mode": "managed", "cidr": "10.40.1.0/20"}), "network.cidr", "not a network"),
        (changed(network={"mode": "managed", "cidr": "10.40.0.0/24"}), "network.cidr", "/16 to /22"),
        (
            changed(network={"mode": "existing", "subnet_ids": ["subnet-12345678"] * 2}),
            "network.subnet_ids[1]",
            "more than once",
        ),
        (on_kubernetes(reached_from=["10.0.0.0/16"]), "cluster.reached_from[0]", "EKS refuses it"),
        (
            on_kubernetes(administrators=["arn:aws:iam::111122223333:role/a"] * 2),
            "cluster.administrators[1]",
            "more than once",
        ),
        (
            changed(api=named("one.example.com"), portal=named("one.example.com")),
            "portal.custom_domain.name",
            '"one.example.com" is api.custom_domain.name, too',
        ),
        (
            on_kubernetes(direct_door=named("api.example.com")["custom_domain"]),
            "cluster.direct_door.name",
            "api.custom_domain.name, too",
        ),
        (
            changed(
                portal=named("p.example.com"),
                cluster={"direct_door": named("p.example.com")["custom_domain"]},
                api=named("api.example.com"),
                sizing={"capacity": {"runtime": "kubernetes"}},
            ),
            "cluster.direct_door.name",
            "portal.custom_domain.name, too",
        ),
        *(
            (attempt, f"{key}.certificate_arn", "of account 111122223333 in region eu-central-1")
            for elsewhere in ({"region": "us-east-1"}, {"account": "999988887777"})
            for key, attempt in {
                "api.custom_domain": changed(api=named("a.example.com", **elsewhere)),
                "portal.custom_domain": changed(portal=named("a.example.com", **elsewhere)),
                "cluster.direct_door": on_kubernetes(
                    direct_door=named("a.example.com", **elsewhere)["custom_domain"]
                ),
                "cluster.certified": on_kubernetes(
                    certified=named("a.example.com", **elsewhere)["custom_domain"]
                ),
            }.items()
        ),
        (
            changed(network={"mode": "none", "subnet_ids": ["subnet-12345678"]}),
            "network.subnet_ids",
            "network.mode: existing",
        ),
        (
            changed(contacts={"owner": "x@example.com", "alarms": []}),
            "contacts.alarms",
            "recipients of alarm",
        ),
        (changed(demonstration_evidence="x.yaml"), "demonstration_evidence", "emulated AWS only"),
        (changed(sizing={"retention": {"audit_days": 1}}), "sizing.retention.audit_days", "from 365 to"),
        (changed(sizing={"retention": {"log_days": 200}}), "sizing.retention.log_days", "180 | 365"),
        (changed(sizing={"retenion": {}}), "sizing.retenion", 'did you mean "retention"?'),
        (
            changed(sizing={"capacity": {"gateway_provisioned_concurrency": 5}}),
            "sizing.capacity.gateway_provisioned_concurrency",
            "either SnapStart or provisioned",
        ),
        (
            changed(sizing={"adoption": {"dashboards": ["executive"]}}),
            "sizing.adoption.dashboards",
            "governance",
        ),
    ],
)
def test_a_wrong_key_is_named_with_a_hint(attempt: Callable[[], Settings], key: str, says: str) -> None:
    problems = refused(attempt)
    assert key in problems, problems
    assert says in problems[key]


def test_a_provider_must_promise_the_residency_of_the_data() -> None:
    """(G.1) The Anthropic API answers in the US or anywhere; the two platforms of AWS in their region."""
    auth = {"kind": "secret"}

    def at(residency: Any, **provider: Any) -> Callable[[], Settings]:
        claude = EXAMPLE["claude"] | {"providers": [{"kind": "anthropic", "auth": auth, **provider}]}
        return changed(claude=claude, data_residency=residency)

    for residency in ("eu", ["eu", "uk"]):
        for geo in ("global", "us"):
            problems = refused(at(residency, inference_geo=geo))
            assert "use kind: bedrock or claude-platform-aws" in problems["claude.providers[0].kind"]
    problems = refused(at(["eu", "us"]))
    assert problems.keys() == {"claude.providers[0].inference_geo"}
    assert at(["eu", "us"], inference_geo="us")().claude.providers[0].kind == "anthropic"


def test_one_mistake_gives_one_problem(read: Read) -> None:
    assert list(refused(department(cost_centre="CC-1"))) == ["departments[0].cost_centre"]
    assert list(refused(changed(size="larg"))) == ["size"]


def test_departments_that_are_no_list_are_one_problem_and_nothing_that_follows() -> None:
    assert refused(changed(departments=5)).keys() == {"departments"}


def test_in_a_named_non_production_environment_evidence_may_be_short_lived() -> None:
    sandbox = parse_settings(
        EXAMPLE
        | {
            "environment": "sandbox",
            "audit": {"mode": "GOVERNANCE"},
            "sizing": {"retention": {"audit_days": 1}},
        }
    )
    assert not sandbox.production
    assert sandbox.sizing.retention.audit_days == 1


def test_every_finding_and_action_is_known_to_inspection_and_gateway(read: Read) -> None:
    from lambdas.common.policy import FINDING_ACTIONS
    from lambdas.inspection.policy import DEFAULT_ACTIONS

    # "internal" follows from the department's data classes; what a tool brings is withheld, not blocked
    own_text = {kind: action for kind, action in DEFAULT_ACTIONS.items() if kind != "internal"}
    in_tools = {"restricted-in-tools": "withhold", "confidential-in-tools": "withhold"}

    assert read().departments[0].findings == own_text | in_tools
    # of an image a department may also ask the caller to confirm that a person looked
    assert {action for one in keys_of(Findings) for action in one.key.choices} <= {*FINDING_ACTIONS, "ask"}


def test_no_region_lies_in_two_residencies() -> None:
    regions = [region for each in REGIONS.values() for region in each]
    assert len(regions) == len(set(regions))


# --- secrets

CREDENTIALS = [
    "sk-ant-api03-AbCdEfGhIjKlMnOp",
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLEKEY9",
    "-----BEGIN RSA PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.signature",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "https://user:hunter22@login.example.com/metadata",
    "Bearer abcdefghijklmnop1234",
]


@pytest.mark.parametrize("secret", CREDENTIALS)
@pytest.mark.parametrize(
    "place",
    [
        lambda secret: changed(organization=secret),
        lambda secret: department(name=secret),
        lambda secret: changed(tags={"note": f"see {secret} there"}),
        lambda secret: changed(unknown={"deep": [{"down": secret}]}),
        lambda secret: changed(size=secret),
        lambda secret: changed(identity=EXAMPLE["identity"] | {"metadata_url": secret}),
    ],
)
def test_a_credential_is_refused_anywhere_and_never_shown(
    secret: str, place: Callable[[str], Callable[[], Settings]]
) -> None:
    problems = refused(place(secret))
    assert any("looks like a credential" in text for text in problems.values())
    assert not any(secret in text for text in problems.values())


def test_a_value_under_a_secret_name_is_refused_whatever_it_looks_like() -> None:
    problems = refused(changed(identity=EXAMPLE["identity"] | {"client_secret": "tulip"}))
    assert "looks like a credential" in " ".join(problems.values())
    assert "tulip" not in " ".join(problems.values())


@pytest.mark.parametrize("secret", CREDENTIALS)
def test_a_credential_as_a_key_is_refused_and_not_shown(secret: str) -> None:
    for attempt in (changed(tags={secret: "x"}), changed(**{secret: "x"}), department(**{secret: "x"})):
        problems = refused(attempt)
        assert "looks like a credential" in str(problems)
        assert secret not in str(problems)


def test_an_encrypted_secret_of_the_stack_is_refused_by_name_only(folder: Path) -> None:
    values = {
        "stage": "foundation",
        "client": "example",
        "config_folder": str(folder),
        "organization": "tulip",
    }
    problems = refused(lambda: read_settings(RawConfig(values, frozenset({"organization"}))))
    assert "tulip" not in str(problems)
    assert "Secrets Manager" in problems["organization"]


def test_ordinary_configuration_is_no_credential(read: Read) -> None:
    read(api=named("api.example.com"))


# --- files


def write_client(folder: Path, text: str) -> Callable[[], Settings]:
    (folder / "clients" / "acme.yaml").write_text(text)
    config = {"stage": "foundation", "client": "acme", "config_folder": str(folder)}
    return lambda: read_settings(RawConfig(config))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("size: small\nsize: large\n", "given before"),
        ("size: [unclosed\n", "line"),
        ("- a list\n", "not a mapping"),
        ("", "not a mapping"),
        ("a: &x 1\nb: *x\n", "alias"),
        ("a: !!python/object:os.system {}\n", "tag"),
        ("yes: 1\n", "not text"),
        ("a: \x00\n", "not YAML"),
    ],
)
def test_an_unusable_file_is_named_without_quoting_it(folder: Path, text: str, says: str) -> None:
    problems = refused(write_client(folder, text))
    assert says in " ".join(problems.values())
    assert any(key.endswith("acme.yaml") for key in problems)


def test_a_client_without_a_file_is_told_the_nearest(folder: Path) -> None:
    config = {"stage": "foundation", "client": "exmaple", "config_folder": str(folder)}
    assert 'did you mean "example"?' in refused(lambda: read_settings(RawConfig(config)))["client"]


def test_without_a_client_the_key_is_named(folder: Path) -> None:
    assert "client" in refused(
        lambda: read_settings(RawConfig({"stage": "foundation", "config_folder": str(folder)}))
    )


@pytest.mark.parametrize("key", ["stage", "emulated", "evidence_file", "demonstration_evidence"])
def test_a_client_file_cannot_say_how_an_evaluation_is_run(folder: Path, key: str) -> None:
    text = (folder / "clients" / "example.yaml").read_text() + f"{key}: true\n"
    assert "does not belong into a client's file" in refused(write_client(folder, text))[key]


# --- money


@given(st.integers(0, 10**15))
def test_money_survives_the_way_through_text_and_yaml_exactly(microusd: int) -> None:
    text = str(Decimal(microusd).scaleb(-6))
    assert microusd_from_usd(text) == microusd
    assert microusd_from_usd(parse_yaml(f"a: {Decimal(text):f}", "x")["a"]) == microusd


@pytest.mark.parametrize(
    "wrong", [True, None, [], "1,5", "NaN", "inf", "-0.01", "1e10", "0.00000001", float("nan")]
)
def test_what_is_no_amount_is_refused(wrong: Any) -> None:
    with pytest.raises(MoneyError):
        microusd_from_usd(wrong)


def test_money_is_shown_in_dollars_and_cents() -> None:
    assert usd(1_234_567_890) == "1,234.57"


# --- nothing but the settings error

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.sampled_from(
        ["production", "large", "eu", "oidc", "managed", "private", "GOVERNANCE", "[", "{", *CREDENTIALS]
    )
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
TOP_KEYS = st.sampled_from([one.file_name for one in keys_of(Settings)])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(TOP_KEYS | st.text(max_size=12), JUNK, max_size=6))
def test_random_junk_is_refused_with_the_settings_error_only(junk: dict[str, Any]) -> None:
    error = outcome(lambda: parse_settings(EXAMPLE | junk))
    assert error is None or error.problems
    assert not any(secret in str(error) for secret in CREDENTIALS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(
        ["claude", "departments", "identity", "api", "network", "contacts", "sizing", "gate_override"]
    ),
    st.lists(st.integers(0, 6), max_size=6),
    JUNK,
)
def test_junk_anywhere_below_is_refused_with_the_settings_error_only(
    key: str, way: list[int], junk: Any
) -> None:
    document = json.loads(json.dumps(EXAMPLE, default=str))
    at: Any = document
    step: Any = key
    for turn in way:
        below = at.get(step) if isinstance(at, dict) else at[step]
        if isinstance(below, dict) and below:
            at, step = below, sorted(below)[turn % len(below)]
        elif isinstance(below, list) and below:
            at, step = below, turn % len(below)
    at[step] = junk
    error = outcome(lambda: parse_settings(document))
    assert error is None or error.problems


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_random_text_as_a_file_is_refused_or_read(text: str) -> None:
    with contextlib.suppress(UnreadableFile):
        parse_yaml(text, "some file")


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        TOP_KEYS | st.sampled_from(["client_file", "config_folder"]), st.text(max_size=20), max_size=4
    )
)
def test_random_stack_configuration_is_refused_with_the_settings_error_only(values: dict[str, str]) -> None:
    error = outcome(lambda: read_settings(RawConfig({"client": "example", **values})))
    assert error is None or error.problems


def test_messages_do_not_depend_on_the_hash_seed(folder: Path) -> None:
    program = (
        "import sys\n"
        "from stacks.settings import *\n"
        "config = {'client': 'example', 'config_folder': sys.argv[1], 'siz': '1', 'departments': '[{}]'}\n"
        "try: read_settings(RawConfig(config))\n"
        "except SettingsError as error: print(error)\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            cwd=CONFIG_FOLDER.parent.parent,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
