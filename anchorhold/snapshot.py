"""Checked settings on their way from the loader to a cell: their length (u64 little-endian) and msgpack, in a sealed memfd.

The seals (no write, no growth, no shrinking, no further seal) make the bytes the loader's for good, whoever holds the
descriptor.
"""

import ctypes
import fcntl
import mmap
import os
import stat
from typing import TypeVar

from net.installed import stand_ins
from wire.errors import Malformed

with stand_ins({"typing_extensions": None}):  # where it is not installed, msgspec takes the same from `typing`
    import msgspec

T = TypeVar("T")

SEALING = hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")
"""Whether there are such files. Elsewhere (macOS) it is a temporary file without a name, and "sealed" is a descriptor that cannot
be written to: its maker could have kept one that can."""
_SEAL_NAMES = ("F_SEAL_WRITE", "F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_SEAL")
SEALS: int = sum(getattr(fcntl, name) for name in _SEAL_NAMES) if SEALING else 0
MAX_SIZE = 16 * 1024 * 1024
"""Octets of one snapshot; far above any settings, so that a wrong descriptor cannot fill a cell."""
HEADER = 8
"""Octets of the length."""
_LENGTH = "settings do not decode: they are shorter or longer than they say"
MAX_LISTS = 128 * 1024 * 1024
"""The same where the text of local lists is part of them."""


def seal(settings: object, most: int = MAX_SIZE) -> int:
    """A descriptor of a new sealed memfd that holds `settings` (frozen dataclasses); the caller closes it."""
    data = msgspec.msgpack.encode(settings)
    return seal_bytes(len(data).to_bytes(HEADER, "little") + data, most)


def seal_bytes(data: bytes, most: int = MAX_SIZE) -> int:
    """A descriptor of a new sealed memfd that holds `data`, at most `most` octets; the caller closes it."""
    if len(data) > most:
        raise ValueError(f"settings of {len(data)} octets; at most {most}")
    descriptor = new_memfd()
    try:
        at = 0
        while at < len(data):
            at += os.pwrite(descriptor, memoryview(data)[at:], at)
        return seal_memfd(descriptor)
    except OSError:
        os.close(descriptor)
        raise


def new_memfd() -> int:
    """A descriptor of a new memfd that can be sealed; the caller closes it. Raises OSError."""
    if not SEALING:
        return _new_nameless()
    return os.memfd_create("anchorhold-settings", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def seal_memfd(descriptor: int) -> int:
    """The same descriptor; from now on nobody can change what is in it. Raises OSError if somebody has it mapped to write."""
    if SEALING:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
        return descriptor
    reader = _readers.pop(descriptor)
    os.dup2(reader, descriptor, inheritable=False)
    os.close(reader)
    return descriptor


_readers: dict[int, int] = {}
"""Of each nameless file that is not sealed yet: a descriptor that cannot write, from when it had a name."""


def _new_nameless() -> int:
    import tempfile  # where there are no memfds only: it brings all that packs files

    descriptor, path = tempfile.mkstemp(prefix="anchorhold-")
    try:
        reader = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.unlink(path)
    if (left := _readers.pop(descriptor, None)) is not None:
        # Of a file that was closed without being sealed.
        os.close(left)
    _readers[descriptor] = reader
    return descriptor


def load(descriptor: int, kind: type[T], most: int = MAX_SIZE) -> T:
    """The value of type `kind` in `descriptor`, which stays open.

    Raises Malformed if the file is not sealed, too large, or does not hold exactly a `kind`.
    """
    return _decode(read_sealed(descriptor, most), kind)


def load_mapped(descriptor: int, kind: type[T], most: int = MAX_SIZE) -> T:
    """As `load`, with no other system calls than those for memory, mmap and munmap: for a cell that serves. It takes the
    supervisor's word, which had it checked (`check_sealed`): a file that was shorter would end us (SIGBUS)."""
    length = HEADER + int.from_bytes(_copy(descriptor, HEADER), "little")
    if length > most:
        raise Malformed(f"it is larger than {most} octets")
    return _decode(_copy(descriptor, length), kind)


def _copy(descriptor: int, length: int) -> bytes:
    """The first octets of a file. The `mmap` module would look at it and copy the descriptor."""
    place = _mmap(None, length, mmap.PROT_READ, mmap.MAP_PRIVATE, descriptor, 0)
    if place == _FAILED:
        raise Malformed(f"it cannot be mapped: {os.strerror(ctypes.get_errno())}")
    try:
        return ctypes.string_at(place, length)
    finally:
        _munmap(place, length)


def _decode(data: bytes, kind: type[T]) -> T:
    if int.from_bytes(data[:HEADER], "little") != len(data) - HEADER:
        raise Malformed(_LENGTH)
    try:
        return msgspec.msgpack.decode(memoryview(data)[HEADER:], type=kind)
    except msgspec.DecodeError as error:
        raise Malformed(f"settings do not decode: {error}") from None


def learn(kind: type) -> None:
    """Find out now how a `kind` is read, not with the first `load`: it is kept with the type, and takes half a megabyte."""
    msgspec.msgpack.Decoder(kind)


def check_sealed(descriptor: int) -> None:
    """Nothing, if it can be mapped and copied as far as it says it goes. Raises Malformed."""
    if sealed_size(descriptor) != HEADER + int.from_bytes(os.pread(descriptor, HEADER, 0), "little"):
        raise Malformed(_LENGTH)


def read_sealed(descriptor: int, most: int = MAX_SIZE) -> bytes:
    """The bytes in `descriptor`, which stays open. Raises Malformed if it is no sealed memfd or larger than `most`."""
    size = sealed_size(descriptor)
    if size > most:
        raise Malformed(f"it is larger than {most} octets")
    # pread: the file offset is shared with whoever else holds this descriptor.
    data = os.pread(descriptor, size, 0)
    while len(data) < size:
        # One call gives 2 GiB at most, and less if it likes.
        data += os.pread(descriptor, size - len(data), len(data))
    return data


def sealed_size(descriptor: int) -> int:
    """Octets in a memfd that nobody can change any more. Raises Malformed if it is none."""
    if not SEALING:
        return _nameless_size(descriptor)
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError as error:
        raise Malformed(f"it is not in a memfd: {error.strerror}") from None
    if seals & SEALS != SEALS:
        # Who may still shorten it could end who has it mapped (SIGBUS).
        raise Malformed("it is not sealed")
    return os.fstat(descriptor).st_size


def _nameless_size(descriptor: int) -> int:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink:
        raise Malformed("it is not in a file without a name")
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
        raise Malformed("it is not sealed")
    return status.st_size


def map_sealed(descriptor: int) -> memoryview:
    """The bytes in `descriptor`, mapped and not copied; it may be closed then. Raises Malformed if it is no sealed memfd, or
    empty."""
    size = sealed_size(descriptor)
    if not size:
        raise Malformed("it is empty")
    return memoryview(mmap.mmap(descriptor, size, mmap.MAP_SHARED, mmap.PROT_READ))


_library = ctypes.CDLL(None, use_errno=True)
_mmap, _munmap = _library.mmap, _library.munmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
_munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_FAILED = ctypes.c_void_p(-1).value
