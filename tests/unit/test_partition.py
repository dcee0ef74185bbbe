"""Which resolver a question goes to."""

from collections import Counter

import dns.message
import pytest
from kit.desk import START, Counter53, FakePort, answer

from resolver.partition import home_of, resolver_for
from wire.dns.names import read_name
from wire.units import Instant


@pytest.mark.parametrize(
    ("name", "home"),
    [
        (".", "."),
        ("example.", "example."),
        ("shop.example.", "shop.example."),
        ("www.shop.example.", "shop.example."),
        ("a.b.www.shop.example.", "shop.example."),
        # Below registries of countries the name that was registered has one label more.
        ("www.shop.co.uk.", "shop.co.uk."),
        ("co.uk.", "co.uk."),
        ("shop.co.uk.", "shop.co.uk."),
        ("t.co.", "t.co."),
        ("www.t.co.", "t.co."),
        ("www.shop.example.uk.", "example.uk."),
        ("www.co.example.", "co.example."),
        # Of a reverse name so much that not all of them are one.
        ("7.2.0.192.in-addr.arpa.", "0.192.in-addr.arpa."),
        ("192.in-addr.arpa.", "192.in-addr.arpa."),
        ("_dns.resolver.arpa.", "_dns.resolver.arpa."),
    ],
)
def test_the_end_of_a_name_decides(name: str, home: str) -> None:
    assert home_of(read_name(name)) == read_name(home)


def test_one_resolver_has_everything() -> None:
    assert {resolver_for(read_name(f"site{number}.example"), 1) for number in range(20)} == {0}


@pytest.mark.parametrize("resolvers", [2, 3, 7, 64])
def test_sites_are_spread_evenly_and_each_is_whole(resolvers: int) -> None:
    found = Counter(resolver_for(read_name(f"site{number}.example"), resolvers) for number in range(1_000 * resolvers))
    assert (set(found), max(found.values()) < 1_250, min(found.values()) > 750) == (set(range(resolvers)), True, True)
    for number in range(50):
        site = resolver_for(read_name(f"site{number}.example"), resolvers)
        assert {resolver_for(read_name(f"{name}.site{number}.example"), resolvers) for name in ("www", "a.b", "x")} == {
            site
        }


def test_which_it_is_does_not_change_from_one_run_to_the_next() -> None:
    """A front that is started anew asks who has the answer already."""
    assert [resolver_for(read_name(name), 4) for name in ("example.", "shop.example.", "www.shop.co.uk.")] == [0, 1, 2]


# -- at the desk


def query(name: str) -> dns.message.Message:
    return dns.message.make_query(name, "A")


class Two:
    """A desk between two resolvers, and a name of each."""

    def __init__(self, credits: int = 100) -> None:
        self.front = Counter53(credits, resolvers=2)
        self.ports = self.front.port, FakePort()
        self.front.desk.connect(self.ports[1], 1)
        self.front.desk.grant(credits, START, 1)

    def names(self, resolver: int, count: int) -> list[str]:
        every = (f"site{number}.example" for number in range(100))
        return [name for name in every if resolver_for(read_name(name), 2) == resolver][:count]

    def asked(self) -> list[int]:
        return [len(port.queries) for port in self.ports]


def test_each_question_goes_to_its_resolver_and_has_that_ones_credits() -> None:
    two = Two(credits=2)
    for name in two.names(1, 5):
        two.front.ask(query(name))
    assert [0, 2] == two.asked()
    # That one is full; the other has room yet.
    for name in two.names(0, 1):
        two.front.ask(query(name))
    assert [1, 2] == two.asked()
    two.front.desk.grant(2, START, 1)
    assert [1, 4] == two.asked()


def test_when_one_is_gone_its_questions_are_asked_again_and_no_others() -> None:
    two = Two()
    roads = {name: two.front.ask(query(name)) for name in (*two.names(0, 3), *two.names(1, 3))}
    two.front.desk.connect(None, 1)
    late = two.front.ask(query("www." + two.names(1, 1)[0]))
    assert [3, 3] == two.asked()
    fresh = FakePort()
    two.front.desk.connect(fresh, 1)
    two.front.desk.grant(10, Instant(START + 1.0), 1)
    assert ([3, 3], 4) == (two.asked(), len(fresh.queries))
    for flight in (*two.ports[0].queries, *fresh.queries):
        two.front.reply(flight, answer(flight.key.question))
    assert {len(road.sent) for road in (*roads.values(), late)} == {1}


def test_who_is_cancelled_is_cancelled_where_it_was_asked() -> None:
    two = Two()
    (name,) = two.names(1, 1)
    two.front.ask(query(name))
    two.front.desk.expire(Instant(START + 5.0))
    assert ([], 1) == (two.ports[0].cancelled, len(two.ports[1].cancelled))


def test_those_who_wait_for_a_resolver_that_is_gone_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.edge.serve.MAX_WAITING", 4)
    two = Two()
    two.front.desk.connect(None, 1)
    loud = [two.front.ask(query(name)) for name in two.names(1, 4)]
    (name,) = two.names(0, 1)
    two.front.ask(query(name), address="127.0.0.2")
    assert ([1, 4], 1) == ([len(two.ports[0].queries), two.front.desk.open], sum(len(road.sent) for road in loud))
