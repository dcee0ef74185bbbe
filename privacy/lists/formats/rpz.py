"""Response policy zones (draft-vixie-dnsop-dns-rpz): the owner of a record says of what it is, its data what is done."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address

from privacy.lists.compile import Item
from privacy.lists.entry import Entry, Record, Saying, Scope, Skipped, Trigger
from privacy.lists.formats.modifiers import MAX_EXCEPTED
from privacy.lists.formats.records import TYPES, read_rdata, read_target
from privacy.lists.formats.text import Answers, Unused, numbered, quick_name
from privacy.lists.formats.zonefile import Row, Rows
from wire.dns.names import ROOT, WILDCARD, count_labels, is_below, parent, suffixes

_KINDS = {
    b"\x06rpz-ip\0": Trigger.ADDRESS,
    b"\x0brpz-nsdname\0": Trigger.SERVER,
    b"\x08rpz-nsip\0": Trigger.SERVER_ADDRESS,
    b"\x0drpz-client-ip\0": Trigger.CLIENT,
}
"""The label next to the zone's own name → what the rest is (draft §4)."""

_ACTIONS = {
    ROOT: Saying.NXDOMAIN,
    b"\x01*\0": Saying.NODATA,
    b"\x0crpz-passthru\0": Saying.ALLOW,
    b"\x08rpz-drop\0": Saying.DROP,
    b"\x0crpz-tcp-only\0": Saying.TRUNCATE,
}
"""Target of a CNAME → what is done (draft §3)."""

_QUICK = {".": Saying.NXDOMAIN, "*.": Saying.NODATA, "rpz-passthru.": Saying.ALLOW, "rpz-drop.": Saying.DROP}
"""The usual targets as they are written."""

_ROOM = 250
"""Octets of a name and its origin that are certainly not too many together."""

_OWN_TYPES = {TYPES[name] for name in ("SOA", "NS")}
_UNFIT = {TYPES[name] for name in ("DNAME", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "DS", "SOA", "NS")}
"""Never local data (draft §3.6): they belong to a zone, not to a policy."""


def read_rpz(text: bytes) -> Iterator[Item]:
    """All policies; those with local data last, and before them those that allow all below a name."""
    answers = Answers()
    allowed: dict[bytes, Entry] = {}
    for item in _entries(text):
        if isinstance(item, Skipped):
            yield item
        elif item.saying is Saying.RECORDS:
            try:
                answers.add(item)
            except Unused as odd:
                yield Skipped(item.line, str(odd))
        elif _allows_below(item):
            allowed[item.name] = item
        else:
            yield item
    yield from _narrowed(text, allowed)
    yield from answers.entries()


def _allows_below(entry: Entry) -> bool:
    return entry.saying is Saying.ALLOW and entry.trigger is Trigger.NAME and entry.scope is Scope.BELOW


def _narrowed(text: bytes, allowed: dict[bytes, Entry]) -> Iterator[Item]:
    """A wildcard does not stand for names that the zone has policies for (RFC 4592 §4; draft §5.5), but elsewhere what allows
    goes before what blocks: such names are excepted."""
    if not allowed:
        return
    excepted: dict[bytes, list[bytes]] = {name: [] for name in allowed}
    for item in _entries(text):
        if isinstance(item, Skipped) or item.trigger is not Trigger.NAME or item.saying is Saying.ALLOW:
            continue
        above = item.name if item.scope is Scope.BELOW else parent(item.name)
        for name in suffixes(above):
            if name in excepted and name != item.name:
                excepted[name].append(item.name)
    for name, entry in allowed.items():
        if len(excepted[name]) > MAX_EXCEPTED:
            yield Skipped(entry.line, f"allows all below a name of which more than {MAX_EXCEPTED} have other policies")
        else:
            yield replace(entry, excepted=tuple(dict.fromkeys(excepted[name])))


def _entries(text: bytes) -> Iterator[Entry | Skipped]:
    reader = _Reader()
    for number, line in numbered(text):
        item = reader.read_quick(number, line) or reader.read(number, line)
        if item is not None:
            yield item
    if (unclosed := reader.rows.finish()) is not None:
        yield unclosed


