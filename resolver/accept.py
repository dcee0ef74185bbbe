"""What comes back is checked against the question, cut to what answers it, and its times are bounded. Pure."""

from dataclasses import dataclass
from enum import Enum

from resolver.settings import CacheSettings
from resolver.values import Query
from wire.dns.codes import BOGUS, EdnsOption, HeaderFlag, QueryFlag, Rcode, RecordClass, RecordType
from wire.dns.message import Message, Record, ResourceRecord, build_response, parse_message, rdata_name, soa_minimum
from wire.dns.names import ROOT, Known, parent, parse_shared_name, suffixes
from wire.errors import Malformed

MAX_CHAIN = 16
"""CNAME and DNAME records followed in one answer."""

# Plain numbers: enum arithmetic costs a microsecond each time.
_OPCODE = 0x7800
_QR, _TC = int(HeaderFlag.QR), int(HeaderFlag.TC)
ANSWER_FLAGS = int(HeaderFlag.QR | HeaderFlag.RD | HeaderFlag.RA)
ANSWER_FLAGS_CD = int(ANSWER_FLAGS | HeaderFlag.CD)
_DNAME, _RRSIG = int(RecordType.DNAME), int(RecordType.RRSIG)
_DO, _CD = int(QueryFlag.DO), int(QueryFlag.CD)
_USABLE = (int(Rcode.NOERROR), int(Rcode.NXDOMAIN))
_NAMES = {
    **dict.fromkeys((2, 3, 4, 5, 7, 8, 9, 12, 39), (0, 1)),  # NS MD MF CNAME MB MG MR PTR DNAME
    **dict.fromkeys((15, 18, 21), (2, 1)),  # MX AFSDB RT: a number before the name
    **dict.fromkeys((6, 14, 17), (0, 2)),  # SOA MINFO RP; the SOA's numbers follow
    26: (2, 2),  # PX
    33: (6, 1),  # SRV
}
"""Type → octets before the names in its data, and how many names."""

_BEHIND_NAMES = {6: 20}
"""Type → octets behind the names in its data: the five numbers of an SOA (RFC 1035 §3.3.13)."""

_IN, _CNAME, _SOA = int(RecordClass.IN), int(RecordType.CNAME), int(RecordType.SOA)
_TYPES_OF_PROOF = frozenset(map(int, (RecordType.SOA, RecordType.NSEC, RecordType.NSEC3)))
_TYPES_OF_REFERRAL = frozenset(map(int, (RecordType.NS, RecordType.DS)))
"""Usual beside an answer, but nobody who asks us needs them, and who caches them would ask whom a liar names."""


class Fault(Enum):
    """Why a response is not accepted. The first two are lies or noise, the others an honest 'no'."""

    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    TRUNCATED = "truncated"
    RCODE = "rcode"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A response that does not answer. `rcode` is what it said, where it said something; `bogus`: it said that the data
    are not genuine."""

    fault: Fault
    rcode: int = Rcode.SERVFAIL
    bogus: bool = False

    @property
    def lied(self) -> bool:
        """Whether the server gave what was never asked for."""
        return self.fault in (Fault.MALFORMED, Fault.MISMATCH)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An undressed answer (the layout of resolver.values.Reply.message). `keep` is for how many seconds it may be
    cached, 0 for not at all; `dropped` how many records had nothing to do with the question; `onward` the name whose records
    are missing: the answer ends with an alias to it."""

    message: bytes
    ttl_offsets: tuple[int, ...]
    rcode: int
    keep: int
    dropped: int = 0
    onward: bytes = b""


def judge(query: Query, data: bytes, limits: CacheSettings) -> Accepted | Rejected:
    """Whether `data` answers `query`. Its id is the transport's business. Cannot fail."""
    try:
        message = parse_message(data)
        fault = _fault(query, message)
        return fault if fault is not None else _accept(query, message, limits)
    except Malformed:
        return Rejected(Fault.MALFORMED)


