"""What a wake-up leads to, collected: changes as they are made in the book, replies that wait for the disk."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dhcp.edge.probe import Message
from dhcp.values import Address, Kind, LeaseChange, Reply4, Reply6, concerns_disk, place_of
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.codes6 import MessageType6

_OFFER = bytes((MessageType4.OFFER,))
_ADVERTISE = bytes((MessageType6.ADVERTISE,))
_ADDRESS4 = Kind.ADDRESS4
_TYPE = int(Option4.MESSAGE_TYPE)


class Waiting(NamedTuple):
    """A reply, and which of the batch's changes have to be kept before it leaves: from `first` up to `end`. `limit`: octets of an
    IP datagram its client takes (0: 576)."""

    reply: Reply4 | Reply6
    first: int
    end: int
    limit: int = 0
    message: Message | None = None
    """What it answers."""


@dataclass(slots=True)
class Batch:
    """One wake-up's."""

    changes: list[LeaseChange] = field(default_factory=list)
    replies: list[Waiting] = field(default_factory=list)
    durable: list[LeaseChange] = field(default_factory=list)
    """Those of the changes that are."""
    _due: set[tuple[Kind, Address]] = field(default_factory=set)
    """The addresses of which the disk has to be told something."""

    def add(self, changes: Sequence[LeaseChange]) -> None:
        """These were made in the book, after all others."""
        self.changes += changes
        for change in changes:
            if concerns_disk(change):
                self.durable.append(change)
                self._due.add(place_of(change))

    def needs_no_disk(self, waiting: Waiting) -> bool:
        """True if the reply may leave before anything is kept: an OFFER or Advertise (it promises nothing, RFC 2131 §3.1 (2))
        that rests on nothing durable.

        Its own changes are in memory alone, and of no address in them, nor of the one it tells, is the disk to be told: so none
        of them is taken back if the disk fails, for a change goes with another only if both are about one address.
        """
        reply, due = waiting.reply, self._due
        if isinstance(reply, Reply6):
            # What it tells besides its changes are leases that the client has.
            if reply.data[:1] != _ADVERTISE:
                return False
        else:
            packet = reply.packet
            if packet.options.get(_TYPE) != _OFFER or (due and (_ADDRESS4, packet.yiaddr) in due):
                return False
        return not due or due.isdisjoint(map(place_of, self.changes[waiting.first : waiting.end]))

    def clear(self) -> tuple[list[LeaseChange], list[Waiting]]:
        """All of it; the batch is empty then."""
        taken = self.changes, self.replies
        self.changes, self.replies, self.durable, self._due = [], [], [], set()
        return taken
