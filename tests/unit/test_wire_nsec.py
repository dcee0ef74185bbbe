import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.dns.names import read_name
from wire.dns.nsec import Nsec, Nsec3, Types, parse_nsec, parse_nsec3, parse_types
from wire.errors import Malformed

RFC_4034_4_3 = "host.example.com. A MX RRSIG NSEC TYPE1234"


def test_the_example_of_rfc_4034_4_3_is_read() -> None:
    data = dns.rdata.from_text("IN", "NSEC", RFC_4034_4_3).to_wire()
    found = parse_nsec(data)
    assert read_name("host.example.com.") == found.next
    assert [1, 15, 46, 47, 1234] == [rrtype for rrtype in range(65_536) if rrtype in found.types]
    assert 5 == len(found.types)


def test_the_next_name_is_folded() -> None:
    assert Nsec(b"\3www\0", Types({})) == parse_nsec(b"\3WwW\0")


def test_a_compressed_next_name_is_refused() -> None:
    with pytest.raises(Malformed, match="does not go back"):
        parse_nsec(b"\1a\xc0\x00")


@given(st.sets(st.integers(0, 65_535), max_size=40))
def test_a_bitmap_holds_what_dnspython_put_in(types: set[int]) -> None:
    text = "x. " + " ".join(f"TYPE{rrtype}" for rrtype in types - {0})
    found = parse_nsec(dns.rdata.from_text("IN", "NSEC", text).to_wire()).types
    assert len(types - {0}) == len(found)
    assert all(rrtype in found for rrtype in types - {0})
    assert not any(rrtype + 1 in found for rrtype in types if rrtype + 1 not in types)


@pytest.mark.parametrize(
    "data",
    [b"\0", b"\0\0", b"\0\x21" + bytes(33), b"\0\2\1", b"\1\1\1\0\1\1", b"\0\1\1\0\1\1"],
    ids=["cut off", "empty block", "33 octets", "too few", "windows fall", "window twice"],
)
def test_a_bitmap_out_of_bounds_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_types(data, 0)


def test_an_nsec3_is_read() -> None:
    data = dns.rdata.from_text("IN", "NSEC3", "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY").to_wire()
    found = parse_nsec3(data)
    assert Nsec3(1, 1, 12, bytes.fromhex("aabbccdd"), data[10:30], found.types) == found
    assert (True, True, False) == tuple(rrtype in found.types for rrtype in (15, 48, 1))


@pytest.mark.parametrize(
    "data",
    [b"", bytes(4), b"\1\0\0\0\0", b"\1\0\0\0\2aa", b"\1\0\0\0\0\0", b"\1\0\0\0\0\3ab"],
    ids=["empty", "no salt length", "no hash length", "salt to the end", "empty hash", "hash cut off"],
)
def test_an_nsec3_out_of_bounds_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_nsec3(data)
