"""The chat channels of a client, by what is delivered to them (L4.3, L4.6)."""

from typing import Literal

from components.topics import ChatChannel, SlackChannel, TeamsChannel
from contract import client as contract


def chat_channels(
    contacts: contract.Contacts, use: Literal["champions_channel_id", "questions_channel_id"]
) -> list[ChatChannel]:
    """Return the configured channels for one use."""
    slack, teams = contacts.slack, contacts.teams
    channels: list[ChatChannel] = []
    if slack is not None and (channel := getattr(slack, use)):
        channels.append(SlackChannel(slack.workspace_id, channel))
    if teams is not None and (channel := getattr(teams, use)):
        channels.append(TeamsChannel(teams.tenant_id, teams.team_id, channel))
    return channels
