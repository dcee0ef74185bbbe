"""The resolver cell's eye on the network it is in: changes, and sleep, make it begin anew with everybody it asks."""

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from anchorhold.facts import log
from net.addresses import number_interfaces_by
from net.clock import now, slept
from net.readiness import READ, readiness
from resolver.edge.network import Network
from resolver.settings import ResolverSettings
from resolver.surroundings import Outlook, Surroundings, Turn
from wire.units import Instant, Seconds

LOOK_AT_CLOCKS = 1.0
"""Seconds between two looks at whether the machine has slept."""

ANYWHERE = ("198.41.0.4", "2001:503:ba3e::2:30")
"""A server of the root, as somebody far away; nothing is sent there."""

MOST_DESTINATIONS = 64


@dataclass(frozen=True, slots=True)
class Means:
    """What the kernel and the clocks say. `network` is None where the kernel tells nothing."""

    network: Network | None
    now: Callable[[], Instant] = now
    slept: Callable[[], Seconds] = slept


class Whereabouts:
    """`left` is called at once when this machine comes into another network, `settled` when that has come to rest."""

    def __init__(self, means: Means, left: Callable[[], None], settled: Callable[[], None]) -> None:
        self._means = means
        self._left = left
        self._settled = settled
        self._destinations: tuple[bytes, ...] = ()
        self._surroundings = Surroundings((), means.slept())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last: Instant | None = None
        self.changes = 0

    def use(self, settings: ResolverSettings) -> None:
        """Look where these upstreams are."""
        self._destinations = destinations(settings)
        self._surroundings.aim_elsewhere(self._outlook())

    def start(self) -> None:
        """Watch from now on, on the loop that runs."""
        self._loop = asyncio.get_running_loop()
        if self._means.network is None:
            log("resolver", f"changes of the network are not told by this kernel; only {_SLEEP} is noticed")
        else:
            self._listen()
        self._loop.call_later(LOOK_AT_CLOCKS, self._look_at_clocks)

    def close(self) -> None:
        """Watch no more."""
        network, self._means = self._means.network, replace(self._means, network=None)
        if network is not None and self._loop is not None:
            readiness(self._loop).watch(network.news.fileno(), 0)
            network.close()

    def status(self) -> dict[str, object]:
        """For an operator: what is watched, how often the network changed, and how many seconds ago the last time was."""
        since = None if self._last is None else round(self._means.now() - self._last, 1)
        watched = _SLEEP if self._means.network is None else f"routes, addresses, links, {_SLEEP}"
        return {"watched": watched, "changes": self.changes, "last_change": since}

    def _outlook(self) -> Outlook:
        return () if self._means.network is None else self._means.network.outlook(self._destinations)

    def _listen(self) -> None:
        if self._means.network is not None and self._loop is not None:
            readiness(self._loop).watch(self._means.network.news.fileno(), READ, self._notice)

    def _notice(self, _events: int) -> None:
        """There is news: none is listened to until it was looked at, which may be in a moment."""
        if self._means.network is not None and self._loop is not None:
            readiness(self._loop).watch(self._means.network.news.fileno(), 0)
        self._surroundings.noticed(self._means.now())
        self._look_when_due()

    def _look_when_due(self) -> None:
        due = self._surroundings.due
        if due is None or self._loop is None:
            return
        left = due - self._means.now()
        if left > 0:
            self._loop.call_later(left, self._look_when_due)
        else:
            self._look()

    def _look_at_clocks(self) -> None:
        assert self._loop is not None  # noqa: S101 # start made it
        if self._surroundings.has_slept(self._means.slept()):
            self._look()
        self._loop.call_later(LOOK_AT_CLOCKS, self._look_at_clocks)

    def _look(self) -> None:
        if self._means.network is not None:
            self._means.network.drain()
        self._listen()
        moment = self._means.now()
        slept_for = self._means.slept()
        asleep = self._surroundings.has_slept(slept_for)
        match self._surroundings.look(self._outlook(), slept_for, moment):
            case Turn.LEFT:
                self.changes += 1
                self._last = moment
                why = "the machine has slept" if asleep else "the network is another one"
                log("resolver", f"{why}: every connection to upstreams is ended, and none is resumed")
                self._left()
            case Turn.SETTLED:
                self._settled()
            case Turn.NOTHING:
                pass
        self._look_when_due()


_SLEEP = "sleep of the machine"


def destinations(settings: ResolverSettings) -> tuple[bytes, ...]:
    """Whom to look for: every literal address of an upstream, and somebody far away."""
    asked = [server for group in settings.upstream_groups for server in group.servers]
    asked += [target.spec for target in settings.carried]
    literal = (address for server in asked for address in server.addresses)
    return tuple(_packed(address) for address in dict.fromkeys((*ANYWHERE, *literal)))[:MOST_DESTINATIONS]


def _packed(address: str) -> bytes:
    address = address.partition("%")[0]
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def open_network() -> Network | None:
    """The kernel's word on it, while sockets may still be opened; None if there is none. Interfaces are numbered by it, too."""
    try:
        network = Network()
    except OSError:
        if hasattr(socket, "AF_NETLINK"):
            number_interfaces_by(_unnumbered)
        return None
    number_interfaces_by(network.interface)
    return network


def _unnumbered(_name: str) -> int:
    # To ask the C library would end this process, once it is sealed.
    raise OSError(errno.EOPNOTSUPP, "this kernel does not number interfaces for us")
