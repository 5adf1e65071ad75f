"""AWS clients of the workflow's functions, and what several functions create from them."""

import os
from typing import Any

import botocore.config
import botocore.session
import urllib3

from lambdas.workflow.proof import Prover


def client(service: str) -> Any:
    """Return a client of one service in the function's region; `AWS_ENDPOINT_URL` is honoured."""
    config = botocore.config.Config(
        connect_timeout=3, read_timeout=15, retries={"total_max_attempts": 3, "mode": "standard"}
    )
    return botocore.session.get_session().create_client(
        service, region_name=os.environ["AWS_REGION"], config=config
    )


def prover() -> Prover:
    """Return the prover for documents of the role `PEOPLE_ROLE` in the function's environment."""
    return Prover(
        client("sts").meta.endpoint_url, os.environ["PEOPLE_ROLE"], urllib3.PoolManager(retries=False)
    )
