"""What the scenarios of other projects taught about iteration; each test names the one it comes from."""

import dns.flags
import dns.message
import pytest
from kit.internet import Internet
from kit.iterating import Asking
from kit.questions import query_for

from resolver.compose import compose
from resolver.iterate.port import Ask, Heard, Silent
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Negative
from resolver.settings import CacheSettings, Family, Minimisation
from wire.dns.names import read_name

ROOT, TOP, SHOP, OTHER, MOVED = "198.51.100.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"
WWW = "www.shop.example."


def internet(shop: str = "www A 203.0.113.1", **servers: str) -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    made.serve(
        "shop.example.",
        {f"{name}.shop.example.": place for name, place in servers.items()} or {"ns.shop.example.": SHOP},
        shop,
    )
    return made


def _recursive(message: dns.message.Message) -> None:
    message.flags |= dns.flags.RA
    if not message.answer:
        message.flags &= ~dns.flags.AA


def test_a_referral_of_a_server_that_resolves_for_others_too_is_a_referral() -> None:
    """unbound/iter_unverified_glue: RA is set in everything that its root says."""
    made = internet()
    made.behave(ROOT, made.altered(_recursive))
    made.behave(TOP, made.altered(_recursive))
    assert "203.0.113.1" == Asking(made).said(WWW)


def test_a_zone_known_from_hearsay_only_can_be_asked_again() -> None:
    """deckard/iter_lame_nosoa, and what comes after it."""
    made = internet()
    made.behave(SHOP, made.hearsay(f"{WWW} 60 A 203.0.113.9"))
    asking = Asking(made, {"minimisation": Minimisation.OFF})
    first = asking.said(WWW)
    made.advance(61)
    assert ("203.0.113.9", "203.0.113.9") == (first, asking.said(WWW))


def test_who_errs_on_a_shortened_name_is_asked_for_the_whole_one() -> None:
    """deckard/iter_minim_ns: the server refers a name in between to its own zone, and answers the whole name."""
    made = internet("a.b TXT hello")

    def behave(ask: Ask) -> Heard | Silent:
        if ask.question.startswith(b"\1b"):
            return made.says(authority=("shop.example. 60 NS ns.shop.example.",), flags="")(ask)
        return made.honest(ask)

    made.behave(SHOP, behave)
    assert "failed" not in Asking(made).said("a.b.shop.example.", "TXT")


def test_glue_helps_where_a_server_refers_its_own_name_to_nowhere() -> None:
    """unbound/iter_pcdirect: ns.shop.example answers well, but not for its own address."""
    made = internet()
    made.place(made.serve("next.example.", {"ns.shop.example.": ()}, "www A 203.0.113.5", ns=False), SHOP)

    def behave(ask: Ask) -> Heard | Silent:
        if ask.question.startswith(b"\2ns\4shop"):
            return made.says(authority=("ns.shop.example. 60 NS gone.shop.example.",), flags="")(ask)
        return made.honest(ask)

    made.behave(SHOP, behave)
    asking = Asking(made)
    asking.said(WWW)
    assert "203.0.113.5" == asking.said("www.next.example.")


def test_a_server_s_name_that_does_not_exist_is_not_looked_up_by_every_question() -> None:
    """unbound/iter_nxns_cached: NXDOMAIN without SOA, so that nothing says how long it holds."""
    made = internet()
    made.serve("next.example.", {f"ns{number}.gone.example.": () for number in range(4)}, ns=False)
    made.serve("gone.example.", {"ns.gone.example.": OTHER})
    made.behave(OTHER, made.refuses("NXDOMAIN"))
    asking = Asking(made)
    asking.said("a.next.example.")
    before = made.packets_to(OTHER)
    asking.said("b.next.example.")
    assert (True, before) == (before > 0, made.packets_to(OTHER))


def test_hints_are_where_to_begin_if_the_root_s_servers_have_other_names_and_no_address() -> None:
    """deckard/iter_nottl: one NS record and nothing else."""
    made = internet()

    def behave(ask: Ask) -> Heard | Silent:
        if ask.question == b"\0\0\2\0\1":
            return made.says(". 518400 NS k.elsewhere.net.")(ask)
        return made.honest(ask)

    made.behave(ROOT, behave)
    assert "203.0.113.1" == Asking(made).said(WWW)


def test_a_refresh_near_the_end_of_a_delegation_asks_the_parent_too() -> None:
    """unbound/iter_prefetch_change2: the zone has moved; the old servers still answer, with a TTL that said so."""
    made = internet("www 300 A 203.0.113.1")
    made.behave(SHOP, made.says(f"{WWW} 300 A 203.0.113.1", authority=("shop.example. 300 NS ns.shop.example.",)))
    asking = Asking(made)
    asking.said(WWW)
    parent = made.zone("example.")
    parent.remove("ns.shop", "A")
    parent.add(f"ns.shop A {MOVED}")
    made.behave(MOVED, made.says(f"{WWW} 300 A 203.0.113.2"))
    made.advance(200)
    assert "203.0.113.1" == asking.said(WWW, anew=True)
    made.advance(71)
    assert "203.0.113.2" == asking.said(WWW, anew=True)


