"""The gateway's container image: its build context, and the commands that build and push it (L1.8, Z.1).

The image contains what the function contains: the same sources and the same packages from the lock file,
once for each architecture. The tag is a digest of these contents, so a plan knows it before the image
exists.
"""

import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.api.gateway import GATEWAY_PACKAGES
from components.layers import CONTAINERFILE, image_tag, source_files
from kit.build.layers import ROOT, install
from kit.errors import ExitCode, KitError

FAMILY = "gateway"
# An architecture as container tools name it, and the platform of its wheels.
ARCHITECTURES: Mapping[str, str] = {
    "amd64": "x86_64-manylinux_2_28",
    "arm64": "aarch64-manylinux_2_28",
}
BUILDERS = ("buildah", "docker")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """A repository and a tag."""

    repository: str
    tag: str

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def registry(self) -> str:
        return self.repository.partition("/")[0]


def image_of(repository: str, root: Path = ROOT) -> Image:
    """Return the image of the current sources and lock file."""
    return Image(repository, image_tag(FAMILY, GATEWAY_PACKAGES, root))


def app_files(root: Path = ROOT) -> list[str]:
    """Return the sources in the image, relative to the root: the same as in the function."""
    return source_files(GATEWAY_PACKAGES, root)


def lay_out(folder: Path, root: Path = ROOT) -> None:
    """Write the build context: `Containerfile`, `app/`, and `<architecture>/python/` with the locked
    packages. Raises KitError if uv or a wheel is missing.
    """
    shutil.copyfile(root / CONTAINERFILE, folder / "Containerfile")
    for name in app_files(root):
        target = folder / "app" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target)
    for architecture, platform in ARCHITECTURES.items():
        install(FAMILY, folder / architecture, root, platform)


def commands(image: Image, builder: str, context: str = "build/image") -> list[list[str]]:
    """Return the commands that build the image for both architectures and push it under one name."""
    platforms = ",".join(f"linux/{name}" for name in sorted(ARCHITECTURES))
    if builder == "docker":
        return [
            ["docker", "buildx", "build", "--platform", platforms, "--provenance=false", "--push",
             "--file", f"{context}/Containerfile", "--tag", image.name, context],
        ]  # fmt: skip
    return [
        ["buildah", "build", "--platform", platforms, "--timestamp", "0",
         "--file", f"{context}/Containerfile", "--manifest", image.name, context],
        ["buildah", "manifest", "push", "--all", image.name, f"docker://{image.name}"],
    ]  # fmt: skip


def builder_here() -> str | None:
    """Return the first known builder on the PATH, or None."""
    return next((name for name in BUILDERS if shutil.which(name)), None)


def build_and_push(image: Image, builder: str, context: Path, password: str, say: Say = print) -> None:
    """Log in, build and push. Each command is printed first, the password never. Raises KitError."""
    login = [builder, "login", "--username", "AWS", "--password-stdin", image.registry]
    _run(login, say, password)
    for command in commands(image, builder, str(context)):
        _run(command, say)


def _run(command: Sequence[str], say: Say, given: str = "") -> None:
    say(f"$ {shlex.join(command)}")
    done = subprocess.run(command, input=given or None, text=True, check=False)
    if done.returncode:
        raise KitError(
            f"{command[0]} {command[1]}: exit {done.returncode}", hint="the message above says why"
        )


# -- what the registry knows


def login_password(ecr: Any) -> str:
    """Return the password of the registry, valid for twelve hours."""
    import base64

    (data,) = ecr.get_authorization_token()["authorizationData"]
    return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]


def sign_on_push(ecr: Any, repository: str, profile_arn: str) -> bool:
    """Make the registry sign every image of the repository when it is pushed. Returns whether the rule is
    new. Rules of other repositories are kept.
    """
    name = repository.partition("/")[2]
    wanted = {
        "signingProfileArn": profile_arn,
        "repositoryFilters": [{"filter": name, "filterType": "WILDCARD_MATCH"}],
    }
    try:
        found = ecr.get_signing_configuration()["signingConfiguration"]["rules"]
    except ecr.exceptions.SigningConfigurationNotFoundException:
        found = []
    if wanted in found:
        return False
    others = [rule for rule in found if rule.get("repositoryFilters") != wanted["repositoryFilters"]]
    ecr.put_signing_configuration(signingConfiguration={"rules": [*others, wanted]})
    return True


def missing(ecr: Any, image: Image) -> str:
    """Return what the image still lacks before pods may run it: "image", "signature" or an empty string."""
    name = image.repository.partition("/")[2]
    try:
        ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": image.tag}])
    except ecr.exceptions.ImageNotFoundException:
        return "image"
    found = ecr.describe_image_signing_status(repositoryName=name, imageId={"imageTag": image.tag})
    return "" if any(one["status"] == "COMPLETE" for one in found["signingStatuses"]) else "signature"


def no_builder(image: Image) -> KitError:
    """Return the error that says how to build the image elsewhere."""
    shown = "; ".join(shlex.join(command) for command in commands(image, BUILDERS[0]))
    return KitError(
        f"none of {', '.join(BUILDERS)} is here",
        hint=f"where one is: kit image context, then: {shown}",
        exit_code=ExitCode.ENVIRONMENT,
    )
