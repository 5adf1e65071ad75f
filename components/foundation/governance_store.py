"""The bucket of approved content that functions read: documents, gateway policy, prompts, gate evidence."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi_aws import s3

from components.base import KitComponent, Names, refuse
from components.storage import Lifecycle, PrivateBucket, PrivateBucketArgs

DOCUMENTS = Path(__file__).resolve().parent.parent.parent / "documents"


def documents(folder: Path = DOCUMENTS) -> dict[str, Path]:
    """Return the kit's governance documents by name (file name without suffix)."""
    return {path.stem: path for path in sorted(folder.glob("*.md")) if path.stem != "README"}


@dataclass(frozen=True)
class GovernanceStoreArgs:
    """`key_arn` encrypts the bucket. Replaced versions are kept for `versions_days`. `documents` are files
    by name, by default the kit's own.
    """

    names: Names
    key_arn: pulumi.Input[str]
    versions_days: int = 3650
    documents: Mapping[str, Path] = field(default_factory=documents)


class GovernanceStore(KitComponent):
    """The governance bucket with the documents in it (G.1-G.3, G.5, C.1).

    Creates: a `PrivateBucket` and one object per document, `documents/<name>.md`.
    Default posture: versioned, and replaced versions stay for years, so that what was approved can be read
    again; protected and retained, objects too. `hashes` carries the SHA-256 of each document.
    Replaced when changed: client, environment, account, region. A changed document is a new version of its
    object.
    """

    def __init__(
        self, name: str, args: GovernanceStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # People approve this hash: an attestation names it, and a changed text needs a new attestation.
        self.hashes = {
            document: hashlib.sha256(path.read_bytes()).hexdigest()
            for document, path in args.documents.items()
        }
        refuse(f"GovernanceStore {name}", [(bool(self.hashes), f"no document in {DOCUMENTS.name}/")])
        super().__init__(name, opts)
        self.store = PrivateBucket(
            f"{name}-store",
            PrivateBucketArgs(
                names=args.names,
                what="governance",
                key_arn=args.key_arn,
                lifecycle=Lifecycle(expire_noncurrent_after_days=args.versions_days),
            ),
            self.child(),
        )
        self.bucket_name = self.store.bucket.id
        self.bucket_arn = self.store.arn
        for document, path in args.documents.items():
            s3.BucketObjectv2(
                f"{name}-document-{document}",
                bucket=self.bucket_name,
                key=f"documents/{document}.md",
                content=path.read_text(encoding="utf-8"),
                content_type="text/markdown",
                server_side_encryption="aws:kms",
                kms_key_id=args.key_arn,
                opts=self.kept(depends_on=[self.store.encryption, self.store.policy]),
            )
        self.register_outputs({"bucketName": self.bucket_name, "hashes": self.hashes})


@dataclass(frozen=True)
class PublishedTextArgs:
    """One text for the governance bucket, under `key`."""

    bucket_name: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    key: str
    content: pulumi.Input[str]
    content_type: str = "application/json"


class PublishedText(KitComponent):
    """A text that a later stage puts into the governance bucket: gate record, gateway policy (S.1-S.3, L1.2).

    Creates: one object, encrypted under the bucket's key.
    Default posture: a change is a new version; protected and retained.
    Replaced when changed: the key.
    """

    def __init__(
        self, name: str, args: PublishedTextArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self.object = s3.BucketObjectv2(
            f"{name}-object",
            bucket=args.bucket_name,
            key=args.key,
            content=args.content,
            content_type=args.content_type,
            server_side_encryption="aws:kms",
            kms_key_id=args.key_arn,
            opts=self.kept(),
        )
        self.key = self.object.key
        self.register_outputs({"key": self.key})
