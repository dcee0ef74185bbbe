"""Aliases that lead into another route, and routes with a fallback; played without an event loop."""

from dataclasses import dataclass, field, replace

import dns.message
import dns.rcode
from kit.judged import judge
from kit.questions import query_for, wire_of
from kit.world import ScriptedWorld, play, settings

from resolver.cache.answers import AnswerMemory
from resolver.compose import Accepted
from resolver.pipeline import Heard, Later, Silent, answer_later, answer_now
from resolver.settings import CacheSettings, Iteration, ResolverSettings, Route
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import ExtendedError
from wire.dns.names import read_name, show_name
from wire.units import Instant

DOWN = Silent(Explanation(ExtendedError.NETWORK_ERROR, "no upstream could be reached"))
CORP = read_name("corp.example")


def answer(query: Query, *records: str) -> Accepted:
    accepted = judge(query, wire_of(show_name(query.name), "A", *records), CacheSettings())
    assert isinstance(accepted, Accepted)
    # A dangling alias is kept by who follows it.
    return accepted._replace(keep=accepted.keep or 60)


def three_ways() -> ResolverSettings:
    """Group 0 for everything, falling back to the iteration at 2; names below corp.example to the stub at 1."""
    made = settings("a")
    stub, root = Iteration("stub", CORP, (), prime=False), Iteration("iterate", b"\0", ())
    routes = (Route(b"\0", -1, 0, fallback=2), Route(CORP, -1, 1))
    return replace(made, iterations=(stub, root), routes=routes)


@dataclass
class House:
    world: ScriptedWorld
    chosen: ResolverSettings = field(default_factory=three_ways)

    def __post_init__(self) -> None:
        self.snapshot = Snapshot(self.chosen)
        self.memory = AnswerMemory(self.snapshot.settings.cache)

    def ask(self, query: Query) -> Reply:
        outcome = answer_now(query, self.snapshot, self.memory, self.world.now())
        if isinstance(outcome, Later):
            return play(answer_later(outcome, self.snapshot, self.memory, self.world, Instant(self.world.at + 5)))
        return outcome

    def asked(self) -> list[tuple[str, int]]:
        return [(show_name(query.name), group) for query, group in self.world.asked]


def shown(reply: Reply) -> list[str]:
    message = dns.message.from_wire(reply.message)
    return [dns.rcode.to_text(message.rcode()), *(item.to_text() for rrset in message.answer for item in rrset)]


def onward(query: Query) -> Heard | Silent:
    """The office's server knows where the alias goes, and the world knows its address."""
    if query.name == read_name("www.corp.example"):
        return Heard(answer(query, "www.corp.example. 60 CNAME web.net."), -1, read_name("web.net"))
    return Heard(answer(query, f"{show_name(query.name)} 30 A 203.0.113.1"), 0)


def test_an_alias_into_another_route_is_asked_there_and_the_whole_is_one_answer() -> None:
    house = House(ScriptedWorld(onward))
    reply = house.ask(query_for("www.corp.example."))
    assert ["NOERROR", "web.net.", "203.0.113.1"] == shown(reply)
    assert [("www.corp.example.", 1), ("web.net.", 0)] == house.asked()
    assert 30 == reply.cacheable


def test_both_parts_are_remembered_each_in_its_place() -> None:
    house = House(ScriptedWorld(onward))
    house.ask(query_for("www.corp.example."))
    assert Origin.CACHE is house.ask(query_for("www.corp.example.")).origin
    assert Origin.CACHE is house.ask(query_for("web.net.")).origin
    assert 2 == len(house.world.asked)


def test_an_alias_to_a_special_name_is_answered_here() -> None:
    def leads_home(query: Query) -> Heard | Silent:
        return Heard(answer(query, "www.corp.example. 60 CNAME printer.home.arpa."), -1, read_name("printer.home.arpa"))

    house = House(ScriptedWorld(leads_home))
    assert ["NXDOMAIN", "printer.home.arpa."] == shown(house.ask(query_for("www.corp.example.")))
    assert 1 == len(house.world.asked)


def test_routes_that_lead_into_each_other_end() -> None:
    def there_and_back(query: Query) -> Heard | Silent:
        here, there = ("a.corp.example.", "a.net.")[:: 1 if query.name.endswith(CORP) else -1]
        return Heard(answer(query, f"{here} 60 CNAME {there}"), -1, read_name(there))

    house = House(ScriptedWorld(there_and_back))
    reply = house.ask(query_for("a.corp.example."))
    assert (Origin.FAILURE, True) == (reply.origin, len(house.world.asked) <= 18)


def test_if_the_target_cannot_be_had_nothing_can() -> None:
    house = House(ScriptedWorld(lambda query: onward(query) if query.name.endswith(CORP) else DOWN))
    assert ["SERVFAIL"] == shown(house.ask(query_for("www.corp.example.")))


def test_where_nothing_can_be_had_the_fallback_is_asked() -> None:
    house = House(ScriptedWorld(lambda query: DOWN))
    says = house.world.says
    house.world.says = lambda query: says(query) if house.world.asked[-1][1] == 0 else onward(query)
    assert ["NOERROR", "203.0.113.1"] == shown(house.ask(query_for("web.net.")))
    assert [("web.net.", 0), ("web.net.", 2)] == house.asked()


def test_while_the_failure_is_remembered_the_fallback_is_asked_first_and_its_answer_is_remembered() -> None:
    house = House(ScriptedWorld(lambda query: DOWN))
    house.world.says = lambda query: DOWN if house.world.asked[-1][1] == 0 else onward(query)
    house.ask(query_for("web.net."))
    assert Origin.CACHE is house.ask(query_for("web.net.")).origin
    assert 2 == len(house.world.asked)


def test_there_is_no_such_name_is_an_answer_and_no_reason_to_fall_back() -> None:
    def absent(query: Query) -> Heard | Silent:
        data = wire_of("web.net.", "A", authority=("net. 60 SOA ns.net. h.net. 1 2 3 4 60",), rcode="NXDOMAIN")
        accepted = judge(query, data, CacheSettings())
        assert isinstance(accepted, Accepted)
        return Heard(accepted, 0)

    house = House(ScriptedWorld(absent))
    assert ["NXDOMAIN"] == shown(house.ask(query_for("web.net.")))
    assert [("web.net.", 0)] == house.asked()


def test_if_both_fail_the_client_is_told_and_both_are_left_alone_for_a_while() -> None:
    house = House(ScriptedWorld(lambda query: DOWN))
    assert ["SERVFAIL"] == shown(house.ask(query_for("web.net.")))
    house.ask(query_for("web.net."))
    assert 2 == len(house.world.asked)
