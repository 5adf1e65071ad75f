"""Loopback ports for what a test or a benchmark starts."""

import random
import socket


def free_port() -> int:
    """A loopback port that is free now, below the range from which the kernel gives ports to connections."""
    while True:
        port = random.randrange(10_000, 20_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
