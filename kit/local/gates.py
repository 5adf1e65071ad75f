"""Demonstration evidence: it opens the gates on the emulated AWS for a stranger, and nowhere else."""

from collections.abc import Sequence
from datetime import date

from kit.local.home import Home, writing
from stacks.evidence import Attestation, Evidence, Measurement, read_evidence, write_evidence
from stacks.gates import ROOT, Criterion, criteria, document_hash
from stacks.settings import Settings

BY = "kit up: demonstration on the emulated AWS, nobody approved this"
SOURCE = "demonstration: nothing was measured"


def demonstrate(home: Home, settings: Settings, today: date) -> Sequence[str]:
    """Write evidence for every criterion that has none; return the names of those that were written.

    Entries that still hold are kept with their date, so that a second run changes nothing.
    """
    wanted = criteria(settings)
    before = read_evidence(home.demonstration_file, demonstration=True)
    attestations, measurements, written = [], [], []
    for criterion in wanted:
        if criterion.kind == "human":
            kept = before.attestation(criterion.name)
            entry = _attestation(criterion, today)
            fresh = kept is None or (kept.document, kept.sha256) != (entry.document, entry.sha256)
            attestations.append(entry if fresh or kept is None else kept)
        else:
            known = before.measurement(criterion.name)
            fresh = known is None or known.value < criterion.threshold
            value = criterion.threshold
            made = Measurement(criterion.name, today, value, value, SOURCE, demonstration=True)
            measurements.append(made if fresh or known is None else known)
        if fresh:
            written.append(criterion.name)
    if written:
        with writing(home.demonstration_file):
            write_evidence(home.demonstration_file, Evidence(tuple(attestations), tuple(measurements)))
    return written


def _attestation(criterion: Criterion, today: date) -> Attestation:
    document = criterion.document or "README.md"
    digest = document_hash(ROOT / document)
    return Attestation(criterion.name, BY, today, document, digest or "0" * 64, demonstration=True)
