"""Aggressive use of verified ranges (RFC 8198). That its answers are true is held by `fuzz.denial`, case by case."""

import pytest
from kit.absence import CNAME, DS, NS, SOA, TXT, A, Salted, Server, Zone, nsec, nsec3_chain, nsec_chain

from resolver.cache.ranges import MAX_ENCLOSERS, Denied, Expanded, Ranges
from resolver.dnssec.denial import Proof
from resolver.dnssec.evidence import NoData, NoName, WildcardNoData
from resolver.dnssec.nsec3 import Hashes
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.names import read_name
from wire.units import Instant

Z = read_name("z.")
START, HOUR = Instant(1_000.0), 3_600
HOW = [None, Salted(), Salted(2, b"\xaa")]
every = pytest.mark.parametrize("how", HOW, ids=["NSEC", "NSEC3", "NSEC3 salted"])


def n(text: str) -> bytes:
    return read_name(text)


def soa(ttl: int = 300, minimum: int = 300, zone: bytes = Z) -> Verified:
    return Verified(RRset(zone, SOA, ttl, (b"\0\0" + bytes(16) + minimum.to_bytes(4, "big"),)), zone)


def zone_of(**names: set[int]) -> Zone:
    return Zone(Z, {n(f"{name.replace('_', '.').replace('star', '*')}.z."): frozenset(t) for name, t in names.items()})


def filled(zone: Zone, how: Salted | None = None, memory: int = 1 << 20) -> Ranges:
    ranges = Ranges(memory, HOUR)
    ranges.store(soa(), tuple(Server(zone, how).chain), START)
    return ranges


def ask(ranges: Ranges, name: str, rrtype: int = A, after: float = 0.0) -> Denied | Expanded | None:
    return ranges.answer(n(name), rrtype, Instant(START + after), Hashes())


@every
def test_a_name_in_a_known_range_does_not_exist(how: Salted | None) -> None:
    ranges = filled(zone_of(a={A}, c={A}), how)
    found = ask(ranges, "b.z.")
    assert isinstance(found, Denied)
    assert NoName(Z) == found.evidence
    assert soa().rrset == found.soa
    assert found.records
    assert isinstance(ask(ranges, "x.y.b.z."), Denied)


@every
def test_a_type_not_in_a_known_bitmap_does_not_exist(how: Salted | None) -> None:
    ranges = filled(zone_of(a={A}, c_b={A}), how)
    assert NoData() == ask(ranges, "a.z.", TXT).evidence
    assert NoData(empty=True) == ask(ranges, "b.z.").evidence
    assert NoData() == ask(ranges, "z.", TXT).evidence
    assert ask(ranges, "a.z.", A) is None


@every
def test_a_wildcard_without_the_type_says_so_for_the_names_it_stands_for(how: Salted | None) -> None:
    assert WildcardNoData(n("*.z.")) == ask(filled(zone_of(star={TXT}), how), "b.z.").evidence


@every
def test_a_known_wildcard_is_expanded_for_another_name(how: Salted | None) -> None:
    ranges = filled(zone_of(star={A}, a={TXT}), how)
    assert ask(ranges, "b.z.") is None
    ranges.store_wildcard(Verified(RRset(n("x.z."), A, 200, (b"1234",), (b"sig",)), Z, n("*.z.")), START)
    found = ask(ranges, "b.z.", after=20)
    assert isinstance(found, Expanded)
    assert RRset(n("b.z."), A, 180, (b"1234",), (b"sig",)) == found.rrset
    assert {180} == {rrset.ttl for rrset in found.records}
    assert ask(ranges, "a.z.") is not None
    assert isinstance(ask(ranges, "a.z."), Denied)


def test_an_alias_at_a_wildcard_stands_for_every_type() -> None:
    ranges = filled(zone_of(star={CNAME}))
    ranges.store_wildcard(Verified(RRset(n("x.z."), CNAME, 200, (n("t."),)), Z, n("*.z.")), START)
    found = ask(ranges, "b.z.", TXT)
    assert isinstance(found, Expanded)
    assert CNAME == found.rrset.rrtype


def test_what_is_no_expansion_is_not_expanded() -> None:
    ranges = filled(zone_of(star={A}))
    ranges.store_wildcard(Verified(RRset(n("x.z."), A, 200, (b"1234",)), Z), START)
    assert ask(ranges, "b.z.") is None


