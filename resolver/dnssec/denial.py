"""What records of absence prove: predicates named after what they prove, over records whose signatures are verified.

Each gives evidence or the reason why there is none. NSEC and NSEC3 answer the same four questions (`Denials`), so the
rules of the RFCs stand here once. Sections: RFC 4035 §5.4, RFC 5155 §8, RFC 6840 §4, RFC 9824.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from resolver.dnssec.evidence import (
    Absent,
    Encloser,
    InsecureDelegation,
    NoCut,
    NoData,
    NoName,
    NotProved,
    RightlyExpanded,
    Spent,
    TooExpensive,
    Unproved,
    WildcardNoData,
)
from resolver.dnssec.nsec import NsecChain, ends_here, read_range
from resolver.dnssec.nsec3 import Hashes, HashesSpent, read_chain
from resolver.dnssec.values import Spans, Verified
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, WILDCARD, is_below, parent, suffixes
from wire.dns.nsec import Types

_NS, _CNAME, _SOA, _DS, _ANY = (int(RecordType[t]) for t in ("NS", "CNAME", "SOA", "DS", "ANY"))


@dataclass(frozen=True, slots=True)
class Proof:
    """What came along to show that something is not there. Only what `zone` signed is looked at; the chain of trust says
    which zone that must be: the one the question was put to, for DS the parent's."""

    zone: bytes
    records: tuple[Verified, ...]
    hashes: Hashes
    spans: Spans = ()
    """What each of them says, if it is an NSEC; read here, unless it has been read before."""
    plain: NsecChain = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spans = self.spans
        if not spans and self.records:
            spans = tuple([read_range(record, self.zone) for record in self.records])
            object.__setattr__(self, "spans", spans)
        object.__setattr__(self, "plain", NsecChain(self.zone, [span for span in spans if span is not None]))


class Denials(Protocol):
    """What a zone says of its names. None is always: it does not say."""

    def types_at(self, name: bytes) -> Types | None:
        """The types at a name that exists."""

    def absent(self, name: bytes) -> Absent | None:
        """That nothing has this name, neither records nor names below it."""

    def encloser(self, name: bytes) -> Encloser | None:
        """That the name does not exist, and its closest encloser."""

    def says_no_name(self, name: bytes) -> bool:
        """That the name does not exist, wildcards considered (RFC 9824)."""


E = TypeVar("E")


def proves_no_name(name: bytes, proof: Proof) -> NoName | NotProved:
    """NXDOMAIN: the name does not exist, nor does the wildcard at its closest encloser (RFC 4035 §5.4, RFC 5155 §8.4)."""

    def judge(said: Denials) -> NoName | Unproved:
        found = said.encloser(name)
        if found is None:
            if name != proof.zone and said.says_no_name(name):
                return NoName(None)
            return Unproved("nothing shows that the name does not exist")
        star = said.absent(wildcard_at(found.closest))
        if star is None:
            return Unproved("nothing shows that no wildcard stands in for the name")
        return NoName(found.closest, found.opt_out or star.opt_out)

    return _judged(name, proof, judge)


def proves_no_data(name: bytes, rrtype: int, proof: Proof) -> NoData | NotProved:
    """The name exists without this type (RFC 4035 §5.4, RFC 5155 §8.5, §8.6). `opt_out`: or it is part of what is not
    signed: names that lead to unsigned delegations only need no NSEC3 (RFC 5155 §7.1)."""

    def judge(said: Denials) -> NoData | Unproved:
        types = said.types_at(name)
        if types is not None:
            why = _objection(types, rrtype, name)
            return NoData(not types) if why is None else Unproved(why)
        found = said.encloser(name)
        if found is not None and found.opt_out:
            return NoData(opt_out=True)
        return Unproved("nothing shows that the name has no such record")

    return _judged(name, proof, judge)


def proves_wildcard_no_data(name: bytes, rrtype: int, proof: Proof) -> WildcardNoData | NotProved:
    """The name does not exist, and the wildcard that stands in for it is without this type (RFC 5155 §8.7)."""

    def judge(said: Denials) -> WildcardNoData | Unproved:
        found = said.encloser(name)
        if found is None:
            return Unproved("nothing shows that the name does not exist")
        star = wildcard_at(found.closest)
        types = said.types_at(star)
        if types is None:
            return Unproved("nothing shows what the wildcard has")
        # A delegation at a wildcard means nothing (RFC 4592 §4.2); for DS neither.
        why = "the wildcard is a delegation" if _is_delegation(types) else _objection(types, rrtype, star)
        return WildcardNoData(star, found.opt_out) if why is None else Unproved(why)

    return _judged(name, proof, judge)


