"""Random octets of the system, drawn for many small needs at once: a draught costs much the same whether it is long or short."""

import os
from collections.abc import Callable

DRAUGHT = 512
"""Octets drawn at once. So many that are not used yet lie in memory, and none that was."""


class Entropy:
    """Callable: how many → so many octets, none of which is handed out twice. One for each process: it must not be forked."""

    __slots__ = ("_draw", "_drawn")

    def __init__(self, draw: Callable[[int], bytes] = os.urandom) -> None:
        self._draw = draw
        self._drawn = b""

    def __call__(self, count: int) -> bytes:
        """Never waits, once the machine is up."""
        if count > DRAUGHT // 8:
            return self._draw(count)
        if count > len(self._drawn):
            self._drawn = self._draw(DRAUGHT)
        taken, self._drawn = self._drawn[:count], self._drawn[count:]
        return taken
