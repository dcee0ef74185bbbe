"""What a forwarder sends back is checked against the question and cut to what answers it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from resolver.iterate.classify import understand
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Alias, Chain, Negative, Positive, RRset, TooLong, with_ttl
from resolver.settings import CacheSettings
from wire.dns.codes import BOGUS, EdnsOption, HeaderFlag, Rcode
from wire.dns.message import Message, Plain, parse_received, read_plain
from wire.errors import Malformed

# Plain numbers: enum arithmetic costs a microsecond each time.
_OPCODE = 0x7800
_QR, _TC = int(HeaderFlag.QR), int(HeaderFlag.TC)
_new = tuple.__new__
"""See `wire/dns/message.py`."""
_USABLE = (int(Rcode.NOERROR), int(Rcode.NXDOMAIN), int(Rcode.YXDOMAIN))


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


class Understood(NamedTuple):
    """What a response says. `dropped`: how many records had nothing to do with the question."""

    resolved: Resolved
    dropped: int = 0


def read(question: bytes, data: bytes, limits: CacheSettings) -> Understood | Rejected:
    """Whether `data` answers `question` (folded name, type, class), and what with, TTLs within the limits. Its id is the
    transport's business. Raises nothing."""
    try:
        plain = read_plain(data)
        if plain is not None and plain.question == question:
            return _plain(plain, limits)
        message = parse_received(data)
        fault = _fault(question, message)
        return fault if fault is not None else _understood(question, message, limits)
    except Malformed:
        return Rejected(Fault.MALFORMED)


def _plain(plain: Plain, limits: CacheSettings) -> Understood:
    """As `_understood`."""
    question, rrtype, ttl, rdatas, signatures, _ = plain
    rrset = _new(RRset, (question[:-4], rrtype, limits.bounded(ttl), rdatas, signatures))
    return _new(Understood, (Resolved((), Positive(rrset)), 0))


def _fault(question: bytes, message: Message) -> Rejected | None:
    if message.flags & (_QR | _OPCODE) != _QR:
        return Rejected(Fault.MALFORMED)
    asked = message.question
    if asked != question and asked[:-4].lower() + asked[-4:] != question:
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


def _understood(question: bytes, message: Message, limits: CacheSettings) -> Understood | Rejected:
    found = understand(message, question[:-4], int.from_bytes(question[-4:-2], "big"))
    if message.rcode == Rcode.YXDOMAIN and not isinstance(found, TooLong):
        return Rejected(Fault.RCODE, message.rcode)
    resolved = bounded(as_resolved(question[:-4], found), limits)
    return Understood(resolved, max(len(message.answer) - _count(resolved), 0) if message.answer else 0)


def as_resolved(name: bytes, found: Positive | Negative | Chain | TooLong) -> Resolved:
    """An answer as it is validated and composed. A chain that just ends leads `onward`, unless in a circle."""
    if not isinstance(found, Chain):
        return Resolved((), found)
    if found.end is not None:
        return Resolved(found.links, found.end)
    circle = found.target == name or any(found.target == link.rrset.owner for link in found.links)
    return Resolved(found.links, None, b"" if circle else found.target)


def within(resolved: Resolved, leads: Callable[[bytes], bool]) -> Resolved:
    """The same up to the first alias whose target is another route's, which leads `onward` then: whoever answered may speak
    of his own names only."""
    away = next((at for at, link in enumerate(resolved.links) if not leads(link.target)), None)
    if away is None:
        return resolved
    last = resolved.links[away]
    return Resolved(resolved.links[: away + 1], None, b"" if last.target == last.rrset.owner else last.target)


def bounded(resolved: Resolved, limits: CacheSettings) -> Resolved:
    """The same with every TTL within the user's limits; that of "there is none" is min(SOA TTL, SOA MINIMUM) (RFC 2308
    §5)."""
    end = resolved.end
    match end:
        case Positive(rrset=rrset, dname=None) if not resolved.links and limits.bounded(rrset.ttl) == rrset.ttl:
            return resolved
        case Positive(rrset=rrset, proof=proof, dname=dname):
            end = Positive(_bounded(rrset, limits), proof, dname=None if dname is None else _bounded(dname, limits))
        case Negative(absent=absent, soa=RRset() as soa, proof=proof):
            ttl = limits.bounded_negative(min(soa.ttl, int.from_bytes(soa.rdatas[0][-4:], "big")))
            end = Negative(absent, with_ttl(soa, ttl), proof)
        case TooLong(dname=dname):
            end = TooLong(_bounded(dname, limits))
        case _:
            pass
    if not resolved.links:
        return Resolved((), end, resolved.onward)
    links = tuple(
        Alias(
            _bounded(link.rrset, limits),
            link.target,
            None if link.dname is None else _bounded(link.dname, limits),
            link.proof,
        )
        for link in resolved.links
    )
    return Resolved(links, end, resolved.onward)


def _bounded(rrset: RRset, limits: CacheSettings) -> RRset:
    return with_ttl(rrset, limits.bounded(rrset.ttl))


def _count(resolved: Resolved) -> int:
    """The records of its answer section."""
    end = resolved.end
    if not resolved.links and isinstance(end, Positive):
        return len(end.rrset.rdatas) + len(end.rrset.signatures)
    rrsets = [rrset for link in resolved.links for rrset in (link.rrset, link.dname) if rrset is not None]
    match end:
        case Positive(rrset=rrset) | TooLong(dname=rrset):
            rrsets.append(rrset)
        case _:
            pass
    return sum(len(rrset.rdatas) + len(rrset.signatures) for rrset in (set(rrsets) if len(rrsets) > 1 else rrsets))
