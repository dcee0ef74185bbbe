"""Files of other programs, read with bounds: they are strangers' text, and may name any other file."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from anchorhold.config.names import Address, Network

MAX_FILE = 32 * 1024**2
"""Octets of one file."""
MAX_FILES = 4_096
MAX_TOTAL = 128 * 1024**2
"""Octets of all files together."""


class Unreadable(Exception):
    """A file that cannot be used as a whole. `line` counts from 1 (0: the file as such)."""

    def __init__(self, file: str, line: int, what: str) -> None:
        self.file, self.line, self.what = file, line, what
        super().__init__(f"{file}:{line}: {what}" if line else f"{file}: {what}")


@dataclass
class Reader:
    """Opens files. `root` stands before absolute paths that a configuration names: where a router's disk was copied to."""

    root: Path | None = None
    read: int = 0
    opened: int = 0
    own: Callable[[], list[tuple[str, Address]]] = list
    """This machine's interfaces with their addresses; where nobody asked, none."""
    seen: set[tuple[int, int]] = field(default_factory=set)
    """Device and number of every file that was read."""

    def interface_in(self, network: Network) -> str:
        """The name of this machine's interface with an address in that network; empty if none has, or with a `root`."""
        for name, address in self.own() if self.root is None else ():
            if address.version == network.version and address in network:
                return name
        return ""

    def addresses_of(self, interface: str) -> list[Address]:
        """Those that this machine's interface has now, but for link-local ones; none with a `root`."""
        own = self.own() if self.root is None else []
        return [address for name, address in own if name == interface and not address.is_link_local]

    def place(self, named: str, beside: Path | None = None) -> Path:
        """Where a file lies that a configuration in the folder `beside` names."""
        path = Path(named)
        if path.is_absolute():
            return self.root / named.lstrip("/") if self.root is not None else path
        return beside / path if beside is not None else path

    def octets(self, path: Path) -> bytes:
        """The content of a regular file. Raises Unreadable."""
        name = str(path)
        try:
            # Not blocking: a pipe of that name must not hold us up.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            raise Unreadable(name, 0, f"cannot be read: {_reason(error)}") from None
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise Unreadable(name, 0, "is no regular file")
            self.opened += 1
            if self.opened > MAX_FILES:
                raise Unreadable(name, 0, f"more than {MAX_FILES} files are named")
            try:
                data = file.read(MAX_FILE + 1)
            except OSError as error:
                raise Unreadable(name, 0, f"cannot be read: {_reason(error)}") from None
        self.read += len(data)
        if len(data) > MAX_FILE or self.read > MAX_TOTAL:
            raise Unreadable(name, 0, f"is larger than {MAX_FILE} octets, or all files than {MAX_TOTAL}")
        self.seen.add((about.st_dev, about.st_ino))
        return data

    def text(self, path: Path) -> str:
        """The same as text; octets that are not UTF-8 become U+FFFD. Raises Unreadable."""
        return self.octets(path).decode("utf-8", "replace")

    def was_read(self, path: Path) -> bool:
        """True if it was, also under another name."""
        try:
            about = os.stat(path)
        except (OSError, ValueError):
            return False
        return (about.st_dev, about.st_ino) in self.seen

    def folder(self, path: Path) -> list[str]:
        """Names in a folder, sorted by their octets. Raises Unreadable."""
        try:
            names = os.listdir(path)
        except (OSError, ValueError) as error:
            raise Unreadable(str(path), 0, f"cannot be read: {_reason(error)}") from None
        return sorted(names, key=os.fsencode)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or "no reason told"
