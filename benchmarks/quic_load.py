"""A load over DNS over QUIC, for `bench_encrypted.py`: `python benchmarks/quic_load.py PORT NAMES SECONDS OUTSTANDING`.

One connection, so many questions open at once, names in turn. Prints one JSON line: completed, lost, rate, latency_ms. A process
of its own, so that its CPU time, which is larger than the server's, can be pinned to the other core.
"""

import json
import sys
import time
from itertools import cycle
from pathlib import Path

# The kit of the tests, not the one beside this file.
sys.path[:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

import dns.message  # noqa: E402
from kit.quic_dial import Dialled  # noqa: E402

PATIENCE = 2.0
"""Seconds for the answers that are open at the end."""


def load(port: int, names: list[str], seconds: float, outstanding: int) -> dict[str, float]:
    messages = cycle([dns.message.make_query(name, "A", id=0).to_wire() for name in names])
    dialled = Dialled(port, name="", verify=False).connect()
    client, end = dialled.client, time.monotonic() + seconds
    opened: dict[int, float] = {}
    completed, waited = 0, 0.0

    def collect() -> None:
        nonlocal completed, waited
        for stream in [stream for stream in client.answers if stream in opened]:
            if len(client.answers[stream]) >= 14:
                waited += time.monotonic() - opened.pop(stream)
                completed += 1
        client.answers.clear()
        client.heard.clear()

    start = time.monotonic()
    while time.monotonic() < end:
        while len(opened) < outstanding:
            opened[client.ask(next(messages))] = time.monotonic()
        dialled.until(lambda: client.answers, PATIENCE)
        collect()
    last = time.monotonic() + PATIENCE
    while opened and time.monotonic() < last:
        dialled.step()
        collect()
    spent = time.monotonic() - start
    dialled.close()
    return {
        "completed": completed,
        "lost": len(opened),
        "rate": completed / spent,
        "latency_ms": 1000 * waited / max(completed, 1),
    }


if __name__ == "__main__":
    place, file, length, most = sys.argv[1:]
    wanted = [line.split()[0] for line in Path(file).read_text().splitlines()]
    print(json.dumps(load(int(place), wanted, float(length), int(most))))
