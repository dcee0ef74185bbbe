"""The simulated Internet of the tests answers as authoritative servers do, and misbehaves only when told to."""

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from kit.internet import Endpoint, Internet, drops_edns, flaky, nonsense, silent, unreachable
from kit.questions import key_of
from kit.world import play

from resolver.iterate.port import Ask, Heard, Silent, Why
from wire.dns.names import read_name
from wire.units import Seconds

ROOT, TLD, HOST = "198.51.100.1", "198.51.100.2", "192.0.2.1"
SIGNATURE = "RRSIG {kind} 13 2 3600 20300101000000 20200101000000 1 example. AAAA"


def build() -> Internet:
    internet = Internet()
    internet.serve(".", {"a.root.": ROOT})
    internet.serve("example.", {"ns.example.": (TLD, "2001:db8::2")}, "sibling A 192.0.2.9")
    internet.serve(
        "shop.example.",
        {"ns.shop.example.": HOST, "ns.elsewhere.": ()},
        """
        www A 192.0.2.80
        www A 192.0.2.81
        alias CNAME second
        second CNAME www
        away CNAME www.elsewhere.
        dangling CNAME missing
        a.b.c TXT "deep"
        *.wild A 192.0.2.99
        old DNAME new
        x.new A 192.0.2.7
        """,
    )
    return internet


def ask(name: str, kind: str = "A", where: str = HOST, *, zone: str = ".", **more: object) -> Ask:
    return Ask(Endpoint(where), read_name(zone), key_of(name, kind), Seconds(0.4), **more)  # type: ignore[arg-type]


def respond(internet: Internet, name: str, kind: str = "A", where: str = HOST, **more: object) -> dns.message.Message:
    outcome = play(internet.ask(ask(name, kind, where, **more)))
    assert isinstance(outcome, Heard), outcome
    return dns.message.from_wire(outcome.message.data)


def lines(section: list[dns.rrset.RRset]) -> list[str]:
    return sorted(line for rrset in section for line in rrset.to_text().splitlines())


def is_authoritative(response: dns.message.Message) -> bool:
    return bool(response.flags & dns.flags.AA)


def test_a_referral_has_the_servers_and_their_glue_and_no_authority() -> None:
    response = respond(build(), "www.shop.example.", where=TLD)
    assert not is_authoritative(response)
    assert response.answer == []
    assert lines(response.authority) == [
        "shop.example. 3600 IN NS ns.elsewhere.",
        "shop.example. 3600 IN NS ns.shop.example.",
    ]
    assert lines(response.additional) == [f"ns.shop.example. 3600 IN A {HOST}"]


def test_glue_has_both_families() -> None:
    response = respond(build(), "example.", "NS", ROOT)
    assert [f"ns.example. 3600 IN A {TLD}", "ns.example. 3600 IN AAAA 2001:db8::2"] == lines(response.additional)


def test_records_are_answered_with_authority() -> None:
    response = respond(build(), "www.shop.example.")
    assert is_authoritative(response)
    assert [f"www.shop.example. 3600 IN A 192.0.2.{last}" for last in (80, 81)] == lines(response.answer)


def test_a_chain_is_followed_within_the_zone() -> None:
    response = respond(build(), "alias.shop.example.")
    assert ["alias", "second", "www"] == [rrset.name.to_text().split(".")[0] for rrset in response.answer]


def test_a_chain_is_not_followed_out_of_the_zone() -> None:
    response = respond(build(), "away.shop.example.")
    assert ["away.shop.example. 3600 IN CNAME www.elsewhere."] == lines(response.answer)
    assert (dns.rcode.NOERROR, []) == (response.rcode(), response.authority)


def test_a_chain_that_ends_nowhere_is_nxdomain_with_the_chain() -> None:
    response = respond(build(), "dangling.shop.example.")
    assert (dns.rcode.NXDOMAIN, 1, 1) == (response.rcode(), len(response.answer), len(response.authority))


