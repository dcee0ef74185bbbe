"""What only roads over QUIC can do, and must not: loss, Retry, resets, codes, sizes, sessions (RFC 9000, 9114, 9250)."""

import asyncio
import random
from collections.abc import Callable

import pytest
from aioquic.tls import Epoch
from kit.coders import quic_codec
from kit.liar import Liar, Lie, answer
from kit.meeting import LOOPS, Counts, make_tools, meet, outcome, query_for, run, soon
from kit.relay import Fate, Relay

from privacy.outbound import conceal
from resolver.edge.upstream import open_upstream
from resolver.edge.upstream.pooled import IDLE
from resolver.edge.upstream.port import Upstream, UpstreamFailed
from resolver.settings import HttpMethod, Profile
from resolver.values import QueryFlag
from wire.units import Instant

__all__ = ["quic_codec"]

pytestmark = [pytest.mark.parametrize("loop", LOOPS), pytest.mark.usefixtures("quic_codec")]
both = pytest.mark.parametrize("scheme", ["quic", "h3"])
QUERY = query_for()
RIGHT = answer(QUERY)[2:]
CANCELLED = {"quic": 0x3, "h3": 0x10C}
NO_ERROR = {"quic": 0x0, "h3": 0x100}
INITIAL = 1_200


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


LOSSES = {
    "every third is lost": lambda upwards, number: Fate.LOSE if number % 3 == 0 else Fate.PASS,
    "the first are lost": lambda upwards, number: Fate.LOSE if number == 1 else Fate.PASS,
    "every one comes twice": lambda upwards, number: Fate.DOUBLE,
    "neighbours change places": lambda upwards, number: Fate.SWAP if number % 2 else Fate.PASS,
    "answers are lost": lambda upwards, number: Fate.LOSE if not upwards and 8 < number and number % 2 else Fate.PASS,
}


@both
@pytest.mark.parametrize("what", LOSSES)
def test_nothing_that_the_network_loses_doubles_or_swaps_costs_an_answer(loop: str, scheme: str, what: str) -> None:
    async def conversation() -> None:
        async with (
            Liar(scheme) as liar,
            Relay(liar.port, LOSSES[what]) as relay,
            meet(liar, port=relay.port) as (up, _),
        ):
            queries = [query_for(f"n{number}.example") for number in range(40)]
            heard = []
            for first in range(0, 40, 8):
                heard += await asyncio.gather(*(outcome(up, query) for query in queries[first : first + 8]))
            assert [answer(query)[2:] for query in queries] == heard
            assert len(liar.queries) == 40
            assert (relay.lost > 0) == ("lost" in what)

    run(loop, conversation())


@both
def test_a_network_that_lets_nothing_through_any_more_costs_the_deadline(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, Relay(liar.port) as relay, meet(liar, port=relay.port) as (up, _):
            assert await outcome(up, QUERY) == RIGHT
            relay.decide = lambda upwards, number: Fate.LOSE
            assert await outcome(up, QUERY, 0.2) == "timeout"
            relay.decide = lambda upwards, number: Fate.PASS
            assert await outcome(up, QUERY) == RIGHT
            assert liar.connects == 2

    run(loop, conversation())


@both
def test_a_client_that_is_to_prove_its_address_does(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, retry=True) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT

    run(loop, conversation())


@both
def test_a_server_that_forgot_the_connection_says_so_and_is_asked_anew(loop: str, scheme: str) -> None:
    """A stateless reset (RFC 9000 §10.3): the server's last word about a connection it knows nothing of."""

    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.SILENCE, Lie.NONE) as liar, meet(liar) as (upstream, counts):
            assert await outcome(upstream, QUERY) == RIGHT
            pending = asyncio.ensure_future(outcome(upstream, QUERY))
            await liar.wait_for(2)
            side = liar.sides[0]
            token = side._quic._host_cids[0].stateless_reset_token
            assert side._transport is not None
            side._transport.sendto(b"\x41" + bytes(30) + token, side._quic._network_paths[0].addr)
            assert await pending == RIGHT
            assert (liar.connects, counts["retry"]) == (2, 1)

    run(loop, conversation())


