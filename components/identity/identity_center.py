"""Console roles of the Center of Excellence through IAM Identity Center: one permission set each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import ssoadmin

from components.base import KitComponent, refuse
from components.foundation.roles import ROLES, RolesArgs, statements_of
from components.permissions import document


@dataclass(frozen=True)
class IdentityCenterArgs:
    """`roles` are the permissions of each role. `groups` are ids of groups in the instance's directory, by
    role. `region` is the instance's region, if different. `boundary_name` is the permissions boundary.
    """

    roles: RolesArgs
    boundary_name: pulumi.Input[str]
    instance_arn: str
    groups: Mapping[Any, str]
    region: str | None = None


class IdentityCenter(KitComponent):
    """People take the console roles through IAM Identity Center, by the groups they are in (C.1, G.4).

    Creates: for each role that has a group, a permission set with that role's own policy, its permissions
    boundary, and the assignment of the group to this account.
    Default posture: nothing is assigned before policy and boundary are there; sessions of four hours; what a
    role may do is said once, in `components/foundation/roles.py`. The account must be the organisation's
    management account or the one that administers Identity Center for it.
    Replaced when changed: client, environment, account, the instance; the assignment also when its group
    changes.
    """

    def __init__(
        self, name: str, args: IdentityCenterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        unknown = sorted(set(args.groups) - set(ROLES))
        refuse(
            f"IdentityCenter {name}",
            [
                (bool(args.groups), "groups: none"),
                (not unknown, f"groups: {unknown} are not roles; roles are {list(ROLES)}"),
            ],
        )
        super().__init__(name, opts)
        self._args = args
        statements = statements_of(args.roles)
        self.permission_sets = {
            role: self._permission_set(name, role, document(statements[role]))
            for role in ROLES
            if role in args.groups
        }
        self.arns = {role: made.arn for role, made in self.permission_sets.items()}
        self.register_outputs({"arns": self.arns})

    def _permission_set(self, name: str, role: str, policy: pulumi.Output[str]) -> ssoadmin.PermissionSet:
        args, names = self._args, self._args.roles.names
        made = ssoadmin.PermissionSet(
            f"{name}-{role}",
            name=names.brief(role),
            description=f"Center of Excellence: {role.replace('-', ' ')} ({names.of('console')})",
            instance_arn=args.instance_arn,
            session_duration=f"PT{args.roles.session_hours}H",
            region=args.region,
            opts=self.child(),
        )
        permissions = ssoadmin.PermissionSetInlinePolicy(
            f"{name}-{role}-permissions",
            instance_arn=args.instance_arn,
            permission_set_arn=made.arn,
            inline_policy=policy,
            region=args.region,
            opts=self.child(),
        )
        boundary = ssoadmin.PermissionsBoundaryAttachment(
            f"{name}-{role}-boundary",
            instance_arn=args.instance_arn,
            permission_set_arn=made.arn,
            permissions_boundary={"customer_managed_policy_reference": {"name": args.boundary_name}},
            region=args.region,
            opts=self.child(),
        )
        ssoadmin.AccountAssignment(
            f"{name}-{role}-assignment",
            instance_arn=args.instance_arn,
            permission_set_arn=made.arn,
            principal_type="GROUP",
            principal_id=args.groups[role],
            target_type="AWS_ACCOUNT",
            target_id=names.account,
            region=args.region,
            opts=self.child(depends_on=[permissions, boundary]),
        )
        return made
