"""Stage `rollout`, weeks 9-12, which opens once the pilots have met their criteria (S.3).

It enforces its gate, checks that the two earlier stages are deployed for the same client, publishes the
record of why the gate is open, and creates the remaining departments with their workflows, the champions
programme, the quarterly governance review and each audience's dashboards (L3.1, L4.6, L5.5, L5.6).
"""

from components.adoption.champions import GROUP, Champions, ChampionsArgs
from components.adoption.governance_review import GovernanceReviewArgs, governance_review
from components.api.scheduled import ScheduledFunction
from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.functions import Network
from components.measurement.dashboards import Dashboards, DashboardsArgs
from components.permissions import canonical_json
from stacks import contracts, departments, gates
from stacks.chat import chat_channels
from stacks.integration import context
from stacks.placement import names_of, stage_options
from stacks.settings import Settings

GATE_RECORD_KEY = "gates/rollout.json"


def main(settings: Settings) -> None:
    """Evaluate the stage.

    Raises:
        GateClosed: exit criteria of foundation or integration are not met.
        ContractError: one of them is not deployed, or belongs to another client.
    """
    record = gates.require_open("rollout", settings)
    base = contracts.read("foundation", settings)
    api = contracts.read("integration", settings)
    names, options = names_of(settings), stage_options(settings)
    PublishedText(
        "gate-record",
        PublishedTextArgs(
            base["governance_bucket_name"],
            base["governance_key_arn"],
            GATE_RECORD_KEY,
            canonical_json(record),
        ),
        options,
    )
    desk = _desk(settings, base, api)
    departments.stand_up(settings, departments.remaining(settings), base, desk)
    champions = Champions("champions", _champions(settings, base, desk), options)
    review = governance_review(_review(settings, base, api, desk))
    ScheduledFunction("governance-review", review, options)
    ids, audiences = [each.id for each in settings.departments], settings.sizing.adoption.dashboards
    Dashboards("dashboards", DashboardsArgs(names, ids, audiences), options)
    contracts.export(
        "rollout",
        {
            **contracts.identity(settings),
            "gate_record_key": GATE_RECORD_KEY,
            "champions_topic_arn": champions.channel.arn,
            "champions_programme_key": champions.programme_key,
        },
    )


def _desk(settings: Settings, base: contracts.StageOutputs, api: contracts.StageOutputs) -> departments.Desk:
    return departments.Desk(
        context=context(settings, base, _network(settings, api)),
        table_name=api["reviews_table_name"],
        table_arn=api["reviews_table_arn"],
        function_alias_arn=api["review_desk_arn"],
        layer_arn=api["scheduled_layer_arn"],
        gateway_url=api["gateway_url"],
        access_table_name=api["access_table_name"],
        access_table_arn=api["access_table_arn"],
        user_pool_id=api["user_pool_id"],
    )


def _network(settings: Settings, api: contracts.StageOutputs) -> Network | None:
    """Return the network chosen or created by stage integration."""
    given, redundancy = settings.network, settings.sizing.redundancy
    if given.mode == "existing":
        return Network(given.subnet_ids, given.security_group_ids)
    if given.mode == "none" and not redundancy.vpc_endpoints:
        return None
    subnets = api["function_subnet_ids"].apply(lambda text: text.split(","))
    groups = api["function_security_group_ids"].apply(lambda text: text.split(","))
    return Network([subnets[number] for number in range(redundancy.availability_zones)], [groups[0]])


def _champions(settings: Settings, base: contracts.StageOutputs, desk: departments.Desk) -> ChampionsArgs:
    return ChampionsArgs(
        names=names_of(settings),
        wanted=settings.sizing.adoption.champions,
        departments=[each.id for each in settings.departments],
        messages_key_arn=base["messages_key_arn"],
        governance_bucket_name=base["governance_bucket_name"],
        governance_key_arn=base["governance_key_arn"],
        boundary_arn=base["permissions_boundary_arn"],
        user_pool_id=desk.user_pool_id,
        emails=settings.contacts.champions,
        chat=chat_channels(settings.contacts, "champions_channel_id"),
        early_access=[alias for alias, one in settings.claude.models.items() if GROUP in one.roles],
    )


def _review(
    settings: Settings, base: contracts.StageOutputs, api: contracts.StageOutputs, desk: departments.Desk
) -> GovernanceReviewArgs:
    return GovernanceReviewArgs(
        context=desk.context,
        departments=[each.id for each in settings.departments],
        reviews_table_name=desk.table_name,
        reviews_table_arn=desk.table_arn,
        governance_bucket_name=base["governance_bucket_name"],
        governance_bucket_arn=base["governance_bucket_arn"],
        governance_key_arn=base["governance_key_arn"],
        access_table_name=api["access_table_name"],
        access_table_arn=api["access_table_arn"],
        analytics_bucket_name=base["analytics_bucket_name"],
        analytics_bucket_arn=base["analytics_bucket_arn"],
        analytics_key_arn=base["analytics_key_arn"],
        layer_arn=desk.layer_arn,
        memory=settings.sizing.capacity.function_memory_mb,
    )
