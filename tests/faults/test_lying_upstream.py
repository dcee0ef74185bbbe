"""An upstream that lies: never a wrong answer, never another exception, and strict never says a word in clear text."""

import asyncio

import pytest
from kit.liar import Liar, Lie, answer, cookie_in, option, question_end
from kit.meeting import LOOPS, Counts, Tap, make_tools, meet, outcome, query_for, run
from kit.relay import Relay

from privacy.channel import Kind
from privacy.outbound import conceal
from resolver.edge.upstream import ENCRYPTED, TRANSPORTS
from resolver.edge.upstream.opportunistic import REMEMBERED, Opportunistic
from resolver.settings import HttpMethod
from resolver.values import QueryFlag
from wire.units import Instant

pytestmark = pytest.mark.parametrize("loop", LOOPS)
every = pytest.mark.parametrize("scheme", TRANSPORTS)
encrypted = pytest.mark.parametrize("scheme", sorted(ENCRYPTED))

QUERY = query_for("wWw.ExAmple")
RIGHT = answer(QUERY)[2:]
MESSAGE_LIES = [lie for lie in Lie if lie.value <= Lie.RESET.value and lie not in (Lie.NONE, Lie.LATER)]
falling = pytest.mark.parametrize("scheme", sorted(ENCRYPTED - {"odoh"}))  # that one has nothing worse to fall back to
http = pytest.mark.parametrize("scheme", ["https", "h3"])


@every
@pytest.mark.parametrize("lie", MESSAGE_LIES)
def test_every_lie_ends_as_a_right_answer_or_as_a_failure(loop: str, scheme: str, lie: Lie) -> None:
    """On an encrypted road the question is compared by whoever asked; here only the id is guarded there."""

    async def conversation() -> None:
        async with Liar(scheme, lie) as liar, meet(liar) as (upstream, _):
            heard = await outcome(upstream, QUERY, 0.15)
            if isinstance(heard, bytes) and scheme in ("udp", "tcp"):
                spelled = heard[10 : question_end(QUERY) - 2]
                assert QUERY[12 : question_end(QUERY)].lower() == spelled.lower()
            if isinstance(heard, bytes) and scheme == "udp":
                assert heard == RIGHT

    run(loop, conversation())


@every
@pytest.mark.parametrize("lie", MESSAGE_LIES)
def test_after_a_lie_the_upstream_goes_on(loop: str, scheme: str, lie: Lie) -> None:
    async def conversation() -> None:
        async with Liar(scheme, lie, Lie.NONE) as liar, meet(liar) as (upstream, _):
            # On a slow machine the first may have had no time to say anything: then the lie is still to come.
            patience = 0.1
            while not (liar.queries or liar.datagrams or liar.tcp_queries):
                await outcome(upstream, QUERY, patience)
                patience *= 3
            assert await outcome(upstream, QUERY) == RIGHT

    run(loop, conversation())


@pytest.mark.parametrize(
    ("lie", "counter"),
    [
        (Lie.WRONG_ID, "udp-near-miss"),
        (Lie.WRONG_QUESTION, "udp-near-miss"),
        (Lie.OTHER_CASE, "udp-near-miss"),
        (Lie.TRUNCATED, "udp-truncated"),
    ],
)
def test_the_first_near_miss_over_udp_leads_to_tcp(loop: str, lie: Lie, counter: str) -> None:
    async def conversation() -> None:
        async with Liar("udp", lie) as liar, meet(liar) as (upstream, counts):
            assert await outcome(upstream, QUERY) == RIGHT
            assert (len(liar.datagrams), len(liar.tcp_queries), counts[counter]) == (1, 1, 1)
            assert liar.datagrams[0][2:] == liar.tcp_queries[0][2:]

    run(loop, conversation())


