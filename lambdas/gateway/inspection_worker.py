"""The process that inspects long requests, so that the gateway's own remains responsive (L1.11).

It reads questions from standard input and writes answers to standard output, each as a length of eight
bytes and a pickle; its only peer is the gateway that started it, and it ends with it. It has a low
priority, no credentials and no use of the network. What it reads never appears in its error reports.
"""

import os
import sys
from dataclasses import replace

from lambdas.gateway.inspection_process import NO_BODY, Question, Reply, read_frame, write_frame
from lambdas.gateway.json_body import parse_object
from lambdas.gateway.verdict import judge
from lambdas.inspection import Inspector

NICE = 10


def answer(inspector: Inspector, question: Question) -> Reply:
    """Return the reply to one question."""
    body = parse_object(question.raw)
    inspection = inspector.inspect_request(body.fields, question.declaration.data_class)
    judged = judge(inspection, body, question.department, question.declaration, question.leniency)
    changed = judged.verdict.body.raw if judged.verdict.body is not body else None
    wanted = inspection if question.wants_inspection and judged.verdict.allowed else None
    return Reply(replace(judged, verdict=replace(judged.verdict, body=NO_BODY)), changed, wanted)


def main() -> None:
    """Answer until the gateway ends."""
    os.nice(NICE)
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    inspector: Inspector | None = None
    while True:
        try:
            question: Question = read_frame(questions)
        except EOFError:
            return
        try:
            if question.config is not None:
                inspector = Inspector(question.config)
            reply = answer(inspector, question) if inspector is not None else None
        except Exception:  # the gateway treats it as a failed inspection
            reply = None
        try:
            write_frame(answers, reply)
        except BrokenPipeError:  # the gateway has ended meanwhile
            return


if __name__ == "__main__":
    main()
