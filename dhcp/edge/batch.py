"""What a wake-up leads to, collected: changes as they are made in the book, replies that wait for the disk."""

from dataclasses import dataclass, field
from typing import NamedTuple

from dhcp.values import LeaseChange, Reply4, Reply6


class Waiting(NamedTuple):
    """A reply, and which of the batch's changes have to be kept before it leaves: from `first` up to `end`. `limit`: octets of an
    IP datagram its client takes (0: 576)."""

    reply: Reply4 | Reply6
    first: int
    end: int
    limit: int = 0


@dataclass(slots=True)
class Batch:
    """One wake-up's."""

    changes: list[LeaseChange] = field(default_factory=list)
    replies: list[Waiting] = field(default_factory=list)

    def clear(self) -> tuple[list[LeaseChange], list[Waiting]]:
        """All of it; the batch is empty then."""
        taken = self.changes, self.replies
        self.changes, self.replies = [], []
        return taken
