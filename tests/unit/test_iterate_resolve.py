"""From a question to its answer over the simulated Internet: delegations, aliases, failures, and what is remembered."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest
from kit.internet import Internet, flaky, nonsense, silent, unreachable
from kit.iterating import Asking, told
from kit.rootzone import EXPIRATION, SMALL, wire

from resolver.addresses import is_public
from resolver.cache.rrsets import Failed
from resolver.iterate.budget import Budget
from resolver.iterate.local_root import Moment, RootHolder, read_local_root
from resolver.settings import Authority, Family
from resolver.values import Explanation
from wire.dns.codes import ExtendedError
from wire.dns.names import read_name, show_name
from wire.units import Epoch

ROOT, TOP, SHOP, OTHER = "198.51.100.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"
WWW = "www.shop.example."


def internet(shop: str = "www A 203.0.113.1") -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    made.serve("net.", {"ns.net.": "192.0.2.9"})
    made.serve("shop.example.", {"ns.shop.example.": SHOP, "ns2.shop.example.": OTHER}, shop)
    return made


def test_an_answer_is_remembered_until_its_ttl_ends() -> None:
    made = internet("www 60 A 203.0.113.1")
    asking = Asking(made)
    assert "203.0.113.1" == asking.said(WWW)
    before = made.packets
    made.advance(59)
    assert ("203.0.113.1", before) == (asking.said(WWW), made.packets)
    made.advance(2)
    assert [f"shop.example.? {WWW} A"] == asking.questions(WWW)


def test_asked_anew_the_answer_is_fetched_whatever_is_remembered() -> None:
    made = internet()
    asking = Asking(made)
    asking.ask(WWW)
    before = made.packets
    asking.ask(WWW, anew=True)
    assert before + 1 == made.packets


def test_a_name_that_does_not_exist_is_remembered_for_every_type() -> None:
    made = internet()
    asking = Asking(made)
    assert "no name (shop.example.)" == asking.said("nope.shop.example.")
    assert [] == asking.questions("nope.shop.example.", "MX")


def test_no_data_is_remembered_for_its_type_only() -> None:
    made = internet()
    asking = Asking(made)
    assert "no data (shop.example.)" == asking.said(WWW, "AAAA")
    assert ([], 1) == (asking.questions(WWW, "AAAA"), len(asking.questions(WWW, "A")))


def test_an_alias_within_a_zone_costs_no_second_question() -> None:
    made = internet("www CNAME web\nweb A 203.0.113.7")
    asking = Asking(made)
    assert "→ web.shop.example. 203.0.113.7" == asking.said(WWW)
    assert [] == asking.questions("web.shop.example.")


def test_an_alias_into_another_zone_is_asked_there_whatever_came_along() -> None:
    made = internet("www CNAME web.net.")
    made.zone("net.").add("web A 203.0.113.8")
    lie = made.says("www.shop.example. 60 CNAME web.net.", "web.net. 60 A 6.6.6.6")
    for address in (SHOP, OTHER):
        made.behave(address, lie)
    asking = Asking(made)
    assert "→ web.net. 203.0.113.8" == asking.said(WWW)
    assert "203.0.113.8" == asking.said("web.net.")


def test_an_alias_that_another_route_has_is_left_to_it() -> None:
    made = internet("www CNAME printer.corp.")
    corp = read_name("corp")
    asking = Asking(made)
    outcome = asking.ask(WWW, leads=lambda name: not name.endswith(corp))
    assert "→ printer.corp. …" == told(outcome)
    assert read_name("printer.corp") == outcome.onward  # type: ignore[union-attr]
    assert not [asked for asked in made.log if "corp" in asked.name]


def test_a_server_whose_name_another_route_has_and_cannot_find_is_not_looked_up_for_each_question() -> None:
    made, corp = internet(), read_name("corp")
    made.delegate("other.example.", {"ns.corp.": []})
    asking, wanted = Asking(made), []

    async def elsewhere(name: bytes, rrtype: int, budget: Budget) -> tuple[bytes, ...] | Failed:
        wanted.append((show_name(name), rrtype))
        return Failed(Explanation(ExtendedError.NETWORK_ERROR, "no upstream could be reached"))

    for host in ("a", "b", "c"):
        outcome = asking.ask(f"{host}.other.example.", leads=lambda name: not name.endswith(corp), elsewhere=elsewhere)
        assert isinstance(outcome, Failed)
    assert [("ns.corp.", 1), ("ns.corp.", 28)] == wanted


@pytest.mark.parametrize("records", ["www CNAME b\nb CNAME www", "www CNAME b\nb CNAME c\nc CNAME b"])
def test_aliases_in_a_circle_end(records: str) -> None:
    assert "failed: aliases without end" == Asking(internet(records)).said(WWW)


def test_a_dname_renames_and_its_cname_is_made_here() -> None:
    made = internet("old DNAME new.shop.example.\nx.new A 203.0.113.9")
    assert "→ x.new.shop.example. 203.0.113.9" == Asking(made).said("x.old.shop.example.")


def test_a_dname_that_makes_too_long_a_name_is_said_so() -> None:
    long = ".".join(["a" * 60] * 3)
    made = internet(f"old DNAME {long}.shop.example.")
    assert "too long" == Asking(made).said(f"{'b' * 60}.{'c' * 60}.old.shop.example.")


@pytest.mark.parametrize(
    "spoil",
    [silent, unreachable, nonsense, "REFUSED", "SERVFAIL", "upward", "hearsay"],
    ids=lambda spoil: spoil if isinstance(spoil, str) else spoil.__name__,
)
def test_one_bad_server_of_two_does_not_hurt(spoil: object) -> None:
    made = internet()
    behaviours: dict[object, Callable[..., object]] = {
        "REFUSED": made.refuses("REFUSED"),
        "SERVFAIL": made.refuses("SERVFAIL"),
        "upward": made.upward(),
        "hearsay": made.hearsay("www.shop.example. 60 A 6.6.6.6"),
    }
    made.behave(SHOP, behaviours.get(spoil, spoil))  # type: ignore[arg-type]
    assert ["203.0.113.1"] * 5 == [Asking(made).said(WWW) for _ in range(5)]


def test_hearsay_is_taken_if_nobody_knows_better() -> None:
    made = internet()
    for address in (SHOP, OTHER):
        made.behave(address, made.hearsay("www.shop.example. 60 A 203.0.113.5"))
    assert "203.0.113.5" == Asking(made).said(WWW)


def test_an_empty_answer_is_taken_if_the_next_server_is_as_empty() -> None:
    made = internet()
    made.behave(SHOP, made.says())
    assert {"203.0.113.1"} == {Asking(made).said(WWW) for _ in range(4)}
    made.behave(OTHER, made.says())
    assert "no data (no SOA)" == Asking(made).said(WWW)


def test_a_lost_packet_is_sent_again() -> None:
    made = internet()
    for address in (SHOP, OTHER):
        made.behave(address, flaky(made.honest, 1))
    assert "203.0.113.1" == Asking(made).said(WWW)


def test_all_servers_silent_is_a_failure_that_says_so() -> None:
    made = internet()
    for address in (SHOP, OTHER):
        made.behave(address, silent)
    asking = Asking(made)
    assert asking.said(WWW).startswith("failed: no ")
    assert made.now() <= 1_000.0 + 5.5


def test_a_server_without_edns_is_asked_without_and_remembered() -> None:
    made = internet()
    for address in (SHOP, OTHER):
        made.behave(address, made.without_edns(made.honest))
    asking = Asking(made)
    assert "203.0.113.1" == asking.said(WWW)
    with_edns = [asked.ask.edns for asked in made.log if asked.endpoint.address in (SHOP, OTHER)]
    assert [True, False] == with_edns
    made.forget()
    for name in ("a.shop.example.", "b.shop.example.", "c.shop.example."):
        asking.ask(name)
    assert 4 >= len(made.log)


def test_formerr_with_edns_is_no_lack_of_edns() -> None:
    made = internet()
    for address in (SHOP, OTHER):
        made.behave(address, made.refuses("FORMERR"))
    Asking(made).ask(WWW)
    assert all(asked.ask.edns for asked in made.log)


def test_servers_without_glue_are_looked_up() -> None:
    made = internet()
    made.zone("net.").add("dns A 192.0.2.77")
    far = made.serve("far.example.", {"dns.net.": ()}, "www A 203.0.113.3")
    made.place(far, "192.0.2.77")
    assert "203.0.113.3" == Asking(made).said("www.far.example.")


def test_a_server_whose_name_is_an_alias_is_found_all_the_same() -> None:
    made = internet()
    made.zone("net.").add("real A 192.0.2.78\nfalse CNAME real")
    far = made.serve("far.example.", {"false.net.": ()}, "www A 203.0.113.3")
    made.place(far, "192.0.2.78")
    assert "203.0.113.3" == Asking(made).said("www.far.example.")


def test_servers_whose_names_need_each_other_end_at_once() -> None:
    made = internet()
    made.delegate("a.example.", {"ns.b.example.": ()})
    made.delegate("b.example.", {"ns.a.example.": ()})
    asking = Asking(made)
    assert "failed: its servers' names depend on each other" == asking.said("www.a.example.")
    assert [] == asking.questions("other.a.example.")


def test_after_a_domain_is_sold_its_new_servers_are_found() -> None:
    made = internet()
    asking = Asking(made)
    asking.ask(WWW)
    top = made.zone("example.")
    for name in ("ns", "ns2"):
        top.remove(f"{name}.shop", "A")
    top.remove("shop", "NS")
    made.serve("shop.example.", {"ns.buyer.example.": "192.0.2.50"}, "new A 203.0.113.99")
    for address in (SHOP, OTHER):
        made.behave(address, made.refuses("REFUSED"))
    assert "203.0.113.99" == asking.said("new.shop.example.")


def test_a_delegation_ends_with_its_parents_word_whatever_the_child_says() -> None:
    """The ghost domain: the child answers with NS records of its own, again and again, and dies all the same."""
    made = internet()
    made.zone("example.").remove("shop", "NS")
    made.zone("example.").add("shop 100 NS ns.shop.example.\nns.shop 100 A 192.0.2.2")
    asking = Asking(made)
    asking.ask(WWW)
    made.zone("example.").remove("shop", "NS")
    for step in range(5):
        made.advance(19)
        asking.ask("shop.example.", "NS", anew=True)
        assert step > 4 or "203.0.113.1" == asking.said(WWW)
    made.advance(6)
    assert "no name (example.)" == asking.said("ghost.shop.example.")


def test_a_delegation_does_not_outlive_the_one_it_hangs_from() -> None:
    made = internet()
    made.zone(".").remove("example", "NS")
    made.zone(".").add("example 50 NS ns.example.\nns.example 50 A 192.0.2.1")
    asking = Asking(made)
    asking.ask(WWW)
    made.advance(51)
    assert [".? example. A", "example.? shop.example. A"] == asking.questions("more.shop.example.")[:2]


def test_what_the_zone_says_of_its_servers_is_used_when_its_parents_fail() -> None:
    made = internet()
    made.zone("shop.example.").add("@ NS ns3.shop.example.\nns3 A 192.0.2.44\nmail A 203.0.113.4")
    made.place(made.zone("shop.example."), "192.0.2.44")
    asking = Asking(made)
    asking.ask("shop.example.", "NS")
    asking.ask("ns3.shop.example.")
    for address in (SHOP, OTHER):
        made.behave(address, silent)
    assert "203.0.113.4" == asking.said("mail.shop.example.")


def test_priming_asks_once_and_prefers_what_was_configured() -> None:
    made = internet()
    asking = Asking(made)
    asking.ask(WWW)
    asking.ask("www.net.")
    assert 1 == made.questions_to(ROOT).count(". NS")


def test_without_an_answer_to_priming_the_hints_do() -> None:
    made = internet()
    refuse = made.refuses("REFUSED")
    made.behave(ROOT, lambda ask: refuse(ask) if ask.question == b"\0\0\2\0\1" else made.honest(ask))
    assert "203.0.113.1" == Asking(made).said(WWW)


@pytest.mark.parametrize(
    ("family", "used"),
    [
        (Family.ONLY_IPV4, {"192.0.2.60"}),
        (Family.ONLY_IPV6, {"2001:db8::60"}),
        (Family.PREFER_IPV6, {"2001:db8::60"}),
        (Family.PREFER_IPV4, {"192.0.2.60"}),
    ],
)
def test_the_family_that_is_asked_for_is_used(family: Family, used: set[str]) -> None:
    made = Internet()
    made.serve(".", {"a.root.": (ROOT, "2001:db8::1")})
    made.serve("six.", {"ns.six.": ("192.0.2.60", "2001:db8::60")}, "www A 203.0.113.6")
    assert "203.0.113.6" == Asking(made, {"family": family}).said("www.six.")
    assert used == {a.endpoint.address for a in made.log if a.zone == "six."}


def test_servers_at_private_addresses_are_not_asked() -> None:
    made = Internet()
    made.serve(".", {"a.root.": "198.51.100.1"})
    made.serve("inside.", {"ns.inside.": "192.168.1.1"}, "www A 203.0.113.6")
    asking = Asking(made, {"private_servers": False})
    assert "failed: no address of the zone's servers can be found" == asking.said("www.inside.")
    assert 0 == made.packets_to("192.168.1.1")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("192.0.2.53", False),
        ("9.9.9.9", True),
        ("10.0.0.1", False),
        ("2620:fe::fe", True),
        ("fc00::1", False),
        ("fec0::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("::10.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::9.9.9.9", True),
        ("64:ff9b:1::9.9.9.9", False),
        ("2002:a00:1::1", False),
        ("2a00:1098:2c::10.0.0.1", False),
        ("2a00:1098:2c::9.9.9.9", True),
        ("224.0.0.1", False),
        ("ff02::1", False),
    ],
)
def test_a_strangers_delegation_reaches_public_unicast_only(address: str, public: bool) -> None:
    """Whatever form a private address has, below the prefix of one's own translator too."""
    assert public is is_public(str(ip_address(address)), "2a00:1098:2c::/96")


