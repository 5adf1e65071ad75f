"""Shared error handling of commands: AWS errors become one message."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deployment_errors() -> Iterator[None]:
    """Turn errors of AWS into `KitError`."""
    from kit.identity.operator import AWS_ERRORS, from_aws

    try:
        yield
    except AWS_ERRORS as error:
        raise from_aws(error) from None


@contextmanager
def aws_refusals() -> Iterator[None]:
    """Turn an error of AWS that no command expected into `KitError`; nothing is loaded for it before."""
    try:
        yield
    except Exception as error:
        if "botocore.exceptions" not in sys.modules:
            raise
        with deployment_errors():
            raise error from None
