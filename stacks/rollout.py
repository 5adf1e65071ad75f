"""Stage `rollout`, weeks 9-12: it opens only when the pilots have proved themselves (S.3).

Holds its gate, checks that the two stages before it are deployed for the same client, and publishes the
record of why it was opened. It stands up nothing else.
"""

from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.permissions import canonical_json
from stacks import contracts, gates
from stacks.placement import stage_options
from stacks.settings import Settings

GATE_RECORD_KEY = "gates/rollout.json"


def main(settings: Settings) -> None:
    """Evaluate the stage.

    Raises:
        GateClosed: exit criteria of foundation or integration do not hold.
        ContractError: one of them has not been deployed, or for another client.
    """
    record = gates.require_open("rollout", settings)
    foundation = contracts.read("foundation", settings)
    contracts.read("integration", settings)
    PublishedText(
        "gate-record",
        PublishedTextArgs(
            foundation["governance_bucket_name"],
            foundation["governance_key_arn"],
            GATE_RECORD_KEY,
            canonical_json(record),
        ),
        stage_options(settings),
    )
    contracts.export("rollout", contracts.identity(settings) | {"gate_record_key": GATE_RECORD_KEY})
