"""Many questions at once through the real outside of iteration (`resolver.edge.iterating`), over a simulated Internet in virtual
time. What is under way to each server and for each zone is counted where it would leave."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from kit.internet import Endpoint, Internet
from kit.iterating import PATIENCE, told
from kit.virtual import virtual_now
from kit.world import no_lookup

from net.tls import TlsFactory
from resolver.cache.rrsets import RRsetMemory
from resolver.edge import iterating
from resolver.edge.iterating import Sockets
from resolver.edge.upstream.port import Tools
from resolver.edge.upstream.port import Why as Reason
from resolver.iterate.budget import Budget
from resolver.iterate.port import Ask, Heard, Why
from resolver.iterate.resolve import Iterator
from resolver.iterate.servers import Servers
from resolver.settings import CacheSettings
from wire.dns.message import Message
from wire.dns.names import read_name, show_name
from wire.units import Instant

_REASONS = {Why.TIMEOUT: Reason.TIMEOUT, Why.UNREACHABLE: Reason.UNREACHABLE, Why.BUSY: Reason.BUSY}


@dataclass
class FakeExchange:
    """What an `Exchange` with a server is once it is over."""

    packets: int
    data: bytes = b""
    message: Message | None = None
    failure: Reason | None = None
    over_tcp: bool = False


@dataclass
class Traffic:
    """Stands in for the sockets: every question takes as long as the server behaves. `most` is the most that was ever under
    way by server and by zone, `dead` the same for servers that had been held for dead by then."""

    internet: Internet
    servers: Servers
    under_way: Counter[object] = field(default_factory=Counter)
    most: Counter[object] = field(default_factory=Counter)
    dead: Counter[object] = field(default_factory=Counter)
    packets: Counter[Endpoint] = field(default_factory=Counter)

    def at(self, endpoint: Endpoint) -> "_Server":
        return _Server(self, endpoint)

    async def close(self) -> None:
        pass


@dataclass
class _Server:
    traffic: Traffic
    endpoint: Endpoint

    async def exchange(self, ask: Ask) -> FakeExchange:
        traffic, internet = self.traffic, self.traffic.internet
        keys = (ask.endpoint, show_name(ask.zone))
        for key in keys:
            traffic.under_way[key] += 1
            traffic.most[key] = max(traffic.most[key], traffic.under_way[key])
        if traffic.servers.record(ask.endpoint).rest:
            traffic.dead[ask.endpoint] = max(traffic.dead[ask.endpoint], traffic.under_way[ask.endpoint])
        try:
            outcome = internet.behaviours.get(ask.endpoint, internet.honest)(ask)
            traffic.packets[ask.endpoint] += outcome.packets
            await asyncio.sleep(outcome.took)
        finally:
            for key in keys:
                traffic.under_way[key] -= 1
        if isinstance(outcome, Heard):
            return FakeExchange(outcome.packets, outcome.message.data, outcome.message)
        return FakeExchange(outcome.packets, failure=_REASONS.get(outcome.why, Reason.MALFORMED))


@dataclass
class Client:
    """`answers` is what each question came to, `waits` the seconds that each took."""

    iterator: Iterator
    sockets: Sockets
    answers: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def ask(self, name: str) -> None:
        started = virtual_now()
        budget = Budget(Instant(started + PATIENCE))
        outcome = await self.iterator.answer(read_name(name), 1, self.sockets, budget, lambda name: True)
        self.answers.append(told(outcome))
        self.waits.append(virtual_now() - started)

    async def keep_asking(self, rate: float, seconds: float, name: Callable[[int], str]) -> None:
        """`rate` questions a second, whatever becomes of the former ones; until the last is answered."""
        tasks = []
        for number in range(int(rate * seconds)):
            tasks.append(asyncio.create_task(self.ask(name(number))))
            await asyncio.sleep(1 / rate)
        await asyncio.gather(*tasks)

    def slowest_of_a_hundred(self) -> float:
        """The 99th percentile of the waits, seconds."""
        return sorted(self.waits)[int(len(self.waits) * 0.99)]

    @property
    def lost(self) -> int:
        return sum(answer.startswith("failed") for answer in self.answers)


@dataclass
class Household:
    """One resolver with several clients."""

    traffic: Traffic
    iterator: Iterator
    sockets: Sockets

    def client(self) -> Client:
        return Client(self.iterator, self.sockets)


@asynccontextmanager
async def household(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Household]:
    """In a virtual loop."""
    monkeypatch.setattr(iterating, "clock", virtual_now)
    entropy = lambda count: internet.chance().to_bytes(4, "big")[:count]  # noqa: E731
    tools = Tools(virtual_now, entropy, no_lookup, lambda what: None, TlsFactory())  # type: ignore[arg-type]
    sockets, servers = Sockets(tools, Counter()), Servers()
    traffic = Traffic(internet, servers)
    sockets._authorities = traffic  # type: ignore[assignment]
    iterator = Iterator(internet.iteration(), RRsetMemory(CacheSettings()), servers)
    yield Household(traffic, iterator, sockets)
    await sockets.close()