@both
def test_who_gives_up_takes_the_request_back_and_the_next_goes_over_the_same_connection(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.SILENCE, Lie.NONE) as liar, meet(liar) as (upstream, _):
            given_up = asyncio.ensure_future(upstream.exchange(QUERY, soon()))
            await liar.wait_for(1)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            assert await outcome(upstream, QUERY) == RIGHT
            assert (liar.connects, set(liar.stopped)) == (1, {CANCELLED[scheme]})

    run(loop, conversation())


@both
def test_an_idle_connection_is_closed_with_no_error(loop: str, scheme: str) -> None:
    moment = [Instant(1000.0)]

    async def conversation() -> None:
        async with Liar(scheme) as liar:
            upstream = open_upstream(liar.spec(), Profile.STRICT, make_tools(Counts(), clock=lambda: moment[0]))
            assert (await upstream.exchange(QUERY, Instant(1005.0)))[2:] == RIGHT
            (member,) = upstream._pool._members  # type: ignore[attr-defined]
            moment[0] = Instant(1000.0 + IDLE)
            member.timed()
            await until(lambda: liar.goodbyes != [])
            assert (member.closed, member.idle, liar.goodbyes) == (True, True, [NO_ERROR[scheme]])
            assert (await upstream.exchange(QUERY, Instant(moment[0] + 5)))[2:] == RIGHT
            assert (liar.connects, liar.resumed) == (2, [False, True])
            await upstream.close()

    run(loop, conversation())


@both
def test_the_server_says_how_many_streams_there_may_be(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, max_streams=2) as liar, meet(liar) as (upstream, _):
            heard = await asyncio.gather(*(outcome(upstream, QUERY) for _ in range(60)))
            assert heard == [RIGHT] * 60
            assert liar.connects <= 4

    run(loop, conversation())


