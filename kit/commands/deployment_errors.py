"""Shared error handling of commands that change a deployment: AWS errors become one message."""

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
