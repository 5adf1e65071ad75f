"""The memory that a process has taken, for benchmarks."""

import re
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Return the most memory that this process has had at once, in MB.

    Not `ru_maxrss`: that begins with what the process that started this one had (Linux keeps it over exec).
    """
    found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.M)
    return int(found[1]) / 1024 if found else 0.0
