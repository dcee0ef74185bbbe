"""The path of a question, played without an event loop; and the rules that answer without asking."""

import dns.message
import dns.rcode
import pytest
from kit.questions import RD, query_for
from kit.world import ScriptedWorld, answer_to, play, settings

from resolver.cache.answers import AnswerMemory
from resolver.pipeline import Heard, Later, Silent, answer_later, answer_now, ask_again
from resolver.policy import RULES, local_data, special_names
from resolver.policy.special_names import TABLE
from resolver.settings import CacheSettings, ResolverSettings, Route, UpstreamGroup
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import ExtendedError, QueryFlag, Rcode
from wire.dns.names import read_name, show_name
from wire.units import Instant

NOW, DEADLINE = Instant(1000.0), Instant(1005.0)
DOWN = Silent(Explanation(ExtendedError.NETWORK_ERROR, "no upstream could be reached"))


class House:
    """A snapshot, a memory and a scripted world."""

    def __init__(self, says: object, chosen: ResolverSettings | None = None) -> None:
        self.snapshot = Snapshot(chosen or settings("a"))
        self.memory = AnswerMemory(self.snapshot.settings.cache)
        self.world = ScriptedWorld(says)  # type: ignore[arg-type]

    def ask(self, query: Query) -> Reply:
        outcome = answer_now(query, self.snapshot, self.memory, self.world.now())
        if isinstance(outcome, Reply):
            return outcome
        return play(answer_later(outcome, self.snapshot, self.memory, self.world, DEADLINE))


def heard(query: Query) -> Heard:
    return Heard(answer_to(query), 0)


def show(reply: Reply) -> tuple[str, list[str]]:
    message = dns.message.from_wire(reply.message)
    return dns.rcode.to_text(message.rcode()), [item.to_text() for rrset in message.answer for item in rrset]


def test_a_question_goes_out_once_and_is_then_answered_from_memory() -> None:
    house = House(heard)
    first, second = house.ask(query_for("www.example.")), house.ask(query_for("www.example."))
    assert (Origin.UPSTREAM, Origin.CACHE) == (first.origin, second.origin)
    assert (("NOERROR", ["192.0.2.1"]), 1) == (show(second), len(house.world.asked))


def test_do_and_cd_make_another_question() -> None:
    house = House(heard)
    for flags in (RD, RD | QueryFlag.DO, RD | QueryFlag.CD, RD | QueryFlag.AD):
        house.ask(query_for("www.example.", flags=int(flags)))
    assert 3 == len(house.world.asked)


def test_a_failure_is_told_with_its_reason_and_not_asked_again_at_once() -> None:
    house = House(lambda query: DOWN)
    replies = [house.ask(query_for("www.example.")) for _ in range(5)]
    assert [("SERVFAIL", [])] * 5 == [show(reply) for reply in replies]
    assert ({DOWN.explanation}, {0.0}, 1) == (
        {reply.explanation for reply in replies},
        {reply.cacheable for reply in replies},
        len(house.world.asked),
    )


def test_a_refusal_is_remembered_as_a_refusal() -> None:
    house = House(lambda query: Silent(DOWN.explanation, Rcode.REFUSED))
    assert ["REFUSED"] * 3 == [show(house.ask(query_for("www.example.")))[0] for _ in range(3)]


def test_when_upstreams_fail_an_old_answer_stands_in() -> None:
    house = House(heard)
    house.ask(query_for("www.example."))
    house.world.says, house.world.at = (lambda query: DOWN), 2000.0
    reply = house.ask(query_for("www.example."))
    assert (Origin.STALE, ("NOERROR", ["192.0.2.1"])) == (reply.origin, show(reply))
    assert Origin.STALE is house.ask(query_for("www.example.")).origin


