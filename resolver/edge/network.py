"""The kernel's word on networks (Linux): that something changed, and which way destinations would be reached (rtnetlink(7)).

Two sockets, opened before the process gives up its rights. What comes on the first is not read but taken as a sign: on a busy
machine it is much, and mostly of no concern. What is so now is then asked on the second; the kernel answers at once.
"""

import errno
import socket
from collections.abc import Sequence

from resolver.surroundings import Outlook, Way
from wire.errors import Malformed
from wire.netlink import LinkNews, News, RouteNews, build_link_question, build_route_question, parse_news

LINKS, IPV4_ADDRESSES, IPV4_ROUTES, IPV4_RULES = 0x1, 0x10, 0x40, 0x80
IPV6_ADDRESSES, IPV6_ROUTES, IPV6_RULES = 0x100, 0x400, 0x4_0000
"""Groups of news (linux/rtnetlink.h), as bits."""

GROUPS = LINKS | IPV4_ADDRESSES | IPV4_ROUTES | IPV4_RULES | IPV6_ADDRESSES | IPV6_ROUTES | IPV6_RULES

SIGN = 64
"""Octets read of a piece of news; the kernel cuts off the rest."""

MOST_SIGNS = 1_024
"""Pieces of news taken at once; more of them are a sign too."""

READ_SIZE = 32_768


class Network:
    """Watch `news` for reading and call `drain`, then ask for the `outlook`."""

    def __init__(self) -> None:
        """Raises OSError where there is no such kernel, or where it does not tell us."""
        self.news = _opened(GROUPS)
        try:
            self._asking = _opened(0)
        except OSError:
            self.news.close()
            raise
        self._sequence = 0

    def drain(self) -> None:
        """Take the signs away. What was lost, for there was too much, is no matter: that there was something is known."""
        for _ in range(MOST_SIGNS):
            try:
                self.news.recv(SIGN)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: there was too much
                continue

    def outlook(self, destinations: Sequence[bytes]) -> Outlook:
        """The way to each destination (4 or 16 octets) as it is now."""
        changes: dict[int, int] = {}
        return tuple(self._way(destination, changes) for destination in destinations)

    def interface(self, name: str) -> int:
        """The index of an interface. Raises OSError if there is none of that name."""
        self._sequence += 1
        link = self._ask(build_link_question(name, self._sequence))
        if not isinstance(link, LinkNews):
            raise OSError(errno.ENODEV, "no such interface")
        return link.number

    def close(self) -> None:
        """Hear nothing more."""
        self.news.close()
        self._asking.close()

    def _way(self, destination: bytes, changes: dict[int, int]) -> Way | None:
        self._sequence += 1
        route = self._ask(build_route_question(destination, self._sequence))
        if not isinstance(route, RouteNews):
            return None
        if route.interface not in changes:
            link = self._ask(build_link_question(route.interface, self._sequence))
            changes[route.interface] = link.changes if isinstance(link, LinkNews) else -1
        return Way(route.interface, route.gateway, route.source, changes[route.interface])

    def _ask(self, question: bytes) -> News | None:
        """The kernel's answer, which is there when `send` returns; None if it has none."""
        try:
            self._asking.send(question)
            return next(iter(parse_news(self._asking.recv(READ_SIZE))), None)
        except (OSError, Malformed):
            return None


def _opened(groups: int) -> socket.socket:
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise OSError("no netlink")
    opened = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
    try:
        opened.bind((0, groups))
    except OSError:
        opened.close()
        raise
    return opened