def test_a_cname_is_itself_when_asked_for() -> None:
    response = respond(build(), "alias.shop.example.", "CNAME")
    assert ["alias.shop.example. 3600 IN CNAME second.shop.example."] == lines(response.answer)


def test_a_dname_renames_and_its_cname_is_synthesised() -> None:
    response = respond(build(), "x.old.shop.example.")
    assert [
        "old.shop.example. 3600 IN DNAME new.shop.example.",
        "x.new.shop.example. 3600 IN A 192.0.2.7",
        "x.old.shop.example. 3600 IN CNAME x.new.shop.example.",
    ] == lines(response.answer)


def test_a_wildcard_answers_in_the_name_asked_for_at_any_depth() -> None:
    response = respond(build(), "a.b.wild.shop.example.")
    assert ["a.b.wild.shop.example. 3600 IN A 192.0.2.99"] == lines(response.answer)


@pytest.mark.parametrize("name", ["b.c.shop.example.", "wild.shop.example.", "www.shop.example."])
def test_a_name_without_the_type_is_nodata_and_an_empty_one_exists(name: str) -> None:
    response = respond(build(), name, "MX")
    assert (dns.rcode.NOERROR, []) == (response.rcode(), response.answer)
    assert [60] == [rrset.ttl for rrset in response.authority]
    assert is_authoritative(response)


def test_a_name_that_is_not_there_is_nxdomain_with_the_soa() -> None:
    response = respond(build(), "missing.shop.example.")
    assert dns.rcode.NXDOMAIN == response.rcode()
    assert ["shop.example. SOA"] == [f"{r.name} {dns.rdatatype.to_text(r.rdtype)}" for r in response.authority]


def test_the_ds_is_the_parents() -> None:
    internet = build()
    internet.zone("example.").add("shop DS 1 13 2 " + "00" * 32)
    assert 1 == len(respond(internet, "shop.example.", "DS", TLD).answer)
    assert [] == respond(internet, "shop.example.", "DS", HOST).answer
    assert "DS" in lines(respond(internet, "www.shop.example.", where=TLD).authority)[0]


def test_signatures_and_proofs_go_only_to_those_who_want_them() -> None:
    internet = Internet()
    signed = "\n".join(f"{name} {SIGNATURE.format(kind=kind)}" for name, kind in (("www", "A"), ("www", "NSEC")))
    internet.serve(
        "example.", {"ns.example.": HOST}, f"www A 192.0.2.80\n{signed}\n@ NSEC www A\nwww NSEC example. A\n"
    )
    assert 2 == len(respond(internet, "www.example.").answer)
    assert 1 == len(respond(internet, "www.example.", edns=False).answer)
    proof = respond(internet, "zzz.example.").authority
    assert ["SOA", "NSEC", "RRSIG", "NSEC"] == [dns.rdatatype.to_text(rrset.rdtype) for rrset in proof]
    assert 1 == len(respond(internet, "zzz.example.", edns=False).authority)


def test_a_zone_not_served_is_refused_and_an_address_without_any_is_silent() -> None:
    internet = build()
    assert dns.rcode.REFUSED == respond(internet, "elsewhere.").rcode()
    outcome = play(internet.ask(ask("elsewhere.", where="203.0.113.1")))
    assert isinstance(outcome, Silent)


def test_the_clock_is_moved_by_the_round_trip_or_by_the_timeout() -> None:
    internet = build()
    internet.rtts[Endpoint(HOST)] = Seconds(0.3)
    started = internet.now()
    respond(internet, "www.shop.example.")
    assert pytest.approx(0.3) == internet.now() - started
    internet.behave(HOST, silent)
    play(internet.ask(ask("www.shop.example.")))
    assert pytest.approx(0.7) == internet.now() - started


