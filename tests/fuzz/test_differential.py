"""dnspython as the oracle: what it builds we read the same way, what we build it reads the same way.

Where the two differ on purpose, DIFFERENCES says so.
"""

import struct

import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from fuzz import corpus
from fuzz.mutate import mutate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from wire.dns.codes import RecordType
from wire.dns.edns import build_opt
from wire.dns.message import HEADER, Message, ResourceRecord, build_query, build_response, parse_message, rdata_name
from wire.dns.names import parse_name, read_name, show_name
from wire.dns.stamps import READABLE, Stamp, StampProtocol, build_stamp, read_stamp
from wire.errors import Malformed

quietly = settings(derandomize=True, deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))

ROOT = dns.name.root
LABEL = st.binary(min_size=1, max_size=63)
SHORT = st.binary(min_size=1, max_size=8)
NAME = st.lists(LABEL, max_size=6).filter(lambda labels: sum(len(label) + 1 for label in labels) < 255).map(tuple)
OWNER = st.lists(SHORT, max_size=4).map(lambda labels: dns.name.Name((*labels, b"www", b"Example", b"")))
OPTION = st.one_of(
    st.sampled_from(corpus.OPTIONS),
    st.builds(dns.edns.GenericOption, st.integers(65_001, 65_534), st.binary(max_size=40)),
)
EDIT = st.tuples(st.integers(0, 255), st.integers(0, 2**16), st.integers(0, 2**20))
NAMES_IN_RDATA = {"NS", "CNAME", "PTR", "DNAME"}


def record_set(owner: dns.name.Name, kind: str, ttl: int) -> dns.rrset.RRset:
    made = dns.rrset.from_text(owner, ttl, "IN", kind, *corpus.RDATA[kind])
    assert isinstance(made, dns.rrset.RRset)
    return made


RECORDS = st.lists(
    st.builds(record_set, OWNER, st.sampled_from(sorted(corpus.RDATA)), st.integers(0, 2**31 - 1)),
    max_size=6,
    unique_by=lambda made: (made.name, made.rdtype),
)


@st.composite
def built(draw: st.DrawFn) -> dns.message.Message:
    message = dns.message.Message(draw(st.integers(0, 65_535)))
    message.flags = draw(st.integers(0, 15)) << 7 | draw(st.sampled_from([0, 0x20, 0x10])) | 0x8000
    kind = draw(st.one_of(st.sampled_from([1, 2, 5, 6, 28, 65, 255]), st.integers(256, 65_535)))
    rrclass = draw(st.sampled_from([1, 3, 255]))
    message.question.append(dns.rrset.RRset(dns.name.Name((*draw(NAME), b"")), rrclass, kind))
    message.answer, message.authority, message.additional = draw(RECORDS), draw(RECORDS), draw(RECORDS)
    if draw(st.booleans()):
        message.use_edns(0, draw(st.sampled_from([0, 0x8000])), draw(st.integers(0, 65_535)), options=draw(
            st.lists(OPTION, max_size=8)))  # fmt: skip
    message.set_rcode(draw(st.integers(0, 4_095 if message.opt else 15)))
    return message


def read_by_oracle(wire: bytes) -> dns.message.Message:
    return dns.message.from_wire(wire, one_rr_per_rrset=True)


def assert_same(theirs: dns.message.Message, ours: Message, *, rdata: bool = True) -> None:
    """Question, counts, owners, types, classes, TTLs, OPT, and the span of every record's data."""
    (asked,) = theirs.question
    assert asked.name.to_wire() + struct.pack("!HH", asked.rdtype, asked.rdclass) == ours.question
    assert (theirs.id, int(theirs.rcode())) == (ours.identifier, ours.rcode)
    assert theirs.flags == ours.flags
    for expected, found in (
        (theirs.answer, ours.answer),
        (theirs.authority, ours.authority),
        (theirs.additional, ours.additional),
    ):
        assert [folded(one.name) for one in expected] == [record.owner for record in found]
        assert [(int(one.rdtype), int(one.rdclass), one.ttl) for one in expected] == [
            (record.rrtype, record.rrclass, record.ttl) for record in found
        ]
        if rdata:
            for one, record in zip(expected, found, strict=True):
                length = record.rdata_end - record.rdata_start
                read = dns.rdata.from_wire(one.rdclass, one.rdtype, ours.data, record.rdata_start, length)
                assert one[0] == read
                if dns.rdatatype.to_text(one.rdtype) in NAMES_IN_RDATA:
                    assert folded(one[0].target) == rdata_name(ours, record)
    assert_same_opt(theirs, ours)


