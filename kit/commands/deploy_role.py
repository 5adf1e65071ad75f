"""`kit deploy-role`: the deployment role as a template that an administrator deploys once."""

import json
from typing import Annotated

import typer


def deploy_role(
    client: Annotated[str | None, typer.Option("--client", help="Client whose plan it is for.")] = None,
    people: Annotated[
        list[str] | None, typer.Option(help="ARN of a role or user that may take it; again for more.")
    ] = None,
    github: Annotated[
        str, typer.Option(help="Repository (owner/name) whose workflows may take it, by stage.")
    ] = "",
    state_bucket: Annotated[str, typer.Option(help="Bucket of the engine's state.")] = "",
) -> None:
    """Print a CloudFormation template with the least privilege that deploying this client's plan needs.

    It is computed from the resource types in the plan and scoped to the deployment's names. The role
    creates and changes resources and reads no data. Deploy it once: kit deploy-role --client acme >
    role.json; aws cloudformation deploy --template-file role.json --stack-name acme-deploy-role
    --capabilities CAPABILITY_NAMED_IAM

    Exit codes: 0 done; 2 invalid configuration.
    """
    from kit.commands.doctor import settings_of
    from kit.deploy.role import deploy_template
    from kit.evaluation.stages import evaluate_stages
    from stacks.placement import names_of

    template = deploy_template(
        evaluate_stages(client=client, assume_gates=True).values(),
        names_of(settings_of(client)),
        people=people or (),
        repository=github,
        state_bucket=state_bucket,
    )
    typer.echo(json.dumps(template, indent=2))
