"""What operators ask at the control socket of all cells: whom front relays it to, and what it says when one is missing."""

import json
from pathlib import Path

import pytest
from kit.desk import START, Counter53, question
from kit.leased import HOME
from kit.operating import lines, request, service

from anchorhold.control_lines import Front, Wanted, answer_fact
from anchorhold.forms import describe
from anchorhold.ipc import Verb
from resolver.partition import resolver_for
from resolver.settings import LeaseNames


def test_version_is_answered_without_the_resolver(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        one.say(client, request(verb="version"))
        (line,) = lines(client)
    assert ("front", describe(), []) == (line["cell"], line["form"], one.relay.asked)


def test_status_is_two_lines_and_the_second_is_relayed_unread(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        one.front.warm()
        one.say(client, request(verb="status"))
        one.relay.answers[0](b'{"cell": "resolver", ', True)
        one.relay.answers[0](b'"pid": 7}', False)
        ours, theirs = lines(client)
    assert ("front", 1, 3, 1) == (ours["cell"], ours["generation"], ours["restarts"], ours["cache"]["answers"])  # type: ignore[index]
    assert describe() == ours["form"]
    assert {"cell": "resolver", "pid": 7} == theirs
    assert [(Verb.STATUS, b"", 0)] == one.relay.asked


def test_without_a_resolver_our_own_line_comes_and_then_the_reason(tmp_path: Path) -> None:
    with service(tmp_path, there=False) as one:
        client = one.connect()
        one.say(client, request(verb="cache-stats"))
        ours, error = lines(client)
    assert "front" == ours["cell"]
    assert "resolver" in str(error["error"])


def test_the_dhcp_cells_status_comes_after_the_resolvers(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        one.relay.dhcp = True
        client = one.connect()
        one.say(client, request(verb="status"))
        assert [] == one.relay.lease_asked
        one.relay.answers[0](b'{"cell": "resolver"}', False)
        one.relay.lease_answers[0](b'{"cell": ', True)
        one.relay.lease_answers[0](b'"dhcp"}', False)
        cells = [line["cell"] for line in lines(client)]
    assert (["front", "resolver", "dhcp"], [(Verb.STATUS, b"")]) == (cells, one.relay.lease_asked)


def test_a_dhcp_cell_that_should_be_there_is_missed(tmp_path: Path) -> None:
    with service(tmp_path, there=False, leases=HOME) as one:
        client = one.connect()
        one.say(client, request(verb="status"))
        ours, resolver, dhcp = lines(client)
    assert {"addresses": 0, "refused": 0} == ours["leases"]
    assert ("front", None, "dhcp") == (ours["cell"], resolver.get("cell"), dhcp["cell"])
    assert ("resolver" in str(resolver["error"]), "dhcp" in str(dhcp["error"])) == (True, True)


def test_a_question_about_leases_goes_to_the_dhcp_cell_as_it_is(tmp_path: Path) -> None:
    inner = {"do": "show", "device": "Küche", "after": None}
    with service(tmp_path) as one:
        one.relay.dhcp = True
        client = one.connect()
        one.say(client, request(verb="leases", request=inner))
        one.relay.lease_answers[0](b'{"cell": "dhcp", "leases": []}', False)
        assert [{"cell": "dhcp", "leases": []}] == lines(client)
    ((verb, argument),) = one.relay.lease_asked
    assert (Verb.LEASES, inner, []) == (verb, json.loads(argument), one.relay.asked)


@pytest.mark.parametrize(("leases", "why"), [(None, "no [dhcp]"), (HOME, "try again")])
def test_without_a_dhcp_cell_the_operator_is_told_why(tmp_path: Path, leases: LeaseNames | None, why: str) -> None:
    with service(tmp_path, leases=leases) as one:
        client = one.connect()
        one.say(client, request(verb="leases", request={"do": "list"}))
        (line,) = lines(client)
    assert why in str(line["error"])


def test_a_name_of_a_lease_is_explained_without_the_resolver(tmp_path: Path) -> None:
    with service(tmp_path, leases=HOME) as one:
        client = one.connect()
        one.say(client, request(verb="explain", key=question("nas.home.arpa").hex(), flags=1, dnssec=True))
        (line,) = lines(client)
    assert (True, []) == (line["lease"], one.relay.asked)


def test_a_flush_forgets_here_and_there(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        one.front.warm("www.example")
        client = one.connect()
        name = question("example")[:-4]
        one.say(client, request(verb="cache-flush", name=name.hex()))
        one.relay.answers[0](b'{"flushed": 2}', False)
        assert [{"cell": "front", "flushed": 1}, {"flushed": 2}] == lines(client)
    assert ([(Verb.CACHE_FLUSH, name, 0)], 0) == (one.relay.asked, len(one.front.desk.cache))


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ({"verb": "pause", "seconds": 600}, [0, 1, 2]),
        ({"verb": "blocked"}, [0, 1, 2]),
        ({"verb": "cache-dump"}, [0, 1, 2]),
        ({"verb": "anchors"}, [0]),
        ({"verb": "except", "zone": "00", "seconds": 0}, [0]),
    ],
)
def test_all_resolvers_are_asked_what_each_knows_for_itself(
    tmp_path: Path, said: dict[str, object], numbers: list[int]
) -> None:
    with service(tmp_path, cores=3) as one, one.connect() as client:
        one.say(client, request(**said))
        one.relay.answer_all()
    assert numbers == one.relay.numbers


def test_what_all_resolvers_know_is_told_by_the_first_that_is_there(tmp_path: Path) -> None:
    with service(tmp_path, cores=3) as one, one.connect() as client:
        one.relay.gone = {0}
        one.say(client, request(verb="anchors"))
    assert [0, 1] == one.relay.numbers


def test_a_question_is_explained_by_the_resolver_that_would_have_it(tmp_path: Path) -> None:
    with service(tmp_path, cores=3) as one:
        for name in ("a.example", "b.example", "www.c.example"):
            with one.connect() as client:
                one.say(client, request(verb="explain", key=question(name).hex(), flags=1))
    asked = [resolver_for(question(name)[:-4], 3) for name in ("a.example", "b.example", "www.c.example")]
    assert (asked, 1 < len(set(asked))) == (one.relay.numbers, True)


def test_all_fronts_are_reported_and_one_that_is_gone_is_named(tmp_path: Path) -> None:
    with service(tmp_path, cores=3) as one:
        one.relay.fronts[1] = []
        client = one.connect()
        one.say(client, request(verb="status"))
        one.relay.gone = {2}
        one.relay.answer_all()
        found = lines(client)
    assert ["front", "front-2", "front-3", "resolver", "resolver", "resolver-3"] == [line["cell"] for line in found]
    assert (["error" in line for line in found], one.relay.fronts) == (
        [False, False, True, False, False, True],
        {1: [(Verb.STATUS, b"")]},
    )


def test_a_flush_reaches_every_front(tmp_path: Path) -> None:
    with service(tmp_path, cores=3) as one:
        one.relay.fronts = {1: [], 2: []}
        client = one.connect()
        one.say(client, request(verb="cache-flush", name="00"))
        one.relay.answer_all()
        assert ["front", "front-2", "front-3", *["resolver"] * 3] == [line["cell"] for line in lines(client)]
    assert ([(Verb.CACHE_FLUSH, b"\0", 0)] * 3, [0, 1, 2]) == (one.relay.asked, one.relay.numbers)
    assert {1: [(Verb.CACHE_FLUSH, b"\0")], 2: [(Verb.CACHE_FLUSH, b"\0")]} == one.relay.fronts


@pytest.mark.parametrize(
    ("address", "there", "cell"),
    [("127.0.0.1", True, "front"), ("127.0.0.3", True, "front-2"), ("127.0.0.3", False, "front")],
)
def test_what_is_cached_for_a_client_is_told_by_the_front_that_it_asks(
    tmp_path: Path, address: str, there: bool, cell: str
) -> None:
    with service(tmp_path, cores=2) as one:
        one.relay.fronts = {1: []} if there else {}
        client = one.connect()
        key = question("www.example")
        one.say(client, request(verb="explain", key=key.hex(), flags=1, client=address))
        one.relay.answers[0](b'{"cell": "resolver"}', False)
        assert [cell, "resolver"] == [line["cell"] for line in lines(client)]
    asked = [Wanted.parse(argument) for _, argument in one.relay.fronts.get(1, [])]
    assert asked == ([Wanted(key, 1, address)] if cell == "front-2" else [])


def test_another_front_answers_the_first(tmp_path: Path) -> None:
    desk = Counter53()
    desk.warm("www.example")
    front = Front(desk.desk, desk.admission, 2, 77, 2, 1)
    status = answer_fact(front, Verb.STATUS, b"", START)
    assert ("front-2", 77, 2) == (status["cell"], status["pid"], status["restarts"])
    wanted = Wanted(question("www.example"), 0, "")
    assert answer_fact(front, Verb.EXPLAIN, wanted.build(), START)["cached"]
    assert answer_fact(front, Verb.CACHE_FLUSH, b"\0", START) == {"cell": "front-2", "flushed": 1}
    assert answer_fact(front, Verb.CACHE_STATS, b"", START)["cache"] == status["cache"] | {"answers": 0, "octets": 0}  # type: ignore[operator]
    assert "error" in answer_fact(front, Verb.LEASES, b"", START)
