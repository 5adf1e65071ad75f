"""The hashes of this version's documents and prompts: `kit client migrate` tells a fork's own by them.

`python -m tests.docs.library_listing` writes them; a test fails where one differs. A release keeps its
listing under its version's name.
"""

from pathlib import Path

from kit.clients.migration import RELEASED, listing

ROOT = Path(__file__).resolve().parents[2]
LISTING = RELEASED / "next.sha256"

if __name__ == "__main__":
    LISTING.write_text(listing(ROOT), "utf-8")
