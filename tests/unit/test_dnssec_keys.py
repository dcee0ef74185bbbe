"""A zone's keys against what its parent or an anchor says of them."""

from dataclasses import replace

import dns.rdata
import dns.rrset
import pytest
from kit.signing import DATE, Signer, plain

from resolver.dnssec.algorithms import ALGORITHMS, DIGESTS, STRICT, Digest
from resolver.dnssec.budget import DS_MISMATCHES, Spent, Validation
from resolver.dnssec.keys import (
    DEFAULT,
    MISMATCH,
    Policy,
    Supported,
    Trusted,
    Unsupported,
    digest_of,
    entry_points,
    read_delegation,
    trust,
)
from resolver.dnssec.signature import NO_ZONE_KEY, REVOKED_KEY, WRONG, Signing, Unsigned
from resolver.iterate.verdict import RRset
from wire.dns.codes import ExtendedError
from wire.dns.names import read_name
from wire.dns.signing import DelegationSigner, parse_dnskey, parse_ds

ENTRY, ZONE = Signer("example.", 13, 1), Signer("example.", 13, 2, flags=256)


def keys_of(*signers: Signer, by: tuple[Signer, ...] = (ENTRY,)) -> RRset:
    rrset = dns.rrset.from_rdata_list(signers[0].name, 3600, [signer.dnskey for signer in signers])
    return plain(rrset)._replace(signatures=tuple(signer.sign(rrset).to_wire() for signer in by))


def ds_of(*records: dns.rdata.Rdata) -> Supported:
    found = read_delegation(tuple(record.to_wire() for record in records))
    assert isinstance(found, Supported)
    return found


def judge(dnskeys: RRset, vouching: Supported, policy: Policy = DEFAULT) -> Trusted | Unsigned:
    return trust(dnskeys, vouching, DATE, Validation(), policy)


@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_are_trusted_if_one_that_has_the_digest_signed_them(algorithm: int, digest: int) -> None:
    entry = Signer("example.", algorithm)
    found = judge(keys_of(entry, ZONE, by=(entry,)), ds_of(entry.ds(digest)))
    assert isinstance(found, Trusted)
    assert {entry.key, ZONE.key} == set(found.signing.keys)
    assert found.signing.zone == b"\7example\0"
    assert found.ttl == 3600


RFC_4034_KEY = (
    "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+"
    "X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="
)


def test_the_ds_of_rfc4034_section_5_4() -> None:
    key = parse_dnskey(dns.rdata.from_text("IN", "DNSKEY", RFC_4034_KEY).to_wire())
    digest = digest_of(read_name("dskey.example.com."), key, DIGESTS[1])
    assert digest.hex().upper() == "2BB183AF5F22588179A53B0A98631FAD1A292118"


def test_a_key_without_its_digest_is_not_trusted_whatever_it_signed() -> None:
    other = Signer("example.", 13, 3)
    found = judge(keys_of(other, by=(other,)), ds_of(ENTRY.ds()))
    assert found == Unsigned(NO_ZONE_KEY.stage, MISMATCH)


def test_keys_that_the_right_one_did_not_sign_are_not_trusted() -> None:
    found = judge(keys_of(ENTRY, ZONE, by=(ZONE,)), ds_of(ENTRY.ds()))
    assert isinstance(found, Unsigned)


def test_an_added_key_spoils_the_signature() -> None:
    stranger = Signer("example.", 13, 9)
    rrset = keys_of(ENTRY, ZONE)
    added = rrset._replace(rdatas=(*rrset.rdatas, stranger.key.rdata))
    assert judge(added, ds_of(ENTRY.ds())) == WRONG


def test_any_one_valid_path_is_enough() -> None:
    """RFC 6840 §5.11: a DS of a key that is not there, and one of an algorithm that does not sign, are no harm."""
    gone, other = Signer("example.", 13, 5), Signer("example.", 15, 6)
    found = judge(keys_of(ENTRY, other), ds_of(gone.ds(), other.ds(), ENTRY.ds()))
    assert isinstance(found, Trusted)


def test_a_key_that_is_no_zone_key_is_told_as_such() -> None:
    signer = replace(ENTRY, flags=1)
    assert judge(keys_of(signer, by=(signer,)), ds_of(signer.ds())) == NO_ZONE_KEY


def test_a_key_that_is_revoked_vouches_for_nothing() -> None:
    """> it MUST NOT use this key as a trust anchor or for any other purpose (RFC 5011 §2.1): not even if its parent does."""
    signer = replace(ENTRY, flags=257 | 128)
    assert judge(keys_of(signer, by=(signer,)), ds_of(signer.ds())) == REVOKED_KEY


