"""Inspection: what is in a text, how sensitive it is, and what to do about it (L2.3, L2.4, G.1, G.2).

The gateway uses this interface:

    inspector = Inspector(InspectionConfig(hash_key=key, dictionary=parse_dictionary(document)))
    inspection = inspector.inspect_request(body, declared)  # never raises; a failure is in `.failure`
    decision = decide(inspection, department)               # allow | flag | redact | block, reason, message
    body = redact_request(body, inspection)                 # only when decision.action is redact
    answer = AnswerFilter(inspector, AnswerPolicy())        # one per answer
    answer.event(event) -> [event, ...]                     # a stream: bytes of whole events in and out
    answer.whole(body) -> body                              # a body: the same bytes when nothing was
    removed
    answer.decisions() -> [{"type", "count", "action"}]     # for the record; `answer.blocked`: a hard block

A `Finding` is {type, level, score, field, start, end, rule, value_hash}, never the value. Everything is
deterministic; records contain `INSPECTION_VERSION` and the version of the client's dictionary. Inspecting
is CPU-bound (about 1 ms for 4 kB): run it in a worker thread if a text is long.
"""

from lambdas.inspection.answers import AnswerFilter, AnswerPolicy
from lambdas.inspection.dictionaries import EMPTY, Dictionary, DictionaryError, Term, parse_dictionary
from lambdas.inspection.findings import Channel, DataClass, Finding, Inspection, Uninspectable, Violation
from lambdas.inspection.inspector import DETECTORS, INSPECTION_VERSION, InspectionConfig, Inspector, warm_up
from lambdas.inspection.known_files import KnownFile
from lambdas.inspection.policy import Action, Decision, DepartmentRules, decide
from lambdas.inspection.redaction import redact_request

__all__ = [
    "DETECTORS",
    "EMPTY",
    "INSPECTION_VERSION",
    "Action",
    "AnswerFilter",
    "AnswerPolicy",
    "Channel",
    "DataClass",
    "Decision",
    "DepartmentRules",
    "Dictionary",
    "DictionaryError",
    "Finding",
    "Inspection",
    "InspectionConfig",
    "Inspector",
    "KnownFile",
    "Term",
    "Uninspectable",
    "Violation",
    "decide",
    "parse_dictionary",
    "redact_request",
    "warm_up",
]
