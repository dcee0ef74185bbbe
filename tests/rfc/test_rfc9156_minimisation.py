"""RFC 9156: a server sees no more of a name than it needs. Names are the rules, with their section."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.internet import Behaviour, Internet, silent
from kit.iterating import Asking

from resolver.iterate.minimise import MAX_MINIMISE_COUNT, MINIMISE_ONE_LAB, next_name
from resolver.iterate.port import Endpoint
from resolver.settings import Authority, Minimisation
from wire.dns.names import count_labels, is_below, read_name
from wire.units import Seconds

DEEP = read_name(".".join(f"l{n}" for n in range(40)))
STRICT, RELAXED, OFF = Minimisation.STRICT, Minimisation.RELAXED, Minimisation.OFF


def internet() -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": "198.51.100.1"})
    made.serve("example.", {"ns.example.": "192.0.2.1"})
    made.serve(
        "shop.example.", {"ns.shop.example.": "192.0.2.2"}, "www A 203.0.113.1\na.b.c A 203.0.113.2\nx CNAME www"
    )
    return made


def test_2_3_the_first_four_questions_add_one_label_and_ten_are_the_most() -> None:
    known, lengths = b"\0", []
    for asked in range(MAX_MINIMISE_COUNT + 1):
        known = next_name(DEEP, known, asked, RELAXED)
        lengths.append(count_labels(known))
        if known == DEEP:
            break
    assert [1, 2, 3, 4] == lengths[:MINIMISE_ONE_LAB]
    assert (40, MAX_MINIMISE_COUNT) == (lengths[-1], len(lengths))


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 120), st.integers(0, 119), st.integers(0, 12))
def test_3_each_step_goes_on_towards_the_goal_and_never_past_it(labels: int, known: int, asked: int) -> None:
    goal = b"\1a" * labels + b"\0"
    above = b"\1a" * min(known, labels - 1) + b"\0"
    shown = next_name(goal, above, asked, RELAXED)
    assert is_below(goal, shown)
    assert count_labels(shown) > count_labels(above)


def test_3_servers_of_a_zone_see_one_label_below_it() -> None:
    made = internet()
    assert "203.0.113.1" == Asking(made).said("www.shop.example.")
    assert [". NS", "example. A"] == made.questions_to("198.51.100.1")
    assert ["shop.example. A"] == made.questions_to("192.0.2.1")
    assert ["www.shop.example. A"] == made.questions_to("192.0.2.2")


def test_3_the_type_is_hidden_until_the_whole_name_is_asked_for() -> None:
    made = internet()
    Asking(made).ask("www.shop.example.", "AAAA")
    assert ["example. A", "shop.example. A", "www.shop.example. AAAA"] == [a.question for a in made.log][1:]


def test_3_an_empty_non_terminal_is_no_end() -> None:
    assert "203.0.113.2" == Asking(internet()).said("a.b.c.shop.example.")


def test_3_an_alias_in_between_is_no_end_either() -> None:
    assert "no name (shop.example.)" == Asking(internet()).said("below.x.shop.example.")


@pytest.mark.parametrize(("mode", "expected"), [(RELAXED, "203.0.113.2"), (STRICT, "no name (shop.example.)")])
def test_2_3_where_a_server_denies_an_empty_non_terminal_relaxed_asks_on_and_strict_does_not(
    mode: Minimisation, expected: str
) -> None:
    made = internet()
    deny = made.says(authority=("shop.example. 60 SOA ns.shop.example. h.example. 1 2 3 4 60",), rcode="NXDOMAIN")
    made.behave("192.0.2.2", lambda ask: made.honest(ask) if ask.question.startswith(b"\1a\1b\1c") else deny(ask))
    assert expected == Asking(made, {"minimisation": mode}).said("a.b.c.shop.example.")


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP"])
def test_2_3_relaxed_shows_the_whole_name_to_a_server_that_errs_on_a_part(rcode: str) -> None:
    made = internet()
    err = made.refuses(rcode)
    made.behave("192.0.2.2", lambda ask: made.honest(ask) if ask.question.startswith(b"\1a\1b\1c") else err(ask))
    assert "203.0.113.2" == Asking(made, {"minimisation": RELAXED}).said("a.b.c.shop.example.")
    assert "failed: servers of the zone say " + rcode == Asking(made, {"minimisation": STRICT}).said(
        "a.b.c.shop.example."
    )


def denying(made: Internet, *proof: str) -> Behaviour:
    """The shop's server denies whatever it is asked for."""
    soa = "shop.example. 60 SOA ns.shop.example. h.example. 1 2 3 4 60"
    return made.says(authority=(soa, *proof), rcode="NXDOMAIN")


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL"])
def test_2_3_relaxed_shows_a_label_more_first_for_there_may_be_a_delegation_right_below(rcode: str) -> None:
    made = internet()
    made.serve("b.c.shop.example.", {"ns.b.c.shop.example.": "192.0.2.3"}, "x.y A 203.0.113.9")
    err = made.refuses(rcode) if rcode == "SERVFAIL" else denying(made)
    made.behave("192.0.2.2", lambda ask: err(ask) if ask.question.startswith(b"\1c\4shop") else made.honest(ask))
    asking = Asking(made, {"minimisation": RELAXED})
    assert "203.0.113.9" == asking.said("x.y.b.c.shop.example.")
    assert ["c.shop.example. A", "b.c.shop.example. A"] == made.questions_to("192.0.2.2")
    assert ["y.b.c.shop.example. A", "x.y.b.c.shop.example. A"] == made.questions_to("192.0.2.3")
    assert 1 == asking.iterator.counters["minimise-denied" if rcode == "NXDOMAIN" else "minimise-erred"]