@pytest.mark.parametrize(
    ("ttl", "minimum", "lifetime"), [(300, 300, 300), (100, 300, 100), (300, 50, 50), (9_000, 9_000, 300)]
)
def test_a_range_lives_as_long_as_soa_and_signature_allow(ttl: int, minimum: int, lifetime: int) -> None:
    """The records' own TTL is 300: what is left of the signature is in it."""
    ranges = Ranges(1 << 20, HOUR)
    ranges.store(soa(ttl, minimum), tuple(nsec_chain(zone_of(a={A}))), START)
    found = ask(ranges, "b.z.", after=lifetime - 10)
    assert isinstance(found, Denied)
    assert {10} == {found.soa.ttl} | {rrset.ttl for rrset in found.records}
    assert ask(ranges, "b.z.", after=lifetime) is None


def test_nothing_is_kept_longer_than_the_settings_allow() -> None:
    ranges = Ranges(1 << 20, 30)
    ranges.store(soa(), tuple(nsec_chain(zone_of(a={A}))), START)
    assert isinstance(ask(ranges, "b.z.", after=29), Denied)
    assert ask(ranges, "b.z.", after=30) is None


def test_a_minimum_of_zero_keeps_nothing() -> None:
    ranges = Ranges(1 << 20, HOUR)
    ranges.store(soa(minimum=0), tuple(nsec_chain(zone_of(a={A}))), START)
    assert (0, 0) == (len(ranges), ranges.size)


def test_opt_out_ranges_deny_no_name_and_no_type() -> None:
    zone = zone_of(a={A}, b={NS}, star={TXT})
    ranges = filled(zone, Salted(opt_out=True))
    assert [None] * 4 == [ask(ranges, "b.z."), ask(ranges, "x.b.z."), ask(ranges, "b.z.", DS), ask(ranges, "b.z.", TXT)]
    assert NoData() == ask(ranges, "a.z.", TXT).evidence


def test_no_wildcard_is_expanded_where_unsigned_delegations_may_be() -> None:
    ranges = filled(zone_of(a={A}, b={NS}, star={A}), Salted(opt_out=True))
    ranges.store_wildcard(Verified(RRset(n("x.z."), A, 200, (b"1234",)), Z, n("*.z.")), START)
    assert ask(ranges, "b.z.") is None


@every
def test_nothing_is_said_below_a_delegation(how: Salted | None) -> None:
    ranges = filled(zone_of(a={NS, DS}, b={NS}), how)
    assert [None] * 4 == [ask(ranges, name) for name in ("a.z.", "x.a.z.", "b.z.", "x.b.z.")]
    assert NoData() == ask(ranges, "b.z.", DS).evidence
    assert ask(ranges, "a.z.", DS) is None


def test_of_ds_the_parents_ranges_are_asked() -> None:
    ranges = filled(zone_of(b={NS}))
    ranges.store(soa(zone=n("b.z.")), tuple(nsec_chain(Zone(n("b.z."), {}))), START)
    assert Z == ask(ranges, "b.z.", DS).soa.owner
    assert n("b.z.") == ask(ranges, "b.z.", TXT).soa.owner


def test_a_newer_range_replaces_what_it_says_has_gone() -> None:
    ranges = filled(zone_of(a={A}, b={A}, c={A}))
    assert ask(ranges, "b.z.") is None
    ranges.store(soa(), (nsec(n("a.z."), n("c.z."), {A}, Z),), START)
    assert NoName(Z) == ask(ranges, "b.z.").evidence


def test_a_range_that_comes_again_is_no_news() -> None:
    former, anew = zone_of(a={A}, z={A}), zone_of(a={A}, m={A}, z={A})
    wide = tuple(Server(former, None).chain)
    ranges = filled(former)
    ranges.store(soa(), tuple(one for one in Server(anew, None).chain if one.rrset.owner == n("m.z.")), START)
    ranges.store(soa(), wide, Instant(START + 100))
    assert isinstance(ask(ranges, "m.z.", TXT).evidence, NoData)
    # But it is good for as long again.
    assert isinstance(ask(ranges, "b.z.", after=350), Denied)


