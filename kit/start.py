"""Entry point of the `kit` command: Ctrl-C ends it without a traceback even while its modules are loading."""

import sys


def main() -> None:
    """Run `kit`; returns 130 if interrupted before it starts."""
    try:
        from kit.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
