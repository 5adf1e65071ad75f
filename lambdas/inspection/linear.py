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


@lru_cache(maxsize=50_000)
def _word(word: str) -> int:
    if word[0] == "\n":
        word = "\n"
    elif word.isdigit():
        word = "0"
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=2)
def features(lower: str) -> tuple[list[int], list[int], list[int], list[int]]:
    """Offsets of the tokens of a lower-case text, and for each token the buckets of the word, pair and
    triple it ends.
    """
    offsets: list[int] = []
    hashes: list[int] = []
    for match in _TOKEN.finditer(lower):
        offsets.append(match.start())
        hashes.append(_word(match.group()))
    ones = [value & _MASK for value in hashes]
    twos = [((a * 0x9E3779B1) ^ (b * 0x85EBCA77) ^ 0x5BD1E995) >> 7 & _MASK for a, b in pairwise(hashes)]
    threes = [
        ((a * 0xC2B2AE3D) ^ (b * 0x27D4EB2F) ^ (c * 0x165667B1)) >> 9 & _MASK
        for a, b, c in zip(hashes, hashes[1:], hashes[2:], strict=False)
    ]
    return offsets, ones, twos, threes


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Weights by bucket, a scale for them, a bias, and the size of the windows in tokens."""

    weights: bytes
    scale: float
    bias: float
    window: int

    def _token_scores(self, ones: list[int], twos: list[int], threes: list[int]) -> list[int]:
        weights = self.weights
        scores = [weights[bucket] - 128 for bucket in ones]
        for index, bucket in enumerate(twos, 1):
            scores[index] += weights[bucket] - 128
        for index, bucket in enumerate(threes, 2):
            scores[index] += weights[bucket] - 128
        return scores

    def windows(self, lower: str) -> list[tuple[float, int, int]]:
        """(probability, start, end) of each window of the text; windows overlap by half."""
        offsets, ones, twos, threes = features(lower)
        if not offsets:
            return []
        sums = [0, *accumulate(self._token_scores(ones, twos, threes))]
        count = len(offsets)
        result: list[tuple[float, int, int]] = []
        step = max(1, self.window // 2)
        begin = 0
        while True:
            end = min(count, begin + self.window)
            if end == count and count > self.window:
                begin = count - self.window
            total = sums[end] - sums[begin]
            value = self.bias + self.scale * total / math.sqrt(3 * (end - begin))
            probability = 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))
            result.append((probability, offsets[begin], offsets[end] if end < count else len(lower)))
            if end == count:
                return result
            begin += step

    def score(self, lower: str) -> tuple[float, int, int]:
        """The highest probability and where it was reached."""
        return max(self.windows(lower), default=(0.0, 0, 0), key=lambda one: one[0])

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
