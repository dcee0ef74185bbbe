"""Our interfaces as they are now: the kernel tells all there are, and from then on what changes (rtnetlink(7))."""

import errno
import socket
import time

from dhcp.values import Link, Own
from wire.errors import Malformed
from wire.netlink import AddressNews, Done, LinkNews, NetlinkType, build_dump, parse_news

RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
"""Groups of news (linux/rtnetlink.h)."""

READ_SIZE = 65_536
FRESH = 1.0
"""Seconds for which lifetimes of our addresses are given as they were."""


class Links:
    """Every interface, by its number. Watch `socket` for reading and call `ready`."""

    def __init__(self) -> None:
        """Asks at once. Raises OSError."""
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
        self.socket.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
        self._links: dict[int, LinkNews] = {}
        self._addresses: dict[int, dict[bytes, tuple[AddressNews, float]]] = {}
        """Of each interface: what was told of each address, and when (monotonic seconds)."""
        self._asked: list[NetlinkType] = []
        self._seen: set[int | tuple[int, bytes]] = set()
        """What was told since the last question for everything."""
        self._made: dict[int, Link] = {}
        self._made_at = 0.0
        self.failures = 0
        """How often the kernel said what does not decode, or more than it could keep for us."""
        self._ask_all()

    def close(self) -> None:
        """The cell ends."""
        self.socket.close()

    @property
    def complete(self) -> bool:
        """True once everything that was asked for has been told."""
        return not self._asked

    def wait(self, seconds: float) -> bool:
        """Read until everything is known; False if that takes longer."""
        until = time.monotonic() + seconds
        self.socket.setblocking(True)
        try:
            while not self.complete:
                self.socket.settimeout(max(0.001, until - time.monotonic()))
                self.take(self.socket.recvmsg(READ_SIZE)[0])
        except TimeoutError:
            return False
        finally:
            self.socket.setblocking(False)
        return True

    def ready(self) -> None:
        """Take all that the kernel has to say."""
        while True:
            try:
                data = self.socket.recvmsg(READ_SIZE)[0]
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                # News was lost: ask for everything anew.
                self.failures += 1
                self._ask_all()
                continue
            self.take(data)

    def take(self, data: bytes) -> None:
        """One datagram of the kernel's."""
        now = time.monotonic()
        try:
            for news in parse_news(data):
                match news:
                    case LinkNews():
                        self._take_link(news)
                    case AddressNews():
                        self._take_address(news, now)
                    case Done(error):
                        self._next_question(error)
        except Malformed:
            self.failures += 1
        self._made_at = 0.0

    def current(self) -> dict[int, Link]:
        """All interfaces by number; lifetimes of addresses are at most a second old."""
        now = time.monotonic()
        if now - self._made_at > FRESH or not self._made_at:
            self._made = {number: self._link(news, now) for number, news in self._links.items()}
            self._made_at = now
        return self._made

    def mtu(self, number: int) -> int:
        """Octets that a frame of this interface carries; 0: not known."""
        news = self._links.get(number)
        return 0 if news is None else news.mtu

    def _link(self, news: LinkNews, now: float) -> Link:
        known = self._addresses.get(news.number, {}).values()
        own = (
            Own(one.address, one.length, _left(one.preferred, now - told), _left(one.valid, now - told))
            for one, told in known
            if one.usable
        )
        return Link(news.number, news.name, news.hardware, tuple(own), news.up)

    def _take_link(self, news: LinkNews) -> None:
        if news.gone:
            self._links.pop(news.number, None)
            self._addresses.pop(news.number, None)
        else:
            self._seen.add(news.number)
            self._links[news.number] = news

    def _take_address(self, news: AddressNews, now: float) -> None:
        known = self._addresses.setdefault(news.number, {})
        if news.gone:
            known.pop(news.address, None)
        else:
            self._seen.add((news.number, news.address))
            known[news.address] = (news, now)

    def _ask_all(self) -> None:
        self._seen.clear()
        self._asked = [NetlinkType.GETLINK, NetlinkType.GETADDR]
        self._ask()

    def _ask(self) -> None:
        # One after the other: the kernel refuses a second question while it answers the first.
        self.socket.sendmsg((build_dump(self._asked[0], len(self._asked)),))

    def _next_question(self, error: int) -> None:
        if error:
            # The kernel had other things to do, or something changed meanwhile.
            self.failures += 1
            self._ask_all()
            return
        self._asked = self._asked[1:]
        if self._asked:
            self._ask()
        else:
            self._forget_unseen()

    def _forget_unseen(self) -> None:
        """Everything has been told: what was not is gone, though that news was lost."""
        for number in [number for number in self._links if number not in self._seen]:
            del self._links[number]
        for number, known in self._addresses.items():
            for address in [address for address in known if (number, address) not in self._seen]:
                del known[address]


def _left(lifetime: int | None, passed: float) -> int | None:
    return None if lifetime is None else max(0, int(lifetime - passed))


def read_links() -> dict[int, Link]:
    """All interfaces at this moment, for a command; nothing if the kernel does not say. Raises OSError."""
    links = Links()
    try:
        return links.current() if links.wait(2.0) else {}
    finally:
        links.close()
