"""What functions may reserve of the concurrency that the account has (L1.8)."""

from dataclasses import dataclass

from stacks.settings import Settings

UNRESERVED = 100  # what AWS demands to be left for functions without a reservation
KEEPERS = 20  # functions that run one at a time, of all stages together; a test counts them
_LEAST_FOR_GATEWAY = 10


@dataclass(frozen=True)
class Reservations:
    """`gateway` is None where nothing may be reserved; `keepers` says whether one each may."""

    gateway: int | None
    keepers: bool


def wanted(settings: Settings) -> int:
    """The concurrency of an account that has room for all that the size asks for."""
    return UNRESERVED + _keepers(settings) + settings.sizing.capacity.gateway_reserved_concurrency


def notary_shards(settings: Settings) -> int:
    """How many runs of the notary work side by side: as a department's budget is spread, because both grow
    with the calls.
    """
    return max(1, settings.sizing.capacity.budget_shards // 4)


def _keepers(settings: Settings) -> int:
    return KEEPERS + notary_shards(settings) - 1


def reservations(settings: Settings) -> Reservations:
    """What fits: first one each for the keepers, then as much for the gateway as its size asks for."""
    left = settings.lambda_concurrency - UNRESERVED - _keepers(settings)
    gateway = min(left, settings.sizing.capacity.gateway_reserved_concurrency)
    return Reservations(gateway if gateway >= _LEAST_FOR_GATEWAY else None, left >= 0)
