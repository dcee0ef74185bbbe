"""Lease files of Kea's memfile backend (CSV): for each address the last line counts, and only if its state is 0
(default).

Columns are known by the names in the first line, for versions of Kea have more or fewer of them. Characters that a
field cannot hold are written `&#xNN`.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

from anchorhold.leases.device import hardware_inside
from anchorhold.leases.reading import Found, Unusable, octets, whole
from anchorhold.leases.rows import Foreign, Row

_ESCAPE = re.compile(r"&#x([0-9a-fA-F]{2})")
_FOREVER = 0xFFFFFFFF
_NEEDED4 = {"address", "hwaddr", "client_id", "valid_lifetime", "expire", "hostname", "state"}
_NEEDED6 = {"address", "duid", "valid_lifetime", "expire", "lease_type", "iaid", "prefix_len", "hostname", "state"}
_TYPES6 = {"0": "address6", "2": "prefix6"}
_STATES = {"0": "", "1": "declined", "2": "expired", "3": "released"}
HEAD4 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
HEAD6 = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,"
    "state,user_context"
)


def read(text: str, name: str) -> Found:
    """Every lease that counts in the end, and every line that is none with the reason."""
    found = Found(name)
    lines = text.splitlines()
    columns = lines[0].strip().split(",") if lines else []
    needed = _NEEDED6 if "duid" in columns else _NEEDED4
    if missing := sorted(needed - set(columns)):
        found.wrong.append(
            f"{name}:1: no first line of Kea's with the columns {', '.join(missing)}; give the whole file"
        )
        return found
    last: dict[tuple[str, str], Foreign | None] = {}
    entries = 0
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        with found.line(number):
            fields = _fields(line, columns)
            entries += 1
            key = (fields["address"], fields.get("lease_type", "4"))
            # Even a line that cannot be taken ends what was before it.
            last.pop(key, None)
            last[key] = _lease(fields, f"{name}:{number}")
    found.leases = [lease for lease in last.values() if lease is not None]
    found.ended = entries - len(found.leases)
    return found


def _fields(line: str, columns: list[str]) -> dict[str, str]:
    values = [_ESCAPE.sub(lambda match: chr(int(match[1], 16)), value) for value in line.strip().split(",")]
    # Older lines may lack the last columns, as Kea allows.
    if len(values) > len(columns) or len(values) < len(columns) - 2:
        raise Unusable(f"{len(values)} fields where the first line has {len(columns)}")
    return dict(zip(columns, values, strict=False))


def _lease(fields: dict[str, str], where: str) -> Foreign | None:
    """None if it ends what was before. Raises Unusable."""
    try:
        ipaddress.ip_address(fields["address"])
    except ValueError:
        raise Unusable(f"{fields['address']!r} is no IP address") from None
    span = whole(fields["valid_lifetime"], "valid_lifetime")
    if fields["state"] not in _STATES:
        raise Unusable(f"state {fields['state']!r} is none that Kea 2 writes")
    if _STATES[fields["state"]] or not span:
        return None
    until = 0 if span == _FOREVER else whole(fields["expire"], "expire")
    name = fields["hostname"].rstrip(".")
    hardware = octets(fields["hwaddr"], "hwaddr") if fields.get("hwaddr") else ""
    duration = 0 if span == _FOREVER else span
    if "duid" not in fields:
        client = octets(fields["client_id"], "client_id") if fields["client_id"] else ""
        return Foreign(
            kind="address4",
            address=fields["address"],
            until=until,
            duration=duration,
            hardware=hardware,
            client_id=client,
            name=name,
            where=where,
        )
    kind = _TYPES6.get(fields["lease_type"])
    if kind is None:
        raise Unusable(f"lease_type {fields['lease_type']!r}: temporary addresses (IA_TA) are not given here")
    return Foreign(
        kind=kind,
        address=fields["address"],
        until=until,
        duration=duration,
        length=whole(fields["prefix_len"], "prefix_len"),
        hardware=hardware,
        duid=octets(fields["duid"], "duid"),
        iaid=whole(fields["iaid"], "iaid"),
        name=name,
        where=where,
    )


class Written(NamedTuple):
    """Two files, what cannot be in them, and which number each subnet has there."""

    four: str
    six: str
    left: list[str]
    subnets: dict[str, int]


def write(rows: Iterable[Row], subnets: dict[str, int]) -> Written:
    """Both files. `subnets` are Kea's numbers by prefix; who has none gets the next free one."""
    four, six, left, numbers = [HEAD4], [HEAD6], [], dict(subnets)
    for row in rows:
        identifier = row["identifier"]
        if not isinstance(identifier, dict):
            left.append(f"{row['address']}: its identifier is not stored here, so Kea could not know its client")
            continue
        subnet = numbers.setdefault(str(row["subnet"]), max(numbers.values(), default=0) + 1)
        raw = bytes.fromhex(identifier["octets"])
        span, until, address, name = row["duration"], row["until"], row["address"], row["name"] or ""
        if row["kind"] == "address4":
            inside = hardware_inside(raw)
            hardware = inside[0].hex(":") if inside else ""
            client = raw.hex(":") if identifier["kind"] == "client" else ""
            four.append(f"{address},{hardware},{client},{span},{until},{subnet},0,0,{name},0,")
        else:
            kind = 2 if row["kind"] == "prefix6" else 0
            six.append(
                f"{address},{raw.hex(':')},{span},{until},{subnet},{span},{kind},{row['iaid']},{row['length']},0,0,{name},,0,"
            )
    return Written("\n".join(four) + "\n", "\n".join(six) + "\n", left, numbers)