def test_2_3_after_the_second_denial_the_whole_name_is_shown() -> None:
    made = internet()
    made.behave("192.0.2.2", denying(made))
    Asking(made).ask("a.b.c.d.e.shop.example.", "TXT")
    assert ["e.shop.example. A", "d.e.shop.example. A", "a.b.c.d.e.shop.example. TXT"] == made.questions_to("192.0.2.2")


def test_3_a_denial_that_comes_with_its_proof_is_believed() -> None:
    """RFC 8020: whoever signs knows what is below."""
    made = internet()
    made.behave("192.0.2.2", denying(made, "shop.example. 60 NSEC www.shop.example. NS SOA RRSIG NSEC"))
    assert "no name (shop.example.)" == Asking(made).said("a.b.c.shop.example.")
    assert ["c.shop.example. A"] == made.questions_to("192.0.2.2")


def test_3_what_a_top_level_domain_s_servers_deny_is_not_shown_them_whole() -> None:
    """A typo, a domain that was given up: who looked for what below it is nobody's business."""
    made = internet()
    assert "no name (example.)" == Asking(made, {"minimisation": RELAXED}).said("secret.www.gone.example.")
    assert ["gone.example. A"] == made.questions_to("192.0.2.1")


def test_3_nor_are_they_if_they_say_nothing() -> None:
    made = internet()
    made.behave("192.0.2.1", silent)
    Asking(made, {"minimisation": RELAXED}).ask("secret.www.gone.example.")
    assert {"gone.example. A"} == set(made.questions_to("192.0.2.1"))


def test_2_3_if_they_err_they_are_shown_a_label_more_first() -> None:
    made = internet()
    made.behave("192.0.2.1", made.refuses("SERVFAIL"))
    Asking(made, {"minimisation": RELAXED}).ask("secret.www.gone.example.")
    assert ["gone.example. A", "www.gone.example. A", "secret.www.gone.example. A"] == made.questions_to("192.0.2.1")[
        :3
    ]


def test_2_3_a_stub_zone_of_one_label_is_no_top_level_domain() -> None:
    made = Internet()
    zone = made.serve("lan.", {"ns.lan.": "192.0.2.5"}, "printer.floor A 203.0.113.7")
    soa = "lan. 60 SOA ns.lan. h.lan. 1 2 3 4 60"
    deny = made.says(authority=(soa,), rcode="NXDOMAIN")
    made.behave("192.0.2.5", lambda ask: deny(ask) if ask.question.startswith(b"\5floor") else made.honest(ask))
    servers = (Authority(read_name("ns.lan."), ("192.0.2.5",)),)
    stub = {"zone": zone.origin.to_wire(), "servers": servers, "prime": False}
    assert "203.0.113.7" == Asking(made, stub).said("printer.floor.lan.")


def dropping(made: Internet) -> None:
    """The shop's server says nothing to questions for names that have no records."""
    made.rtts[Endpoint("192.0.2.2")] = Seconds(0.02)
    made.behave("192.0.2.2", lambda ask: made.honest(ask) if ask.question.startswith(b"\1a") else silent(ask))


def test_2_3_a_server_that_drops_questions_for_names_in_between_is_shown_the_whole_one_in_time() -> None:
    made = internet()
    made.zone("shop.example.").add("a.z.y.x A 203.0.113.8")
    asking = Asking(made)
    dropping(made)
    started = made.now()
    assert "203.0.113.2" == asking.said("a.b.c.shop.example.")
    assert made.now() - started < 1.5
    assert ["c.shop.example. A", "c.shop.example. A", "a.b.c.shop.example. A"] == made.questions_to("192.0.2.2")
    assert 1 == asking.iterator.counters["minimise-silent"]
    assert not asking.iterator.servers.record(Endpoint("192.0.2.2")).rest


def test_2_3_what_a_server_dropped_it_is_not_asked_again_for_a_while() -> None:
    made = internet()
    asking = Asking(made)
    dropping(made)
    asking.ask("a.b.c.shop.example.")
    assert ["shop.example.? a.d.c.shop.example. A"] == asking.questions("a.d.c.shop.example.")
    made.advance(61)
    assert "shop.example.? c.shop.example. A" in asking.questions("a.e.c.shop.example.")


def test_strict_asks_on_until_somebody_answers() -> None:
    made = internet()
    dropping(made)
    assert Asking(made, {"minimisation": STRICT}).said("a.b.c.shop.example.").startswith("failed")
    assert {"c.shop.example. A"} == set(made.questions_to("192.0.2.2"))


def test_off_shows_everything_to_everybody() -> None:
    made = internet()
    Asking(made, {"minimisation": OFF}).ask("www.shop.example.")
    assert {"www.shop.example. A"} == {asked.question for asked in made.log[1:]}


def test_ds_is_asked_of_the_parent_even_where_nothing_is_hidden() -> None:
    """RFC 4035 §3.1.4.1: also by a server that serves parent and child."""
    made = internet()
    made.place(made.zone("shop.example."), "198.51.100.1")
    assert "no data (example.)" == Asking(made, {"minimisation": OFF}).said("shop.example.", "DS")


def test_3_a_name_in_between_that_is_known_is_not_asked_for_again() -> None:
    made = internet()
    made.zone("shop.example.").add("d.b.c A 203.0.113.4")
    asking = Asking(made)
    asking.ask("a.b.c.shop.example.")
    assert ["shop.example.? d.b.c.shop.example. A"] == asking.questions("d.b.c.shop.example.")
