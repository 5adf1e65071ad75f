"""Where the Pulumi engine is: on the PATH, else built here from source, which takes Go and some minutes once.

    python -m tests.engine.build      builds it where it is not there, and prints its folder

What is pinned stands in `pulumi/go.mod`. The command line and the SDK come from the Go module proxy. The
Python language host is a module of its own that the proxy serves in no version (asked for: its list of
versions, v3.272.0 and v3.274.1, in November 2026); `language_host.py` stands in for it where the engine is
built, and runs the program with the SDK's own `pulumi-language-python-exec`.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

MODULE = Path(__file__).parent / "pulumi"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claude-enterprise-kit"
_COMMAND, _SDK = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "github.com/pulumi/pulumi/sdk/v3"
_EXECUTOR = "pulumi-language-python-exec"


class EngineMissing(Exception):
    """There is no engine on the PATH, and none can be built."""


def engine_folder(*, build: bool = False) -> Path | None:
    """The folder with `pulumi` and its Python language host, or None where there is none. With `build` it is
    made. Raises `EngineMissing`.
    """
    found = shutil.which("pulumi")
    if found:
        return Path(found).parent
    folder = CACHE / f"pulumi-{_version()}-{_pins()}" / "bin"
    if (folder / "pulumi").exists():
        return folder
    if not build:
        return None
    return _build(folder)


def _version() -> str:
    found = re.search(rf"^\s*{re.escape(_SDK)} (v\S+)", (MODULE / "go.mod").read_text("utf-8"), re.MULTILINE)
    if not found:
        raise EngineMissing(f"{MODULE / 'go.mod'}: names no version of {_SDK}")
    return found[1]


def _go() -> str:
    """The oldest Go that builds it."""
    found = re.search(r"^go (\S+)", (MODULE / "go.mod").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else ""


def _pins() -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((MODULE / name).read_bytes())
    return digest.hexdigest()[:12]


def _build(folder: Path) -> Path:
    go = shutil.which("go")
    if go is None:
        raise EngineMissing(
            f"no pulumi on the PATH and no Go {_go()} or newer to build it with: install either of them"
        )
    sys.stderr.write(f"building pulumi {_version()} into {folder} (a few minutes, once)\n")
    folder.mkdir(parents=True, exist_ok=True)
    named = f"-X {_SDK}/go/common/version.Version={_version()}"
    unfinished = folder / "pulumi.unfinished"
    _run(
        go, "build", "-mod=readonly", "-trimpath", f"-ldflags=-s -w {named}", "-o", str(unfinished), _COMMAND
    )
    sdk = Path(_run(go, "list", "-m", "-f", "{{.Dir}}", _SDK).strip())
    shutil.copyfile(sdk / "python" / "cmd" / _EXECUTOR, folder / _EXECUTOR)
    unfinished.rename(folder / "pulumi")  # last: what is there is whole
    return folder


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=MODULE, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise EngineMissing(
            f"{' '.join(command)}: exit {done.returncode}, the reason is above. It takes Go {_go()} or newer"
            " and a Go module proxy (go env GOPROXY); or put a Pulumi on the PATH"
        )
    return done.stdout


if __name__ == "__main__":
    try:
        print(engine_folder(build=True))
    except EngineMissing as missing:
        sys.exit(f"error: {missing}")
