"""A deployment's departments as their members access them: under that department's roles."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from components.base import ArgumentsError, Names
from components.workflow.department import bucket_what
from contract.problems import nearest, shown
from kit.aws_clients import Clients
from kit.errors import ExitCode, KitError
from kit.target import Target
from lambdas.workflow.area import DepartmentArea
from lambdas.workflow.proof import session_of, signed
from lambdas.workflow.reviews import Reviews


@dataclass(frozen=True)
class Place:
    """One department under one of its roles, as `person`."""

    names: Names
    department: str
    session: boto3.Session
    endpoint_url: str | None
    person: str

    def client(self, service: str) -> Any:
        """Return a client that acts under the role."""
        return Clients(self.session, self.endpoint_url).of(service, self.names.region)

    @property
    def area(self) -> DepartmentArea:
        """The department's data area. Its key is referenced by alias."""
        bucket = self.names.everywhere(bucket_what(self.names, self.department))
        key = self.names.arn("kms", f"alias/{self.names.of(f'{self.department}-data')}")
        return DepartmentArea(self.client("s3"), bucket, key)

    def signed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document with proof that this session wrote it."""
        sts, credentials = self.client("sts"), self.session.get_credentials()
        if credentials is None:
            raise KitError("the session has no credentials", exit_code=ExitCode.ENVIRONMENT)
        return signed(
            document, credentials.get_frozen_credentials(), sts.meta.endpoint_url, self.names.region
        )

    @property
    def reviews(self) -> Reviews:
        """The table of reviews."""
        return Reviews(self.client("dynamodb"), self.names.of("reviews"))


def names_of_target(target: Target) -> Names:
    """Return the physical names of a deployment."""
    return Names(*(target.require(name) for name in ("client", "environment", "account", "region")))


def place(target: Target, department: str, part: str, person: str) -> Place:
    """Return the department under its role `member` or `reviewer`, assumed with the caller's credentials in
    a session named after `person` (`kit.reviews.identity.acting_person`).

    Raises KitError (2) if the caller may not assume the role or the department does not exist.
    """
    names = names_of_target(target)
    try:
        role = names.arn("iam", f"role/{names.of(f'{department}-{part}')}", regional=False)
    except ArgumentsError:  # no department name in the contract is that long
        raise _unknown(target, department) from None
    sts = target.client("sts")
    try:
        given = sts.assume_role(RoleArn=role, RoleSessionName=session_of(person))["Credentials"]
    except sts.exceptions.ClientError:
        if department not in departments_with_workflows(target):
            raise _unknown(target, department) from None
        raise KitError(
            f"you are not let in as {part} of {department}",
            hint=f"sign in as a person of {department}; the role is {role}",
            exit_code=ExitCode.USAGE,
        ) from None
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return Place(names, department, session, target.endpoint_url, person)


def _unknown(target: Target, department: str) -> KitError:
    return KitError(
        f"there is no department {shown(department)} with workflows",
        hint=nearest(department, departments_with_workflows(target)),
        exit_code=ExitCode.USAGE,
    )


def workflows_of(target: Target) -> dict[str, list[str]]:
    """Return the workflows of each department, from the profiles that the deployment published.

    Raises KitError (2) if `stage integration` is not deployed.
    """
    s3, bucket = target.client("s3"), target.require("governance_bucket_name")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="departments/")
    found: dict[str, list[str]] = {}
    for key in (each["Key"] for page in pages for each in page.get("Contents", ())):
        if key.endswith(".json"):
            profile = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            names = [one["name"] for one in profile.get("workflows", ())]
            if names:
                found[profile["id"]] = names
    return dict(sorted(found.items()))


def departments_with_workflows(target: Target) -> list[str]:
    """Return the departments that have workflows."""
    return list(workflows_of(target))