def test_first_answers_have_ttls_within_the_limits_too() -> None:
    """unbound/ttl_min."""
    asking = Asking(internet("www 5 A 203.0.113.1"), limits=CacheSettings(minimum_ttl=60))
    first = asking.ask(WWW)
    assert [60] == [first.end.rrset.ttl]  # type: ignore[union-attr]


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_there_is_none_without_an_soa_is_kept_like_a_failure(rcode: str) -> None:
    """deckard/iter_nottl: its servers have just been asked in vain for something better."""
    made = internet()
    made.behave(SHOP, made.refuses(rcode))
    resolved = Asking(made).ask(WWW)
    assert isinstance(resolved, Resolved)
    limits = (CacheSettings(), CacheSettings(failure_ttl=30, negative_ttl=10), CacheSettings(negative_ttl=0))
    assert [5, 10, 0] == [compose(query_for(WWW), resolved, one).keep for one in limits]


@pytest.mark.parametrize("family", [Family.ANY, Family.ONLY_IPV6])
def test_a_translator_reaches_servers_that_have_ipv4_only(family: Family) -> None:
    """unbound/iter_nat64."""
    made = Internet()
    made.serve(".", {"a.root.": "2001:db8::1"})
    zones = [
        made.serve("example.", {"ns.example.": "192.0.2.1"}, "www A 203.0.113.1"),
        made.serve("net.", {"ns.example.": ()}, "www A 203.0.113.2", ns=False),
    ]
    for zone in zones:
        made.place(zone, "64:ff9b::c000:201")
    asking = Asking(made, {"family": family, "nat64": "64:ff9b::/96"})
    assert ["203.0.113.1", "203.0.113.2"] == [asking.said(f"www.{origin}") for origin in ("example.", "net.")]
    assert 0 == made.packets_to("192.0.2.1")


def test_the_own_network_is_not_reached_through_a_translator() -> None:
    made = Internet()
    made.serve(".", {"a.root.": "2001:db8::1"})
    made.serve("example.", {"ns.example.": "10.0.0.1"}, "www A 203.0.113.1")
    asking = Asking(made, {"private_servers": False, "nat64": "64:ff9b::/96"})
    asking.said("www.example.")
    assert 0 == made.packets_to("64:ff9b::a00:1", "10.0.0.1")


def test_a_translator_may_have_a_prefix_of_the_own_network() -> None:
    """What was learned of a server is translated once only: the outcome is no public address."""
    made = Internet()
    made.serve(".", {"a.root.": "2001:db8::1"})
    example = made.serve("example.", {"ns.example.": "198.41.0.4"}, "far A 198.41.0.5")
    net = made.serve("net.", {"far.example.": ()}, "www A 203.0.113.2\nmail A 203.0.113.3", ns=False)
    made.place(example, "fd00:64::c629:4")
    made.place(net, "fd00:64::c629:5")
    asking = Asking(made, {"private_servers": False, "nat64": "fd00:64::/96"})
    assert ["203.0.113.2", "203.0.113.3"] == [asking.said(f"{label}.net.") for label in ("www", "mail")]


def test_below_a_name_that_was_proved_not_to_exist_nobody_is_asked() -> None:
    """unbound/stop_nxdomain, stop_nxdomain_minimised: whoever validated says so; without that the servers are asked."""
    made = internet()
    asking = Asking(made)
    said = asking.ask("gone.shop.example.")
    assert isinstance(said, Resolved)
    assert isinstance(said.end, Negative)
    assert asking.questions("x.gone.shop.example.")
    asking.iterator.memory.store_cut_off(read_name("gone.shop.example."), said.end, made.now())
    assert [] == asking.questions("a.b.c.gone.shop.example.", "MX")
    assert "no name (shop.example.)" == asking.said("a.b.c.gone.shop.example.")


@pytest.mark.parametrize("server", [TOP, SHOP])
def test_a_denial_in_between_that_did_not_hold_is_not_believed_again(server: str) -> None:
    """One forged denial, proof and all: whoever validates asks anew, and so do the next ones."""
    made = internet("a.b A 203.0.113.7\nc.b A 203.0.113.8")
    zone = "example." if server == TOP else "shop.example."
    soa = f"{zone} 3600 SOA ns.{zone} h.example. 1 2 3 4 3600"
    made.behave(server, made.says(authority=(soa, f"{zone} 3600 NSEC zz.{zone} NS SOA"), rcode="NXDOMAIN"))
    asking = Asking(made)
    assert f"no name ({zone})" == asking.said("a.b.shop.example.")
    made.behave(server, made.honest)
    assert "203.0.113.7" == asking.said("a.b.shop.example.", anew=True)
    assert "203.0.113.8" == asking.said("c.b.shop.example.")
