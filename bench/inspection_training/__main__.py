"""`python -m bench.inspection_training [--data DIR] [injection|meaning|names ...]`: rebuild the models.

With `--held-out` no model is written: models trained without some sources are scored on those (see
`held_out`).

Without --data the models are built from our own corpora alone. With it, rows of the development files whose
licence permits it (MIT, Apache-2.0, PSF, own) are added to the injection model, and their ordinary texts to
both.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.inspection_training import injection_corpus, meaning_corpus, names_corpus
from bench.inspection_training.held_out import DEVELOPMENT_WEIGHT, development, held_out, train_injection
from bench.inspection_training.linear_training import Example, train

MODELS = Path(__file__).resolve().parents[2] / "lambdas" / "inspection" / "models"

# expansions of each template: more of them improved every held-out figure, up to this number
INJECTION_COPIES = 56


def rows(data: Path | None, name: str) -> list[dict[str, Any]]:
    """Return the rows of a development file, or none."""
    if data is None:
        return []
    path = data / f"{name}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def injection_examples(data: Path | None) -> list[Example]:
    """Return our corpus, with the development rows if given."""
    examples = injection_corpus.build(copies=INJECTION_COPIES)
    examples.extend(development(rows(data, "injection")))
    examples.extend(long_ordinary(data))
    examples.extend(Example(row["text"], 0, DEVELOPMENT_WEIGHT) for row in rows(data, "classification"))
    return examples


def long_ordinary(data: Path | None) -> list[Example]:
    """Return the long ordinary development texts. Each counts ten times: they are few compared with the
    expansions of our short templates, and long texts cause most false alarms.
    """
    return [Example(row["text"], 0, 10.0) for row in rows(data, "benign4k")]


def meaning_examples(data: Path | None) -> list[Example]:
    """Return our corpus, ordinary texts of the injection corpus and ordinary development rows."""
    examples = [Example(text, int(bool(name))) for text, name in meaning_corpus.build()]
    examples.extend(Example(one.text, 0) for one in injection_corpus.build() if not one.label)
    examples.extend(Example(row["text"], 0) for row in rows(data, "injection") if not row["label"])
    examples.extend(Example(row["text"], 0) for row in rows(data, "benign4k"))
    return examples


def names_rows(data: Path | None) -> list[dict[str, Any]]:
    """Return labelled rows with names and addresses, and ordinary texts without any."""
    labelled = [*rows(data, "pii"), *rows(data, "pii_prose_hard")]
    technical = [
        row for row in rows(data, "injection") if "mitre" in row["source"] or "code" in row["source"]
    ]
    return [*labelled, *technical, *rows(data, "benign4k")[::2]]


def _known(name: str) -> str:
    if name not in ("injection", "meaning", "names"):
        raise argparse.ArgumentTypeError(f"no model is called {name}")
    return name


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.inspection_training", description=__doc__)
    parser.add_argument(
        "models", nargs="*", type=_known, metavar="injection|meaning|names", help="which (default: all)"
    )
    parser.add_argument("--data", type=Path, help="folder of development files (*.jsonl.gz)")
    parser.add_argument("--held-out", action="store_true", help="score on left-out sources; needs --data")
    arguments = parser.parse_args()
    if arguments.held_out and not arguments.data:
        parser.error("--held-out needs --data")
    if arguments.data and not arguments.data.is_dir():
        sys.stderr.write(f"error: --data {arguments.data}: no such folder\n")
        return 2
    if arguments.held_out:
        own = injection_corpus.build(copies=INJECTION_COPIES)
        figures = held_out(own, long_ordinary(arguments.data), rows(arguments.data, "injection"))
        print(json.dumps(figures, indent=1))
        return 0
    MODELS.mkdir(exist_ok=True)
    makers: dict[str, Callable[[], None]] = {
        "injection": lambda: train_injection(injection_examples(arguments.data)).save(
            MODELS / "injection.linear"
        ),
        "meaning": lambda: train(meaning_examples(arguments.data), penalty=3e-6).save(
            MODELS / "meaning.linear"
        ),
        "names": lambda: names_corpus.make_model(MODELS / "names.crfsuite", names_rows(arguments.data)),
    }
    for name in arguments.models or list(makers):
        makers[name]()
        sys.stderr.write(f"made {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
