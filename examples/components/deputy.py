"""The deputy of a deployment, for the people of two departments."""

from components.portal.deputy import Deputy, DeputyArgs
from examples.components.deployed import deployed

kit = deployed()

Deputy(
    "deputy",
    DeputyArgs(
        kit.context,
        kit.stores,
        departments=["finance", "marketing"],
        people_tag="department",
        sign_in_url=kit.exports["sign_in_url"],
        reviews_table_name=kit.exports["reviews_table_name"],
        reviews_table_arn=kit.exports["reviews_table_arn"],
        layer_arn=kit.exports["scheduled_layer_arn"],
    ),
    kit.options,
)
