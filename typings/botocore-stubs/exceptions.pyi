"""What the kit uses of botocore's exceptions, which have no annotations."""

from typing import Any

class BotoCoreError(Exception):
    def __init__(self, **kwargs: Any) -> None: ...

class ClientError(Exception):
    response: dict[str, Any]
    operation_name: str
    def __init__(self, error_response: Any, operation_name: str) -> None: ...

def __getattr__(name: str) -> Any: ...
