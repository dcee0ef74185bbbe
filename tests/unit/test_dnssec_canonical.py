"""Canonical form against dnspython and the RFCs, and the parsers of what signs."""

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.dnssec.canonical import canonical_data, canonical_rdata, canonical_records
from wire.dns.signing import key_tag, parse_dnskey, parse_ds, parse_rrsig
from wire.errors import Malformed

SAMPLES = {
    "A": ["192.0.2.1", "192.0.2.200", "10.0.0.1"],
    "NS": ["NS1.Example.", "a.example."],
    "CNAME": ["TARGET.www.Example."],
    "SOA": ["Ns1.example. Host.Example. 1 7200 3600 1209600 300"],
    "PTR": ["Host.Example."],
    "HINFO": ['"RFC8482" "UPPER"'],
    "MX": ["10 Mail.www.example.", "20 MX.example.net.", "5 z.example."],
    "TXT": ['"v=SPF1 -all" "second"', '"V"', '""'],
    "RP": ["Host.Example. TXT.example."],
    "AFSDB": ["1 AFS.example."],
    "RT": ["1 Route.example."],
    "PX": ["1 MAP.example. Map2.example."],
    "SRV": ["0 5 853 DOT.example."],
    "NAPTR": ['100 10 "S" "SIP+D2U" "!X!Y!" _SIP._udp.Example.'],
    "KX": ["10 KX.example."],
    "DNAME": ["Example.NET."],
    "NSEC": ["B.Example. A AAAA RRSIG NSEC"],
    "SVCB": ["1 DOT.example. alpn=dot port=853"],
    "CAA": ['0 issue "CA.example"'],
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_an_rrset_in_canonical_form_is_what_dnspython_makes_of_it(kind: str) -> None:
    rrset = dns.rrset.from_text("www.example.", 300, "IN", kind, *SAMPLES[kind])
    rdatas = tuple(rdata.to_wire() for rdata in rrset)
    signature = dns.rdata.from_text("IN", "RRSIG", f"{kind} 13 2 3600 20300101000000 20200101000000 1 example. AAAA")
    oracle = dns.dnssec._make_rrsig_signature_data(rrset, signature)  # type: ignore[arg-type]
    head = parse_rrsig(signature.to_wire()).head
    assert oracle == head + canonical_records(
        rrset.name.to_wire(), int(rrset.rdtype), 3600, canonical_data(int(rrset.rdtype), rdatas)
    )


@pytest.mark.parametrize("rrtype", [24, 30, 46])
def test_old_types_with_names_are_lowered_too(rrtype: int) -> None:
    prefix = b"" if rrtype == 30 else bytes(18)
    assert prefix + b"\3abc\0\1" == canonical_rdata(rrtype, prefix + b"\3aBC\0\1")


def test_the_next_name_of_an_nsec_and_what_nobody_knows_keep_their_case() -> None:
    """RFC 6840 §5.1, RFC 3597 §7."""
    assert canonical_rdata(47, b"\1B\0\0\1\x40") == b"\1B\0\0\1\x40"
    assert canonical_rdata(65280, b"\1B\0") == b"\1B\0"


def test_equal_records_are_signed_once_and_the_shorter_of_two_comes_first() -> None:
    records = canonical_records(b"\0", 16, 1, canonical_data(16, (b"\2ab", b"\1b", b"\2ab")))
    assert records == b"".join(b"\0\0\x10\0\1\0\0\0\1\0" + bytes((len(r),)) + r for r in (b"\1b", b"\2ab"))


@pytest.mark.parametrize(
    ("rrtype", "rdata"),
    [(2, b"\3ab"), (15, b"\0\1\xc0\0"), (35, b"\0\1\0\1\5S"), (6, b"\0"), (35, b"\0\1\0\1\1S\1T\1U"), (2, b"")],
)
def test_data_whose_names_cannot_be_read_or_are_compressed_are_malformed(rrtype: int, rdata: bytes) -> None:
    with pytest.raises(Malformed):
        canonical_rdata(rrtype, rdata)


RFC_4034_KEY = (
    "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+"
    "X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="
)


def test_the_key_tag_of_rfc4034_section_5_4() -> None:
    assert key_tag(dns.rdata.from_text("IN", "DNSKEY", RFC_4034_KEY).to_wire()) == 60485


@given(st.binary(min_size=4, max_size=600))
def test_a_key_tag_is_the_one_of_the_reference_code_in_rfc4034_appendix_b(rdata: bytes) -> None:
    total = sum(octet if place & 1 else octet << 8 for place, octet in enumerate(rdata))
    total += total >> 16 & 0xFFFF
    assert total & 0xFFFF == key_tag(rdata)


@pytest.mark.parametrize("cut", range(4))
def test_a_key_or_ds_without_its_data_is_malformed(cut: int) -> None:
    for parse in (parse_dnskey, parse_ds):
        with pytest.raises(Malformed):
            parse(bytes(cut))


SIGNATURE = bytes(18) + b"\7Example\0" + b"signature"


def test_a_signature_reads_back_and_its_signer_is_signed_in_lower_case() -> None:
    found = parse_rrsig(SIGNATURE)
    assert found.signer == b"\7example\0"
    assert found.head == bytes(18) + b"\7example\0"
    assert found.signature == b"signature"


@pytest.mark.parametrize(
    "data", [b"", SIGNATURE[:17], SIGNATURE[:20], SIGNATURE[:27], bytes(18) + b"\0", bytes(18) + b"\xc0\0x"]
)
def test_a_signature_that_is_cut_off_or_compressed_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_rrsig(data)
