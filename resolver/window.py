"""How many questions the resolver has open for one who asks it, by how late it is with what it has to do: pure.

What is open shares one core. Past what that can do, each further question only makes all others slower, and who is let in first
has nothing of it; where it waits outside, its turn can come sooner or later (`resolver.edge.turns`). But many a question waits
for a server and costs nothing meanwhile, so it is not their number that says whether more can be borne.
"""

LATE, PROMPT = 0.03, 0.015
"""Seconds after its time that something is done: too many are open; more can be borne."""

LEAST = 32
"""Questions that may be open however late it is."""

DOWN, UP, MORE = 0.8, 1.15, 4.0
"""By how much the number changes at one look."""


class Window:
    """`size`: how many may be open, at most `most`."""

    __slots__ = ("_most", "_size")

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = float(most)

    @property
    def size(self) -> int:
        """Questions."""
        return int(self._size)

    @property
    def whole(self) -> bool:
        """Whether it is as large as ever."""
        return self._size >= self._most

    def look(self, late: float) -> None:
        """So many seconds late it was looked at; to be called again and again, but not more often than things change."""
        if late > LATE:
            self._size = max(self._size * DOWN, float(min(LEAST, self._most)))
        elif late < PROMPT:
            self._size = min(self._size * UP + MORE, float(self._most))
