"""A function that may read one prefix of the governance bucket, and nothing else."""

import pulumi

from components.functions import Function, FunctionArgs
from components.permissions import Statement
from examples.components.deployed import deployed

kit = deployed()
documents = pulumi.Output.concat(kit.exports["governance_bucket_arn"], "/documents/*")

Function(
    "reminder",
    FunctionArgs(
        kit.context,
        what="reminder",
        description="Reminds owners of documents that are due for review",
        packages=["common", "sweeper"],  # folders under lambdas/: put one of your own here
        handler="lambdas.sweeper.handler.handler",
        statements=[Statement("ReadDocuments", ["s3:GetObject"], [documents])],
    ),
    kit.options,
)
