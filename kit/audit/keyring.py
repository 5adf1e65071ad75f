"""Public keys trusted by a verification, in one file given to an auditor once (L2.5, G.3).

PEM blocks, each after a line `# manifests`, `# writers` or `# operators` that says what the key may sign:
the hourly manifests, introductions of the deployment's functions, or those of people's actions. A key
without such a line is for manifests.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lambdas.common.audit.introduction import WriterKeys
from lambdas.common.audit.manifest import public_key

if TYPE_CHECKING:
    from kit.target import Target

Use = Literal["manifests", "writers", "operators"]
USES: Sequence[Use] = ("manifests", "writers", "operators")
PEOPLE = frozenset({"operator", "training"})  # names of the writers of what people do
_BLOCK = re.compile(
    r"(?:^# *(\w+) *\r?\n)?(-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----)", re.M | re.S
)


@dataclass(frozen=True)
class KeyRing:
    """Public keys by what they may sign."""

    keys: Mapping[Use, Sequence[EllipticCurvePublicKey]] = field(default_factory=dict)

    def manifests(self, _arn: str) -> Sequence[EllipticCurvePublicKey]:
        """Return the keys that may sign manifests."""
        return self.keys.get("manifests", ())

    @property
    def writers(self) -> WriterKeys | None:
        """Return the keys that may introduce a writer with a name; None if there are none at all."""
        if not self.keys.get("writers") and not self.keys.get("operators"):
            return None
        return lambda name, _arn: self.keys.get("operators" if name in PEOPLE else "writers", ())

    def text(self) -> str:
        """Return the content of the file."""
        return "".join(
            f"# {use}\n{key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()}"
            for use in USES
            for key in self.keys.get(use, ())
        )

    def __add__(self, other: "KeyRing") -> "KeyRing":
        return KeyRing({use: (*self.keys.get(use, ()), *other.keys.get(use, ())) for use in USES})


def read_keys(data: bytes) -> KeyRing:
    """Parse the keys of a file, PEM or the DER of one manifest key. Raises ValueError."""
    if b"-----BEGIN" not in data:
        return KeyRing({"manifests": [public_key(data)]})
    found: dict[Use, list[EllipticCurvePublicKey]] = {}
    for label, block in _BLOCK.findall(data.decode("ascii")):
        use: Use | None = next((use for use in USES if use == (label or "manifests")), None)
        if use is None:
            raise ValueError(f"a key is labelled {label!r}; there are {', '.join(USES)}")
        found.setdefault(use, []).append(public_key(block.encode()))
    if not found:
        raise ValueError("there is no public key in it")
    return KeyRing(found)


_EXPORTS: Mapping[Use, str] = {
    "manifests": "signing_key_arn",
    "writers": "writer_key_arn",
    "operators": "operator_key_arn",
}


def deployed_keys(target: "Target") -> KeyRing:
    """Return the public keys of a deployment. Raises botocore's errors."""
    kms = target.client("kms")
    return KeyRing(
        {
            use: [public_key(kms.get_public_key(KeyId=target.require(export))["PublicKey"])]
            for use, export in _EXPORTS.items()
        }
    )
