"""The `[[local]]` zones of a migrated dnsmasq, and in which of them a record belongs."""

from anchorhold.migrate.dnsmasq_run import Run
from anchorhold.migrate.draft import Item, Table


class Zones:
    """Made as they are needed. A whole zone has what is in it and nothing else; of a loose one the rest is resolved."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._made: dict[str, Table] = {}
        self._items: dict[str, Item] = {}
        self._whole: set[str] = set()
        self._wild: dict[str, list[tuple[str, str, int | None]]] = {}
        self.ttl: int | None = None
        """Seconds of all records, if a line says so."""

    def whole(self, domain: str, places: list[int]) -> Table:
        """The zone of that name, with nothing else in it."""
        zone = self._zone(domain, places[0] if places else None)
        self._whole.add(domain)
        if "transparent" in zone:
            del zone.items["transparent"]
        for place in places:
            self._touch(domain, place)
        return zone

    def transparent(self, domain: str, place: int) -> Table:
        """A zone of that name whose other names are resolved like any."""
        zone = self._zone(domain, place)
        if domain not in self._whole:
            zone.set("transparent", True)
        return zone

    def reopen(self, domain: str, place: int) -> None:
        """Let a domain that has a route of its own out of the zone around it. The route is enough, unless the zone answers for
        every name: then something must be there, for a wildcard ends where a name is (RFC 4592 section 4.3)."""
        around = self.around(domain)
        if around not in ("", domain) and around in self._wild:
            zone = self.transparent(domain, place)
            zone.add("records", '_elsewhere TXT "these names are resolved by a route"', place)

    def around(self, name: str) -> str:
        """The longest whole zone at or above a name; empty if there is none."""
        labels = name.split(".")
        for at in range(len(labels)):
            zone = ".".join(labels[at:])
            if zone in self._whole:
                return zone
        return ""

    def everywhere(self, domain: str, kind: str, data: str, place: int | None) -> None:
        """A record at a zone's name and at every name below it."""
        zone = self._made[domain]
        zone.set("ptr", False)
        self._wild.setdefault(domain, []).append((kind, data, place))
        for name in ("@", "*"):
            zone.add("records", f"{name} {kind} {data}", place)

    def record(self, name: str, text: str, place: int) -> str:
        """Put `NAME text` where the name belongs. Returns the path of the zone's records."""
        name = name.rstrip(".").lower()
        domain = self.around(name)
        if not domain:
            parent = name.partition(".")[2]
            domain = parent if "." in parent or parent in self._made or parent == self._run.domain() else name
            domain = domain or name
            self.transparent(domain, place)
        zone = self._made[domain]
        owner = "@" if name == domain else name.removesuffix(f".{domain}")
        for kind, data, origin in self._wild.get(domain, []) if owner != "@" else []:
            # What exists hides the wildcard from the names below it (RFC 4592 section 4.3).
            zone.add("records", f"*.{owner} {kind} {data}", origin)
        if owner == "@" and text.split()[-2:-1] in (["A"], ["AAAA"]):
            self._replace(zone, text.split()[-2])
        return zone.add("records", f"{owner} {text}", place)

    def _replace(self, zone: Table, kind: str) -> None:
        """A host's own address goes before the one for all names in a domain."""
        records = zone.get("records")
        if isinstance(records, list):
            records[:] = [one for one in records if not str(one.value).startswith(f"@ {kind} ")]

    def _zone(self, domain: str, place: int | None) -> Table:
        if domain not in self._made:
            zone = self._run.draft.append("local", place)
            zone.set("zone", domain)
            if self.ttl is not None:
                zone.set("ttl", self.ttl)
            self._made[domain] = zone
            self._items[domain] = self._run.draft.item("local")
        elif place is not None:
            self._touch(domain, place)
        return self._made[domain]

    def _touch(self, domain: str, place: int) -> None:
        self._items[domain].told(place, "")
