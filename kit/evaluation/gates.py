"""Evidence that opens every gate up to a stage, for plans of future stages.

It is written to a temporary file that only the evaluation reads; nothing is recorded anywhere.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from kit.evaluation.engine import PROJECT

_ASSUMED_BY = "assumed by kit preview"
_ASSUMED_ON = date(2026, 1, 1)  # any one date: a plan must not depend on the day it is made


@contextmanager
def assumed_evidence(stage: str, configuration: Mapping[str, str]) -> Iterator[Path]:
    """Provide an evidence file that meets every criterion of the stages before `stage`.

    Raises `stacks.settings.SettingsError` if the configuration is invalid.
    """
    from stacks.evidence import Attestation, Evidence, Measurement, write_evidence
    from stacks.gates import approved_hash, criteria, roots
    from stacks.settings import STAGES, RawConfig, read_settings

    prefix = f"{PROJECT}:"
    settings = read_settings(
        RawConfig({key.removeprefix(prefix): v for key, v in configuration.items() if key.startswith(prefix)})
    )
    before = STAGES[: STAGES.index(settings.stage)]
    attestations, measurements = [], []
    for criterion in criteria(settings):
        if criterion.stage not in before:
            continue
        if criterion.kind == "human" and criterion.document:
            digest = approved_hash(criterion.document, roots(settings)) or "0" * 64
            attestations += [
                Attestation(
                    criterion.name, _ASSUMED_BY, _ASSUMED_ON, criterion.document, digest,
                    identity=f"{_ASSUMED_BY} {number}",
                )
                for number in range(criterion.people)
            ]  # fmt: skip
        else:
            needed = criterion.threshold
            # With a query: in production a gate does not open on a number that was typed in.
            measurements.append(
                Measurement(criterion.name, _ASSUMED_ON, needed, needed, _ASSUMED_BY, query=_ASSUMED_BY)
            )
    with tempfile.TemporaryDirectory(prefix="kit-gates-") as folder:
        file = Path(folder) / f"{stage}.yaml"
        write_evidence(file, Evidence(tuple(attestations), tuple(measurements)))
        yield file
