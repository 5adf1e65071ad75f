"""Departments of a stage and their workflows: pilots in integration, the others in rollout (S.2, S.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.functions import FunctionContext
from components.workflow.catalogue import demanded_by, published_prompt, step_input
from components.workflow.definition import Planned, Waiting
from components.workflow.department import Department, DepartmentArgs
from components.workflow.workflows import DepartmentWorkflows, DepartmentWorkflowsArgs, Training
from contract.client import Department as DepartmentSettings
from contract.workflows import ReviewStep, Workflow
from contract.writing import published
from stacks.library import folders_of, workflows_of_department
from stacks.placement import department_options, names_of
from stacks.settings import Settings

Outputs = Mapping[str, pulumi.Output[Any]]


@dataclass(frozen=True)
class Desk:
    """The review queue, and resources shared by the workflows' functions."""

    context: FunctionContext
    table_name: pulumi.Input[str]
    table_arn: pulumi.Input[str]
    function_alias_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    gateway_url: pulumi.Input[str]
    access_table_name: pulumi.Input[str]
    access_table_arn: pulumi.Input[str]
    user_pool_id: pulumi.Input[str] | None = None


def pilots(settings: Settings) -> list[DepartmentSettings]:
    """Return the departments of stage integration."""
    return [one for one in settings.departments if one.pilot]


def remaining(settings: Settings) -> list[DepartmentSettings]:
    """Return the departments of stage rollout."""
    return [one for one in settings.departments if not one.pilot]


def stand_up(
    settings: Settings, departments: Sequence[DepartmentSettings], base: Outputs, desk: Desk
) -> None:
    """Create the departments and their workflows, under a provider that adds cost allocation tags."""
    for each in departments:
        options = department_options(settings, each)
        planned = _planned(settings, each)
        department = Department(
            f"department-{each.id}", _department(settings, each, planned, base, desk), options
        )
        if planned:
            args = _workflows(settings, each, department, planned, base, desk)
            DepartmentWorkflows(f"workflows-{each.id}", args, options)


def _planned(settings: Settings, department: DepartmentSettings) -> list[Planned]:
    planned: list[Planned] = []
    for spec in workflows_of_department(settings, department):
        prompt = published_prompt(folders_of(settings), spec)
        demanded = demanded_by(spec, prompt, department.human_review)
        step = step_input(spec, prompt, demanded, training_required=department.training_required)
        planned.append(Planned(spec, step, demanded, _waiting(settings, spec)))
    return planned


def _waiting(settings: Settings, workflow: Workflow) -> Waiting:
    """Return how long a draft waits for a person: as the workflow defines, or else the client."""
    review, usual = workflow.step(ReviewStep), settings.reviews
    hours, after = (review.hours, review.escalation_hours) if review else (None, None)
    given = (hours or usual.hours, after or usual.escalation_hours)
    return Waiting(*(max(1, round(each * 3600)) for each in given))


def _department(
    settings: Settings, department: DepartmentSettings, planned: list[Planned], base: Outputs, desk: Desk
) -> DepartmentArgs:
    retention = settings.sizing.retention
    workflows = [{"demanded_by": one.demanded_by, "name": one.name, "prompt": one.step["prompt"]}
                 for one in planned]  # fmt: skip
    return DepartmentArgs(
        names=names_of(settings),
        id=department.id,
        title=department.name,
        people_tag=settings.identity.department_claim,
        profile={**published(department), "workflows": workflows},
        boundary_arn=base["permissions_boundary_arn"],
        secrets_key_arn=base["secrets_key_arn"],
        governance_bucket_name=base["governance_bucket_name"],
        governance_key_arn=base["governance_key_arn"],
        reviews_table_arn=desk.table_arn,
        ledger_key_arn=base["ledger_key_arn"],
        user_pool_id=desk.user_pool_id,
        versions_days=retention.governance_versions_days,
        deletion_window_days=retention.key_deletion_days,
        secret_recovery_days=retention.secret_recovery_days,
    )


def _workflows(
    settings: Settings,
    each: DepartmentSettings,
    department: Department,
    planned: Sequence[Planned],
    base: Outputs,
    desk: Desk,
) -> DepartmentWorkflowsArgs:
    return DepartmentWorkflowsArgs(
        context=desk.context,
        id=each.id,
        department=department,
        workflows=planned,
        gateway_url=desk.gateway_url,
        secrets_key_arn=base["secrets_key_arn"],
        reviews_table_name=desk.table_name,
        reviews_table_arn=desk.table_arn,
        desk_arn=desk.function_alias_arn,
        layer_arn=desk.layer_arn,
        memory=settings.sizing.capacity.function_memory_mb,
        audit_bucket_name=base["audit_bucket_name"],
        audit_bucket_arn=base["audit_bucket_arn"],
        audit_key_arn=base["audit_key_arn"],
        writer_key_arn=base["writer_key_arn"],
        copies_stream=names_of(settings).of("records"),
        copies_key_arn=base["analytics_key_arn"],
        access_table_name=desk.access_table_name,
        access_table_arn=desk.access_table_arn,
        training=_training(each, base),
    )


def _training(department: DepartmentSettings, base: Outputs) -> Training | None:
    if not department.training_required:
        return None
    return Training(base["governance_bucket_name"], base["governance_bucket_arn"], base["governance_key_arn"])
