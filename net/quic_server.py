"""One connection of QUIC as a server sees it (RFC 9000), by a codec of `net/quic_codecs.py`: datagrams in, datagrams out, no
socket, no clock.

Nothing a peer sends makes anything here raise.
"""

import os
from collections.abc import Callable
from typing import Protocol

from net.quic_codecs import (
    CODEC,
    CONNECTION_REFUSED,
    INTERNAL_ERROR,
    Began,
    Codec,
    Gone,
    Heard,
    Octets,
    Reset,
    ServerCore,
    Stopped,
)
from net.quic_packets import Resets
from net.quic_strain import House, Meeting, Strain

__all__ = ["Began", "Conversation", "Heard", "Octets", "Reset", "Stopped", "Terms"]

CANCELLED = 4.0
"""What a question costs that was asked and not wanted, in addition to its frames (net/quic_strain.py)."""

FAREWELL = 5.0
"""Seconds longer than a silent connection is kept that its client is told: so it hears of the end and need not find out."""


class _Common(Protocol):
    def meet(self, meeting: Meeting) -> ServerCore:
        """A connection that begins."""


def codec_of(codec: Codec) -> Callable[[House], _Common]:
    """What makes what the connections of a listener have in common. Imports it: only what is used is loaded."""
    if codec is Codec.QH3:
        from net.quic_server_qh3 import Qh3House

        return Qh3House
    from net.quic_server_aioquic import AioquicHouse

    return AioquicHouse


open_house = codec_of(CODEC)
"""At once: a sealed cell opens no file any more."""


class Terms:
    """What all connections of one listener have in common; `idle`: seconds. Raises ValueError if the PEM texts are none."""

    def __init__(self, chain: bytes, key: bytes, protocols: tuple[str, ...], idle: float, streams: int) -> None:
        self.resets = Resets(os.urandom(32))
        self.house = House(chain, key, protocols, self.resets)
        self.use(idle, streams)
        self._common = open_house(self.house)

    def use(self, idle: float, streams: int) -> None:
        """Other settings came."""
        self.house.idle = idle + FAREWELL
        self.house.streams = streams

    def meet(self, meeting: Meeting) -> ServerCore:
        """A connection that begins."""
        return self._common.meet(meeting)


class Conversation:
    """One connection. `fresh` and `stale` are connection ids that began and ceased to count; whoever looks after them empties
    them. `broken` names an exception of the core that ended it, "" if there was none."""

    __slots__ = ("_strain", "broken", "core", "fresh", "stale")

    def __init__(self, terms: Terms, original: bytes, retried: bytes | None, now: float) -> None:
        self._strain = Strain(now)
        self.core = terms.meet(Meeting(original, retried, self._strain))
        self.fresh = self.core.fresh
        self.stale = self.core.stale
        self.broken = ""

    # in

    def receive(self, datagram: bytes, now: float) -> list[Heard]:
        """Take one datagram; what came of it, in order."""
        self._strain.refill(now)
        self._strain.left -= 1.0
        if self.overstrained:
            return []
        try:
            self.core.receive(datagram, now)
        except Exception as error:  # whatever it is, it is this peer's doing and ends with it
            self._break(error)
        return self.more()

    def expire(self, now: float) -> list[Heard]:
        """The time of `timer` has come."""
        try:
            self.core.expire(now)
        except Exception as error:  # as above
            self._break(error)
        return self.more()

    def more(self) -> list[Heard]:
        """What waited until room was given back by `took`."""
        try:
            return self.core.heard()
        except Exception as error:  # as above
            self._break(error)
            return []

    def _break(self, error: Exception) -> None:
        self.broken = type(error).__name__
        self.core.end(INTERNAL_ERROR, transport=True)

    # out

    def send(self, stream: int, data: bytes, *, ended: bool) -> None:
        """Queue octets; dropped where the peer wants none any more."""
        try:
            self.core.send(stream, data, ended=ended)
        except Gone:
            # The stream was reset or is forgotten: nobody waits.
            return

    def reset(self, stream: int, code: int) -> None:
        """Send nothing more on a stream."""
        try:
            self.core.reset(stream, code)
        except Gone:
            return

    def stop(self, stream: int, code: int) -> None:
        """Ask the peer to send nothing more on a stream."""
        try:
            self.core.stop(stream, code)
        except Gone:
            return

    def close(self, code: int) -> None:
        """End it with an error code of the application."""
        self.core.end(code)

    def refuse(self) -> None:
        """End it with an error code of the transport: the server will not have it (RFC 9000 §20.1)."""
        self.core.end(CONNECTION_REFUSED, transport=True)

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams that are to be sent now."""
        if not self.started:
            return []
        try:
            return self.core.outgoing(now)
        except Exception as error:  # as above
            self._break(error)
            self.core.abandon()
            return []

    def let_go(self) -> None:
        """It is over, and nobody will ask for its datagrams or timers again."""
        self.core.let_go()

    # state

    def took(self, octets: int) -> None:
        """So many octets of streams need no room any more."""
        self.core.taken += octets

    def answered(self) -> None:
        """A question was answered: the peer is worth something."""
        self._strain.reward()

    def cancelled(self) -> None:
        """A question was asked for nothing."""
        self._strain.left -= CANCELLED

    @property
    def overstrained(self) -> bool:
        """Whether the peer cost more than it may."""
        return self._strain.left < 0.0

    @property
    def timer(self) -> float | None:
        """When `expire` is due."""
        return self.core.due() if self.started else None

    @property
    def started(self) -> bool:
        """Whether any packet could be read."""
        return self.core.started

    @property
    def closing(self) -> bool:
        """Whether one side has closed it: what comes now is of no more interest."""
        return self.core.closing

    @property
    def ended(self) -> bool:
        """Nothing more will come of it."""
        return self.core.over

    @property
    def validated(self) -> bool:
        """Whether the peer has proved that it is where it says (RFC 9000 §8.1)."""
        return self.core.validated
