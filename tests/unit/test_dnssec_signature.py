"""One RRset against its signatures: what RFC 4035 §5.3 asks for, and that no changed bit passes."""

from dataclasses import replace

import dns.rdata
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.signing import DATE, DAY, EXPIRATION, INCEPTION, Signer, plain, rrset_of

from resolver.dnssec.algorithms import ALGORITHMS, STRICT, Wrong
from resolver.dnssec.budget import SIGNATURES, SIGNATURES_READ, Spent, Validation
from resolver.dnssec.signature import (
    ABSENT,
    BACKWARDS,
    BAD_LABELS,
    EXPIRED,
    KEYLESS,
    NO_ZONE_KEY,
    NOT_YET,
    OTHER_TYPE,
    OTHER_ZONE,
    REVOKED_KEY,
    SKEW,
    UNREADABLE,
    UNSUPPORTED,
    WRONG,
    Signing,
    Unsigned,
    prove,
)
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.names import read_name
from wire.dns.signing import parse_dnskey, parse_rrsig
from wire.units import Epoch

WWW = ("www.example. 300 A 192.0.2.1", "www.example. 300 A 192.0.2.2")
SIGNER = Signer("example.")
LEFT = EXPIRATION - int(DATE)


def judge(rrset: RRset, signing: Signing = SIGNER.signing, date: float = DATE) -> Verified | Unsigned:
    return prove(rrset, signing, Epoch(date), Validation())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_of_every_algorithm_is_verified(algorithm: int) -> None:
    signer = Signer("example.", algorithm)
    rrset = signer.signed(*WWW)
    assert judge(rrset, signer.signing) == Verified(rrset, b"\7example\0", left=LEFT, by=rrset.signatures[-1])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_of_every_algorithm_is_wrong_for_other_data(algorithm: int) -> None:
    signer = Signer("example.", algorithm)
    rrset = signer.signed(*WWW)
    assert judge(rrset._replace(rdatas=rrset.rdatas[:1]), signer.signing) == WRONG


NET = (
    "example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+"
    "Wi9xMWyQLc8NAA==",
    "www.example.net. 3600 IN A 192.0.2.1",
    "A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXA"
    "yGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
)
NET_384 = (
    "example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X"
    "1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
    "www.example.net. 3600 IN A 192.0.2.1",
    "A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP"
    "95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
)
COM_25519 = (
    "example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
    "example.com. 3600 IN MX 10 mail.example.com.",
    "MX 15 2 3600 1440021600 1438207200 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QL"
    "s3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
)
COM_448 = (
    "example.com. 3600 IN DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
    "example.com. 3600 IN MX 10 mail.example.com.",
    "MX 16 2 3600 1440021600 1438207200 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA"
    "0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA",
)


@pytest.mark.parametrize(
    ("key", "record", "signature"),
    [NET, NET_384, COM_25519, COM_448],
    ids=["rfc6605-6.1", "rfc6605-6.2", "rfc8080-6.1", "rfc8080-6.2"],
)
def test_the_example_of_the_rfc_is_verified(key: str, record: str, signature: str) -> None:
    rrset = dns.rrset.from_text(*record.split(" ", 4))
    zone, _, _, _, data = key.split(" ", 4)
    dnskey = parse_dnskey(dns.rdata.from_text("IN", "DNSKEY", data).to_wire())
    rdata = dns.rdata.from_text("IN", "RRSIG", signature).to_wire()
    shown = plain(rrset)._replace(signatures=(rdata,))
    date = parse_rrsig(rdata).inception + 1
    assert isinstance(judge(shown, Signing(read_name(zone), (dnskey,), ALGORITHMS), date), Verified)


# -- what a signature must be


def edited(rrset: RRset, at: int, new: bytes) -> RRset:
    rdata = rrset.signatures[0]
    return rrset._replace(signatures=(rdata[:at] + new + rdata[at + len(new) :],))


