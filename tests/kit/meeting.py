"""Brings one upstream of ours and one liar together, on any event loop that is installed."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from kit.liar import Liar

from net.clock import now
from net.tls import TlsFactory
from resolver.edge.upstream import ENCRYPTED, open_upstream
from resolver.edge.upstream.port import Tools, Upstream, UpstreamFailed
from resolver.settings import Profile
from wire.units import Instant

try:
    import uvloop
except ImportError:
    LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
else:
    LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def run(loop: str, conversation: Coroutine[Any, Any, None]) -> None:
    """Run to the end; what the loop would only log (an exception in a callback) fails the test."""
    heard: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
        async with asyncio.timeout(90):
            await conversation

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(watched())
    assert [(context["message"], context.get("exception")) for context in heard] == []


def query_for(name: str = "www.example") -> bytes:
    """A query with id 0 and RD, as `conceal` makes it, less the OPT."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return b"\0\0\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def soon(seconds: float = 15.0) -> Instant:
    return Instant(now() + seconds)


class Counts(Counter[str]):
    """What the upstream counted."""

    def bump(self, what: str) -> None:
        self[what] += 1


async def nobody(name: str) -> tuple[str, ...]:
    return ()


def make_tools(counts: Counts, lookup: Callable[[str], Any] = nobody, clock: Callable[[], Instant] = now) -> Tools:
    return Tools(clock, os.urandom, lookup, counts.bump, TlsFactory())


def profile_for(scheme: str) -> Profile:
    """Clear schemes cannot be strict."""
    return Profile.STRICT if scheme in ENCRYPTED else Profile.OPPORTUNISTIC


@contextlib.asynccontextmanager
async def meet(liar: Liar, **changes: object) -> AsyncIterator[tuple[Upstream, Counts]]:
    """An upstream for a running liar, closed in the end."""
    counts = Counts()
    spec = liar.spec(**changes)
    upstream = open_upstream(spec, profile_for(spec.scheme), make_tools(counts))
    try:
        yield upstream, counts
    finally:
        await upstream.close()


async def outcome(upstream: Upstream, query: bytes, seconds: float = 15.0) -> bytes | str:
    """The answer without its id, or why there was none."""
    try:
        return (await upstream.exchange(query, soon(seconds)))[2:]
    except UpstreamFailed as failure:
        return failure.why.value


class Tap:
    """A TCP relay before a liar that keeps every octet the client sent."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.heard = bytearray()
        self.port = 0
        self._pipes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Tap":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        for source, sink, keep in ((reader, far_writer, True), (far_reader, writer, False)):
            self._pipes.add(asyncio.create_task(self._pipe(source, sink, keep)))

    async def _pipe(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, keep: bool) -> None:
        try:
            while data := await source.read(65_536):
                if keep:
                    self.heard += data
                sink.write(data)
        except ConnectionError:
            pass
        finally:
            sink.close()
