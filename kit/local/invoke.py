"""Run one event function once, as Lambda would: `python -m kit.local.invoke MODULE.FUNCTION EVENT_JSON`.

What it returns is printed as JSON; an exception ends the process with a traceback in the function's log.
"""

import importlib
import json
import os
import sys
import time


class Context:
    """The part of Lambda's context object that functions may ask for."""

    def __init__(self, function_name: str, timeout_seconds: int) -> None:
        self.function_name = function_name
        self.aws_request_id = f"local-{os.getpid()}"
        self._deadline = time.monotonic() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def main() -> None:
    """Invoke the handler named on the command line."""
    module, _, function = sys.argv[1].rpartition(".")
    handler = getattr(importlib.import_module(module), function)
    timeout = int(os.environ.get("KIT_FUNCTION_TIMEOUT", "900"))
    result = handler(json.loads(sys.argv[2]), Context(os.environ.get("KIT_FUNCTION_NAME", function), timeout))
    print(json.dumps(result, default=str))


if __name__ == "__main__":
    main()
