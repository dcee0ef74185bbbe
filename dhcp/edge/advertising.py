"""Router advertisements as sockets carry them; what they say and when is decided in `dhcp/advertise.py`."""

import random
import secrets
from collections import Counter

from dhcp.addresses import is_link_local
from dhcp.advertise import Advertising as Memory
from dhcp.advertise import Step, advertise, farewell, hear_solicitation
from dhcp.edge.interfaces import Interface, Interfaces
from dhcp.edge.links import Links
from dhcp.edge.opening import Role
from dhcp.edge.rogues import OTHER_ROUTER, Rogues
from dhcp.edge.sockets6 import ALL_NODES, send_icmp6
from dhcp.offer import offer_on
from dhcp.settings import Advertised, DhcpSettings
from dhcp.values import Arrival, Link
from net.clock import now as monotonic
from wire.dhcp.ra import ROUTER_SOLICITATION, parse_router_advertisement, parse_router_solicitation
from wire.errors import Malformed
from wire.units import Instant

LOOK_EVERY = 30.0
"""Seconds between two looks whether there is something else to say: our addresses may come to their end by themselves."""

_LONG_AGO = 60.0


class Advertising:
    """All interfaces on which something is advertised, or was."""

    def __init__(
        self,
        settings: DhcpSettings,
        interfaces: Interfaces,
        links: Links,
        rogues: Rogues,
        counters: Counter[str],
    ) -> None:
        # When an advertisement comes is no secret; seeded once, for the cell asks the system nothing later.
        self._chance = random.Random(secrets.randbits(128)).random  # noqa: S311
        self._settings = settings
        self._interfaces = interfaces
        self._links = links
        self._rogues = rogues
        self._counters = counters
        self._memories: dict[int, Memory] = {}
        self._parting: dict[int, tuple[Advertised, Memory]] = {}
        """Where the last words are still to be repeated, with the settings of before."""
        self._look_at = 0.0

    def use(self, settings: DhcpSettings, now: Instant) -> None:
        """A new configuration. Where it advertises nothing any more, that is said."""
        still = {one.interface for one in settings.advertised}
        for interface in self._interfaces:
            if interface.name not in still:
                self._part(interface, now)
            elif interface.number in self._parting:
                _, self._memories[interface.number] = self._parting.pop(interface.number)
        self._settings = settings
        self._look_at = 0.0

    def look(self) -> None:
        """Interfaces or addresses have changed: there may be something else to say."""
        self._look_at = 0.0

    def turn(self, now: Instant) -> None:
        """Send what is due."""
        every = now >= self._look_at
        if not (every or self._memories or self._parting):
            return
        if every:
            self._look_at = now + LOOK_EVERY
            there = {interface.number for interface in self._interfaces}
            for number in [number for number in self._memories if number not in there]:
                del self._memories[number]
        for interface in self._interfaces:
            memory = self._memories.get(interface.number, Memory())
            if every or (memory.due is not None and memory.due <= now):
                self._step(interface, memory, now)
            if interface.number in self._parting:
                self._repeat(interface, now)

    def due(self, now: Instant) -> float | None:
        """Seconds until `turn` has something to do; None: nothing is advertised."""
        memories = [*self._memories.values(), *(memory for _, memory in self._parting.values())]
        dues = [float(memory.due) for memory in memories if memory.due is not None]
        if self._settings.advertised:
            dues.append(self._look_at)
        return max(0.0, min(dues) - now) if dues else None

    def hear(self, interface: Interface, data: bytes, arrival: Arrival, hops: int) -> None:
        """A host's solicitation, or another router's advertisement."""
        try:
            if data[:1] == bytes((ROUTER_SOLICITATION,)):
                parse_router_solicitation(data, hops, arrival.source)
                self._hear_solicitation(interface.number)
            else:
                parse_router_advertisement(data, hops, arrival.source)
                self._hear_router(interface, arrival)
        except Malformed:
            self._counters["malformed-neighbour"] += 1

    def cease(self) -> None:
        """The cell ends: the last word on every interface."""
        for interface in self._interfaces:
            self._part(interface, monotonic())

    def _hear_solicitation(self, number: int) -> None:
        memory = self._memories.get(number)
        if memory is not None:
            self._counters["solicited"] += 1
            self._memories[number] = hear_solicitation(memory, monotonic(), self._chance())

    def _hear_router(self, interface: Interface, arrival: Arrival) -> None:
        link = self._links.current().get(interface.number)
        own = link is not None and any(one.address == arrival.source for one in link.addresses)
        if own:
            return
        if self._advertised(interface.name) is None:
            # Where we advertise nothing somebody else is the router, and that is as it should be.
            self._counters["router-heard"] += 1
        else:
            self._rogues.notice(OTHER_ROUTER, interface.name, monotonic())

    def _step(self, interface: Interface, memory: Memory, now: Instant) -> None:
        link = self._links.current().get(interface.number)
        settings = self._advertised(interface.name)
        if link is None or (settings is None and memory == Memory()):
            return
        step = advertise(settings, link, offer_on(self._settings, link), memory, now, self._chance())
        self._memories[interface.number] = step.state
        self._send(interface, link, step)

    def _part(self, interface: Interface, now: Instant) -> None:
        """The last word, at once; where we go on, it is said twice more, three seconds apart (RFC 4861 §6.2.5)."""
        memory = self._memories.pop(interface.number, None)
        link = self._links.current().get(interface.number)
        settings = self._advertised(interface.name)
        if memory is None or link is None or settings is None or memory.sent < 0:
            return
        early = memory._replace(sent=Instant(min(memory.sent, now - _LONG_AGO)))
        step = farewell(settings, link, early, now)
        self._parting[interface.number] = settings, step.state
        self._send(interface, link, step)

    def _repeat(self, interface: Interface, now: Instant) -> None:
        settings, memory = self._parting[interface.number]
        link = self._links.current().get(interface.number)
        if memory.due is None or link is None or Role.ICMP6 not in interface.sockets:
            del self._parting[interface.number]
        elif memory.due <= now:
            step = farewell(settings, link, memory, now)
            self._parting[interface.number] = settings, step.state
            self._send(interface, link, step)

    def _send(self, interface: Interface, link: Link, step: Step) -> None:
        endpoint = interface.sockets.get(Role.ICMP6)
        if step.data is None or endpoint is None:
            return
        source = next(
            (one.address for one in link.addresses if len(one.address) == 16 and is_link_local(one.address)), b""
        )
        sent = send_icmp6(endpoint, step.data, ALL_NODES, interface.number, source)
        self._counters["router-advertised" if sent else "not-sent"] += 1
        if step.left_out:
            self._counters["options-dropped"] += step.left_out

    def _advertised(self, name: str) -> Advertised | None:
        return next((one for one in self._settings.advertised if one.interface == name), None)
