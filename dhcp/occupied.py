"""Which addresses are taken, in a form that finds a free one beside them fast."""

_BLOCK = 256


class Occupied:
    """A mark for each address, in blocks that exist only where something is marked.

    A search passes a full block in one step, so it costs at most (marks / block) steps however large the pool is.
    """

    __slots__ = ("_block", "_blocks", "_counts")

    def __init__(self, block: int = _BLOCK) -> None:
        self._block = block
        self._blocks: dict[int, bytearray] = {}
        self._counts: dict[int, int] = {}

    def mark(self, number: int) -> None:
        """`number` is taken; it was not."""
        block, inside = divmod(number, self._block)
        marks, counts = self._blocks.get(block), self._counts
        if marks is None:
            marks = self._blocks[block] = bytearray(self._block)
        marks[inside] = 1
        counts[block] = counts.get(block, 0) + 1

    def clear(self, number: int) -> None:
        """`number` is free again; it was taken."""
        block = number // self._block
        self._counts[block] -= 1
        if self._counts[block]:
            self._blocks[block][number % self._block] = 0
        else:
            del self._blocks[block], self._counts[block]

    def free(self, start: int, last: int) -> int | None:
        """The first number from `start` to `last`, both included, that is not taken."""
        while start <= last:
            block, inside = divmod(start, self._block)
            marks = self._blocks.get(block)
            if marks is None:
                return start
            found = -1 if self._counts[block] == self._block else marks.find(0, inside)
            if found >= 0:
                number = block * self._block + found
                return number if number <= last else None
            start = (block + 1) * self._block
        return None
