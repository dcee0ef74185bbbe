"""Whole messages: a bounded walk over every record, and the few forms that we build (RFC 1035 §4.1)."""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from wire.dns.codes import RecordType
from wire.dns.edns import MAX_OPTIONS, Edns, parse_opt
from wire.dns.names import MAX_LABEL, Known, parse_name, parse_shared_name
from wire.errors import Malformed

HEADER = struct.Struct("!6H")
_FIXED = struct.Struct("!HHIH")
_KIND = struct.Struct("!HH")
_QUESTION_AT = 12
_MIN_RECORD = 11
_TOP_BIT = 0x80000000
_MAX_MESSAGE = 65_535
_OPT, _RRSIG = int(RecordType.OPT), int(RecordType.RRSIG)
_IN = 1
_USUAL, _WHAT_KIND = 0x8000, 0x8000 | 0x7800 | 0x0200 | 0x000F
"""QR, OPCODE, TC and RCODE: a response to a query, whole, without an error."""
_TO_THE_QUESTION = b"\xc0\x0c"
"""A compressed name: that of the question."""
_ONE, _ONE_OR_NONE = (1,), (1, 0)
_new = tuple.__new__
"""Makes a named tuple without the call of a Python function that its own name is: a message has many records."""

NAMED = frozenset((2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 17, 18, 21, 26, 33, 39))
"""Types in whose data stand names that may be compressed: `wire/dns/rdata.py` says where."""
_NEVER_PLAIN = NAMED | {_OPT, _RRSIG}

MESSAGES_KEPT = 16
"""Responses as they were read: so many may come at once before their turn. What is let go of soon is where the
next one is read into, while the processor still has it at hand."""


class Record(NamedTuple):
    """One resource record by its place in the message; `owner` is folded."""

    owner: bytes
    rrtype: int
    rrclass: int
    ttl: int
    ttl_offset: int
    rdata_start: int
    rdata_end: int


class Message(NamedTuple):
    """A message as walked.

    `flags` is the header's second word, `rcode` includes the OPT's upper bits, `question` is name, type and class as
    the sender spelled them. `additional_start` is the offset behind the authority section; OPT is in `edns` only.
    """

    data: bytes
    identifier: int
    flags: int
    rcode: int
    question: bytes
    answer: list[Record]
    authority: list[Record]
    additional: list[Record]
    additional_start: int
    edns: Edns | None


class Plain(NamedTuple):
    """The usual answer: an RRset of the name, type and class asked for, and what signs it. `question` is folded; `ttl` the
    lowest, seconds; `options`: whether its OPT has any."""

    question: bytes
    rrtype: int
    ttl: int
    rdatas: tuple[bytes, ...]
    signatures: tuple[bytes, ...]
    options: bool


class ResourceRecord(NamedTuple):
    """A record to build; `owner` folded, `rdata` uncompressed."""

    owner: bytes
    rrtype: int
    rrclass: int
    ttl: int
    rdata: bytes


class Built(NamedTuple):
    """A message we made, with the offset of each TTL field."""

    message: bytes
    ttl_offsets: tuple[int, ...]


def parse_message(data: bytes) -> Message:
    """Walk a whole message with exactly one question. Raises Malformed, also for octets after the last record."""
    return _parse(data, _ONE)


@lru_cache(MESSAGES_KEPT)
def parse_received(data: bytes) -> Message:
    """As `parse_message`, of what an upstream sent. The transport looks at it before it is taken for an answer, and then
    whoever asked does: both read the same one."""
    return _parse(data, _ONE)


@lru_cache(MESSAGES_KEPT)
def read_plain(data: bytes) -> Plain | None:
    """What a received message says, if it is the usual answer and nothing else: one that `parse_received` would read too, whose
    records are all of one RRset that the question names, and no name is in their data. None: read it whole. Raises Malformed,
    where that does."""
    return _read_plain(data)


