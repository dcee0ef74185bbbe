"""Scripted outsides: a World that answers at once, and upstreams for the real ForwardingWorld."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TypeVar

from kit.judged import judge
from kit.questions import RD, wire_of

from net.clock import now as clock
from net.tls import TlsFactory
from privacy.channel import Channel, Kind
from resolver.compose import Accepted
from resolver.edge.upstream.port import Ended, Tools, Upstream, UpstreamFailed, Why
from resolver.edge.world import ForwardingWorld
from resolver.iterate.budget import Budget
from resolver.pipeline import Heard, Silent
from resolver.settings import (
    CacheSettings,
    Dnssec,
    NegativeTrustAnchor,
    ResolverSettings,
    Route,
    Strategy,
    UpstreamGroup,
    UpstreamSpec,
)
from resolver.snapshot import Snapshot
from resolver.values import Query
from wire.dns.message import parse_message
from wire.dns.names import show_name
from wire.units import Instant

T = TypeVar("T")

UNVALIDATED = Dnssec(negative=(NegativeTrustAnchor(b"\0", "nothing is signed in this test"),))


def play(conversation: Coroutine[object, object, T]) -> T:
    """Run a conversation whose world answers at once: no event loop, no clock."""
    try:
        conversation.send(None)
    except StopIteration as end:
        found: T = end.value
        return found
    conversation.close()
    raise AssertionError("the core waited for something that is not the port")


def answer_to(query: Query, address: str = "192.0.2.1", ttl: int = 300) -> Accepted:
    name = show_name(query.name)
    accepted = judge(query, wire_of(name, "A", f"{name} {ttl} A {address}"), CacheSettings())
    assert isinstance(accepted, Accepted)
    return accepted


@dataclass
class ScriptedWorld:
    """A World that says what it was told to, and remembers what it was asked."""

    says: Callable[[Query], Heard | Silent]
    at: float = 1000.0
    asked: list[tuple[Query, int]] = field(default_factory=list)

    async def ask(
        self,
        query: Query,
        upstream_group: int,
        limits: CacheSettings,
        budget: Budget,
        *,
        snapshot: Snapshot,
        anew: bool = False,
    ) -> Heard | Silent:
        self.asked.append((query, upstream_group))
        return self.says(query)

    def now(self) -> Instant:
        return Instant(self.at)


class ScriptedUpstream:
    """An upstream that does `behave(query)` for each exchange; what it raises or returns is the outcome."""

    def __init__(self, behave: Callable[[bytes], object], kind: Kind = Kind.TLS) -> None:
        self.behave = behave
        self.queries: list[bytes] = []
        self.cancelled = 0
        self.closed = False
        self._channel = Channel(kind, kind in (Kind.TLS, Kind.HTTPS), True)

    def channel(self) -> Channel:
        return self._channel

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        self.queries.append(query)
        outcome = self.behave(query)
        try:
            if isinstance(outcome, asyncio.Event):
                await asyncio.wait_for(outcome.wait(), max(deadline - clock(), 0))
                outcome = respond(query)
        except TimeoutError:
            raise UpstreamFailed(Why.TIMEOUT) from None
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, bytes)
        return outcome

    async def close(self) -> None:
        self.closed = True


PROMPT = False
"""Whether `install` makes upstreams that can be asked at once; tests set it to go both ways."""


class AtOnce:
    """The same upstream as one that can be asked at once (resolver.edge.upstream.port.Prompt)."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def channel(self) -> Channel:
        return self._upstream.channel()

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        return await self._upstream.exchange(query, deadline)

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], object]:
        task = asyncio.ensure_future(self._upstream.exchange(query, deadline))
        task.add_done_callback(lambda task: None if task.cancelled() else self._tell(task, ended))
        return task.cancel

    @staticmethod
    def _tell(task: "asyncio.Future[bytes]", ended: Ended) -> None:
        failure = task.exception()
        assert failure is None or isinstance(failure, UpstreamFailed)
        ended(failure or task.result())

    async def close(self) -> None:
        await self._upstream.close()

    @property
    def closed(self) -> bool:
        closed: bool = self._upstream.closed  # type: ignore[attr-defined]
        return closed


def respond(query: bytes, address: str = "192.0.2.1", ttl: int = 300) -> bytes:
    """An honest answer to a query as it went out."""
    name = show_name(parse_message(query).question[:-4].lower())
    return wire_of(name, "A", f"{name} {ttl} A {address}")


async def no_lookup(name: str) -> tuple[str, ...]:
    raise UpstreamFailed(Why.NO_ADDRESS)


def two_labels(name: bytes) -> bytes:
    """A stand-in for the public suffix list: a site is the last two labels."""
    while name.count(b"") and len(show_name(name).rstrip(".").split(".")) > 2:
        name = name[1 + name[0] :]
    return name


def spec(host: str, operator: str = "") -> UpstreamSpec:
    return UpstreamSpec("tls", host, ("127.0.0.1",), 853, operator or host)


def settings(
    *hosts: str, strategy: Strategy = Strategy.FAILOVER, generation: int = 1, deadline: float = 5.0, **cache: object
) -> ResolverSettings:
    """One group of servers; `operator/host` names an operator."""
    servers = tuple(spec(host.split("/")[-1], host.split("/")[0]) for host in hosts)
    group = UpstreamGroup("default", servers, strategy)
    return ResolverSettings(
        generation,
        ("default", "kids"),
        (group,),
        (Route(b"\0", -1, 0),),
        CacheSettings(**cache),  # type: ignore[arg-type]
        deadline=deadline,
        dnssec=UNVALIDATED,
    )


def world_of(
    *behaviours: Callable[[bytes], object], counts: dict[str, int] | None = None
) -> tuple[ForwardingWorld, list[ScriptedUpstream]]:
    """A ForwardingWorld whose servers, in order, behave so once `install` has been called on its groups."""
    tools = Tools(clock, lambda n: bytes(n), no_lookup, lambda what: None, TlsFactory())
    return ForwardingWorld(tools, bytes(32), two_labels), [ScriptedUpstream(b) for b in behaviours]


def install(world: ForwardingWorld, upstreams: list[ScriptedUpstream]) -> None:
    """Put the scripted upstreams in the place of the real ones."""
    servers = [server for group in world.groups for server in group.servers]
    for server, upstream in zip(servers, upstreams, strict=True):
        server.upstream = AtOnce(upstream) if PROMPT else upstream


__all__ = ["RD", "ScriptedUpstream", "ScriptedWorld", "answer_to", "install", "play", "respond", "settings", "world_of"]
