"""Which addresses are taken, in a form that finds a free one beside them fast."""

_BLOCK = 256


class Occupied:
    """A mark for each address, in blocks that exist only where something is marked.

    Which blocks are full is marked in the same way, so a search passes a block of full blocks in one step, however large the pool
    is.
    """

    __slots__ = ("_block", "_blocks", "_counts", "_full")

    def __init__(self, block: int = _BLOCK) -> None:
        self._block = block
        self._blocks: dict[int, bytearray] = {}
        self._counts: dict[int, int] = {}
        self._full: Occupied | None = None
        """The blocks that are full; None: there was none yet."""

    def mark(self, number: int) -> None:
        """`number` is taken; it was not."""
        block, inside = divmod(number, self._block)
        marks, counts = self._blocks.get(block), self._counts
        if marks is None:
            marks = self._blocks[block] = bytearray(self._block)
        marks[inside] = 1
        counts[block] = count = counts.get(block, 0) + 1
        if count == self._block:
            if self._full is None:
                self._full = Occupied(self._block)
            self._full.mark(block)

    def clear(self, number: int) -> None:
        """`number` is free again; it was taken."""
        block = number // self._block
        if self._full is not None and self._counts[block] == self._block:
            self._full.clear(block)
        self._counts[block] -= 1
        if self._counts[block]:
            self._blocks[block][number % self._block] = 0
        else:
            del self._blocks[block], self._counts[block]

    def free(self, start: int, last: int) -> int | None:
        """The first number from `start` to `last`, both included, that is not taken."""
        size, blocks = self._block, self._blocks
        while start <= last:
            block, inside = divmod(start, size)
            marks = blocks.get(block)
            if marks is None:
                return start
            found = marks.find(0, inside)
            if found >= 0:
                number = block * size + found
                return number if number <= last else None
            block += 1
            if self._full is not None and self._counts.get(block) == size:
                following = self._full.free(block, last // size)
                if following is None:
                    return None
                block = following
            start = block * size
        return None