def test_rubbish_over_udp_is_dropped_while_the_wait_goes_on(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("udp", Lie.MALFORMED_FIRST) as liar, meet(liar) as (upstream, counts):
            assert await outcome(upstream, QUERY) == RIGHT
            assert (len(liar.tcp_queries), counts["udp-malformed"]) == (0, 4)

    run(loop, conversation())


def test_a_near_miss_without_tcp_is_a_mismatch(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("udp", Lie.WRONG_ID, tcp_script=(Lie.RESET,)) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == "mismatch"

    run(loop, conversation())


@pytest.mark.parametrize("scheme", ["tcp", "tls", "quic"])
def test_an_id_that_was_never_asked_ends_the_connection(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.WRONG_ID, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == "mismatch"
            assert await outcome(upstream, QUERY) == RIGHT
            assert liar.connects == 2

    run(loop, conversation())


def test_another_question_over_clear_tcp_is_a_mismatch(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("tcp", Lie.WRONG_QUESTION) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == "mismatch"

    run(loop, conversation())


def concealed(upstream: object) -> bytes:
    return conceal(QUERY[12:].lower(), QueryFlag.RD, upstream.channel(), lambda n: b"\x5a" * n)  # type: ignore[attr-defined]


def test_a_cookie_that_is_not_ours_is_dropped(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("udp", Lie.WRONG_COOKIE) as liar, meet(liar) as (upstream, counts):
            heard = await outcome(upstream, concealed(upstream))
            assert b"\x06\x06\x06\x06" not in heard
            assert isinstance(heard, bytes)
            assert counts["udp-wrong-cookie"] == 1

    run(loop, conversation())


def test_the_server_cookie_is_learned_and_missed_when_it_is_gone(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("udp", Lie.COOKIE, Lie.COOKIE, Lie.NONE) as liar, meet(liar) as (upstream, counts):
            for _ in range(3):
                assert isinstance(await outcome(upstream, concealed(upstream)), bytes)
            lengths = [len(cookie_in(query)) for query in liar.datagrams]
            assert lengths == [8, 24, 24]
            # the third answer lacked the cookie: perhaps not from the server, so TCP was asked
            assert (counts["udp-bad-cookie"], len(liar.tcp_queries)) == (1, 1)

    run(loop, conversation())


@pytest.mark.parametrize(("script", "over_tcp"), [((Lie.BAD_COOKIE, Lie.COOKIE), 0), ((Lie.BAD_COOKIE,), 1)])
def test_badcookie_is_answered_once_with_the_new_cookie(loop: str, script: tuple[Lie, ...], over_tcp: int) -> None:
    async def conversation() -> None:
        async with Liar("udp", *script) as liar, meet(liar) as (upstream, _):
            assert isinstance(await outcome(upstream, concealed(upstream)), bytes)
            assert (2, over_tcp) == (len(liar.datagrams), len(liar.tcp_queries))
            assert option(cookie_in(liar.datagrams[1]))[4:12] == cookie_in(liar.datagrams[0])[:8]

    run(loop, conversation())


@http
@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (Lie.GOAWAY, "goaway"),
        (Lie.RESET_STREAM, "reset"),
        (Lie.HUGE, "too-large"),
        (Lie.HUGE_ANNOUNCED, "too-large"),
        (Lie.STATUS, "http"),
        (Lie.REDIRECT, "http"),
        (Lie.MEDIA_TYPE, "http"),
        (Lie.PING_FLOOD, "http"),
        (Lie.ODD_STATUS, "http"),
        (Lie.INTERIM_END, "http"),
        (Lie.INTERIM_TRAILERS, "http"),
    ],
)
def test_what_http_can_do_wrong_has_its_own_reason(loop: str, scheme: str, lie: Lie, why: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, lie) as liar, meet(liar) as (upstream, _):
            assert why == await outcome(upstream, QUERY, 15)
            assert liar.connects <= 2

    run(loop, conversation())


@http
@pytest.mark.parametrize("lie", [Lie.GOAWAY, Lie.RESET_STREAM])
def test_goaway_and_a_stream_reset_are_tried_once_more(loop: str, scheme: str, lie: Lie) -> None:
    async def conversation() -> None:
        async with Liar(scheme, lie, Lie.NONE) as liar, meet(liar) as (upstream, counts):
            assert await outcome(upstream, QUERY) == RIGHT
            assert counts["retry"] == 1

    run(loop, conversation())


@http
def test_goaway_with_many_streams_open_loses_none_of_them(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, *[Lie.SILENCE] * 9, Lie.GOAWAY, Lie.NONE) as liar, meet(liar) as (upstream, _):
            queries = [query_for(f"n{number}.example") for number in range(10)]
            heard = await asyncio.gather(*(outcome(upstream, query) for query in queries))
            assert [answer(query)[2:] for query in queries] == heard
            assert liar.connects == 2

    run(loop, conversation())


@http
@pytest.mark.parametrize("lie", [Lie.HUGE, Lie.HUGE_ANNOUNCED])
def test_a_body_of_one_gibibyte_is_cut_off_and_the_connection_lives(loop: str, scheme: str, lie: Lie) -> None:
    async def conversation() -> None:
        async with Liar(scheme, lie, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == "too-large"
            assert await outcome(upstream, QUERY) == RIGHT
            assert liar.octets_sent < 80_000 or scheme == "h3"  # there the server counts what it means to send
            assert liar.connects == 1

    run(loop, conversation())


@http
def test_the_server_may_allow_one_stream_only(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, max_streams=1) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            heard = await asyncio.gather(*(outcome(upstream, QUERY) for _ in range(30)))
            assert heard == [RIGHT] * 30
            assert liar.connects <= 4

    run(loop, conversation())


@http
def test_age_and_max_age_lower_the_ttl(loop: str, scheme: str) -> None:
    """TTL 300, max-age 250, 60 seconds old: 190 seconds are left."""

    async def conversation() -> None:
        async with Liar(scheme, Lie.AGED) as liar, meet(liar) as (upstream, _):
            heard = await outcome(upstream, QUERY)
            assert isinstance(heard, bytes)
            assert int.from_bytes(heard[-10:-6], "big") == 190

    run(loop, conversation())


@http
@pytest.mark.parametrize("method", HttpMethod)
def test_a_request_has_these_headers_and_no_others(loop: str, scheme: str, method: HttpMethod) -> None:
    posted = [(b"content-type", b"application/dns-message"), (b"content-length", b"29")]
    path = b"/dns-query" if method is HttpMethod.POST else b"/dns-query?dns=AAABAAABAAAAAAAAA3dXdwdFeEFtcGxlAAABAAE"

    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar, method=method) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            golden = [
                (b":method", method.value.encode()),
                (b":scheme", b"https"),
                (b":authority", b"dns.example:%d" % liar.port),
                (b":path", path),
                (b"accept", b"application/dns-message"),
                *(posted if method is HttpMethod.POST else []),
            ]
            assert [golden] == [[(bytes(n), bytes(v)) for n, v in request] for request in liar.requests]
            assert [query[:2] for query in liar.queries] == [b"\0\0"]

    run(loop, conversation())


@encrypted
@pytest.mark.parametrize("certificate", ["good", "other-name", "expired"])
@pytest.mark.parametrize("lie", [Lie.NONE, Lie.RESET, Lie.SILENCE, Lie.GARBAGE])
def test_strict_never_says_a_word_in_clear_text(loop: str, scheme: str, certificate: str, lie: Lie) -> None:
    """Every octet on the way is kept: TLS records or packets of QUIC only, the name nowhere, and nothing over clear UDP."""
    over_quic = scheme in ("quic", "h3")

    async def conversation() -> None:
        liar = Liar(scheme, lie, certificate=certificate)
        async with liar, Relay(liar.port) if over_quic else Tap(liar.port) as tap:
            async with meet(liar, port=tap.port) as (upstream, _):
                for _ in range(3):
                    await outcome(upstream, query_for("confidential.test"), 0.1)
                while not tap.heard:
                    await outcome(upstream, query_for("confidential.test"), 1.0)
            if isinstance(tap, Relay):
                assert [0x40] * len(tap.heard) == [packet[0] & 0x40 for packet in tap.heard]  # QUIC's fixed bit
                assert (tap.heard[0][0] & 0xC0, tap.heard[0][1:5]) == (0xC0, b"\0\0\0\1")
                heard = b"".join(tap.heard)
            else:
                heard = bytes(tap.heard)
                assert heard[:2] == b"\x16\x03"
            assert b"confidential" not in heard
            assert liar.datagrams == []

    run(loop, conversation())


@falling
def test_opportunistic_takes_whoever_encrypts_and_then_clear_text_and_remembers(loop: str, scheme: str) -> None:
    moment = [Instant(1000.0)]

    async def conversation() -> None:
        async with Liar(scheme, certificate="expired") as liar, Liar("udp") as clear:
            counts = Counts()
            tools = make_tools(counts, clock=lambda: moment[0])
            upstream = Opportunistic(liar.spec(), tools, TRANSPORTS[scheme], clear.port)
            assert upstream.channel().authenticated
            assert (await upstream.exchange(QUERY, Instant(1005.0)))[2:] == RIGHT
            assert (upstream.channel().encrypted, upstream.channel().authenticated) == (True, False)
            assert (counts["opportunistic-unauthenticated"], len(liar.queries), clear.datagrams) == (1, 1, [])
            await liar.stop()
            for _ in range(2):
                assert (await upstream.exchange(QUERY, Instant(1005.0)))[2:] == RIGHT
            assert Kind.UDP is upstream.channel().kind
            assert (counts["opportunistic-clear"], len(clear.datagrams)) == (1, 2)
            moment[0] = Instant(1001.0 + REMEMBERED)
            assert upstream.channel().authenticated
            await upstream.close()

    run(loop, conversation())


@falling
def test_opportunistic_does_not_go_down_because_an_answer_is_late(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.SILENCE) as liar, Liar("udp") as clear:
            upstream = Opportunistic(liar.spec(), make_tools(Counts()), TRANSPORTS[scheme], clear.port)
            assert await outcome(upstream, QUERY) == RIGHT
            assert await outcome(upstream, QUERY, 0.15) == "timeout"
            assert (upstream.channel().authenticated, clear.datagrams) == (True, [])
            await upstream.close()

    run(loop, conversation())
