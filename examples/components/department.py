"""One more department of a deployment."""

from components.workflow.department import Department, DepartmentArgs
from examples.components.deployed import deployed

kit = deployed()

Department(
    "research",
    DepartmentArgs(
        kit.names,
        id="research",
        title="Research",
        people_tag="department",
        profile={"id": "research", "name": "Research", "cost_center": "CC-310"},
        boundary_arn=kit.exports["permissions_boundary_arn"],
        secrets_key_arn=kit.exports["secrets_key_arn"],
        governance_bucket_name=kit.exports["governance_bucket_name"],
        governance_key_arn=kit.exports["governance_key_arn"],
        reviews_table_arn=kit.exports["reviews_table_arn"],
        ledger_key_arn=kit.exports["ledger_key_arn"],
    ),
    kit.options,
)
