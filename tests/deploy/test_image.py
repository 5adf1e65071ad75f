"""The gateway's image (L1.8, Z.1): what is in it, how it is built where a builder is, and that it is signed
before pods run it. The registry's answers are checked against botocore's models; no builder runs here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from components.api.gateway import GATEWAY_PACKAGES
from components.layers import CONTAINERFILE, ROOT, image_tag, source_files
from kit.build import image as building
from kit.build.image import (
    ARCHITECTURES,
    Image,
    build_and_push,
    commands,
    image_of,
    lay_out,
    missing,
    sign_on_push,
)
from kit.deploy.pods import unready
from tests.plans.made import made, of_type

REPOSITORY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/example-production-gateway"
PROFILE = "arn:aws:signer:eu-central-1:111122223333:/signing-profiles/example_production_gateway"
NAME = "example-production-gateway"
DIGEST = f"sha256:{'0' * 64}"
IMAGE = Image(REPOSITORY, "0123456789abcdef")


def _client(service: str) -> Any:
    none = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    return boto3.client(service, region_name="eu-central-1", **none)  # type: ignore[call-overload]


def _instructions() -> list[list[str]]:
    lines = (ROOT / CONTAINERFILE).read_text("utf-8").splitlines()
    return [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]


def test_the_context_holds_what_the_containerfile_copies_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def install(family: str, folder: Path, root: Path, platform: str) -> None:
        (folder / "python").mkdir(parents=True)
        (folder / "python" / "package.py").write_text("")
        asked.append((family, platform))

    monkeypatch.setattr(building, "install", install)
    lay_out(tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    carried = {f"app/{name}" for name in source_files(GATEWAY_PACKAGES)}
    assert files == {"Containerfile", *carried, *(f"{name}/python/package.py" for name in ARCHITECTURES)}
    assert {"app/lambdas/gateway/serve.py", "app/lambdas/gateway/app.py"} <= files
    assert sorted(asked) == sorted(("gateway", platform) for platform in ARCHITECTURES.values())
    copied = [words.split()[1] for word, words in _instructions() if word == "COPY" and "--from" in words]
    for architecture in ARCHITECTURES:
        for each in copied:
            inside = each.replace("${TARGETARCH}", architecture).removeprefix("/image/")
            assert (tmp_path / inside).is_dir()


def test_the_image_runs_as_the_pods_run_it() -> None:
    """Nothing runs for another architecture while it is built, so that one machine builds both."""
    (pods,) = [
        one.inputs for one in made("enterprise", "direct door") if one.name.endswith("gateway-deployment")
    ]
    spec = pods["spec"]["template"]["spec"]
    runs_on = ""
    for word, words in _instructions():
        runs_on = words if word == "FROM" else runs_on
        assert word != "RUN" or runs_on.startswith("--platform=$BUILDPLATFORM ${BASE} ")
    assert runs_on == "${BASE}"
    by_word = dict(_instructions())
    assert re.findall(r'"([^"]+)"', by_word["ENTRYPOINT"]) == spec["containers"][0]["command"]
    assert by_word["USER"].partition(":")[0] == str(spec["securityContext"]["runAsUser"])
    ports = {str(one["containerPort"]) for one in spec["containers"][0]["ports"]}
    assert set(by_word["EXPOSE"].split()) == ports


def test_the_image_carries_bytecode_that_is_used_whatever_times_its_files_get(tmp_path: Path) -> None:
    (command,) = [json.loads(words) for word, words in _instructions() if word == "RUN"]
    (tmp_path / "app").mkdir()
    source = tmp_path / "app" / "answer.py"
    source.write_text("print('compiled')")
    subprocess.run([sys.executable, *command[1:-1], str(tmp_path)], check=True)
    source.write_text("print('compiled again')")
    os.utime(source, (0, 0))
    ran = subprocess.run(
        [sys.executable, "-c", "import answer"], cwd=source.parent, check=True, capture_output=True, text=True
    )
    assert ran.stdout == "compiled\n"


def test_whatever_goes_into_the_image_changes_its_tag(tmp_path: Path) -> None:
    for folder in ("contract", *(f"lambdas/{name}" for name in GATEWAY_PACKAGES)):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name in ("uv.lock", "pyproject.toml", "lambdas/__init__.py"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    before = image_tag("gateway", GATEWAY_PACKAGES, tmp_path)
    assert before == image_of(REPOSITORY).tag
    for name in (CONTAINERFILE, "lambdas/gateway/serve.py"):
        with (tmp_path / name).open("a") as file:
            file.write("\n")
        after = image_tag("gateway", GATEWAY_PACKAGES, tmp_path)
        assert after != before
        before = after


@pytest.mark.parametrize("builder", ["buildah", "docker"])
def test_both_architectures_are_pushed_under_one_name_and_the_password_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builder: str
) -> None:
    log = tmp_path / "log"
    fake = tmp_path / builder
    fake.write_text(f'#!/bin/sh\necho "$*" >> {log}\n[ "$1" != login ] || cat >> {log}\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    said: list[str] = []
    build_and_push(IMAGE, builder, tmp_path, "a-secret", said.append)
    assert "a-secret" in log.read_text()
    assert "a-secret" not in "".join(said)
    ran = log.read_text().splitlines()
    assert any("--platform linux/amd64,linux/arm64" in line for line in ran)
    assert any("push" in line and IMAGE.name in line for line in ran)
    assert commands(IMAGE, builder)[0][0] == builder


def test_the_registry_signs_what_is_pushed_and_keeps_other_rules() -> None:
    ecr = _client("ecr")
    other = {
        "signingProfileArn": PROFILE.replace("example", "another"),
        "repositoryFilters": [{"filter": "another", "filterType": "WILDCARD_MATCH"}],
    }
    mine = {
        "signingProfileArn": PROFILE,
        "repositoryFilters": [{"filter": NAME, "filterType": "WILDCARD_MATCH"}],
    }
    with Stubber(ecr) as stub:
        stub.add_response("get_signing_configuration", {"signingConfiguration": {"rules": [other]}}, {})
        stub.add_response(
            "put_signing_configuration",
            {"signingConfiguration": {"rules": [other, mine]}},
            {"signingConfiguration": {"rules": [other, mine]}},
        )
        assert sign_on_push(ecr, REPOSITORY, PROFILE)
        stub.add_response("get_signing_configuration", {"signingConfiguration": {"rules": [other, mine]}}, {})
        assert not sign_on_push(ecr, REPOSITORY, PROFILE)
        stub.add_client_error("get_signing_configuration", "SigningConfigurationNotFoundException")
        stub.add_response(
            "put_signing_configuration",
            {"signingConfiguration": {"rules": [mine]}},
            {"signingConfiguration": {"rules": [mine]}},
        )
        assert sign_on_push(ecr, REPOSITORY, PROFILE)
        stub.assert_no_pending_responses()


def _registry(stub: Stubber, status: str | None, tag: str) -> None:
    """The registry's answers for an image with a signature in this state; None where it is not there."""
    asked = {"repositoryName": NAME, "imageIds": [{"imageTag": tag}]}
    if status is None:
        stub.add_client_error("describe_images", "ImageNotFoundException", expected_params=asked)
        return
    stub.add_response("describe_images", {"imageDetails": [{"imageDigest": DIGEST}]}, asked)
    signed = {"signingProfileArn": PROFILE, "status": status}
    stub.add_response(
        "describe_image_signing_status",
        {"repositoryName": NAME, "signingStatuses": [signed]},
        {"repositoryName": NAME, "imageId": {"imageTag": tag}},
    )