def test_without_signatures_there_is_no_proof() -> None:
    assert judge(plain(rrset_of(*WWW))) == ABSENT


def test_a_signature_that_cannot_be_read_proves_nothing() -> None:
    assert judge(SIGNER.signed(*WWW)._replace(signatures=(b"junk",))) == UNREADABLE


def test_data_that_cannot_be_read_are_not_proved() -> None:
    mx = SIGNER.signed("www.example. 300 MX 10 mail.example.")
    assert judge(mx._replace(rdatas=(b"\0\1\xc0\0",))) == UNREADABLE


def test_a_signature_of_another_type_does_not_count() -> None:
    rrset = SIGNER.signed(*WWW)
    assert judge(rrset._replace(rrtype=16)) == OTHER_TYPE


@pytest.mark.parametrize("zone", ["www.example.", ".", "other.", "ample."])
def test_a_signature_of_another_zone_does_not_count(zone: str) -> None:
    signing = replace(SIGNER.signing, zone=read_name(zone))
    assert judge(SIGNER.signed(*WWW), signing) == OTHER_ZONE


def test_a_zone_cannot_sign_a_name_that_is_not_below_it() -> None:
    signer = Signer("child.example.")
    assert judge(signer.signed(*WWW), signer.signing) == OTHER_ZONE


def test_the_ds_of_a_zone_is_not_the_zones_own_to_sign() -> None:
    line = "example. 300 DS 1 13 2 " + "ab" * 32
    assert judge(SIGNER.signed(line)) == OTHER_ZONE
    parent = Signer(".")
    assert isinstance(judge(parent.signed(line), parent.signing), Verified)


def test_more_labels_than_the_owner_has_do_not_fit() -> None:
    assert judge(edited(SIGNER.signed(*WWW), 3, b"\3")) == BAD_LABELS


def test_fewer_labels_than_the_signer_has_do_not_fit() -> None:
    """Else a zone would speak as a wildcard of its parent's."""
    signer = Signer("sub.example.")
    rrset = signer.signed("*.example. 300 A 192.0.2.1", owner="www.sub.example.")
    assert parse_rrsig(rrset.signatures[0]).labels == 1
    assert judge(rrset, signer.signing) == BAD_LABELS


def test_an_unknown_algorithm_is_told_as_such() -> None:
    assert judge(edited(SIGNER.signed(*WWW), 2, b"\x0c")) == UNSUPPORTED


def test_sha1_can_be_left_out() -> None:
    signer = Signer("example.", 5)
    assert judge(signer.signed(*WWW), replace(signer.signing, algorithms=STRICT)) == UNSUPPORTED


def test_a_key_that_is_not_there_is_missing() -> None:
    assert judge(SIGNER.signed(*WWW), Signer("example.", seed=2).signing) == KEYLESS


def test_a_key_without_the_zone_flag_signs_nothing() -> None:
    signer = Signer("example.", flags=1)
    assert judge(signer.signed(*WWW), signer.signing) == NO_ZONE_KEY


def test_a_revoked_key_signs_nothing() -> None:
    signer = Signer("example.", flags=257 | 128)
    assert judge(signer.signed(*WWW), signer.signing) == REVOKED_KEY


def test_a_key_of_another_protocol_signs_nothing() -> None:
    signer = Signer("example.", protocol=2)
    assert judge(signer.signed(*WWW), signer.signing) == KEYLESS


# -- time


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (INCEPTION - SKEW, Verified),
        (INCEPTION - SKEW - 1, NOT_YET),
        (INCEPTION, Verified),
        (EXPIRATION, Verified),
        (EXPIRATION + SKEW, Verified),
        (EXPIRATION + SKEW + 1, EXPIRED),
        (EXPIRATION + 2**31 - 100, EXPIRED),
    ],
)
def test_a_signature_is_valid_from_inception_to_expiration_with_an_hour_of_doubt(date: int, expected: object) -> None:
    found = judge(SIGNER.signed(*WWW), date=date)
    assert type(found) is expected if expected is Verified else found == expected