def proves_wildcard_rightly_expanded(name: bytes, wildcard: bytes, proof: Proof) -> RightlyExpanded | NotProved:
    """An answer for `name` made from `wildcard` is the right one: no name closer than the wildcard's parent exists
    (RFC 4035 §5.3.4, RFC 5155 §8.8)."""
    closest = parent(wildcard)
    if wildcard != wildcard_at(closest) or not is_below(closest, proof.zone):
        return Unproved("no wildcard of the zone")
    if name == closest or not is_below(name, closest):
        return Unproved("the wildcard does not stand for that name")

    def judge(said: Denials) -> RightlyExpanded | Unproved:
        above = said.types_at(closest)
        if above is not None and ends_here(above):
            return Unproved("the zone ends above the wildcard")
        found = said.absent(_next_closer(name, closest))
        if found is None:
            return Unproved("nothing shows that no name is closer than the wildcard")
        return RightlyExpanded(found.opt_out)

    return _judged(name, proof, judge)


def proves_no_ds(name: bytes, proof: Proof) -> InsecureDelegation | NoCut | NotProved:
    """The parent's word that nothing secure begins at `name`: it is delegated without DS, or not delegated at all.

    For the chain of trust; a client that asks for DS is told by `proves_no_data`. Sections: RFC 4035 §5.2, RFC 5155 §8.6
    and §8.9, RFC 6840 §4.4.
    """
    if name == proof.zone:
        return Unproved("only the parent knows whether there is a DS")

    def judge(said: Denials) -> InsecureDelegation | NoCut | Unproved:
        types = said.types_at(name)
        if types is not None:
            if _DS in types or _SOA in types:
                return Unproved("there is a DS" if _DS in types else "the child's word, not the parent's")
            return InsecureDelegation() if _NS in types else NoCut()
        found = said.encloser(name)
        if found is None:
            return Unproved("nothing shows that there is no DS")
        return InsecureDelegation(opt_out=True) if found.opt_out else NoCut(absent=True)

    return _judged(name, proof, judge)


def proves_insecure_delegation(name: bytes, proof: Proof) -> InsecureDelegation | NotProved:
    """A referral to `name` leads out of what is signed (RFC 5155 §8.9): there the parent has NS, but neither DS nor SOA
    (RFC 6840 §4.4), or the next closer name is in a range that may hold unsigned delegations."""
    found = proves_no_ds(name, proof)
    return Unproved("it is shown not to be a delegation") if isinstance(found, NoCut) else found


def wildcard_at(name: bytes) -> bytes:
    """`*` in front of the name."""
    return WILDCARD + name


def _judged(name: bytes, proof: Proof, judge: Callable[[Denials], E | Unproved]) -> E | NotProved:
    """What NSEC shows; if nothing, what NSEC3 shows. Never something that only both together would."""
    if not is_below(name, proof.zone):
        return Unproved("the name is not in the zone")
    chain = proof.plain
    found = judge(chain) if chain else Unproved("no NSEC")
    if not isinstance(found, Unproved):
        return found
    hashed = read_chain(proof.zone, proof.records, proof.hashes)
    match hashed:
        case TooExpensive():
            return hashed
        case Unproved():
            return found if chain else hashed
    try:
        return judge(hashed)
    except HashesSpent:
        return Spent("hashing for NSEC3 costs too much")


def _objection(types: Types, rrtype: int, name: bytes) -> str | None:
    """Why these types at `name` do not show that there is no `rrtype`; None if they do (RFC 6840 §4.1, §4.3, §4.4)."""
    if rrtype in types or rrtype == _ANY:
        return "the type exists"
    if _CNAME in types:
        return "the name is an alias"
    if rrtype == _DS and _SOA in types and name != ROOT:
        return "the child's word, not the parent's"
    if rrtype != _DS and _is_delegation(types):
        return "the parent's word, not the child's"
    return None


def _is_delegation(types: Types) -> bool:
    return _NS in types and _SOA not in types


def _next_closer(name: bytes, closest: bytes) -> bytes:
    """The name with one label more than `closest`."""
    for suffix in suffixes(name):
        if parent(suffix) == closest:
            return suffix
    raise AssertionError("the caller looked whether the name is below")
