"""Waiting for what happens in another process."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(found: Callable[[], T | None], said: Callable[[], str], *, seconds: float = 45) -> T:
    """What `found` gives, once it gives something; `said` is added to the failure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value is not None:
            return value
        time.sleep(0.1)
    raise AssertionError(f"nothing within {seconds} s: {said()}")
