"""A sample of records chosen by the auditor, each with the proof that it is in the sealed evidence."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from kit.audit.proof import NoProof, prove
from kit.audit.sources import Source


def proofs(source: Source, records: Sequence[Mapping[str, Any]], size: int, seed: str) -> dict[str, Any]:
    """Return by file name what was chosen from which population, and a proof of each.

    The same seed chooses the same records; an exporter who learns it only after the records were sealed
    could not have prepared for it.
    """
    population = sorted(str(one["record_id"]) for one in records if one.get("kind") == "outcome")
    made = {str(one["record_id"]): str(one["at"]) for one in records if "record_id" in one}
    choose = random.Random(sha256(seed.encode()).digest())  # noqa: S311 - repeatable, not secret
    chosen = sorted(choose.sample(population, min(size, len(population))))
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for record_id in chosen:
        try:
            found[f"{record_id}.json"] = prove(source, datetime.fromisoformat(made[record_id]), record_id)
        except NoProof as error:
            missing[record_id] = str(error)
    digest = sha256("\n".join(population).encode()).hexdigest()
    about = {
        "seed": seed, "population": len(population), "population_sha256": digest, "chosen": chosen,
        "without_proof": missing, "method": "random.Random(sha256(seed)).sample of the sorted record ids",
    }  # fmt: skip
    return {"sample.json": about, **found}
