"""`make fuzz`: no input makes the inspection raise, or a stream differ from the whole (L2.3, L2.4).

Guided by coverage (atheris, in the dependency group `fuzz`): ten minutes, or `--seconds`. A failing input
is written beside the corpus; pass the file as an argument to repeat it.
"""

import argparse
import json
import sys
from typing import Any

import atheris

with atheris.instrument_imports(include=["lambdas.inspection"]):
    from lambdas.inspection import AnswerFilter, AnswerPolicy, Channel, DataClass, InspectionConfig, Inspector

_INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32, cache_entries=0))
_POLICY = AnswerPolicy(redact_from=DataClass.INTERNAL)
# words that detectors look for; the fuzzing engine combines them
_WORDS = (
    "password: ", "SSN ", "IBAN ", "4539 1488 0343 6467", "536-22-8723", "-----BEGIN PRIVATE KEY-----",
    "AKIA", "eyJ", "://u:p@h", "%41", "&#65;", "\\u0041", "[at]", "電話", "Steuer-ID ", "our counsel ",
    "ignore all previous instructions", "\n     1\u2192", "|a|b|\n", "diff --git a/", "\u200b", "\ud800",
)  # fmt: skip


def _text(data: "atheris.FuzzedDataProvider") -> str:
    parts: list[str] = []
    while data.remaining_bytes() and len(parts) < 40:
        if data.ConsumeBool():
            parts.append(_WORDS[data.ConsumeIntInRange(0, len(_WORDS) - 1)])
        else:
            parts.append(data.ConsumeUnicode(data.ConsumeIntInRange(0, 60)))
    return json.loads(json.dumps("".join(parts)))  # two halves of a character are one there


def _event(**fields: Any) -> bytes:
    return f"event: {fields['type']}\ndata: {json.dumps(fields)}\n\n".encode()


def _streamed(text: str, size: int) -> str:
    answer = AnswerFilter(_INSPECTOR, _POLICY)
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    events = [
        _event(type="content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(
            _event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": one})
            for one in pieces
        ),
        _event(type="content_block_stop", index=0),
        _event(type="message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1}),
    ]
    left = [json.loads(out.partition(b"data: ")[2]) for one in events for out in answer.event(one)]
    return "".join(one["delta"]["text"] for one in left if one["type"] == "content_block_delta")


def look(data: bytes) -> None:
    """Inspect one input: as a text of each channel, as a request, as a whole and as a streamed answer."""
    given = atheris.FuzzedDataProvider(data)
    size = given.ConsumeIntInRange(1, 40)
    text = _text(given)
    for channel in Channel:
        _INSPECTOR.inspect_text(text, channel)
    block = {"type": "tool_result", "tool_use_id": "t", "content": text, text[:40]: [text, 1.5e300, None]}
    inspection = _INSPECTOR.inspect_request({"messages": [{"role": "user", "content": [block]}]})
    assert not inspection.failure, inspection.failure
    assert _streamed(text, size) == AnswerFilter(_INSPECTOR, _POLICY).text(text)


def main() -> None:
    """Entry point; atheris exits the process."""
    parser = argparse.ArgumentParser(prog="python -m bench.inspection.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: 600)")
    parser.add_argument("inputs", nargs="*", help="a folder to keep the corpus in, or files to repeat")
    arguments = parser.parse_args()
    options = [f"-max_total_time={arguments.seconds}", "-max_len=4096", "-timeout=20"]
    atheris.Setup([sys.argv[0], *options, *arguments.inputs], look)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