def test_a_stub_zone_asks_its_own_servers_and_primes_nothing() -> None:
    made = internet()
    stub = {"zone": read_name("shop.example"), "prime": False, "servers": (Authority(b"\0", (SHOP,)),)}
    assert "203.0.113.1" == Asking(made, stub).said(WWW)
    assert [f"{WWW} A"] == [asked.question for asked in made.log]


def test_signatures_and_proofs_come_along() -> None:
    made = internet("www A 203.0.113.1\nwww RRSIG A 8 3 60 20300101000000 20200101000000 1 shop.example. AAAA")
    outcome = Asking(made).ask(WWW)
    assert 1 == len(outcome.end.rrset.signatures)  # type: ignore[union-attr]


def test_with_a_local_root_no_root_server_is_asked() -> None:
    made = internet()
    asking = Asking(made)
    had = Moment(made.now(), Epoch(EXPIRATION - 86_400.0))
    zone = SMALL.replace("ns1.example. 172800 IN A 192.0.2.1", f"ns1.example. 172800 IN A {TOP}")
    holder = RootHolder()
    holder.offer(read_local_root(wire(zone), had), had.now)
    asking.iterator.local = holder
    assert "203.0.113.1" == asking.said(WWW)
    assert "no name (.)" == asking.said("www.nowhere.")
    assert 0 == made.packets_to(ROOT)


def test_an_expired_local_root_is_not_used() -> None:
    made = internet()
    asking = Asking(made)
    holder = RootHolder()
    had = Moment(made.now(), Epoch(EXPIRATION - 60.0))
    holder.offer(read_local_root(wire(), had), had.now)
    asking.iterator.local = holder
    made.advance(61)
    assert "203.0.113.1" == asking.said(WWW)
    assert made.packets_to(ROOT) > 0
