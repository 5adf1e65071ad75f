"""Published dictionaries of protected terms in the governance bucket (L2.3, G.1).

    dictionaries/<sha256>.json  the terms, canonical JSON; never changed
    dictionaries/index.json     which versions there are: numbers, hashes, approvers; no term

Both are encrypted with the governance key. Terms go from the file to the bucket and nowhere else: not into a
plan, a state, a log or a message.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from kit.errors import ExitCode, KitError
from kit.governance.objects import put_object
from kit.identity.operator import record_event
from kit.target import Target
from lambdas.common.clock import utc_now
from lambdas.common.policy import dictionary_key
from lambdas.inspection import DictionaryError, parse_dictionary

INDEX_KEY = "dictionaries/index.json"


@dataclass(frozen=True, slots=True)
class Published:
    """One published version. `levels` counts its terms by level."""

    version: int
    sha256: str
    approved_by: str
    published_at: str
    levels: Mapping[str, int]

    @property
    def terms(self) -> int:
        """Return the number of terms it protects."""
        return sum(self.levels.values())


def publish(target: Target, file: Path, approved_by: str) -> Published:
    """Publish the terms of a file as the next version; the same terms are the same version.

    Nothing changes until the client's configuration names the version. Raises KitError for an invalid file,
    and on concurrent publications.
    """
    raw = _read(file)
    document = json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    sha256 = hashlib.sha256(document).hexdigest()
    versions, etag = _index(target)
    known = next((one for one in versions if one.sha256 == sha256), None)
    if known is not None:
        return known
    published = Published(
        version=max((one.version for one in versions), default=0) + 1,
        sha256=sha256,
        approved_by=approved_by,
        published_at=utc_now().isoformat(timespec="seconds"),
        levels=dict(sorted(Counter(entry["level"] for entry in raw["terms"]).items())),
    )
    record_event(target, {"kind": "dictionary", "event": "published", **asdict(published)})
    put_object(target, dictionary_key(sha256), document)
    index = {"versions": [asdict(one) for one in (*versions, published)]}
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    try:
        put_object(target, INDEX_KEY, json.dumps(index, indent=1).encode(), **condition)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 412):
            raise
        raise KitError("somebody else published at the same time", hint="run the command again") from None
    return published


def versions(target: Target) -> list[Published]:
    """Return every published version, oldest first."""
    return _index(target)[0]


def _read(file: Path) -> Any:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise KitError(
            f"{file}: {error.strerror}", hint="name a file of terms", exit_code=ExitCode.USAGE
        ) from None
    try:
        if not len(parse_dictionary(content)):
            raise DictionaryError("terms: none")
    except DictionaryError as error:
        raise KitError(
            f"{file}: {error}",
            hint='terms are {"terms": [{"id": "…", "term": "…", "level": "confidential"}]}',
            exit_code=ExitCode.USAGE,
        ) from None
    return json.loads(content)


def _index(target: Target) -> tuple[list[Published], str]:
    place = {"Bucket": target.require("governance_bucket_name"), "Key": INDEX_KEY}
    try:
        answer = target.client("s3").get_object(**place)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return [], ""
    index = json.loads(answer["Body"].read())
    return [Published(**one) for one in index["versions"]], answer["ETag"]
