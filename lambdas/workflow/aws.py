"""AWS clients of the workflow's functions, and what they are made into in more than one."""

import os
from typing import Any

import botocore.config
import botocore.session
import urllib3

from lambdas.workflow.proof import Prover


def client(service: str) -> Any:
    """The client of one service in the function's region; `AWS_ENDPOINT_URL` is honoured."""
    config = botocore.config.Config(
        connect_timeout=3, read_timeout=15, retries={"total_max_attempts": 3, "mode": "standard"}
    )
    return botocore.session.get_session().create_client(
        service, region_name=os.environ["AWS_REGION"], config=config
    )


def prover() -> Prover:
    """Who wrote a document, of the role that may: `PEOPLE_ROLE` of the function's environment."""
    return Prover(
        client("sts").meta.endpoint_url, os.environ["PEOPLE_ROLE"], urllib3.PoolManager(retries=False)
    )