def _read_plain(data: bytes) -> Plain | None:
    end = len(data)
    if end < _QUESTION_AT:
        return None
    _, flags, questions, answers, authorities, additionals = HEADER.unpack_from(data)
    if flags & _WHAT_KIND != _USUAL or questions != 1 or not answers or authorities or additionals > 1:
        return None
    question, at = _parse_question(data)
    rrtype, rrclass = _KIND.unpack_from(data, at - _KIND.size)
    if rrclass != _IN or rrtype in _NEVER_PLAIN:
        return None
    rdatas: list[bytes] = []
    signatures: list[bytes] = []
    least = _TOP_BIT
    for _ in range(answers):
        if at + 12 > end or data[at : at + 2] != _TO_THE_QUESTION:
            return None
        kind, rrclass, ttl, length = _FIXED.unpack_from(data, at + 2)
        at += 12
        stop = at + length
        if stop > end or rrclass != _IN:
            return None
        if kind == rrtype:
            rdatas.append(data[at:stop])
        elif kind == _RRSIG and length > 1 and data[at] << 8 | data[at + 1] == rrtype:
            signatures.append(data[at:stop])
        else:
            return None
        least = min(least, 0 if ttl & _TOP_BIT else ttl)
        at = stop
    options = False
    if additionals:
        if at + _MIN_RECORD > end or data[at]:
            return None
        kind, _, ttl, length = _FIXED.unpack_from(data, at + 1)
        at += _MIN_RECORD
        if kind != _OPT or ttl >> 24 or not _are_options(data, at, at + length):
            return None
        options = length > 0
        at += length
    if at != end or not rdatas or _repeats(rdatas) or _repeats(signatures):
        return None
    key = question[:-4].lower() + question[-4:]
    return _new(Plain, (key, rrtype, least, tuple(rdatas), tuple(signatures), options))


def _are_options(data: bytes, at: int, stop: int) -> bool:
    """Whether `wire.dns.edns.parse_options` would read them."""
    if stop > len(data):
        return False
    count = 0
    while at < stop:
        if stop - at < 4 or count >= MAX_OPTIONS:
            return False
        count += 1
        at += 4 + (data[at + 2] << 8 | data[at + 3])
    return at == stop


def _repeats(datas: list[bytes]) -> bool:
    return len(datas) > 1 and len(set(datas)) < len(datas)


def parse_part(data: bytes) -> Message:
    """As `parse_message`, for the messages of a zone transfer: those after the first may lack the question (RFC 5936
    §2.2.1), which is empty then."""
    return _parse(data, _ONE_OR_NONE)


def _parse(data: bytes, allowed: tuple[int, ...]) -> Message:
    """`allowed` are the numbers of questions."""
    if len(data) < _QUESTION_AT:
        raise Malformed("shorter than a header", len(data))
    identifier, flags, questions, answers, authorities, additionals = HEADER.unpack_from(data)
    if questions not in allowed:
        raise Malformed("not exactly one question", 4)
    if (answers + authorities + additionals) * _MIN_RECORD > len(data):
        raise Malformed("more records than octets", 6)
    question, at = _parse_question(data) if questions else (b"", _QUESTION_AT)
    memo: Known = {_QUESTION_AT: (question[:-4].lower(), -1)} if questions else {}
    answer, at = _parse_records(data, at, answers, memo)
    authority, additional_start = _parse_records(data, at, authorities, memo)
    additional, at = _parse_records(data, additional_start, additionals, memo)
    if at != len(data):
        raise Malformed("octets after the last record", at)
    rcode, edns = flags & 15, None
    for section in (answer, authority):
        for record in section:
            if record.rrtype == _OPT:
                raise Malformed("OPT outside the additional section", at)
    opts = [record for record in additional if record.rrtype == _OPT]
    if opts:
        edns = _take_opt(data, opts)
        rcode |= edns.extended_rcode << 4
        additional = [record for record in additional if record.rrtype != _OPT] if len(additional) > 1 else []
    return Message(data, identifier, flags, rcode, question, answer, authority, additional, additional_start, edns)


def _parse_question(data: bytes) -> tuple[bytes, int]:
    """The question's octets and the offset behind it; its name cannot be compressed, nothing stands before it."""
    at, end = _QUESTION_AT, len(data)
    while at < end and (length := data[at]):
        if length > MAX_LABEL:
            raise Malformed("label type not in use in a question", at)
        at += 1 + length
    at += 5
    if at > end or at - 4 - _QUESTION_AT > 255:
        raise Malformed("question cut off or too long", _QUESTION_AT)
    return data[_QUESTION_AT:at], at


def _parse_records(data: bytes, at: int, count: int, memo: Known) -> tuple[list[Record], int]:
    """`count` records from `at`. `memo` maps offsets to names already read, so pointers to them cost nothing."""
    records: list[Record] = []
    if not count:
        return records, at
    end = len(data)
    unpack = _FIXED.unpack_from
    for _ in range(count):
        if at + _MIN_RECORD > end:
            raise Malformed("record cut off", at)
        first = data[at]
        if first >= 0xC0:
            found = memo.get((first & 0x3F) << 8 | data[at + 1])
            if found is not None:
                owner, at = found[0], at + 2
            else:
                owner, at = parse_shared_name(data, at, memo)
        else:
            owner, at = parse_shared_name(data, at, memo)
        if at + 10 > end:
            raise Malformed("record cut off", at)
        rrtype, rrclass, ttl, length = unpack(data, at)
        rdata = at + 10
        stop = rdata + length
        if stop > end:
            raise Malformed("record data cut off", rdata)
        # > an implementation should treat TTL values received with the most significant bit set as if the entire
        # > value received was zero (RFC 2181 §8); OPT uses the field for something else
        if ttl & _TOP_BIT and rrtype != _OPT:
            ttl = 0
        records.append(_new(Record, (owner, rrtype, rrclass, ttl, at + 4, rdata, stop)))
        at = stop
    return records, at


