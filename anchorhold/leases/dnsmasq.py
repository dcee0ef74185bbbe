"""The lease file of dnsmasq: one line a lease, the DUID of the server between those of IPv4 and those of IPv6.

    1800000000 02:00:5e:10:00:01 192.168.1.20 laptop 01:02:00:5e:10:00:01
    duid 00:01:00:01:2d:b5:b6:bd:52:54:00:12:34:56
    1800000000 6291457 fd00::14 laptop 00:03:00:01:02:00:5e:10:00:01

End (seconds since 1970, 0: never), hardware address or IAID, address, name or `*`, client identifier or DUID or `*`.
"""

import ipaddress
import re
from collections.abc import Iterable

from anchorhold.leases.device import hardware_inside
from anchorhold.leases.reading import Found, Unusable, octets, whole
from anchorhold.leases.rows import Foreign, Row

_HARDWARE = re.compile(r"(?:([0-9a-f]{2})-)?([0-9a-f]{2}(?::[0-9a-f]{2})*)", re.IGNORECASE)
_FIELDS = 5
_ANY = "00:00:00:00:00:00"
"""Where the hardware address of a lease is unknown: dnsmasq knows a client by its identifier first."""


def read(text: str, name: str) -> Found:
    """Every lease of the file, and every line that is none with the reason."""
    found = Found(name)
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0] == "duid":
            continue
        with found.line(number):
            found.leases.append(_lease(words, f"{name}:{number}"))
    return found


def _lease(words: list[str], where: str) -> Foreign:
    """Raises Unusable."""
    if len(words) != _FIELDS:
        raise Unusable(f"{len(words)} fields, not {_FIELDS}: end, hardware address or IAID, address, name, identifier")
    end, who, address, name, identifier = words
    try:
        kind = "address4" if ipaddress.ip_address(address).version == 4 else "address6"
    except ValueError:
        raise Unusable(f"{address!r} is no IP address") from None
    known = "" if identifier == "*" else octets(identifier, "the identifier")
    known_name = "" if name == "*" else name
    if kind == "address6":
        if who.startswith("T"):
            raise Unusable("a temporary address (IA_TA): none is given here, and its client asks for no renewal")
        iaid = whole(who, "the IAID")
        return Foreign(
            kind=kind, address=address, until=whole(end, "the end"), iaid=iaid, duid=known, name=known_name, where=where
        )
    hardware = _HARDWARE.fullmatch(who)
    if hardware is None:
        raise Unusable(f"{who!r} is no hardware address")
    return Foreign(
        kind=kind,
        address=address,
        until=whole(end, "the end"),
        hardware=octets(hardware[2], "the hardware address"),
        htype=int(hardware[1] or "1", 16),
        client_id=known,
        name=known_name,
        where=where,
    )


def write(rows: Iterable[Row]) -> tuple[str, list[str]]:
    """The file, and what cannot be in it: a line each."""
    four, six, left = [], [], []
    for row in rows:
        identifier = row["identifier"]
        if row["kind"] == "prefix6":
            left.append(f"{row['address']}: dnsmasq delegates no prefixes")
        elif not isinstance(identifier, dict):
            left.append(f"{row['address']}: its identifier is not stored here, so dnsmasq could not know its client")
        elif row["kind"] == "address6":
            duid = bytes.fromhex(identifier["octets"]).hex(":")
            six.append(f"{row['until']} {row['iaid']} {row['address']} {row['name'] or '*'} {duid}")
        else:
            raw = bytes.fromhex(identifier["octets"])
            inside = hardware_inside(raw)
            hardware = inside[0].hex(":") if inside else _ANY
            client = raw.hex(":") if identifier["kind"] == "client" else "*"
            four.append(f"{row['until']} {hardware} {row['address']} {row['name'] or '*'} {client}")
    return "".join(f"{line}\n" for line in (*four, *six)), left