class _Reader:
    def __init__(self) -> None:
        self.rows = Rows()
        self._apex: bytes | None = None

    def read_quick(self, number: int, line: str) -> Entry | None:
        """The usual line, `name CNAME .` with a relative name; None says only that `read` has to look at it."""
        words = line.split()
        if len(words) < 3 or words[-1] not in _QUICK or words[-2] != "CNAME" or words[1:-2] not in ([], ["IN"]):
            return None
        owner = words[0]
        is_wild = owner.startswith("*.")
        name = quick_name(owner[2:] if is_wild else owner)
        origin = self.rows.origin
        if name is None or origin != self._apex or not self.rows.is_between or not line.startswith(owner):
            return None
        if b"rpz-" in name or len(name) + len(origin) > _ROOM:
            return None
        self.rows.owner = (WILDCARD if is_wild else b"") + name[:-1] + origin
        return Entry(Trigger.NAME, _QUICK[words[-1]], number, name, Scope.BELOW if is_wild else Scope.EXACT)

    def read(self, number: int, line: str) -> Entry | Skipped | None:
        """Any line."""
        row = self.rows.feed(number, line)
        if row is None or isinstance(row, Skipped):
            return row
        if self._apex is None:
            self._apex = row.owner if row.rrtype == TYPES["SOA"] else row.origin
        if row.owner == self._apex and row.rrtype in _OWN_TYPES:
            return None
        try:
            return _read_policy(row, self._apex)
        except Unused as odd:
            return Skipped(row.line, str(odd))


def _read_policy(row: Row, apex: bytes) -> Entry:
    if apex == ROOT:
        name = row.owner
    elif is_below(row.owner, apex):
        name = row.owner[: -len(apex)] + ROOT
    else:
        raise Unused("a name outside of the zone")
    if name == ROOT:
        raise Unused("a record at the zone's own name, which is no policy")
    saying, records = _read_action(row, name)
    for kind, trigger in _KINDS.items() if b"rpz-" in name else ():
        if name.endswith(kind) and is_below(name, kind):
            return _read_trigger(row.line, trigger, name[: -len(kind)] + ROOT, (saying, records))
    scope = Scope.EXACT
    if name.startswith(WILDCARD):
        scope, name = Scope.BELOW, name[2:]
    return Entry(Trigger.NAME, saying, row.line, name, scope, records=records)


def _read_trigger(line: int, trigger: Trigger, rest: bytes, action: tuple[Saying, tuple[Record, ...]]) -> Entry:
    saying, records = action
    if trigger is Trigger.CLIENT:
        raise Unused("rpz-client-ip: the resolver does not know clients; give the list to a client group instead")
    if rest == ROOT:
        raise Unused("a trigger without what it is about")
    if trigger is Trigger.SERVER:
        wild = rest.startswith(WILDCARD)
        scope = Scope.BELOW if wild else Scope.EXACT
        return Entry(trigger, saying, line, rest[2:] if wild else rest, scope, records=records)
    return Entry(trigger, saying, line, network=read_network(rest), records=records)


def read_network(name: bytes) -> tuple[bytes, int]:
    """Address and prefix length of `24.0.2.0.192` or `48.zz.db8.2001`: backwards, `zz` for `::` (draft §4.3). Raises Unused."""
    labels = [part[1 : 1 + part[0]].decode("latin-1") for part in suffixes(name) if part != ROOT]
    if count_labels(name) != len(labels) or len(labels) < 2 or not labels[0].isdecimal():
        raise Unused("not an address as RPZ writes it: prefix length, then the address backwards")
    parts = labels[:0:-1]
    try:
        octets = _read_octets(parts)
    except ValueError:
        raise Unused("not an address as RPZ writes it: prefix length, then the address backwards") from None
    bits, length = 8 * len(octets), int(labels[0][:4])
    if not 1 <= length <= bits:
        raise Unused("a prefix length that its address cannot have")
    if int.from_bytes(octets) & ((1 << (bits - length)) - 1):
        raise Unused("an address with more bits than its prefix length")
    return octets, length


def _read_octets(parts: list[str]) -> bytes:
    if len(parts) == 4 and all(part.isdecimal() for part in parts):
        return bytes(int(part) for part in parts)
    if "zz" not in parts:
        return IPv6Address(":".join(parts)).packed
    at = parts.index("zz")
    return IPv6Address(":".join(parts[:at]) + "::" + ":".join(parts[at + 1 :])).packed


def _read_action(row: Row, name: bytes) -> tuple[Saying, tuple[Record, ...]]:
    if row.rrtype in _UNFIT:
        raise Unused("a record that belongs to a zone and is no policy")
    if row.rrtype != TYPES["CNAME"]:
        return Saying.RECORDS, (Record(row.rrtype, read_rdata(row.rrtype, row.words, row.origin), row.ttl),)
    if len(row.words) != 1:
        raise Unused("record data with a word too few or too many")
    target = read_target(row.words[0], row.origin)
    if target in _ACTIONS:
        return _ACTIONS[target], ()
    if target == name:
        # How old zones say PASSTHRU (draft, appendix).
        return Saying.ALLOW, ()
    if target.startswith(b"rpz-", 1) and count_labels(target) == 1:
        raise Unused("an action of RPZ that is not known here")
    return Saying.RECORDS, (Record(row.rrtype, target, row.ttl),)
