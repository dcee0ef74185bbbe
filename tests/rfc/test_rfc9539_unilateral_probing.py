"""RFC 9539: authoritative servers are tried over TLS at the side, and asked that way once they have shown that they can."""

import asyncio
import os
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable

import dns.flags
import dns.message
import dns.rrset
import pytest
import trustme
from kit.internet import Internet
from kit.iterating import Asking
from kit.world import no_lookup

from net.clock import now
from net.tls import TlsFactory
from resolver.edge.iterating import Sockets
from resolver.edge.upstream.framed import Framed
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.iterate.port import Ask, Endpoint, Heard
from resolver.iterate.probing import DAMPING, PERSISTENCE, REMEMBERED, TIMEOUT, Choice, Prober
from wire.dns.names import read_name
from wire.units import Instant, Seconds

ADDRESS = "192.0.2.1"
CLEAR, PROBE, ENCRYPTED = Choice.CLEAR, Choice.PROBE, Choice.ENCRYPTED


def at(seconds: float) -> Instant:
    return Instant(1_000_000.0 + seconds)


def test_4_the_first_question_goes_in_clear_text_and_a_probe_at_the_side() -> None:
    prober = Prober()
    assert [PROBE, CLEAR, CLEAR] == [prober.choose(ADDRESS, at(seconds)) for seconds in (0, 0, TIMEOUT - 1)]


def test_4_once_a_connection_came_about_questions_go_that_way_for_three_days() -> None:
    prober = Prober()
    prober.choose(ADDRESS, at(0))
    prober.established(ADDRESS, at(1))
    assert [ENCRYPTED, ENCRYPTED] == [prober.choose(ADDRESS, at(s)) for s in (2, PERSISTENCE)]
    assert 1 == prober.encrypting(at(2))
    assert PROBE is prober.choose(ADDRESS, at(PERSISTENCE + 1))


def test_4_every_answer_makes_the_three_days_begin_anew() -> None:
    prober = Prober()
    prober.choose(ADDRESS, at(0))
    prober.established(ADDRESS, at(1))
    prober.responded(ADDRESS, at(PERSISTENCE))
    assert ENCRYPTED is prober.choose(ADDRESS, at(2 * PERSISTENCE - 1))


def test_4_a_server_that_does_not_take_it_is_left_alone_for_a_day() -> None:
    prober = Prober()
    prober.choose(ADDRESS, at(0))
    prober.failed(ADDRESS, at(4))
    assert [CLEAR, CLEAR, PROBE] == [prober.choose(ADDRESS, at(s)) for s in (5, DAMPING, DAMPING + 4)]


def test_4_a_connection_that_breaks_leads_back_to_clear_text() -> None:
    prober = Prober()
    prober.choose(ADDRESS, at(0))
    prober.established(ADDRESS, at(1))
    prober.failed(ADDRESS, at(9))
    assert CLEAR is prober.choose(ADDRESS, at(10))


def test_an_attempt_that_nobody_reported_is_made_again_after_its_time() -> None:
    prober = Prober()
    assert [PROBE, PROBE] == [prober.choose(ADDRESS, at(s)) for s in (0, TIMEOUT)]


