"""The resolver whose clock is wrong, then right, then wrong again: over a forwarder and along iteration, in a signed tree."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import dns.flags
import dns.message
import dns.rcode
import pytest
from kit import world as scripted
from kit.lies import Lie
from kit.loops import on_loop
from kit.lying import anchored, asked, forwarder, iterating
from kit.questions import RD, query_for
from kit.signing import DATE, DAY, EXPIRATION, INCEPTION, Signer
from kit.toytree import Tree
from kit.world import ScriptedUpstream, install, no_lookup, settings, two_labels

from net.clock import now
from net.tls import TlsFactory
from privacy.memory import Fact
from resolver.dnssec.clock import WRONG_CLOCK
from resolver.edge import account
from resolver.edge.resolve import TURNS, Resolver
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.edge.world import ForwardingWorld
from resolver.settings import NegativeTrustAnchor, ResolverSettings
from resolver.values import Origin, Reply
from wire.dns.codes import ExtendedError, QueryFlag
from wire.dns.names import read_name
from wire.units import Epoch, Instant

TRUTH = Lie("nothing but the truth", "www.shop.example. A", {}, frozenset())
SOURCE, OTHER, PLAIN = "www.shop.example.", "www.bank.org.", "www.plain.example."
CD, DO = int(QueryFlag.CD), int(QueryFlag.DO)
YEAR = 365 * DAY


@pytest.fixture(autouse=True, params=[False, True], ids=["in a task", "at once"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upstreams that have to be waited for, and such as can be asked at once: what comes of it is the same."""
    monkeypatch.setattr(scripted, "PROMPT", request.param)


class Scene:
    """A resolver that forwards to an honest forwarder, with a clock that is set by hand; `shop.example.` has the time."""

    def __init__(self, tree: Tree, date: float, floor: float = DATE, *negative: str) -> None:
        self.date = Epoch(date)
        self.facts: list[Fact] = []
        tools = Tools(now, os.urandom, no_lookup, lambda what: None, TlsFactory(), lambda: self.date)
        world = ForwardingWorld(tools, bytes(32), two_labels)
        world.wall.not_before(Epoch(floor))
        answers = forwarder(TRUTH, tree)
        self.upstream = ScriptedUpstream(lambda data: answers(data, False))
        self.resolver = Resolver(self.settings(tree, *negative), world, self.facts.append)
        install(world, [self.upstream])

    @staticmethod
    def settings(tree: Tree, *negative: str) -> ResolverSettings:
        dnssec = replace(
            anchored(tree),
            time_sources=(read_name("shop.example."),),
            negative=tuple(NegativeTrustAnchor(read_name(zone), "ours") for zone in negative),
        )
        return replace(settings("a"), dnssec=dnssec)

    def use(self, tree: Tree, **changes: object) -> None:
        """Other settings of `[dnssec]`."""
        given = self.settings(tree)
        self.resolver.use(replace(given, dnssec=replace(given.dnssec, **changes)))  # type: ignore[arg-type]
        install(self.resolver.world, [self.upstream])

    async def ask(self, name: str, flags: int = RD) -> Reply:
        return await asked(self.resolver, query_for(name, flags=flags))

    @property
    def counters(self) -> dict[str, int]:
        return {n: c for n, c in self.resolver.routed.counters.items() if n.startswith("clock-")}

    @property
    def said(self) -> list[str]:
        return [fact.text for fact in self.facts]


def told(reply: Reply) -> tuple[str, int, bool]:
    """rcode, number of answer records, AD."""
    message = dns.message.from_wire(reply.message)
    records = sum(len(rrset) for rrset in message.answer)
    return dns.rcode.to_text(message.rcode()), records, bool(message.flags & dns.flags.AD)


def error(reply: Reply) -> ExtendedError | None:
    return None if reply.explanation is None else reply.explanation.code


def aged(tree: Tree) -> Tree:
    """All signatures ended long before."""
    for signed in tree.signed.values():
        signed.resign(replace(signed.signer, inception=INCEPTION - YEAR, expiration=EXPIRATION - YEAR))
    return tree


SECURE, NOT_PROVED, REFUSED = ("NOERROR", 2, True), ("NOERROR", 2, False), ("SERVFAIL", 0, False)
BANK = ("NOERROR", 1, True)


@on_loop
async def test_a_clock_that_is_wrong_lets_servers_of_time_through_and_nobody_is_asked_about_the_rest() -> None:
    scene = Scene(Tree().build(), 0)
    refused = await scene.ask(OTHER)
    assert (REFUSED, WRONG_CLOCK, 0) == (told(refused), refused.explanation, len(scene.upstream.queries))
    found = await scene.ask(SOURCE)
    assert (NOT_PROVED, 0.0, 0) == (told(found), found.cacheable, len(scene.resolver.memory))
    assert {5} == {rrset.ttl for rrset in dns.message.from_wire(found.message).answer}
    assert (1, 1, 1) == tuple(scene.counters[f"clock-{what}"] for what in ("lost", "refused", "time-sources"))


