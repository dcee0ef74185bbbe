"""Names of the household's own: local zones, wildcards (RFC 4592), aliases, split horizon. Pure.

What a client group sees is one namespace, made of every zone that is there for it: a dict from each name that exists to its
records, names without records of their own included. So finding the closest encloser (RFC 4592 §3.3.1) is one look-up a
label. Where a zone that is not transparent begins, everything is decided here; what is written down twice counts as it
stands in the table that comes first. NS records below the apex are records like any other: nobody is referred elsewhere.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from resolver.policy.verdict import Ground, Say, soa
from resolver.policy_settings import LocalRecord, LocalZone
from resolver.routes import Routes
from resolver.values import Explanation, Query
from wire.dns.codes import ExtendedError, Rcode, RecordClass, RecordType
from wire.dns.message import ResourceRecord
from wire.dns.names import MAX_NAME, ROOT, WILDCARD, is_below, parent, suffixes

RULE = "local-data"

MAX_CHAIN = 16
"""Aliases followed here for one question."""

TTL = 300
"""Seconds of the SOA and NS records of a zone that has none."""

NEGATIVE_TTL = 60
"""Seconds that "there is none" may be kept in a zone without an SOA: soon after a reload everybody finds what is new."""

ENDLESS = Explanation(ExtendedError.OTHER, "local aliases without end")

_CNAME, _DNAME, _SOA, _NS = map(int, (RecordType.CNAME, RecordType.DNAME, RecordType.SOA, RecordType.NS))
_IN = int(RecordClass.IN)

Records = tuple[LocalRecord, ...]


class _Found(NamedTuple):
    """What is known of a name. `apex`: the zone that decides there, empty where none does. `encloser`: the name itself or the
    closest above it that exists. `records`: its own or the wildcard's; None where there is neither."""

    apex: bytes
    encloser: bytes
    records: Records | None


class _Step(NamedTuple):
    """One link of an answer: its records, and where it leads (empty: it is the end, with `rcode` and `authority`)."""

    answer: tuple[ResourceRecord, ...]
    target: bytes = b""
    rcode: int = Rcode.NOERROR
    authority: tuple[ResourceRecord, ...] = ()


class Names:
    """The namespace of client groups that see the same zones."""

    __slots__ = ("_apexes", "_names")

    def __init__(self, zones: Sequence[LocalZone]) -> None:
        self._apexes = {zone.apex for zone in zones if not zone.transparent}
        self._names: dict[bytes, Records] = {}
        for zone in zones:
            self._add(zone.records)
        for apex in self._apexes:
            self._complete(apex)
        for name in tuple(self._names):
            for above in suffixes(parent(name)):
                if above in self._names:
                    break
                self._names[above] = ()

    def _add(self, records: Records) -> None:
        """Those of one zone, except for RRsets that are there already, and for what cannot stand beside an alias."""
        former: dict[bytes, frozenset[int]] = {}
        names = self._names
        for record in records:
            known = names.get(record.name)
            if known is None:
                names[record.name] = (record,)
                former[record.name] = frozenset()
                continue
            types = former.get(record.name)
            if types is None:
                types = former[record.name] = frozenset(one.rrtype for one in known)
            alone = record.rrtype == _CNAME and types
            if record.rrtype not in types and _CNAME not in types and not alone:
                names[record.name] = (*known, record)

    def _complete(self, apex: bytes) -> None:
        """A zone has an SOA and an NS record."""
        known = self._names.get(apex, ())
        types = {record.rrtype for record in known}
        if _SOA not in types:
            known = (*known, LocalRecord(apex, _SOA, TTL, soa(apex, TTL, NEGATIVE_TTL).rdata))
        if _NS not in types:
            known = (*known, LocalRecord(apex, _NS, TTL, apex))
        self._names[apex] = known

    def find(self, name: bytes) -> _Found | None:
        """None: neither it nor any name above it is known."""
        names = self._names
        for at in suffixes(name):
            records = names.get(at)
            if records is not None:
                break
        else:
            return None
        if at != name and not any(record.rrtype == _DNAME for record in records):
            records = names.get(WILDCARD + at)
        apex = next((above for above in suffixes(at) if above in self._apexes), b"")
        return _Found(apex, at, records)

    def soa(self, found: _Found) -> ResourceRecord:
        """What denies something: as a negative answer has it (RFC 2308 §3)."""
        if not found.apex:
            # Among names that are resolved elsewhere each is a zone of its own.
            return soa(found.encloser, NEGATIVE_TTL, NEGATIVE_TTL)
        record = next(record for record in self._names[found.apex] if record.rrtype == _SOA)
        ttl = min(record.ttl, int.from_bytes(record.rdata[-4:], "big"))
        return ResourceRecord(found.apex, _SOA, _IN, ttl, record.rdata)


