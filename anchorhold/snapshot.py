"""Checked settings on their way from the loader to a cell: msgpack in a sealed memfd.

The seals (no write, no growth, no shrinking, no further seal) make the bytes the loader's for good, whoever holds the
descriptor.
"""

import fcntl
import os
from typing import TypeVar

import msgspec

from wire.errors import Malformed

T = TypeVar("T")

SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
MAX_SIZE = 16 * 1024 * 1024
"""Octets of one snapshot; far above any settings, so that a wrong descriptor cannot fill a cell."""


def seal(settings: object) -> int:
    """A descriptor of a new sealed memfd that holds `settings` (frozen dataclasses); the caller closes it."""
    return seal_bytes(msgspec.msgpack.encode(settings))


def seal_bytes(data: bytes) -> int:
    """A descriptor of a new sealed memfd that holds `data`, at most MAX_SIZE octets; the caller closes it."""
    if len(data) > MAX_SIZE:
        raise ValueError(f"settings of {len(data)} octets; at most {MAX_SIZE}")
    descriptor = os.memfd_create("anchorhold-settings", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def load(descriptor: int, kind: type[T]) -> T:
    """The value of type `kind` in `descriptor`, which stays open.

    Raises Malformed if the file is not sealed, too large, or does not hold exactly a `kind`.
    """
    try:
        return msgspec.msgpack.decode(read_sealed(descriptor), type=kind)
    except msgspec.DecodeError as error:
        raise Malformed(f"settings do not decode: {error}") from None


def read_sealed(descriptor: int) -> bytes:
    """The bytes in `descriptor`, which stays open. Raises Malformed if it is no sealed memfd or larger than
    MAX_SIZE."""
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError as error:
        raise Malformed(f"settings are not in a memfd: {error.strerror}") from None
    if seals & SEALS != SEALS:
        raise Malformed("settings are not sealed")
    size = os.fstat(descriptor).st_size
    if size > MAX_SIZE:
        raise Malformed("settings are too large")
    # pread: the file offset is shared with whoever else holds this descriptor.
    return os.pread(descriptor, size, 0)
