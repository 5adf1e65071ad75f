"""The review desk of a deployment, its table kept as a small organisation keeps it."""

from components.workflow.review_desk import ReviewDesk, ReviewDeskArgs
from contract.sizes import sizing
from examples.components.deployed import deployed

kit = deployed()

ReviewDesk(
    "review-desk",
    ReviewDeskArgs(
        kit.context,
        table_key_arn=kit.exports["ledger_key_arn"],
        layer_arn=kit.exports["scheduled_layer_arn"],
        plan=sizing("small"),
    ),
    kit.options,
)
