"""Lease file of AdGuard Home (data/leases.json): an object with a list of leases, or in older versions the list itself.

Static ones are settings there; they are told apart, for they are none to import.
"""

import ipaddress
import json
from dataclasses import dataclass, field
from datetime import datetime

from anchorhold.leases.reading import Found, Unusable, octets
from anchorhold.leases.rows import Foreign


@dataclass
class Leases(Found):
    """Also the static ones."""

    fixed: list[Foreign] = field(default_factory=list)


def read(text: str, name: str) -> Leases:
    """Every lease of the file, counted from 1, and every entry that is none with the reason."""
    found = Leases(name)
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        found.wrong.append(f"{name}:0: it is no JSON")
        return found
    rows = tree.get("leases") if isinstance(tree, dict) else tree
    if not isinstance(rows, list):
        found.wrong.append(f"{name}:0: it has no list of leases")
        return found
    for number, row in enumerate(rows, 1):
        with found.line(number):
            lease, is_static = _lease(row, f"{name}:{number}")
            (found.fixed if is_static else found.leases).append(lease)
    return found


def _lease(row: object, where: str) -> tuple[Foreign, bool]:
    """Raises Unusable."""
    if not isinstance(row, dict):
        raise Unusable("it is no lease")
    literal, hardware, host = (row.get(key) for key in ("ip", "mac", "hostname"))
    try:
        version = ipaddress.ip_address(literal if isinstance(literal, str) else "").version
    except ValueError:
        raise Unusable(f"{str(literal)[:60]!r} is no IP address") from None
    if version != 4:
        raise Unusable("an IPv6 lease by hardware address: DHCPv6 knows its clients by DUID")
    is_static = row.get("static") is True
    lease = Foreign(
        kind="address4",
        address=str(literal),
        until=0 if is_static else _moment(row.get("expires")),
        hardware=octets(hardware if isinstance(hardware, str) else "", "the hardware address"),
        name=host if isinstance(host, str) else "",
        where=where,
    )
    return lease, is_static


def _moment(value: object) -> int:
    """Raises Unusable."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "").timestamp()
    except (ValueError, OverflowError):
        raise Unusable("it does not say when it ends") from None
    if moment < 0:
        raise Unusable("it ended before there were leases")
    return int(moment)
