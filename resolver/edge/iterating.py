"""Iteration over real sockets: the `Outside` of resolver/iterate/, and one `Iterator` for each iteration in the settings."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from net.clock import now as clock
from privacy.memory import Fact
from resolver.cache.rrsets import RRsetMemory
from resolver.dnssec.anchors import TrustAnchor
from resolver.edge.authority import Authorities, Exchange
from resolver.edge.gate import Gate
from resolver.edge.place import ASKED_AGAIN, Place
from resolver.edge.probing import DOT_PORT, Encryption
from resolver.edge.sharing import Shared
from resolver.edge.transfer import Means, RootKeeper, Sharing, Source, no_anchor
from resolver.edge.upstream.port import Tools
from resolver.edge.upstream.port import Why as Reason
from resolver.edge.upstream.questions import same_question
from resolver.iterate.delegation import read_endpoint
from resolver.iterate.local_root import RootHolder
from resolver.iterate.port import Ask, Heard, Silent, Why
from resolver.iterate.resolve import Iterator
from resolver.iterate.servers import Servers
from resolver.settings import CacheSettings, Iteration
from wire.dns.codes import HeaderFlag
from wire.dns.message import Message, parse_received
from wire.dns.names import count_labels
from wire.errors import Malformed
from wire.units import Epoch, Instant, Seconds

T = TypeVar("T")


class Closing(Protocol):
    """What can be closed."""

    async def close(self) -> None:
        """End every connection."""


MAX_IN_FLIGHT_ZONE = 50
"""Questions under way to the servers of one zone; the root's and the top level's are everybody's and may have more."""

MAX_IN_FLIGHT_TOP = 500

_WHY = {
    Reason.TIMEOUT: Why.TIMEOUT,
    Reason.UNREACHABLE: Why.UNREACHABLE,
    Reason.BUSY: Why.BUSY,
}
"""Anything else that goes wrong is nonsense."""

_CUT_OR_OTHER = int(HeaderFlag.TC) | 0x7800
"""TC, and every opcode but QUERY."""

LEVELS = ("root", "top", "below")
"""Whose servers are shown something: the root's, a top-level domain's, those of zones below."""


class Sockets:
    """The outside. `once` shares what several questions want at the same time."""

    def __init__(
        self, tools: Tools, counters: Counter[str], dot_port: int = DOT_PORT, place: Place | None = None
    ) -> None:
        self._tools = tools
        self._place = place or Place()
        self._dot_port = dot_port
        self._counters = counters
        self._authorities = Authorities(tools)
        self.encryption = Encryption(tools, counters, dot_port)
        self._gate = Gate()
        self._shared = Shared(counters, "iterate-shared")

    async def ask(self, ask: Ask) -> Heard | Silent:
        """As resolver.iterate.port.Outside."""
        start = clock()
        if not await self._gate.enter(ask.endpoint, ask.crowd, _patience(ask, start)):
            return self._silent(ask, Why.BUSY, 0, start)
        try:
            limit = _in_zone if count_labels(ask.zone) > 1 else _at_top
            if not await self._gate.enter(ask.zone, limit, _patience(ask, clock())):
                return self._silent(ask, Why.BUSY, 0, start)
            try:
                return await self._exchange(ask)
            finally:
                self._gate.leave(ask.zone)
        finally:
            self._gate.leave(ask.endpoint)

    async def _exchange(self, ask: Ask) -> Heard | Silent:
        start = clock()
        self._show(ask)
        encrypted = await self._encrypted(ask, start) if ask.probe else None
        if encrypted is not None:
            return encrypted
        here = self._place.number
        exchange = await self._authorities.at(ask.endpoint).exchange(ask)
        if exchange.failure is not None and await self._place.is_another(here, Instant(ask.until)):
            self._counters[ASKED_AGAIN] += 1
            exchange = await self._authorities.at(ask.endpoint).exchange(ask)
        self._counters["iterate-packets"] += exchange.packets
        if exchange.failure is not None:
            return self._silent(ask, _why(exchange), exchange.packets, start)
        message = exchange.message or _whole(exchange.data)
        if message is None:
            return self._silent(ask, Why.NONSENSE, exchange.packets, start)
        return Heard(ask, message, exchange.packets, len(exchange.data), Seconds(clock() - start))

    async def _encrypted(self, ask: Ask, start: Instant) -> Heard | None:
        """The response over TLS, if the server takes it; who it comes from nobody has proved, so the question is compared."""
        data = await self.encryption.ask(ask)
        if data is None or not same_question(data, ask.question):
            return None
        message = _whole(data)
        return None if message is None else Heard(ask, message, 1, len(data), Seconds(clock() - start))

    def _show(self, ask: Ask) -> None:
        """The privacy ledger: how many labels servers of the root, of the top level and of zones below it were shown."""
        depth, labels = count_labels(ask.zone), count_labels(ask.question[:-4])
        self._counters[f"labels-shown-{LEVELS[min(depth, 2)]}-{labels - depth}"] += 1

    def _silent(self, ask: Ask, why: Why, packets: int, start: Instant) -> Silent:
        self._counters[f"iterate-{why.value}"] += 1
        return Silent(ask, why, packets, Seconds(clock() - start))

    async def once(self, key: object, work: Callable[[], Awaitable[T]], until: float) -> T | None:
        """As resolver.iterate.port.Outside."""
        return await self._shared.once(key, work, until)

    def now(self) -> Instant:
        """The monotonic clock."""
        return clock()

    def chance(self) -> int:
        """32 random bits."""
        return int.from_bytes(self._tools.entropy(4), "big")

    def move(self) -> list[Closing]:
        """Another network: nothing is known of anybody, not even who speaks TLS. Gives what was, for whoever closes it."""
        former: list[Closing] = [self._authorities, self.encryption]
        self._authorities = Authorities(self._tools)
        self.encryption = Encryption(self._tools, self._counters, self._dot_port)
        return former

    async def close(self) -> None:
        """End every connection."""
        await self._authorities.close()
        await self.encryption.close()


