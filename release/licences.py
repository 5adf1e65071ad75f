"""Licences of everything that is installed: permissive for what ships, LGPL for tests only.

`python -m release.licences` lists what is refused and exits 1; `make audit` runs it.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
PERMISSIVE = re.compile(
    r"\b(?:MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Unlicense|Public[- ]Domain)",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\b(?:A?GPL|GNU (?:Affero )?General Public)", re.IGNORECASE)
LESSER = re.compile(r"\b(?:LGPL|GNU Lesser)", re.IGNORECASE)


# Judges of tests bring these along; nothing of them ships. Package: which judge needs it, why it may stay.
TESTS_ONLY = {
    "html2text": "compliance-trestle, which validates OSCAL: called by tests, never shipped",
    "timezonefinder-data": "a table of time zones that a validator of the tests reads",
    "orderedmultidict": "compliance-trestle; its licence is the Unlicense, which its classifier does not say",
}


def stated(package: Distribution) -> str:
    """The licence as the package states it: its SPDX expression, else its classifiers, else its text."""
    metadata = package.metadata.json
    classified = [one for one in metadata.get("classifier", []) if one.startswith("License ::")]
    spdx, text = metadata.get("license_expression"), metadata.get("license")
    return str(spdx or "; ".join(classified) or text or "not stated")


def refused(licence: str, *, shipped: bool) -> bool:
    """Whether a package under this licence may not be used."""
    if LESSER.search(licence):
        return shipped
    return bool(COPYLEFT.search(licence)) or not PERMISSIVE.search(licence)


def required(names: list[str]) -> dict[str, Distribution]:
    """The named packages that are installed and everything that they require, by normalised name."""
    found: dict[str, Distribution] = {}
    waiting = [_normalised(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # of another platform, or of an extra that nobody asked for
        waiting += [_normalised(one) for one in found[name].requires or [] if "extra ==" not in one]
    return found


def _normalised(requirement: str) -> str:
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def problems() -> Iterator[str]:
    """One line a package whose licence is refused."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))
    shipped = required(project["project"]["dependencies"])
    for name, package in shipped.items():
        if refused(stated(package), shipped=True):
            yield f"{name} (shipped): {stated(package)[:80]}"
    for name, package in required(project["dependency-groups"]["dev"]).items():
        if name not in {*shipped, *TESTS_ONLY} and refused(stated(package), shipped=False):
            yield f"{name} (development): {stated(package)[:80]}"


if __name__ == "__main__":
    found = list(problems())
    sys.stdout.writelines(f"{one}\n" for one in found)
    sys.exit(bool(found))
