"""OSCAL, in-toto and OCSF as their own validators read them (G.7)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from oscal import OSCAL
from trestle.core.duplicates_validator import DuplicatesValidator
from trestle.oscal import assessment_results, catalog, component, mapping

from kit.audit.ocsf import event_of
from kit.evidence.contents import Collected, files_of, read_controls
from kit.evidence.pack import About

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ABOUT = About("acme", "production", datetime(2026, 10, 1, tzinfo=UTC), NOW, NOW)
_MODELS: dict[str, Any] = {
    "catalog": catalog.Catalog,
    "component-definition": component.ComponentDefinition,
    "assessment-results": assessment_results.AssessmentResults,
    "mapping": mapping.MappingCollection,
}
_RECORDS = [
    {"at": "2026-11-02T10:00:00+00:00", "kind": "acceptance", "principal": "usr_1"},
    {"at": "2026-11-03T10:00:00+00:00", "kind": "switch", "reason": "drill"},
]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    verification = {"records": 4, "findings": [{"code": "chain-broken"}]}
    collected = Collected(records=_RECORDS, keys=(), gates={}, verification=verification)
    return files_of(ABOUT, collected, read_controls(), NOW)


@pytest.mark.parametrize("name", sorted(_MODELS))
def test_each_document_is_valid_for_two_validators_that_are_not_ours(
    files: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"{name}.json"
    path.write_bytes(files[f"oscal/{name}.json"])
    model = _MODELS[name].oscal_read(path)  # compliance-trestle
    assert DuplicatesValidator().model_is_valid(model, True)
    read = OSCAL.load(path)  # metaschema of NIST
    assert read is not None
    assert read.is_valid, read.validation_errors


def test_a_control_that_is_not_satisfied_says_why_and_a_quiet_one_has_no_finding(
    files: dict[str, bytes],
) -> None:
    (result,) = json.loads(files["oscal/assessment-results.json"])["assessment-results"]["results"]
    states = {one["target"]["target-id"]: one for one in result["findings"]}
    assert states["audit_smt"]["target"]["status"]["state"] == "not-satisfied"
    assert "chain-broken" in states["audit_smt"]["description"]
    assert "erasure_smt" not in states
    assert "erasure" in result["remarks"]


# -- OCSF: https://schema.ocsf.io/1.5.0/classes/<class>, required attributes -----------------------

_REQUIRED = {
    6003: {
        "activity_id",
        "actor",
        "api",
        "category_uid",
        "class_uid",
        "metadata",
        "severity_id",
        "src_endpoint",
    },
    2006: {"activity_id", "category_uid", "class_uid", "finding_info", "metadata", "severity_id"},
    3001: {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "user"},
}


def _record(**fields: Any) -> dict[str, Any]:
    return {"record_id": "rec_1", "at": "2026-11-02T10:00:00+00:00", "principal": "usr_1", **fields}


@pytest.mark.parametrize(
    ("record", "class_uid"),
    [
        (_record(kind="outcome", call="messages", result="completed", principal_kind="person"), 6003),
        (_record(kind="refusal", reason="restricted"), 2006),
        (_record(kind="scim", event="leaver", subject="usr_2"), 3001),
        (_record(kind="switch", operator="arn:aws:sts::1:assumed-role/lead/ada"), 6003),
    ],
)
def test_a_record_is_an_event_with_all_that_its_class_requires(
    record: dict[str, Any], class_uid: int
) -> None:
    event = event_of(record)
    assert event["class_uid"] == class_uid
    assert event["type_uid"] == class_uid * 100 + event["activity_id"]
    assert _REQUIRED[class_uid] | {"time", "type_uid"} <= event.keys()
    assert event["metadata"]["version"] == "1.5.0"
    assert event["time"] == 1793613600000
