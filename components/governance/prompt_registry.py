"""The prompt registry: every published version is an object (L2.1, L2.2)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.base import KitComponent, refuse
from components.governance.published_prompts import (
    INDEX_KEY,
    merged,
    object_key,
    object_text,
    read_published,
    registry_index,
)


@dataclass(frozen=True)
class PromptRegistryArgs:
    """Folders of published prompts (the first library that has a prompt wins), and the bucket and key for
    them. `readers` are the client's departments that use the prompts of a library department.
    """

    libraries: Sequence[Path]
    bucket: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    readers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    users: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of a prompt, through their workflows


class PromptRegistry(KitComponent):
    """The approved prompts as objects in the governance bucket.

    Creates: one S3 object a published version (`prompts/<name>/<number>-<hash>.json`) and the index
    (`prompts/index.json`), which the gateway re-reads within 15 seconds.
    Default posture: encrypted with the governance key; versions protected and retained; a version that was
    changed, added or removed behind its `published.lock` refuses the deployment.
    Replaced when changed: nothing; a version's key holds its hash, so other content is another object.

    `index_key` is the key of the index; `versions` counts what is published.
    """

    index_key: pulumi.Output[str]
    versions: int

    def __init__(
        self, name: str, args: PromptRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        published = merged([read_published(library) for library in args.libraries])
        refuse("PromptRegistry", [(False, problem) for problem in published.problems])
        super().__init__(name, opts)
        documents = [
            (prompt, number, document)
            for prompt, numbers in sorted(published.versions.items())
            for number, document in sorted(numbers.items())
        ]
        objects = [
            aws.s3.BucketObjectv2(
                f"{name}-{prompt}-{number}",
                bucket=args.bucket,
                key=object_key(prompt, number, document),
                content=object_text(document),
                content_type="application/json",
                server_side_encryption="aws:kms",
                kms_key_id=args.key_arn,
                opts=self.kept(),
            )
            for prompt, number, document in documents
        ]
        index = aws.s3.BucketObjectv2(
            f"{name}-index",
            bucket=args.bucket,
            key=INDEX_KEY,
            # readable in a diff: which alias moved to which version
            content=json.dumps(registry_index(published, args.readers, args.users), indent=1, sort_keys=True),
            content_type="application/json",
            server_side_encryption="aws:kms",
            kms_key_id=args.key_arn,
            opts=self.child(depends_on=objects),
        )
        self.index_key = index.key
        self.versions = len(documents)
        self.register_outputs({"indexKey": self.index_key, "versions": self.versions})
