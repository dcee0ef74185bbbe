"""What comes back is checked against the question, cut to what answers it, and its times are bounded. Pure."""

from dataclasses import dataclass
from enum import Enum

from resolver.settings import CacheSettings
from resolver.values import Query
from wire.dns.codes import HeaderFlag, QueryFlag, Rcode, RecordClass, RecordType
from wire.dns.message import Message, Record, ResourceRecord, build_response, parse_message, rdata_name, soa_minimum
from wire.dns.names import is_below, parse_name
from wire.errors import Malformed

MAX_CHAIN = 16
"""CNAME and DNAME records followed in one answer."""

# Plain numbers: enum arithmetic costs a microsecond each time.
_OPCODE = 0x7800
_QR, _TC = int(HeaderFlag.QR), int(HeaderFlag.TC)
_ANSWER = int(HeaderFlag.QR | HeaderFlag.RD | HeaderFlag.RA)
_ANSWER_CD = int(_ANSWER | HeaderFlag.CD)
_DO, _CD = int(QueryFlag.DO), int(QueryFlag.CD)
_USABLE = (int(Rcode.NOERROR), int(Rcode.NXDOMAIN))
_IN, _CNAME, _SOA = int(RecordClass.IN), int(RecordType.CNAME), int(RecordType.SOA)
_TYPES_OF_PROOF = frozenset(
    map(int, (RecordType.SOA, RecordType.NS, RecordType.DS, RecordType.NSEC, RecordType.NSEC3, RecordType.RRSIG))
)


class Fault(Enum):
    """Why a response is not accepted. The first two are lies or noise, the others an honest 'no'."""

    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    TRUNCATED = "truncated"
    RCODE = "rcode"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A response that does not answer. `rcode` is what it said, where it said something."""

    fault: Fault
    rcode: int = Rcode.SERVFAIL

    @property
    def lied(self) -> bool:
        """Whether the server gave what was never asked for."""
        return self.fault in (Fault.MALFORMED, Fault.MISMATCH)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An undressed answer (the layout of resolver.values.Reply.message). `keep` is for how many seconds it may be
    cached, 0 for not at all; `dropped` how many records had nothing to do with the question."""

    message: bytes
    ttl_offsets: tuple[int, ...]
    rcode: int
    keep: int
    dropped: int = 0


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
        return Rejected(Fault.RCODE, message.rcode)
    if message.flags & _TC:
        return Rejected(Fault.TRUNCATED)
    return None


def _accept(query: Query, message: Message, limits: CacheSettings) -> Accepted:
    answer = _relevant(query.name, message)
    positive = any(record.rrtype == query.rrtype for record in answer)
    # A positive answer without DO needs no authority section; a negative one needs its SOA, a signed one its proofs.
    wants_authority = not positive or query.flags & _DO
    authority = [r for r in message.authority if r.rrtype in _TYPES_OF_PROOF and r.rrclass == _IN]
    dropped = len(message.answer) - len(answer)
    intact = not dropped and (not wants_authority or len(authority) == len(message.authority))
    authority = authority if wants_authority else []
    soa = None if positive else next((r for r in authority if r.rrtype == _SOA), None)
    ttl = _lifetime(message, answer, authority, soa, limits)
    bound = max(ttl, 0) if soa is not None else limits.maximum_ttl
    if intact:
        return _cut(query, message, answer, authority, _Times(ttl, bound, limits))
    return _rebuild(query, message, answer, authority, _Times(ttl, bound, limits))


@dataclass(frozen=True, slots=True)
class _Times:
    """`keep` seconds in the cache; no TTL given out above `most`, or below the user's minimum if it is cached."""

    keep: int
    most: int
    limits: CacheSettings

    def bounded(self, ttl: int) -> int:
        return min(max(ttl, self.limits.minimum_ttl if self.keep else 0), self.most)


def _relevant(name: bytes, message: Message) -> list[Record]:
    """The answer records on the chain from `name`, class IN; a chain out of order is followed too."""
    records = message.answer
    chain = {name}
    if all(record.owner == name and record.rrclass == _IN for record in records) and not any(
        record.rrtype == _CNAME for record in records
    ):
        return records
    for _ in range(MAX_CHAIN):
        targets = _targets(message, chain)
        if targets <= chain:
            break
        chain |= targets
    return [r for r in records if r.rrclass == _IN and _is_on(r, chain)]


