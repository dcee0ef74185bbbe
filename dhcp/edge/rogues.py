"""Other servers and routers on our links: noticed, counted, and said once an hour for each link. They are left alone."""

import socket
from collections import Counter
from collections.abc import Callable

from dhcp.edge.frames import receive_frames
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.frames import parse_datagram
from wire.dhcp.packet4 import parse_packet4
from wire.errors import Malformed
from wire.units import Instant

SAY_EVERY = 3_600.0
"""Seconds between two lines about the same thing on the same link."""

OTHER_SERVER4, OTHER_SERVER6, OTHER_ROUTER = "other-server-heard", "other-server6-heard", "other-router-heard"
"""Counters."""

_OF_SERVERS = frozenset({MessageType4.OFFER, MessageType4.ACK, MessageType4.NAK})
_TEXTS = {
    OTHER_SERVER4: "another DHCP server answers clients there",
    OTHER_SERVER6: "another DHCPv6 server answers clients there",
    OTHER_ROUTER: "another router advertises itself there",
}
_FRAME = 2_048
"""Octets read of a frame; the type of a message stands at its beginning, or the frame is passed over."""


class Rogues:
    """What was noticed."""

    def __init__(self, counters: Counter[str], report: Callable[[str], None]) -> None:
        self._counters = counters
        self._report = report
        self._said: dict[tuple[str, str], float] = {}

    def notice(self, what: str, link: str, now: Instant) -> None:
        """One of the three was heard on the interface `link`."""
        self._counters[what] += 1
        if now - self._said.get((what, link), -SAY_EVERY) >= SAY_EVERY:
            self._said[what, link] = now
            self._report(f"{link}: {_TEXTS[what]}")

    def hear_frames(self, endpoint: socket.socket, link: str, now: Instant) -> None:
        """Frames from port 67 to port 68 that the kernel let through: none of them is ours."""
        for frame in receive_frames(endpoint, _FRAME):
            if _is_reply(frame):
                self.notice(OTHER_SERVER4, link, now)


def _is_reply(frame: bytes) -> bool:
    try:
        packet = parse_packet4(parse_datagram(frame).data)
    except Malformed:
        return False
    kind = packet.options.get(Option4.MESSAGE_TYPE, b"")
    return packet.op == 2 and len(kind) == 1 and kind[0] in _OF_SERVERS