class LocalData:
    """All zones of one generation, for each client group."""

    __slots__ = ("_groups",)

    def __init__(self, zones: Sequence[LocalZone], groups: int) -> None:
        """`groups`: how many client groups there are."""
        made: dict[tuple[int, ...], Names | None] = {(): None}
        self._groups: list[Names | None] = []
        for group in range(groups):
            seen = tuple(_seen(zones, group))
            if seen not in made:
                made[seen] = Names([zones[place] for place in seen])
            self._groups.append(made[seen])

    def judge(self, query: Query, ground: Ground) -> Say | None:
        """The answer of local names; None: the name, or that to which the first link leads, is none of them."""
        names = self._groups[query.group] if query.group < len(self._groups) else None
        if names is None:
            return None
        answer: list[ResourceRecord] = []
        seen: set[bytes] = set()
        name = query.name
        while name not in seen and len(seen) < MAX_CHAIN:
            seen.add(name)
            step = _step(query, name, names, ground.routes)
            if step is None:
                return _say(query, answer, onward=name) if answer else None
            answer += step.answer
            if not step.target:
                return _say(query, answer, step.rcode, step.authority)
            name = step.target
        return _say(query, answer, explanation=ENDLESS)

    def has(self, name: bytes, group: int, routes: Routes) -> bool:
        """Whether what there is to say of `name` is said here."""
        names = self._groups[group] if group < len(self._groups) else None
        return names is not None and _held(name, group, names, routes) is not None


def judge(query: Query, ground: Ground) -> Say | None:
    """The rule: what this generation's local names say."""
    return ground.local.judge(query, ground)


def _seen(zones: Sequence[LocalZone], group: int) -> Iterator[int]:
    """The places of the zones that are there for `group`. A zone for certain groups hides that of the same name for everybody;
    a transparent one stands before it."""
    own = {zone.apex for zone in zones if group in zone.groups and not zone.transparent}
    mine = (place for place, zone in enumerate(zones) if group in zone.groups)
    common = (place for place, zone in enumerate(zones) if not zone.groups and zone.apex not in own)
    yield from mine
    yield from common


def _held(name: bytes, group: int, names: Names, routes: Routes) -> _Found | None:
    """What is known of `name`, if it is decided here: by its records, or by a zone, where no route is closer to the name than
    that."""
    found = names.find(name)
    if found is None or found.records or not found.apex:
        return found if found is not None and found.records else None
    route = routes.find(name, group)
    if route is not None and len(route.suffix) > len(found.apex) and is_below(route.suffix, found.apex):
        return None
    return found


def _step(query: Query, name: bytes, names: Names, routes: Routes) -> _Step | None:
    """What there is at `name`; None: whatever there is, it is elsewhere."""
    found = _held(name, query.group, names, routes)
    if found is None:
        return None
    rrtype = query.rrtype if query.rrclass == _IN else 0
    records = found.records or ()
    if rrtype and found.encloser != name:
        pointed = next((record for record in records if record.rrtype == _DNAME), None)
        if pointed is not None:
            return _renamed(name, pointed)
    answer = _records(name, records, rrtype)
    if answer:
        return _Step(answer)
    alias = _records(name, records, _CNAME) if rrtype else ()
    if alias:
        return _Step(alias, alias[0].rdata)
    rcode = Rcode.NXDOMAIN if found.records is None else Rcode.NOERROR
    return _Step((), b"", rcode, (names.soa(found),))


def _records(name: bytes, records: Iterable[LocalRecord], rrtype: int) -> tuple[ResourceRecord, ...]:
    return tuple(ResourceRecord(name, rrtype, _IN, one.ttl, one.rdata) for one in records if one.rrtype == rrtype)


def _renamed(name: bytes, pointed: LocalRecord) -> _Step:
    """RFC 6672 §3.1: the record itself and an alias made of it."""
    own = ResourceRecord(pointed.name, _DNAME, _IN, pointed.ttl, pointed.rdata)
    target = name[: len(name) - len(pointed.name)] + pointed.rdata
    if len(target) > MAX_NAME:
        return _Step((own,), b"", Rcode.YXDOMAIN)
    return _Step((own, ResourceRecord(name, _CNAME, _IN, pointed.ttl, target)), target)


def _say(
    query: Query,
    answer: Sequence[ResourceRecord],
    rcode: int = Rcode.NOERROR,
    authority: Sequence[ResourceRecord] = (),
    onward: bytes = b"",
    explanation: Explanation | None = None,
) -> Say:
    """With `final`, for no AAAA records are made of local A records: an address of the inside has no place below the prefix of a
    translator (RFC 6052 §3.1)."""
    lasts = min((record.ttl for record in (*answer, *authority)), default=NEGATIVE_TTL)
    zone = authority[0].owner if authority else query.name
    return Say(RULE, zone or ROOT, rcode, answer, authority, explanation, onward, lasts, not onward)
