"""Use an approved prompt instead of writing one (L2.1): name, variables, and the SDK does the rest.

python examples/registered_prompt.py "A water bottle" "Hikers in the Alps"
"""

import sys

import anthropic
from anthropic.types import Message

client = anthropic.Anthropic()


def campaign_copy(product: str, audience: str) -> str:
    """Two versions of an e-mail in the house voice. Raises `anthropic.APIStatusError`."""
    variables = {
        "product": product,
        "audience": audience,
        "channel": "email",
        "brief": "It keeps water cold for a day. Friendly, short, no superlatives.",
        "variants": 2,
    }
    answer = client.post("/v1/prompts/campaign-copy/messages", body={"variables": variables}, cast_to=Message)
    return "".join(block.text for block in answer.content if block.type == "text")


if __name__ == "__main__":
    print(campaign_copy(*(sys.argv[1:3] if len(sys.argv) > 2 else ("A water bottle", "Hikers in the Alps"))))
