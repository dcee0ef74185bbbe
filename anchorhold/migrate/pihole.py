"""Pi-hole, 5 and 6: its folder /etc/pihole, single files of it, or a Teleporter backup (zip or tar.gz)."""

from dataclasses import dataclass, field
from pathlib import Path

from anchorhold.leases import dnsmasq
from anchorhold.migrate import Migration
from anchorhold.migrate.archive import is_archive, members
from anchorhold.migrate.document import toml_document
from anchorhold.migrate.pihole_gravity import Gravity, carry_gravity, is_database, read_database, read_dump
from anchorhold.migrate.pihole_lists import carry_adlists
from anchorhold.migrate.pihole_settings import PiholeSettings
from anchorhold.migrate.pihole_v5 import FTL, SETUP, OldFiles
from anchorhold.migrate.products import tell_leases
from anchorhold.migrate.reading import Reader, Unreadable

CNAMES = "05-pihole-custom-cname.conf"
STATIC = "04-pihole-static-dhcp.conf"
MADE = frozenset({"01-pihole.conf", "02-pihole-dhcp.conf", "06-rfc6761.conf"})
"""Files of dnsmasq.d that Pi-hole makes out of its settings, which are read themselves."""

DUMPS = (
    "adlist.json",
    "adlist_by_group.json",
    "blacklist.exact.json",
    "blacklist.regex.json",
    "client.json",
    "client_by_group.json",
    "domainlist_by_group.json",
    "group.json",
    "whitelist.exact.json",
    "whitelist.regex.json",
)
FILES = (
    "pihole.toml",
    "setupVars.conf",
    "pihole-FTL.conf",
    "custom.list",
    "adlists.list",
    CNAMES,
    STATIC,
    "gravity.db",
    "dhcp.leases",
    *DUMPS,
)
"""What is looked for in a folder or a backup, by its last name."""


@dataclass
class _Found:
    """Files by their last name: where each is, and its octets (None for a database on disk, which is opened in place)."""

    files: dict[str, tuple[str, bytes | None]] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)


def migrate(paths: tuple[Path, ...], reader: Reader) -> Migration:
    """Read all of it. Raises Unreadable."""
    found = _Found()
    for path in paths:
        _collect(found, path, reader)
    if not found.files and not found.others:
        raise Unreadable(
            str(paths[0]), 0, "has no file of Pi-hole's: pihole.toml, setupVars.conf, gravity.db, a backup"
        )
    migration = Migration()
    settings = _settings(found, migration, reader)
    gravity = _gravity(found, migration)
    settings.carry()
    carry_gravity(gravity, migration, settings.answer, settings.known_addresses)
    if "adlists.list" in found.files:
        carry_adlists(_text(found, "adlists.list"), found.files["adlists.list"][0], migration, settings.answer)
    if "dhcp.leases" in found.files:
        tell_leases(dnsmasq.read(_text(found, "dhcp.leases"), found.files["dhcp.leases"][0]), migration)
    _advise(found, migration)
    return migration


def _collect(found: _Found, path: Path, reader: Reader) -> None:
    if path.is_dir():
        there = set(reader.folder(path))
        for name in FILES:
            if name in there:
                _collect_file(found, path / name, reader)
        for folder in (path / "dnsmasq.d", path.parent / "dnsmasq.d"):
            if folder.is_dir():
                for name in reader.folder(folder):
                    _collect_file(found, folder / name, reader)
        return
    _collect_file(found, path, reader)


def _collect_file(found: _Found, path: Path, reader: Reader) -> None:
    name = path.name
    if name == "gravity.db" or path.suffix == ".db":
        found.files["gravity.db"] = str(path), None
        return
    if name.endswith(".conf") and name in MADE:
        return
    data = reader.octets(path)
    if is_archive(data):
        for inner, octets in members(data, str(path), FILES).items():
            found.files.setdefault(inner, (f"{path}/{inner}", octets))
    elif is_database(data):
        found.files["gravity.db"] = str(path), data
    elif name in FILES:
        found.files[name] = str(path), data
    elif name.endswith(".toml"):
        found.files["pihole.toml"] = str(path), data
    elif name.endswith(".conf"):
        found.others.append(path)
    else:
        raise Unreadable(str(path), 0, f"is none of Pi-hole's files: {', '.join(FILES[:9])}, or a backup")


def _text(found: _Found, name: str) -> str:
    return (found.files[name][1] or b"").decode("utf-8", "replace")


def _settings(found: _Found, migration: Migration, reader: Reader) -> PiholeSettings:
    """pihole.toml counts where it is there; else what Pi-hole 5 had in its place."""
    old = OldFiles(migration.report)
    lines: list[tuple[int, str]] = []
    is_new = "pihole.toml" in found.files
    for name, known in (("setupVars.conf", SETUP), ("pihole-FTL.conf", FTL)):
        if name in found.files and not is_new:
            old.settings(_text(found, name), found.files[name][0], known)
    if "custom.list" in found.files and not is_new:
        old.hosts(_text(found, "custom.list"), found.files["custom.list"][0])
    for name in (CNAMES, STATIC):
        if name in found.files and not is_new:
            lines += old.directives(_text(found, name), found.files[name][0])
    document = old.document()
    if is_new:
        document = toml_document(_text(found, "pihole.toml"), found.files["pihole.toml"][0], migration.report)
    for path in found.others:
        lines += old.directives(reader.text(path), str(path))
    return PiholeSettings(document, migration, lines)


def _gravity(found: _Found, migration: Migration) -> Gravity:
    gravity = Gravity()
    if "gravity.db" in found.files:
        name, octets = found.files["gravity.db"]
        read_database(gravity, name, octets, migration.report)
    for name in DUMPS:
        if name in found.files and "gravity.db" not in found.files:
            read_dump(gravity, name, _text(found, name), found.files[name][0], migration.report)
    return gravity


def _advise(found: _Found, migration: Migration) -> None:
    if found.files and not found.files.keys() & {"gravity.db", "adlists.list", *DUMPS}:
        migration.report.advise("no gravity.db was given, so lists, rules and groups of clients did not come along")
    migration.report.advise(
        "what was pi.hole's web page is the command line here: anchorhold status, explain, blocked, pause"
    )
