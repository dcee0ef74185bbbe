"""Questions at a constant rate, whatever the answers do: how long each took, and whether it was the right answer."""

import select
import socket
import time
from dataclasses import dataclass, field

from kit import encode
from tree import Question

TYPES = {"A": 1, "AAAA": 28}
PATIENCE = 6.0
"""Seconds after which an answer counts as lost; servers give up before that."""


@dataclass(slots=True)
class Answered:
    """`latencies` of right answers in seconds, wrong ones counted."""

    latencies: list[float] = field(default_factory=list)
    wrong: int = 0
    lost: int = 0


def ask(port: int, questions: list[Question], rate: float) -> Answered:
    """Latency counts from when a question was due, so falling behind is not hidden."""
    result = Answered()
    waiting: dict[int, tuple[Question, float]] = {}
    start, sent = time.monotonic(), 0
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        while sent < len(questions) or (waiting and time.monotonic() < start + sent / rate + PATIENCE):
            due = start + sent / rate if sent < len(questions) else time.monotonic() + 0.1
            if select.select([client], [], [], max(0, due - time.monotonic()))[0]:
                take(client.recv(4096), waiting, result)
            elif sent < len(questions):
                waiting[sent] = questions[sent], due
                client.send(build(sent, questions[sent]))
                sent += 1
    result.lost = len(waiting)
    return result


def build(identifier: int, question: Question) -> bytes:
    header = identifier.to_bytes(2, "big") + b"\x01\x00\x00\x01" + bytes(6)
    return header + encode(question.name) + TYPES[question.rrtype].to_bytes(2, "big") + b"\0\1"


def take(answer: bytes, waiting: dict[int, tuple[Question, float]], result: Answered) -> None:
    question, due = waiting.pop(int.from_bytes(answer[:2], "big"), (None, 0.0))
    if question is None:
        return
    if (answer[3] & 15, int.from_bytes(answer[6:8], "big")) == (question.rcode, question.records):
        result.latencies.append(time.monotonic() - due)
    else:
        result.wrong += 1