@pytest.mark.parametrize(
    ("status", "lacks"),
    [(None, "image"), ("IN_PROGRESS", "signature"), ("FAILED", "signature"), ("COMPLETE", "")],
)
def test_an_image_that_is_not_there_or_not_signed_is_not_deployed(status: str | None, lacks: str) -> None:
    ecr = _client("ecr")
    with Stubber(ecr) as stub:
        _registry(stub, status, IMAGE.tag)
        assert missing(ecr, IMAGE) == lacks


@pytest.mark.parametrize("reached", [True, False])
def test_workloads_wait_for_a_way_to_the_api_server(reached: bool) -> None:
    clients = {name: _client(name) for name in ("ecr", "eks")}
    exports = {"image_repository": REPOSITORY, "cluster_name": NAME}
    with Stubber(clients["ecr"]) as registry, Stubber(clients["eks"]) as cluster:
        _registry(registry, "COMPLETE", image_of(REPOSITORY).tag)
        found = {"cluster": {"name": NAME, "endpoint": "https://0123.gr7.eu-central-1.eks.amazonaws.com"}}
        cluster.add_response("describe_cluster", found, {"name": NAME})
        asked: list[tuple[str, int]] = []
        what, fix = unready(
            clients.__getitem__, exports, connect=lambda host, port: asked.append((host, port)) or reached
        )
    assert asked == [("0123.gr7.eu-central-1.eks.amazonaws.com", 443)]
    assert (what == "") == reached
    assert reached or "cluster.reached_from" in fix


def test_the_plan_makes_the_repository_that_the_command_pushes_to_and_the_profile_that_signs() -> None:
    plan = made("large", "cluster first")
    (repository,) = of_type(plan, "aws:ecr/repository")
    (profile,) = of_type(plan, "aws:signer/signingProfile")
    assert repository.inputs["name"] == NAME
    assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
    assert profile.inputs["platformId"] == "Notation-OCI-SHA384-ECDSA"
    assert re.fullmatch(r"[0-9a-zA-Z_]{2,64}", profile.inputs["name"])