def _fault(query: Query, message: Message) -> Rejected | None:
    if message.flags & (_QR | _OPCODE) != _QR:
        return Rejected(Fault.MALFORMED)
    if message.question[:-4].lower() + message.question[-4:] != query.key:
        return Rejected(Fault.MISMATCH)
    if message.rcode not in _USABLE:
        return Rejected(Fault.RCODE, message.rcode, _is_bogus(message))
    if message.flags & _TC:
        return Rejected(Fault.TRUNCATED)
    return None


def _is_bogus(message: Message) -> bool:
    options = message.edns.options if message.edns is not None and message.rcode == Rcode.SERVFAIL else ()
    codes = [int.from_bytes(content[:2], "big") for code, content in options if code == EdnsOption.EXTENDED_ERROR]
    return any(code in BOGUS for code in codes)


def _accept(query: Query, message: Message, limits: CacheSettings) -> Accepted:
    answer = _relevant(query.name, message)
    positive = any(record.rrtype == query.rrtype for record in answer)
    # A positive answer without DO needs no authority section; a negative one needs its SOA, a signed one its proofs.
    wants_authority = not positive or query.flags & _DO
    types = [_proven_type(message, r) if r.rrclass == _IN else -1 for r in message.authority]
    usual = sum(rrtype in _TYPES_OF_PROOF or rrtype in _TYPES_OF_REFERRAL for rrtype in types)
    dropped = len(message.answer) - len(answer) + len(message.authority) - usual
    authority = [r for r, t in zip(message.authority, types, strict=True) if t in _TYPES_OF_PROOF and wants_authority]
    soa = None if positive else next((r for r in authority if r.rrtype == _SOA), None)
    onward = b"" if positive or soa is not None else _onward(query.name, message)
    seconds = 0 if not positive and soa is None and not onward else _lifetime(message, answer, authority, soa, limits)
    most = seconds if soa is not None else limits.maximum_ttl
    least = limits.minimum_ttl if seconds else 0
    # Written anew, never cut out of what came: a pointer of a lying upstream's into the id or into a TTL would make
    # another name of an owner once those change.
    known: Known = {}
    built = build_response(
        query.key,
        ANSWER_FLAGS_CD if query.flags & _CD else ANSWER_FLAGS,
        message.rcode,
        [_rewritten(message, record, least, most, known) for record in answer],
        [_rewritten(message, record, least, most, known) for record in authority],
    )
    return Accepted(built.message, built.ttl_offsets, message.rcode, seconds, dropped, onward)


def _proven_type(message: Message, record: Record) -> int:
    """Its type; of a signature the type of what it signs (RFC 4034 §3.1.1)."""
    if record.rrtype != _RRSIG:
        return record.rrtype
    return int.from_bytes(message.data[record.rdata_start : min(record.rdata_start + 2, record.rdata_end)], "big")


def _rewritten(message: Message, record: Record, least: int, most: int, known: Known) -> ResourceRecord:
    """The record with its names written out, and its TTL within bounds."""
    owner, rrtype, rrclass, ttl, _, start, end = record
    rdata = message.data[start:end] if rrtype not in _NAMES else expand_rdata(message, record, known)
    return ResourceRecord(owner, rrtype, rrclass, min(max(ttl, least), most), rdata)


def expand_rdata(message: Message, record: Record, known: Known | None = None) -> bytes:
    """The record's data with every compressed name written out. Raises Malformed.

    Only the types of RFC 1035 and a few from before RFC 3597 §4 may compress; any other data is as it came. `known`: names
    by offset, one dictionary for all records of a message, or thousands that point to one long name would be dear.
    """
    known = {} if known is None else known
    prefix, names = _NAMES.get(record.rrtype, (0, 0))
    data, at = message.data, record.rdata_start + prefix
    parts = [data[record.rdata_start : at]]
    for _ in range(names):
        name, at = parse_shared_name(data, at, known)
        parts.append(name)
    # What is left: the numbers of an SOA, nothing in any other type with names. A "name" with more behind it would be taken
    # for another name further on.
    if names and record.rdata_end - at != _BEHIND_NAMES.get(record.rrtype, 0):
        raise Malformed("record data of the wrong length", record.rdata_start)
    return b"".join((*parts, data[at : record.rdata_end]))


