import dns.edns
import dns.exception
import dns.message
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.dns.peek import peek
from wire.errors import Malformed

PLAIN = dns.message.make_query("WwW.eXample", "AAAA").to_wire()
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


def with_records(*records: bytes, tail: bytes = b"") -> bytes:
    return PLAIN[:10] + len(records).to_bytes(2, "big") + PLAIN[12:] + b"".join(records) + tail


def test_the_key_is_folded_and_the_question_is_as_spelled() -> None:
    seen = peek(PLAIN)
    assert b"\x03www\x07example\0\0\x1c\0\1" == seen.key
    assert b"\x03WwW\x07eXample\0\0\x1c\0\1" == seen.question
    assert (0x0100, None, None) == (seen.flags, seen.edns, seen.cookie)


def test_edns_is_read_with_its_options() -> None:
    cookie = dns.edns.GenericOption(10, b"12345678")
    query = dns.message.make_query("a.example", "A", want_dnssec=True, payload=4_096, options=[cookie])
    edns = peek(query.to_wire()).edns
    assert edns is not None
    assert (4_096, 0, True, b"12345678") == (edns.payload, edns.version, edns.do, edns.option(10))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN[:11], id="shorter than a header"),
        pytest.param(PLAIN[:12], id="no question"),
        pytest.param(PLAIN[:-1], id="question cut off"),
        pytest.param(PLAIN + b"\0", id="octets behind the question"),
        pytest.param(PLAIN[:4] + b"\0\0" + PLAIN[6:], id="QDCOUNT 0"),
        pytest.param(PLAIN[:4] + b"\0\2" + PLAIN[6:], id="QDCOUNT 2"),
        pytest.param(PLAIN[:6] + b"\0\1" + PLAIN[8:], id="ANCOUNT 1"),
        pytest.param(PLAIN[:8] + b"\0\1" + PLAIN[10:], id="NSCOUNT 1"),
        pytest.param(PLAIN[:10] + b"\xff\xff" + PLAIN[12:], id="ARCOUNT 65535"),
        pytest.param(PLAIN[:12] + b"\xc0\x0c\0\1\0\1", id="compressed question"),
        pytest.param(PLAIN[:12] + b"\x40" + bytes(64) + b"\0\0\1\0\1", id="label of 64"),
        pytest.param(PLAIN[:12] + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1", id="name of 257"),
        pytest.param(with_records(OPT, OPT), id="two OPT"),
        pytest.param(with_records(b"\1a" + OPT), id="OPT not at the root"),
        pytest.param(with_records(OPT[:-1]), id="OPT cut off"),
        pytest.param(with_records(OPT[:-2] + b"\0\4"), id="OPT data cut off"),
        pytest.param(with_records(OPT[:-2] + b"\0\4\0\x0a\0\1"), id="option cut off"),
        pytest.param(with_records(OPT, tail=b"\0"), id="octets behind the OPT"),
        pytest.param(with_records(OPT[:-2] + b"\x01\x94" + b"\xfe\xfe\0\0" * 101), id="101 options"),
    ],
)
def test_what_is_no_query_of_one_question_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        peek(data)


def test_a_name_of_255_octets_is_a_name() -> None:
    name = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"
    assert 255 == len(name)
    assert name == peek(PLAIN[:12] + name + b"\0\1\0\1").key[:-4]


@given(st.binary(max_size=120))
def test_any_octets_are_a_query_or_malformed(data: bytes) -> None:
    try:
        seen = peek(data)
    except Malformed:
        return
    assert seen.key == seen.question[:-4].lower() + seen.question[-4:]


@given(st.integers(0, len(PLAIN) + len(OPT) + 11), st.integers(0, 255))
def test_what_peek_takes_dnspython_reads_the_same_way(at: int, octet: int) -> None:
    """The other implementation as the oracle, on a query with one octet changed."""
    data = bytearray(with_records(OPT[:-2] + b"\0\x0c\0\x0a\0\x0812345678"))
    data[min(at, len(data) - 1)] = octet
    try:
        seen = peek(bytes(data))
    except Malformed:
        return
    try:
        theirs = dns.message.from_wire(bytes(data), ignore_trailing=False)
    except (dns.exception.DNSException, ValueError):
        return
    if theirs.opcode() == 0 and theirs.question:
        assert seen.key[:-4] == theirs.question[0].name.canonicalize().to_wire()
        assert (seen.edns is not None) == (theirs.edns >= 0)
