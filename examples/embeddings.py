"""Search by meaning: vectors of texts and of a question, from the same address as Claude (L1.1, L1.9).

python examples/embeddings.py "Where does my money go?"
"""

import math
import sys
from collections.abc import Sequence
from typing import Any

import anthropic

TEXTS = ("Spend by department is in the cost report.", "New people get access by SCIM.")


def vectors(client: anthropic.Anthropic, texts: Sequence[str], input_type: str) -> list[list[float]]:
    """The vector of each text. The SDK has no method of its own for this route; its `post` has the same
    retries, deadlines and exceptions.
    """
    body = {"input": list(texts), "input_type": input_type, "dimensions": 512}
    answer = client.post("/v1/embeddings", cast_to=dict[str, Any], body=body)
    return [one["embedding"] for one in answer["data"]]


def alike(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors: 1 for the same meaning."""
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other) or 1)


def main() -> None:
    """Print the text that is nearest to the question."""
    question = sys.argv[1] if len(sys.argv) > 1 else "Where does my money go?"
    client = anthropic.Anthropic(timeout=30)
    known = dict(zip(TEXTS, vectors(client, TEXTS, "search_document"), strict=True))
    (asked,) = vectors(client, [question], "search_query")
    print(max(known, key=lambda text: alike(known[text], asked)))


if __name__ == "__main__":
    main()