@on_loop
async def test_it_ends_by_itself_with_the_first_question_after_the_clock_was_set() -> None:
    scene = Scene(Tree().build(), 0)
    for name in (OTHER, SOURCE):
        await scene.ask(name)
    scene.date = DATE
    assert [BANK, SECURE] == [told(await scene.ask(name)) for name in (OTHER, SOURCE)]
    assert list(TURNS.values()) == scene.said
    assert 1 == scene.counters["clock-found"]


@on_loop
async def test_a_clock_that_jumps_back_loses_no_answer_that_is_kept_and_proves_no_other() -> None:
    scene = Scene(Tree().build(), DATE)
    assert BANK == told(await scene.ask(OTHER))
    scene.date = Epoch(DATE - 1)
    kept = await scene.ask(OTHER)
    assert (BANK, Origin.CACHE) == (told(kept), kept.origin)
    assert [REFUSED, NOT_PROVED] == [told(await scene.ask(name)) for name in ("direct.example.", SOURCE)]
    scene.date = DATE
    assert [BANK, ("NOERROR", 1, True)] == [told(await scene.ask(name)) for name in (OTHER, "direct.example.")]
    assert list(TURNS.values()) == scene.said


@on_loop
async def test_nothing_that_was_proved_without_the_date_is_used_for_anything_else() -> None:
    scene = Scene(aged(Tree().build()), 0)
    for name in (SOURCE, "missing.shop.example.", "other.shop.example.", "x.wild.shop.example."):
        assert told(await scene.ask(name, RD | DO))[0] in ("NOERROR", "NXDOMAIN")
    assert (0, 0) == (len(scene.resolver.memory), scene.resolver.memory.ranges(0).size)
    scene.date = DATE
    # The signatures have ended, and that counts again.
    for name in (SOURCE, "missing.shop.example."):
        reply = await scene.ask(name)
        assert (REFUSED, ExtendedError.SIGNATURE_EXPIRED) == (told(reply), error(reply))


@on_loop
async def test_a_signature_that_has_ended_counts_in_that_state_and_for_servers_of_time_only() -> None:
    right, wrong = Scene(aged(Tree().build()), DATE), Scene(aged(Tree().build()), 0)
    assert [REFUSED, REFUSED] == [told(await right.ask(name)) for name in (SOURCE, OTHER)]
    assert [NOT_PROVED, REFUSED] == [told(await wrong.ask(name)) for name in (SOURCE, OTHER)]
    # Nor does a clock that was set back to when it was valid help it.
    back = Scene(aged(Tree().build()), DATE - YEAR)
    assert [NOT_PROVED, REFUSED] == [told(await back.ask(name)) for name in (SOURCE, OTHER)]


@on_loop
async def test_a_server_of_time_with_a_forged_signature_is_refused() -> None:
    tree = Tree().build()
    tree.signed["shop.example."].resign(Signer("shop.example.", seed=2))
    scene = Scene(tree, 0)
    assert REFUSED == told(await scene.ask(SOURCE))


@on_loop
async def test_who_does_not_want_validation_is_answered_and_so_is_what_the_administrator_does_not_validate() -> None:
    scene = Scene(Tree().build(), 0, DATE, "plain.example.")
    assert ("NOERROR", 1, False) == told(await scene.ask(OTHER, RD | CD))
    found = await scene.ask(PLAIN)
    assert (("NOERROR", 1, False), True) == (told(found), found.cacheable > 0)
    assert Origin.CACHE is (await scene.ask(PLAIN)).origin
    # Its alias into a zone that is signed cannot be proved.
    led = await scene.ask("back.plain.example.")
    assert (REFUSED, WRONG_CLOCK) == (told(led), led.explanation)


@on_loop
async def test_a_machine_that_was_off_for_days_finds_out_by_what_the_root_has_signed() -> None:
    scene = Scene(Tree().build(), INCEPTION - 3 * DAY, 0)
    first = await scene.ask(SOURCE)
    assert (REFUSED, ExtendedError.SIGNATURE_NOT_YET_VALID, []) == (told(first), error(first), scene.said)
    assert [NOT_PROVED, REFUSED] == [told(await scene.ask(name)) for name in (SOURCE, OTHER)]
    scene.date = DATE
    assert [SECURE, BANK] == [told(await scene.ask(name)) for name in (SOURCE, OTHER)]
    assert list(TURNS.values()) == scene.said


@on_loop
async def test_what_was_proved_by_a_clock_that_turns_out_wrong_is_proved_anew() -> None:
    tree = aged(Tree().build())
    scene = Scene(tree, DATE - YEAR, 0)
    assert BANK == told(await scene.ask(OTHER))
    # Somebody else's answers of today, beside old ones that were replayed.
    for signed in tree.signed.values():
        signed.resign(signed.signer)
    scene.resolver.routed.validators.flush(b"\0")
    assert ExtendedError.SIGNATURE_NOT_YET_VALID is error(await scene.ask(SOURCE))
    assert REFUSED == told(await scene.ask("direct.example."))
    scene.date = DATE
    fresh = await scene.ask(OTHER)
    assert (BANK, Origin.UPSTREAM) == (told(fresh), fresh.origin)


