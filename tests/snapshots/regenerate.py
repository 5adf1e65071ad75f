"""Write every snapshot anew: `make snapshots`. Read the diff before committing: it is what reviewers see."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.support.snapshots import FOLDER, every_snapshot, snapshot, snapshot_path


def main() -> None:
    """Write the files and say which of them changed; files of stages or sizes that are gone are removed."""
    wanted = {snapshot_path(stage, size): snapshot(stage, size) for stage, size in every_snapshot()}
    for path in sorted(FOLDER.glob("*.txt")):
        if path not in wanted:
            path.unlink()
            print(f"removed  {path.name}")
    for path, text in wanted.items():
        before = path.read_text(encoding="utf-8") if path.exists() else None
        path.write_text(text, encoding="utf-8")
        print(f"{'same   ' if before == text else 'written'}  {path.name}  {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