def assert_same_opt(theirs: dns.message.Message, ours: Message) -> None:
    if theirs.opt is None:
        assert ours.edns is None
        return
    assert ours.edns is not None
    assert (theirs.payload, theirs.edns) == (ours.edns.payload, ours.edns.version)
    assert bool(theirs.ednsflags & 0x8000) == ours.edns.do
    assert [int(option.otype) for option in theirs.options] == [code for code, _ in ours.edns.options]


def folded(name: dns.name.Name) -> bytes:
    return name.canonicalize().to_wire()


@quietly
@given(built())
def test_what_dnspython_builds_we_read_as_it_does(message: dns.message.Message) -> None:
    wire = message.to_wire(max_size=65_535)
    ours = parse_message(wire)
    assert_same(read_by_oracle(wire), ours)
    if message.opt is not None:
        assert [(int(o.otype), o.to_wire()) for o in message.options] == list(ours.edns.options if ours.edns else ())


@pytest.mark.parametrize("kind", sorted(corpus.RDATA))
@pytest.mark.parametrize("edns", [False, True])
def test_every_kind_of_record_is_read_as_dnspython_reads_it(kind: str, edns: bool) -> None:
    wire = corpus.response(kind, edns=edns).to_wire()
    assert_same(read_by_oracle(wire), parse_message(wire))


REFUSALS = {
    "not exactly one question",
    "EDNS options cut off or too many",
    "more than one OPT, or one that is not at the root",
    "label type not in use in a question",
    "question cut off or too long",
}
"""What we say of mutated messages that dnspython takes; each is a row of DIFFERENCES or follows from one."""


@settings(quietly, max_examples=1_500)
@given(st.sampled_from(corpus.messages()), st.lists(EDIT, min_size=1, max_size=3))
def test_a_mutated_message_that_both_take_is_read_the_same(wire: bytes, edits: list[tuple[int, int, int]]) -> None:
    wire = mutate(wire, edits)
    try:
        theirs = read_by_oracle(wire)
    except (dns.exception.DNSException, ValueError, NotImplementedError, struct.error):
        assume(False)
        return
    ours, why = None, ""
    try:
        ours = parse_message(wire)
    except Malformed as error:
        why = error.what
    if ours is None:
        assert why in REFUSALS
        return
    if not theirs.flags & 0x7800 and theirs.tsig is None:
        assert_same(theirs, ours, rdata=False)


# --- where we differ on purpose ---------------------------------------------------------------------------------------

QUESTION = b"\x03www\x07example\0\0\1\0\1"
FIXED_A = b"\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
NAMED_A = b"\xc0\x0c" + FIXED_A
OPT = build_opt(1232, False, [])
TSIG = b"\3key\0\0\xfa\0\xff\0\0\0\0\0\3abc"


def message(counts: tuple[int, int, int, int], *parts: bytes, flags: int = 0x8180) -> bytes:
    return HEADER.pack(7, flags, *counts) + b"".join(parts)


def pointing(pointers: int) -> bytes:
    """The owner of the second record goes back over so many pointers; they stand in the data of the first."""
    start = 12 + len(QUESTION) + 11
    hops = b"\xc0\x0c" + b"".join((0xC000 | start + 2 * n).to_bytes(2, "big") for n in range(pointers - 2))
    first = b"\0\0\x0a\0\1\0\0\0\0" + len(hops).to_bytes(2, "big") + hops
    last = (0xC000 | start + len(hops) - 2).to_bytes(2, "big")
    return message((1, 2, 0, 0), QUESTION, first, last, FIXED_A)


