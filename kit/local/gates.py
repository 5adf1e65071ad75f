"""Demonstration evidence, which opens the gates on the emulated AWS and nowhere else."""

from collections.abc import Sequence
from datetime import date

from kit.home import Home, writing
from stacks.evidence import Evidence, EvidenceError, read_evidence, write_evidence
from stacks.gates import demonstration
from stacks.settings import Settings

BY = "kit up: demonstration on the emulated AWS, nobody approved or measured this"


def demonstrate(home: Home, settings: Settings, today: date) -> Sequence[str]:
    """Write labelled evidence for every criterion; return the criteria for which it was needed.

    Evidence of an earlier run that still says the same stays as it is, dates included, so that a second run
    changes nothing.
    """
    wanted = demonstration(settings, today, BY)
    try:
        before = read_evidence(home.demonstration_file, demonstration=True)
    except EvidenceError:  # the file is generated: if it is damaged, it is written again
        before = Evidence()
    written = [name for name, what in _claims(wanted).items() if _claims(before).get(name) != what]
    if written:
        with writing(home.demonstration_file):
            write_evidence(home.demonstration_file, wanted)
    return written


def _claims(evidence: Evidence) -> dict[str, tuple[object, ...]]:
    """Return what each entry claims, without its date."""
    claims: dict[str, tuple[object, ...]] = {
        each.criterion: (each.document, each.sha256) for each in evidence.attestations
    }
    return claims | {each.criterion: (each.value, each.threshold) for each in evidence.measurements}