def test_a_short_signature_leaves_little_doubt() -> None:
    signer = replace(SIGNER, inception=int(DATE) - 500, expiration=int(DATE) + 500)
    assert isinstance(judge(signer.signed(*WWW), date=DATE + 600), Verified)
    assert judge(signer.signed(*WWW), date=DATE + 601) == EXPIRED


def test_a_signature_that_ends_before_it_begins_is_never_valid() -> None:
    signer = replace(SIGNER, inception=EXPIRATION, expiration=INCEPTION)
    assert judge(signer.signed(*WWW)) == BACKWARDS


def test_times_are_compared_on_a_circle() -> None:
    """RFC 1982: dates after 2106 have passed zero."""
    zero = 2**32
    signer = replace(SIGNER, inception=zero - DAY, expiration=DAY)
    rrset = signer.signed(*WWW)
    assert isinstance(judge(rrset, date=zero + 100), Verified)
    assert isinstance(judge(rrset, date=zero - 100), Verified)
    assert judge(rrset, date=zero + DAY + SKEW + 1) == EXPIRED


def test_the_ttl_is_bounded_by_the_original_one_and_by_the_end_of_the_signature() -> None:
    """RFC 4035 §5.3.3."""
    rrset = SIGNER.signed(*WWW)
    assert [
        judge(rrset._replace(ttl=ttl), date=date).rrset.ttl  # type: ignore[union-attr]
        for ttl, date in [(9999, DATE), (20, DATE), (300, EXPIRATION - 100), (300, EXPIRATION + 100)]
    ] == [300, 20, 100, 0]


# -- wildcards


@pytest.mark.parametrize(
    ("owner", "wildcard"),
    [
        ("a.wild.example.", "*.wild.example."),
        ("a.b.c.wild.example.", "*.wild.example."),
        ("*.a.wild.example.", "*.wild.example."),
        ("*.wild.example.", None),
    ],
)
def test_an_expanded_wildcard_is_known_by_its_labels(owner: str, wildcard: str | None) -> None:
    rrset = SIGNER.signed("*.wild.example. 300 A 192.0.2.1", owner=owner)
    assert judge(rrset) == Verified(
        rrset, b"\7example\0", None if wildcard is None else read_name(wildcard), LEFT, rrset.signatures[0]
    )


def test_a_wildcard_signs_for_names_below_it_only() -> None:
    assert judge(SIGNER.signed("*.wild.example. 300 A 192.0.2.1", owner="a.tame.example.")) == WRONG


# -- what it may cost


class Counting:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: object) -> None:
        self.calls += 1
        raise Wrong("never")


def test_only_so_many_signatures_are_tried_and_read() -> None:
    rrset = SIGNER.signed(*WWW)
    good = rrset.signatures[0]
    bad = tuple(good[:-1] + bytes((good[-1] ^ n,)) for n in range(1, SIGNATURES + 1))
    assert judge(rrset._replace(signatures=(*bad[:-1], good))) == Verified(
        rrset._replace(signatures=(*bad[:-1], good)), b"\7example\0", left=LEFT, by=good
    )
    assert judge(rrset._replace(signatures=(*bad, good))) == WRONG
    assert judge(rrset._replace(signatures=(*[b"junk"] * SIGNATURES_READ, good))) == UNREADABLE


def test_of_many_keys_with_the_same_tag_two_are_tried() -> None:
    counting = Counting()
    signing = replace(SIGNER.signing, keys=SIGNER.signing.keys * 100)
    rrset = SIGNER.signed(*WWW)
    rrset = rrset._replace(signatures=rrset.signatures * 100)
    assert prove(rrset, signing, DATE, Validation(), counting) == WRONG
    assert counting.calls == 2 * SIGNATURES


