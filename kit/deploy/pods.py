"""Preconditions of the gateway's pods: the second phase of stage integration (Z.1)."""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from kit.build.image import Image, image_of, missing

_CONNECT_SECONDS = 5.0
_SIGNATURE_SECONDS = 300.0
_ASK_EVERY_SECONDS = 5.0
_FIXES = {
    "image": "kit image push",
    "signature": "kit image push waits for it; an image from before signing was on is never signed",
}
Connect = Callable[[str, int], bool]


def unready(clients: Any, exports: Mapping[str, str], *, connect: Connect | None = None) -> tuple[str, str]:
    """Return the first thing that workloads wait for, and how to provide it; two empty texts if nothing."""
    image = image_of(exports["image_repository"])
    lacks = missing(clients("ecr"), image)
    if lacks:
        return f"the {lacks} of {image.name}", _FIXES[lacks]
    found = clients("eks").describe_cluster(name=exports["cluster_name"])["cluster"]
    host = urlsplit(found["endpoint"]).hostname or ""
    if (connect or reachable)(host, 443):
        return "", ""
    return (
        f"a way to the API server {host}",
        "run this inside the network (a runner in its private subnets, a VPN), or name your addresses in"
        " cluster.reached_from",
    )


def reachable(host: str, port: int) -> bool:
    """Return whether a connection can be made from here."""
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def wait_for_signature(
    ecr: Any,
    image: Image,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Return whether the registry signs the image within five minutes."""
    end = clock() + _SIGNATURE_SECONDS
    while missing(ecr, image):
        if clock() >= end:
            return False
        sleep(_ASK_EVERY_SECONDS)
    return True
