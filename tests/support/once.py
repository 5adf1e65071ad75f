"""What takes seconds to compute and is the same for every test: once for all processes of a run."""

import fcntl
import hashlib
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

_FOLDER = "KIT_TEST_COMPUTED"
P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def shared_folder() -> Iterator[None]:
    """Where this process and those that it starts keep what they have computed, until it ends."""
    if _FOLDER in os.environ:  # one of those
        yield
        return
    folder = tempfile.mkdtemp(prefix="kit-computed-")
    os.environ[_FOLDER] = folder
    try:
        yield
    finally:
        del os.environ[_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def once_a_run(compute: Callable[P, R]) -> Callable[P, R]:
    """Compute for each set of arguments once; anyone else who wants it waits for it and reads it."""

    @wraps(compute)
    def kept(*args: P.args, **options: P.kwargs) -> R:
        if _FOLDER not in os.environ:
            return compute(*args, **options)
        called = f"{__file__} {compute.__module__}.{compute.__qualname__} {args} {sorted(options.items())}"
        file = Path(os.environ[_FOLDER], hashlib.sha256(called.encode()).hexdigest())
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if file.exists():
                return pickle.loads(file.read_bytes())
            value = compute(*args, **options)
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_bytes(pickle.dumps(value))
            unfinished.rename(file)
            return value

    return cast("Callable[P, R]", lru_cache(maxsize=32)(kept))