def test_the_table_is_bounded() -> None:
    prober = Prober()
    for number in range(REMEMBERED + 5):
        prober.choose(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", at(0))
    assert REMEMBERED == len(prober._states)


class Authority(asyncio.DatagramProtocol):
    """One authoritative server on loopback: UDP, and TLS if it likes; which question came how is noted down."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.lengths: list[int] = []
        self.chosen: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self.seen.append("udp")
        self.transport.sendto(answer(data), sender)  # type: ignore[attr-defined]

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        try:
            while True:
                data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                self.seen.append("tls")
                self.lengths.append(len(data))
                response = answer(data)
                writer.write(len(response).to_bytes(2, "big") + response)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError, ssl.SSLError):
            writer.close()


def answer(data: bytes) -> bytes:
    query = dns.message.from_wire(data)
    assert not query.flags & dns.flags.RD
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "203.0.113.1"))
    return bytes(response.to_wire())


Conversation = Callable[[Authority, Sockets, Endpoint], Awaitable[None]]


def run(conversation: Conversation, *, takes_tls: bool = True, alpn: tuple[str, ...] = ()) -> Counter[str]:
    counters: Counter[str] = Counter()

    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("anybody.example").configure_cert(context)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        loop = asyncio.get_running_loop()
        transport, authority = await loop.create_datagram_endpoint(Authority, ("127.0.0.1", 0))
        server = await asyncio.start_server(authority.stream, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        if not takes_tls:
            server.close()
            await server.wait_closed()
        tools = Tools(now, os.urandom, no_lookup, lambda what: None, TlsFactory())
        sockets = Sockets(tools, counters, dot_port=port)
        try:
            await conversation(authority, sockets, Endpoint("127.0.0.1", transport.get_extra_info("sockname")[1]))
        finally:
            await sockets.close()
            transport.close()
            server.close()

    asyncio.run(main())
    return counters


def asks(endpoint: Endpoint, *, probe: bool = True) -> Ask:
    question = read_name("www.shop.example") + b"\0\1\0\1"
    return Ask(endpoint, read_name("shop.example"), question, Seconds(5.0), probe=probe)


async def talk(authority: Authority, sockets: Sockets, endpoint: Endpoint) -> None:
    for _ in range(3):
        assert isinstance(await sockets.ask(asks(endpoint)), Heard)
        await sockets.encryption.settled()


def test_a_server_that_takes_tls_is_asked_over_tls_from_the_second_question_on() -> None:
    async def conversation(authority: Authority, sockets: Sockets, endpoint: Endpoint) -> None:
        await talk(authority, sockets, endpoint)
        assert ["udp", "tls", "tls"] == authority.seen
        assert {0} == {length % 128 for length in authority.lengths}

    counters = run(conversation)
    assert (1, 2, 0) == (counters["iterate-probes"], counters["iterate-encrypted"], counters["iterate-probes-failed"])


@pytest.mark.parametrize(("alpn", "chosen"), [((), None), (("h2", "dot"), "dot"), (("h2",), None)])
def test_dot_is_offered_by_alpn_and_a_server_that_does_not_know_it_is_taken_all_the_same(
    alpn: tuple[str, ...], chosen: str | None
) -> None:
    async def conversation(authority: Authority, sockets: Sockets, endpoint: Endpoint) -> None:
        await talk(authority, sockets, endpoint)
        assert (["udp", "tls", "tls"], chosen) == (authority.seen, authority.chosen)

    run(conversation, alpn=alpn)


def test_a_server_that_does_not_is_asked_in_clear_text_and_probed_once() -> None:
    async def conversation(authority: Authority, sockets: Sockets, endpoint: Endpoint) -> None:
        await talk(authority, sockets, endpoint)
        assert ["udp"] * 3 == authority.seen

    counters = run(conversation, takes_tls=False)
    assert (1, 1) == (counters["iterate-probes"], counters["iterate-probes-failed"])


def test_nobody_is_probed_unless_the_user_asked_for_it() -> None:
    async def conversation(authority: Authority, sockets: Sockets, endpoint: Endpoint) -> None:
        for _ in range(2):
            await sockets.ask(asks(endpoint, probe=False))
        assert ["udp"] * 2 == authority.seen

    assert 0 == run(conversation)["iterate-probes"]


@pytest.mark.parametrize("probes", [True, False])
def test_the_setting_reaches_the_questions(probes: bool) -> None:
    made = Internet()
    made.serve(".", {"a.root.": "198.51.100.1"}, "www.example A 203.0.113.1")
    Asking(made, {"probe_encryption": probes}).ask("www.example.")
    assert {probes} == {asked.ask.probe for asked in made.log}


@pytest.mark.parametrize(("why", "encrypting"), [(Why.BUSY, 1), (Why.RESET, 0)])
def test_4_6_no_room_at_our_side_costs_a_server_nothing_and_a_broken_connection_its_day(
    why: Why, encrypting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> bytes:
        raise UpstreamFailed(why)

    async def conversation(authority: Authority, sockets: Sockets, endpoint: Endpoint) -> None:
        await sockets.ask(asks(endpoint))
        await sockets.encryption.settled()
        with monkeypatch.context() as patch:
            patch.setattr(Framed, "exchange", fail)
            assert isinstance(await sockets.ask(asks(endpoint)), Heard)
        assert (["udp", "udp"], encrypting) == (authority.seen, sockets.encryption.encrypting())
        await sockets.ask(asks(endpoint))
        assert ("tls" if encrypting else "udp") == authority.seen[-1]

    run(conversation)