DIFFERENCES = [
    # what, the message, whether we take it, whether dnspython does
    ("a response without a question", message((0, 0, 0, 0)), False, True),
    ("two questions", message((2, 0, 0, 0), QUESTION, QUESTION), False, True),
    ("101 EDNS options", message((1, 0, 0, 1), QUESTION, build_opt(1232, False, [(65_001, b"")] * 101)), False, True),
    ("a question whose name points back", message((1, 0, 0, 0), b"\xc0\x02\0\1\0\1", flags=0x0100), False, True),
    ("data that its type does not allow", message((1, 1, 0, 0), QUESTION, NAMED_A[:11] + b"\3abc"), True, False),
    ("TSIG that is no TSIG", message((1, 0, 0, 1), QUESTION, TSIG), True, False),
    # here for the record: both refuse
    ("octets after the last record", message((1, 1, 0, 0), QUESTION, NAMED_A, b"\0"), False, False),
    ("OPT in the answer section", message((1, 1, 0, 0), QUESTION, OPT), False, False),
    ("OPT in the authority section", message((1, 0, 1, 0), QUESTION, OPT), False, False),
    ("two OPT", message((1, 0, 0, 2), QUESTION, OPT, OPT), False, False),
    ("OPT that is not at the root", message((1, 0, 0, 1), QUESTION, b"\xc0\x0c" + OPT[1:]), False, False),
    ("more records than there are", message((1, 2, 0, 0), QUESTION, NAMED_A), False, False),
    ("seventeen compression pointers", pointing(17), False, False),
    # and both take
    ("sixteen compression pointers", pointing(16), True, True),
]


@pytest.mark.parametrize(("what", "wire", "ours", "theirs"), DIFFERENCES, ids=[row[0] for row in DIFFERENCES])
def test_we_and_dnspython_differ_where_the_table_says_so(what: str, wire: bytes, ours: bool, theirs: bool) -> None:
    assert (ours, theirs) == (takes(wire), oracle_takes(wire))


def takes(wire: bytes) -> bool:
    try:
        parse_message(wire)
    except Malformed:
        return False
    return True


def oracle_takes(wire: bytes) -> bool:
    try:
        read_by_oracle(wire)
    except dns.exception.DNSException:
        return False
    return True


def test_a_ttl_with_its_top_bit_set_is_zero() -> None:
    """RFC 2181 §8; dnspython's view is asked for in the differential test by staying below 2**31."""
    wire = message((1, 1, 0, 0), QUESTION, b"\xc0\x0c\0\1\0\1\x80\0\0\x3c\0\4\xc0\0\2\1")
    assert [0] == [record.ttl for record in parse_message(wire).answer]


# --- what we build ----------------------------------------------------------------------------------------------------

TEXT_NAME = st.lists(st.sampled_from(["a", "www", "example", "net", "mail", "x" * 49]), max_size=5).map(
    lambda labels: read_name(".".join(labels))
)
BUILT_RECORD = st.builds(
    ResourceRecord,
    TEXT_NAME,
    st.sampled_from([16, 65_280, 65_281]),
    st.just(1),
    st.integers(0, 2**31 - 1),
    st.binary(max_size=60).map(lambda data: bytes((len(data),)) + data),
)


@quietly
@given(
    TEXT_NAME,
    st.integers(1, 255),
    st.integers(0, 10),
    st.lists(BUILT_RECORD, max_size=12),
    st.lists(BUILT_RECORD, max_size=4),
)
def test_a_response_we_build_is_read_back_by_dnspython(
    name: bytes, kind: int, rcode: int, answer: list[ResourceRecord], authority: list[ResourceRecord]
) -> None:
    made = build_response(name + bytes((0, kind, 0, 1)), 0x0180, rcode, answer, authority)
    theirs = read_by_oracle(made.message)
    assert (0, 0x8180 | rcode) == (theirs.id, theirs.flags)
    assert name == theirs.question[0].name.to_wire()
    for expected, found in ((answer, theirs.answer), (authority, theirs.authority)):
        assert [(r.owner, r.rrtype, r.rrclass, r.ttl, r.rdata) for r in expected] == [
            (one.name.to_wire(), int(one.rdtype), int(one.rdclass), one.ttl, one[0].to_wire()) for one in found
        ]
    offsets = made.ttl_offsets
    assert [record.ttl for record in (*answer, *authority)] == [
        int.from_bytes(made.message[at : at + 4], "big") for at in offsets
    ]
    assert_same(theirs, parse_message(made.message))