def test_a_revoked_key_is_no_way_in() -> None:
    signer = replace(ENTRY, flags=257 | 128)
    record = parse_ds(ENTRY.ds().to_wire())
    digest = DIGESTS[2].hash(b"\7example\0" + signer.key.rdata)
    vouching = Supported((DelegationSigner(signer.key.tag, record.algorithm, 2, digest),))
    assert isinstance(judge(keys_of(signer, by=(signer,)), vouching), Unsigned)


def test_keys_of_unsupported_algorithms_or_that_cannot_be_read_are_left_out() -> None:
    unknown = ENTRY.dnskey.replace(algorithm=200)
    rrset = dns.rrset.from_rdata_list(ENTRY.name, 60, [ENTRY.dnskey, unknown])
    shown = plain(rrset)._replace(signatures=(ENTRY.sign(rrset).to_wire(),))
    found = judge(shown, ds_of(ENTRY.ds()))
    assert isinstance(found, Trusted)
    assert found.signing.keys == (ENTRY.key,)
    assert isinstance(judge(shown._replace(rdatas=(*shown.rdatas, b"\1")), ds_of(ENTRY.ds())), Unsigned)


# -- which DS count


def unknown_algorithm() -> bytes:
    return ENTRY.ds().replace(algorithm=200).to_wire()


def unknown_digest() -> bytes:
    return ENTRY.ds().replace(digest_type=3).to_wire()


def test_a_zone_is_insecure_only_if_every_ds_is_unknown() -> None:
    good = ENTRY.ds().to_wire()
    assert isinstance(read_delegation((unknown_algorithm(), unknown_digest(), good)), Supported)
    nothing = read_delegation((unknown_algorithm(), unknown_digest()))
    assert isinstance(nothing, Unsupported)
    assert nothing.explanation.code is ExtendedError.UNSUPPORTED_DS_DIGEST
    nothing = read_delegation((unknown_algorithm(),))
    assert isinstance(nothing, Unsupported)
    assert nothing.explanation.code is ExtendedError.UNSUPPORTED_DNSKEY_ALGORITHM


def test_an_unknown_ds_beside_a_known_one_cannot_make_a_zone_insecure() -> None:
    found = read_delegation((unknown_algorithm(), ENTRY.ds().to_wire()))
    assert found == Supported((parse_ds(ENTRY.ds().to_wire()),))


def test_sha1_is_ignored_beside_a_better_digest() -> None:
    weak, strong = ENTRY.ds(1).to_wire(), ENTRY.ds(2).to_wire()
    assert read_delegation((weak, strong)) == Supported((parse_ds(strong),))
    assert read_delegation((weak,)) == Supported((parse_ds(weak),))


def test_a_forged_sha1_ds_is_no_way_in_beside_a_better_one() -> None:
    forger = Signer("example.", 13, 66)
    vouching = ds_of(forger.ds(1), ENTRY.ds(2))
    assert isinstance(judge(keys_of(forger, by=(forger,)), vouching), Unsigned)


def test_without_sha1_a_zone_that_has_nothing_else_is_insecure() -> None:
    policy = Policy(STRICT, {number: row for number, row in DIGESTS.items() if number != 1})
    assert isinstance(read_delegation((Signer("example.", 7).ds().to_wire(),), policy), Unsupported)
    assert isinstance(read_delegation((ENTRY.ds(1).to_wire(),), policy), Unsupported)


def test_a_ds_that_cannot_be_read_is_none() -> None:
    assert isinstance(read_delegation((b"\1\2",)), Unsupported)
    assert isinstance(read_delegation((b"\1\2", ENTRY.ds().to_wire())), Supported)


# -- what it may cost


def test_only_so_many_digests_are_made_in_vain() -> None:
    """HashTrap: any number of keys with the tag of any number of DS."""
    made = []
    counting = Digest(2, "counting", lambda data: made.append(data) or b"x" * 32, 32, 1)  # type: ignore[func-returns-value]
    record = parse_ds(ENTRY.ds().to_wire())
    found = entry_points(
        Signing(b"\7example\0", (ENTRY.key,) * 100, ALGORITHMS), (record,) * 100, Policy(ALGORITHMS, {2: counting})
    )
    assert found == Unsigned(NO_ZONE_KEY.stage, MISMATCH)
    assert len(made) == DS_MISMATCHES


def test_a_good_ds_found_before_too_many_bad_ones_counts() -> None:
    good = parse_ds(ENTRY.ds().to_wire())
    bad = replace(good, digest=bytes(32))
    found = entry_points(ENTRY.signing, (good, *[bad] * 50), DEFAULT)
    assert found == (ENTRY.key,)


def test_verifying_keys_is_paid_for() -> None:
    with pytest.raises(Spent):
        trust(keys_of(ENTRY), ds_of(ENTRY.ds()), DATE, Validation(units=0))