def _take_opt(data: bytes, found: list[Record]) -> Edns:
    if len(found) > 1 or found[0].owner != b"\0":
        raise Malformed("more than one OPT, or one that is not at the root", found[0].ttl_offset)
    record = found[0]
    return parse_opt(record.rrclass, record.ttl, data[record.rdata_start : record.rdata_end])


def rdata_name(message: Message, record: Record, known: Known | None = None) -> bytes:
    """The folded name that is the whole data of a CNAME, NS, PTR or DNAME; `known` as for `parse_shared_name`. Raises
    Malformed."""
    name, after = parse_shared_name(message.data, record.rdata_start, {} if known is None else known)
    if after != record.rdata_end:
        raise Malformed("record data is not one name", record.rdata_start)
    return name


def soa_minimum(message: Message, record: Record) -> int:
    """The MINIMUM field of an SOA, seconds (RFC 2308 §4). Raises Malformed."""
    _, at = parse_name(message.data, record.rdata_start)
    _, at = parse_name(message.data, at)
    if at + 20 != record.rdata_end:
        raise Malformed("SOA of the wrong length", record.rdata_start)
    return int.from_bytes(message.data[at + 16 : at + 20], "big")


def build_query(question: bytes, flags: int, opt: bytes = b"") -> bytes:
    """A query with id 0; `opt` is a whole OPT record or nothing."""
    return HEADER.pack(0, flags, 1, 0, 0, 1 if opt else 0) + question + opt


def build_response(
    question: bytes,
    flags: int,
    rcode: int,
    answer: Sequence[ResourceRecord],
    authority: Sequence[ResourceRecord] = (),
) -> Built:
    """A response with id 0 and no additional section; QR and the rcode are added to `flags`; owners are compressed.

    Raises Malformed if it comes out longer than a message can be: names that were compressed may have been written out.
    """
    out = bytearray(HEADER.pack(0, flags | 0x8000 | rcode & 15, 1, len(answer), len(authority), 0))
    out += question
    seen: dict[bytes, int] = {}
    _remember(seen, question[:-4].lower(), _QUESTION_AT)
    offsets = []
    for owner, rrtype, rrclass, ttl, rdata in (*answer, *authority):
        known = seen.get(owner)
        if known is None:
            _write_name(out, owner, seen)
        else:
            out += (0xC000 | known).to_bytes(2, "big")
        at = len(out)
        if at + _FIXED.size + len(rdata) > _MAX_MESSAGE:
            raise Malformed("longer than a message can be", at)
        offsets.append(at + 4)
        out += _FIXED.pack(rrtype, rrclass, ttl, len(rdata)) + rdata
    return Built(bytes(out), tuple(offsets))


def build_answer(
    question: bytes, flags: int, rrtype: int, ttl: int, rdatas: tuple[bytes, ...], signatures: tuple[bytes, ...]
) -> Built:
    """As `build_response`, without an error, of one RRset that the question (folded) names, class IN, and what signs it."""
    out = bytearray(HEADER.pack(0, flags | 0x8000, 1, len(rdatas) + len(signatures), 0, 0))
    out += question
    owner = _TO_THE_QUESTION if question[0] else b"\0"
    offsets = []
    kind = rrtype
    for datas in (rdatas, signatures):
        for rdata in datas:
            at = len(out) + len(owner)
            if at + _FIXED.size + len(rdata) > _MAX_MESSAGE:
                raise Malformed("longer than a message can be", at)
            offsets.append(at + 4)
            out += owner
            out += _FIXED.pack(kind, _IN, ttl, len(rdata))
            out += rdata
        kind = _RRSIG
    return Built(bytes(out), tuple(offsets))


def _remember(seen: dict[bytes, int], name: bytes, at: int) -> None:
    """Every suffix of a name written at `at` can be pointed at, as far as a pointer reaches. Those of a suffix that has been
    seen have been too."""
    while name[0] and at < 0x4000 and name not in seen:
        seen[name] = at
        at += 1 + name[0]
        name = name[1 + name[0] :]


def _write_name(out: bytearray, name: bytes, seen: dict[bytes, int]) -> None:
    start, rest = len(out), name
    while rest[0] and rest not in seen:
        rest = rest[1 + rest[0] :]
    head = name[: len(name) - len(rest)]
    out += head
    out += (0xC000 | seen[rest]).to_bytes(2, "big") if rest[0] else b"\0"
    _remember(seen, name, start)
