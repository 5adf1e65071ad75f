"""IAM: roles, managed policies, inline policies, attachments. The emulator enforces them as they are put."""

import json

from kit.local.resources.handler import (
    Handler,
    Inputs,
    Made,
    Place,
    adopted,
    found,
    given,
    policy_for_emulator,
    whole,
    without,
)


def _trust_with_operator(place: Place, policy: str) -> str:
    """The role's trust, and the account itself: locally, `kit up` takes the place of the Lambda service and
    hands each process the credentials of its own role.
    """
    document = json.loads(policy)
    account = f"arn:{place.account.partition}:iam::{place.account.id}:root"
    operator = {
        "Sid": "KitUpHandsOutCredentials",
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": account},
    }
    return json.dumps({**document, "Statement": [*document["Statement"], operator]}, sort_keys=True)


def _ensure_role(place: Place, inputs: Inputs, known: str | None) -> Made:
    iam, name = place.client("iam"), inputs["name"]
    trust = _trust_with_operator(place, inputs["assumeRolePolicy"])
    boundary, description = inputs.get("permissionsBoundary"), inputs.get("description") or ""
    created = None
    if known is None:
        created = adopted(
            "EntityAlreadyExists",
            iam.create_role,
            RoleName=name,
            AssumeRolePolicyDocument=trust,
            Description=description,
            **given(
                Path=inputs.get("path"),
                PermissionsBoundary=boundary,
                MaxSessionDuration=whole(inputs.get("maxSessionDuration")),
            ),
        )
    if created is None:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        iam.update_role(
            RoleName=name,
            Description=description,
            **given(MaxSessionDuration=whole(inputs.get("maxSessionDuration"))),
        )
        if boundary:
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
        else:
            without(iam.delete_role_permissions_boundary, RoleName=name)
    role = iam.get_role(RoleName=name)["Role"]
    return name, {"arn": role["Arn"], "uniqueId": role["RoleId"]}


def _role_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return found(place.client("iam").get_role, RoleName=id_) is not None


def _delete_role(place: Place, id_: str, inputs: Inputs) -> None:
    if not _role_exists(place, id_, inputs):
        return
    iam = place.client("iam")
    for name in iam.list_role_policies(RoleName=id_)["PolicyNames"]:
        iam.delete_role_policy(RoleName=id_, PolicyName=name)
    for attached in iam.list_attached_role_policies(RoleName=id_)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=id_, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=id_)


def _ensure_policy(place: Place, inputs: Inputs, known: str | None) -> Made:
    iam, name = place.client("iam"), inputs["name"]
    path = inputs.get("path") or "/"
    arn = f"arn:{place.account.partition}:iam::{place.account.id}:policy{path}{name}"
    document = policy_for_emulator(inputs["policy"])
    created = None
    if known is None:
        created = adopted(
            "EntityAlreadyExists",
            iam.create_policy,
            PolicyName=name,
            Path=path,
            PolicyDocument=document,
            **given(Description=inputs.get("description")),
        )
    if created is None:
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    return arn, {"arn": arn, "policyId": policy["PolicyId"]}


def _policy_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return found(place.client("iam").get_policy, PolicyArn=id_) is not None


def _delete_policy(place: Place, id_: str, inputs: Inputs) -> None:
    if not _policy_exists(place, id_, inputs):
        return
    iam = place.client("iam")
    for version in iam.list_policy_versions(PolicyArn=id_)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=id_, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=id_)


def _ensure_role_policy(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    place.client("iam").put_role_policy(
        RoleName=inputs["role"],
        PolicyName=inputs["name"],
        PolicyDocument=policy_for_emulator(inputs["policy"]),
    )
    return f"{inputs['role']}:{inputs['name']}", {}


def _role_policy_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    iam = place.client("iam")
    return found(iam.get_role_policy, RoleName=inputs["role"], PolicyName=inputs["name"]) is not None


def _delete_role_policy(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client("iam").delete_role_policy, RoleName=inputs["role"], PolicyName=inputs["name"])


def _ensure_attachment(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    place.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return f"{inputs['role']}-{inputs['policyArn']}", {}


def _attachment_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    listed = found(place.client("iam").list_attached_role_policies, RoleName=inputs["role"]) or {}
    return any(one["PolicyArn"] == inputs["policyArn"] for one in listed.get("AttachedPolicies", ()))


def _delete_attachment(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client("iam").detach_role_policy, RoleName=inputs["role"], PolicyArn=inputs["policyArn"])


HANDLERS = {
    "aws:iam/role:Role": Handler(_ensure_role, _role_exists, _delete_role),
    "aws:iam/policy:Policy": Handler(_ensure_policy, _policy_exists, _delete_policy),
    "aws:iam/rolePolicy:RolePolicy": Handler(_ensure_role_policy, _role_policy_exists, _delete_role_policy),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Handler(
        _ensure_attachment, _attachment_exists, _delete_attachment
    ),
}
