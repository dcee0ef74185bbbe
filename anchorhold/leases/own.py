"""Our own file of leases: JSON, with everything there is. Identifiers only where they are stored; the tags serve a
store with the same key.

    {"anchorhold-leases": 1, "key": hexadecimal, "leases": [row …]}          rows as in anchorhold/leases/rows.py
"""

import json
from collections.abc import Iterable

import msgspec

from anchorhold.leases.reading import Found
from anchorhold.leases.rows import Foreign, Row

VERSION = 1
MARK = "anchorhold-leases"


class _Identifier(msgspec.Struct):
    kind: str
    octets: str


class _Row(msgspec.Struct):
    kind: str
    address: str
    length: int
    state: str
    until: int
    duration: int
    iaid: int
    client: str
    hardware: str
    name: str | None = None
    identifier: _Identifier | None = None


class _File(msgspec.Struct, rename={"version": MARK}):
    version: int
    key: str
    leases: list[_Row]


def read(text: str, name: str) -> Found:
    """Every lease; offers and quarantines are of the moment, and left."""
    found = Found(name)
    try:
        file = msgspec.json.decode(text, type=_File)
    except msgspec.MsgspecError as error:
        found.wrong.append(f"{name}: {error}; is it the output of `anchorhold leases export`, whole?")
        return found
    if file.version != VERSION:
        found.wrong.append(f"{name}: version {file.version} of this format; this Anchorhold knows {VERSION}")
        return found
    bound = [row for row in file.leases if row.state == "bound"]
    found.leases = [_lease(row, f"{name}: lease of {row.address}", file.key) for row in bound]
    found.ended = len(file.leases) - len(bound)
    return found


def _lease(row: _Row, where: str, key: str) -> Foreign:
    known = {"hardware": "", "client": "", "duid": ""}
    if row.identifier is not None:
        known[row.identifier.kind] = row.identifier.octets
    tags = ("", "", "") if row.identifier is not None else (row.client, row.hardware, key)
    return Foreign(
        kind=row.kind,
        address=row.address,
        length=row.length,
        until=row.until,
        duration=row.duration,
        iaid=row.iaid,
        name=row.name or "",
        hardware=known["hardware"],
        client_id=known["client"],
        duid=known["duid"],
        client_tag=tags[0],
        hardware_tag=tags[1],
        key=tags[2],
        where=where,
    )


def write(rows: Iterable[Row], key: str) -> str:
    """The file."""
    return json.dumps({MARK: VERSION, "key": key, "leases": list(rows)}, indent=1) + "\n"