def test_what_may_not_be_kept_is_asked_every_time() -> None:
    house = House(lambda query: Heard(answer_to(query, ttl=0), 0))
    replies = [house.ask(query_for("www.example.")) for _ in range(3)]
    assert ([0.0] * 3, 3) == ([reply.cacheable for reply in replies], len(house.world.asked))


def test_without_a_route_the_answer_is_refused_with_a_reason() -> None:
    bare = ResolverSettings(
        1, ("default",), (UpstreamGroup("corp", ()),), (Route(read_name("corp.example"), -1, 0),), CacheSettings()
    )
    reply = House(heard, bare).ask(query_for("www.example."))
    assert reply.explanation is not None
    assert ("REFUSED", ExtendedError.NOT_READY) == (show(reply)[0], reply.explanation.code)


def test_a_refresh_that_fails_leaves_the_answer_alone() -> None:
    house = House(heard)
    house.ask(query_for("www.example."))
    house.world.says = lambda query: DOWN
    later = ask_again(query_for("www.example."), house.snapshot, house.memory)
    assert isinstance(later, Later)
    reply = play(answer_later(later, house.snapshot, house.memory, house.world, DEADLINE))
    assert (Origin.FAILURE, Origin.CACHE) == (reply.origin, house.ask(query_for("www.example.")).origin)


def test_a_refresh_asks_although_an_answer_is_there() -> None:
    house = House(heard)
    house.ask(query_for("www.example."))
    later = ask_again(query_for("www.example."), house.snapshot, house.memory)
    assert isinstance(later, Later)
    assert None is ask_again(query_for("localhost."), house.snapshot, house.memory)


NEVER_LEAVE = [
    *(
        "onion.",
        "x.onion.",
        "printer.local.",
        "nas.internal.",
        "a.alt.",
        "x.invalid.",
        "x.test.",
        "localhost.",
        "a.localhost.",
    ),
    *(
        "home.arpa.",
        "tv.home.arpa.",
        "x.service.arpa.",
        "resolver.arpa.",
        "_dns.resolver.arpa.",
        "use-application-dns.net.",
    ),
    *(
        "1.0.0.10.in-addr.arpa.",
        "10.in-addr.arpa.",
        "9.16.172.in-addr.arpa.",
        "1.31.172.in-addr.arpa.",
        "2.1.168.192.in-addr.arpa.",
    ),
    *(
        "1.2.64.100.in-addr.arpa.",
        "1.127.100.in-addr.arpa.",
        "1.254.169.in-addr.arpa.",
        "1.0.0.127.in-addr.arpa.",
        "5.0.in-addr.arpa.",
    ),
    *(
        "1.2.0.192.in-addr.arpa.",
        "1.100.51.198.in-addr.arpa.",
        "1.113.0.203.in-addr.arpa.",
        "255.255.255.255.in-addr.arpa.",
    ),
    *(
        "1.2.3.d.f.ip6.arpa.",
        "1.8.e.f.ip6.arpa.",
        "1.b.e.f.ip6.arpa.",
        "1.8.b.d.0.1.0.0.2.ip6.arpa.",
        "1." + "0." * 31 + "ip6.arpa.",
    ),
]
LEAVE = [
    "15.172.in-addr.arpa.",
    "1.32.172.in-addr.arpa.",
    "63.100.in-addr.arpa.",
    "1.128.100.in-addr.arpa.",
    "11.in-addr.arpa.",
]
LEAVE += [
    "notonion.",
    "local.example.",
    "example.",
    "arpa.",
    "in-addr.arpa.",
    "net.",
    "c.f.ip6.arpa.",
    ".",
    "application-dns.net.",
]


@pytest.mark.parametrize("name", NEVER_LEAVE)
def test_a_special_name_is_answered_here(name: str) -> None:
    for rrtype in ("A", "AAAA", "PTR", "SVCB", "SOA", "NS", "DS", "ANY"):
        house = House(heard)
        reply = house.ask(query_for(name, rrtype))
        assert (Origin.LOCAL, []) == (reply.origin, house.world.asked)
        assert reply.explanation is not None
        dns.message.from_wire(reply.message)


