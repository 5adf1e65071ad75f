"""Contributions of champions (L4.6), computed as in the governance review."""

from typing import TYPE_CHECKING

from kit.reviews.places import names_of_target
from lambdas.workflow.recognition import Contribution, Recognition
from lambdas.workflow.reviews import Reviews

if TYPE_CHECKING:
    from kit.measurement.period import Period
    from kit.measurement.reading import Reading
    from kit.target import Target


def recognition(target: "Target") -> Recognition:
    """Return the sources of recognition of a deployment."""
    dynamodb, names = target.client("dynamodb"), names_of_target(target)
    return Recognition(
        dynamodb,
        target.require("access_table_name"),
        target.client("s3"),
        target.require("governance_bucket_name"),
        Reviews(dynamodb, names.of("reviews")),
        f"{names.client}-{names.environment}",
    )


def contributions(reading: "Reading", target: "Target", period: "Period") -> list[Contribution]:
    """Return the contributions of every champion over a period, up to today."""
    departments = [one.id for one in reading.settings.departments]
    return recognition(target).contributions(period, departments, reading.whole(period).whole)
