"""A load over DNS over QUIC, for `hits.py`: `python benchmarks/quic_load.py PORT NAMES SECONDS OUTSTANDING RATE`.

One connection, so many questions open at once, RATE a second (0: as many as it can), names in turn. Prints one JSON line:
completed, lost, rate, and p50, p99, p99.9 in microseconds, which count from when a question was due. A process of its own, so
that its CPU time, which is larger than the server's, can be pinned to the other core.
"""

import json
import select
import sys
import time
from itertools import cycle
from pathlib import Path

# The kit of the tests, not the one beside this file.
sys.path[:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

import dns.message  # noqa: E402
from kit.quic_dial import Dialled  # noqa: E402

TURN = 0.005
PATIENCE = 2.0
"""Seconds for the answers that are open at the end."""


def load(port: int, names: list[str], seconds: float, outstanding: int, rate: float) -> dict[str, float]:
    messages = cycle([dns.message.make_query(name, "A", id=0).to_wire() for name in names])
    dialled = Dialled(port, name="", verify=False).connect()
    client, start = dialled.client, time.monotonic()
    opened: dict[int, float] = {}
    waited: list[float] = []
    asked = 0

    def collect() -> None:
        now = time.monotonic()
        for stream in [stream for stream in client.answers if stream in opened]:
            if len(client.answers[stream]) >= 14:
                waited.append(now - opened.pop(stream))
        client.answers.clear()
        client.heard.clear()

    while (now := time.monotonic()) < start + seconds:
        while len(opened) < outstanding and (not rate or start + asked / rate <= now):
            opened[client.ask(next(messages))] = start + asked / rate if rate else now
            asked += 1
        next_one = start + asked / rate - now if rate else TURN
        dialled.step()
        if not client.answers:
            select.select([dialled.socket], [], [], max(min(next_one, TURN), 0.0))
        collect()
    last = time.monotonic() + PATIENCE
    while opened and time.monotonic() < last:
        dialled.step()
        collect()
    spent = time.monotonic() - start
    dialled.close()
    waited.sort()
    found = {"completed": len(waited), "lost": len(opened), "rate": len(waited) / spent}
    for percent in ("50", "99", "99.9"):
        at = min(int(len(waited) * float(percent) / 100), len(waited) - 1)
        found[f"p{percent}"] = 1e6 * waited[at] if waited else 0.0
    return found


if __name__ == "__main__":
    place, file, length, most, each = sys.argv[1:]
    wanted = [line.split()[0] for line in Path(file).read_text().splitlines()]
    print(json.dumps(load(int(place), wanted, float(length), int(most), float(each))))
