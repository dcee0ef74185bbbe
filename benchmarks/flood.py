"""More questions over UDP than anybody should ask, from as many addresses as wanted: `python benchmarks/flood.py`.

Reads one JSON object a line. An order (`Order`) is carried out until its `seconds` are over, then answered by one JSON line: how
many packets were sent. Answers are not read: an attacker does not care.
"""

import contextlib
import json
import random
import socket
import sys
import time
from dataclasses import dataclass

from kit import client, encode

PACKETS = 20_000
"""Made beforehand; numbers in names are put in when they are sent."""

BURST = 64
TYPES = {"A": 1, "TXT": 16, "DNSKEY": 48, "ANY": 255}
DIGITS = b"00000000"
SERVER = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Order:
    """`questions`: [name, type, weight] each; `{n}` in a name is a number that was not used before, `{k}` one of `known`."""

    port: int
    questions: list[tuple[str, str, float]]
    seconds: float
    rate: float
    addresses: int = 1
    network: int = 50
    known: int = 1_000
    first: int = 0
    seed: int = 1


def packets(order: Order) -> list[tuple[bytearray, int]]:
    """Messages, and where a fresh number goes (-1: none)."""
    chance = random.Random(order.seed)
    made = []
    weights = [weight for _, _, weight in order.questions]
    for _ in range(PACKETS):
        name, kind, _ = chance.choices(order.questions, weights)[0]
        known = chance.randrange(order.known)
        name = name.replace("{k}", f"{known:08}").replace("{w}", f"{known % 16:02}")
        wire = encode(name.replace("{n}", DIGITS.decode()))
        edns = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0" if kind != "A" else b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
        data = b"\0\0\1\0\0\1\0\0\0\0\0\1" + wire + TYPES[kind].to_bytes(2, "big") + b"\0\1" + edns
        made.append((bytearray(data), data.find(DIGITS) if "{n}" in name else -1))
    return made


def sockets(order: Order) -> list[socket.socket]:
    found = []
    for number in range(order.addresses):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((client(order.network, number), 0))
        one.connect((SERVER, order.port))
        one.setblocking(False)
        found.append(one)
    return found


def run(order: Order) -> dict[str, float]:
    made, ends = packets(order), sockets(order)
    sent, number, start = 0, order.first, time.monotonic()
    while (now := time.monotonic()) < start + order.seconds:
        due = int((now - start) * order.rate)
        if due <= sent:
            time.sleep(0.0005)
        for _ in range(min(due - sent, BURST)):
            data, at = made[sent % PACKETS]
            if at >= 0:
                number += 1
                data[at : at + 8] = b"%08d" % number
            data[0:2] = (sent & 0xFFFF).to_bytes(2, "big")
            with contextlib.suppress(OSError):
                ends[sent % len(ends)].send(data)
            sent += 1
    spent = time.monotonic() - start
    for end in ends:
        end.close()
    return {"sent": sent, "seconds": spent}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(run(Order(**json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
