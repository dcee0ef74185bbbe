"""What an upstream says is checked against the question, cut, and bounded in time."""

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.judged import judge
from kit.questions import RD, SOA, query_for, response, wire_of

from resolver.accept import Fault, Rejected, Understood
from resolver.accept import read as understand
from resolver.compose import Accepted
from resolver.settings import CacheSettings
from wire.dns.codes import ExtendedError, QueryFlag
from wire.dns.message import parse_message
from wire.dns.names import read_name

LIMITS = CacheSettings()
NAME = "www.example.net."


def accept(data: bytes, rrtype: str = "A", flags: int = RD, limits: CacheSettings = LIMITS) -> Accepted:
    verdict = judge(query_for(NAME, rrtype, flags), data, limits)
    assert isinstance(verdict, Accepted), verdict
    return verdict


def understood(data: bytes, rrtype: str = "A", limits: CacheSettings = LIMITS) -> Understood:
    found = understand(query_for(NAME, rrtype).key, data, limits)
    assert isinstance(found, Understood), found
    return found


def reject(data: bytes) -> Rejected:
    verdict = judge(query_for(NAME), data, LIMITS)
    assert isinstance(verdict, Rejected), verdict
    return verdict


def read(accepted: Accepted) -> dns.message.Message:
    return dns.message.from_wire(accepted.message)


def ttls(accepted: Accepted) -> list[int]:
    return [int.from_bytes(accepted.message[at : at + 4], "big") for at in accepted.ttl_offsets]


def test_a_plain_answer_is_cut_to_question_and_answer() -> None:
    data = wire_of(
        NAME,
        "A",
        f"{NAME} 300 A 192.0.2.1",
        authority=("example.net. 300 NS ns.example.net.",),
        additional=("ns.example.net. 300 A 192.0.2.53",),
    )
    accepted = accept(data)
    message = read(accepted)
    assert (["192.0.2.1"], [], []) == (
        [r.to_text() for s in message.answer for r in s],
        message.authority,
        message.additional,
    )
    assert (300, [300], 0) == (accepted.keep, ttls(accepted), understood(data).dropped)
    assert (0, "QR RD RA") == (message.id, dns.flags.to_text(message.flags))
    assert message.edns == -1


def test_with_do_the_proofs_in_the_authority_section_stay_and_name_servers_go() -> None:
    lines = ("example.net. 200 NS ns.example.net.", "example.net. 200 NSEC www.example.net. A NS")
    data = wire_of(NAME, "A", f"{NAME} 300 A 192.0.2.1", authority=lines)
    accepted = accept(data, flags=RD | QueryFlag.DO)
    (proof,) = read(accepted).authority
    assert ("example.net.", "NSEC") == (proof.name.to_text(), dns.rdatatype.to_text(proof.rdtype))
    assert (0, 200) == (understood(data).dropped, accepted.keep)


def test_ad_and_aa_are_cleared_for_nobody_here_has_validated() -> None:
    message = response(NAME, "A", f"{NAME} 300 A 192.0.2.1")
    message.flags |= dns.flags.AD | dns.flags.AA
    assert "QR RD RA" == dns.flags.to_text(read(accept(message.to_wire())).flags)


def test_cd_is_given_back_as_asked() -> None:
    accepted = accept(wire_of(NAME, "A", f"{NAME} 300 A 192.0.2.1"), flags=RD | QueryFlag.CD)
    assert read(accepted).flags & dns.flags.CD


def test_the_spelling_of_the_question_does_not_matter_and_is_folded() -> None:
    data = wire_of("wWw.eXample.NET.", "A", f"{NAME} 300 A 192.0.2.1")
    assert query_for(NAME).key == accept(data).message[12 : 12 + len(query_for(NAME).key)]


@pytest.mark.parametrize(
    ("name", "rrtype"), [("www.example.org.", "A"), (NAME, "AAAA"), ("example.net.", "A"), ("a.www.example.net.", "A")]
)
def test_another_question_is_a_lie(name: str, rrtype: str) -> None:
    verdict = reject(wire_of(name, rrtype))
    assert (Fault.MISMATCH, True) == (verdict.fault, verdict.lied)


def test_another_class_is_a_lie() -> None:
    data = bytearray(wire_of(NAME, "A", f"{NAME} 300 A 192.0.2.1"))
    data[12 + len(query_for(NAME).key) - 1] = 3
    assert Fault.MISMATCH is reject(bytes(data)).fault


@pytest.mark.parametrize("damage", ["qr", "opcode", "garbage", "short"])
def test_what_is_no_response_is_malformed(damage: str) -> None:
    data = bytearray(wire_of(NAME, "A", f"{NAME} 300 A 192.0.2.1"))
    if damage == "qr":
        data[2] &= 0x7F
    elif damage == "opcode":
        data[2] |= 0x20
    elif damage == "garbage":
        data = bytearray(b"\xff" * 64)
    else:
        data = data[:-3]
    assert (Fault.MALFORMED, True) == (reject(bytes(data)).fault, reject(bytes(data)).lied)


