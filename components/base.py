"""Basis of every component: type token, options of children, physical names, tags, AWS provider."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pulumi
import pulumi_aws as aws

PROJECT = "claude-enterprise-kit"
# Port 9 is "discard": nothing listens there, so an emulated stack cannot reach a real account by mistake.
_NOWHERE = "http://127.0.0.1:9"


class ArgumentsError(ValueError):
    """A component's arguments are invalid. `errors` holds every error."""

    def __init__(self, component: str, errors: Sequence[str]) -> None:
        super().__init__(f"{component}: " + "; ".join(errors))
        self.errors = tuple(errors)


def refuse(component: str, checks: Iterable[tuple[bool, str]]) -> None:
    """Raise one `ArgumentsError` with every check that failed."""
    errors = [message for holds, message in checks if not holds]
    if errors:
        raise ArgumentsError(component, errors)


@dataclass(frozen=True)
class Names:
    """Physical names of a deployment: `<client>-<environment>-<what>`.

    Names in a namespace shared by all AWS accounts (buckets) also contain account and region.
    """

    client: str
    environment: str
    account: str
    region: str
    partition: str = "aws"

    def __post_init__(self) -> None:
        refuse(
            "Names",
            [
                (
                    bool(re.fullmatch(r"[a-z][a-z0-9-]{0,19}", self.client)),
                    f"client {self.client!r}: 1-20 of a-z 0-9 -",
                ),
                (
                    bool(re.fullmatch(r"[a-z][a-z0-9-]{0,14}", self.environment)),
                    f"environment {self.environment!r}: 1-15 of a-z 0-9 -",
                ),
                (bool(re.fullmatch(r"\d{12}", self.account)), f"account {self.account!r}: 12 digits"),
                (
                    bool(re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", self.region)),
                    f"region {self.region!r}: an AWS region such as eu-central-1",
                ),
            ],
        )

    def of(self, what: str) -> str:
        """Return a name unique within account and region, of at most 64 characters (the limit of IAM
        roles).
        """
        name = f"{self.client}-{self.environment}-{what}"
        refuse(
            "Names",
            [
                (
                    len(name) <= 64,
                    f"{name!r} is longer than 64 characters: shorten its last part or client",
                )
            ],
        )
        return name

    def group(self, what: str) -> str:
        """Return a name for a security group. AWS reserves the prefix `sg-` for ids."""
        name = self.of(what)
        return f"kit-{name}" if name.startswith("sg-") else name

    def sign_in(self) -> str:
        """Return the prefix of the Cognito domain, unique in its region.

        It avoids words that Cognito reserves, which a client's name may contain (`lawson`).
        """
        plain = f"{self.client}-{self.environment}-{self.account}"
        reserved = any(word in plain for word in ("amazon", "aws", "cognito"))
        return f"sign-in-{self._short_hash()}-{self.account}" if reserved else plain

    def _short_hash(self) -> str:
        """Return eight characters that distinguish this deployment from others."""
        deployment = f"{self.client}/{self.environment}/{self.account}"
        return hashlib.sha256(deployment.encode()).hexdigest()[:8]

    def brief(self, what: str) -> str:
        """Return a name of at most 32 characters: `what` and a short hash of the deployment."""
        name = f"{what}-{self._short_hash()}"
        refuse("Names", [(len(name) <= 32, f"{name!r} is longer than 32 characters")])
        return name

    def everywhere(self, what: str) -> str:
        """Return a globally unique name for buckets (at most 63 characters)."""
        name = f"{self.client}-{self.environment}-{what}-{self.account}-{self.region}"
        refuse(
            "Names",
            [(len(name) <= 63, f"{name!r} is longer than 63 characters; shorten client or environment")],
        )
        return name

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """Return the ARN of a resource in this account. IAM and other global services have no region."""
        return f"arn:{self.partition}:{service}:{self.region if regional else ''}:{self.account}:{resource}"

    @property
    def root_principal(self) -> str:
        """Return the account as a principal: every principal that IAM policies of this account allow."""
        return self.arn("iam", "root", regional=False)


class KitComponent(pulumi.ComponentResource):
    """Base class of components: type `kit:index:<Class>`, children named `<name>-<suffix>` under it.

    A subclass validates its arguments first, creates its children with `self.child()` or `self.kept()`,
    assigns every public field, and calls `register_outputs` last.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"kit:index:{type(self).__name__}", name, None, opts)

    def child(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] | None = None,
        delete_before_replace: bool | None = None,
        ignore_changes: list[str] | None = None,
        provider: pulumi.ProviderResource | None = None,
    ) -> pulumi.ResourceOptions:
        """Return the options of an ordinary child. The component's own options are never merged into it."""
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=depends_on,
            delete_before_replace=delete_before_replace,
            ignore_changes=ignore_changes,
            provider=provider,
        )

    def kept(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] | None = None,
        ignore_changes: list[str] | None = None,
        provider: pulumi.ProviderResource | None = None,
    ) -> pulumi.ResourceOptions:
        """Return the options of a child that holds data or evidence: protected, and retained when it leaves
        the plan.

        Both are set on the resource itself, because the Python SDK does not pass `retain_on_delete` on to
        children.
        """
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=depends_on,
            protect=True,
            retain_on_delete=True,
            ignore_changes=ignore_changes,
            provider=provider,
        )


def tags(names: Names, stage: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the tags of every taggable resource of a stage."""
    return {
        **(extra or {}),
        "kit:client": names.client,
        "kit:environment": names.environment,
        "kit:managed-by": "pulumi",
        "kit:project": PROJECT,
        "kit:stage": stage,
    }


def aws_provider(
    names: Names,
    stage: str,
    *,
    region: str | None = None,
    emulated: bool = False,
    extra_tags: Mapping[str, str] | None = None,
    suffix: str = "",
) -> aws.Provider:
    """Return the explicit provider of a stage, passed to components with `providers=[...]`.

    It refuses every account but the configured one and adds the default tags. With `emulated`, it points
    each service at a loopback port where nothing listens and uses credentials that no account knows: such a
    stack is for `kit up`, and a `pulumi up` of it fails before it reaches AWS.
    """
    arguments: dict[str, Any] = {
        "region": region or names.region,
        "default_tags": {"tags": tags(names, stage, extra_tags)},
    }
    if emulated:
        arguments |= {
            "access_key": "emulated",
            "secret_key": "emulated",
            "skip_credentials_validation": True,
            "skip_metadata_api_check": True,
            "skip_requesting_account_id": True,
            "endpoints": [dict.fromkeys(_endpoint_names(), _NOWHERE)],
        }
    else:
        arguments["allowed_account_ids"] = [names.account]
    return aws.Provider(f"aws{suffix}", **arguments)


def _endpoint_names() -> list[str]:
    return sorted(aws.ProviderEndpointArgs.__init__.__annotations__.keys() - {"return", "__self__"})


def field_errors(owner: str, value: object, allowed: Mapping[str, range]) -> list[tuple[bool, str]]:
    """Return checks for `refuse`: each named integer field of a dataclass is within its range."""
    present = {f.name for f in fields(value)} if hasattr(value, "__dataclass_fields__") else set()  # type: ignore[arg-type]
    return [
        (
            field not in present or getattr(value, field) in bounds,
            f"{owner}.{field}: {getattr(value, field, None)} is not in {bounds.start}..{bounds.stop - 1}",
        )
        for field, bounds in allowed.items()
    ]
