"""What a client of ours may cost and hold over QUIC, whichever codec reads its packets, and the sessions it may resume."""

from typing import Any, NamedTuple, Protocol

from net.quic_packets import Resets

UNIDIRECTIONAL = 8
"""Unidirectional streams that a client may have open: HTTP/3 needs three."""

WINDOW = 128 * 1024
"""Octets that a client may send ahead of what was taken, over all its streams: nearly two of the longest messages."""
STREAM_WINDOW = 72 * 1024
"""The same on one stream: one message and its wrapping."""

MOST_UNEXPLAINED = 32 * 1024
UNEXPLAINED_TOGETHER = 8 * 1024 * 1024
"""Octets of datagrams that brought no stream further, in the whole life of a connection and of all of a listener that are there,
where we do not see what is in them. Who has more than the former goes once all have the latter. An honest client has some where
packets were lost, and more if it pads them; pieces of CRYPTO with a gap before them qh3 keeps, 512 KiB for each connection."""

STRAIN_START, STRAIN_MOST = 256.0, 1_024.0
STRAIN_REFILL = 64.0
"""A second."""
STRAIN_REWARD = 8.0
STRAIN_FRAME = 0.25


class Strain:
    """What a peer may cost before it has asked for anything: a datagram or a control frame is 1, a frame of content 0.25, an
    answered question gives 8 back, a cancelled one takes 4."""

    __slots__ = ("left", "updated")

    def __init__(self, now: float) -> None:
        self.left = STRAIN_START
        self.updated = now

    def refill(self, now: float) -> None:
        """What time gives back."""
        self.left = min(STRAIN_MOST, self.left + (now - self.updated) * STRAIN_REFILL)
        self.updated = now

    def reward(self) -> None:
        """A question was answered."""
        self.left = min(STRAIN_MOST, self.left + STRAIN_REWARD)


class Session(Protocol):
    """Of TLS, as either codec has it: known by its label."""

    ticket: bytes


class Tickets:
    """TLS sessions that may be resumed: in memory only, each once (RFC 8446 §C.4), the oldest forgotten first."""

    MOST = 1_024

    def __init__(self) -> None:
        self._kept: dict[bytes, Any] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, ticket: Session) -> None:
        """Remember one that was just given out."""
        if len(self._kept) >= self.MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[ticket.ticket] = ticket

    def take(self, label: bytes) -> Any:
        """The session behind it, which is then forgotten; None if there is none."""
        return self._kept.pop(label, None)


class House:
    """What all connections of one listener have in common: certificates and their key (PEM), protocols (ALPN), idle seconds,
    streams at once, sessions, and the secret of resets. `unexplained`: as in UNEXPLAINED_TOGETHER, now."""

    def __init__(self, chain: bytes, key: bytes, protocols: tuple[str, ...], resets: Resets) -> None:
        self.chain = chain
        self.key = key
        self.protocols = protocols
        self.idle = 0.0
        self.streams = 0
        self.unexplained = 0
        self.tickets = Tickets()
        self.resets = resets


class Meeting(NamedTuple):
    """A connection that begins: the id its client chose first, the one it was told to come back to, if so, and its strain."""

    original: bytes
    retried: bytes | None
    strain: Strain
