"""dnsmasq: its configuration, read as it reads it, to one of ours. Each family of keywords has a file of its own."""

import ipaddress
from pathlib import Path

from anchorhold.config.schema import AccessTable
from anchorhold.migrate import Migration
from anchorhold.migrate.dhcp_hosts import subnets
from anchorhold.migrate.dnsmasq_dhcp import DhcpFamily
from anchorhold.migrate.dnsmasq_file import Reading
from anchorhold.migrate.dnsmasq_hosts import HostFamily
from anchorhold.migrate.dnsmasq_keywords import DROPPED, KEPT
from anchorhold.migrate.dnsmasq_local import LocalFamily
from anchorhold.migrate.dnsmasq_options import OptionFamily
from anchorhold.migrate.dnsmasq_run import Run
from anchorhold.migrate.dnsmasq_servers import ServerFamily
from anchorhold.migrate.dnsmasq_settings import SettingFamily
from anchorhold.migrate.dnsmasq_tags import TagBook
from anchorhold.migrate.reading import Reader, Unreadable

LEASES = "/var/lib/misc/dnsmasq.leases"
"""Where Debian's dnsmasq keeps them."""


def migrate(paths: tuple[Path, ...], reader: Reader) -> Migration:
    """Read the files, and what they include, in this order. Raises Unreadable."""
    migration = Migration()
    reading = Reading(reader, migration.report)
    for path in paths:
        if path.is_dir():
            for name in reader.folder(path):
                if (path / name).is_file() and not name.startswith(".") and not name.endswith("~"):
                    reading.file(path / name)
        else:
            reading.file(path)
    if not reading.report.files:
        raise Unreadable(str(paths[0]) if paths else "", 0, "there is no file in it")
    run = Run(migration, reading)
    for option in reading.options:
        if option.keyword in KEPT:
            run.report.kept(option.place, reason=KEPT[option.keyword])
        elif option.keyword in DROPPED:
            run.report.dropped(option.place, DROPPED[option.keyword])
    settings = SettingFamily(run)
    settings.all()
    dhcp = DhcpFamily(run)
    dhcp.all()
    tags = TagBook(run, dhcp.subnets)
    tags.all()
    HostFamily(run, dhcp, tags).all()
    OptionFamily(run, dhcp, tags).all()
    tags.finish()
    local = LocalFamily(run)
    local.find_bulk()
    ServerFamily(run, local).all()
    local.all()
    settings.last_rules()
    _finish(run, dhcp)
    return migration


def _finish(run: Run, dhcp: DhcpFamily) -> None:
    option = run.reading.first("dhcp-leasefile") or run.reading.first("dhcp-lease")
    if option is not None and option.value:
        run.report.kept(option.place, reason="leases come along with: anchorhold leases import")
        run.migration.leases.append(str(run.reading.reader.place(option.value, option.folder)))
    elif dhcp.subnets:
        if option is not None:
            run.report.kept(option.place, reason="leases are kept in the state directory")
        usual = run.reading.reader.place(LEASES)
        if usual.is_file():
            run.migration.leases.append(str(usual))
    elif option is not None:
        run.report.dropped(option.place, "no addresses are given out")
    _allow(run)
    for place in run.report.unsaid():
        run.report.dropped(place, "nothing here reads it (please report that)")


def _allow(run: Run) -> None:
    """Who gets an address with public networks must be able to ask."""
    usual = AccessTable().allow
    allowed = [ipaddress.ip_network(text) for text in usual]
    missing = [
        str(network)
        for network, _ in subnets(run.draft)
        if not any(network.version == one.version and network.subnet_of(one) for one in allowed)  # type: ignore[arg-type]
    ]
    if missing:
        run.draft.table("access").set("allow", [*usual, *dict.fromkeys(missing)])
