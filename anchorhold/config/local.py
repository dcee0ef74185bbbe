"""`[[local]]`, `[hosts]` and `[rebinding]`."""

import ipaddress
from collections.abc import Iterable, Iterator

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.hosts_files import Host, read_hosts
from anchorhold.config.master import AAAA, MAX_RECORDS, PTR, A, conflicts, read_master, read_record
from anchorhold.config.names import read_domain, read_domain_if_any, show_domain
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.schema import ConfigFile
from anchorhold.config.schema_policy import LocalTable
from resolver.policy.prefix64 import reverse_name, reverse_name_v4
from resolver.policy.special_names import overridable
from resolver.policy_settings import LocalRecord, LocalZone, Rebinding
from wire.dns.names import ROOT, WILDCARD, read_name

ARPA = read_name("arpa")

Placed = tuple[Path, str, LocalRecord]
"""A record, where the configuration leads to it, and where in a file it stands (`"FILE line N: "` or empty)."""


class LocalReader:
    """Reads the local names of one configuration; says what is wrong through `notes`."""

    def __init__(self, config: ConfigFile, notes: Notes, places: Places, clients: tuple[str, ...]) -> None:
        self._config = config
        self._notes = notes
        self._places = places
        self._clients = clients
        self._count = 0
        self._pointers: dict[tuple[int, ...], dict[bytes, LocalRecord]] = {}

    def zones(self) -> tuple[LocalZone, ...]:
        """Every zone, that of the hosts files and the reverse ones included."""
        made = [
            zone
            for number, table in enumerate(self._config.local)
            if (zone := self._zone(("local", number), table)) is not None
        ]
        hosts = self._hosts()
        if hosts is not None:
            made.append(hosts)
        if self._count > MAX_RECORDS:
            self._notes.note(("local",), f"{self._count} records", f"at most {MAX_RECORDS}")
        written = {record.name for zone in made for record in zone.records if record.rrtype == PTR}
        for groups, pointers in self._pointers.items():
            records = tuple(record for name, record in pointers.items() if name not in written)
            if records:
                made.append(LocalZone(ARPA, records, True, groups))
        return tuple(made)

    def rebinding(self) -> Rebinding:
        """What is taken out of answers."""
        table = self._config.rebinding
        allow = []
        for place, name in self._notes.each(("rebinding", "allow"), table.allow, read_domain):
            if name == ROOT:
                self._notes.note(place, "this is every name", "write protect = false if that is what you want")
            allow.append(name)
        return Rebinding(table.protect, tuple(dict.fromkeys(allow)))

    # tables

    def _zone(self, path: Path, table: LocalTable) -> LocalZone | None:
        groups = self._groups((*path, "clients"), table.clients)
        try:
            apex = read_domain(table.zone)
            if not overridable(apex):
                raise Wrong(f"{show_domain(apex)} means the same everywhere and is answered so", "drop the table")
        except Wrong as wrong:
            self._notes.note((*path, "zone"), wrong.what, wrong.hint)
            return None
        self._check_routes((*path, "zone"), table, apex, groups)
        placed = [*self._written(path, table, apex), *self._from_file((*path, "file"), table, apex)]
        self._count += len(placed)
        for (place, line, _), what in conflicts((one, one[2]) for one in placed):
            self._notes.note(place, line + what, "drop one of them")
        records = tuple(dict.fromkeys(record for _, _, record in placed))
        if table.ptr:
            self._point(groups, records)
        return LocalZone(apex, records, table.transparent, groups)

    def _check_routes(self, path: Path, table: LocalTable, apex: bytes, groups: tuple[int, ...]) -> None:
        """A route for the same names would never be taken."""
        if table.transparent or groups:
            return
        for number, route in enumerate(self._config.route):
            if any(read_domain_if_any(text) == apex for text in route.domains):
                self._notes.note(
                    path,
                    f"nothing there is resolved, but route[{number}] sends the same names elsewhere",
                    "add transparent = true if the route has what is not written here, or drop one of them",
                )

    def _groups(self, path: Path, names: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(sorted(self._notes.groups(path, names, self._clients)))

    def _written(self, path: Path, table: LocalTable, apex: bytes) -> Iterator[Placed]:
        place = (*path, "records")
        for where, record in self._notes.each(place, table.records, lambda text: read_record(text, apex, table.ttl)):
            yield where, "", record

    def _from_file(self, place: Path, table: LocalTable, apex: bytes) -> Iterator[Placed]:
        data = self._file(place, table.file)
        if data is None:
            return
        try:
            for line in read_master(data.decode("utf-8"), apex, table.ttl):
                yield place, f"{table.file} line {line.number}: ", line.record
        except UnicodeDecodeError:
            self._notes.note(place, f"{table.file} is not UTF-8", "save the file as UTF-8")
        except Wrong as wrong:
            self._notes.note(place, f"{table.file} {wrong.what}", wrong.hint)

    def _file(self, place: Path, name: str) -> bytes | None:
        if not name:
            return None
        try:
            return self._places.read_file(self._places.absolute(name))
        except OSError as error:
            self._notes.note(
                place, f"{name} cannot be read: {error.strerror or error}", "is it there, for everybody to read?"
            )
            return None

    # files of hosts

    def _hosts(self) -> LocalZone | None:
        table = self._config.hosts
        groups = self._groups(("hosts", "clients"), table.clients)
        domain = self._notes.one(("hosts", "domain"), table.domain, read_domain, b"") if table.domain else b""
        if not table.files:
            return None
        records: dict[LocalRecord, None] = {}
        pointers: list[LocalRecord] = []
        for position, name in enumerate(table.files):
            for host in self._lines(("hosts", "files", position), name, domain):
                rrtype = A if len(host.address) == 4 else AAAA
                for known in host.names:
                    records.setdefault(LocalRecord(known, rrtype, table.ttl, host.address))
                if host.reversible:
                    pointers.append(LocalRecord(host.names[0], rrtype, table.ttl, host.address))
        self._count += len(records)
        self._point(groups, pointers)
        return LocalZone(ROOT, tuple(records), True, groups)

    def _lines(self, place: Path, name: str, domain: bytes) -> Iterator[Host]:
        data = self._file(place, name)
        for found in read_hosts(data or b"", domain, self._places.host):
            if isinstance(found, Host):
                yield found
            else:
                number, wrong = found
                self._notes.note(place, f"{name} line {number}: {wrong.what}", wrong.hint)

    # reverse names

    def _point(self, groups: tuple[int, ...], records: Iterable[LocalRecord]) -> None:
        """The reverse names of these addresses; the first name that has one is its answer."""
        pointers = self._pointers.setdefault(groups, {})
        for record in records:
            if record.rrtype not in (A, AAAA) or record.name.startswith(WILDCARD) or not _is_one_device(record.rdata):
                continue
            reverse = reverse_name_v4(record.rdata) if record.rrtype == A else reverse_name(record.rdata)
            if reverse not in pointers:
                pointers[reverse] = LocalRecord(reverse, PTR, record.ttl, record.name)


def _is_one_device(packed: bytes) -> bool:
    """Whether the address means one and the same device to everybody."""
    address = ipaddress.ip_address(packed)
    own = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not own and bool(packed[0] or len(packed) == 16)
