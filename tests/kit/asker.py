"""Somebody honest who asks all the while, in a process of its own, so that nothing the test does holds it up."""

import multiprocessing
import time
from collections.abc import Callable

import dns.exception

FORK = multiprocessing.get_context("fork")


class Asker:
    """Calls `ask` ten times a second until the block ends. Then `waits` are the seconds of each that was answered;
    `errors` says why the `lost` ones were not."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._near, self._far = FORK.Pipe()
        self._process = FORK.Process(target=self._run, daemon=True)
        self.waits: list[float] = []
        self.errors: list[str] = []

    @property
    def lost(self) -> int:
        return len(self.errors)

    @property
    def slowest(self) -> float:
        return max(self.waits, default=0.0)

    def _run(self) -> None:
        while not self._far.poll(0.1):
            start = time.monotonic()
            try:
                self._ask()
                self.waits.append(time.monotonic() - start)
            except (
                OSError,
                EOFError,
                dns.exception.DNSException,
            ) as error:  # TimeoutError and ssl's are of the first kind
                self.errors.append(type(error).__name__)
        self._far.send((self.waits, self.errors))

    def __enter__(self) -> "Asker":
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._near.send(None)
        if self._near.poll(60.0):
            self.waits, self.errors = self._near.recv()
        else:
            self.errors.append("it hangs")
            self._process.kill()
        self._process.join()
