"""What the organisation allows beyond the shipped request contract (L1.10).

    policy/request-contract.json   {"additions": [{kind, name, approved_by, reason, at}, …]}

The gateway polls it every few seconds. The bucket keeps every version, the audit store who changed it.
"""

from dataclasses import asdict

from kit.governance.live_document import LiveDocument
from kit.identity.operator import record_event
from kit.target import Target
from lambdas.common.clock import utc_now
from lambdas.common.request_contract import ADDITIONS_KEY, Addition, Kind, parse_additions, shipped

_DOCUMENT = LiveDocument(ADDITIONS_KEY, "additions", parse_additions)


def additions(target: Target) -> tuple[Addition, ...]:
    """Return additions, oldest first."""
    return _DOCUMENT.read(target)[0]


def allow(target: Target, kind: Kind, name: str, approved_by: str, reason: str) -> bool:
    """Allow something. Return False if it is already allowed. Recorded before it takes effect. Raises
    KitError.
    """
    known, etag = _DOCUMENT.read(target)
    if any((one.kind, one.name) == (kind, name) for one in known) or _is_shipped(kind, name):
        return False
    added = Addition(kind, name, approved_by, reason, utc_now().isoformat(timespec="seconds"))
    record_event(target, {"kind": "request-contract", "event": "allowed", "what": asdict(added)})
    _DOCUMENT.write(target, (*known, added), etag)
    return True


def withdraw(target: Target, kind: Kind, name: str, approved_by: str, reason: str) -> bool:
    """Withdraw an addition. Return False if there is none. Raises KitError."""
    known, etag = _DOCUMENT.read(target)
    left = tuple(one for one in known if (one.kind, one.name) != (kind, name))
    if left == known:
        return False
    what = {"kind": kind, "name": name, "approved_by": approved_by, "reason": reason}
    record_event(target, {"kind": "request-contract", "event": "withdrawn", "what": what})
    _DOCUMENT.write(target, left, etag)
    return True


def _is_shipped(kind: Kind, name: str) -> bool:
    contract = shipped()
    return (
        name
        in {
            "field": contract.fields,
            "tool": contract.tools,
            "block": contract.blocks,
            "beta": contract.betas,
        }[kind]
    )
