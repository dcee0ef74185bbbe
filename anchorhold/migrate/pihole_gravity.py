"""gravity.db of Pi-hole, or the same tables as JSON out of a backup of version 5: rows, read without running anything in it."""

import contextlib
import json
import sqlite3
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from anchorhold.migrate import Migration
from anchorhold.migrate.pihole_clients import ClientGroups
from anchorhold.migrate.pihole_lists import write_adlist
from anchorhold.migrate.pihole_rules import RuleWriter
from anchorhold.migrate.reading import Unreadable
from anchorhold.migrate.report import Report
from anchorhold.migrate.rule_book import RuleBook

MAX_ROWS = 200_000
"""Of one table."""
MAX_STEPS = 50_000
"""Thousands of steps of the database's machine: what ten times as many rows would need."""
MAX_LENGTH = 1024 * 1024
"""Octets of one value or statement."""

_DOMAINS = {"whitelist.exact.json": 0, "blacklist.exact.json": 1, "whitelist.regex.json": 2, "blacklist.regex.json": 3}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `adlist`, `domainlist`, `client` or `group`. `kind` is its type, where it has one."""

    number: int
    text: str
    place: int
    kind: int = 0
    enabled: bool = True


@dataclass
class Gravity:
    """The rows, and which group (by number) each is in."""

    groups: dict[int, Row] = field(default_factory=dict)
    adlists: list[Row] = field(default_factory=list)
    domains: list[Row] = field(default_factory=list)
    clients: list[Row] = field(default_factory=list)
    links: dict[str, dict[int, set[int]]] = field(
        default_factory=lambda: {"adlist": {}, "domainlist": {}, "client": {}}
    )
    """Table → number of a row → numbers of groups."""

    def groups_of(self, table: str, row: Row) -> set[int]:
        """The groups of a row that are turned on; without any link it is in the group Default."""
        linked = self.links[table].get(row.number)
        found = {0} if linked is None and not self.links[table] else (linked or set())
        return {number for number in found if number not in self.groups or self.groups[number].enabled}


def is_database(data: bytes) -> bool:
    """By its first octets."""
    return data.startswith(b"SQLite format 3\0")


def read_database(gravity: Gravity, name: str, octets: bytes | None, report: Report) -> None:
    """Read the database at the path `name`, or in `octets`. Raises Unreadable."""
    report.files.append(name)
    try:
        with closing(_opened(name, octets)) as base:
            _read_tables(gravity, base, name, report)
    except (sqlite3.Error, ValueError, OverflowError, MemoryError) as error:
        raise Unreadable(name, 0, f"is no database that can be read: {error}") from None


def _opened(name: str, octets: bytes | None) -> sqlite3.Connection:
    if octets is None:
        # Read-only, and without locks or journals beside it: Pi-hole may be running.
        place = urllib.parse.quote(str(Path(name).absolute()))
        base = sqlite3.connect(f"file:{place}?mode=ro&immutable=1", uri=True)
    else:
        base = sqlite3.connect(":memory:")
        base.deserialize(octets)
    base.text_factory = lambda raw: raw.decode("utf-8", "replace")
    base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_LENGTH)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return int(steps > MAX_STEPS)

    base.set_progress_handler(count, 1_000)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"):
        base.execute(f"PRAGMA {pragma}")
    return base


def _read_tables(gravity: Gravity, base: sqlite3.Connection, name: str, report: Report) -> None:
    for table in ("group", "adlist", "domainlist", "client"):
        for row in _rows(base, table):
            _take(gravity, table, row, name, report)
    for table, key in (("adlist", "adlist_id"), ("domainlist", "domainlist_id"), ("client", "client_id")):
        for row in _rows(base, f"{table}_by_group"):
            _link(gravity, table, row.get(key), row.get("group_id"))


def _rows(base: sqlite3.Connection, table: str) -> Iterator[dict[str, object]]:
    """Rows of a real table: a view of that name would run what somebody wrote."""
    kind = base.execute(
        "SELECT type FROM sqlite_master WHERE name = ? AND sql LIKE 'CREATE TABLE%'", (table,)
    ).fetchone()
    if kind is None or kind[0] != "table":
        return
    cursor = base.execute(f'SELECT * FROM "{table}" LIMIT {MAX_ROWS}')  # noqa: S608 # the name is one of ours
    names = [column[0] for column in cursor.description]
    for values in cursor:
        yield dict(zip(names, values, strict=True))


def read_dump(gravity: Gravity, member: str, text: str, file: str, report: Report) -> None:
    """One JSON file of a backup: a list of rows. Raises Unreadable."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(file, 0, f"is no JSON: {error}") from None
    if not isinstance(rows, list):
        raise Unreadable(file, 0, "is no list of rows")
    report.files.append(file)
    table = member.partition(".")[0]
    for row in rows[:MAX_ROWS]:
        if not isinstance(row, dict):
            report.dropped(report.add(file, 0, "a row"), "is no row of a table")
        elif table.endswith("_by_group"):
            owner = table.removesuffix("_by_group")
            _link(gravity, owner, row.get(f"{owner}_id"), row.get("group_id"))
        else:
            kind = {"type": _DOMAINS[member]} if member in _DOMAINS else {}
            _take(gravity, "domainlist" if kind else table, {**row, **kind}, file, report)


