"""local-zone and local-data to `[[local]]` tables, and to rules where a zone says the same of every name in it."""

from dataclasses import dataclass, field

from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Table
from anchorhold.migrate.local_names import LocalNames, rdata_text
from anchorhold.migrate.rule_book import RuleBook, Wish
from anchorhold.migrate.unbound_lexer import Statement
from anchorhold.migrate.words import address, domain
from privacy.lists.formats.text import NOWHERE

TTL = 3_600
"""Of local-data that says none."""
MAX_TTL = 604_800
RULES = {
    "always_refuse": "refused",
    "always_nxdomain": "nxdomain",
    "always_nodata": "nodata",
    "always_null": "null",
    "always_deny": "refused",
    "refuse": "refused",
    "deny": "refused",
    "inform_deny": "refused",
}
"""Types whose names are all answered alike, and how (but for local data, with the last three)."""
DROPS = frozenset({"always_deny", "deny", "inform_deny"})
OPEN = frozenset({"transparent", "typetransparent", "inform", "always_transparent", "noview", "nodefault"})
REDIRECTS = frozenset({"redirect", "inform_redirect"})
KNOWN = RULES.keys() | OPEN | REDIRECTS | {"static", "block_a", "ipset"}
_SPECIAL4 = ["10", "168.192", "0", "127", "254.169", "2.0.192", "100.51.198", "113.0.203", "255.255.255.255"]
_SPECIAL4 += [f"{number}.172" for number in range(16, 32)] + [f"{number}.100" for number in range(64, 128)]
_SPECIAL6 = ["d.f", "8.e.f", "9.e.f", "a.e.f", "b.e.f", "8.b.d.0.1.0.0.2"]
DEFAULTS = frozenset(
    {f"{one}.in-addr.arpa" for one in _SPECIAL4}
    | {f"{one}.ip6.arpa" for one in _SPECIAL6}
    | {"home.arpa", "test", "invalid", "onion", "localhost"}
)
"""Zones that unbound has by itself (RFC 6303, 6761): static ones."""


@dataclass(frozen=True, slots=True)
class Data:
    """A record of local-data."""

    name: str
    ttl: int
    kind: str
    rdata: str
    place: int


@dataclass
class Zone:
    """A local-zone and the data in it."""

    name: str
    kind: str
    place: int
    tags: frozenset[str] = frozenset()
    data: list[Data] = field(default_factory=list)


def read_data(text: str, place: int) -> Data:
    """`NAME [TTL] [CLASS] TYPE DATA`. Raises ValueError."""
    owner, _, rest = text.strip().partition(" ") if " " in text.strip() else (*text.strip().partition("\t"),)
    words = rest.replace("\t", " ").split(" ")
    words = [word for number, word in enumerate(words) if word or number]
    name, ttl = domain(owner), TTL
    while words and (not words[0] or words[0].isdigit() or words[0].upper() in ("IN", "CH", "HS")):
        first = words.pop(0)
        if first.isdigit():
            ttl = min(int(first[:9]), MAX_TTL)
        elif first.upper() in ("CH", "HS"):
            raise ValueError("is of a class other than IN, which nobody asks for")
    if not name or len(words) < 2:
        raise ValueError("is no record: NAME [TTL] [IN] TYPE DATA")
    kind = words[0].upper()
    return Data(name, ttl, kind, rdata_text(kind, " ".join(words[1:])), place)


def read_pointer(text: str, place: int) -> Data:
    """`ADDRESS [TTL] NAME` of local-data-ptr. Raises ValueError."""
    words = text.split()
    literal = address(words[0]) if words else None
    if literal is None or len(words) not in (2, 3):
        raise ValueError("is not ADDRESS NAME")
    ttl = min(int(words[1][:9]), MAX_TTL) if len(words) == 3 and words[1].isdigit() else TTL
    return Data(literal.reverse_pointer, ttl, "PTR", rdata_text("PTR", words[-1].rstrip(".") + "."), place)


