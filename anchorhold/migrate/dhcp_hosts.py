"""`dhcp-host` lines, subnets and spans as dnsmasq and its kin write them, to `[dhcp]`."""

import ipaddress
import re
from dataclasses import dataclass, field

from anchorhold.config.dhcp_values import LABEL
from anchorhold.config.names import Network
from anchorhold.migrate.draft import Table
from anchorhold.migrate.words import address

YEAR = 31_536_000
"""Longest lease here, seconds."""
SHORTEST = 120
"""Shortest lease of dnsmasq, seconds."""
_HARDWARE = re.compile(r"(?:[0-9a-f]{1,2}-)?([0-9a-f]{2}(?::[0-9a-f]{2}){5})", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,9})([smhdw]?)", re.IGNORECASE)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_OCTETS = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2})+", re.IGNORECASE)


@dataclass
class KnownHost:
    """What one line says of a device."""

    hardware: list[str] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)
    duids: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    name: str = ""
    span: int = 0
    ignored: bool = False
    odd: list[str] = field(default_factory=list)
    """Parts that mean nothing here."""


def read_span(text: str) -> int | None:
    """Seconds of `45m`, `1h`, `infinite` (a year), which may be more than a lease can last here; None if it is no span."""
    if text.lower() == "infinite":
        return YEAR
    found = _SPAN.fullmatch(text.strip())
    return int(found[1]) * _UNITS[found[2].lower()] if found else None


def read_host(text: str) -> KnownHost:
    """`HARDWARE,…,ADDRESS,NAME,SPAN` in any order, as in dnsmasq's `dhcp-host`."""
    host = KnownHost()
    for raw in text.split(","):
        part = raw.strip()
        hardware = _HARDWARE.fullmatch(part)
        literal = address(part)
        if not part:
            continue
        if hardware:
            host.hardware.append(hardware[1].lower())
        elif literal is not None:
            host.addresses.append(str(literal))
        elif part.lower().startswith("id:") and len(part) > 3 and part != "id:*" and part.isprintable():
            key, value = read_identifier(part[3:])
            (host.duids if key == "duids" else host.identifiers).append(value)
        elif part.lower() == "ignore":
            host.ignored = True
        elif read_span(part) is not None:
            host.span = read_span(part) or 0
        elif LABEL.fullmatch(part.lower()) and not host.name:
            host.name = part.lower()
        else:
            host.odd.append(part)
    return host


def read_identifier(text: str) -> tuple[str, str]:
    """What stands behind `id:`, as key of a `[[dhcp.host]]` and value."""
    # A DUID begins with its type (RFC 8415 section 11); a client identifier with the type of the hardware.
    if _OCTETS.fullmatch(text):
        return "duids" if text.startswith("00:0") else "identifiers", text.lower()
    return "identifiers", f"text:{text}"


def write_host(dhcp: Table, host: KnownHost, place: int | None) -> str:
    """A `[[dhcp.host]]`. Returns where; empty if nothing tells the device from others, or nothing is said of it."""
    if not (host.hardware or host.identifiers or host.duids) or not (
        host.addresses or host.name or host.ignored or host.span
    ):
        return ""
    table = dhcp.append("host", place)
    for key in ("hardware", "identifiers", "duids", "addresses"):
        if values := getattr(host, key):
            table.set(key, list(dict.fromkeys(values)))
    if host.name:
        table.set("name", host.name)
    if host.span:
        table.set("lease_time", min(YEAR, max(10, host.span)))
    if host.ignored:
        table.set("ignored", True)
    return table.path


def subnets(draft: Table) -> list[tuple[Network, Table]]:
    """Every `[[dhcp.subnet]]` of a draft, with its prefix."""
    dhcp = draft.get("dhcp")
    tables = dhcp.tables("subnet") if isinstance(dhcp, Table) else []
    return [(ipaddress.ip_network(str(table.get("prefix"))), table) for table in tables]


def subnet_of(first: str, last: str, mask: str) -> tuple[ipaddress.IPv4Network | None, bool]:
    """The IPv4 network of a pool, and whether it was guessed for want of a mask: then the /24, or what holds both ends."""
    begin, end = address(first), address(last)
    if begin is None or end is None or begin.version != 4 or end.version != 4:
        return None, False
    try:
        if mask and mask != "0.0.0.0":  # noqa: S104 # an address as text, not a place to listen
            return ipaddress.IPv4Network((str(begin), mask), strict=False), False
    except ValueError:
        return None, False
    length = 24
    while length > 8:
        guess = ipaddress.IPv4Network((int(begin), length), strict=False)
        if end in guess:
            return guess, True
        length -= 1
    return None, False
