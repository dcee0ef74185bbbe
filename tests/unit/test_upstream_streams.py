"""Length-framed connections and packet exchanges without a network: ids, ghosts, idle ends, repetitions."""

import asyncio
import itertools
import socket

import pytest
from kit.liar import Liar, Lie, answer
from kit.meeting import LOOPS, Counts, make_tools, query_for, run

from resolver.edge.upstream.cookies import CookieJar
from resolver.edge.upstream.framed import MAX_OPEN, FramedLink
from resolver.edge.upstream.packets import PacketExchange
from resolver.edge.upstream.pooled import IDLE
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from wire.dns.framing import frame
from wire.dns.message import Message
from wire.units import Instant

QUERY = query_for()


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True


class Owner:
    """Stands in for the upstream."""

    def __init__(self) -> None:
        self.freed_times = 0
        self.gone: list[object] = []

    def freed(self) -> None:
        self.freed_times += 1

    def ended(self, link: object) -> None:
        self.gone.append(link)


class Table:
    def __init__(self, compare: bool = False, entropy=None) -> None:
        self.time = 100.0
        tools = make_tools(Counts(), clock=lambda: Instant(self.time))
        if entropy is not None:
            tools = Tools(tools.now, entropy, tools.lookup, tools.count, tools.tls)
        self.owner, self.wire = Owner(), Wire()
        self.link = FramedLink(self.owner, tools, compare)  # type: ignore[arg-type]
        self.link.connection_made(self.wire)

    def hear(self, *messages: bytes) -> None:
        self.link.received(memoryview(b"".join(frame(message) for message in messages)))

    def ask(self, query: bytes = QUERY) -> "asyncio.Future[bytes]":
        return self.link.ask(query, Instant(self.time + 5))

    def sent_ids(self) -> list[bytes]:
        self.link._flush()
        data, ids = b"".join(self.wire.sent), []
        while data:
            length = int.from_bytes(data[:2], "big")
            ids.append(data[2:4])
            data = data[2 + length :]
        return ids

    def why(self, future: "asyncio.Future[bytes]") -> Why:
        error = future.exception()
        assert isinstance(error, UpstreamFailed)
        return error.why


def play(conversation) -> None:
    asyncio.run(conversation)


def test_ids_are_random_and_different_on_one_connection() -> None:
    async def conversation() -> None:
        table = Table()
        futures = [table.ask() for _ in range(MAX_OPEN)]
        ids = table.sent_ids()
        assert len(set(ids)) == MAX_OPEN
        assert len({identifier[0] for identifier in ids}) > 100
        assert not table.link.room
        table.link.connection_lost(None)
        assert {table.why(future) for future in futures} == {Why.RESET}

    play(conversation())


def test_an_id_in_use_is_not_drawn_again() -> None:
    async def conversation() -> None:
        draws = itertools.chain([b"\0\1" * 3 + b"\0\2"], itertools.repeat(b"\0\3"))
        table = Table(entropy=lambda count: next(draws))
        table.ask()
        table.ask()
        assert table.sent_ids() == [b"\0\1", b"\0\2"]
        table.link.connection_lost(None)

    play(conversation())


def test_all_queries_of_one_turn_leave_in_one_write() -> None:
    async def conversation() -> None:
        table = Table()
        for _ in range(20):
            table.ask()
        await asyncio.sleep(0)
        assert len(table.wire.sent) == 1
        table.link.connection_lost(None)

    play(conversation())


@pytest.mark.parametrize("whole", [False, True])
def test_an_answer_longer_than_may_come_is_refused_by_its_length_and_hurts_nobody_else(whole: bool) -> None:
    async def conversation() -> None:
        table = Table()
        bounded = table.link.ask(QUERY, Instant(105.0), 400)
        other = table.ask(query_for("other.example"))
        ids = table.sent_ids()
        long = frame(ids[0] + answer(QUERY)[2:] + b"x" * 400)
        table.link.received(memoryview(long if whole else long[:4]))
        assert (Why.TOO_LARGE, False, False) == (table.why(bounded), other.done(), table.wire.ended)
        table.link.received(memoryview(b"" if whole else long[4:]))
        table.hear(ids[1] + answer(query_for("other.example"))[2:])
        assert other.done()
        assert table.link.room
        table.link.connection_lost(None)

    play(conversation())


