"""The relay's half that connects out: to targets of the configuration only, at addresses that are allowed."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from kit.certificates import NAME, authority
from kit.liar import Liar, Lie, answer
from kit.meeting import Counts, make_tools, query_for, run, soon
from kit.oblivious import Target

from net.h2 import Response
from privacy.odoh import SEED, open_answer, parse_configs, seal_query
from resolver.addresses import is_public
from resolver.carried import MAX_ANSWER, Carried, Outcome, build_carried, parse_carried
from resolver.edge.carrier import Carrier
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.settings import CarriedTarget, UpstreamSpec
from wire.errors import Malformed

QUERY = query_for()


def spec(liar: Liar, addresses: tuple[str, ...] = ("127.0.0.1",)) -> UpstreamSpec:
    return UpstreamSpec(
        "https", NAME, addresses, liar.port, "liar", "/odoh", authorities=authority().pem, bootstrap="x"
    )


@contextlib.asynccontextmanager
async def carrying(*targets: CarriedTarget, leads_to: tuple[str, ...] = ()) -> AsyncIterator[tuple[Carrier, Counts]]:
    counts = Counts()

    async def lookup(name: str) -> tuple[str, ...]:
        return leads_to

    carrier = Carrier(make_tools(counts, lookup))
    carrier.use(targets)
    try:
        yield carrier, counts
    finally:
        await carrier.close()


def test_a_body_goes_to_its_target_and_the_answer_comes_back_unread() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar, carrying(CarriedTarget(spec(liar))) as (carrier, _):
            sealed = seal_query(parse_configs(liar.configs)[0], QUERY, bytes(SEED))
            carried = await carrier.carry(0, sealed.body, soon())
            assert (carried.outcome, carried.status, carried.oblivious) == (Outcome.ANSWERED, 200, True)
            assert open_answer(sealed, carried.body) == answer(QUERY)
            assert liar.bodies == [sealed.body]
            assert dict(liar.requests[0]).keys() == {
                b":method",
                b":scheme",
                b":authority",
                b":path",
                b"accept",
                b"content-type",
                b"content-length",
            }

    run("asyncio", conversation())


def test_keys_are_fetched_from_the_well_known_place() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar, carrying(CarriedTarget(spec(liar))) as (carrier, _):
            carried = await carrier.carry(0, b"", soon())
            assert (carried.status, carried.body) == (200, liar.configs)
            assert dict(liar.requests[0])[b":path"] == b"/.well-known/odohconfigs"

    run("asyncio", conversation())


def test_the_targets_refusal_is_passed_on() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar, carrying(CarriedTarget(spec(liar))) as (carrier, _):
            foreign = seal_query(parse_configs(Target(b"\1" * 32).configs)[0], QUERY, bytes(SEED))
            assert await carrier.carry(0, foreign.body, soon()) == Carried(Outcome.ANSWERED, 401, False, b"")

    run("asyncio", conversation())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("192.0.2.1", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),  # an address to refuse
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("fec0::1", False),  # site-local, out of use and still routed
        ("::127.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("64:ff9b:1::7f00:1", False),  # a translator of this network's own
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        ("::ffff:9.9.9.9", True),
        ("64:ff9b::909:909", True),
    ],
)
def test_public_is_what_everybody_can_reach(address: str, public: bool) -> None:
    assert is_public(address) == public


def test_a_name_that_leads_into_this_network_leads_nowhere_unless_configured() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar:
            for private, outcome in ((False, Outcome.PROHIBITED), (True, Outcome.ANSWERED)):
                target = CarriedTarget(spec(liar, ()), private)
                async with carrying(target, leads_to=("127.0.0.1",)) as (carrier, _):
                    assert (await carrier.carry(0, b"", soon())).outcome is outcome
            assert liar.connects == 1

    run("asyncio", conversation())


@pytest.mark.parametrize(
    ("lie", "outcome"),
    [
        (Lie.HUGE, Outcome.NONSENSE),
        (Lie.HUGE_ANNOUNCED, Outcome.NONSENSE),
        (Lie.RESET, Outcome.UNAVAILABLE),
        (Lie.ODD_STATUS, Outcome.NONSENSE),
        (Lie.INTERIM_END, Outcome.NONSENSE),
        (Lie.INTERIM_TRAILERS, Outcome.NONSENSE),
    ],
)
def test_a_target_that_misbehaves_is_a_reason_and_no_answer(lie: Lie, outcome: Outcome) -> None:
    async def conversation() -> None:
        async with Liar("odoh", lie) as liar, carrying(CarriedTarget(spec(liar))) as (carrier, _):
            sealed = seal_query(parse_configs(liar.configs)[0], QUERY, bytes(SEED))
            assert await carrier.carry(0, sealed.body, soon()) == Carried(outcome)

    run("asyncio", conversation())


@pytest.mark.parametrize("status", [0, 100, 103, 199, 600, 999])
def test_a_status_that_would_leave_the_client_without_a_response_is_not_passed_on(status: int) -> None:
    """RFC 9110 §15: those of 1xx are no whole response, beyond 5xx there is nothing."""

    class Link:
        async def request(self, headers: object, body: bytes, due: float) -> Response:
            return Response(status, [], b"")

    async def conversation() -> None:
        async with Liar("odoh") as liar, carrying(CarriedTarget(spec(liar))) as (carrier, _):
            with pytest.raises(UpstreamFailed) as failed:
                await carrier._roads[0].ask(Link(), b"x", soon(), MAX_ANSWER)  # type: ignore[arg-type]
            assert failed.value.why is Why.HTTP

    run("asyncio", conversation())


def test_an_interim_response_of_the_target_is_passed_over() -> None:
    async def conversation() -> None:
        async with Liar("odoh", Lie.INTERIM) as liar, carrying(CarriedTarget(spec(liar))) as (carrier, _):
            sealed = seal_query(parse_configs(liar.configs)[0], QUERY, bytes(SEED))
            carried = await carrier.carry(0, sealed.body, soon())
            assert (carried.outcome, carried.status) == (Outcome.ANSWERED, 200)
            assert open_answer(sealed, carried.body) == answer(QUERY)

    run("asyncio", conversation())


def test_a_silent_target_costs_no_more_than_the_deadline_and_a_foreign_one_gets_nothing() -> None:
    async def conversation() -> None:
        async with Liar("odoh", Lie.SILENCE) as liar, carrying(CarriedTarget(spec(liar))) as (carrier, _):
            sealed = seal_query(parse_configs(liar.configs)[0], QUERY, bytes(SEED))
            assert await carrier.carry(0, sealed.body, soon(0.15)) == Carried(Outcome.TIMEOUT)
        async with Liar("odoh", certificate="other-name") as liar, carrying(CarriedTarget(spec(liar))) as (carrier, _):
            assert await carrier.carry(0, b"x", soon()) == Carried(Outcome.TLS)
            assert liar.requests == []

    run("asyncio", conversation())


def test_a_place_that_is_not_there_is_refused_and_targets_that_stay_keep_their_connection() -> None:
    async def conversation() -> None:
        async with Liar("odoh") as liar:
            target = CarriedTarget(spec(liar))
            async with carrying(target) as (carrier, _):
                assert (await carrier.carry(1, b"", soon())).outcome is Outcome.UNAVAILABLE
                await carrier.carry(0, b"", soon())
                assert carrier.use((CarriedTarget(spec(liar, ("127.0.0.9",))), target)) == []
                await carrier.carry(1, b"", soon())
                assert liar.connects == 1
                (gone,) = carrier.use((target,))
                assert gone.target.spec.addresses == ("127.0.0.9",)

    run("asyncio", conversation())


@pytest.mark.parametrize(
    "carried", [Carried(Outcome.ANSWERED, 200, True, b"x"), Carried(Outcome.ANSWERED, 401), Carried(Outcome.TIMEOUT)]
)
def test_what_is_carried_reads_back(carried: Carried) -> None:
    assert carried == parse_carried(build_carried(carried))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\xc8\0",
        b"\0\0\0\0",
        b"\1\xc8\0\0",
        b"\1\0\0\0x",
        b"\7\0\0\0",
        b"\0\xc8\0\2",
        b"\0\xc8\0\0" + bytes(MAX_ANSWER + 1),
    ],
)
def test_what_does_not_decode_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_carried(data)
