"""Iteration over real sockets: one authoritative server on loopback that answers as it is told."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from kit.peers import free_ports
from kit.world import no_lookup

from net.clock import now
from net.tls import TlsFactory
from resolver.edge.iterating import MAX_IN_FLIGHT_ZONE, Iterations, Sockets
from resolver.edge.upstream.port import Tools
from resolver.iterate.port import Ask, Endpoint, Heard, Silent, Why
from resolver.iterate.servers import MAX_IN_FLIGHT_DEAD, MAX_IN_FLIGHT_UNKNOWN
from resolver.settings import CacheSettings, Iteration
from wire.dns.names import read_name
from wire.units import Seconds

QUESTION = read_name("www.shop.example") + b"\0\1\0\1"
SHOP = read_name("shop.example")
LATER = float("inf")
Reply = Callable[[dns.message.Message], bytes | None]


class Server(asyncio.DatagramProtocol):
    """Answers over UDP and TCP with what `reply` makes of each query; None: silence."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.queries: list[dns.message.Message] = []
        self.streams = 0
        self.stream_reply: Reply = honest

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self.queries.append(dns.message.from_wire(data))
        answer = self.reply(self.queries[-1])
        if answer is not None:
            self.transport.sendto(answer, sender)  # type: ignore[attr-defined]

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.streams += 1
        with closing(writer):  # also if the client or the loop is gone first
            length = int.from_bytes(await reader.readexactly(2), "big")
            query = dns.message.from_wire(await reader.readexactly(length))
            data = self.stream_reply(query)
            if data is not None:
                writer.write(len(data).to_bytes(2, "big") + data)
                await writer.drain()
            else:
                await reader.read()


def honest(query: dns.message.Message, address: str = "203.0.113.1") -> bytes:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return bytes(response.to_wire())


def run(reply: Reply, test: Callable[[Server, Sockets, Endpoint], Awaitable[None]]) -> Counter[str]:
    counters: Counter[str] = Counter()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        (port,) = free_ports(1)
        transport, server = await loop.create_datagram_endpoint(lambda: Server(reply), ("127.0.0.1", port))
        stream = await asyncio.start_server(server.stream, "127.0.0.1", port)
        sockets = Sockets(Tools(now, os.urandom, no_lookup, lambda what: None, TlsFactory()), counters)
        try:
            await test(server, sockets, Endpoint("127.0.0.1", port))
        finally:
            await sockets.close()
            transport.close()
            stream.close()
            await stream.wait_closed()

    asyncio.run(main())
    return counters


def asks(endpoint: Endpoint, timeout: float = 5.0, **more: object) -> Ask:
    return Ask(endpoint, SHOP, QUESTION, Seconds(timeout), **more)  # type: ignore[arg-type]


def test_a_query_to_an_authority_asks_for_signatures_and_not_for_recursion() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        heard = await sockets.ask(asks(endpoint))
        assert isinstance(heard, Heard)
        assert (1, 0, 1) == (heard.packets, heard.message.rcode, len(heard.message.answer))
        query = server.queries[0]
        assert (0, True, 1232) == (int(query.flags), bool(query.ednsflags & dns.flags.DO), query.payload)
        assert [10] == [int(option.otype) for option in query.options]

    run(honest, test)


def test_without_edns_nothing_is_added() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        assert isinstance(await sockets.ask(asks(endpoint, edns=False)), Heard)
        assert (-1, ()) == (server.queries[0].edns, server.queries[0].options)

    run(honest, test)


def test_the_name_goes_out_in_random_case() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        for _ in range(8):
            await sockets.ask(asks(endpoint))
        assert len({query.question[0].name.to_text() for query in server.queries}) > 1

    run(honest, test)


def cut(query: dns.message.Message) -> bytes:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.TC
    return bytes(response.to_wire())


def test_an_answer_that_is_cut_off_over_tcp_too_is_none() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        server.stream_reply = cut
        said = await sockets.ask(asks(endpoint))
        assert isinstance(said, Silent)
        assert Why.NONSENSE is said.why

    run(cut, test)


def test_all_of_it_is_over_in_time_a_stream_after_a_packet_included() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        server.stream_reply = lambda query: None
        end = now() + 0.2
        said = await sockets.ask(asks(endpoint, 30.0, until=end))
        assert isinstance(said, Silent)
        assert said.took < 5.0

    run(cut, test)


def test_a_truncated_answer_is_had_over_tcp() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        heard = await sockets.ask(asks(endpoint))
        assert isinstance(heard, Heard)
        assert (2, 1) == (heard.packets, server.streams)

    run(cut, test)


def test_an_answer_longer_than_the_budget_has_room_for_is_not_waited_for() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        said = await sockets.ask(asks(endpoint, room=40))
        assert isinstance(said, Silent)
        assert (Why.NONSENSE, 2, 1) == (said.why, said.packets, server.streams)

    run(cut, test)