class ZoneWriter:
    """Writes the zones of one scope: of the server, or of one view. `routed` are domains that a forward or stub zone has."""

    def __init__(self, migration: Migration, routed: set[str], no_defaults: bool) -> None:
        self.migration, self.report, self.draft = migration, migration.report, migration.draft
        self.routed, self.no_defaults = routed, no_defaults
        self.zones: dict[str, Zone] = {}
        self.loose: list[Data] = []
        self._holed: set[str] | None = None
        self._rules = RuleBook(self.draft)

    def read(self, statements: list[Statement]) -> None:
        """Take the statements of the scope."""
        data: list[Data] = []
        for one in statements:
            try:
                match one.keyword:
                    case "local-zone":
                        self._zone(one)
                    case "local-data":
                        data.append(read_data(one.value, one.place))
                    case "local-data-ptr":
                        data.append(read_pointer(one.value, one.place))
            except ValueError as error:
                self.report.dropped(one.place, str(error))
        for one in statements:
            if one.keyword == "local-zone-tag":
                zone = self.zones.get(domain(one.value))
                if zone is None:
                    self.report.dropped(one.place, "there is no such local-zone")
                else:
                    zone.tags = frozenset(one.values[1].split())
                    self.report.kept(one.place)
        for record in data:
            home = self._around(record.name, including=True)
            if home is None:
                self.loose.append(record)
            else:
                home.data.append(record)

    def _zone(self, one: Statement) -> None:
        name, kind = domain(one.value), one.values[1].lower()
        if not name:
            self.report.dropped(one.place, f"{one.value[:60]!r} is no domain")
        elif kind not in KNOWN:
            self.report.dropped(one.place, f"{kind[:40]!r} is no type of a zone that is known here")
        elif name in self.zones:
            self.report.dropped(one.place, "this zone is there twice")
        else:
            self.zones[name] = Zone(name, kind, one.place)

    def _around(self, name: str, including: bool) -> Zone | None:
        """The innermost zone that holds the name; those that unbound has by itself are made when something is in them."""
        labels = name.split(".") if name != "." else []
        for start in range(0 if including else 1, len(labels) + 1):
            outer = ".".join(labels[start:]) or "."
            if outer in self.zones:
                return self.zones[outer]
            if outer in DEFAULTS and including and not self.no_defaults:
                self.zones[outer] = Zone(outer, "static", -1)
                return self.zones[outer]
        return None

    def write(self, zone: Zone, kind: str, clients: tuple[str, ...], extra: list[Data] | None = None) -> None:
        """One zone, as `kind`, for these groups."""
        data = zone.data if extra is None else extra
        outer = self._around(zone.name, including=False) if zone.name != "." else None
        if kind == "nodefault":
            self._nodefault(zone)
        elif kind in ("ipset", "block_a"):
            self._say(zone, "dropped", f"there is no such thing as {kind} here")
        elif kind in RULES and kind.startswith("always_"):
            self._always(zone, kind, clients, outer)
        elif kind in RULES:
            self._refusing(zone, kind, clients, data)
        elif kind in REDIRECTS:
            self._redirect(zone, kind, clients, data)
        elif kind in OPEN:
            self._open(zone, kind, clients, data, outer)
        elif data:
            # In a zone that is closed nothing can be open: where something is, a rule closes what is around it.
            has_holes = self._has_holes(zone)
            self._records(zone, clients, data, transparent=has_holes)
            if has_holes:
                self._rule(zone, "block", "nxdomain", clients)
        elif outer is not None and outer.kind == "static" and outer.data:
            self._say(zone, "kept", "the zone around it says the same")
        else:
            self._rule(zone, "block", "nxdomain", clients)

    def level(self, zone: Zone) -> int:
        """How many zones are around it: rules for inner ones come first, for the first that matches counts."""
        labels = zone.name.split(".")
        return sum(".".join(labels[start:]) in self.zones for start in range(1, len(labels)))

    def _has_holes(self, zone: Zone) -> bool:
        if self._holed is None:
            outer = (self._around(one.name, including=False) for one in self.zones.values() if one.kind in OPEN)
            self._holed = {one.name for one in outer if one is not None}
        return zone.name in self._holed

    def _is_rule(self, zone: Zone) -> bool:
        return (
            zone.kind in RULES
            or zone.kind in OPEN
            or (zone.kind == "static" and (not zone.data or self._has_holes(zone)))
        )

    def _say(self, zone: Zone, what: str, reason: str = "", where: str = "") -> None:
        if zone.place < 0:
            return
        if what == "kept":
            self.report.kept(zone.place, where, reason)
        elif what == "changed":
            self.report.changed(zone.place, reason, where)
        else:
            self.report.dropped(zone.place, reason)

    def _table(self, zone: Zone, clients: tuple[str, ...], transparent: bool) -> Table:
        table = self.draft.append("local", zone.place if zone.place >= 0 else None)
        table.set("zone", zone.name)
        if transparent:
            table.set("transparent", True)
        if clients:
            table.set("clients", list(clients))
        table.set("ptr", False)
        table.set("ttl", TTL)
        return table

    def _records(self, zone: Zone, clients: tuple[str, ...], data: list[Data], transparent: bool) -> Table:
        table = self._table(zone, clients, transparent)
        for record in data:
            where = add_record(table, zone.name, record)
            self.report.kept(record.place, where)
        self._say(zone, "kept", "", table.path)
        return table

    def _rule(self, zone: Zone, action: str, answer: str, clients: tuple[str, ...]) -> str:
        """All zones that are answered alike share one rule."""
        name = f"unbound-{action if action == 'allow' else answer.split(',')[0]}"
        wish = Wish(action, name, answer, (), clients, order=self.level(zone))
        where = self._rules.put(wish, "domains", zone.name, zone.place if zone.place >= 0 else None)
        self._say(zone, "kept", "", where)
        return where

    def _always(self, zone: Zone, kind: str, clients: tuple[str, ...], outer: Zone | None) -> None:
        for record in zone.data:
            self.report.dropped(record.place, f"the zone is {kind}, so unbound does not look at it either")
        if outer is not None and not self._is_rule(outer):
            # Local data come before rules, so what is within a local zone must be one itself.
            self._inside(zone, kind, clients, outer)
            return
        self._rule(zone, "block", RULES[kind], clients)
        if kind in DROPS:
            self._say(
                zone, "changed", "refused instead of left without an answer, which would only make devices ask again"
            )

    def _inside(self, zone: Zone, kind: str, clients: tuple[str, ...], outer: Zone) -> None:
        if kind == "always_nxdomain" and outer.kind == "static":
            self._say(zone, "kept", "the zone around it says the same")
            return
        table = self._table(zone, clients, transparent=False)
        if kind == "always_null":
            for owner in ("@", "*"):
                for text in ("A 0.0.0.0", "AAAA ::"):
                    table.add("records", f"{owner} {text}")
            self._say(zone, "kept", "", table.path)
        else:
            self._say(zone, "changed", "there is nothing in it: within a local zone nothing is refused", table.path)

    def _refusing(self, zone: Zone, kind: str, clients: tuple[str, ...], data: list[Data]) -> None:
        if data:
            self._records(zone, clients, data, transparent=True)
            self._say(zone, "changed", "other types of a name that has records are none, not refused")
        self._rule(zone, "block", RULES[kind], clients)
        if kind in DROPS:
            self._say(
                zone, "changed", "refused instead of left without an answer, which would only make devices ask again"
            )

    def _redirect(self, zone: Zone, kind: str, clients: tuple[str, ...], data: list[Data]) -> None:
        own = [record for record in data if record.name == zone.name]
        for record in data:
            if record.name != zone.name:
                self.report.dropped(record.place, "below a zone that is redirected unbound takes no data either")
        addresses = [record.rdata for record in own if record.kind in ("A", "AAAA")]
        if own and len(addresses) == len(own) and set(addresses) <= NOWHERE:
            where = self._rule(zone, "block", ", ".join(dict.fromkeys(addresses)), clients)
            for record in own:
                self.report.kept(record.place, where)
        elif own:
            table = self._records(zone, clients, own, transparent=False)
            for record in own:
                add_record(table, zone.name, record, owner="*")
        else:
            self._rule(zone, "block", "nodata", clients)
        if kind == "inform_redirect":
            self._say(zone, "changed", "who asks for it is not logged")

    def _open(self, zone: Zone, kind: str, clients: tuple[str, ...], data: list[Data], outer: Zone | None) -> None:
        if kind in ("always_transparent", "noview"):
            for record in data:
                self.report.dropped(record.place, f"the zone is {kind}, so unbound does not look at it either")
            data = []
        if outer is not None and self._is_rule(outer):
            self._rule(zone, "allow", "", clients)
        if kind == "typetransparent":
            data = self._by_type(data, clients)
        if data or (outer is not None and not self._is_rule(outer)):
            self._records(zone, clients, data, transparent=True)
        if kind == "inform":
            self._say(zone, "changed", "who asks for it is not logged")
        else:
            self._say(zone, "kept", "names in it are resolved" if not data else "")

    def _by_type(self, data: list[Data], clients: tuple[str, ...]) -> list[Data]:
        """Addresses alone are rewritten, other types left as they are; returns the records that cannot be told so."""
        others = []
        names: dict[tuple[str, str], list[Data]] = {}
        for record in data:
            if record.kind in ("A", "AAAA"):
                names.setdefault((record.name, record.kind), []).append(record)
            else:
                others.append(record)
                self.report.changed(record.place, "other types of this name are not resolved")
        for (name, kind), records in names.items():
            rule = self.draft.append("rule", records[0].place)
            rule.set("action", "rewrite")
            rule.set("domains", [f"={name}"])
            rule.set("types", [kind])
            rule.set("to", [record.rdata for record in records])
            if clients:
                rule.set("clients", list(clients))
            for record in records:
                self.report.kept(record.place, rule.path)
        return others

    def _nodefault(self, zone: Zone) -> None:
        inside = [one for one in self.routed if one == zone.name or one.endswith(f".{zone.name}")]
        if zone.name not in DEFAULTS:
            self._say(zone, "kept", "unbound has no zone of that name by itself, so it says nothing")
        elif inside:
            self._say(zone, "kept", f"the route for {inside[0]} comes before what is answered here by itself")
        elif "." in self.routed and self.migration.draft.get("upstreams") is not None:
            route = self.draft.append("route", zone.place)
            route.set("domains", [zone.name])
            route.set("upstreams", "default")
            self._say(zone, "kept", "", route.path)
        else:
            self._say(zone, "dropped", "nobody outside can answer these names; they would only show what is inside")

    def write_loose(self, clients: tuple[str, ...]) -> None:
        """Data in no zone: other names beside them are resolved."""
        local = LocalNames(self.draft, ptr=False, ttl=TTL)
        for record in self.loose:
            table = local.table(local.zone_of(record.name), clients, record.place)
            where = add_record(table, str(table.get("zone")), record)
            self.report.kept(record.place, where)


def add_record(table: Table, zone: str, record: Data, owner: str = "") -> str:
    """Write a record into the table of its zone. Returns where."""
    if not owner:
        inside = record.name if zone == "." else record.name.removesuffix(f".{zone}")
        owner = "@" if record.name == zone else inside
    ttl = "" if record.ttl == TTL else f"{record.ttl} "
    return table.add("records", f"{owner} {ttl}{record.kind} {record.rdata}", record.place)
