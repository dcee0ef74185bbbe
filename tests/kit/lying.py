"""The real resolver before servers that tell the lies of `kit.lies`: a forwarder over any transport, or authoritative servers."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable

import dns.flags
import dns.message
from kit.authority import Answering, Zone
from kit.liar import Liar
from kit.lies import Lie, recursive
from kit.meeting import profile_for
from kit.peers import free_ports
from kit.signing import DATE
from kit.toytree import NETWORK, Tree
from kit.world import no_lookup, two_labels

from net.clock import now
from net.tls import TlsFactory
from resolver.edge.resolve import Resolver
from resolver.edge.upstream.port import Tools
from resolver.edge.world import ForwardingWorld
from resolver.settings import Anchor, CacheSettings, Dnssec, ResolverSettings, Route, UpstreamGroup
from resolver.values import Query, Reply

LOOPBACK = "127.77.0."
ITERATION = "iteration"
UDP_SIZE = 1_232


_TREES: dict[tuple[str, str], Tree] = {}


def tree_of(lie: Lie, network: str = NETWORK) -> Tree:
    """Built once for all transports; nothing alters it."""
    key = (lie.name, network)
    if key not in _TREES:
        _TREES[key] = lie.build(network)
    return _TREES[key]


def forwarder(lie: Lie, tree: Tree) -> Callable[[bytes, bool], bytes]:
    """(query, over UDP?) → the response of a resolver that lies."""

    def answer(data: bytes, over_udp: bool) -> bytes:
        query = dns.message.from_wire(data)
        response = recursive(tree, query)
        lie.tell(response, tree)
        return cut(response, over_udp)

    return answer


def authority(lie: Lie, tree: Tree, zones: list[Zone]) -> Callable[[bytes, bool], bytes]:
    """The same of an authoritative server."""

    def answer(data: bytes, over_udp: bool) -> bytes:
        query = dns.message.from_wire(data)
        response = Answering(query, zones, bool(query.ednsflags & dns.flags.DO)).answer()
        lie.tell(response, tree)
        return cut(response, over_udp)

    return answer


def cut(response: dns.message.Message, over_udp: bool) -> bytes:
    whole = bytes(response.to_wire(max_size=65_535, want_shuffle=False))
    if not over_udp or len(whole) <= UDP_SIZE:
        return whole
    response.flags |= dns.flags.TC
    response.answer, response.authority, response.additional = [], [], []
    return bytes(response.to_wire())


@contextlib.asynccontextmanager
async def forwarding(scheme: str, lie: Lie) -> AsyncIterator[Resolver]:
    """The resolver, forwarding to the liar by `scheme`."""
    tree = tree_of(lie)
    async with Liar(scheme, answers=forwarder(lie, tree)) as liar:
        group = UpstreamGroup("default", (liar.spec(),), profile=profile_for(scheme))
        settings = ResolverSettings(
            1, ("default",), (group,), (Route(b"\0", -1, 0),), CacheSettings(stale=False), dnssec=anchored(tree)
        )
        resolver = Resolver(settings, world(), lambda fact: None)
        try:
            yield resolver
        finally:
            await resolver.close()


@contextlib.asynccontextmanager
async def iterating(lie: Lie) -> AsyncIterator[Resolver]:
    """The resolver, iterating among the liar's servers: one address for each, all at one port."""
    tree = tree_of(lie, LOOPBACK)
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        (port,) = free_ports(1)
        for endpoint, zones in tree.internet.zones.items():
            answers = authority(lie, tree, zones)
            transport, _ = await loop.create_datagram_endpoint(
                lambda answers=answers: Datagrams(answers),  # type: ignore[misc]
                (endpoint.address, port),
            )
            stack.callback(transport.close)
            server = await asyncio.start_server(streams(answers), endpoint.address, port)
            stack.callback(server.close)
        settings = ResolverSettings(
            1,
            ("default",),
            (),
            (Route(b"\0", -1, 0),),
            CacheSettings(stale=False),
            iterations=(tree.internet.iteration(private_servers=True, port=port),),
            dnssec=anchored(tree),
        )
        resolver = Resolver(settings, world(), lambda fact: None)
        stack.push_async_callback(resolver.close)
        yield resolver


class Datagrams(asyncio.DatagramProtocol):
    """An authoritative server over UDP."""

    def __init__(self, answers: Callable[[bytes, bool], bytes]) -> None:
        self.answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(self.answers(data, True), addr)  # type: ignore[attr-defined]


def streams(answers: Callable[[bytes, bool], bytes]) -> Callable[..., object]:
    """The same over TCP, one question for each connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            length = int.from_bytes(await reader.readexactly(2), "big")
            data = answers(await reader.readexactly(length), False)
            writer.write(len(data).to_bytes(2, "big") + data)
            await writer.drain()

    return serve


def anchored(tree: Tree) -> Dnssec:
    return Dnssec((Anchor(b"\0", tree.signed["."].signer.ds().to_wire()),))


def world() -> ForwardingWorld:
    """At the date of the signatures."""
    tools = Tools(now, os.urandom, no_lookup, lambda what: None, TlsFactory(), lambda: DATE)
    return ForwardingWorld(tools, bytes(32), two_labels)


async def asked(resolver: Resolver, query: Query) -> Reply:
    """The reply to a question."""
    given: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    resolver.ask(query, object(), lambda reply: None if given.done() else given.set_result(reply))
    return await given
