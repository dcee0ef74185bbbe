"""TLS to authoritative servers that take it: connections, probes at the side, and what they teach (RFC 9539)."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Coroutine
from dataclasses import replace
from typing import NamedTuple

from privacy.channel import Channel
from resolver.edge.authority import LONGEST_STREAM, STREAM_PATIENCE
from resolver.edge.converse import converse
from resolver.edge.upstream.dot import open_unasked
from resolver.edge.upstream.framed import Framed
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.iterate.port import Ask
from resolver.iterate.probing import TIMEOUT, Choice, Prober
from wire.dns.codes import QueryFlag
from wire.units import Instant

DOT_PORT = 853
KEPT = 256
"""Addresses with connections; each closes by itself when it is idle."""

MAX_PROBES = 16
"""Attempts under way at once; a server whose turn does not come is probed with a later question."""

_DO = int(QueryFlag.DO)


class _Road(NamedTuple):
    """A connection pool as a road to an authority for one question, whose answer may have `room` octets: no recursion is
    asked for."""

    pool: Framed
    room: int

    def channel(self) -> Channel:
        """Encrypted, so padded; to nobody in particular."""
        return replace(self.pool.channel(), recursion=False)

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """As the pool's."""
        return await self.pool.exchange(query, deadline, self.room)


class Encryption:
    """All TLS to authoritative servers. A question never waits for a connection that was never there before."""

    def __init__(self, tools: Tools, counters: Counter[str], port: int = DOT_PORT) -> None:
        self._tools = tools
        self._counters = counters
        self._port = port
        self._prober = Prober()
        self._pools: OrderedDict[str, Framed] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, ask: Ask) -> bytes | None:
        """The response over TLS; None if the question has to go in clear text, perhaps with a probe at the side."""
        address = ask.endpoint.address
        match self._prober.choose(address, self._tools.now()):
            case Choice.ENCRYPTED:
                return await self._over_tls(ask)
            case Choice.PROBE if len(self._tasks) < MAX_PROBES:
                self._counters["iterate-probes"] += 1
                self._run(self._probe(address))
        return None

    async def _over_tls(self, ask: Ask) -> bytes | None:
        address = ask.endpoint.address
        # The connection may have been idle for too long and be made anew first: as many round trips as TCP's.
        patience = min(ask.timeout * STREAM_PATIENCE, LONGEST_STREAM)
        deadline = Instant(min(self._tools.now() + patience, ask.until))
        try:
            road = _Road(self._pool(address), ask.room)
            data = await converse(road, ask.question, _DO, self._tools.entropy, deadline)
        except UpstreamFailed as failure:
            # Opportunistic: the clear way is open, and the next attempt is a day away (RFC 9539 §4.6).
            self._counters["iterate-encryption-failed"] += 1
            self._blame(address, failure)
            return None
        self._counters["iterate-encrypted"] += 1
        self._prober.responded(address, self._tools.now())
        return data

    async def _probe(self, address: str) -> None:
        try:
            await self._pool(address).prepare(Instant(self._tools.now() + TIMEOUT))
        except UpstreamFailed as failure:
            self._counters["iterate-probes-failed"] += 1
            self._blame(address, failure)
        else:
            self._prober.established(address, self._tools.now())

    def _blame(self, address: str, failure: UpstreamFailed) -> None:
        """A day without TLS for the server; not if there was no room at our side, which says nothing of it."""
        if failure.why is not Why.BUSY:
            self._prober.failed(address, self._tools.now())

    def _pool(self, address: str) -> Framed:
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = open_unasked(address, self._port, self._tools)
            if len(self._pools) > KEPT:
                _, oldest = self._pools.popitem(last=False)
                self._run(oldest.close())
        else:
            self._pools.move_to_end(address)
        return pool

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def encrypting(self) -> int:
        """How many servers are asked over TLS at present."""
        return self._prober.encrypting(self._tools.now())

    async def settled(self) -> None:
        """When no probe is under way; for tests."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """End everything."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pool in self._pools.values():
            await pool.close()
