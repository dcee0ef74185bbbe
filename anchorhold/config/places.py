"""Paths and listening addresses as the configuration writes them."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from anchorhold.config.errors import Wrong
from anchorhold.config.limits import MAX_LIST_FILE
from anchorhold.config.names import read_address
from anchorhold.config.service import ListenAddress

DNS_PORT = 53
"""RFC 1035 §4.2."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where relative paths begin (`base`, a directory), how a named file is read (raises OSError), what this machine is
    called (`host`; empty where nobody asked), and on how many of its processors the service may run."""

    base: str
    read_file: Callable[[str], bytes]
    host: str = ""
    processors: int = 1

    def absolute(self, path: str) -> str:
        """`path` from `base`; an empty path stays empty."""
        return os.path.abspath(os.path.join(self.base, path)) if path else ""


def read_named_file(path: str, most: int = MAX_LIST_FILE) -> bytes:
    """The content of the file `path`, at most `most` octets. Raises OSError."""
    with open(path, "rb", opener=_open_at_once) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(27, f"larger than {most} octets")  # EFBIG
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Without waiting: a named pipe would wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def read_listen(text: str, port: int = DNS_PORT) -> ListenAddress:
    """`127.0.0.1:53`, `[::1]:53`, or either without a port: then it is `port`. Raises Wrong."""
    host, digits = _split(text)
    if not host or host == "*":
        raise Wrong(f"{text!r} has no address", "write 127.0.0.1:53, or 0.0.0.0:53 and [::]:53 for every address")
    address = read_address(host)
    return ListenAddress(str(address), read_port(digits) if digits else port)


def read_port(text: str) -> int:
    """A port from 0 on. Raises Wrong."""
    if not (text.isascii() and text.isdigit() and int(text[:6]) < 65_536):
        raise Wrong(f"{text!r} is no port", "a number up to 65535")
    return int(text)


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
