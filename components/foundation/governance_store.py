"""The bucket of what people approve and the functions read: documents, gateway policy, prompts, gate evidence."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_aws import s3

from components.base import KitComponent, Names, refuse
from components.storage import Lifecycle, PrivateBucket, PrivateBucketArgs

DOCUMENTS = Path(__file__).resolve().parent.parent.parent / "documents"


def documents(folder: Path = DOCUMENTS) -> dict[str, str]:
    """The governance documents by name (file name without suffix), each with the SHA-256 of its bytes.

    This hash is what people approve: an attestation names it, and a changed text needs a new one.
    """
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*.md"))
        if path.stem != "README"
    }


@dataclass(frozen=True)
class GovernanceStoreArgs:
    """`key_arn` encrypts the bucket."""

    names: Names
    key_arn: pulumi.Input[str]


class GovernanceStore(KitComponent):
    """The governance bucket with the documents in it (G.1-G.3, G.5, C.1).

    Creates: a `PrivateBucket` and one object per document, `documents/<name>.md`.
    Default posture: versioned, and old versions stay for good, so that what was approved can be read again; protected
    and retained, objects too. `hashes` carries the SHA-256 of each document.
    Replaced when changed: client, environment, account, region. A changed document is a new version of its object.
    """

    def __init__(self, name: str, args: GovernanceStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.hashes = documents()
        refuse(f"GovernanceStore {name}", [(bool(self.hashes), f"no document in {DOCUMENTS.name}/")])
        super().__init__(name, opts)
        self._key_arn = args.key_arn
        self.store = PrivateBucket(
            f"{name}-store",
            PrivateBucketArgs(
                names=args.names, what="governance", key_arn=args.key_arn, lifecycle=Lifecycle()
            ),
            self.child(),
        )
        self.bucket_name = self.store.bucket.id
        self.bucket_arn = self.store.arn
        for document in self.hashes:
            self.publish(
                f"{name}-document-{document}",
                f"documents/{document}.md",
                (DOCUMENTS / f"{document}.md").read_text(encoding="utf-8"),
                "text/markdown",
            )
        self.register_outputs({"bucketName": self.bucket_name, "hashes": self.hashes})

    def publish(self, name: str, key: str, content: pulumi.Input[str], content_type: str) -> s3.BucketObjectv2:
        """Put one text into the bucket. A change makes a new version; the object is never removed."""
        return published_object(
            name,
            bucket_name=self.bucket_name,
            key_arn=self._key_arn,
            key=key,
            content=content,
            content_type=content_type,
            opts=self.kept(depends_on=[self.store.encryption, self.store.policy]),
        )


def published_object(
    name: str,
    *,
    bucket_name: pulumi.Input[str],
    key_arn: pulumi.Input[str],
    key: str,
    content: pulumi.Input[str],
    content_type: str,
    opts: pulumi.ResourceOptions,
    metadata: Mapping[str, str] | None = None,
) -> s3.BucketObjectv2:
    """One object of the governance bucket, encrypted under its key."""
    return s3.BucketObjectv2(
        name,
        bucket=bucket_name,
        key=key,
        content=content,
        content_type=content_type,
        server_side_encryption="aws:kms",
        kms_key_id=key_arn,
        metadata=dict(metadata) if metadata else None,
        opts=opts,
    )