def test_a_server_slower_than_the_timeout_is_silent() -> None:
    internet = build()
    internet.rtts[Endpoint(HOST)] = Seconds(0.5)
    assert Why.TIMEOUT == getattr(play(internet.ask(ask("www.shop.example."))), "why", None)


def test_a_long_answer_takes_a_second_packet_over_tcp() -> None:
    internet = build()
    internet.zone("shop.example.").add("\n".join(f'big TXT "{n} {"x" * 200}"' for n in range(10)))
    outcome = play(internet.ask(ask("big.shop.example.", "TXT")))
    assert isinstance(outcome, Heard)
    assert (2, True) == (outcome.packets, outcome.octets > 2000)
    assert (2, 2) == (internet.packets, internet.packets_to(HOST))
    assert 1 == getattr(play(internet.ask(ask("big.shop.example.", "TXT", stream=True))), "packets", None)


def test_the_log_tells_who_saw_what() -> None:
    internet = build()
    respond(internet, "example.", "NS", ROOT)
    respond(internet, "www.shop.example.", where=TLD, zone="example.")
    assert ["example. NS"] == internet.questions_to(ROOT)
    assert [("www.shop.example. A", "example.")] == [
        (asked.question, asked.zone) for asked in internet.log if asked.endpoint == Endpoint(TLD)
    ]
    assert (1, 3, 0) == tuple(map(internet.labels_shown, (ROOT, TLD, HOST)))
    internet.forget()
    assert 0 == internet.packets


def test_misbehaviour_by_rcode_comes_with_and_without_an_opt() -> None:
    internet = build()
    internet.behave(HOST, internet.without_edns(internet.honest, "NOTIMP"))
    assert (dns.rcode.NOTIMP, -1) == (respond(internet, "www.shop.example.").rcode(), respond(internet, "www.").edns)
    assert 1 == len(respond(internet, "www.shop.example.", edns=False).answer)
    internet.behave(HOST, internet.refuses("SERVFAIL"))
    response = respond(internet, "www.shop.example.")
    assert (dns.rcode.SERVFAIL, 0) == (response.rcode(), response.edns)


def test_lame_servers_refer_upwards_or_answer_from_hearsay() -> None:
    internet = build()
    internet.behave(HOST, internet.upward())
    assert [". 518400 IN NS a.root."] == lines(respond(internet, "www.shop.example.").authority)
    internet.behave(HOST, internet.hearsay("www.shop.example. 60 A 192.0.2.66"))
    response = respond(internet, "www.shop.example.")
    assert (1, False, True) == (
        len(response.answer),
        is_authoritative(response),
        bool(response.flags & dns.flags.RA),
    )


def test_an_honest_response_can_be_altered() -> None:
    internet = build()
    internet.behave(HOST, internet.altered(lambda response: response.answer.clear()))
    assert [] == respond(internet, "www.shop.example.").answer


def test_silence_comes_in_kinds() -> None:
    internet = build()
    for behaviour, why in ((silent, Why.TIMEOUT), (unreachable, Why.UNREACHABLE), (nonsense, Why.NONSENSE)):
        internet.behave(HOST, behaviour)
        assert why == getattr(play(internet.ask(ask("www.shop.example."))), "why", None)
    internet.behave(HOST, flaky(drops_edns(internet.honest), 1))
    outcomes = [play(internet.ask(ask("www.shop.example.", edns=edns))) for edns in (False, True, False)]
    assert [Silent, Silent, Heard] == [type(outcome) for outcome in outcomes]


def test_chance_is_the_same_in_every_run_and_work_is_awaited() -> None:
    async def work() -> int:
        return 7

    first, second = Internet(), Internet()
    assert [first.chance() for _ in range(5)] == [second.chance() for _ in range(5)]
    assert 7 == play(first.once("key", work, 5.0))


def test_the_settings_start_at_the_root_served_here() -> None:
    (root,) = build().iteration().servers
    assert (read_name("a.root."), (ROOT,)) == (root.name, root.addresses)