@both
def test_sessions_are_used_once_and_carry_no_early_data(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, *[Lie.NONE, Lie.HALF_CLOSE] * 3, Lie.NONE) as liar, Relay(liar.port) as relay:
            async with meet(liar, port=relay.port) as (upstream, _):
                for _ in range(4):
                    assert await outcome(upstream, QUERY) == RIGHT
            assert liar.resumed == [False, True, True, True]
            long_headers = [packet[0] for packet in relay.heard if packet[0] & 0x80]
            assert {first & 0x30 for first in long_headers} <= {0x00, 0x20}  # Initial and Handshake, no 0-RTT
            offered = [side._quic.tls for side in liar.sides]
            assert [tls.early_data_accepted for tls in offered] == [False] * 4

    run(loop, conversation())


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (Lie.WRONG_ID, "mismatch"),
        (Lie.SHORT, "malformed"),
        (Lie.NOT_A_RESPONSE, "malformed"),
        (Lie.TWO, "malformed"),
    ],
)
def test_what_doq_does_not_allow_ends_the_connection_with_its_code(loop: str, lie: Lie, why: str) -> None:
    """DOQ_PROTOCOL_ERROR (RFC 9250 §4.3.3)."""

    async def conversation() -> None:
        async with Liar("quic", lie, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == why
            await until(lambda: liar.goodbyes != [])
            assert liar.goodbyes == [2]
            assert await outcome(upstream, QUERY) == RIGHT
            assert liar.connects == 2

    run(loop, conversation())


@pytest.mark.parametrize("lie", [Lie.WRONG_ID, Lie.TWO])
def test_a_server_that_breaks_the_protocol_again_and_again_is_not_stormed(loop: str, lie: Lie) -> None:
    async def conversation() -> None:
        async with Liar("quic", lie) as liar, meet(liar) as (upstream, counts):
            for _ in range(50):
                assert await outcome(upstream, QUERY) in {"mismatch", "malformed", "unreachable"}
            assert (liar.connects <= 3, counts["connect"] <= 3) == (True, True)

    run(loop, conversation())


def test_a_server_may_open_no_stream_over_doq(loop: str) -> None:
    """STREAM_LIMIT_ERROR (RFC 9000 §4.6): we allow none."""

    async def conversation() -> None:
        async with Liar("quic", Lie.NONE, Lie.OWN_STREAM, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert [await outcome(upstream, QUERY) for _ in range(3)] == [RIGHT] * 3
            await until(lambda: liar.goodbyes != [])
            assert (liar.goodbyes, liar.connects) == ([4], 2)

    run(loop, conversation())


@both
def test_a_server_that_only_makes_work_is_left(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.SILENCE, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            (member,) = upstream._pool._members  # type: ignore[attr-defined]
            pending = asyncio.ensure_future(outcome(upstream, QUERY, 15))
            await liar.wait_for(2)
            side = liar.sides[0]
            for number in range(60_000):
                if member.closed:
                    break
                side._quic.send_ping(number)
                side.transmit()
                await asyncio.sleep(0.001 if number % 32 == 0 else 0)  # the socket's buffer is small
            assert member.closed
            assert await pending == RIGHT

    run(loop, conversation())


@both
@pytest.mark.parametrize("seed", range(6))
def test_frames_that_somebody_garbled_end_as_failures_and_nothing_else(loop: str, scheme: str, seed: int) -> None:
    """The server's packets are changed before they are encrypted: what comes is authentic, and nonsense."""
    chance = random.Random(1_000 + seed)

    def garble(payload: bytes) -> bytes:
        if chance.random() < 0.4:
            return payload
        octets = bytearray(payload)
        for _ in range(chance.randrange(1, 4)):
            match chance.randrange(4):
                case 0:
                    octets[chance.randrange(len(octets))] = chance.randrange(256)
                case 1:
                    octets[:0] = bytes(chance.randrange(32) for _ in range(chance.randrange(1, 24)))
                case 2:
                    octets += bytes(chance.randrange(256) for _ in range(chance.randrange(1, 40)))
                case 3:
                    del octets[chance.randrange(len(octets)) // 2 + 1 :]
        return bytes(octets[:1_100].ljust(8, b"\0"))

    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            liar.garble = garble
            for number in range(25):
                heard = await outcome(upstream, query_for(f"n{number}.example"), 0.3)
                assert isinstance(heard, str) or len(heard) >= 10
            liar.garble = None

    run(loop, conversation())


def test_an_answer_that_is_too_large_is_stopped_and_the_connection_lives(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("quic", Lie.HUGE, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == "too-large"
            assert await outcome(upstream, QUERY) == RIGHT
            assert (liar.connects, liar.stopped[0]) == (1, CANCELLED["quic"])

    run(loop, conversation())


def test_every_query_has_a_stream_and_the_id_zero(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("quic") as liar, meet(liar) as (upstream, _):
            for _ in range(5):
                assert await outcome(upstream, b"\0\0" + QUERY[2:]) == RIGHT
            assert liar.streams == [0, 4, 8, 12, 16]
            assert [query[:2] for query in liar.queries] == [b"\0\0"] * 5

    run(loop, conversation())


def concealed(upstream: Upstream, name: str) -> bytes:
    return conceal(query_for(name)[12:], QueryFlag.RD, upstream.channel(), lambda count: b"\x5a" * count)


@both
def test_names_of_any_length_make_datagrams_of_the_same_sizes(loop: str, scheme: str) -> None:
    """Queries fall into classes of 128 octets (RFC 8467); on the wire only the class shows, not the name."""

    async def sizes_for(name: str) -> tuple[set[int], int]:
        async with Liar(scheme) as liar, Relay(liar.port) as relay, meet(liar, port=relay.port) as (upstream, _):
            query = concealed(upstream, name)
            assert isinstance(await outcome(upstream, query), bytes)
            before = len(relay.heard)
            for _ in range(6):
                assert isinstance(await outcome(upstream, query), bytes)
            assert len({query[:2] for query in liar.queries}) == 1
            return {len(packet) for packet in relay.heard[before:] if len(packet) > 100}, len(query)

    async def conversation() -> None:
        short, long = "a.example", "a-name-that-is-much-longer.in-a-zone.of-some.example"
        (one, length), (other, same) = await sizes_for(short), await sizes_for(long)
        assert (length, same) == (128, 128)
        # the frames beside the query (acknowledgements, a stream's number) are of a few octets, whatever the name
        spread = range(128 + 24, 128 + 96)
        assert all(size in spread for size in one | other), (one, other)

    run(loop, conversation())


@pytest.mark.parametrize("method", HttpMethod)
def test_a_request_over_http3_has_these_octets_and_no_others(loop: str, method: HttpMethod) -> None:
    """Golden: the octets of the request's stream are the same for every request, and hold nothing that tells clients apart."""

    async def conversation() -> None:
        async with Liar("h3") as liar, meet(liar, method=method) as (upstream, _):
            for _ in range(3):
                assert await outcome(upstream, QUERY) == RIGHT
            authority = b"dns.example:%d" % liar.port
            if method is HttpMethod.POST:
                fields = (
                    b"\0\0\xd4\xd7\x50" + bytes((len(authority),)) + authority + b"\x51\x0a/dns-query\xde\xec\x54\x0229"
                )
                golden = b"\x01" + bytes((0x40, len(fields)) if len(fields) > 63 else (len(fields),)) + fields
                golden += b"\0" + bytes((len(QUERY),)) + QUERY
            else:
                path = b"/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlAAABAAE"
                fields = b"\0\0\xd1\xd7\x50" + bytes((len(authority),)) + authority
                fields += b"\x71" + bytes((len(path),)) + path + b"\xde"
                golden = b"\x01" + bytes((0x40, len(fields)) if len(fields) > 63 else (len(fields),)) + fields
            assert {stream: octets for stream, octets in liar.raw.items() if not stream & 2} == {
                0: golden,
                4: golden,
                8: golden,
            }
            # control stream: SETTINGS without a dynamic table, and nothing else; no octet on the table's streams
            assert liar.raw[2] == b"\0\x04\x09\x01\0\x06\x80\0\x40\0\x07\0"
            assert (liar.raw.get(6), liar.raw.get(10)) == (b"\2", b"\3")

    run(loop, conversation())


@both
def test_whoever_is_on_the_path_cannot_measure_round_trips(loop: str, scheme: str) -> None:
    """The spin bit stays as it is (RFC 9000 §17.4), seen in what the server's core takes the header's protection off of."""
    seen: set[int] = set()

    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            pair = liar.sides[0]._quic._cryptos[Epoch.ONE_RTT]
            honest = pair.decrypt_packet

            def decrypt(packet: bytes, at: int, expected: int) -> tuple[bytes, bytes, int]:
                header, payload, number = honest(packet, at, expected)
                seen.add(header[0] & 0x20)
                return header, payload, number

            pair.decrypt_packet = decrypt  # type: ignore[method-assign]
            for _ in range(8):
                assert await outcome(upstream, QUERY) == RIGHT
            assert seen == {0}

    run(loop, conversation())


@pytest.mark.parametrize("length", [2**17, 2**20])
def test_a_whole_answer_that_is_too_large_is_no_answer(loop: str, length: int) -> None:
    """It may have ended before it is refused; then there is nothing left to stop."""

    async def conversation() -> None:
        async with (
            Liar("h3", answers=lambda query, over_udp: answer(query) + bytes(length)) as liar,
            meet(liar) as (up, _),
        ):
            assert await outcome(up, QUERY) == "too-large"
            liar.answers = None
            assert await outcome(up, QUERY) == RIGHT
            assert liar.connects == 1

    run(loop, conversation())


@both
def test_failures_of_the_socket_are_failures_like_any_other(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, Relay(liar.port) as relay, meet(liar, port=relay.port) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            relay.hang_up()
            await asyncio.sleep(0)
            with pytest.raises(UpstreamFailed) as failed:
                await upstream.exchange(QUERY, soon())
            assert failed.value.why.value in {"reset", "unreachable"}
            assert "127.0.0" not in str(failed.value)

    run(loop, conversation())
