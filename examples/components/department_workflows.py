"""One more department of a deployment, with the workflow `content` of the kit's library."""

from components.workflow.catalogue import KIT, published_prompt, read_workflows, step_input
from components.workflow.definition import Planned, Waiting
from components.workflow.department import Department, DepartmentArgs
from components.workflow.workflows import DepartmentWorkflows, DepartmentWorkflowsArgs
from examples.components.deployed import deployed
from stacks.contracts import taken

kit = deployed()
research = Department(
    "research",
    taken(
        DepartmentArgs,
        kit.exports,
        names=kit.names,
        id="research",
        title="Research",
        people_tag="department",
        profile={"id": "research", "name": "Research", "cost_center": "CC-310"},
        boundary_arn=kit.exports["permissions_boundary_arn"],
    ),
    kit.options,
)
content = read_workflows(KIT)[0]["content"]
step = step_input(content, published_prompt([KIT], content), demanded="customer-facing")
a_day = 24 * 3600

DepartmentWorkflows(
    "research-workflows",
    taken(
        DepartmentWorkflowsArgs,
        kit.exports,
        context=kit.context,
        id="research",
        department=research,
        workflows=[Planned(content, step, "customer-facing", Waiting(review=a_day, escalation=a_day))],
        desk_arn=kit.exports["review_desk_arn"],
        layer_arn=kit.exports["scheduled_layer_arn"],
        memory=512,
        copies_stream=kit.names.of("records"),
        copies_key_arn=kit.exports["analytics_key_arn"],
    ),
    kit.options,
)