@quietly
@given(
    NAME,
    st.integers(1, 65_535).filter(lambda kind: kind != RecordType.OPT),
    st.sampled_from([0x0100, 0x0110]),
    st.integers(512, 65_535),
    st.booleans(),
    st.lists(st.tuples(st.integers(65_001, 65_534), st.binary(max_size=50)), max_size=6),
)
def test_a_query_we_build_is_read_back_by_dnspython(
    labels: tuple[bytes, ...], kind: int, flags: int, payload: int, do: bool, options: list[tuple[int, bytes]]
) -> None:
    name = dns.name.Name((*labels, b""))
    question = folded(name) + kind.to_bytes(2, "big") + b"\0\1"
    theirs = read_by_oracle(build_query(question, flags, build_opt(payload, do, options)))
    assert (0, flags, payload, 0) == (theirs.id, theirs.flags, theirs.payload, theirs.edns)
    assert (name, kind) == (theirs.question[0].name, int(theirs.question[0].rdtype))
    assert options == [(int(option.otype), option.to_wire()) for option in theirs.options]
    assert (0x8000 if do else 0) == theirs.ednsflags
    assert ([], [], []) == (theirs.answer, theirs.authority, theirs.additional)


def test_a_query_without_an_opt_has_none_for_dnspython_either() -> None:
    assert dns.message.from_wire(build_query(QUESTION, 0x0100)).opt is None


# --- names ------------------------------------------------------------------------------------------------------------


@quietly
@given(NAME)
def test_a_name_is_shown_as_dnspython_shows_it_and_read_back(labels: tuple[bytes, ...]) -> None:
    name = dns.name.Name((*labels, b""))
    wire = folded(name)
    assert name.canonicalize().to_text() == show_name(wire)
    assert wire == read_name(show_name(wire))
    assert (wire, len(wire)) == parse_name(name.to_wire(), 0)


@settings(quietly, max_examples=1_500)
@given(st.text(st.sampled_from("ab\\\\..0129@ Z-_$()\"'\x7f\x00"), max_size=14))
def test_text_is_a_name_for_us_if_it_is_one_for_dnspython(text: str) -> None:
    assume(text != "@")  # the origin, for dnspython; a label here, for there is no zone file
    try:
        expected: bytes | None = folded(dns.name.from_text(text, ROOT))
    except (dns.exception.DNSException, ValueError):
        expected = None
    try:
        found: bytes | None = read_name(text)
    except ValueError:
        found = None
    assert expected == found


def test_an_at_sign_is_a_label() -> None:
    assert b"\1@\0" == read_name("@")


@quietly
@given(st.binary(min_size=1, max_size=300), st.integers(0, 299))
def test_octets_are_a_name_for_us_if_they_are_one_for_dnspython(data: bytes, at: int) -> None:
    at %= len(data)
    try:
        name, used = dns.name.from_wire(data, at)
        expected: tuple[bytes, int] | None = (folded(name), at + used)
    except dns.exception.DNSException:
        expected = None
    try:
        found: tuple[bytes, int] | None = parse_name(data, at)
    except Malformed:
        found = None
    assert expected == found


# --- stamps -----------------------------------------------------------------------------------------------------------

ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(tuple)
BOOTSTRAP = st.lists(st.text(st.sampled_from("0123456789.:[]"), min_size=1, max_size=20), max_size=3).map(tuple)
PROPERTIES = st.integers(0, 2**64 - 1)
STAMP = st.one_of(
    st.builds(Stamp, st.just(StampProtocol.PLAIN), PROPERTIES, ASCII),
    st.builds(Stamp, st.just(StampProtocol.DOT), PROPERTIES, ASCII, HASHES, ASCII, st.just(""), BOOTSTRAP),
    st.builds(Stamp, st.just(StampProtocol.DOH), PROPERTIES, ASCII, HASHES, ASCII, ASCII, BOOTSTRAP),
)


@quietly
@given(STAMP)
def test_a_stamp_is_read_back_as_it_was_built(stamp: Stamp) -> None:
    assert stamp == read_stamp(build_stamp(stamp))
    assert stamp.protocol in READABLE


@quietly
@given(STAMP, st.integers(7, 500), st.characters(max_codepoint=0x2FF))
def test_a_stamp_with_another_letter_is_read_or_refused_with_a_text(stamp: Stamp, at: int, letter: str) -> None:
    text = build_stamp(stamp)
    at = 7 + at % (len(text) - 7)
    why = "read"
    try:
        read_stamp(text[:at] + letter + text[at + 1 :])
    except ValueError as error:
        why = str(error)
    assert why
