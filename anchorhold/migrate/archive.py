"""Backups (zip, tar.gz) read in memory: members by their names alone, never unpacked, all with bounds."""

import io
import tarfile
import zipfile
import zlib
from typing import IO

from anchorhold.migrate.reading import Unreadable

MAX_MEMBER = 64 * 1024**2
"""Octets of one member, unpacked."""
MAX_MEMBERS = 2_000
MAX_UNPACKED = 128 * 1024**2
"""Octets of all members that are read."""
_PIECE = 1024 * 1024


def is_archive(data: bytes) -> bool:
    """By its first octets: zip, gzip or tar."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06") or data[:2] == b"\x1f\x8b" or data[257:262] == b"ustar"


def members(data: bytes, file: str, wanted: tuple[str, ...]) -> dict[str, bytes]:
    """The members whose names end with one of `wanted` (behind a slash or from the start). Raises Unreadable."""
    try:
        if data[:2] == b"PK":
            return _zipped(data, file, wanted)
        return _tarred(data, file, wanted)
    except (zipfile.BadZipFile, zlib.error, tarfile.TarError, EOFError, OSError) as error:
        raise Unreadable(file, 0, f"is no archive that can be read: {error}") from None
    except (ValueError, NotImplementedError, RuntimeError, KeyError, IndexError, OverflowError) as error:
        # zipfile says so of encrypted members, unknown methods and impossible numbers.
        raise Unreadable(file, 0, f"is an archive of a kind that is not read: {error}") from None


def _zipped(data: bytes, file: str, wanted: tuple[str, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        _check_count(len(entries), file)
        for entry in entries:
            name = _wanted_name(entry.filename, wanted)
            if name and not entry.is_dir():
                with archive.open(entry) as member:
                    _take(found, name, member, file)
    return found


def _tarred(data: bytes, file: str, wanted: tuple[str, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    plain = _inflated(data, file) if data[:2] == b"\x1f\x8b" else data
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for number, entry in enumerate(archive, 1):
            _check_count(number, file)
            name = _wanted_name(entry.name, wanted)
            member = archive.extractfile(entry) if name and entry.isreg() else None
            if member is not None:
                _take(found, name, member, file)
    return found


def _inflated(data: bytes, file: str) -> bytes:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    plain = inflater.decompress(data, MAX_UNPACKED + 1)
    if len(plain) > MAX_UNPACKED:
        raise Unreadable(file, 0, f"is more than {MAX_UNPACKED} octets unpacked")
    return plain


def _wanted_name(name: str, wanted: tuple[str, ...]) -> str:
    """The ending of `wanted` that the member's name has; empty for any other member, wherever its name would lead."""
    return next((one for one in wanted if name.endswith(one) and name[: -len(one)][-1:] in ("", "/")), "")


def _check_count(number: int, file: str) -> None:
    if number > MAX_MEMBERS:
        raise Unreadable(file, 0, f"has more than {MAX_MEMBERS} members")


def _take(found: dict[str, bytes], name: str, member: IO[bytes], file: str) -> None:
    """Read what really comes, not what the header says."""
    pieces, size, before = [], 0, sum(map(len, found.values()))
    while piece := member.read(_PIECE):
        size += len(piece)
        if size > MAX_MEMBER or before + size > MAX_UNPACKED:
            raise Unreadable(file, 0, f"{name} in it is too large: more than {MAX_MEMBER} octets, or all together")
        pieces.append(piece)
    found.setdefault(name, b"".join(pieces))
