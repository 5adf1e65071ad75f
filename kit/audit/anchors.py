"""Anchors: what the store was once seen to contain, kept outside it to detect a rollback (L2.5, G.3).

An anchor is the hash of the signed manifest of an hour. Anyone who controls the store can remove its newest
hours, or all of it, and the rest still verifies; an anchor out of their reach shows what is missing.
Anchors are in a file that the auditor keeps (`kit audit anchor`), or in a bucket of a second account, where
the notary stores one for every hour that it seals. Both contain JSON lines: {"anchor": 1, "hour":
"2026-11-24T10", "sha256": …}.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kit.audit.examination import Finding
from kit.audit.sources import Source
from kit.audit.timestamps import timestamps_of
from lambdas.common.audit.manifest import (
    HOUR,
    MANIFESTS,
    Anchor,
    ManifestDamaged,
    PublicKeys,
    check_signature,
    hour_name,
    hour_of_key,
    manifest_key,
    read_anchor,
    read_manifest,
)


def read_anchors(lines: Iterable[str], where: str) -> list[Anchor]:
    """Return the anchors in a text, sorted by hour. Raises ValueError with the invalid line."""
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(read_anchor(line))
            except ValueError as error:
                raise ValueError(f"{where}, line {number}: {error}") from None
    return sorted(found, key=lambda anchor: anchor.hour)


def anchors_in_file(path: Path) -> list[Anchor]:
    """Return the anchors in a file. Raises OSError, ValueError, KitError (its timestamps contradict it)."""
    timestamps_of(path)
    return read_anchors(path.read_text(encoding="utf-8").splitlines(), str(path))


def anchors_in_bucket(client: Any, bucket: str, prefix: str) -> list[Anchor]:
    """Return the anchors that the notary stored in a bucket. Raises botocore's errors, ValueError."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    texts = [client.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
    return read_anchors([line for text in texts for line in text.splitlines()], f"s3://{bucket}/{prefix}")


def contradictions(source: Source, anchors: Sequence[Anchor], first: datetime | None) -> Iterator[Finding]:
    """Yield where the store contradicts the anchors, from hour `first` on and always in the newest."""
    relevant = [anchor for anchor in anchors if first is None or anchor.hour >= first] or anchors[-1:]
    missing: list[Anchor] = []
    for anchor in relevant:
        document = source.get(manifest_key(anchor.hour))
        if document is None:
            missing.append(anchor)
            continue
        try:
            found = read_manifest(document).sha256
        except ManifestDamaged:
            found = "unreadable"
        if found != anchor.sha256:
            yield Finding(
                "rolled-back",
                manifest_key(anchor.hour),
                "it is not the manifest that was anchored for this hour",
            )
    for low, high in _runs([anchor.hour for anchor in missing]):
        hours = hour_name(low) if low == high else f"{hour_name(low)} to {hour_name(high)}"
        yield Finding(
            "rolled-back", manifest_key(low), f"anchored outside of the store, and not in it: {hours}"
        )


def _runs(hours: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Yield successive hours as ranges."""
    start = end = None
    for hour in hours:
        if start is not None and end is not None and hour == end + HOUR:
            end = hour
            continue
        if start is not None and end is not None:
            yield start, end
        start = end = hour
    if start is not None and end is not None:
        yield start, end


def new_anchors(source: Source, keys: PublicKeys, after: datetime | None) -> Iterator[Anchor]:
    """Yield the anchors of the sealed hours after an hour. Raises `ManifestDamaged`."""
    for day in source.folders(MANIFESTS):
        if after is not None and day < f"{MANIFESTS}dt={after:%Y-%m-%d}/":
            continue
        for entry in source.entries(day):
            hour = hour_of_key(entry.key)
            if after is not None and hour <= after:
                continue
            document = source.get(entry.key) or b""
            check_signature(document, keys)
            yield Anchor(hour, read_manifest(document).sha256)


def append_anchors(path: Path, anchors: Iterable[Anchor]) -> None:
    """Append anchors to a file, in one write. Ends the last line first where an editor left it open."""
    text = "".join(json.dumps(anchor.as_document()) + "\n" for anchor in anchors)
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            text = text if file.read(1) == b"\n" else f"\n{text}"
        file.write(text.encode())
