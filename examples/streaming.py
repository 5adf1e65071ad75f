"""Show an answer while it is being written, and keep what came when it breaks off (L1.1, L1.8).

python examples/streaming.py "Explain the tides."
"""

import sys
from collections.abc import Iterator

import anthropic

client = anthropic.Anthropic()


def pieces(question: str) -> Iterator[str]:
    """The pieces of the answer as they come. A stream that breaks off raises after the last of them."""
    with client.messages.stream(
        model="fast", max_tokens=500, messages=[{"role": "user", "content": question}]
    ) as stream:
        yield from stream.text_stream


def main(question: str) -> int:
    """Print the answer; 1 when it is not whole."""
    try:
        for piece in pieces(question):
            print(piece, end="", flush=True)
    except anthropic.APIError as error:
        print(f"\n[the answer broke off: {error.message}]", file=sys.stderr)
        return 1
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:]) or "Explain the tides."))
