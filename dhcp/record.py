"""A lease as a row of a table, and back. Every row carries a checksum: no row is believed because it can be read.

Columns in order: kind, address, length, client, hardware, iaid, subnet, state, since, seen, until, duration, renewals,
changing, name, identifier, checksum. Addresses, tags, name and identifier are octets, `subnet` is text, all others are
whole numbers. `name` is empty, or one octet (0: sealed, 1: in clear) and the rest. The checksum is CRC-32 over the
other columns.
"""

import zlib
from typing import Any, TypeAlias

from dhcp.sealing import Seal, Unsealed
from dhcp.values import Kind, Lease, State
from wire.units import Epoch

Row: TypeAlias = tuple[Any, ...]
"""As a database gives it: of any types until `lease_of` has looked."""

COLUMNS = (
    ("kind", "SMALLINT"),
    ("address", "BYTEA"),
    ("length", "SMALLINT"),
    ("client", "BYTEA"),
    ("hardware", "BYTEA"),
    ("iaid", "BIGINT"),
    ("subnet", "TEXT"),
    ("state", "SMALLINT"),
    ("since", "BIGINT"),
    ("seen", "BIGINT"),
    ("until", "BIGINT"),
    ("duration", "BIGINT"),
    ("renewals", "BIGINT"),
    ("changing", "SMALLINT"),
    ("name", "BYTEA"),
    ("identifier", "BYTEA"),
    ("checksum", "BIGINT"),
)
"""Name and type, in words that PostgreSQL knows too."""

_TYPES = tuple({"BYTEA": bytes, "TEXT": str}.get(kind, int) for _, kind in COLUMNS)
_SEALED, _CLEAR = b"\0", b"\1"


class NoLease(Exception):
    """A row that cannot be believed."""


def row_of(lease: Lease, seal: Seal, names_in_clear: bool) -> Row:
    """What is kept of a lease that is not only offered."""
    (
        kind, address, length, client, hardware, iaid, subnet, state, since, seen, until, duration, renewals, changing, name,
        _, _, identifier,
    ) = lease  # fmt: skip
    kept = _keep_name(lease, seal, names_in_clear) if name else b""
    row = (
        int(kind), address, length, client, hardware, iaid, subnet, int(state), int(since), int(seen), int(until), duration,
        renewals, int(changing), kept, identifier,
    )  # fmt: skip
    return (*row, _checksum(row))


def lease_of(row: Row, seal: Seal) -> Lease:
    """The lease of a row. Raises NoLease if the row is damaged; a name sealed with another key is left out."""
    if tuple(type(value) for value in row) != _TYPES or row[-1] != _checksum(row[:-1]):
        raise NoLease("the checksum does not fit")
    kind, address, length, client, hardware, iaid, subnet = row[:7]
    state, since, seen, until, duration, renewals, changing, name, identifier = row[7:-1]
    try:
        return Lease(
            Kind(kind),
            address,
            length,
            client,
            hardware,
            iaid,
            subnet,
            State(state),
            Epoch(since),
            Epoch(seen),
            Epoch(until),
            duration,
            renewals,
            bool(changing),
            _known_name(kind, address, name, seal),
            identifier=identifier,
        )
    except ValueError as error:
        raise NoLease(str(error)) from None


def _keep_name(lease: Lease, seal: Seal, in_clear: bool) -> bytes:
    name = lease.name.encode()
    return _CLEAR + name if in_clear else _SEALED + seal.seal(_place(lease.kind, lease.address), name)


def _known_name(kind: int, address: bytes, kept: bytes, seal: Seal) -> str:
    if kept[:1] != _SEALED:
        return kept[1:].decode()
    try:
        return seal.open(_place(kind, address), kept[1:]).decode()
    except Unsealed:
        return ""


def _place(kind: int, address: bytes) -> bytes:
    return bytes((kind,)) + address


def _checksum(row: Row) -> int:
    return zlib.crc32(repr(row).encode())
