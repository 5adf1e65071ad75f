"""Verifies this folder with Python's standard library: python3 verify.py [SHA-256 of the public key].

Exit code 0: every file is there and as it was signed, and no other file lies beside them.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

# The curve P-256 (FIPS 186-5, D.1.2.3).
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_HEADER = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_OURS = {"manifest.json", "manifest.sig", "public.pem", "SHA256SUMS", "statement.dsse.json"}


def add(one, other):
    """The sum of two points of the curve; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, P) % P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def multiply(factor, point):
    """A point taken `factor` times."""
    total = None
    while factor:
        if factor & 1:
            total = add(total, point)
        point, factor = add(point, point), factor >> 1
    return total


def read_key(pem):
    """The point of a public key in PEM, and the key in DER. Raises ValueError."""
    der = base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))
    if not der.startswith(_HEADER) or len(der) != len(_HEADER) + 64:
        raise ValueError("public.pem is no key of P-256")
    x, y = (int.from_bytes(der[place : place + 32], "big") for place in (len(_HEADER), len(_HEADER) + 32))
    if (y * y - (x * x * x - 3 * x + B)) % P:
        raise ValueError("public.pem is not on the curve")
    return (x, y), der


def read_signature(der):
    """The two numbers of a signature in DER. Raises ValueError."""
    numbers, place = [], 2
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        raise ValueError("manifest.sig is not a signature")
    while place < len(der):
        size = der[place + 1]
        if der[place] != 0x02:
            raise ValueError("manifest.sig is not a signature")
        numbers.append(int.from_bytes(der[place + 2 : place + 2 + size], "big"))
        place += 2 + size
    if len(numbers) != 2 or not all(0 < number < N for number in numbers):
        raise ValueError("manifest.sig is not a signature")
    return numbers


def is_signed(key, message, signature):
    """Whether the signature over the message was made by the key."""
    r, s = signature
    inverse = pow(s, -1, N)
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    point = add(multiply(digest * inverse % N, G), multiply(r * inverse % N, key))
    return point is not None and point[0] % N == r


def problems(folder, expected):
    """Everything that does not hold."""
    key, der = read_key((folder / "public.pem").read_text())
    fingerprint = hashlib.sha256(der).hexdigest()
    if expected and fingerprint != expected:
        yield f"the key is another one: {fingerprint}"
    manifest = (folder / "manifest.json").read_bytes()
    if not is_signed(key, manifest, read_signature((folder / "manifest.sig").read_bytes())):
        yield "manifest.json is not what was signed"
        return
    listed = json.loads(manifest)["files"]
    for name, entry in listed.items():
        path = folder / name
        content = path.read_bytes() if path.is_file() else None
        if content is None:
            yield f"{name} is missing"
        elif hashlib.sha256(content).hexdigest() != entry["sha256"]:
            yield f"{name} is not what was signed"
    yield from problems_of_statement(folder, key, manifest)
    summed = dict(line.split("  ", 1)[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    if summed != {name: entry["sha256"] for name, entry in listed.items()}:
        yield "SHA256SUMS is not the list of the manifest"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(there - listed.keys() - _OURS):
        yield f"{name} was added"


def problems_of_statement(folder, key, manifest):
    """What does not hold of the in-toto statement, which names the manifest (DSSE)."""
    document = json.loads((folder / "statement.dsse.json").read_bytes())
    payload, kind = base64.b64decode(document["payload"]), document["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    (signature,) = document["signatures"]
    if not is_signed(key, signed, read_signature(base64.b64decode(signature["sig"]))):
        yield "statement.dsse.json is not what was signed"
        return
    subjects = {one["name"]: one["digest"]["sha256"] for one in json.loads(payload)["subject"]}
    if subjects != {"manifest.json": hashlib.sha256(manifest).hexdigest()}:
        yield "statement.dsse.json speaks of another manifest"


def main():
    """Say what does not hold."""
    expected = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        found = list(problems(Path(__file__).resolve().parent, expected))
    except (OSError, ValueError, KeyError, IndexError) as error:
        found = [f"the pack cannot be read: {error}"]
    for one in found:
        print(one, file=sys.stderr)
    if not found:
        print("holds: every file is as it was signed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
