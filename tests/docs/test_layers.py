"""Nothing imports upwards: what ARCHITECTURE.md says of the folders holds for every module (Z.1)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = {
    "claude_client",
    "claude_kit_token",
    "components",
    "contract",
    "kit",
    "lambdas",
    "policy",
    "stacks",
}
# What the modules of a folder may import of this repository.
MAY_IMPORT = {
    "claude_client": {"claude_client"},
    "contract": {"contract"},
    "lambdas": {"contract", "lambdas"},
    "components": {"components", "contract", "lambdas"},
    "stacks": {"components", "contract", "lambdas", "stacks"},
    "policy": {"policy"},
    "kit": PRODUCT,
}
# Only these stand the embedded default up; every other command finds it as it finds any deployment.
OF_THE_EMBEDDED = ("kit/local/", "kit/commands/")


def _imported(path: Path) -> set[str]:
    """The modules that a file imports, at its top or later."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return found


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_lies_below_it(folder: str) -> None:
    own = PRODUCT | {"tests", "bench", "release"}
    upwards = {
        (path.relative_to(ROOT).as_posix(), module)
        for path in (ROOT / folder).rglob("*.py")
        for module in _imported(path)
        if module.partition(".")[0] in own - MAY_IMPORT[folder]
    }
    assert not upwards


def test_only_commands_and_the_embedded_default_know_how_it_is_stood_up() -> None:
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "kit").rglob("*.py")}
    assert not {
        name
        for name, path in files.items()
        if not name.startswith(OF_THE_EMBEDDED)
        and any(module.startswith("kit.local") for module in _imported(path))
    }


def test_a_benchmark_shares_what_tests_are_made_of_and_no_test() -> None:
    modules = {module for path in (ROOT / "bench").rglob("*.py") for module in _imported(path)}
    of_tests = {module for module in modules if module.startswith("tests.")}
    assert not {module for module in of_tests if "conftest" in module or ".test_" in module}
