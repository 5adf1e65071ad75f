"""The recorded state of one stack, from which the next run tells what is new, changed or no longer wanted.

The state is a JSON file and, during a run, a journal next to it: one line per completed step. A line is
written directly after its step, so that a run that fails or is killed loses at most the step in progress;
that step is announced by its own line and adopted by the next run.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kit.home import read_json, write_private, writing

SCHEMA = "kit-state/1"


@dataclass(frozen=True)
class Entry:
    """One resource as last made. `inputs` contain no secret: a keyed hash stands for each.

    `live` means that it exists in the emulated AWS; otherwise it is only recorded. `computed` are the
    emulator's outputs in addition to the inputs. `handler` is the digest of the code that made it.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    options: Mapping[str, Any]
    live: bool
    region: str
    id: str = ""
    computed: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    handler: str = ""

    def document(self) -> dict[str, Any]:
        """The entry as `kit.plan.difference` compares it."""
        return {
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "parent": self.parent,
            "custom": True,
            "read": False,
            "inputs": self.inputs,
            "options": self.options,
            "outputs": {},
            "source": None,
        }


class StackState:
    """The state of one stack. Thread-safe.

    With `look_only` the files are not changed, so that a run in progress is not disturbed.
    """

    def __init__(self, path: Path, *, look_only: bool = False) -> None:
        self._path = path
        self._journal = path.with_suffix(".journal")
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._begun: set[str] = set()
        self._condemned: dict[str, Entry] = {}
        self.exports: dict[str, Any] = {}
        self._load()
        if self._journal.exists() and not look_only:
            self.compact()

    def __iter__(self) -> Iterator[Entry]:
        with self._lock:
            return iter(sorted(self._entries.values(), key=lambda entry: entry.urn))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, urn: str) -> Entry | None:
        with self._lock:
            return self._entries.get(urn)

    def was_begun(self, urn: str) -> bool:
        """Return whether an earlier run started to make it and did not record it."""
        with self._lock:
            return urn in self._begun

    @property
    def condemned(self) -> tuple[Entry, ...]:
        """Replaced resources whose old form is still to be deleted."""
        with self._lock:
            return tuple(self._condemned.values())

    def begin(self, urn: str) -> None:
        """Announce a step that creates something."""
        self._append({"begin": urn})

    def put(self, entry: Entry, *, replaces: Entry | None = None) -> None:
        """Record a completed step; `replaces` is deleted at the end of the run."""
        self._append({"put": asdict(entry)} | ({"condemn": asdict(replaces)} if replaces else {}))

    def drop(self, urn: str) -> None:
        """Record that a resource is gone."""
        self._append({"drop": urn})

    def absolve(self, entry: Entry) -> None:
        """Record that the old form of a replaced resource is gone."""
        self._append({"absolve": f"{entry.urn} {entry.id}"})

    def export(self, exports: Mapping[str, Any]) -> None:
        """Record what the stack exports."""
        self._append({"exports": dict(exports)})

    def compact(self) -> None:
        """Write the whole state in one file and end the journal."""
        with self._lock:
            document = {
                "schema": SCHEMA,
                "exports": self.exports,
                "begun": sorted(self._begun),
                "condemned": [asdict(entry) for entry in self._condemned.values()],
                "resources": [asdict(self._entries[urn]) for urn in sorted(self._entries)],
            }
            write_private(self._path, json.dumps(document, indent=1, sort_keys=True) + "\n")
            self._journal.unlink(missing_ok=True)

    def _load(self) -> None:
        document = read_json(self._path) or {}
        self.exports = document.get("exports", {})
        self._begun = set(document.get("begun", ()))
        for stored in document.get("resources", ()):
            self._entries[stored["urn"]] = _entry(stored)
        for stored in document.get("condemned", ()):
            self._condemn(_entry(stored))
        if self._journal.exists():
            for line in self._journal.read_text(encoding="utf-8").splitlines():
                try:
                    self._replay(json.loads(line))
                except ValueError:
                    break  # the run was killed in the middle of this line

    def _append(self, step: dict[str, Any]) -> None:
        with self._lock, writing(self._journal):
            self._replay(step)
            handle = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, json.dumps(step, sort_keys=True).encode() + b"\n")
            finally:
                os.close(handle)

    def _replay(self, step: Mapping[str, Any]) -> None:
        if "begin" in step:
            self._begun.add(step["begin"])
        if "put" in step:
            entry = _entry(step["put"])
            self._entries[entry.urn] = entry
            self._begun.discard(entry.urn)
        if "condemn" in step:
            self._condemn(_entry(step["condemn"]))
        if "drop" in step:
            self._entries.pop(step["drop"], None)
        if "absolve" in step:
            self._condemned.pop(step["absolve"], None)
        if "exports" in step:
            self.exports = step["exports"]

    def _condemn(self, entry: Entry) -> None:
        self._condemned[f"{entry.urn} {entry.id}"] = entry


def _entry(stored: Mapping[str, Any]) -> Entry:
    return Entry(**{**stored, "depends_on": tuple(stored["depends_on"])})
