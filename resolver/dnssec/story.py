"""The steps of a verdict as plain values, for people and programs: the chain of trust link by link, from the anchor down.

Bounded, whatever an attacker's zone holds: `LINES` links, `KEYS` keys, `SIGNATURES` signatures and `OWNERS` names each. Dates
are seconds since 1970.
"""

from collections.abc import Iterable
from contextlib import suppress

from resolver.dnssec.algorithms import ALGORITHMS, DIGESTS
from resolver.dnssec.anchors import By, NegativeAnchor, TrustAnchor
from resolver.dnssec.evidence import (
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
from resolver.dnssec.keys import DEFAULT, Supported, Trusted, entry_points, read_keys
from resolver.dnssec.memory import NotACut, Signed
from resolver.dnssec.scope import NOWHERE, anchors_for
from resolver.dnssec.security import Bogus, Insecure
from resolver.dnssec.signature import Signing, Unsigned, serial, untimely
from resolver.dnssec.steps import Began, Delegated, Denied, Keyed, Looked, Shown, Step
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from resolver.settings import ResolverSettings
from resolver.values import Explanation
from wire.dns.codes import RecordType
from wire.dns.names import show_name
from wire.dns.nsec import parse_nsec3
from wire.dns.signing import ZONE_KEY, DelegationSigner, Key, Signature, parse_rrsig
from wire.errors import Malformed
from wire.units import Epoch

Line = dict[str, object]

LINES, KEYS, SIGNATURES, OWNERS = 64, 16, 4, 6
"""The most of each that is told; what is left out is counted."""

_DS, _NSEC3 = int(RecordType.DS), int(RecordType.NSEC3)
_ENTRY = 1
"""The flag of a key that is meant to be vouched for (RFC 4034 §2.1.1)."""


def tell(steps: Iterable[Step], date: Epoch) -> list[Line]:
    """A line for each link, in the order in which they were looked at."""
    told: list[Line] = []
    begun: set[bytes] = set()
    delegations: dict[bytes, Step] = {}
    for step in steps:
        match step:
            case Began(anchor=anchor) if anchor is not None and anchor.zone in begun:
                continue
            case Began(anchor=anchor):
                begun.add(b"" if anchor is None else anchor.zone)
                told.append(_began(step, date))
            case Looked(rrset=rrset) if rrset.rrtype == _DS:
                delegations[rrset.owner] = step
            case Denied(name=name, rrtype=rrtype) if rrtype == _DS:
                delegations[name] = step
            case Delegated(zone=zone):
                told.append(_delegated(step, delegations.pop(zone, None), date))
            case Keyed():
                told.append(_keyed(step, date))
            case Looked():
                told.append(_looked(step, date))
            case Denied():
                told.append(_denied(step, date))
    # A question for DS itself ends with one that no delegation was made of.
    told += [_looked(left, date) if isinstance(left, Looked) else _denied(left, date) for left in _ends(delegations)]
    return told if len(told) <= LINES else [*told[:LINES], {"step": "more", "left_out": len(told) - LINES}]


def _ends(delegations: dict[bytes, Step]) -> list[Looked | Denied]:
    return [step for step in delegations.values() if isinstance(step, Looked | Denied)]


def about_anchor(anchor: TrustAnchor | NegativeAnchor | None, date: Epoch) -> Line:
    """What decides about a name: keys that are believed, or an exception with its reason, its end and who made it."""
    match anchor:
        case None:
            return {"step": "anchor", "zone": None, "outcome": "none", "why": "no trust anchor is above the name"}
        case TrustAnchor():
            records = [_delegation(record) for record in anchor.records[:KEYS]]
            return {"step": "anchor", "zone": show_name(anchor.zone), "outcome": "trusted", "records": records}
        case NegativeAnchor(until=until):
            return {
                "step": "exception",
                "zone": show_name(anchor.zone),
                "outcome": "not validated",
                "why": anchor.reason,
                "by": anchor.by.value,
                "until": until,
                "left": None if until is None else round(until - date),
            }


def exceptions(settings: ResolverSettings, date: Epoch) -> list[Line]:
    """Everything that is not validated, by whose will: by a command, by configuration, and what routes lead to servers of this
    network (there only)."""
    places = range(len(settings.upstream_groups) + len(settings.iterations))
    every = [anchor for place in (NOWHERE, *places) for anchor in anchors_for(settings, place).negative.values()]
    lasting = [anchor for anchor in dict.fromkeys(every) if anchor.until is None or date < anchor.until]
    return [about_anchor(anchor, date) for anchor in sorted(lasting, key=_rank)]


def _rank(anchor: NegativeAnchor) -> tuple[bool, bool]:
    return anchor.by is not By.COMMAND, anchor.by is not By.CONFIGURATION


def _began(step: Began, date: Epoch) -> Line:
    return about_anchor(step.anchor, date)


def _delegated(step: Delegated, evidence: Step | None, date: Epoch) -> Line:
    line: Line = {"step": "DS", "zone": show_name(step.zone)}
    match step.cut:
        case Signed(vouching=vouching):
            line |= {"outcome": "signed", "records": [_delegation(record) for record in vouching.records[:KEYS]]}
        case NotACut(absent=absent):
            line |= {"outcome": "no zone", "why": "there is no such name" if absent else "no zone begins here"}
        case Insecure(explanation=None):
            line |= {"outcome": "insecure", "why": "the parent says that this zone is not signed"}
        case Insecure(explanation=why):
            line |= {"outcome": "insecure"} | _why(why)
        case Bogus():
            line |= _bogus(step.cut)
    match evidence:
        case Looked(rrset=rrset, found=found):
            line |= _signatures(rrset, found, date)
        case Denied(records=records):
            line |= _proof(evidence, records, date)
        case _:
            pass
    return line


def _keyed(step: Keyed, date: Epoch) -> Line:
    line: Line = {"step": "DNSKEY", "zone": show_name(step.zone)}
    match step.keys:
        case Trusted(by=by):
            line |= {"outcome": "trusted", "signature": _signature(by, date)}
        case Insecure(explanation=why):
            return line | {"outcome": "insecure"} | _why(why)
        case Bogus():
            line |= _bogus(step.keys)
    if step.heard is None:
        return line
    if not isinstance(step.keys, Trusted):
        line["signatures"] = _read(step.heard.signatures, date)
    keys = read_keys(step.heard.rdatas[:KEYS])
    vouched = _vouched(step.zone, keys, step.vouching)
    line["keys"] = [_key(key, key.rdata in vouched) for key in keys]
    return line


def _vouched(zone: bytes, keys: tuple[Key, ...], vouching: Supported | None) -> set[bytes]:
    """Which of the keys a DS or an anchor is of."""
    if vouching is None:
        return set()
    usable = Signing(zone, tuple(key for key in keys if key.algorithm in ALGORITHMS), ALGORITHMS)
    entries = entry_points(usable, vouching.records, DEFAULT)
    return set() if isinstance(entries, Unsigned) else {key.rdata for key in entries}


def _looked(step: Looked, date: Epoch) -> Line:
    rrset = step.rrset
    line: Line = {
        "step": "records",
        "name": show_name(rrset.owner),
        "type": rrset.rrtype,
        "number": len(rrset.rdatas),
    }
    match step.found:
        case Verified():
            line |= {"outcome": "secure"}
        case Insecure(explanation=why):
            line |= {"outcome": "insecure"} | _why(why)
        case Bogus():
            line |= _bogus(step.found)
    return line | _signatures(rrset, step.found, date)


_SHOWS: dict[type[Shown], str] = {
    NoName: "there is no such name, and no wildcard for it",
    NoData: "the name has no such record",
    WildcardNoData: "the wildcard that stands in for the name has no such record",
    RightlyExpanded: "no name closer than the wildcard exists",
    InsecureDelegation: "the zone is delegated without DS",
    NoCut: "no zone begins here",
}


def _denied(step: Denied, date: Epoch) -> Line:
    line: Line = {"step": "denial", "name": show_name(step.name), "type": step.rrtype}
    return line | _proof(step, step.records, date)


def _proof(step: Denied, records: tuple[Verified, ...], date: Epoch) -> Line:
    """What the records of absence show, and which they are."""
    line = _outcome(step.found) if step.rrtype != _DS or not isinstance(step.found, InsecureDelegation | NoCut) else {}
    line["shows"] = _SHOWS.get(type(step.found))  # type: ignore[arg-type] # what shows nothing is not in it
    line["proof"] = _kind(step.found, records)
    line["by"] = [show_name(record.rrset.owner) for record in records[:OWNERS]]
    line["signature"] = _signature(records[0].by, date) if records else None
    return line


def _outcome(found: Shown | NotProved | Insecure | Bogus) -> Line:
    match found:
        case Unproved(why=why):
            return {"outcome": "bogus", "why": why}
        case TooExpensive(why=why):
            return {"outcome": "insecure", "why": why}
        case Spent(why=why):
            return {"outcome": "indeterminate", "why": why}
        case Insecure(explanation=explanation):
            return {"outcome": "insecure"} | _why(explanation)
        case Bogus():
            return _bogus(found)
        case _:
            return {"outcome": "proved"}


def _kind(found: object, records: tuple[Verified, ...]) -> str | None:
    """`NSEC`, `NSEC3` (with what hashing costs), and whether the proof rests on a range that opts out."""
    if not records:
        return None
    hashed = next((record.rrset for record in records if record.rrset.rrtype == _NSEC3), None)
    kind = "NSEC" if hashed is None else "NSEC3"
    if hashed is not None:
        # What cannot be read proves nothing, and the outcome says so.
        with suppress(Malformed):
            kind += f", {parse_nsec3(hashed.rdatas[0]).iterations} iterations"
    return f"{kind}, opt-out" if getattr(found, "opt_out", False) else kind


def _signatures(rrset: RRset, found: Verified | Insecure | Bogus, date: Epoch) -> Line:
    """The signature that holds, or all that there are."""
    match found:
        case Verified(by=by, wildcard=wildcard):
            wild = None if wildcard is None else show_name(wildcard)
            return {"signature": _signature(by, date), "wildcard": wild}
        case _:
            return {"signatures": _read(rrset.signatures, date)}


def _read(rdatas: tuple[bytes, ...], date: Epoch) -> list[Line]:
    return [_signature(rdata, date) for rdata in rdatas[:SIGNATURES]]


def _signature(rdata: bytes, date: Epoch) -> Line:
    """Whose it is and when it is valid: seconds since 1970, made whole again from 32 bits by the date."""
    try:
        signature = parse_rrsig(rdata)
    except Malformed:
        return {"state": "cannot be read"}
    return {
        "signer": show_name(signature.signer),
        "tag": signature.tag,
        **_algorithm(signature.algorithm),
        "inception": _whole(signature.inception, date),
        "expiration": _whole(signature.expiration, date),
        "state": _state(signature, date),
    }


def _state(signature: Signature, date: Epoch) -> str:
    wrong = untimely(signature, date)
    return "in its time" if wrong is None else wrong.explanation.text


def _whole(time: int, date: Epoch) -> int:
    return int(date) + serial(time, int(date) & 0xFFFFFFFF)


def _key(key: Key, vouched: bool) -> Line:
    role = "entry" if key.flags & _ENTRY else "zone" if key.flags & ZONE_KEY else "not a zone key"
    return {"tag": key.tag, **_algorithm(key.algorithm), "flags": key.flags, "role": role, "vouched_for": vouched}


def _delegation(record: DelegationSigner) -> Line:
    digest = DIGESTS.get(record.digest_type)
    return {
        "tag": record.tag,
        **_algorithm(record.algorithm),
        "digest_type": record.digest_type,
        "digest_name": digest.name if digest else None,
    }


def _algorithm(number: int) -> Line:
    algorithm = ALGORITHMS.get(number)
    return {"algorithm": number, "algorithm_name": algorithm.name if algorithm else None}


def _bogus(found: Bogus) -> Line:
    return {"outcome": found.security.name.lower()} | _why(found.explanation)


def _why(explanation: Explanation | None) -> Line:
    return {} if explanation is None else {"why": explanation.text, "ede": int(explanation.code)}