@every
def test_what_was_read_of_the_records_need_not_be_read_again(how: Salted | None) -> None:
    zone = zone_of(a={A}, c_b={A}, star={TXT})
    records = tuple(Server(zone, how).chain)
    spans = Proof(Z, records, Hashes()).spans
    given, read = Ranges(1 << 20, HOUR), filled(zone, how)
    given.store(soa(), records, START, spans)
    for name in ("b.z.", "a.z.", "x.a.z.", "z.", "d.z.", "c.z."):
        assert ask(given, name, TXT) == ask(read, name, TXT)


def test_a_zone_that_hashes_anew_begins_anew() -> None:
    ranges = filled(zone_of(a={A}, c={A}), Salted())
    ranges.store(soa(), tuple(nsec3_chain(zone_of(b={A}), Salted(salt=b"n"))), START)
    assert NoName(Z) == ask(ranges, "a.z.").evidence
    assert 3 == len(ranges)


def test_too_many_iterations_are_not_kept() -> None:
    ranges = Ranges(1 << 20, HOUR)
    ranges.store(soa(), tuple(nsec3_chain(zone_of(a={A}), Salted(51))), START)
    assert 1 == len(ranges)


def test_an_soa_cut_off_keeps_nothing() -> None:
    ranges = Ranges(1 << 20, HOUR)
    ranges.store(Verified(RRset(Z, SOA, 300, (b"\0\0",)), Z), tuple(nsec_chain(zone_of(a={A}))), START)
    assert 0 == len(ranges)


def test_ranges_that_ran_out_before_the_soa_say_nothing() -> None:
    ranges = Ranges(1 << 20, HOUR)
    short = tuple(Verified(v.rrset._replace(ttl=10), Z) for v in nsec_chain(zone_of(a={A})))
    ranges.store(soa(), short, START)
    assert ask(ranges, "b.z.", after=11) is None


def test_records_of_another_zone_or_of_a_wildcard_are_not_kept() -> None:
    ranges = Ranges(1 << 20, HOUR)
    rrset = nsec(n("a.z."), Z, {A}, Z).rrset
    ranges.store(soa(), (Verified(rrset, n("a.z.")), Verified(rrset, Z, n("*.z."))), START)
    ranges.store(Verified(soa().rrset, n("y.")), (Verified(rrset, Z),), START)
    assert 1 == len(ranges)


def test_memory_is_bounded_and_what_is_asked_for_stays() -> None:
    ranges = filled(zone_of(a={A}, c={A}), memory=40_000)
    for number in range(500):
        ranges.store(soa(), (nsec(n(f"d{number:03}.z."), n(f"d{number:03}-.z."), {A}, Z),), START)
        assert isinstance(ask(ranges, "b.z."), Denied)
        assert ranges.size <= 40_000
    assert 20 <= len(ranges) <= 44


def test_a_record_too_large_for_its_share_is_not_kept() -> None:
    ranges = Ranges(20_000, HOUR)
    ranges.store(soa(), (nsec(n("a.z."), Z, set(range(1, 65_000, 100)), Z),), START)
    assert 1 == len(ranges)


def test_one_look_hashes_few_names_however_long_the_question() -> None:
    ranges = filled(zone_of(a={A}), Salted())
    for question, most in [("x." * 120 + "z.", 4), ("x." * 120 + "a.z.", 5)]:
        hashes = Hashes()
        assert isinstance(ranges.answer(n(question), A, START, hashes), Denied)
        assert hashes.left >= 200 - most
    bare = Ranges(1 << 20, HOUR)
    bare.store(soa(), tuple(nsec3_chain(zone_of(a={A}), Salted()))[:1], START)
    hashes = Hashes()
    assert bare.answer(b"\1x" * 120 + Z, A, START, hashes) is None
    assert hashes.left >= 200 - MAX_ENCLOSERS


def test_without_hashes_left_nothing_is_answered() -> None:
    assert filled(zone_of(a={A}), Salted()).answer(n("b.z."), A, START, Hashes(1)) is None


@every
def test_flushed_zones_say_nothing(how: Salted | None) -> None:
    ranges = filled(zone_of(a={A}), how)
    assert 0 == ranges.flush(n("y."))
    assert len(Server(zone_of(a={A}), how).chain) + 1 == ranges.flush(n("www.z."))
    assert (0, 0, None) == (len(ranges), ranges.size, ask(ranges, "b.z."))
