"""Where trust begins: the root's anchors as packaged, and the text form of others."""

from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdata
import pytest
from kit.peers import packaged

from resolver.dnssec.anchors import Anchors, NegativeAnchor, TrustAnchor, anchors_of, read_anchors
from wire.dns.names import ROOT, read_name
from wire.units import Epoch

PACKAGED = Path(__file__).parents[2] / "anchorhold/data/trust-anchors/root.ds"
NOW = Epoch(1_800_000_000.0)

KSK_2017 = (
    "257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlN"
    "Vz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eN"
    "buv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8sub"
    "X2Nn6UwNR1AkUTV74bU="
)
KSK_2024 = (
    "257 3 8 AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICM"
    "QMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3e"
    "j2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH"
    "9Z9GNUUeayffKC73PYc="
)


@pytest.mark.parametrize(("tag", "key"), [(20326, KSK_2017), (38696, KSK_2024)])
def test_each_anchor_of_the_root_is_the_digest_of_its_key(tag: int, key: str) -> None:
    """Ours and dnspython's digest of the keys as Debian's dns-root-data has them."""
    of_key = read_anchors(f". IN DNSKEY {key}")
    (anchor,) = [a for a in read_anchors(PACKAGED.read_text()) if a.records[0].tag == tag]
    assert (anchor,) == of_key
    oracle = dns.dnssec.make_ds(dns.name.root, dns.rdata.from_text("IN", "DNSKEY", key), "SHA256")
    assert oracle.digest == anchor.records[0].digest


def test_the_root_has_exactly_these_two_anchors() -> None:
    together = anchors_of(read_anchors(PACKAGED.read_text()))
    found = together.closest(read_name("www.example"), NOW)
    assert isinstance(found, TrustAnchor)
    assert found.zone == ROOT
    assert [20326, 38696] == [record.tag for record in found.records]
    assert list(together.trusted) == [ROOT]


def test_an_installed_copy_of_debians_file_says_the_same() -> None:
    debian = packaged("/usr/share/dns/root.ds", "dns-root-data")
    assert set(read_anchors(debian)) >= set(read_anchors(PACKAGED.read_text()))


@pytest.mark.parametrize(
    "line",
    [
        "example.",
        "example. IN A 192.0.2.1",
        "example. DS 1 2",
        "example. DS 70000 8 2 " + "ab" * 32,
        "example. DS 1 8 2 " + "ab" * 31,
        "example. DS 1 8 9 " + "ab" * 32,
        "example. DS 1 8 2 zz",
        "example. DNSKEY 257 3 8 !",
        "example. DNSKEY 257 3 8",
        "a..example. DS 1 8 2 " + "ab" * 32,
    ],
)
def test_a_line_that_is_no_anchor_is_told_by_its_number(line: str) -> None:
    with pytest.raises(ValueError, match="line 3"):
        read_anchors(f"; a comment\n\n{line}\n")


def test_ttl_class_case_and_spaces_in_the_data_do_not_matter() -> None:
    digest = "ab" * 16
    (first,) = read_anchors(f"Example. 3600 in ds 1 8 2 {digest} {digest} ; why")
    (second,) = read_anchors(f"example DS 1 8 2 {digest}{digest}")
    assert first == second
    assert first.zone == b"\7example\0"


ANCHOR = read_anchors("example. DS 1 8 2 " + "ab" * 32)[0]


def test_the_anchor_closest_to_a_name_decides() -> None:
    private = NegativeAnchor(read_name("corp.example"), "a private zone")
    inner = TrustAnchor(read_name("signed.corp.example"), ANCHOR.records)
    anchors = anchors_of((ANCHOR, inner), (private,))
    for name, expected in [
        ("www.example", ANCHOR),
        ("example", ANCHOR),
        ("corp.example", private),
        ("a.b.corp.example", private),
        ("notcorp.example", ANCHOR),
        ("x.signed.corp.example", inner),
        ("other", None),
        (".", None),
    ]:
        assert expected == anchors.closest(read_name(name), NOW)


def test_a_negative_anchor_goes_before_a_trust_anchor_at_the_same_zone_while_it_lasts() -> None:
    negative = NegativeAnchor(ANCHOR.zone, "no", Epoch(NOW + 1))
    anchors = anchors_of((ANCHOR,), (negative,))
    assert [negative, ANCHOR] == [anchors.closest(ANCHOR.zone, Epoch(when)) for when in (NOW, NOW + 1)]


def test_a_negative_anchor_ends_when_its_time_has_come() -> None:
    anchors = anchors_of((ANCHOR,), (NegativeAnchor(read_name("a.example"), "broken", Epoch(NOW + 10)),))
    assert isinstance(anchors.closest(read_name("a.example"), NOW), NegativeAnchor)
    assert ANCHOR == anchors.closest(read_name("a.example"), Epoch(NOW + 10))


def test_without_anchors_nothing_can_be_said() -> None:
    assert Anchors().closest(ROOT, NOW) is None
