"""The folder of the lists cell: texts and images under the SHA-256 of their content, and the index.

A text is written as it comes and gets its name when it is whole, so that what has a name is whole; what is read is compared with
its name. Files are 0600.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Collection

from anchorhold.keeper.folder import ASIDE, Folder, Unreadable, write_whole
from anchorhold.lists.index import Index, read_index, write_index
from privacy.lists.matcher import ListImage
from wire.errors import Malformed
from wire.units import Epoch

INDEX = "index.json"
TEXT, IMAGE = ".list", ".image"
MAX_INDEX = 16 * 1024 * 1024
"""Octets; some of the lines of each list that are not used are in it."""


class Damaged(Exception):
    """What is in a file is not what its name says, or it cannot be read."""


class Draft:
    """A text that is being fetched."""

    def __init__(self, folder: int, name: str, place: int | None, named: Callable[[str], None]) -> None:
        """Names are in `place` (None: the working directory); `named` hears its name when it has one. Raises OSError."""
        self._named = named
        self._place = place
        self._folder = folder
        self._name = name
        self._hash = hashlib.sha256()
        self.octets = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(name, flags, 0o600, dir_fd=place)

    def add(self, piece: bytes) -> None:
        """Raises OSError, when the disk is full for one."""
        write_whole(self._file, piece, self.octets)
        self._hash.update(piece)
        self.octets += len(piece)

    @property
    def digest(self) -> str:
        """SHA-256 of what came so far."""
        return self._hash.hexdigest()

    def finish(self) -> str:
        """Make it a text of the folder; gives its digest. Raises OSError."""
        digest = self.digest
        os.fdatasync(self._file)
        self._close()
        os.replace(self._name, digest + TEXT, src_dir_fd=self._place, dst_dir_fd=self._place)
        self._named(digest + TEXT)
        os.fdatasync(self._folder)
        return digest

    def drop(self) -> None:
        """It is of no use."""
        self._close()
        _remove(self._place, self._name)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Store:
    """Files in the directory `folder`, which stays open as long as this is used."""

    def __init__(self, folder: int, *, here: bool = False) -> None:
        """`here` as for `Folder`."""
        self.folder = folder
        self._place = None if here else folder
        self._files = Folder(folder, here=here)
        self._drafts = 0
        self._known: set[str] | None = None
        self.fresh: set[str] = set()
        """Digests of texts that the index does not name yet."""

    def load(self, now: Epoch) -> tuple[Index, str]:
        """The index, and what was wrong with it ("": nothing). One that cannot be read is set aside."""
        try:
            data = self._files.read(INDEX, MAX_INDEX)
        except Unreadable as error:
            return Index(), str(error)
        if data is None:
            return Index(), ""
        try:
            return read_index(data), ""
        except (ValueError, RecursionError):
            return Index(), f"{INDEX} is damaged; it is {self.set_aside(INDEX, now)} now, and lists are fetched again"

    def save(self, index: Index) -> None:
        """Raises OSError."""
        self._files.write(INDEX, write_index(index))

    def draft(self) -> Draft:
        """A new one. Raises OSError."""
        self._drafts += 1
        return Draft(self.folder, f".draft-{self._drafts}", self._place, self.knows)

    def knows(self, name: str) -> None:
        """A file of this name is in the folder, or may be."""
        if self._known is not None:
            self._known.add(name)

    def text(self, digest: str) -> bytes:
        """Raises Damaged."""
        return self._read(digest + TEXT, digest)

    def image(self, digest: str) -> bytes:
        """Raises Damaged, also if it is whole and yet of no use: made by another version of this program."""
        data = self._read(digest + IMAGE, digest)
        try:
            ListImage(data)
        except Malformed as error:
            raise Damaged(f"{digest + IMAGE}: {error}") from None
        return data

    def largest_image(self) -> int:
        """Octets. Raises OSError."""
        names = (name for name in os.listdir(self.folder) if name.endswith(IMAGE))
        sizes = (os.stat(name, dir_fd=self.folder, follow_symlinks=False).st_size for name in names)
        return max(sizes, default=0)

    def keep_image(self, data: bytes, digest: str) -> None:
        """Raises OSError."""
        self._files.write(digest + IMAGE, data)
        self.knows(digest + IMAGE)

    def set_aside(self, name: str, now: Epoch) -> str:
        """Give a damaged file another name; what it is called now."""
        try:
            other = self._files.set_aside(name, now)
        except OSError:
            return name
        self.knows(other)
        return other

    def sweep(self, texts: Collection[str], image: str | None) -> None:
        """Remove what nobody needs: other texts and images, all but the three newest that were set aside. What has no name yet is
        still being written. Without `image` all of them stay: one is being made."""
        wanted = {INDEX, *(digest + TEXT for digest in texts)}
        there = os.listdir(self.folder) if self._known is None else self._known
        names = [name for name in there if not name.startswith(".")]
        wanted |= {name for name in names if name.endswith(IMAGE)} if image is None else {image + IMAGE}
        damaged = sorted((name for name in names if ASIDE in name), key=lambda name: name.partition(ASIDE)[2])
        gone = {*names} - wanted - {*damaged[-3:]}
        for name in gone:
            _remove(self._place, name)
        if self._known is not None:
            self._known -= gone

    def clear_drafts(self) -> None:
        """What a former process did not bring to an end. From now on it is known what is in the folder."""
        there = self._known or set[str]()
        if self._known is None:
            self._known = set()
            there = set(os.listdir(self.folder))
        for name in there:
            if name.startswith("."):
                _remove(self._place, name)
        self._known = {name for name in there if not name.startswith(".")}

    def _read(self, name: str, digest: str) -> bytes:
        try:
            data = self._files.read(name, sys.maxsize)
        except Unreadable as error:
            raise Damaged(str(error)) from None
        if data is None or hashlib.sha256(data).hexdigest() != digest:
            raise Damaged(f"{name} is {'gone' if data is None else 'damaged'}")
        return data


def _remove(place: int | None, name: str) -> None:
    try:
        os.unlink(name, dir_fd=place)
    except OSError:
        # Gone already, or the disk is read-only: what is left costs room and nothing else.
        return
