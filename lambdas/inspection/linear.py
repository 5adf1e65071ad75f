"""Small linear models over hashed word sequences, with weights of one byte each (explainable, deterministic,
no library).

A text is a sequence of words, numbers and signs. Every word, pair and triple of words hashes to a bucket
with a weight. A window's score is the sum of its weights over the square root of their number, plus a bias;
a text's score is the highest of its windows, as a probability.
"""

import math
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path

BUCKET_BITS = 16
BUCKETS = 1 << BUCKET_BITS
_MASK = BUCKETS - 1
_TOKEN = re.compile(r"[a-z']+|\d+|[^\w\s]|[^\W\da-z_]+|\n+")
_HEADER = b"KITLINEAR1\n"


class _Hashes(dict[str, int]):
    """The hash of each token; filled as tokens are met."""

    def __missing__(self, token: str) -> int:
        word = "\n" if token[0] == "\n" else "0" if token.isdigit() else token
        value = zlib.crc32(word.encode("utf-8", "surrogatepass"))
        if len(self) < 50_000:
            self[token] = value
        return value


_HASHES = _Hashes()


@lru_cache(maxsize=2)
def features(lower: str) -> tuple[list[int], list[int], list[int]]:
    """For each token of a lower-case text the buckets of the word, pair and triple that it ends."""
    hashes = list(map(_HASHES.__getitem__, _TOKEN.findall(lower)))
    ones = [value & _MASK for value in hashes]
    twos = [((a * 0x9E3779B1) ^ (b * 0x85EBCA77) ^ 0x5BD1E995) >> 7 & _MASK for a, b in pairwise(hashes)]
    threes = [
        ((a * 0xC2B2AE3D) ^ (b * 0x27D4EB2F) ^ (c * 0x165667B1)) >> 9 & _MASK
        for a, b, c in zip(hashes, hashes[1:], hashes[2:], strict=False)
    ]
    return ones, twos, threes


@lru_cache(maxsize=2)
def _offsets(lower: str) -> list[int]:
    return [*(match.start() for match in _TOKEN.finditer(lower)), len(lower)]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Weights by bucket, a scale for them, a bias, and the size of the windows in tokens."""

    weights: bytes
    scale: float
    bias: float
    window: int

    def _token_scores(self, lower: str) -> list[int]:
        weight = self.weights.__getitem__
        ones, twos, threes = (list(map(weight, buckets)) for buckets in features(lower))
        # a weight is kept as 128 more than it is
        pairs = [a + b - 256 for a, b in zip(ones[1:], twos, strict=True)]
        triples = [a + b - 128 for a, b in zip(pairs[1:], threes, strict=True)]
        return [*(one - 128 for one in ones[:1]), *pairs[:1], *triples]

    def windows(self, lower: str, at_least: float = 0.0) -> tuple[float, list[tuple[float, int, int]]]:
        """The highest probability, and (probability, start, end) of each window that reaches `at_least`.

        Windows overlap by half.
        """
        sums = [0, *accumulate(self._token_scores(lower))]
        count = len(sums) - 1
        highest = 0.0
        found: list[tuple[float, int, int]] = []
        step = max(1, self.window // 2)
        begin = 0
        while count:
            end = min(count, begin + self.window)
            if end == count and count > self.window:
                begin = count - self.window
            total = sums[end] - sums[begin]
            value = self.bias + self.scale * total / math.sqrt(3 * (end - begin))
            probability = 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))
            highest = max(highest, probability)
            if probability >= at_least:
                # most texts have no such window: only then is it worth knowing where the tokens are
                offsets = _offsets(lower)
                found.append((probability, offsets[begin], offsets[end]))
            if end == count:
                break
            begin += step
        return highest, found

    def score(self, lower: str) -> float:
        """The highest probability of a window; 0 for an empty text."""
        return self.windows(lower, at_least=2.0)[0]

    def save(self, path: Path) -> None:
        """Write the model: a header line, a line of figures, the weights."""
        figures = f"{BUCKETS} {self.scale!r} {self.bias!r} {self.window}\n".encode()
        path.write_bytes(_HEADER + figures + zlib.compress(self.weights, 9))


MODELS = Path(__file__).parent / "models"


@lru_cache(maxsize=8)
def model(name: str) -> "LinearModel":
    """One of the models that are shipped, read once."""
    return load(MODELS / f"{name}.linear")


def load(path: Path) -> LinearModel:
    """A model from its file. Raises `ValueError` if it is not one."""
    data = path.read_bytes()
    if not data.startswith(_HEADER):
        raise ValueError(f"{path.name}: not a linear model")
    figures, _, packed = data[len(_HEADER) :].partition(b"\n")
    buckets, scale, bias, window = figures.split()
    weights = zlib.decompress(packed)
    if int(buckets) != BUCKETS or len(weights) != BUCKETS:
        raise ValueError(f"{path.name}: made for another number of buckets")
    return LinearModel(weights, float(scale), float(bias), int(window))
