"""Where the command `kit` begins: Ctrl-C ends it without a traceback also while its modules are loading."""

import sys


def main() -> None:
    """Run `kit`; 130 where it was stopped before it could begin."""
    try:
        from kit.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