def test_a_truncated_answer_is_no_answer_and_no_lie() -> None:
    message = response(NAME, "A")
    message.flags |= dns.flags.TC
    verdict = reject(message.to_wire())
    assert (Fault.TRUNCATED, False) == (verdict.fault, verdict.lied)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"])
def test_an_error_code_is_an_honest_no(rcode: str) -> None:
    verdict = reject(wire_of(NAME, "A", rcode=rcode))
    assert (Fault.RCODE, False) == (verdict.fault, verdict.lied)


def test_records_that_have_nothing_to_do_with_the_question_are_dropped() -> None:
    data = wire_of(NAME, "A", f"{NAME} 300 A 192.0.2.1", "www.bank.example. 86400 A 203.0.113.66")
    accepted = accept(data)
    assert ([NAME], 1) == ([s.name.to_text() for s in read(accepted).answer], understood(data).dropped)


def test_after_dropping_compressed_names_in_the_rest_are_still_right() -> None:
    lines = (
        f"{NAME} 300 CNAME store.example.net.",
        "evil.example. 5 A 203.0.113.1",
        "store.example.net. 200 MX 10 mail.example.net.",
    )
    accepted = accept(wire_of(NAME, "MX", *lines), "MX")
    assert ["store.example.net.", "10 mail.example.net."] == [r.to_text() for s in read(accepted).answer for r in s]
    assert ([300, 200], 200) == (ttls(accepted), accepted.keep)


def test_a_chain_out_of_order_is_followed() -> None:
    lines = (
        "c.example.org. 60 A 192.0.2.3",
        "b.example.org. 50 CNAME c.example.org.",
        f"{NAME} 40 CNAME b.example.org.",
    )
    data = wire_of(NAME, "A", *lines)
    accepted = accept(data)
    assert (3, 0, 40) == (len(read(accepted).answer), understood(data).dropped, accepted.keep)


def test_a_chain_longer_than_eleven_is_asked_for_in_pieces() -> None:
    lines = [f"{NAME} 60 CNAME n0.example."] + [f"n{n}.example. 60 CNAME n{n + 1}.example." for n in range(30)]
    found = understood(wire_of(NAME, "A", *lines, "n30.example. 60 A 192.0.2.1"))
    assert (11, read_name("n10.example")) == (len(found.resolved.links), found.resolved.onward)
    assert found.dropped > 0


def test_a_dname_above_the_question_belongs_to_it() -> None:
    lines = (
        "example.net. 90 DNAME example.org.",
        f"{NAME} 90 CNAME www.example.org.",
        "www.example.org. 90 A 192.0.2.4",
    )
    assert 0 == understood(wire_of(NAME, "A", *lines)).dropped


def test_a_negative_answer_lives_as_long_as_its_soa_allows() -> None:
    data = wire_of(NAME, "A", authority=(f"example.net. 900 SOA {SOA}",), rcode="NXDOMAIN")
    accepted = accept(data)
    assert (60, [60], 3) == (accepted.keep, ttls(accepted), accepted.rcode)


def test_the_ttl_of_the_soa_bounds_it_too() -> None:
    assert 30 == accept(wire_of(NAME, "A", authority=(f"example.net. 30 SOA {SOA}",))).keep


def test_the_users_bound_on_negative_answers_holds() -> None:
    data = wire_of(NAME, "A", authority=(f"example.net. 900 SOA {SOA}",))
    assert 10 == accept(data, limits=CacheSettings(negative_ttl=10)).keep


def test_a_negative_answer_without_soa_is_kept_no_longer_than_a_failure() -> None:
    assert [LIMITS.failure_ttl] * 2 == [
        accept(wire_of(NAME, "A", rcode=rcode)).keep for rcode in ("NXDOMAIN", "NOERROR")
    ]


def test_a_chain_that_just_ends_is_to_be_followed_and_kept_no_longer_than_its_parts() -> None:
    lines = (f"{NAME} 300 CNAME second.example.net.", "second.example.net. 20 CNAME gone.example.net.")
    data = wire_of(NAME, "A", *lines)
    assert (read_name("gone.example.net"), 20) == (understood(data).resolved.onward, accept(data).keep)


def test_no_such_name_at_the_end_of_a_chain_counts_only_with_an_soa() -> None:
    found = understood(wire_of(NAME, "A", f"{NAME} 300 CNAME gone.example.net.", rcode="NXDOMAIN"))
    assert read_name("gone.example.net") == found.resolved.onward


