"""What `front` needs to know of a query, read without parsing it whole."""

import struct
from typing import NamedTuple

from wire.dns.codes import EdnsOption, RecordType
from wire.dns.edns import Edns, parse_opt
from wire.dns.names import MAX_LABEL, skip_name
from wire.errors import Malformed

_COUNTS = struct.Struct("!HHHHH")
_FIXED = struct.Struct("!HHIH")
_HEADER = 12
_OPT = int(RecordType.OPT)
_new = tuple.__new__
"""See `wire/dns/message.py`."""
MAX_ADDITIONAL = 4
"""A query has an OPT and perhaps a TSIG or SIG(0); more records than this are refused."""


class Peek(NamedTuple):
    """A query at a glance.

    `flags` is the header's second word; `question` the name as spelled, type and class; `key` the same, folded. `edns`
    is None if there is no OPT.
    """

    flags: int
    key: bytes
    question: bytes
    edns: Edns | None

    @property
    def cookie(self) -> bytes | None:
        """The COOKIE option's content, unchecked."""
        return None if self.edns is None else self.edns.option(EdnsOption.COOKIE)


def peek(data: bytes) -> Peek:
    """Look at a query of one question, no answer and no authority records. Raises Malformed."""
    if len(data) < _HEADER:
        raise Malformed("shorter than a header", len(data))
    flags, questions, answers, authorities, additionals = _COUNTS.unpack_from(data, 2)
    if questions != 1 or answers or authorities or additionals > MAX_ADDITIONAL:
        raise Malformed("not a query with one question", 4)
    at = _question_end(data)
    question = data[_HEADER:at]
    key = question[:-4].lower() + question[-4:]
    if not additionals:
        if at != len(data):
            raise Malformed("octets after the question", at)
        return _new(Peek, (flags, key, question, None))
    return _new(Peek, (flags, key, question, _find_opt(data, at, additionals)))


def _question_end(data: bytes) -> int:
    at, end = _HEADER, len(data)
    while at < end and (length := data[at]):
        if length > MAX_LABEL:
            raise Malformed("label type not in use in a question", at)
        at += 1 + length
    at += 5
    if at > end or at - 4 - _HEADER > 255:
        raise Malformed("question cut off or too long", _HEADER)
    return at


def _find_opt(data: bytes, at: int, count: int) -> Edns | None:
    edns, end = None, len(data)
    for _ in range(count):
        start = at
        at = skip_name(data, at)
        if at + 10 > end:
            raise Malformed("record cut off", at)
        rrtype, payload, ttl, length = _FIXED.unpack_from(data, at)
        at += 10 + length
        if at > end:
            raise Malformed("record data cut off", at)
        if rrtype != _OPT:
            continue
        # > If a query message with more than one OPT RR is received, a FORMERR MUST be returned (RFC 6891 §6.1.1)
        if edns is not None or data[start]:
            raise Malformed("more than one OPT, or one that is not at the root", start)
        edns = parse_opt(payload, ttl, data[at - length : at])
    if at != end:
        raise Malformed("octets after the last record", at)
    return edns
