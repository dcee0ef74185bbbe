"""Clear DNS: one UDP socket for each question under way, TCP when UDP is cut short or looks forged (RFC 5452, RFC 7766)."""

import asyncio
from collections.abc import Callable
from functools import partial

from net.datagram import Datagrams
from net.dial import MAX_ADDRESSES
from privacy.channel import Channel, Kind
from resolver.edge.upstream.cookies import CookieJar
from resolver.edge.upstream.framed import Framed
from resolver.edge.upstream.packets import RESEND_AFTER, Doubt, Outcome, PacketExchange, Pools
from resolver.edge.upstream.port import Ended, Tools, UpstreamFailed, Why
from resolver.edge.upstream.prompt import Afterwards
from resolver.edge.upstream.usual import UsualPacket
from resolver.settings import Profile, UpstreamSpec
from wire.dns.message import Message
from wire.units import Instant

ADDITIONALS, NOTHING = slice(10, 12), b"\0\0"
"""Where a message says how many additional records it has; without one it has no cookie."""

MAX_OPEN = 1024
"""Questions under way to one upstream, each with a socket or two."""


def open_udp(spec: UpstreamSpec, profile: Profile, tools: Tools) -> "Udp":
    """A server over UDP, and over TCP at the same port where UDP does not do."""
    return Udp(spec, tools)


def open_tcp(spec: UpstreamSpec, profile: Profile, tools: Tools) -> Framed:
    """A server over clear TCP. It gets no cookie unless UDP came first: the handshake shows both addresses already, and a
    cookie would link our connections."""
    return Framed(spec, tools, Channel(Kind.TCP, encrypted=False, authenticated=False), None)


