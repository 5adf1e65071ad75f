"""How to reach the embedded deployment of a home: its emulated AWS, and the credentials of `kit up`."""

import json
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, replace

from kit.home import Home, read_json, write_private

DEFAULT_ACCOUNT = "000000000000"


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator. `access_key_id`/`secret_access_key` are its generated root credentials."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    pid: int
    account: str = DEFAULT_ACCOUNT

    def environment(self) -> dict[str, str]:
        """What a process needs to reach it as root, in the names that botocore reads."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True)
class Access:
    """The demonstration credentials of a home, and where to show them. `department` is billed for the key."""

    gateway_url: str
    application_key: str
    department: str
    model: str
    scim_url: str = ""
    scim_token: str = ""
    portal_url: str = ""
    claude_models: tuple[str, ...] = ()  # ids of the models that the key may use


def answers(emulator: Emulator) -> bool:
    """Return whether the emulator responds."""
    try:
        health = f"{emulator.endpoint_url}/_ministack/health"
        with urllib.request.urlopen(health, timeout=1):  # noqa: S310 - our own loopback address
            return True
    except (urllib.error.URLError, OSError):
        return False


def remembered(home: Home) -> Emulator | None:
    """Return the emulator that an earlier run of this home started, running or not."""
    stored = read_json(home.emulator_file)
    return Emulator(**stored) if stored else None


def remember(home: Home, emulator: Emulator) -> None:
    """Store how to reach it, readable by the user only."""
    write_private(home.emulator_file, json.dumps(asdict(emulator), indent=1) + "\n")


def read_access(home: Home) -> Access | None:
    """Return the credentials that the last `kit up` created, or None."""
    stored = read_json(home.access_file)
    return Access(**stored) if stored else None


def keep_access(home: Home, access: Access) -> None:
    """Store the credentials, readable by the user only."""
    write_private(home.access_file, json.dumps(asdict(access), indent=1) + "\n")


def remember_scim_token(home: Home, token: str) -> None:
    """Store the rotated SCIM token, so that `kit env` shows the new one."""
    known = read_access(home)
    if known is not None and known.scim_url:
        keep_access(home, replace(known, scim_token=token))
