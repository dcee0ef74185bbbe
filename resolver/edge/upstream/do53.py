"""Clear DNS: one UDP socket for each question under way, TCP when UDP is cut short or looks forged (RFC 5452, RFC 7766)."""

from collections.abc import Callable
from functools import partial

from net.datagram import Datagrams
from net.dial import MAX_ADDRESSES
from privacy.channel import Channel, Kind
from resolver.edge.upstream.cookies import CookieJar
from resolver.edge.upstream.framed import Framed
from resolver.edge.upstream.packets import Doubt, Outcome, PacketExchange, Pools
from resolver.edge.upstream.port import Ended, Tools, UpstreamFailed, Why
from resolver.edge.upstream.prompt import Afterwards
from resolver.settings import Profile, UpstreamSpec
from wire.dns.message import Message
from wire.units import Instant

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
        self._jar = CookieJar(tools.entropy)
        self._tcp = open_tcp(spec, Profile.OPPORTUNISTIC, tools)
        self._preferred = spec.addresses[0] if spec.addresses else ""
        self._open: set[PacketExchange] = set()
        self._pools: Pools = {}
        self._over_tcp = Afterwards()
        self._channel = _channel_with(b"")
        self._closed = False

    def channel(self) -> Channel:
        """The road, with the cookie for the address that answered last."""
        cookie = self._jar.content(self._preferred)
        if self._channel.cookie != cookie:
            self._channel = _channel_with(cookie)
        return self._channel

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """As the port says."""
        outcome = await self._over_udp(query, deadline)
        return await self._instead(query, deadline, outcome) if isinstance(outcome, Doubt) else outcome.data

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], object] | None:
        """As resolver.edge.upstream.port.Prompt, where the address is known."""
        if not self._spec.addresses or self._closed or len(self._open) >= MAX_OPEN:
            return None
        exchange = self._exchange(query, self._spec.addresses, deadline)

        def heard(outcome: Outcome) -> None:
            self._over(exchange)
            if isinstance(outcome, Message):
                ended(outcome.data)
            elif isinstance(outcome, Doubt):
                self._over_tcp.tell(ended, self._instead(query, deadline, outcome))
            else:
                ended(outcome)

        self._open.add(exchange)
        exchange.start(heard)
        return partial(self._over, exchange)

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
        for exchange in list(self._open):
            exchange.fail(Why.UNREACHABLE, "closed")
        for pool in self._pools.values():
            pool.close()
        await self._tcp.close()

    async def _over_udp(self, query: bytes, deadline: Instant) -> Message | Doubt:
        addresses = self._spec.addresses or await self._tools.lookup(self._spec.name)
        if not addresses:
            raise UpstreamFailed(Why.NO_ADDRESS)
        if self._closed:
            raise UpstreamFailed(Why.UNREACHABLE, "closed")
        if len(self._open) >= MAX_OPEN:
            raise UpstreamFailed(Why.BUSY, "too many questions under way")
        exchange = self._exchange(query, addresses, deadline)
        self._open.add(exchange)
        try:
            return await exchange.run()
        finally:
            self._over(exchange)

    def _exchange(self, query: bytes, addresses: tuple[str, ...], deadline: Instant) -> PacketExchange:
        targets = [(address, self._spec.port) for address in _ordered(addresses, self._preferred)]
        if targets[0] not in self._pools:
            # What a name leads to may be others from time to time.
            for pool in self._pools.values() if len(self._pools) >= MAX_ADDRESSES else ():
                pool.close()
            kept = self._pools if len(self._pools) < MAX_ADDRESSES else {}
            self._pools = {**kept, targets[0]: Datagrams(*targets[0], self._tools.entropy)}
        return PacketExchange(query, targets, deadline, self._jar, self._tools, pools=self._pools)

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
