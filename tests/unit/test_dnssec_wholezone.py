"""A copy of a zone proved by its anchor: keys, SOA and digest signed by dnspython; whatever is changed, it is proved no more."""

from dataclasses import replace

import pytest
from kit.rootzone import signed_root
from kit.signing import DATE, DAY, ENTRY_KEY, Signer

from resolver.dnssec.anchors import TrustAnchor
from resolver.dnssec.signature import Stage, Unsigned
from resolver.dnssec.values import Verified
from resolver.dnssec.wholezone import verify_zone
from resolver.iterate.zonecopy import ZoneCopy, parse_zone
from resolver.iterate.zonemd import verify
from wire.dns.codes import RecordType
from wire.dns.names import ROOT
from wire.dns.signing import parse_ds
from wire.units import Epoch

ROOT_KEY = Signer(".")
OTHER_KEY = Signer(".", seed=2)
ZONEMD = int(RecordType.ZONEMD)


def anchor(signer: Signer = ROOT_KEY, zone: bytes = ROOT) -> TrustAnchor:
    return TrustAnchor(zone, (parse_ds(signer.ds().to_wire()),))


def copy(signer: Signer = ROOT_KEY, without: str = "") -> ZoneCopy:
    return parse_zone(signed_root(signer, without), ROOT)


def stage(outcome: Verified | Unsigned) -> Stage:
    assert isinstance(outcome, Unsigned)
    return outcome.stage


@pytest.mark.parametrize("algorithm", [8, 13, 15])
def test_the_digest_is_proved_by_the_anchor(algorithm: int) -> None:
    signer = Signer(".", algorithm)
    zone = copy(signer)
    proved = verify_zone(zone, anchor(signer), DATE)
    assert isinstance(proved, Verified)
    assert (ROOT, ZONEMD, ROOT) == (proved.rrset.owner, proved.rrset.rrtype, proved.zone)
    assert verify(zone).digest == proved.rrset.rdatas[0][6:]


def test_another_anchor_proves_nothing() -> None:
    assert Stage.KEYLESS is stage(verify_zone(copy(), anchor(OTHER_KEY), DATE))
    assert Stage.ABSENT is stage(verify_zone(copy(), anchor(zone=b"\7example\0"), DATE))


def test_an_anchor_of_an_unknown_algorithm_proves_nothing() -> None:
    (record,) = anchor().records
    unknown = TrustAnchor(ROOT, (replace(record, algorithm=200),))
    assert Stage.UNSUPPORTED is stage(verify_zone(copy(), unknown, DATE))


@pytest.mark.parametrize("days", [-3, 11])
def test_before_and_after_its_time_a_signature_proves_nothing(days: int) -> None:
    assert Stage.UNTIMELY is stage(verify_zone(copy(), anchor(), Epoch(DATE + days * DAY)))


@pytest.mark.parametrize("rrtype", ["DNSKEY", "SOA", "ZONEMD"])
def test_without_one_of_the_three_signatures_nothing_is_proved(rrtype: str) -> None:
    assert Stage.ABSENT is stage(verify_zone(copy(without=f"RRSIG {rrtype}"), anchor(), DATE))


@pytest.mark.parametrize("rrtype", ["DNSKEY", "ZONEMD"])
def test_without_keys_or_digest_nothing_is_proved(rrtype: str) -> None:
    assert Stage.ABSENT is stage(verify_zone(copy(without=rrtype), anchor(), DATE))


@pytest.mark.parametrize("rrtype", ["DNSKEY", "SOA", "ZONEMD"])
def test_a_changed_octet_in_one_of_the_three_is_found(rrtype: str) -> None:
    zone = copy()
    node = zone.nodes[ROOT]
    kind = int(RecordType[rrtype])
    changed = {rdata[:-1] + bytes([rdata[-1] ^ 1]): ttl for rdata, ttl in node[kind].items()}
    forged = replace(zone, nodes={**zone.nodes, ROOT: {**node, kind: changed}})
    assert isinstance(verify_zone(forged, anchor(), DATE), Unsigned)


def test_a_zone_that_somebody_else_signed_with_a_right_digest_is_not_proved() -> None:
    """What the digest alone cannot tell: all of it is whole, and forged."""
    zone = copy(OTHER_KEY)
    verify(zone)
    assert Stage.KEYLESS is stage(verify_zone(zone, anchor(), DATE))


def test_the_kit_s_zone_is_what_dnspython_takes_for_signed() -> None:
    assert (ENTRY_KEY, 1) == (ROOT_KEY.flags, len(copy().nodes[ROOT][ZONEMD]))
