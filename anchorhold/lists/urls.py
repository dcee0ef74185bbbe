"""Where lists are fetched from: `https://HOST[:PORT]/…`, and which of these are at home."""

import re
from ipaddress import ip_address
from typing import NamedTuple

from anchorhold.config.errors import Wrong

MAX_URL = 2_000
HTTPS_PORT = 443

PRIVATE = frozenset({"home.arpa", "internal", "local", "lan", "home", "corp", "localhost", "intranet", "private"})
"""Names at the end of what is served at home. A list there may come from an address that is not public."""

_HOST = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


class Place(NamedTuple):
    """`host` is a name in small letters or a literal address (IPv6 without brackets); `target` path and query, never empty."""

    host: str
    port: int
    target: str

    @property
    def literal(self) -> bool:
        """Whether `host` is an address."""
        return is_literal(self.host)

    @property
    def authority(self) -> str:
        """As the Host field has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"

    def text(self) -> str:
        """The whole address."""
        return f"https://{self.authority}{self.target}"


def read_list_url(text: str) -> Place:
    """The parts of an address, ASCII all of it. What is behind # is dropped. Raises Wrong."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() != "https":
        raise Wrong("it is no https:// address", "lists come over https only; use file for one on disk")
    if len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise Wrong(
            "the address is too long, or holds what no address does", "write it as a browser shows it, in ASCII"
        )
    rest = rest.partition("#")[0]
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority, target = rest[:end], rest[end:]
    if "@" in authority:
        raise Wrong("a name and password in the address", "drop what is before @; lists are fetched without them")
    host, port = _split_authority(authority)
    return Place(host, port, target if target.startswith("/") else f"/{target}")


def _split_authority(authority: str) -> tuple[str, int]:
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        if not is_literal(host) or ":" not in host or "%" in host:
            raise Wrong(f"{host!r} is no IPv6 address", "write [2001:db8::1]")
        return str(ip_address(host)), _read_port(rest)
    host, colon, port = authority.partition(":")
    if is_literal(host):
        return str(ip_address(host)), _read_port(colon + port)
    # What is all digits and dots is an address in another notation to somebody: 127.1, 2130706433.
    if not _HOST.fullmatch(host) or host.rstrip(".").rpartition(".")[2].isdigit():
        raise Wrong(f"{host!r} is no host name", "write a name such as lists.example")
    return host.lower().rstrip("."), _read_port(colon + port)


def _read_port(text: str) -> int:
    digits = text[1:]
    if not text:
        return HTTPS_PORT
    if not (text[0] == ":" and digits.isdigit() and len(digits) < 6 and 0 < int(digits) < 65_536):
        raise Wrong(f"{text!r} is no port", "a number from 1 to 65535 behind a colon")
    return int(digits)


def is_literal(host: str) -> bool:
    """Whether it is an address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_at_home(host: str) -> bool:
    """Whether the user wrote an address, or a name of the kind that is served at home."""
    labels = host.split(".")
    return is_literal(host) or len(labels) == 1 or any(".".join(labels[at:]) in PRIVATE for at in range(len(labels)))
