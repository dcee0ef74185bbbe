"""The service as a client meets it, in one process: `front`'s desk before the real resolver, which asks real servers.

`text` is a configuration; the signatures of the toy tree are in their time.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass

import dns.flags
import dns.message
from kit.desk import SECRET, START, FakeRoad
from kit.lying import world
from kit.signing import DATE

from anchorhold.config.load import load
from net.clock import now
from resolver.admission import Admission
from resolver.edge.flights import Flight
from resolver.edge.resolve import Resolver
from resolver.edge.serve import Desk
from resolver.values import Query, Reply
from wire.dns.codes import QueryFlag

PATIENCE = 10.0
LISTEN = '[listen]\naddresses = ["127.0.0.1:0"]\n[cache]\nstale = false\n'


@dataclass
class Household:
    """`resolver` is the real one; `ask` is a client's question over a stream."""

    desk: Desk
    admission: Admission
    resolver: Resolver

    async def ask(self, query: dns.message.Message) -> dns.message.Message:
        road = FakeRoad(stream=True)
        self.desk.receive(query.to_wire(), self.admission.client("127.0.0.1", START), road, now())
        async with asyncio.timeout(PATIENCE):
            while not road.sent:
                await asyncio.sleep(0.001)
        return road.message

    async def look(self, name: str, kind: str = "A", flags: str = "RD", do: bool = True) -> dns.message.Message:
        """`flags` as in a header's text form; without `do`, with EDNS all the same."""
        query = dns.message.make_query(name, kind, want_dnssec=do, use_edns=0)
        query.flags = dns.flags.from_text(flags)
        return await self.ask(query)


class Joined:
    """The way from the desk to the resolver, and back."""

    def __init__(self, desk: Desk, resolver: Resolver) -> None:
        self._desk = desk
        self._resolver = resolver

    def query(self, flight: Flight, deadline: float) -> None:
        key = flight.key
        query = Query(key.question, key.flags | int(QueryFlag.RD), key.group, flight.generation)
        handle, loop = flight.handle, asyncio.get_running_loop()

        def answered(reply: Reply) -> None:
            # Not within the question: between the cells there is a pair of sockets.
            loop.call_soon(lambda: self._desk.replied(handle, reply, now()))

        self._resolver.ask(query, handle, answered, deadline)

    def refresh(self, flight: Flight) -> None:
        self.query(flight, PATIENCE)

    def cancel(self, handle: int) -> None:
        self._resolver.cancel(handle)


@contextlib.asynccontextmanager
async def household(text: str) -> AsyncIterator[Household]:
    loaded = load(LISTEN + text, "anchorhold.toml")
    resolver = Resolver(loaded.resolver, world(), lambda fact: None)
    desk = Desk(loaded.front, SECRET, 41, lambda: DATE)
    desk.connect(Joined(desk, resolver))
    desk.grant(1_000, START)
    try:
        yield Household(desk, Admission(loaded.front), resolver)
    finally:
        await resolver.close()


def run(conversation: Coroutine[object, object, None]) -> None:
    asyncio.run(conversation)
