"""Reserved concurrency of the functions, within the account's limit (L1.8)."""

from dataclasses import dataclass

from stacks.settings import Settings

UNRESERVED = 100  # minimum that AWS requires to stay unreserved
KEEPERS = 20  # functions that run one at a time, over all stages; verified by a test
_LEAST_FOR_GATEWAY = 10


@dataclass(frozen=True)
class Reservations:
    """Reserved concurrency: of the gateway (None if nothing can be reserved), and whether each keeper
    reserves one.
    """

    gateway: int | None
    keepers: bool


def wanted(settings: Settings) -> int:
    """Return the account concurrency that would fit everything the size asks for."""
    return UNRESERVED + _keepers(settings) + settings.sizing.capacity.gateway_reserved_concurrency


def notary_shards(settings: Settings) -> int:
    """Return the number of parallel notary runs.

    It equals the budget shards of a department, because both grow with the call rate.
    """
    return max(1, settings.sizing.capacity.budget_shards // 4)


def _keepers(settings: Settings) -> int:
    return KEEPERS + notary_shards(settings) - 1


def reservations(settings: Settings) -> Reservations:
    """Return the reservations that fit: one for each keeper first, then as much as its size asks for the
    gateway.
    """
    left = settings.lambda_concurrency - UNRESERVED - _keepers(settings)
    gateway = min(left, settings.sizing.capacity.gateway_reserved_concurrency)
    return Reservations(gateway if gateway >= _LEAST_FOR_GATEWAY else None, left >= 0)