def test_a_near_miss_makes_the_question_go_over_tcp() -> None:
    def forged(query: dns.message.Message) -> bytes:
        return bytes([query.id >> 8 ^ 1, query.id & 255]) + honest(query, "6.6.6.6")[2:]

    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        heard = await sockets.ask(asks(endpoint))
        assert isinstance(heard, Heard)
        assert b"\xcb\x00\x71\x01" in heard.message.data

    run(forged, test)


def test_silence_is_said_once_the_timeout_is_over_and_nothing_is_repeated() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        said = await sockets.ask(asks(endpoint, 0.05))
        assert isinstance(said, Silent)
        assert (Why.TIMEOUT, 1, 1) == (said.why, said.packets, len(server.queries))

    run(lambda query: None, test)


def test_nobody_there_is_said_at_once() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        server.transport.close()
        await asyncio.sleep(0)
        said = await sockets.ask(asks(endpoint, 30.0))
        assert isinstance(said, Silent)
        assert Why.UNREACHABLE is said.why

    run(honest, test)


async def under_way(server: Server, tasks: list[asyncio.Task[Heard | Silent]]) -> int:
    """How many questions have arrived once nothing moves any more; nobody answers them."""
    for _ in range(200):
        await asyncio.sleep(0)
    arrived = len(server.queries)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return arrived


@pytest.mark.parametrize("crowd", [MAX_IN_FLIGHT_DEAD, MAX_IN_FLIGHT_UNKNOWN])
def test_no_more_questions_than_allowed_are_under_way_to_one_endpoint(crowd: int) -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        tasks = [asyncio.create_task(sockets.ask(asks(endpoint, 30.0, crowd=lambda: crowd))) for _ in range(60)]
        assert crowd == await under_way(server, tasks)

    run(lambda query: None, test)


def test_no_more_questions_than_allowed_are_under_way_to_one_zone() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        tasks = [asyncio.create_task(sockets.ask(asks(endpoint, 30.0, crowd=lambda: 1_000))) for _ in range(90)]
        assert MAX_IN_FLIGHT_ZONE == await under_way(server, tasks)

    run(lambda query: None, test)


def test_a_question_that_finds_no_room_in_time_is_told_so() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        first = asyncio.create_task(sockets.ask(asks(endpoint, 30.0, crowd=lambda: 1)))
        await asyncio.sleep(0)
        said = await sockets.ask(asks(endpoint, 0.01, crowd=lambda: 1))
        assert isinstance(said, Silent)
        assert (Why.BUSY, 0) == (said.why, said.packets)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    run(lambda query: None, test)


def test_what_several_want_at_once_is_asked_once() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        ask = asks(endpoint)
        said = await asyncio.gather(*(sockets.once("it", lambda: sockets.ask(ask), LATER) for _ in range(5)))
        assert (1, 1) == (len(server.queries), len({id(one) for one in said}))

    run(honest, test)


def test_if_the_one_who_asks_is_ended_another_asks() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        first, second = (
            asyncio.create_task(sockets.once("it", lambda: sockets.ask(asks(endpoint)), LATER)) for _ in range(2)
        )
        await asyncio.sleep(0)
        first.cancel()
        assert isinstance(await second, Heard)
        assert first.cancelled()

    run(honest, test)


def test_who_waits_for_another_s_asking_goes_when_its_own_time_is_over() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        first = asyncio.create_task(sockets.once("it", lambda: sockets.ask(asks(endpoint, 30.0)), LATER))
        await asyncio.sleep(0)
        assert await sockets.once("it", lambda: sockets.ask(asks(endpoint)), now() + 0.01) is None
        assert not first.done()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    run(lambda query: None, test)


def test_the_ledger_counts_labels_and_no_names() -> None:
    async def test(server: Server, sockets: Sockets, endpoint: Endpoint) -> None:
        await sockets.ask(asks(endpoint))
        await sockets.ask(Ask(endpoint, b"\0", read_name("example") + b"\0\1\0\1", Seconds(5.0)))

    counters = run(honest, test)
    assert (1, 1) == (counters["labels-shown-below-1"], counters["labels-shown-root-1"])
    assert not [name for name in counters if "shop" in name]


def test_an_iteration_that_stays_as_it_was_keeps_what_it_learned() -> None:
    iterations = Iterations(
        Tools(now, os.urandom, no_lookup, lambda what: None, TlsFactory()), Counter(), lambda fact: None
    )
    one, other = Iteration("one", b"\0", ()), Iteration("other", SHOP, ())
    iterations.use((one, other), CacheSettings())
    kept = iterations.iterators[1]
    iterations.use((other,), CacheSettings())
    assert kept is iterations.iterators[0]
    iterations.use((other,), CacheSettings(maximum_ttl=60))
    assert kept is not iterations.iterators[0]
