"""Leases of the other server beside the new configuration: which of them will be at home there."""

import ipaddress
import tomllib

from anchorhold.leases.reading import Found
from anchorhold.migrate import Migration


def check_leases(found: Found, migration: Migration, text: str) -> None:
    """Say of every lease line whether `anchorhold leases import` will take it, for the configuration `text`."""
    report = migration.report
    report.files.append(found.name)
    networks = _networks(text)
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


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    dhcp = tomllib.loads(text).get("dhcp", {})
    return [ipaddress.ip_network(subnet["prefix"]) for subnet in dhcp.get("subnet", ())]
