"""Which IPv6 prefixes are taken, in a form that finds a free one of any length fast."""

_BITS = 128
_STEPS = 4_096
"""Nodes looked at in one search. Without fragments a search costs one step for each bit between the two lengths."""


class Delegated:
    """The tree of all prefixes above those that are taken, and how much of each is taken.

    A node is a number: a one, then the bits of the prefix; so `1` is ::/0. A taken prefix costs as many nodes as its length,
    most of them shared with its neighbours. Prefixes of different lengths may stand side by side, in one another too.
    """

    __slots__ = ("_used",)

    def __init__(self) -> None:
        self._used: dict[int, int] = {}

    def mark(self, prefix: bytes, length: int) -> None:
        """A prefix (16 octets) is taken."""
        self._add(prefix, length, 1 << _BITS - length)

    def clear(self, prefix: bytes, length: int) -> None:
        """A taken prefix is free again."""
        self._add(prefix, length, -(1 << _BITS - length))

    def is_free(self, prefix: bytes, length: int) -> bool:
        """True if nothing of it is taken, by itself or as a part of something larger."""
        return not self.used(prefix, length) and not self.is_covered(prefix, length)

    def used(self, prefix: bytes, length: int) -> int:
        """How many addresses of it are in taken prefixes that lie inside of it."""
        return self._used.get(node_of(prefix, length), 0)

    def free(self, within: tuple[bytes, int], length: int, draw: int, *barred: "Delegated") -> bytes | None:
        """A prefix of `length` inside of `within` that neither is taken nor has any part in `barred`.

        `draw` are `length - within[1]` bits or more that say where to look first; near that one the search goes on. None if there
        is none, or none was found in a bounded number of steps.
        """
        block, top, trees = 1 << _BITS - length, node_of(*within), (self, *barred)
        if length < within[1] or any(tree.is_covered(*within) for tree in trees):
            return None
        nodes = [top]
        for _ in range(_STEPS):
            if not nodes:
                return None
            node = nodes.pop()
            depth = node.bit_length() - 1
            used = max(tree._used.get(node, 0) for tree in trees)
            if (1 << _BITS - depth) - used < block:
                continue
            if depth < length:
                first = node << 1 | (draw >> length - depth - 1 & 1)
                nodes += (first ^ 1, first)
            elif not used:
                return ((node ^ 1 << depth) << _BITS - depth).to_bytes(16, "big")
        return None

    def is_covered(self, prefix: bytes, length: int) -> bool:
        """True if something larger that it is in is taken, all of it."""
        node = node_of(prefix, length) >> 1
        while node:
            if self._used.get(node, 0) >= 1 << _BITS + 1 - node.bit_length():
                return True
            node >>= 1
        return False

    def _add(self, prefix: bytes, length: int, space: int) -> None:
        node = node_of(prefix, length)
        while node:
            used = self._used.get(node, 0) + space
            if used:
                self._used[node] = used
            else:
                del self._used[node]
            node >>= 1


def node_of(prefix: bytes, length: int) -> int:
    """The number of a prefix's node: a one, then its first `length` bits."""
    return 1 << length | int.from_bytes(prefix, "big") >> _BITS - length
