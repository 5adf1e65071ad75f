"""The provider's package, loaded by need, gives the classes that it gives when it is loaded in full."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kit.evaluation.engine import PROJECT_ROOT
from tests.support.stages import STAGES, plans_of

_NAMES = """
import importlib, json, sys
by_need, services = json.load(sys.stdin)
if by_need:
    from kit.evaluation.provider_imports import load_by_need
    load_by_need()

def ours(value):
    return str(getattr(value, "__module__", "")).startswith("pulumi_aws.")

names = {}
for service, wanted in services.items():
    package = importlib.import_module(f"pulumi_aws.{service}")
    if not wanted:
        hasattr(package, "outputs")  # loads what the SDK left for later
        wanted = [name for name, of in vars(package).items() if ours(of)]
    for name in wanted:
        of = getattr(package, name)
        names[f"{service}.{name}"] = [of.__module__, of.__qualname__]
loaders = {
    name: type(module.__loader__).__name__
    for name, module in sys.modules.items()
    if name.startswith("pulumi_aws.") and name.count(".") == 2
}
print(json.dumps([names, loaders]))
"""


def _loaded(
    by_need: bool, services: dict[str, list[str]], **variables: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Where each name of the services (all, if none is listed) comes from, and who loaded the modules for
    it.
    """
    done = subprocess.run(
        [sys.executable, "-c", _NAMES],
        input=json.dumps([by_need, services]).encode(),
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **variables},
        capture_output=True,
        check=True,
    )
    names, loaders = json.loads(done.stdout)
    return names, loaders


def _classes() -> dict[str, list[str]]:
    """What the stages make of each service."""
    found: dict[str, set[str]] = {}
    types = {resource.type for stage in STAGES for resource in plans_of("large")[stage]}
    for package, path, name in (token.split(":") for token in types):
        if package == "aws":
            service = path.split("/")[0]
            found.setdefault("lambda_" if service == "lambda" else service, set()).add(name)
    return {service: sorted(found[service]) for service in sorted(found)}


def test_every_class_of_a_plan_is_the_same_by_need() -> None:
    asked = _classes()
    assert len(asked) > 20
    assert _loaded(True, asked)[0] == _loaded(False, asked)[0]


def test_every_name_of_a_service_is_the_same_by_need() -> None:
    whole, _ = _loaded(False, {"iam": [], "s3": []})
    assert len(whole) > 500
    asked: dict[str, list[str]] = {}
    for name in whole:
        asked.setdefault(name.partition(".")[0], []).append(name.partition(".")[2])
    assert _loaded(True, asked)[0] == whole


def test_one_class_loads_its_module_and_not_the_service() -> None:
    asked = {"ec2": ["SecurityGroup"]}
    few, many = _loaded(True, asked)[1], _loaded(False, asked)[1]
    assert "pulumi_aws.ec2.security_group" in few
    assert len(few) < 20 < 150 < len(many)


def test_an_unknown_name_is_an_attribute_error() -> None:
    script = (
        "from kit.evaluation.provider_imports import load_by_need; load_by_need()\n"
        "import pulumi_aws\n"
        "for name in ('NoSuchThing', '__wrapped__'):\n"
        "    assert not hasattr(pulumi_aws.sqs, name), name\n"
        "assert pulumi_aws.sqs.Queue.__name__ == 'Queue'"
    )
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT_ROOT, check=True)


def test_where_byte_code_cannot_be_kept_a_module_is_loaded_as_python_does(tmp_path: Path) -> None:
    """To compile 3 MB on each run would take longer than all that is gained."""
    asked = {"sqs": ["Queue"]}
    own = {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    _, loaders = _loaded(True, asked, **own, PYTHONDONTWRITEBYTECODE="1")
    assert loaders["pulumi_aws.sqs.queue"] == "SourceFileLoader"
    assert not list(tmp_path.rglob("*.pyc"))
    _, loaders = _loaded(True, asked, **own)
    assert loaders["pulumi_aws.sqs.queue"] == "_ModuleLoader"
    assert list(tmp_path.rglob("queue.*.by-need.pyc"))