def test_the_second_of_two_keys_with_the_same_tag_is_as_good() -> None:
    other = replace(SIGNER.key, public=Signer("example.", seed=2).key.public)
    signing = replace(SIGNER.signing, keys=(other, SIGNER.key))
    assert isinstance(judge(SIGNER.signed(*WWW), signing), Verified)


def test_the_budget_counts_what_algorithms_cost_and_then_it_is_over() -> None:
    signer = Signer("example.", 14)
    budget = Validation(units=13)
    rrset = signer.signed(*WWW)
    for left in (7, 1):
        assert isinstance(prove(rrset, signer.signing, DATE, budget), Verified)
        assert budget.units == left
    with pytest.raises(Spent):
        prove(rrset, signer.signing, DATE, budget)


def test_rsa_keys_of_sizes_that_are_not_in_use_are_wrong() -> None:
    """A long exponent makes verifying as dear as signing, a long modulus dearer still: neither is begun with."""
    for exponent, modulus in [(2**64 + 1, 2**2047 + 1), (65_537, 2**8191 + 1), (65_537, 2**255 + 1)]:
        size = exponent.bit_length() // 8 + 1
        public = bytes((size,)) + exponent.to_bytes(size, "big") + modulus.to_bytes(1_024, "big").lstrip(b"\0")
        with pytest.raises(Wrong, match="not in use"):
            ALGORITHMS[8].verify(public, bytes(256), b"data")


# -- mutation


def flipped(data: bytes, bit: int) -> bytes:
    place = bit // 8 % len(data)
    return data[:place] + bytes((data[place] ^ 1 << bit % 8,)) + data[place + 1 :]


SUBJECTS = [
    (signer, signer.signed(*lines))
    for signer in (Signer("example.", number) for number in (8, 13, 15, 16))
    for lines in [WWW, ("mail.example. 60 MX 10 a.example.", "mail.example. 60 MX 20 b.c.example.")]
]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SUBJECTS), st.sampled_from(["rdata", "signature", "key", "owner", "type"]), st.integers(0, 2**12)
)
def test_no_changed_bit_is_ever_proved(subject: tuple[Signer, RRset], what: str, bit: int) -> None:
    signer, rrset = subject
    signing = signer.signing
    changed = rrset
    match what:
        case "rdata":
            changed = rrset._replace(rdatas=(flipped(rrset.rdatas[0], bit), *rrset.rdatas[1:]))
        case "signature":
            changed = rrset._replace(signatures=(flipped(rrset.signatures[0], bit),))
        case "key":
            signing = replace(signing, keys=(parse_dnskey(flipped(signer.key.rdata, bit)),))
        case "owner":
            # Not its length octets: what is no name does not come out of a message.
            changed = rrset._replace(owner=rrset.owner[:1] + flipped(rrset.owner[1:4], bit) + rrset.owner[4:])
        case "type":
            changed = rrset._replace(rrtype=rrset.rrtype ^ 1 << bit % 16)
    if _means_the_same(rrset, changed) and signing == signer.signing:
        return
    assert isinstance(judge(changed, signing), Unsigned)


def _means_the_same(before: RRset, after: RRset) -> bool:
    """A name in another case is the same name: in RDATA of old types and as the signer (RFC 4034 §6.2)."""
    same_data = [r.lower() for r in before.rdatas] == [r.lower() for r in after.rdatas] and before.rrtype == 15
    old, new = before.signatures[0], after.signatures[0]
    same_signer = old[:18] + old[18:27].lower() + old[27:] == new[:18] + new[18:27].lower() + new[27:]
    named = before.owner == after.owner and before.rrtype == after.rrtype
    return named and same_signer and (same_data or before.rdatas == after.rdatas)


@given(st.integers(0, 2**31 - 1))
def test_any_ttl_is_proved_but_never_raised(ttl: int) -> None:
    proved = judge(SUBJECTS[2][1]._replace(ttl=ttl), SUBJECTS[2][0].signing)
    assert isinstance(proved, Verified)
    assert proved.rrset.ttl == min(ttl, 300)
