"""Training of the linear models: logistic regression with an L2 penalty by gradient steps, in plain Python.

A long text is as suspicious as its most suspicious window: for an attack each pass trains on the window
with the highest score so far, for an ordinary text on all its windows, which share its weight.
Deterministic: the same rows in the same order give the same file.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.inspection.linear import BUCKETS, LinearModel, windows


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its label (1 is what the model looks for) and its weight."""

    text: str
    label: int
    weight: float = 1.0


def train(
    examples: Sequence[Example],
    *,
    passes: int = 20,
    rate: float = 4.0,
    penalty: float = 1e-5,
    seed: int = 7,
) -> LinearModel:
    """Train a model on the examples. `rate` decays to zero over the passes; `penalty` shrinks every weight
    at every step.
    """
    chance = random.Random(seed)
    weights = [0.0] * BUCKETS  # in units of `scale`, so that shrinking all of them is one multiplication
    scale = 1.0
    bias = 0.0
    rows = [
        (passages, one.label, one.weight)
        for one in examples
        if (passages := [sorted(buckets) for buckets, _, _ in windows(one.text.lower())])
    ]
    positive = sum(weight for _, label, weight in rows if label)
    # an ordinary text of n windows has the square root of n as its weight: long texts cause the false
    # alarms
    negative = sum(weight * math.sqrt(len(passages)) for passages, label, weight in rows if not label)
    balance = {1: 0.5 * (positive + negative) / positive, 0: 0.5 * (positive + negative) / negative}
    steps = passes * sum(1 if label else len(passages) for passages, label, _ in rows)
    step = 0

    def margin(buckets: list[int]) -> float:
        return bias + scale * sum(map(weights.__getitem__, buckets)) / math.sqrt(len(buckets))

    for turn in range(passes):
        chance.shuffle(rows)
        for passages, label, weight in rows:
            if label == 0:
                chosen, share = passages, weight / math.sqrt(len(passages))
            elif turn == 0:
                # nothing is known yet: choose any window
                chosen, share = [passages[chance.randrange(len(passages))]], weight
            else:
                chosen, share = [max(passages, key=margin)], weight
            for buckets in chosen:
                speed = rate * (1 - step / (steps + 1))
                step += 1
                value = max(-30.0, min(30.0, margin(buckets)))
                error = (1 / (1 + math.exp(-value)) - label) * share * balance[label]
                scale *= 1 - speed * penalty
                change = speed * error / math.sqrt(len(buckets)) / scale
                for bucket in buckets:
                    weights[bucket] -= change
                bias -= _BIAS_SHARE * speed * error
    largest = max(map(abs, weights)) or 1.0
    packed = bytes(128 + max(-127, min(127, round(127 * weight / largest))) for weight in weights)
    return LinearModel(packed, scale * largest / 127, bias)


_BIAS_SHARE = 0.02  # the bias is part of every step and must not grow faster than the words
