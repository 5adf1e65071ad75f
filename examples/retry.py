"""Retry what can be retried, and nothing else (L1.8).

The SDK already retries a busy or broken provider. A refusal of policy (budget, data class, kill switch) says
`x-should-retry: false` and is raised at once: repeating it would only repeat the refusal.

    python examples/retry.py "Write a haiku about rivers."
"""

import sys

import anthropic

client = anthropic.Anthropic(max_retries=4)  # ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN, from `kit env`


def ask(question: str) -> str:
    """The answer, or what the caller can do about not having one."""
    try:
        answer = client.messages.create(
            model="fast",
            max_tokens=300,
            messages=[{"role": "user", "content": question}],
            timeout=60,
            extra_headers={"x-use-case": "examples"},
        )
    except anthropic.RateLimitError as error:
        return f"Later: {message_of(error)}"  # retries are used up; `retry-after` says when
    except anthropic.APIStatusError as error:
        if error.status_code == 451:
            return f"Refused: {message_of(error)}"  # a person must change the text, or ask for a right
        if error.status_code == 402:
            return f"No budget: {message_of(error)}"
        return f"Failed ({error.status_code}), ask with this id: {error.request_id}"
    except anthropic.APIConnectionError:
        return "The gateway cannot be reached."
    return "".join(block.text for block in answer.content if block.type == "text")


def message_of(error: anthropic.APIStatusError) -> str:
    """The sentence for people in an error's body."""
    body = error.body
    return body["error"]["message"] if isinstance(body, dict) else error.message


if __name__ == "__main__":
    print(ask(" ".join(sys.argv[1:]) or "Write a haiku about rivers."))
