"""Authoritative servers over clear UDP, and over TCP where UDP does not do: one object for each endpoint, a few thousand kept."""

import asyncio
from collections import OrderedDict

from privacy.channel import Channel, Kind
from resolver.edge.converse import converse
from resolver.edge.upstream.cookies import CookieJar
from resolver.edge.upstream.do53 import open_tcp
from resolver.edge.upstream.framed import Framed
from resolver.edge.upstream.packets import Doubt, PacketExchange
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.iterate.port import Ask, Endpoint
from resolver.settings import Profile, UpstreamSpec
from wire.dns.codes import QueryFlag
from wire.dns.message import Message
from wire.units import Instant

KEPT = 2_000
"""Authorities with their cookies and connections."""

STREAM_PATIENCE, LONGEST_STREAM = 3.0, 3.0
"""How many times longer than a packet a stream may take (it needs three round trips), and at most how many seconds."""

_DO = int(QueryFlag.DO)


class Authority:
    """One endpoint. `packets` of an exchange: how many queries left."""

    def __init__(self, endpoint: Endpoint, tools: Tools) -> None:
        self._endpoint = endpoint
        self._tools = tools
        self._jar = CookieJar(tools.entropy)
        self._stream: Framed | None = None
        self._packets: set[PacketExchange] = set()
        self.open = 0

    async def exchange(self, ask: Ask) -> "Exchange":
        """One question there and back; its outcome is in the exchange, never raised."""
        exchange = Exchange(self, ask)
        self.open += 1
        try:
            deadline = Instant(min(self._tools.now() + ask.timeout, ask.until))
            exchange.data = await converse(exchange, ask.question, _DO, self._tools.entropy, deadline)
        except UpstreamFailed as failure:
            exchange.failure = failure.why
        finally:
            self.open -= 1
        return exchange

    def channel(self, edns: bool) -> Channel:
        """The road, with the cookie for it."""
        cookie = self._jar.content(self._endpoint.address) if edns else b""
        return Channel(Kind.UDP, encrypted=False, authenticated=False, cookie=cookie, edns=edns, recursion=False)

    async def over_udp(self, query: bytes, deadline: Instant) -> Message | Doubt:
        """One packet, not repeated: whoever asks decides whom to ask next. Raises UpstreamFailed."""
        exchange = PacketExchange(query, (self._endpoint,), deadline, self._jar, self._tools, ())
        self._packets.add(exchange)
        try:
            return await exchange.run()
        finally:
            self._packets.discard(exchange)
            exchange.close()

    async def over_tcp(self, query: bytes, ask: Ask) -> bytes:
        """On the one connection to this endpoint. Raises UpstreamFailed."""
        if self._stream is None:
            address, port = self._endpoint
            self._stream = open_tcp(UpstreamSpec("tcp", "", (address,), port, ""), Profile.OPPORTUNISTIC, self._tools)
        patience = min(ask.timeout * STREAM_PATIENCE, LONGEST_STREAM)
        deadline = Instant(min(self._tools.now() + patience, ask.until))
        return await self._stream.exchange(query, deadline, ask.room)

    async def close(self) -> None:
        """End the connection, if there is one, and what is under way."""
        for exchange in list(self._packets):
            exchange.fail(Why.UNREACHABLE, "closed")
        if self._stream is not None:
            await self._stream.close()


class Exchange:
    """One question on its way to an authority, over UDP first unless `ask` says otherwise."""

    def __init__(self, authority: Authority, ask: Ask) -> None:
        self._authority = authority
        self._ask = ask
        self.packets = 0
        self.over_tcp = False
        self.data = b""
        self.message: Message | None = None
        """The response as walked, if it came over UDP."""
        self.failure: Why | None = None

    def channel(self) -> Channel:
        """The road, as `conceal` must know it."""
        return self._authority.channel(self._ask.edns)

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """As `converse` wants it. Raises UpstreamFailed."""
        if not self._ask.stream:
            self.packets += 1
            outcome = await self._authority.over_udp(query, deadline)
            if not isinstance(outcome, Doubt):
                self.message = outcome
                return outcome.data
        self.packets += 1
        self.over_tcp = True
        return await self._authority.over_tcp(query, self._ask)


class Authorities:
    """The authorities talked to of late; the least recently used are closed."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._kept: OrderedDict[Endpoint, Authority] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def at(self, endpoint: Endpoint) -> Authority:
        """The one at `endpoint`."""
        authority = self._kept.get(endpoint)
        if authority is None:
            authority = self._kept[endpoint] = Authority(endpoint, self._tools)
            if len(self._kept) > KEPT:
                self._close_oldest()
        else:
            self._kept.move_to_end(endpoint)
        return authority

    def _close_oldest(self) -> None:
        endpoint, authority = next(iter(self._kept.items()))
        if authority.open:
            self._kept.move_to_end(endpoint)
            return
        del self._kept[endpoint]
        task = asyncio.get_running_loop().create_task(authority.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """End every connection."""
        for authority in list(self._kept.values()):
            await authority.close()