def _is_on(record: Record, chain: set[bytes]) -> bool:
    if record.owner in chain:
        return True
    # A DNAME, and its signature, stand above the names they rename (RFC 6672 §2.2).
    return record.rrtype in (RecordType.DNAME, RecordType.RRSIG) and any(is_below(n, record.owner) for n in chain)


def _targets(message: Message, chain: set[bytes]) -> set[bytes]:
    return {
        rdata_name(message, record) for record in message.answer if record.rrtype == _CNAME and record.owner in chain
    }


def _lifetime(
    message: Message, answer: list[Record], authority: list[Record], soa: Record | None, limits: CacheSettings
) -> int:
    """Seconds in the cache. RFC 2308 §5: a negative answer lives min(SOA TTL, SOA MINIMUM), and without SOA not at all."""
    shortest = min((record.ttl for record in (*answer, *authority)), default=0)
    if soa is not None:
        negative = min(soa.ttl, soa_minimum(message, soa), limits.negative_ttl)
        return min(negative, shortest) if answer else negative
    if not answer or message.rcode == Rcode.NXDOMAIN or _is_dangling(message, answer):
        return 0
    return min(max(shortest, limits.minimum_ttl), limits.maximum_ttl)


def _is_dangling(message: Message, answer: list[Record]) -> bool:
    """Nothing but a chain: NODATA or cut off at its end, and no SOA to say for how long."""
    wanted = int.from_bytes(message.question[-4:-2], "big")
    return all(record.rrtype != wanted for record in answer)


def _flags(query: Query, rcode: int) -> int:
    """QR, RD and RA; CD as asked; AA, AD and TC clear: nobody here has validated anything."""
    return (_ANSWER_CD if query.flags & _CD else _ANSWER) | rcode & 15


def _cut(query: Query, message: Message, answer: list[Record], authority: list[Record], times: _Times) -> Accepted:
    """The front part of the message as it came: compression points backwards only, so it stands by itself."""
    if authority:
        end = message.additional_start
    else:
        end = answer[-1].rdata_end if answer else 12 + len(message.question)
    out = bytearray(message.data[:end])
    counts = (1, len(answer), len(authority), 0)
    out[0:12] = b"\0\0" + b"".join(n.to_bytes(2, "big") for n in (_flags(query, message.rcode), *counts))
    out[12 : 12 + len(query.key)] = query.key
    offsets = []
    for record in (*answer, *authority):
        at = record.ttl_offset
        offsets.append(at)
        out[at : at + 4] = times.bounded(record.ttl).to_bytes(4, "big")
    return Accepted(bytes(out), tuple(offsets), message.rcode, times.keep)


def _rebuild(query: Query, message: Message, answer: list[Record], authority: list[Record], times: _Times) -> Accepted:
    """Something had to go: write the rest anew. Names inside record data must then not be compressed."""
    flags = _flags(query, 0)
    kept_answer = [_uncompressed(message, record, times) for record in answer]
    kept_authority = [_uncompressed(message, record, times) for record in authority]
    built = build_response(query.key, flags, message.rcode, kept_answer, kept_authority)
    dropped = len(message.answer) + len(message.authority) - len(answer) - len(authority)
    return Accepted(built.message, built.ttl_offsets, message.rcode, times.keep, dropped)


def _uncompressed(message: Message, record: Record, times: _Times) -> ResourceRecord:
    rdata = expand_rdata(message, record)
    return ResourceRecord(record.owner, record.rrtype, record.rrclass, times.bounded(record.ttl), rdata)


def expand_rdata(message: Message, record: Record) -> bytes:
    """The record's data with every compressed name written out (RFC 3597 §4: only types of RFC 1035 compress).

    Raises Malformed.
    """
    start, end = record.rdata_start, record.rdata_end
    match record.rrtype:
        case RecordType.CNAME | RecordType.NS | RecordType.PTR | RecordType.DNAME:
            return rdata_name(message, record)
        case RecordType.MX:
            name, _ = parse_name(message.data, start + 2)
            return message.data[start : start + 2] + name
        case RecordType.SOA:
            primary, at = parse_name(message.data, start)
            mailbox, at = parse_name(message.data, at)
            return primary + mailbox + message.data[at:end]
        case RecordType.SRV:
            name, _ = parse_name(message.data, start + 6)
            return message.data[start : start + 6] + name
        case _:
            return message.data[start:end]
