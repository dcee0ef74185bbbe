"""The end on which a cell that knows clients is asked for operators: by the first `front`, which has their socket."""

import json
import os
from collections.abc import Callable

from anchorhold.cells.dhcp_pair import FrontPair
from anchorhold.cells.readiness import Readiness
from anchorhold.control_requests import Line
from net.sockets import adopt

Answer = Callable[[int, bytes], Line]
"""Takes a verb and its argument."""


class Asked:
    """`accuse` is called if what comes does not decode."""

    def __init__(self, selector: Readiness, answer: Answer, accuse: Callable[[], None]) -> None:
        self._selector = selector
        self._answer = answer
        self._accuse = accuse
        self._pair: FrontPair | None = None
        self._waiting = -1
        """The end of a fresh pair that nothing was done with yet."""

    def take(self, descriptor: int) -> None:
        """Keep a fresh pair."""
        if self._waiting >= 0:
            os.close(self._waiting)
        self._waiting = descriptor

    def open(self) -> None:
        """Answer on the newest pair."""
        if self._waiting < 0:
            return
        if self._pair is not None:
            self._pair.close()
        self._pair = FrontPair(adopt(self._waiting), self._selector, self._say, self._accuse)
        self._waiting = -1

    def flush(self) -> None:
        """Write what was collected."""
        if self._pair is not None:
            self._pair.flush()

    def _say(self, verb: int, argument: bytes) -> str:
        return json.dumps(self._answer(verb, argument))
