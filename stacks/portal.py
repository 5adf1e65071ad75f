"""The portal in the integration stage: its functions and its entry point (L4.1-L4.6)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.adoption.champions import GROUP as CHAMPIONS
from components.api.gateway import Stores
from components.api.rest_api import RestApi, RestApiArgs
from components.functions import FunctionContext
from components.identity.people import People
from components.layers import DependencyLayer
from components.portal.deputy import DeputyArgs
from components.portal.portal import Portal, PortalArgs
from components.portal.reminders import Reminders, RemindersArgs
from contract import client as contract
from stacks.chat import chat_channels
from stacks.placement import names_of
from stacks.portal_address import address
from stacks.settings import Settings

# A streamed answer occupies an instance for up to half a minute, so the portal gets a share of the
# concurrency and the gateway never runs short.
_SHARE_OF_CONCURRENCY = 5


@dataclass(frozen=True)
class PortalPlace:
    """What the integration stage provides: the functions' network, the data they read, and sign-in."""

    context: FunctionContext
    stores: Stores
    people: People
    gateway_url: pulumi.Input[str]
    table_key_arn: pulumi.Input[str]
    registrar_layer_arn: pulumi.Input[str]
    access_log_arn: pulumi.Input[str]
    reviews_table_name: pulumi.Input[str]
    reviews_table_arn: pulumi.Input[str]
    directory_table_name: pulumi.Input[str]
    directory_table_arn: pulumi.Input[str]


def stand_up(settings: Settings, place: PortalPlace, options: pulumi.ResourceOptions) -> dict[str, Any]:
    """Create the portal if the client gives it a domain name, or `kit up` a URL. Return its exports."""
    url, client = address(settings), place.people.portal_client
    if not url or client is None:
        return {}
    names, capacity = names_of(settings), settings.sizing.capacity
    portal = Portal(
        "portal",
        PortalArgs(
            context=place.context,
            stores=place.stores,
            people=place.people,
            client_id=client.id,
            url=url,
            gateway_url=place.gateway_url,
            organization=settings.organization,
            client_folder=Path(settings.client_folder) if settings.client_folder else None,
            case_after_refusals=settings.inspection.case_after_refusals,
            early_access=[
                one.display_name for one in settings.claude.models.values() if CHAMPIONS in one.roles
            ],
            questions_chat=chat_channels(settings.contacts, "questions_channel_id"),
            table_key_arn=place.table_key_arn,
            layer_arn=DependencyLayer("portal-layer", names, "portal", options).arn,
            registrar_layer_arn=place.registrar_layer_arn,
            deputy=DeputyArgs(
                context=place.context,
                stores=place.stores,
                departments=[one.id for one in settings.departments],
                people_tag=settings.identity.department_claim,
                sign_in_url=place.people.sign_in_url,
                reviews_table_name=place.reviews_table_name,
                reviews_table_arn=place.reviews_table_arn,
                layer_arn=place.registrar_layer_arn,
            ),
        ),
        options,
    )
    if settings.portal is not None and settings.portal.reminders is not None:
        _remind(settings, settings.portal.reminders, place, portal, url, options)
    door = RestApi(
        "portal-door",
        RestApiArgs(
            names=names,
            what="portal",
            description="The portal for people",
            gateway=portal.function,
            access_log_arn=place.access_log_arn,
            rate_limit=max(10, capacity.api_requests_per_second // _SHARE_OF_CONCURRENCY),
            burst_limit=max(20, capacity.api_burst // _SHARE_OF_CONCURRENCY),
            domain=settings.portal.custom_domain if settings.portal else None,
        ),
        options,
    )
    return {
        "portal_url": url,
        "portal_table_name": portal.table.name,
        "portal_table_arn": portal.table.arn,
        "portal_client_id": client.id,
        "portal_api_id": door.api.id,
    }


def _remind(
    settings: Settings,
    reminders: contract.Reminders,
    place: PortalPlace,
    portal: Portal,
    url: str,
    options: pulumi.ResourceOptions,
) -> None:
    Reminders(
        "reminders",
        RemindersArgs(
            context=place.context,
            portal_table_name=portal.table.name,
            portal_table_arn=portal.table.arn,
            directory_table_name=place.directory_table_name,
            directory_table_arn=place.directory_table_arn,
            sender=reminders.sender,
            identity_arn=reminders.identity_arn,
            every_days=reminders.every_days,
            most_a_day=reminders.most_a_day,
            url=url,
            organization=settings.organization,
            layer_arn=place.registrar_layer_arn,
        ),
        options,
    )
