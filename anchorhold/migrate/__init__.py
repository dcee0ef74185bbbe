"""Moving in: configurations of other programs, read whole, to one of ours and a report of every line.

A migrator is a module with `migrate(paths, reader) -> Migration`; see `anchorhold/migrate/report.py` for what it says of each
line and `draft.py` for what it writes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from anchorhold.migrate.draft import Table
from anchorhold.migrate.reading import Reader
from anchorhold.migrate.report import Report

MIGRATORS = {
    "dnsmasq": "dnsmasq.conf and what it includes, also as OpenWrt and LTSP write it",
    "pihole": "pihole.toml or setupVars.conf, gravity.db, the folder /etc/pihole, or a Teleporter zip",
    "adguardhome": "AdGuardHome.yaml or its folder, with the leases beside",
    "unbound": "unbound.conf and what it includes",
    "hosts": "files like /etc/hosts, or lists of domains to block",
}
"""Program → what its PATH is. The module is `anchorhold/migrate/NAME.py`, loaded only when used."""


@dataclass
class Migration:
    """What a migrator made: the draft of our configuration, what became of every line, and where it found leases."""

    draft: Table = field(default_factory=Table)
    report: Report = field(default_factory=Report)
    leases: list[str] = field(default_factory=list)
    """Lease files that the other configuration names, or that lie where that program puts them."""


Migrate = Callable[[tuple[Path, ...], Reader], Migration]


def migrator(name: str) -> Migrate:
    """The function of that migrator; `name` is one of MIGRATORS."""
    found: Migrate = import_module(f"anchorhold.migrate.{name}").migrate
    return found
