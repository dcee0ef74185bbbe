"""What leaves: replies become octets one by one, and those over UDP go many in one call."""

import socket
from collections import Counter

from dhcp.edge.interfaces import Interface, Interfaces
from dhcp.edge.links import Links
from dhcp.edge.opening import Role
from dhcp.edge.sockets4 import frame4, message4
from dhcp.edge.sockets6 import send6
from dhcp.values import Path, Reply4, Reply6
from net.messages import Message, send_all
from net.sockets import NOW
from wire.dhcp.packet4 import fit_packet4

_UDP4, _FRAMES, _FRAME = Role.UDP4, Role.FRAMES, Path.FRAME
"""Not looked up for each message: members of an enum cost more."""


class Outbox:
    """Replies on their way. What cannot be sent is counted, and its client's patience makes it good."""

    def __init__(self, interfaces: Interfaces, links: Links, counters: Counter[str]) -> None:
        self._interfaces = interfaces
        self._links = links
        self._counters = counters
        self._waiting: dict[int, list[Message]] = {}
        """What goes over UDP and has not left yet, by interface."""

    def put(self, reply: Reply4 | Reply6, limit: int) -> None:
        """A reply that may leave: by the next `flush` it has. `limit`: octets of an IP datagram its client takes (0: 576)."""
        interface = self._interfaces.get(reply.interface)
        if interface is None:
            self._failed()
        elif isinstance(reply, Reply4):
            self._put4(interface, reply, limit)
        elif Role.UDP6 not in interface.sockets or not send6(interface.sockets[Role.UDP6], reply):
            self._failed()

    def flush(self) -> None:
        """All of it leaves."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        for number, messages in waiting.items():
            interface = self._interfaces.get(number)
            udp = interface.sockets.get(_UDP4) if interface is not None else None
            went = send_all(udp, messages) if udp is not None else 0
            if went < len(messages):
                self._failed(len(messages) - went)

    def _put4(self, interface: Interface, reply: Reply4, limit: int) -> None:
        number = interface.number
        if limit:
            limit = min(limit, self._links.mtu(number) or limit)
        data, dropped = fit_packet4(reply.packet, limit, reply.shared)
        if dropped:
            self._counters["options-dropped"] += len(dropped)
        if reply.path is _FRAME and self._send_frame(interface, reply, data):
            return
        waiting = self._waiting.get(number)
        if waiting is None:
            waiting = self._waiting[number] = []
        waiting.append(message4(reply, data))

    def _send_frame(self, interface: Interface, reply: Reply4, data: bytes) -> bool:
        """Whether it goes in a frame."""
        link, frames = self._links.current().get(interface.number), interface.sockets.get(_FRAMES)
        frame = frame4(reply, data, link.hardware) if link is not None else None
        if frame is None:
            return False
        if frames is None or not _leaves(frames, frame):
            self._failed()
        return True

    def _failed(self, count: int = 1) -> None:
        self._counters["not-sent"] += count


def _leaves(endpoint: socket.socket, frame: bytes) -> bool:
    try:
        endpoint.sendmsg((frame,), (), NOW)
    except OSError:
        return False
    return True
