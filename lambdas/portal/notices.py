"""Notices of new tickets to the Center's channel in Slack or Teams, where the client has one (L4.3).

A notice has the kind, the department and the link: what a person wrote stays in the portal.
"""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.chat_notice import chat_notice
from lambdas.common.log import Level, log

_TITLES = {
    "question": "A new question in the portal",
    "blocked": "A refusal that somebody disputes",
    "proposal": "A proposal for the prompt library",
}
KINDS = tuple(_TITLES)


@dataclass(frozen=True, slots=True)
class Notices:
    """Publishes to `topic` with a botocore client of SNS."""

    sns: Any
    topic: str

    def ticket(self, kind: str, department: str, url: str) -> None:
        """Notify the Center of a new ticket. Never raises, because the ticket is in the portal. Blocks."""
        message = chat_notice(_TITLES[kind], f"From {department}. To read and answer it: {url}")
        try:
            self.sns.publish(TopicArn=self.topic, Message=message)
        except (BotoCoreError, ClientError) as error:
            log("notice-failed", level=Level.WARNING, error=type(error).__name__)
