"""Console roles of the Center of Excellence through SAML, with the organisation's identity provider."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import iam

from components.base import KitComponent, Names, refuse


@dataclass(frozen=True)
class SamlConsoleArgs:
    """`metadata` is the identity provider's document for AWS: names, URLs and certificates, no secrets."""

    names: Names
    metadata: str


class SamlConsole(KitComponent):
    """People take the console roles through their identity provider, without an AWS user (C.1, G.4).

    Creates: a SAML provider. The six roles of `Roles` trust it when they are given its ARN.
    Default posture: it grants nothing by itself; a role is taken with an assertion for AWS's own sign-in
    address only. The assertion says which role (attribute https://aws.amazon.com/SAML/Attributes/Role: the
    role's ARN, a comma, the provider's), and in its RoleSessionName who the person is in AWS's own records.
    A new certificate of the provider comes with a new document, in place.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: SamlConsoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"SamlConsole {name}", [(bool(args.metadata.strip()), "metadata: is empty")])
        super().__init__(name, opts)
        self.provider = iam.SamlProvider(
            f"{name}-provider",
            name=args.names.of("console"),
            saml_metadata_document=args.metadata,
            opts=self.child(),
        )
        self.arn = self.provider.arn
        self.register_outputs({"arn": self.arn})
