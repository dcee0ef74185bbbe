"""Secrets that the supervisor hands to its cells, and has nowhere in its memory, which every cell inherits: they come out of
files and random sources straight into sealed memfds."""

import os

from anchorhold.forking import fork
from anchorhold.snapshot import SEALING, new_memfd, read_sealed, seal_memfd
from wire.errors import Malformed

LENGTH = 32
"""Octets of a secret, random, as they are."""
_PIECE = 1 << 20


def make_secret() -> int:
    """A descriptor of a sealed memfd with LENGTH random octets; the caller closes it. A process that lives for that alone makes
    them. Raises OSError."""
    descriptor = new_memfd()

    def live() -> None:
        os.write(descriptor, os.urandom(LENGTH))

    try:
        fork("secret", live, (descriptor,)).wait()
        if os.fstat(descriptor).st_size != LENGTH:
            raise OSError(5, "no secret could be made")  # EIO
        return seal_memfd(descriptor)
    except OSError:
        os.close(descriptor)
        raise


def seal_copy(source: int, most: int) -> int:
    """A descriptor of a sealed memfd with what is in the open file `source` from where it is, at most one octet more than `most`;
    the caller closes it. The kernel copies. Raises OSError."""
    descriptor = new_memfd()
    try:
        if SEALING:
            _copy(source, descriptor, most + 1)
        else:
            fork("copy", lambda: _copy_by_hand(source, descriptor, most + 1), (source, descriptor)).wait()
        return seal_memfd(descriptor)
    except OSError:
        os.close(descriptor)
        raise


def _copy(source: int, descriptor: int, left: int) -> None:
    while left and (copied := os.sendfile(descriptor, source, None, min(left, _PIECE))):
        left -= copied


def _copy_by_hand(source: int, descriptor: int, left: int) -> None:
    """For a process of its own: a kernel that has no memfd copies no file into another either."""
    while left and (data := os.read(source, min(left, _PIECE))):
        os.write(descriptor, data)
        left -= len(data)


def take_secret(descriptor: int) -> bytes:
    """For who is to know it: what `make_secret` or `seal_copy` sealed, as SECRET brings it. The descriptor is closed. Raises
    Malformed."""
    try:
        data = read_sealed(descriptor, LENGTH)
    finally:
        os.close(descriptor)
    if len(data) != LENGTH:
        raise Malformed(f"a secret of {len(data)} octets, not {LENGTH}")
    return data