def test_an_answer_longer_than_may_come_is_not_read_if_nobody_else_uses_the_connection() -> None:
    async def conversation() -> None:
        table = Table()
        bounded = table.link.ask(QUERY, Instant(105.0), 400)
        (identifier,) = table.sent_ids()
        table.link.received(memoryview(b"\x01\x91" + identifier))
        assert (Why.TOO_LARGE, True, False) == (table.why(bounded), table.wire.ended, table.link.room)

    play(conversation())


def test_an_answer_that_comes_after_its_deadline_is_given_to_nobody() -> None:
    async def conversation() -> None:
        table = Table()
        late, fresh = table.ask(), None
        table.hear()
        table.time += 1
        fresh = table.ask(query_for("other.example"))
        ids = table.sent_ids()
        table.time += 4
        table.link.timed()
        assert (table.why(late), fresh.done()) == (Why.TIMEOUT, False)
        table.hear(ids[0] + answer(QUERY)[2:], ids[1] + answer(query_for("other.example"))[2:])
        assert fresh.result()[2:] == answer(query_for("other.example"))[2:]
        table.link.connection_lost(None)

    play(conversation())


@pytest.mark.parametrize(
    ("message", "why"), [(b"", Why.MALFORMED), (b"1234567", Why.MALFORMED), (bytes(12), Why.MISMATCH)]
)
def test_what_belongs_to_no_query_ends_the_connection(message: bytes, why: Why) -> None:
    async def conversation() -> None:
        draws = itertools.repeat(b"\x12\x34")
        table = Table(entropy=lambda count: next(draws))
        future = table.ask()
        table.hear(message)
        assert (table.why(future), table.wire.ended, table.link.room) == (why, True, False)
        table.link.connection_lost(None)

    play(conversation())


def test_a_query_that_comes_back_is_no_answer() -> None:
    async def conversation() -> None:
        table = Table()
        future = table.ask()
        table.hear(table.sent_ids()[0] + QUERY[2:])
        assert (table.why(future), table.wire.ended) == (Why.MALFORMED, False)
        table.link.connection_lost(None)

    play(conversation())


def test_an_unused_connection_is_closed() -> None:
    async def conversation() -> None:
        table = Table()
        table.time += IDLE
        table.link.timed()
        assert (table.link.idle, table.wire.ended) == (True, True)
        table.link.connection_lost(None)
        assert table.owner.gone == [table.link]

    play(conversation())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_question_over_udp_is_repeated_twice_and_then_given_up(loop: str) -> None:
    """The clock jumps past every due instant at each look, so nothing is waited for."""

    async def conversation() -> None:
        async with Liar("udp", Lie.SILENCE) as liar:
            ticks = itertools.chain([0, 3, 3, 3, 3], itertools.repeat(6))
            tools = make_tools(Counts(), clock=lambda: Instant(next(ticks)))
            target = [("127.0.0.1", liar.port)]
            exchange = PacketExchange(QUERY, target, Instant(6.0), CookieJar(tools.entropy), tools)
            with pytest.raises(UpstreamFailed) as failed:
                await exchange.run()
            exchange.close()
            await liar.wait_for(3)
            assert failed.value.why is Why.TIMEOUT
            assert len(set(liar.datagrams)) == 1
            assert len(liar.datagrams) == 3

    run(loop, conversation())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_packet_that_arrived_while_we_were_late_ourselves_counts(loop: str) -> None:
    async def conversation() -> None:
        moments = [0.0]
        tools = make_tools(Counts(), clock=lambda: Instant(moments[0]))
        with socket.socket(type=socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            exchange = PacketExchange(QUERY, [server.getsockname()], Instant(6.0), CookieJar(tools.entropy), tools)
            running = asyncio.ensure_future(exchange.run())
            await asyncio.sleep(0)
            query, client = server.recvfrom(4_096)
            server.sendto(answer(query), client)
            moments[0] = 7.0
            exchange._on_timer()
            assert isinstance(await running, Message)
            exchange.close()

    run(loop, conversation())


@pytest.mark.parametrize("loop", LOOPS)
def test_every_question_over_udp_has_its_own_port_and_id(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("udp") as liar:
            tools = make_tools(Counts())
            for _ in range(50):
                target = [("127.0.0.1", liar.port)]
                exchange = PacketExchange(QUERY, target, Instant(tools.now() + 5), CookieJar(tools.entropy), tools)
                assert isinstance(await exchange.run(), Message)
                exchange.close()
            assert len({packet[:2] for packet in liar.datagrams}) > 45

    run(loop, conversation())
