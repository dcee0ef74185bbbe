"""The asking side of ODoH: what goes out, where keys come from, what a hostile relay can do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from kit.liar import Liar, Lie, answer
from kit.meeting import Counts, make_tools, outcome, query_for, run, soon
from kit.oblivious import Target

from privacy.channel import Channel, Kind
from privacy.outbound import conceal
from resolver.edge.upstream import open_upstream
from resolver.edge.upstream.odoh import Odoh, open_odoh, relay_path
from resolver.settings import HttpMethod, ObliviousTarget, Profile, UpstreamSpec
from wire.dns.message import parse_message
from wire.units import Instant

QUERY = query_for()
RIGHT = answer(QUERY)[2:]
FOREIGN = Target(b"\7" * 32)


def source(liar: Liar) -> UpstreamSpec:
    relay = liar.spec(target=None, scheme="https", path="/.well-known/odohconfigs", method=HttpMethod.GET)
    assert isinstance(relay, UpstreamSpec)
    return relay


def target(*liars: Liar, keys: bytes = b"") -> ObliviousTarget:
    return ObliviousTarget("target.test", "/dns-query", keys, tuple(map(source, liars)))


@contextlib.asynccontextmanager
async def asking(liar: Liar, behind: ObliviousTarget | None = None) -> AsyncIterator[tuple[Odoh, Counts, "Clock"]]:
    counts, clock = Counts(), Clock()
    spec = liar.spec() if behind is None else liar.spec(target=behind)
    upstream = open_odoh(spec, Profile.STRICT, make_tools(counts, clock=clock))
    try:
        yield upstream, counts, clock
    finally:
        await upstream.close()


class Clock:
    """The real clock, set forward at will."""

    ahead = 0.0

    def __call__(self) -> Instant:
        return Instant(soon(0.0) + self.ahead)


def play(conversation: Callable[[], object]) -> None:
    run("asyncio", conversation())  # type: ignore[arg-type]


def test_the_request_holds_what_the_rfc_demands_and_nothing_else() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar, asking(liar) as (upstream, _, _):
            for name in ("www.example", "a.much.longer.name.example"):
                query = conceal(query_for(name)[12:], 0, upstream.channel(), bytes)
                await upstream.exchange(query, soon())
            assert liar.requests[0] == liar.requests[1]
            assert liar.requests[0] == [
                (b":method", b"POST"),
                (b":scheme", b"https"),
                (b":authority", f"dns.example:{liar.port}".encode()),
                (b":path", b"/relay?targethost=target.test&targetpath=%2Fdns-query"),
                (b"accept", b"application/oblivious-dns-message"),
                (b"content-type", b"application/oblivious-dns-message"),
                (b"content-length", b"217"),
            ]

    play(conversation)


def test_ciphertexts_fall_into_the_classes_only() -> None:
    """32 octets of key and 16 of tag, 41 of heads and lengths, and a multiple of 128."""

    async def conversation() -> None:
        async with Liar("odoh") as liar, asking(liar) as (upstream, _, _):
            for length in range(1, 200, 3):
                name = ".".join(["x" * 50] * (length // 51) + ["y" * (length % 51 + 1)])
                await upstream.exchange(conceal(query_for(name)[12:], 0, upstream.channel(), bytes), soon())
            assert {len(body) for body in liar.bodies} == {89 + 128, 89 + 256}
            assert len(set(liar.bodies)) == len(liar.bodies)

    play(conversation)


def test_the_padding_is_around_the_message_and_a_padded_answer_is_asked_for() -> None:
    query = conceal(QUERY[12:], 0, Channel(Kind.ODOH, encrypted=True, authenticated=True), bytes)
    edns = parse_message(query).edns
    assert edns is not None
    assert edns.options == ((12, b""),) or list(edns.options) == [(12, b"")]


def test_no_two_questions_show_that_they_are_of_the_same_client() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar, asking(liar) as (upstream, _, _):
            for _ in range(2):
                await upstream.exchange(QUERY, soon())
            one, other = liar.bodies
            assert one[:37] == other[:37]
            assert one[37:69] != other[37:69]

    play(conversation)


def test_keys_come_from_the_relay_once() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar, asking(liar, target(liar)) as (upstream, _, _):
            assert await asyncio.gather(*(outcome(upstream, QUERY) for _ in range(20))) == [RIGHT] * 20
            asked = [dict(request) for request in liar.requests if dict(request)[b":method"] == b"GET"]
            path = b"/.well-known/odohconfigs?targethost=target.test&targetpath=%2Fdns-query"
            assert [request[b":path"] for request in asked] == [path]

    play(conversation)


def test_a_target_that_changed_its_key_loses_no_question() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar, asking(liar, target(liar)) as (upstream, counts, _):
            assert await outcome(upstream, QUERY) == RIGHT
            liar.target = Target(b"\1" * 32)
            liar.configs = liar.target.configs
            assert await asyncio.gather(*(outcome(upstream, QUERY) for _ in range(20))) == [RIGHT] * 20
            assert counts["odoh-keys-renewed"] >= 1
            assert len([request for request in liar.requests if (b":method", b"GET") in request]) == 2

    play(conversation)


def test_the_next_key_of_a_file_is_tried_when_the_first_is_refused() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar:
            both = (len(FOREIGN.config) * 2).to_bytes(2, "big") + FOREIGN.config + liar.target.config
            async with asking(liar, target(keys=both)) as (upstream, _, _):
                assert [await outcome(upstream, QUERY) for _ in range(2)] == [RIGHT, RIGHT]

    play(conversation)


def test_a_relay_that_always_says_401_gets_few_requests_and_nothing_readable() -> None:
    async def conversation() -> None:
        async with Liar("odoh", Lie.UNAUTHORIZED) as liar, asking(liar, target(liar)) as (upstream, _, clock):
            assert {await outcome(upstream, QUERY) for _ in range(50)} == {"keys"}
            assert len(liar.requests) <= 8
            liar.script = [Lie.NONE]
            clock.ahead = 30.0
            assert await outcome(upstream, QUERY, 40.0) == RIGHT

    play(conversation)


def test_a_relay_that_hands_out_a_key_of_its_own_is_found_out_by_a_second_source() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as relay, Liar("odoh") as other:
            relay.configs = FOREIGN.configs
            async with asking(relay, target(relay, other)) as (upstream, _, _):
                assert await outcome(upstream, QUERY) == "keys"
                assert relay.bodies == []
            relay.configs = (len(FOREIGN.config) * 2).to_bytes(2, "big") + FOREIGN.config + other.target.config
            async with asking(relay, target(relay, other)) as (upstream, _, _):
                assert await outcome(upstream, QUERY) == RIGHT

    play(conversation)


def test_a_source_that_is_away_means_no_keys_and_no_question() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as relay, Liar("odoh") as other:
            await other.stop()
            async with asking(relay, target(relay, other)) as (upstream, _, _):
                assert await outcome(upstream, QUERY) == "unreachable"
                assert relay.bodies == []

    play(conversation)


@pytest.mark.parametrize("configs", [b"", b"\0\0", b"nonsense", b"\0\5\0\2\0\1x"])
def test_what_are_no_keys_are_not_used(configs: bytes) -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar, asking(liar, target(liar)) as (upstream, _, _):
            liar.configs = configs
            assert await outcome(upstream, QUERY) == "keys"
            assert liar.bodies == []

    play(conversation)


def test_a_source_must_prove_its_name() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as relay, Liar("odoh", certificate="other-name") as other:
            upstream = open_odoh(relay.spec(target=target(other)), Profile.STRICT, make_tools(Counts()))
            assert await outcome(upstream, QUERY) == "certificate"
            await upstream.close()

    play(conversation)


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (Lie.STATUS, "http"),
        (Lie.REDIRECT, "http"),
        (Lie.MEDIA_TYPE, "http"),
        (Lie.NOT_A_RESPONSE, "malformed"),
        (Lie.SHORT, "malformed"),
        (Lie.HUGE, "too-large"),
        (Lie.HUGE_ANNOUNCED, "too-large"),
    ],
)
def test_what_is_no_answer_is_a_failure_with_its_reason(lie: Lie, why: str) -> None:
    async def conversation() -> None:
        async with Liar("odoh", lie) as liar, asking(liar) as (upstream, _, _):
            assert await outcome(upstream, QUERY) == why

    play(conversation)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/p", "/p?targethost=t.example%3A8443&targetpath=%2Fq%2Fr"),
        ("/p?k=v", "/p?k=v&targethost=t.example%3A8443&targetpath=%2Fq%2Fr"),
        ("/p{?targethost,targetpath}", "/p?targethost=t.example%3A8443&targetpath=%2Fq%2Fr"),
        ("/p/{targethost}/{targetpath}", "/p/t.example%3A8443/%2Fq%2Fr"),
    ],
)
def test_the_relay_is_told_the_target_as_its_template_says(template: str, path: str) -> None:
    """> dnsproxy.example/dns-query{?targethost,targetpath} (RFC 9230 §4.1)"""
    assert path == relay_path(template, ObliviousTarget("t.example:8443", "/q/r"))


def test_a_relay_proves_its_name_whatever_the_profile() -> None:
    async def conversation() -> None:
        async with Liar("odoh", certificate="other-name") as liar:
            upstream = open_upstream(liar.spec(), Profile.OPPORTUNISTIC, make_tools(Counts()))
            assert await outcome(upstream, QUERY) == "certificate"
            assert (liar.queries, liar.datagrams) == ([], [])
            await upstream.close()

    play(conversation)


def test_without_a_target_there_is_no_oblivious_upstream() -> None:
    with pytest.raises(ValueError, match="without a target"):
        open_upstream(UpstreamSpec("odoh", "a.example", ("192.0.2.1",), 443, "a"), Profile.STRICT, make_tools(Counts()))
