"""Small linear models over the words of a passage, with one-byte weights (explainable, deterministic, no
library).

A text is a sequence of words and numbers, read in overlapping windows. Every word counts once per window,
by its first letters, and hashes to a bucket with a weight. A window's score is the sum of its weights over
the square root of their number, plus a bias; a text's score is the highest of its windows, as a
probability.

Single words without pairs: measured on texts from sources not used in training, pairs and triples found
less and cost most of the time (`bench/inspection/FIGURES.md`).
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lambdas.inspection.expressions import Expression

BUCKET_BITS = 16
BUCKETS = 1 << BUCKET_BITS
WINDOW = 48  # words; the same for all models, so that a text is read once for all of them
_MASK = BUCKETS - 1
_STEM = 5  # "instruct" and "instructions" are one word
_WORD = Expression(r"[^\W_]+")
_SIGNS = Expression(r"[\W_]+")
# of ASCII only letters and digits are parts of words; what is not ASCII is settled before
_SPACES = bytes(code if code >= 128 or chr(code).isalnum() else 32 for code in range(256))
_HEADER = b"KITLINEAR2\n"


class _Buckets(dict[bytes, int]):
    """Cache of the bucket of each word (UTF-8)."""

    def __missing__(self, word: bytes) -> int:
        bucket = zlib.crc32(b"0" if word.isdigit() else word[:_STEM]) & _MASK
        if len(self) < 50_000:
            self[word] = bucket
        return bucket


_BUCKETS = _Buckets()


@lru_cache(maxsize=2)
def windows(lower: str) -> Sequence[tuple[frozenset[int], int, int]]:
    """Return the windows of a lower-case text: the buckets of its words, the indices of its first and last
    word.

    Windows overlap by half.
    """
    letters = lower if lower.isascii() else _SIGNS.sub(" ", lower)
    words = letters.encode("utf-8", "surrogatepass").translate(_SPACES).split()
    buckets = list(map(_BUCKETS.__getitem__, words))
    last = max(0, len(buckets) - WINDOW)
    begins = [*range(0, last, WINDOW // 2), last] if buckets else []
    return [(frozenset(buckets[begin : begin + WINDOW]), begin, begin + WINDOW) for begin in begins]


@lru_cache(maxsize=2)
def _offsets(lower: str) -> list[int]:
    return [*(match.start() for match in _WORD.finditer(lower)), len(lower)]


def _probability(margin: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, margin))))


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Weights by bucket, a scale for them, and a bias."""

    weights: bytes  # a weight is kept as 128 more than it is
    scale: float
    bias: float

    def margin(self, total: int, words: int) -> float:
        """Return the margin of a window whose `words` distinct words have this total weight."""
        return self.bias + self.scale * (total - 128 * words) / math.sqrt(words)

    def windows(self, lower: str, at_least: float = 0.0) -> tuple[float, list[tuple[float, int, int]]]:
        """Return the highest probability, and (probability, start, end) of each window that reaches
        `at_least`.
        """
        read = windows(lower)
        weight = self.weights.__getitem__
        return _likely(lower, [self.margin(sum(map(weight, one)), len(one)) for one, _, _ in read], at_least)

    def score(self, lower: str) -> float:
        """Return the highest probability of a window; 0 for an empty text."""
        return self.windows(lower, at_least=2.0)[0]

    def save(self, path: Path) -> None:
        """Write the model: a header line, a line of figures, the weights."""
        figures = f"{BUCKETS} {self.scale!r} {self.bias!r}\n".encode()
        path.write_bytes(_HEADER + figures + zlib.compress(self.weights, 9))


def _likely(
    lower: str, margins: Sequence[float], at_least: float
) -> tuple[float, list[tuple[float, int, int]]]:
    if not margins:
        return 0.0, []
    highest = _probability(max(margins))
    if highest < at_least:
        return highest, []
    # most texts have no such window: only then is it worth knowing where the words are
    offsets = _offsets(lower)
    return highest, [
        (probability, offsets[begin], offsets[min(end, len(offsets) - 1)])
        for (_, begin, end), margin in zip(windows(lower), margins, strict=True)
        if (probability := _probability(margin)) >= at_least
    ]


SHIPPED = ("injection", "meaning")
_SHIFT = 16  # bits: a window has at most 48 weights of one byte
_LOW = (1 << _SHIFT) - 1
MODELS = Path(__file__).parent / "models"


@lru_cache(maxsize=8)
def model(name: str) -> "LinearModel":
    """Return one of the shipped models, read once."""
    return load(MODELS / f"{name}.linear")


@lru_cache(maxsize=1)
def read_shipped() -> list[int]:
    """Return the weights of both shipped models per bucket in one number, so that a window is summed once."""
    injection, meaning = (model(name).weights for name in SHIPPED)
    return [one + (other << _SHIFT) for one, other in zip(injection, meaning, strict=True)]


@lru_cache(maxsize=2)
def _totals(lower: str) -> Sequence[tuple[int, int]]:
    """Return the total of both models' weights in each window, and its number of words."""
    both = read_shipped().__getitem__
    return [(sum(map(both, one)), len(one)) for one, _, _ in windows(lower)]


def shipped_windows(name: str, lower: str, at_least: float) -> tuple[float, list[tuple[float, int, int]]]:
    """Return what `LinearModel.windows` of a shipped model returns, reading the text once for both models."""
    one, shift = model(name), SHIPPED.index(name) * _SHIFT
    margins = [one.margin(total >> shift & _LOW, words) for total, words in _totals(lower)]
    return _likely(lower, margins, at_least)


def load(path: Path) -> LinearModel:
    """Read a model from its file. Raises `ValueError` if it is invalid."""
    data = path.read_bytes()
    if not data.startswith(_HEADER):
        raise ValueError(f"{path.name}: not a linear model")
    figures, _, packed = data[len(_HEADER) :].partition(b"\n")
    buckets, scale, bias = figures.split()
    weights = zlib.decompress(packed)
    if int(buckets) != BUCKETS or len(weights) != BUCKETS:
        raise ValueError(f"{path.name}: made for another number of buckets")
    return LinearModel(weights, float(scale), float(bias))