@pytest.mark.parametrize(
    "lines",
    [(f"{NAME} 300 CNAME {NAME}",), (f"{NAME} 300 CNAME b.example.net.", f"b.example.net. 300 CNAME {NAME}")],
    ids=["its own alias", "a circle"],
)
def test_a_circle_is_not_followed(lines: tuple[str, ...]) -> None:
    assert b"" == understood(wire_of(NAME, "A", *lines)).resolved.onward


def test_a_chain_with_an_end_is_not_followed() -> None:
    ends = (
        wire_of(NAME, "A", f"{NAME} 300 CNAME b.example.net.", "b.example.net. 300 A 192.0.2.1"),
        wire_of(NAME, "A", f"{NAME} 300 CNAME b.example.net.", authority=(f"example.net. 900 SOA {SOA}",)),
    )
    assert [b"", b""] == [understood(data).resolved.onward for data in ends]


def test_a_minimum_holds_for_negative_answers_too_and_their_maximum_for_it() -> None:
    data = wire_of(NAME, "A", authority=(f"example.net. 2 SOA {SOA}",))
    limits = (CacheSettings(minimum_ttl=10), CacheSettings(minimum_ttl=10, negative_ttl=5))
    assert [10, 5] == [accept(data, limits=limit).keep for limit in limits]


def test_ttl_0_stays_0_whatever_the_minimum() -> None:
    assert 0 == accept(wire_of(NAME, "A", f"{NAME} 0 A 192.0.2.1"), limits=CacheSettings(minimum_ttl=60)).keep


def test_a_chain_into_nothing_lives_no_longer_than_its_parts() -> None:
    data = wire_of(
        NAME, "A", f"{NAME} 20 CNAME gone.example.net.", authority=(f"example.net. 900 SOA {SOA}",), rcode="NXDOMAIN"
    )
    assert 20 == accept(data).keep


def test_long_times_are_cut_to_the_users_maximum() -> None:
    accepted = accept(wire_of(NAME, "A", f"{NAME} 9999999 A 192.0.2.1"))
    assert (86_400, [86_400]) == (accepted.keep, ttls(accepted))


def test_short_times_are_raised_to_the_users_minimum() -> None:
    accepted = accept(wire_of(NAME, "A", f"{NAME} 1 A 192.0.2.1"), limits=CacheSettings(minimum_ttl=60))
    assert (60, [60]) == (accepted.keep, ttls(accepted))


def test_a_ttl_with_its_top_bit_set_is_zero() -> None:
    data = bytearray(wire_of(NAME, "A", f"{NAME} 300 A 192.0.2.1"))
    at = accept(bytes(data)).ttl_offsets[0]
    data[at : at + 4] = b"\x80\0\0\1"
    accepted = accept(bytes(data))
    assert (0, [0]) == (accepted.keep, ttls(accepted))


def test_records_of_another_class_are_dropped() -> None:
    data = bytearray(wire_of(NAME, "A", f"{NAME} 300 A 192.0.2.1"))
    at = accept(bytes(data)).ttl_offsets[0]
    data[at - 1] = 3
    accepted = accept(bytes(data))
    assert (1, []) == (understood(bytes(data)).dropped, read(accepted).answer)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 199), st.integers(0, 255))
def test_no_bytes_make_it_raise(noise: bytes, at: int, value: int) -> None:
    data = bytearray(wire_of(NAME, "A", f"{NAME} 300 CNAME b.example.", "b.example. 300 A 192.0.2.1"))
    data[at % len(data)] = value
    for candidate in (noise, bytes(data), bytes(data[: at % len(data)])):
        verdict = judge(query_for(NAME), candidate, LIMITS)
        if isinstance(verdict, Accepted):
            assert query_for(NAME).key == parse_message(verdict.message).question


@pytest.mark.parametrize(
    ("rcode", "codes", "bogus"),
    [
        ("SERVFAIL", (ExtendedError.DNSSEC_BOGUS,), True),
        ("SERVFAIL", (ExtendedError.NETWORK_ERROR, ExtendedError.SIGNATURE_EXPIRED), True),
        ("SERVFAIL", (ExtendedError.NSEC_MISSING,), True),
        ("SERVFAIL", (ExtendedError.DNSSEC_INDETERMINATE, ExtendedError.CACHED_ERROR), False),
        ("SERVFAIL", (), False),
        ("REFUSED", (ExtendedError.DNSSEC_BOGUS,), False),
    ],
)
def test_a_failure_that_a_validator_explains_is_told_from_any_other(
    rcode: str, codes: tuple[int, ...], bogus: bool
) -> None:
    message = response(NAME, "A", rcode=rcode)
    message.use_edns(0, options=[dns.edns.EDEOption(code) for code in codes])
    assert bogus == reject(message.to_wire()).bogus