@on_loop
async def test_servers_of_time_in_unsigned_zones_are_not_kept_either() -> None:
    tree = Tree().build()
    scene = Scene(tree, 0)
    scene.use(tree, time_sources=(read_name("plain.example."),))
    found = await scene.ask(PLAIN)
    ttls = {rrset.ttl for rrset in dns.message.from_wire(found.message).answer}
    assert (("NOERROR", 1, False), 0.0, {5}) == (told(found), found.cacheable, ttls)


@on_loop
async def test_what_was_found_forged_without_the_date_is_forgotten_with_the_rest() -> None:
    tree = Tree().build()
    honest = tree.signed["shop.example."].signer
    tree.signed["shop.example."].resign(Signer("shop.example.", seed=2))
    scene = Scene(tree, 0)
    assert REFUSED == told(await scene.ask(SOURCE))
    tree.signed["shop.example."].resign(honest)
    scene.date = DATE
    assert SECURE == told(await scene.ask(SOURCE))
    scene.date = Epoch(0.0)
    assert ("NOERROR", 3, False) == told(await scene.ask("alias.shop.example."))


@on_loop
async def test_who_asks_after_the_clock_was_set_shares_no_flight_of_before() -> None:
    scene = Scene(Tree().build(), 0)
    gate = asyncio.Event()
    honest = scene.upstream.exchange

    async def held(query: bytes, deadline: Instant) -> bytes:
        await gate.wait()
        return await honest(query, deadline)

    scene.upstream.exchange = held  # type: ignore[method-assign]
    before = asyncio.ensure_future(scene.ask(SOURCE))
    await asyncio.sleep(0)
    scene.date = DATE
    after = asyncio.ensure_future(scene.ask(SOURCE))
    await asyncio.sleep(0)
    gate.set()
    assert [NOT_PROVED, SECURE] == [told(await one) for one in (before, after)]


@on_loop
async def test_a_zone_that_was_not_validated_until_a_date_that_is_over_is_refused() -> None:
    tree = Tree().build()
    scene = Scene(tree, 0)
    anchor = NegativeTrustAnchor(read_name("plain.example."), "ours", DATE - 1)
    scene.use(tree, negative=(anchor,))
    assert REFUSED == told(await scene.ask(PLAIN))
    scene.use(tree, negative=(replace(anchor, until=DATE + 1),))
    assert ("NOERROR", 1, False) == told(await scene.ask(PLAIN))


@on_loop
async def test_status_tells_of_the_clock() -> None:
    scene = Scene(Tree().build(), 0)
    wrong = account.status(scene.resolver)["clock"]
    scene.date = Epoch(DATE + 0.5)
    right = account.status(scene.resolver)["clock"]
    assert {"believed": False, "date": 0, "not_before": int(DATE), "time_sources": 1} == wrong
    assert {"believed": True, "date": int(DATE), "not_before": int(DATE), "time_sources": 1} == right


@on_loop
async def test_new_settings_count_for_servers_of_time_at_once() -> None:
    tree = Tree().build()
    scene = Scene(tree, 0)
    assert NOT_PROVED == told(await scene.ask(SOURCE))
    scene.use(tree, time_sources=(read_name("bank.org."),))
    assert [REFUSED, ("NOERROR", 1, False)] == [told(await scene.ask(name)) for name in (SOURCE, OTHER)]


@on_loop
async def test_an_upstream_that_cannot_prove_its_name_for_want_of_the_date_is_explained() -> None:
    scene = Scene(Tree().build(), 0)
    scene.upstream.behave = lambda data: UpstreamFailed(Why.CERTIFICATE)
    failed = await scene.ask(SOURCE)
    scene.date = DATE
    later = await scene.ask(SOURCE)
    texts = [reply.explanation.text if reply.explanation else "" for reply in (failed, later)]
    assert ["the clock is wrong, and", "no upstream proved its"] == [text[:23].strip() for text in texts]


# Along iteration.


@asynccontextmanager
async def by_iteration(date: list[float]) -> AsyncIterator[Resolver]:
    """The same tree behind its own servers. `date` holds one number, which may be set."""
    async with iterating(TRUTH) as resolver:
        resolver.world.tools = replace(resolver.world.tools, date=lambda: Epoch(date[0]))
        resolver.world.wall.not_before(DATE)
        given = resolver.snapshot.settings
        resolver.use(replace(given, dnssec=replace(given.dnssec, time_sources=(read_name("shop.example."),))))
        yield resolver


@pytest.mark.parametrize("name", [SOURCE, "alias.shop.example."])
def test_along_iteration_it_is_the_same(name: str) -> None:
    async def main() -> None:
        date = [0.0]
        async with by_iteration(date) as resolver:
            first = await asked(resolver, query_for(name))
            refused = await asked(resolver, query_for(OTHER))
            assert ("NOERROR", False, 0.0) == (told(first)[0], told(first)[2], first.cacheable)
            assert (REFUSED, WRONG_CLOCK) == (told(refused), refused.explanation)
            date[0] = DATE
            assert [True, True] == [told(await asked(resolver, query_for(one)))[2] for one in (name, OTHER)]

    asyncio.run(main())