_TEXTS = {"group": "name", "adlist": "address", "domainlist": "domain", "client": "ip"}


def _take(gravity: Gravity, table: str, row: dict[str, object], file: str, report: Report) -> None:
    number, text = _number(row.get("id"), -1), row.get(_TEXTS[table])
    shown = text if isinstance(text, str) else ""
    place = report.add(file, max(0, number), f"{table}: {shown}")
    if number < 0 or not shown.strip():
        report.dropped(place, "is no row of Pi-hole's")
        return
    made = Row(number, shown.strip(), place, _number(row.get("type"), 0), bool(_number(row.get("enabled"), 1)))
    match table:
        case "group":
            gravity.groups[number] = made
        case "adlist":
            gravity.adlists.append(made)
        case "domainlist":
            gravity.domains.append(made)
        case _:
            gravity.clients.append(made)


def _number(value: object, otherwise: int) -> int:
    if isinstance(value, bool | int):
        return int(value) if abs(value) < 2**31 else otherwise
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return int(value[:10])
    return otherwise


def _link(gravity: Gravity, table: str, row: object, group: object) -> None:
    gravity.links[table].setdefault(_number(row, -1), set()).add(_number(group, -1))


def carry_gravity(gravity: Gravity, migration: Migration, answer: str, known: dict[str, str]) -> None:
    """Write lists, rules and groups of clients. `known` ties hardware addresses and names to addresses."""
    report = migration.report
    clients = ClientGroups(migration)
    for row in gravity.clients:
        clients.add(row.text, gravity.groups_of("client", row), row.place, known)
    clients.write({number: row.text for number, row in gravity.groups.items()})
    for group in gravity.groups.values():
        if not group.enabled:
            report.dropped(group.place, "it is turned off there")
        elif group.number == 0:
            report.kept(group.place, reason="whoever no group of clients names is in default")
        elif group.number in clients.used:
            report.kept(group.place, "clients")
        else:
            report.dropped(group.place, "no device is in it, so it would do nothing")
    for row in gravity.adlists:
        names = _reached(gravity, "adlist", row, clients, report)
        made = None if names is None else write_adlist(migration, row.text, row.place, answer, allow=row.kind == 1)
        if made is not None and names:
            made.set("clients", list(names))
    rules = RuleWriter(migration, RuleBook(migration.draft), answer)
    for row in gravity.domains:
        names = _reached(gravity, "domainlist", row, clients, report)
        if names is not None:
            rules.add(row.text, row.kind, row.place, names)


def _reached(gravity: Gravity, table: str, row: Row, clients: ClientGroups, report: Report) -> tuple[str, ...] | None:
    """The groups of clients that a row is for (empty: all); None, and told, if it is for none."""
    names = clients.reached(gravity.groups_of(table, row)) if row.enabled else None
    if names is None:
        report.dropped(row.place, "no device is in any of its groups" if row.enabled else "it is turned off there")
    return names
