"""DoH that goes on to HTTP/3 where the server offers it (`Alt-Svc`, RFC 7838; its SVCB record, RFC 9461), and back to HTTP/2
where that fails. The record is asked of the server itself: nobody else learns whom we ask.

The server proves the same name or pin on both roads, so a strict group stays strict: whoever forges an offer gains nothing but a
failed connection. Nothing waits for the first connection over HTTP/3; it is made beside the exchanges.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace

from net.h2_codecs import Header
from privacy.channel import Channel, Kind
from resolver.edge.converse import converse
from resolver.edge.upstream import altsvc, doh, doh3
from resolver.edge.upstream.pooled import tls_client
from resolver.edge.upstream.port import Tools, Upstream, UpstreamFailed, Why
from resolver.settings import Profile, UpstreamSpec
from wire.dns.codes import QueryFlag
from wire.units import Instant

PATIENCE = 1.5
"""Seconds a connection over HTTP/3 may take before the query goes over HTTP/2."""

SHUNNED = 300.0
"""Seconds after a failure in which no offer is taken."""

LOOK_AGAIN = 3_600.0
"""Seconds until the server is asked for its record again."""

FINAL = frozenset({Why.TIMEOUT, Why.BUSY, Why.TOO_LARGE})
"""Failures after which the query is not asked again over HTTP/2: there is no time, or nothing to win."""


def open_https(spec: UpstreamSpec, profile: Profile, tools: Tools) -> Upstream:
    """A server over HTTPS; over HTTP/3 once it offers that, if the spec says so. Raises ValueError for bad authorities."""
    return Upgrading(spec, profile, tools) if spec.http3 else doh.open_https(spec, profile, tools)


class Upgrading:
    """One DoH server on two roads."""

    def __init__(self, spec: UpstreamSpec, profile: Profile, tools: Tools) -> None:
        self._spec = spec
        self._tools = tools
        self._profile = profile
        self._channels = {kind: Channel(kind, True, profile is Profile.STRICT) for kind in (Kind.HTTPS, Kind.H3)}
        tls = tls_client(spec, profile, tools, alpn=("h2",))
        self._https = doh.Https(spec, tools, self._channels[Kind.HTTPS], tls, self._hear)
        self._h3: doh3.Https3 | None = None
        self._reached = False
        self._port = 0
        self._until = self._shunned = Instant(0.0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_look = Instant(0.0)
        self._closed = False

    def channel(self) -> Channel:
        """The road that the next exchange begins with."""
        return self._channels[Kind.H3 if self._h3 is not None and self._reached else Kind.HTTPS]

    async def prepare(self, deadline: Instant) -> None:
        """See that there is a connection. Raises UpstreamFailed."""
        if self._h3 is None or not self._reached:
            await self._https.prepare(deadline)

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """As the port says."""
        self._expire()
        h3 = self._h3
        if h3 is not None and self._reached:
            try:
                await h3.prepare(Instant(min(deadline, self._tools.now() + PATIENCE)))
            except UpstreamFailed:
                self._forget(h3)
            else:
                try:
                    return await h3.exchange(query, deadline)
                except UpstreamFailed as failure:
                    self._forget(h3)
                    if failure.why in FINAL:
                        raise
        return await self._https.exchange(query, deadline)

    async def close(self) -> None:
        """As the port says."""
        self._closed = True
        if self._h3 is not None:
            self._forget(self._h3)
        await asyncio.gather(self._https.close(), *self._tasks, return_exceptions=True)

    def _hear(self, headers: Sequence[Header]) -> None:
        """What a response over HTTP/2 offers."""
        offer = altsvc.read_offer(headers, self._spec.name)
        if offer is not None:
            self._weigh(offer)
        elif self._h3 is None and not self._closed and self._tools.now() >= max(self._next_look, self._shunned):
            self._next_look = Instant(self._tools.now() + LOOK_AGAIN)
            self._spawn(self._look())

    async def _look(self) -> None:
        """Ask for the server's record, once in a while, beside the queries."""
        name = self._spec.name
        deadline = Instant(self._tools.now() + 2 * PATIENCE)
        try:
            question = altsvc.offer_question(name)
            data = await converse(self._https, question, int(QueryFlag.RD), self._tools.entropy, deadline)
        except (UpstreamFailed, ValueError):
            return  # no such name, or a server that does not say
        offer = altsvc.read_record(data, name)
        if offer.port:
            self._weigh(offer)

    def _weigh(self, offer: altsvc.Offer) -> None:
        now = self._tools.now()
        if self._closed or now < self._shunned:
            return
        if self._h3 is not None and offer.port != self._port:
            self._drop(self._h3)
        if offer.port:
            self._until = Instant(now + offer.lifetime)
            if self._h3 is None:
                self._begin(offer.port)

    def _begin(self, port: int) -> None:
        tls = tls_client(self._spec, self._profile, self._tools, alpn=(doh3.ALPN,))
        there = replace(self._spec, port=port)
        h3 = doh3.Https3(there, self._tools, self._channels[Kind.H3], tls, origin=self._spec)
        self._h3, self._port, self._reached = h3, port, False
        self._tools.count("http3-offered")
        self._spawn(self._reach(h3))

    async def _reach(self, h3: doh3.Https3) -> None:
        try:
            await h3.prepare(Instant(self._tools.now() + 2 * PATIENCE))
        except UpstreamFailed:
            self._forget(h3)
            return
        if h3 is self._h3:
            self._reached = True
            self._tools.count("http3-upgraded")

    def _expire(self) -> None:
        if self._h3 is not None and self._tools.now() >= self._until:
            self._drop(self._h3)

    def _forget(self, h3: doh3.Https3) -> None:
        """It failed: HTTP/2 is enough for a while."""
        if h3 is self._h3:
            if not self._closed:
                self._tools.count("http3-forgotten")
            self._shunned = Instant(self._tools.now() + SHUNNED)
            self._drop(h3)

    def _drop(self, h3: doh3.Https3) -> None:
        self._h3, self._reached = None, False
        self._spawn(h3.close())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
