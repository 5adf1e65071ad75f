"""The champions programme: people in each department who promote the use of Claude."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cognito

from components.base import KitComponent, Names, refuse
from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.permissions import canonical_json
from components.topics import ChatChannel, deliver_to_chat, subscribe_by_mail, topic_of_own_roles

GROUP = "champions"


@dataclass(frozen=True)
class ChampionsArgs:
    """`wanted` is the size's number of champions over all departments. `early_access` are the model aliases
    that the gateway policy restricts to their role. `emails` subscribe to the channel; each address
    confirms once. `chat` are the Slack and Teams channels to which it is delivered, by a role under the
    permissions boundary `boundary_arn`.
    """

    names: Names
    wanted: int
    departments: Sequence[str]
    messages_key_arn: pulumi.Input[str]
    governance_bucket_name: pulumi.Input[str]
    governance_key_arn: pulumi.Input[str]
    boundary_arn: pulumi.Input[str]
    user_pool_id: pulumi.Input[str] | None = None
    early_access: Sequence[str] = ()
    emails: Sequence[str] = ()
    chat: Sequence[ChatChannel] = ()


class Champions(KitComponent):
    """The champions programme (L4.6).

    Creates: the topic `champions` as their channel, its subscriptions by mail and its delivery to Slack or
    Teams, the programme as an object of the governance bucket (how many in which departments, the training of
    each quarter, how they are recognised), and the Cognito group `champions` where there is a user pool.
    Default posture: the channel is encrypted, TLS only, and only this account's roles publish to it. People
    who write to it in a chat may do nothing in the account.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: ChampionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"Champions {name}",
            [
                (args.wanted > 0, f"wanted: {args.wanted} is none"),
                (bool(args.departments), "departments: none"),
            ],
        )
        super().__init__(name, opts)
        self.channel = topic_of_own_roles(
            self, f"{name}-channel", args.names.of(GROUP), args.messages_key_arn, args.names
        )
        subscribe_by_mail(self, name, self.channel, args.emails)
        deliver_to_chat(self, name, args.names, args.boundary_arn, self.channel, GROUP, args.chat)
        programme = PublishedText(
            f"{name}-programme",
            PublishedTextArgs(
                args.governance_bucket_name,
                args.governance_key_arn,
                "adoption/champions.json",
                canonical_json(_programme(args)),
            ),
            self.child(),
        )
        self.programme_key = programme.key
        if args.user_pool_id is not None:
            cognito.UserGroup(
                f"{name}-group",
                name=GROUP,
                description="Champions of Claude",
                user_pool_id=args.user_pool_id,
                opts=self.child(),
            )
        self.register_outputs({"channelArn": self.channel.arn, "programmeKey": self.programme_key})


def _programme(args: ChampionsArgs) -> dict[str, object]:
    share, rest = divmod(args.wanted, len(args.departments))
    wanted = {each: share + (number < rest) for number, each in enumerate(sorted(args.departments))}
    return {
        **({"early_access": sorted(args.early_access)} if args.early_access else {}),
        "group": GROUP,
        "recognition": {
            "by": "director",
            "every": "quarter",
            "for": ["answers rated", "people trained", "prompts approved", "reviews done"],
        },
        "training": {"every": "quarter", "months": [1, 4, 7, 10]},
        "version": 1,
        "wanted": args.wanted,
        "wanted_by_department": wanted,
    }
