"""The deputy: opens a person's department session for the portal (L3.1, L3.4)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam

from components.api.gateway import Stores
from components.base import KitComponent
from components.functions import Function, FunctionArgs, FunctionContext
from components.permissions import Statement, canonical_json, document, via
from components.workflow.department import bucket_what

PACKAGES = ("common", "deputy", "workflow")
_SESSION_SECONDS = 3600


@dataclass(frozen=True)
class DeputyArgs:
    """`departments` are the ids of departments with people here; `people_tag` is the session tag with a
    person's department; `sign_in_url` is the user pool's.
    """

    context: FunctionContext
    stores: Stores
    departments: Sequence[str]
    people_tag: str
    sign_in_url: pulumi.Input[str]
    reviews_table_name: pulumi.Input[str]
    reviews_table_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    memory: int = 512


class Deputy(KitComponent):
    """Lets people without an AWS session start workflows and review drafts (L3.1, L3.4, G.2).

    Creates: the function `deputy` and the role `portal-person`, which only that function takes, under the
    person's id and with the session tags that the roles of departments ask for.
    Default posture: the function acts only for people whose token the user pool vouches for, with what their
    live access record says. It holds no right on data of a department; `portal-person` may do nothing but
    take roles of departments, whose trust policies are those of every other way in.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: DeputyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.function = Function(f"{name}-function", self._function(), self.child())
        self.session_role = self._session_role(name)
        self.register_outputs({"arn": self.function.arn, "sessionRoleArn": self.session_role.arn})

    def _function(self) -> FunctionArgs:
        args, names, stores = self._args, self._args.context.names, self._args.stores
        return FunctionArgs(
            context=args.context,
            what="deputy",
            description="Takes the roles of departments for people of the portal",
            packages=PACKAGES,
            handler="lambdas.deputy.handler.handler",
            statements=[
                Statement("OpenSessions", ["sts:AssumeRole", "sts:TagSession"], [self._session_role_arn]),
                Statement("FindPeople", ["dynamodb:GetItem"], [stores.access_table_arn]),
                Statement("ReadStates", ["dynamodb:GetItem"], [args.reviews_table_arn]),
                Statement(
                    "ReadProfiles",
                    ["s3:GetObject"],
                    [pulumi.Output.concat(stores.governance_bucket_arn, "/departments/*")],
                ),
                Statement(
                    "DecryptProfiles",
                    ["kms:Decrypt"],
                    [stores.governance_key_arn],
                    conditions=via("s3", names.region),
                ),
            ],
            environment={
                "ACCESS_TABLE": stores.access_table_name,
                "DATA_BUCKETS": json.dumps(
                    {one: names.everywhere(bucket_what(names, one)) for one in sorted(args.departments)},
                    separators=(",", ":"),
                ),
                "DATA_KEY": names.arn("kms", f"alias/{names.of('{department}-data')}"),
                "DEPARTMENT_ROLE": names.arn(
                    "iam", f"role/{names.of('{department}-{part}')}", regional=False
                ),
                "GOVERNANCE_BUCKET": stores.governance_bucket_name,
                "KIT_ENVIRONMENT": names.environment,
                "PEOPLE_SESSION_ROLE": self._session_role_arn,
                "PEOPLE_TAG": args.people_tag,
                "REVIEWS_TABLE": args.reviews_table_name,
                "SIGN_IN_URL": args.sign_in_url,
                "STATE_MACHINE": names.arn("states", f"stateMachine:{names.of('{department}-{workflow}')}"),
            },
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=30,
        )

    @property
    def _session_role_arn(self) -> str:
        names = self._args.context.names
        return names.arn("iam", f"role/{names.of('portal-person')}", regional=False)

    def _session_role(self, name: str) -> iam.Role:
        args, names = self._args, self._args.context.names
        tags = sorted([args.people_tag, "kit-person", "kit-reviewer"])

        def trust(arn: str) -> str:
            statement = {
                "Sid": "DeputyInAPersonsName",
                "Effect": "Allow",
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Principal": {"AWS": arn},
                "Condition": {
                    "ForAllValues:StringEquals": {"aws:TagKeys": tags},
                    # the departments' roles compare the session name with the tag
                    "Null": {"aws:RequestTag/kit-person": "false"},
                },
            }
            return canonical_json({"Version": "2012-10-17", "Statement": [statement]})

        role = iam.Role(
            f"{name}-person",
            name=names.of("portal-person"),
            description="A person of the portal, in a session that the deputy opens",
            assume_role_policy=self.function.role.arn.apply(trust),
            permissions_boundary=args.context.boundary_arn,
            max_session_duration=_SESSION_SECONDS,
            opts=self.child(),
        )
        roles = [
            names.arn("iam", f"role/{names.of(f'{one}-{part}')}", regional=False)
            for one in sorted(args.departments)
            for part in ("member", "reviewer")
        ]
        iam.RolePolicy(
            f"{name}-person-permissions",
            name="permissions",
            role=role.name,
            policy=document([Statement("TakeRolesOfDepartments", ["sts:AssumeRole"], roles)]),
            opts=self.child(),
        )
        return role