def _in_zone() -> int:
    return MAX_IN_FLIGHT_ZONE


def _at_top() -> int:
    return MAX_IN_FLIGHT_TOP


def _patience(ask: Ask, now: Instant) -> Seconds:
    """How long to wait for a turn."""
    return Seconds(max(min(ask.timeout, ask.until - now), 0.0))


def _whole(data: bytes) -> Message | None:
    """What came over a stream, where nothing needs to be cut off: None if it is, or is no response to a query."""
    try:
        message = parse_received(data)
    except Malformed:
        return None
    return None if message.flags & _CUT_OR_OTHER else message


def _why(exchange: Exchange) -> Why:
    """A server that answers over UDP and not over TCP is no dead server: this question only cannot be had."""
    reason = exchange.failure
    if reason is None or (exchange.over_tcp and exchange.packets > 1):
        return Why.NONSENSE
    return _WHY.get(reason, Why.NONSENSE)


def _source(one: Iteration) -> Source:
    servers = tuple(read_endpoint(text, one.port) for text in one.local_root_servers)
    return Source(one.local_root, servers, one.port)


class Iterations:
    """The iterators of one generation of settings. Servers' records are shared by all; what was learned is not."""

    def __init__(
        self,
        tools: Tools,
        counters: Counter[str],
        report: Callable[[Fact], None],
        root_anchor: Callable[[], TrustAnchor | None] = no_anchor,
        date: Callable[[], Epoch] | None = None,
        place: Place | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        """`root_anchor` gives the root's trust anchor as it is now, to check copies of the root zone by; `date` the date as far
        as it is known; `sharing`: how such copies are shared, where there are several resolvers."""
        self.sockets = Sockets(tools, counters, place=place)
        self.servers = Servers()
        self.iterators: tuple[Iterator, ...] = ()
        self._counters = counters
        self._means = Means(clock, date or tools.date, tools.entropy, report, root_anchor, sharing)
        self._limits: CacheSettings | None = None
        self._keepers: dict[Iteration, RootKeeper] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def use(self, settings: tuple[Iteration, ...], limits: CacheSettings) -> None:
        """Take these; an iteration that stays as it was keeps what it has learned, and its copy of the root."""
        known = {i.settings: i for i in self.iterators} if limits == self._limits else {}
        self._limits = limits
        former, self._keepers = self._keepers, {}
        self.iterators = tuple(known.get(one) or self._made(one, limits, former) for one in settings)
        self._keepers |= {one: keeper for one, keeper in former.items() if one in settings}
        for one, keeper in former.items():
            if one not in settings:
                task = asyncio.get_running_loop().create_task(keeper.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    def move(self) -> list[Closing]:
        """Another network. Gives what is to be closed."""
        self.forgive()
        return self.sockets.move()

    def forgive(self) -> None:
        """What failed, and how fast anybody was, was so in another network, or for want of something of ours."""
        self.servers.forget()
        for iterator in self.iterators:
            iterator.outages.forget()
            iterator.memory.forget_failures()

    def _made(self, one: Iteration, limits: CacheSettings, former: dict[Iteration, RootKeeper]) -> Iterator:
        holder = None
        if one.local_root or one.local_root_servers:
            keeper = former.get(one) or self._keeper(one)
            self._keepers[one] = keeper
            holder = keeper.holder
        iterator = Iterator(one, RRsetMemory(limits), self.servers, holder)
        iterator.counters = self._counters
        return iterator

    def keeper_of(self, mark: bytes) -> RootKeeper | None:
        """Who keeps the copy of this source (`Source.mark`)."""
        return next((keeper for one, keeper in self._keepers.items() if _source(one).mark == mark), None)

    def _keeper(self, one: Iteration) -> RootKeeper:
        holder = RootHolder()
        holder.counters = self._counters
        keeper = RootKeeper(holder, _source(one), self._means)
        keeper.start()
        return keeper

    async def close(self) -> None:
        """End every connection."""
        for keeper in self._keepers.values():
            await keeper.close()
        await self.sockets.close()
