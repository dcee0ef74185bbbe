"""What a timer costs that is nearly always given up: a loop's own, and one in a row (net/readiness.py).

    .venv/bin/python benchmarks/bench_timers.py

CPU time to set one and to cancel it, with 64 others set meanwhile, as questions in flight are; the least of five rounds, in turn.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Protocol

from net.readiness import readiness

COUNT, IN_FLIGHT, ROUNDS = 100_000, 64, 5
DELAY = 2.0


class Timer(Protocol):
    def cancel(self) -> object: ...


Later = Callable[[float, Callable[[], None]], Timer]


def nothing() -> None:
    """Never called."""


async def cost(later: Later) -> float:
    """Microseconds each."""
    begin, waiting = time.process_time(), deque[Timer]()
    for number in range(COUNT):
        waiting.append(later(DELAY, nothing))
        if len(waiting) > IN_FLIGHT:
            waiting.popleft().cancel()
        if number % IN_FLIGHT == 0:
            await asyncio.sleep(0)
    for one in waiting:
        one.cancel()
    return 1e6 * (time.process_time() - begin) / COUNT


async def compare() -> tuple[float, float]:
    loop = asyncio.get_running_loop()
    after = readiness(loop).after
    found = [(await cost(loop.call_later), await cost(after)) for _ in range(ROUNDS)]
    return min(own for own, _ in found), min(row for _, row in found)


def loops() -> dict[str, Callable[[Coroutine[object, object, tuple[float, float]]], tuple[float, float]]]:
    known = {"asyncio": asyncio.run}
    try:
        import uvloop  # it need not be there
    except ImportError:
        return known
    return known | {"uvloop": uvloop.run}


def main() -> None:
    print("| loop | its own timer, µs | in a row, µs |\n| --- | ---: | ---: |")
    for name, run in loops().items():
        own, row = run(compare())
        print(f"| {name} | {own:.2f} | {row:.2f} |", flush=True)


if __name__ == "__main__":
    main()
