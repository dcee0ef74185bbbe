"""unbound.conf, with all that it includes."""

from pathlib import Path

from anchorhold.migrate import Migration
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.unbound_clients import Audience, Block, read_clients
from anchorhold.migrate.unbound_forward import ForwardWriter
from anchorhold.migrate.unbound_keywords import FIXED, LEFT
from anchorhold.migrate.unbound_lexer import Clause, Lexer
from anchorhold.migrate.unbound_server import ServerWriter
from anchorhold.migrate.unbound_zones import OPEN, Data, Zone, ZoneWriter, read_data

LOCAL = frozenset({"local-zone", "local-data", "local-data-ptr", "local-zone-tag"})


def migrate(paths: tuple[Path, ...], reader: Reader) -> Migration:
    """Read all of it. Raises Unreadable."""
    migration = Migration()
    lexer = Lexer(reader, migration.report)
    for path in paths:
        lexer.read(path / "unbound.conf" if path.is_dir() else path)
    if not lexer.clauses:
        raise Unreadable(str(paths[0]), 0, "has no clause of unbound's: server:, forward-zone: and so on")
    _Carrier(migration, lexer, reader).carry()
    return migration


class _Carrier:
    """The parts in the order in which they need each other."""

    def __init__(self, migration: Migration, lexer: Lexer, reader: Reader) -> None:
        self.migration, self.report = migration, migration.report
        self.server, self.clauses = lexer.server(), lexer.clauses
        self.views = {name: clause for clause in self.clauses if clause.kind == "view" and (name := _name(clause))}
        self.reader = reader

    def carry(self) -> None:
        """Write the draft, and tell of every statement."""
        ServerWriter(self.server, self.migration, self.reader).write()
        audience = read_clients(self.server, set(self.views), self.migration)
        forwards = ForwardWriter(self.migration, self.server, self.reader, self._known())
        forwards.write(self.clauses)
        self._zones(audience, forwards.routed)
        tagged = {tags: tuple(audience.tagged(tags, set())) for tags in self._tag_sets()}
        forwards.lists(self.clauses, tagged)
        self._fixed()

    def _known(self) -> dict[str, list[str]]:
        """Names of local-data → their addresses."""
        known: dict[str, list[str]] = {}
        for one in self.server.all("local-data"):
            try:
                data = read_data(one.value, one.place)
            except ValueError:
                continue
            if data.kind in ("A", "AAAA"):
                known.setdefault(data.name, []).append(data.rdata)
        return known

    def _tag_sets(self) -> set[frozenset[str]]:
        tagged = [clause.last("tags") for clause in self.clauses if clause.kind == "rpz"]
        return {frozenset(one.value.split()) for one in tagged if one is not None}

    def _zones(self, audience: Audience, routed: set[str]) -> None:
        # A view that has zones and is not told to go on sees nothing of the server's.
        cut_off = {
            name
            for name, clause in self.views.items()
            if any(one.keyword in LOCAL for one in clause.statements) and not clause.is_yes("view-first")
        }
        no_defaults = self.server.is_yes("unblock-lan-zones")
        for one in self.server.all("unblock-lan-zones") + self.server.all("insecure-lan-zones"):
            if one.is_yes:
                self.report.changed(
                    one.place, "a route for a reverse domain of a private network comes before what is answered here"
                )
            else:
                self.report.kept(one.place)
        for one in self.server.all("local-zone-override"):
            self.report.dropped(one.place, "write the zone for a group of clients: clients in [[local]] or [[rule]]")
        common = ZoneWriter(self.migration, routed, no_defaults)
        common.read([one for one in self.server.statements if one.keyword in LOCAL])
        owners: dict[str, set[str]] = {}
        for name, clause in self.views.items():
            for own in self._view(clause, audience.with_view(name), routed):
                owners.setdefault(own, set()).add(name)
        for zone in sorted(common.zones.values(), key=common.level, reverse=True):
            if zone.tags:
                self._tagged(common, zone, audience, cut_off)
            else:
                # A view that has a zone of the same name has its own in place of this one.
                common.write(zone, zone.kind, audience.of_global(cut_off | owners.get(zone.name, set())))
        common.write_loose(audience.of_global(cut_off))

    def _view(self, clause: Clause, groups: tuple[str, ...], routed: set[str]) -> list[str]:
        """Write the zones of a view. Returns the names of those that decide everything in them."""
        if not groups:
            for one in clause.statements:
                if one.keyword in LOCAL | {"name", "view-first"}:
                    self.report.dropped(one.place, "no client has this view (access-control-view)")
            return []
        writer = ZoneWriter(self.migration, routed, no_defaults=False)
        writer.read([one for one in clause.statements if one.keyword in LOCAL])
        for zone in sorted(writer.zones.values(), key=writer.level, reverse=True):
            writer.write(zone, zone.kind, groups)
        writer.write_loose(groups)
        for keyword in ("name", "view-first"):
            for one in clause.all(keyword):
                self.report.kept(one.place, f"clients.{groups[0]}")
        # What is open in the view goes on to the server's zone of the same name.
        return [zone.name for zone in writer.zones.values() if zone.kind not in OPEN]

    def _tagged(self, writer: ZoneWriter, zone: Zone, audience: Audience, cut_off: set[str]) -> None:
        """A zone for those that have one of its tags, and for each as its own tag says."""
        found = audience.tagged(zone.tags, cut_off)
        if not found:
            self._drop(zone, "no client has a tag of this zone")
            return
        kinds: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for name, block in found.items():
            tag = next((tag for tag in sorted(zone.tags & block.tags) if tag in block.actions), "")
            kind = block.actions.get(tag, zone.kind)
            kinds.setdefault((kind, tuple(_tag_data(block, zone))), []).append(name)
        for (kind, lines), names in kinds.items():
            writer.write(zone, kind, tuple(names), self._extra(zone, lines))

    def _extra(self, zone: Zone, lines: tuple[str, ...]) -> list[Data] | None:
        if not lines:
            return None
        made = []
        for line in lines:
            try:
                made.append(read_data(f"{zone.name} {line}", zone.place))
            except ValueError:
                self.migration.report.changed(zone.place, f"data of a tag that is no record: {line[:60]!r}")
        return made

    def _drop(self, zone: Zone, reason: str) -> None:
        for place in (zone.place, *(record.place for record in zone.data)):
            if place >= 0:
                self.report.dropped(place, reason)

    def _fixed(self) -> None:
        for clause in self.clauses:
            for one in clause.statements:
                if self.report.lines[one.place].verdict is not None:
                    continue
                if one.keyword in FIXED:
                    verdict, reason = FIXED[one.keyword]
                    self.report.say(one.place, verdict, reason)
                else:
                    self.report.dropped(
                        one.place, LEFT.get(clause.kind, "does nothing where it stands, or is not read here")
                    )


def _tag_data(block: Block, zone: Zone) -> list[str]:
    return [line for tag in sorted(zone.tags & block.tags) for line in block.data.get(tag, [])]


def _name(clause: Clause) -> str:
    named = clause.last("name")
    return named.value if named is not None else ""