def joined(query: Query, first: Accepted, second: bytes, lifetime: float) -> Accepted:
    """One answer of two: `first` ends with an alias, `second` is the undressed answer for its target, good for `lifetime`
    seconds. Raises Malformed if it is too long."""
    head, tail = parse_message(first.message), parse_message(second)
    built = build_response(
        query.key,
        head.flags,
        tail.rcode,
        [*_as_they_are(head, head.answer), *_as_they_are(tail, tail.answer)],
        _as_they_are(tail, tail.authority),
    )
    return Accepted(built.message, built.ttl_offsets, tail.rcode, min(first.keep, int(lifetime)))


def _as_they_are(message: Message, records: list[Record]) -> list[ResourceRecord]:
    known: Known = {}
    return [_rewritten(message, record, 0, record.ttl, known) for record in records]


def _relevant(name: bytes, message: Message) -> list[Record]:
    """The answer records on the chain from `name`, class IN; a chain out of order is followed too."""
    records = message.answer
    chain = {name}
    if all(record.owner == name and record.rrclass == _IN for record in records) and not any(
        record.rrtype == _CNAME for record in records
    ):
        return records
    targets = _targets(message)
    links: list[tuple[bytes, bytes]] = []
    while len(links) < MAX_CHAIN and name in targets and targets[name] not in chain:
        links.append((name, targets[name]))
        name = targets[name]
        chain.add(name)
    renamers = _renamers(message, links)
    return [
        record
        for record in records
        if record.rrclass == _IN
        and (record.owner in chain or (record.owner in renamers and record.rrtype in (_DNAME, _RRSIG)))
    ]


def _renamers(message: Message, links: list[tuple[bytes, bytes]]) -> set[bytes]:
    """Owners of the DNAMEs above one of these aliases that make it what it is (RFC 6672 §2.2). A DNAME that nobody asked for
    would be believed of all names below it by who caches it."""
    known: Known = {}
    below: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for name, target in links:
        for above in suffixes(parent(name)) if name != ROOT else ():
            below.setdefault(above, []).append((name[: len(name) - len(above)], target))
    return {
        record.owner
        for record in message.answer
        if record.rrtype == _DNAME
        and record.owner in below
        and any(head + rdata_name(message, record, known) == target for head, target in below[record.owner])
    }


def _targets(message: Message) -> dict[bytes, bytes]:
    """What each owner of a CNAME is an alias for; of several the first is as good as any (RFC 2181 §10.1)."""
    known: Known = {}
    found: dict[bytes, bytes] = {}
    for record in message.answer:
        if record.rrtype == _CNAME and record.rrclass == _IN and record.owner not in found:
            found[record.owner] = rdata_name(message, record, known)
    return found


def _lifetime(
    message: Message, answer: list[Record], authority: list[Record], soa: Record | None, limits: CacheSettings
) -> int:
    """Seconds in the cache. RFC 2308 §5: a negative answer lives min(SOA TTL, SOA MINIMUM)."""
    shortest = min((record.ttl for record in (*answer, *authority)), default=0)
    if soa is not None:
        negative = limits.bounded_negative(min(soa.ttl, soa_minimum(message, soa)))
        return min(negative, shortest) if answer else negative
    return 0 if message.rcode == Rcode.NXDOMAIN else limits.bounded(shortest)


def _onward(name: bytes, message: Message) -> bytes:
    """The last target of a chain that just ends, without a word of what is there; empty if there is none, or a circle."""
    if message.rcode != Rcode.NOERROR:
        return b""
    targets = _targets(message)
    seen = {name}
    while name in targets:
        name = targets[name]
        if name in seen:
            return b""
        seen.add(name)
    return name if len(seen) > 1 else b""