class Udp:
    """One server over UDP."""

    def __init__(self, spec: UpstreamSpec, tools: Tools) -> None:
        self._spec = spec
        self._tools = tools
        self.jar = CookieJar(tools.entropy)
        self._tcp = open_tcp(spec, Profile.OPPORTUNISTIC, tools)
        self._preferred = spec.addresses[0] if spec.addresses else ""
        self._open: set[PacketExchange] = set()
        self._usual: dict[UsualPacket, None] = {}
        """In the order in which they were sent, and so in which they are late."""
        self._timer: asyncio.TimerHandle | None = None
        self._pools: Pools = {}
        self._over_tcp = Afterwards()
        self._channel = _channel_with(b"")
        self._closed = False

    def channel(self) -> Channel:
        """The road, with the cookie for the address that answered last."""
        cookie = self.jar.content(self._preferred)
        if self._channel.cookie != cookie:
            self._channel = _channel_with(cookie)
        return self._channel

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """As the port says."""
        outcome = await self._over_udp(query, deadline)
        return await self._instead(query, deadline, outcome) if isinstance(outcome, Doubt) else outcome.data

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], object] | None:
        """As resolver.edge.upstream.port.Prompt, where the address is known."""
        if not self._spec.addresses or self._closed or self._under_way >= MAX_OPEN:
            return None
        usual = UsualPacket(self, query, self._tools.now(), deadline, ended)
        if usual.started + RESEND_AFTER[0] < deadline and self._send(usual):
            return usual.give_up
        exchange = self._exchange(query, self._spec.addresses, deadline)
        self._open.add(exchange)
        exchange.start(partial(self._heard, exchange, query, deadline, ended))
        return partial(self._over, exchange)

    @property
    def _under_way(self) -> int:
        return len(self._open) + len(self._usual)

    def _send(self, usual: UsualPacket) -> bool:
        """Whether it is under way. What the kernel does not do is found out and counted by who may do something about it."""
        address, query, entropy = self._preferred, usual.query, self._tools.entropy
        cookie = self.jar.content(address)
        if cookie not in query:
            if query[ADDITIONALS] != NOTHING:
                return False
            cookie = b""
        try:
            usual.send(address, cookie, self._pool(address), entropy(2) + query[2:])
        except OSError:
            return False
        if not usual.datagram.chosen:
            self._tools.count("udp-port-by-kernel")
        self._usual[usual] = None
        if self._timer is None:
            self._set_timer()
        return True

    def _look_at_late(self) -> None:
        """Those that were sent too long ago are gone on with; then the next one's time counts."""
        start = self._tools.now() - RESEND_AFTER[0]
        try:
            while (usual := next(iter(self._usual), None)) is not None and usual.started <= start:
                usual.late()
        finally:
            self._set_timer()

    def _set_timer(self) -> None:
        first = next(iter(self._usual), None)
        self._timer = None
        if first is not None and not self._closed:
            due = first.started + RESEND_AFTER[0] - self._tools.now()
            self._timer = asyncio.get_running_loop().call_later(max(due, 0.0), self._look_at_late)

    def over(self, usual: UsualPacket) -> None:
        """As resolver.edge.upstream.usual.Owner."""
        self._usual.pop(usual, None)

    def go_on(self, usual: UsualPacket, came: bytes | OSError | None) -> Callable[[], object]:
        """Likewise."""
        exchange = self._exchange(usual.query, self._spec.addresses, usual.deadline)
        self._open.add(exchange)
        leg = usual.address, usual.packet, usual.datagram, usual.pool
        ended = partial(self._heard, exchange, usual.query, usual.deadline, usual.ended)
        exchange.go_on(leg, usual.started, came, ended)
        return partial(self._over, exchange)

    def _heard(self, exchange: PacketExchange, query: bytes, deadline: Instant, ended: Ended, outcome: Outcome) -> None:
        self._over(exchange)
        if isinstance(outcome, Message):
            ended(outcome.data)
        elif isinstance(outcome, Doubt):
            self._over_tcp.tell(ended, self._instead(query, deadline, outcome))
        else:
            ended(outcome)

    async def _instead(self, query: bytes, deadline: Instant, outcome: Doubt) -> bytes:
        """Over TCP, for UDP will not do. Raises UpstreamFailed."""
        self._tools.count(outcome.value)
        try:
            return await self._tcp.exchange(query, deadline)
        except UpstreamFailed as failure:
            if outcome is Doubt.NEAR_MISS:
                raise UpstreamFailed(Why.MISMATCH, f"then over TCP: {failure}") from None
            raise

    async def close(self) -> None:
        """As the port says."""
        self._closed = True
        for usual in tuple(self._usual):
            usual.fail(UpstreamFailed(Why.UNREACHABLE, "closed"))
        for exchange in list(self._open):
            exchange.fail(Why.UNREACHABLE, "closed")
        if self._timer is not None:
            self._timer.cancel()
        for pool in self._pools.values():
            pool.close()
        await self._tcp.close()

    async def _over_udp(self, query: bytes, deadline: Instant) -> Message | Doubt:
        addresses = self._spec.addresses or await self._tools.lookup(self._spec.name)
        if not addresses:
            raise UpstreamFailed(Why.NO_ADDRESS)
        if self._closed:
            raise UpstreamFailed(Why.UNREACHABLE, "closed")
        if self._under_way >= MAX_OPEN:
            raise UpstreamFailed(Why.BUSY, "too many questions under way")
        exchange = self._exchange(query, addresses, deadline)
        self._open.add(exchange)
        try:
            return await exchange.run()
        finally:
            self._over(exchange)

    def _exchange(self, query: bytes, addresses: tuple[str, ...], deadline: Instant) -> PacketExchange:
        targets = [(address, self._spec.port) for address in _ordered(addresses, self._preferred)]
        self._pool(targets[0][0])
        return PacketExchange(query, targets, deadline, self.jar, self._tools, RESEND_AFTER, self._pools)

    def _pool(self, address: str) -> Datagrams:
        target = address, self._spec.port
        found = self._pools.get(target)
        if found is None:
            # What a name leads to may be others from time to time.
            for pool in self._pools.values() if len(self._pools) >= MAX_ADDRESSES else ():
                pool.close()
            kept = self._pools if len(self._pools) < MAX_ADDRESSES else {}
            found = Datagrams(*target, self._tools.entropy)
            self._pools = {**kept, target: found}
        return found

    def _over(self, exchange: PacketExchange) -> None:
        """It has ended, or nobody wants its end."""
        self._open.discard(exchange)
        exchange.close()
        self._preferred = exchange.answered_by or self._preferred


def _channel_with(cookie: bytes) -> Channel:
    return Channel(Kind.UDP, encrypted=False, authenticated=False, cookie=cookie)


def _ordered(addresses: tuple[str, ...], preferred: str) -> list[str]:
    """The address that answered last comes first, the others as configured."""
    if len(addresses) == 1:
        return list(addresses)
    return sorted(addresses[:MAX_ADDRESSES], key=lambda address: address != preferred)
