"""Devices and their groups in Pi-hole, where a device may be in several, to groups of clients here, where it is in one."""

from dataclasses import dataclass, field

from anchorhold.migrate import Migration
from anchorhold.migrate.words import network, word

HOW = "write its address into networks of a [clients.NAME]; [[dhcp.host]] gives a device an address of its own"


@dataclass
class ClientGroups:
    """Each set of groups that a device has becomes a group of clients; {0} alone is `default`."""

    migration: Migration
    sets: dict[frozenset[int], list[tuple[str, int]]] = field(default_factory=dict)
    names: dict[frozenset[int], str] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)

    def add(self, text: str, groups: set[int], place: int, known: dict[str, str]) -> None:
        """A row of the table of clients: an address, a network, a hardware address, a name or `:INTERFACE`."""
        report = self.migration.report
        found = network(known.get(text.lower(), text))
        if found is None:
            kind = (
                "an interface"
                if text.startswith(":")
                else "a name or hardware address, which no address is tied to here"
            )
            report.dropped(place, f"{kind}: {HOW}")
            return
        key = frozenset(groups)
        if key == frozenset({0}):
            report.kept(place, reason="it is in the group Default alone, as everybody is: no group is needed")
            return
        shown = str(found.network_address) if found.num_addresses == 1 else str(found)
        if any(shown == other for members in self.sets.values() for other, _ in members):
            report.dropped(place, f"{shown} is in a group already")
            return
        self.sets.setdefault(key, []).append((shown, place))
        if text.lower() in known:
            report.changed(place, f"known by {shown}, which the configuration gives it")

    def write(self, titles: dict[int, str]) -> None:
        """Write `[clients.NAME]`."""
        clients = self.migration.draft.table("clients") if self.sets else None
        for key, members in self.sets.items():
            title = "-".join(titles.get(number, f"group{number}") for number in sorted(key) if number or len(key) == 1)
            name = word(title or "no-lists", ["default", *self.names.values()], "group")
            self.names[key] = name
            self.used |= key
            assert clients is not None  # noqa: S101 # there are members
            table = clients.table(name)
            for shown, place in members:
                self.migration.report.kept(place, table.add("networks", shown, place))

    def reached(self, groups: set[int]) -> tuple[str, ...] | None:
        """The groups of clients that have one of these groups; empty if all have, None if none has."""
        everybody = {frozenset({0}): "default", **self.names}
        found = [name for key, name in everybody.items() if key & groups]
        if not found:
            return None
        return () if len(found) == len(everybody) else tuple(found)
