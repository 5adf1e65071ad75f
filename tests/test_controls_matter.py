"""Each control of audit, ledger, gates, settings, review and inspection is held by a test: with the control
taken out of the source, and nothing else changed, the named test fails. Identity has a table of its own.

A control that was reworded is not found here, and fails until this list says where it is now.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.nightly
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Control:
    """`text` of the module's source is the control, `instead` what is there without it. `test` is a node, or
    a file and words of the names of tests.
    """

    name: str
    module: str
    text: str
    instead: str
    test: tuple[str, ...]


VERIFY, AUTHENTIC = "tests/records/test_audit_verify.py", "tests/records/test_audit_authentic.py"
_PLANTED = f"{VERIFY}::test_what_was_planted_is_found_and_named"
AUDIT = (
    Control(
        "signature of a manifest",
        "lambdas.common.audit.manifest",
        "if not any(_holds(key, given, line) for key in trusted):",
        "if False:",
        (f"{_PLANTED}[a manifest is edited]",),
    ),
    Control(
        "each manifest holds the one before",
        "kit.audit.verification",
        "elif manifest.previous != expected:",
        "elif False:",
        (f"{VERIFY}::test_a_manifest_signed_anew_with_the_right_key_is_found_by_the_next_one",),
    ),
    Control(
        "records of a sealed segment",
        "kit.audit.segments",
        "if checked.records != sealed.records or root != sealed.root or len(data) != sealed.size:",
        "if False:",
        (f"{_PLANTED}[a record is edited]",),
    ),
    Control(
        "index of a sealed segment",
        "kit.audit.segments",
        "if sha256(index).hexdigest() != sealed.index_sha256:",
        "if False:",
        (f"{_PLANTED}[the index of a segment is edited]",),
    ),
    Control(
        "what is left of a sealed object",
        "kit.audit.verification",
        "elif not entry.deleted and entry.size != size:",
        "elif False:",
        (f"{_PLANTED}[what is left of an object is altered]",),
    ),
    Control(
        "records that are missing between two",
        "kit.audit.verification",
        "        if expected < first:",
        "        if False:",
        (f"{_PLANTED}[an unsealed object is deleted before another]",),
    ),
    Control(
        "what came late and was altered since",
        "kit.audit.verification",
        "elif found.sha256 != one.sha256:",
        "elif False:",
        (f"{VERIFY}::test_what_came_late_and_was_altered_or_removed_since_is_found[altered]",),
    ),
    Control(
        "signature of a chain's end",
        "kit.audit.writers",
        "if known is not None and not known.signed(line):",
        "if False:",
        (f"{AUTHENTIC}::test_what_was_forged_with_a_chain_that_holds_is_found[tail]",),
    ),
    Control(
        "who may write what",
        "kit.audit.writers",
        "if known.name not in _MAY_SAY[kind]:",
        "if False:",
        (f"{AUTHENTIC}::test_a_person_who_may_leave_records_cannot_record_a_call",),
    ),
)

_LEDGER = "tests/records/test_ledger.py"
COUNTERS, LEDGER_MODULE = "lambdas.common.ledger.counters", "lambdas.common.ledger.ledger"
LEDGER = (
    Control(
        "ceiling of a budget",
        COUNTERS,
        "            at_most[COMMITTED] = self.ceiling_at(key)",
        "            pass",
        (_LEDGER, "-k", "many_calls_at_once_fill_a_ceiling and memory"),
    ),
    Control(
        "window of a rate",
        COUNTERS,
        "        if limits is None or self.shards == 1:\n            return limits\n",
        "        return None\n",
        (_LEDGER, "-k", "the_call_over_a_limit and memory"),
    ),
    Control(
        "calls under way",
        COUNTERS,
        "if len(under_way) - len(_dead(under_way, amount.now)) >= self.at_once:",
        "if False:",
        (_LEDGER, "-k", "a_caller_has_only_so_many_calls and memory"),
    ),
    Control(
        "a leaver",
        LEDGER_MODULE,
        'record.get("active") is not True',
        "False",
        (_LEDGER, "-k", "a_leaver_and_a_mover and memory"),
    ),
    Control(
        "a mover",
        LEDGER_MODULE,
        'or record.get("department") != department',
        "",
        (_LEDGER, "-k", "a_leaver_and_a_mover and memory"),
    ),
    Control(
        "a switch",
        LEDGER_MODULE,
        "    if off is not None:\n        raise Refused",
        "    if False:\n        raise Refused",
        (_LEDGER, "-k", "a_kill_switch_bites and memory"),
    ),
)

_GATES = "tests/stacks/test_stage_gates.py"
GATES = (
    Control(
        "a document that was changed",
        "stacks.gates",
        "approved_hash(latest.document, roots) != latest.sha256",
        "False",
        (f"{_GATES}::test_a_document_changed_after_its_approval_reopens_the_criterion",),
    ),
    Control(
        "the very day on which evidence expires",
        "stacks.gates",
        "newest - on > timedelta(days=criterion.valid_days)",
        "newest - on > timedelta(days=criterion.valid_days + 1)",
        (f"{_GATES}::test_evidence_holds_on_its_last_day_and_not_on_the_next",),
    ),
    Control(
        "people who were signed in",
        "stacks.gates",
        "len(signed) < criterion.people",
        "False",
        (f"{_GATES}::test_in_production_zero_training_is_attested_by_two_people_who_were_signed_in",),
    ),
    Control(
        "the threshold",
        "stacks.gates",
        "if latest.value < criterion.threshold:",
        "if False:",
        (f"{_GATES}::test_a_value_below_its_threshold_keeps_the_gate_closed",),
    ),
    Control(
        "measured, not typed in",
        "stacks.gates",
        "if not latest.query and not typed_counts:",
        "if False:",
        (f"{_GATES}::test_in_production_a_value_that_was_typed_in_does_not_open_the_gate",),
    ),
    Control(
        "what cannot be waived",
        "stacks.gates",
        "and not known[name].waivable",
        "and False",
        (f"{_GATES}::test_zero_training_cannot_be_waived_in_production",),
    ),
    Control(
        "the gate",
        "stacks.gates",
        "if still_open or problems:",
        "if problems:",
        (f"{_GATES}::test_integration_is_closed_and_lists_all_that_is_missing_with_a_hint",),
    ),
)

_REVIEW, _GOVERNANCE = "tests/evaluation/test_review.py", "tests/evaluation/test_review_governance.py"
_WEAKER = f"{_GOVERNANCE}::test_a_weaker_policy_is_critical"
REVIEW = (
    Control(
        "which value is stricter",
        "contract.keys",
        'return not (new >= old if one.stricter == "more" else new <= old)',
        "return False",
        (f"{_WEAKER}[more data classes]",),
    ),
    Control(
        "a claim that is dropped",
        "kit.plan_review.governance",
        '        if now is None:\n            yield say(\n                "claim-dropped"',
        '        if False:\n            yield say(\n                "claim-dropped"',
        (f"{_WEAKER}[a claim is dropped]",),
    ),
    Control(
        "where prompts go",
        "kit.plan_review.governance",
        "        if host and host != was:",
        "        if False:",
        (f"{_WEAKER}[prompts go to a foreign host]",),
    ),
    Control(
        "a host that only looks right",
        "kit.plan_review.governance",
        'foreign = not f".{host}".endswith(_KNOWN_HOSTS)',
        "foreign = not any(one in host for one in _KNOWN_HOSTS)",
        (f"{_GOVERNANCE}::test_a_new_provider_is_known_by_the_end_of_its_host",),
    ),
    Control(
        "new rights on what is guarded",
        "kit.plan_review.governance",
        "if not grant.principal and _is_guarded(grant):",
        "if False:",
        (f"{_GOVERNANCE}::test_a_new_right_of_an_existing_role_on_what_is_guarded_is_critical",),
    ),
    Control(
        "logs kept for ever that end",
        "kit.plan_review.review",
        "            _less_or_finite,",
        "            _less,",
        (f"{_REVIEW}::test_logs_that_were_kept_for_ever_and_no_longer_are_is_critical",),
    ),
    Control(
        "mode of the lock",
        "kit.plan_review.review",
        '            _down("COMPLIANCE", "GOVERNANCE"),',
        "            lambda old, new: False,",
        (f"{_REVIEW}::test_a_weakened_control_fails_the_review",),
    ),
)

_REQUESTS = "tests/inspection/test_requests.py"
INSPECTION = (
    Control(
        "an inspection that failed",
        "lambdas.inspection.policy",
        "    if inspection.failure:\n",
        "    if False:\n",
        (f"{_REQUESTS}::test_a_defect_or_a_lack_of_time_or_size_blocks",),
    ),
    Control(
        "the strictest rule wins",
        "lambdas.inspection.policy",
        "strictest = max(decisions,",
        "strictest = min(decisions,",
        (f"{_REQUESTS}::test_each_department_decides_about_restricted_data",),
    ),
    Control(
        "size",
        "lambdas.inspection.inspector",
        "if characters > self.config.max_characters:",
        "if False:",
        (f"{_REQUESTS}::test_a_defect_or_a_lack_of_time_or_size_blocks",),
    ),
    Control(
        "time",
        "lambdas.inspection.inspector",
        "    if monotonic() > deadline:",
        "    if False:",
        (f"{_REQUESTS}::test_a_defect_or_a_lack_of_time_or_size_blocks",),
    ),
    Control(
        "classes of a department",
        "lambdas.inspection.policy",
        '(level is DataClass.INTERNAL and "internal" in department.data_classes)',
        "level is DataClass.INTERNAL",
        (f"{_REQUESTS}::test_internal_data_needs_a_department_that_is_cleared",),
    ),
    Control(
        "check digit of NHS numbers",
        "lambdas.inspection.detectors.numbers",
        'and (nhs_number(digits) or context.before("nhs", start, 20)):',
        'and context.before("nhs", start, 20):',
        ("tests/inspection/test_identity_numbers.py", "-k", "needs_its_check_digit"),
    ),
)

SETTINGS = (
    Control(
        "production keeps records locked",
        "stacks.settings.consistency",
        'if audit.get("mode") == "GOVERNANCE":',
        "if False:",
        ("tests/stacks/test_settings.py", "-k", "a_wrong_key_is_named"),
    ),
)

CONTROLS = {
    f"{area}: {one.name}": one
    for area, controls in (
        ("audit", AUDIT),
        ("ledger", LEDGER),
        ("gates", GATES),
        ("review", REVIEW),
        ("inspection", INSPECTION),
        ("settings", SETTINGS),
    )
    for one in controls
}


@pytest.mark.parametrize("name", CONTROLS)
def test_without_the_control_a_test_fails(name: str) -> None:
    control = CONTROLS[name]
    altered = {key: value for key, value in asdict(control).items() if key in {"module", "text", "instead"}}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
            *("-p", "tests.support.without_control", *control.test),
        ],
        cwd=ROOT,
        env={**os.environ, "WITHOUT_CONTROL": json.dumps(altered)},
        capture_output=True,
        text=True,
        timeout=110,
    )
    said = done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, f"no test held {name}:\n{said[-2000:]}"
    assert "ImportError" not in said, said[-2000:]