@pytest.mark.parametrize("name", LEAVE)
def test_a_name_beside_the_special_ones_is_asked(name: str) -> None:
    house = House(heard)
    house.ask(query_for(name))
    assert 1 == len(house.world.asked)


@pytest.mark.parametrize(
    ("name", "rrtype", "expected"),
    [
        ("localhost.", "A", ("NOERROR", ["127.0.0.1"])),
        ("x.localhost.", "AAAA", ("NOERROR", ["::1"])),
        ("localhost.", "MX", ("NOERROR", [])),
        ("1.0.0.127.in-addr.arpa.", "PTR", ("NOERROR", ["localhost."])),
        ("1." + "0." * 31 + "ip6.arpa.", "PTR", ("NOERROR", ["localhost."])),
        ("0.0.127.in-addr.arpa.", "PTR", ("NOERROR", [])),
        ("2.0.0.127.in-addr.arpa.", "PTR", ("NXDOMAIN", [])),
        ("home.arpa.", "NS", ("NOERROR", ["home.arpa."])),
        ("home.arpa.", "A", ("NOERROR", [])),
        ("tv.home.arpa.", "A", ("NXDOMAIN", [])),
        ("_dns.resolver.arpa.", "SVCB", ("NOERROR", [])),
        ("use-application-dns.net.", "A", ("NXDOMAIN", [])),
        ("10.in-addr.arpa.", "SOA", ("NOERROR", ["10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 10800"])),
    ],
)
def test_what_a_special_name_is_told(name: str, rrtype: str, expected: tuple[str, list[str]]) -> None:
    assert expected == show(House(heard).ask(query_for(name, rrtype)))


def test_a_negative_special_answer_carries_an_soa_so_that_it_can_be_cached() -> None:
    message = dns.message.from_wire(House(heard).ask(query_for("tv.home.arpa.")).message)
    assert ["home.arpa."] == [rrset.name.to_text() for rrset in message.authority]


def routed(*suffixes: str) -> ResolverSettings:
    routes = (Route(b"\0", -1, 0), *(Route(read_name(suffix), -1, 0) for suffix in suffixes))
    return ResolverSettings(1, ("default",), settings("a").upstream_groups, routes, CacheSettings())


@pytest.mark.parametrize("zone", ["home.arpa", "10.in-addr.arpa", "local", "internal", "test"])
def test_the_users_own_route_overrides_a_special_name(zone: str) -> None:
    house = House(heard, routed(zone))
    house.ask(query_for(f"x.{zone}."))
    assert 1 == len(house.world.asked)


def test_a_route_inside_a_special_zone_overrides_it_for_its_own_names_only() -> None:
    house = House(heard, routed("1.168.192.in-addr.arpa"))
    house.ask(query_for("5.1.168.192.in-addr.arpa."))
    house.ask(query_for("5.2.168.192.in-addr.arpa."))
    assert ["5.1.168.192.in-addr.arpa."] == [show_name(query.name) for query, _ in house.world.asked]


@pytest.mark.parametrize("zone", ["onion", "alt", "invalid", "localhost", "resolver.arpa", "use-application-dns.net"])
def test_no_route_sends_out_what_no_server_can_know(zone: str) -> None:
    house = House(heard, routed(zone))
    house.ask(query_for(f"x.{zone}."))
    assert [] == house.world.asked


def test_every_special_name_says_why_in_a_short_text_without_a_name_of_the_users() -> None:
    for zone, (_, _, why) in TABLE.items():
        assert 5 < len(why) < 60
        assert why.isascii(), zone


def test_the_rules_have_an_order() -> None:
    assert [("special-names", special_names.judge), ("local-data", local_data.judge)] == list(RULES)[:2]
    assert [name for name, _ in RULES][-2:] == ["rules", "lists"]
