"""What a device that comes for the first time would meet on a link: a DISCOVER that nobody sent, and nothing comes of it."""

from dhcp.book import LeaseBook
from dhcp.ground import Ground
from dhcp.server4 import handle4
from dhcp.values import Arrival
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.packet4 import Packet4
from wire.units import Epoch

NOBODY = bytes.fromhex("00005e005300")
"""A hardware address for documentation (RFC 9542 §2.1.2): no device has it."""

_ZERO, _EVERYBODY = bytes(4), b"\xff" * 4
_ETHERNET = 1


def meet(interface: int, book: LeaseBook, ground: Ground, now: Epoch) -> str:
    """`Outcome.why` of the answer it would get on the link with this index."""
    options = {int(Option4.MESSAGE_TYPE): bytes((MessageType4.DISCOVER,))}
    packet = Packet4(1, _ETHERNET, 0, 0, 0, 0, _ZERO, _ZERO, _ZERO, _ZERO, NOBODY, b"", b"", options)
    return handle4(packet, Arrival(interface, _ZERO, _EVERYBODY, NOBODY), book, ground, now).why
