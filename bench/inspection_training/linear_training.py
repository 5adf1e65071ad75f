"""Training of the linear models: logistic regression by AdaGrad over hashed word sequences, in plain Python.

A long text is as suspicious as its worst window, so each pass trains on the window that scores highest so
far. Deterministic: the same rows in the same order give the same file.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.inspection.linear import BUCKETS, LinearModel, features


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its label (1 is what the model looks for) and how much it counts."""

    text: str
    label: int
    weight: float = 1.0


def _windows(lower: str, window: int) -> list[list[int]]:
    ones, twos, threes = features(lower)
    count = len(ones)
    result: list[list[int]] = []
    begin = 0
    step = max(1, window // 2)
    while count:
        end = min(count, begin + window)
        if end == count and count > window:
            begin = count - window
        buckets = (
            ones[begin:end] + twos[max(0, begin - 1) : end - 1] + threes[max(0, begin - 2) : max(0, end - 2)]
        )
        result.append(buckets)
        if end == count:
            break
        begin += step
    return result


def train(
    examples: Sequence[Example],
    *,
    window: int,
    passes: int = 12,
    rate: float = 0.5,
    decay: float = 2e-6,
    seed: int = 7,
) -> LinearModel:
    """A model for the examples. `window` in tokens."""
    chance = random.Random(seed)
    weights = [0.0] * BUCKETS
    squares = [1e-6] * BUCKETS
    bias, bias_square = 0.0, 1e-6
    rows = [
        (windows, one.label, one.weight)
        for one in examples
        if (windows := _windows(one.text.lower(), window))
    ]
    positive = sum(weight for _, label, weight in rows if label)
    negative = sum(weight for _, label, weight in rows if not label)
    balance = {1: 0.5 * (positive + negative) / positive, 0: 0.5 * (positive + negative) / negative}

    def margin(buckets: list[int]) -> float:
        return bias + sum(weights[bucket] for bucket in buckets) / math.sqrt(3 * max(1, len(buckets) / 3))

    for turn in range(passes):
        chance.shuffle(rows)
        for windows, label, weight in rows:
            if len(windows) == 1:
                buckets = windows[0]
            elif turn == 0:
                # nothing is known yet: any window may be the one
                buckets = windows[chance.randrange(len(windows))]
            else:
                buckets = max(windows, key=margin)
            value = margin(buckets)
            error = (1 / (1 + math.exp(-max(-30.0, min(30.0, value)))) - label) * weight * balance[label]
            share = error / math.sqrt(3 * max(1, len(buckets) / 3))
            for bucket in buckets:
                gradient = share + decay * weights[bucket]
                squares[bucket] += gradient * gradient
                weights[bucket] -= rate * gradient / math.sqrt(squares[bucket])
            bias_square += error * error
            bias -= 0.1 * rate * error / math.sqrt(bias_square)
    largest = max(map(abs, weights)) or 1.0
    scale = largest / 127
    packed = bytes(128 + max(-127, min(127, round(weight / scale))) for weight in weights)
    return LinearModel(packed, scale, bias, window)
