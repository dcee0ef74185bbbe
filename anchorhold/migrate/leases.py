"""Leases of the other server beside the new configuration: which of them will be at home there."""

import ipaddress

from anchorhold.leases.reading import Found
from anchorhold.migrate import Migration
from anchorhold.migrate.dhcp_hosts import subnets


def check_leases(found: Found, migration: Migration) -> None:
    """Say of every lease line whether `anchorhold leases import` will take it, as the draft is."""
    report = migration.report
    report.files.append(found.name)
    networks = [network for network, _ in subnets(migration.draft)]
    for lease in found.leases:
        number = int(lease.where.rpartition(":")[2] or 0)
        place = report.add(found.name, number, f"lease of {lease.address}")
        address = ipaddress.ip_address(lease.address)
        if any(address in network for network in networks):
            report.kept(place, reason="it comes along with: anchorhold leases import")
        else:
            report.dropped(place, f"{address} is in no [[dhcp.subnet]] of the new configuration")
    for wrong in found.wrong:
        where, _, reason = wrong.removeprefix(f"{found.name}:").partition(": ")
        report.dropped(report.add(found.name, int(where) if where.isdigit() else 0, "a line of leases"), reason)
