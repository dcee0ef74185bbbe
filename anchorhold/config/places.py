"""Paths and listening addresses as the configuration writes them."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from anchorhold.config.errors import Wrong
from anchorhold.config.names import read_address
from anchorhold.config.service import ListenAddress

MAX_FILE = 1024 * 1024
"""Octets of a file the configuration names."""

DNS_PORT = 53
"""RFC 1035 §4.2."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where relative paths begin (`base`, a directory), and how a named file is read (raises OSError)."""

    base: str
    read_file: Callable[[str], bytes]

    def absolute(self, path: str) -> str:
        """`path` from `base`; an empty path stays empty."""
        return os.path.abspath(os.path.join(self.base, path)) if path else ""


def read_named_file(path: str) -> bytes:
    """The content of the regular file `path`, at most MAX_FILE octets. Raises OSError."""
    with open(path, "rb", opener=_open_at_once) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise OSError(27, f"larger than {MAX_FILE} octets")  # EFBIG
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Without waiting: a named pipe would wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def read_listen(text: str) -> ListenAddress:
    """`127.0.0.1:53`, `[::1]:53`, or either without a port. Raises Wrong."""
    host, port = _split(text)
    if not host or host == "*":
        raise Wrong(f"{text!r} has no address", "write 127.0.0.1:53, or 0.0.0.0:53 and [::]:53 for every address")
    address = read_address(host)
    if not port:
        return ListenAddress(str(address), DNS_PORT)
    if not (port.isascii() and port.isdigit() and int(port[:6]) < 65_536):
        raise Wrong(f"{port!r} is no port", "a number up to 65535")
    return ListenAddress(str(address), int(port))


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise Wrong(f"{text!r} is no address with a port", "write [::1]:53")
        return host, rest[1:]
    if text.count(":") > 1:
        return text, ""
    host, _, port = text.partition(":")
    return host, port
