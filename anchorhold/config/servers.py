"""Servers as people write them: SCHEME://[NAME@]ADDRESS[,ADDRESS…][:PORT][/PATH], or an sdns:// stamp."""

import ipaddress
from dataclasses import dataclass
from functools import cache

from publicsuffixlist import PublicSuffixList

from anchorhold.config.errors import Wrong
from anchorhold.config.names import read_address, read_host
from anchorhold.config.stamped import stamp_url
from resolver.settings import UpstreamSpec

PORTS = {"udp": 53, "tcp": 53, "tls": 853, "https": 443, "quic": 853, "h3": 443}
"""Scheme → the port where none is written (RFC 1035, 7858, 8484, 9250; h3 is DoH over HTTP/3)."""

HTTP = frozenset({"https", "h3"})
"""Schemes with a path and a method."""

CLEAR = frozenset({"udp", "tcp"})
"""Schemes without encryption: no name, no pin."""

OBLIVIOUS = "odoh"
"""The scheme of targets (RFC 9230); see `oblivious.py`."""

DEFAULT_PATH = "/dns-query"
"""Where a DoH server without a path is asked; RFC 8484 names none, nearly every server uses this."""

EXAMPLE = "write for example tls://dns.example@192.0.2.1"


@dataclass(frozen=True, slots=True)
class _Parts:
    """A URL taken apart; `hosts` still holds commas and the port."""

    scheme: str
    name: str
    hosts: str
    path: str


def read_server(text: str, bootstrap: str = "") -> UpstreamSpec:
    """The server `text` means. `bootstrap` names the group that looks its name up, for a URL without an address.

    The operator is the registrable domain of the server's name, or its first address. Raises Wrong (a ValueError whose
    text says what to do).
    """
    parts = _split(stamp_url(text) if text.startswith("sdns:") else text)
    addresses, port = _read_hosts(parts.hosts)
    name = parts.name
    if not addresses:
        if name:
            raise Wrong(f"{parts.hosts!r} is no address", f"after {name}@ write literal ones: {name}@192.0.2.1")
        name, port = _read_name_and_port(parts.hosts)
    name = read_host(name) if name else ""
    _check_clear(parts, name)
    _check_road(name, addresses, bootstrap)
    if parts.scheme not in CLEAR and not name:
        name = _only(addresses)
    return UpstreamSpec(
        scheme=parts.scheme,
        name=name,
        addresses=addresses,
        port=PORTS[parts.scheme] if port is None else port,
        operator=operator_of(name or addresses[0]),
        path=_read_path(parts),
        bootstrap=bootstrap,
    )


def operator_of(host: str) -> str:
    """Whose server it is if nobody says: a name's registrable domain (dns.quad9.net → quad9.net), or the address."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _split(text: str) -> _Parts:
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator:
        raise Wrong(f"{text!r} is no server URL", f"it begins with {_schemes()}; {EXAMPLE}")
    if scheme == OBLIVIOUS:
        raise Wrong(
            "odoh:// is reached through a relay",
            'write { url = "odoh://NAME/PATH", relay = "https://NAME@ADDRESS/PATH" } into a group of the configuration',
        )
    if scheme not in PORTS:
        raise Wrong(f"{scheme}:// is not supported", f"use {_schemes()} or sdns://")
    if any(character in rest for character in " \t#\\") or not rest.isprintable():
        raise Wrong(f"{text!r} holds a character that no server URL has", EXAMPLE)
    authority, slash, path = rest.partition("/")
    name, at, hosts = authority.rpartition("@")
    if at and not name:
        raise Wrong(f"{text!r} has no name before @", EXAMPLE)
    if not hosts:
        raise Wrong(f"{text!r} has no address", EXAMPLE)
    return _Parts(scheme, name, hosts, slash + path)


def _schemes() -> str:
    return ", ".join(f"{scheme}://" for scheme in PORTS)


def _read_hosts(hosts: str) -> tuple[tuple[str, ...], int | None]:
    """Literal addresses and the port behind them; no addresses if the first host is none."""
    items = hosts.split(",")
    items[-1], port = _split_port(items[-1])
    if not _is_literal(items[0]):
        return (), None
    addresses = tuple(str(read_address(_unbracketed(item))) for item in items)
    if len(set(addresses)) < len(addresses):
        raise Wrong(f"{hosts!r} names an address twice", "write each once")
    return addresses, None if port is None else _read_port(port)


def _split_port(host: str) -> tuple[str, str | None]:
    """`[v6]:853`, `192.0.2.1:853` or a name with its port; a bare IPv6 address has no port."""
    if host.startswith("["):
        address, _, rest = host.partition("]")
        if rest and not rest.startswith(":"):
            raise Wrong(f"{host!r} goes on behind ]", "write [2001:db8::1]:853")
        return f"{address}]", rest[1:] if rest else None
    if host.count(":") != 1:
        return host, None
    name, _, port = host.partition(":")
    return name, port


def _read_name_and_port(hosts: str) -> tuple[str, int | None]:
    if "," in hosts:
        raise Wrong(
            f"{hosts!r} lists names", "several addresses of one server are literal ones: NAME@192.0.2.1,192.0.2.2"
        )
    name, port = _split_port(hosts)
    return name, None if port is None else _read_port(port)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(_unbracketed(host))
    except ValueError:
        return False
    return True


def _unbracketed(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _read_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65_536):
        raise Wrong(f"{text!r} is no port", "a number from 1 to 65535")
    return int(text)


def _read_path(parts: _Parts) -> str:
    path = parts.path.removesuffix("{?dns}")
    if parts.scheme not in HTTP:
        if path not in ("", "/"):
            raise Wrong(f"{parts.scheme}:// has no path, but {path!r} is written", "only https:// and h3:// have one")
        return ""
    return DEFAULT_PATH if path in ("", "/") else path


def _check_clear(parts: _Parts, name: str) -> None:
    if parts.scheme in CLEAR and name:
        raise Wrong(
            f"{parts.scheme}:// proves no name, but {name} is written",
            f"write the address alone, {parts.scheme}://192.0.2.53, or a scheme that proves it: tls://, https://, quic://, h3://",
        )


def _check_road(name: str, addresses: tuple[str, ...], bootstrap: str) -> None:
    if addresses and bootstrap:
        raise Wrong("it has an address and a bootstrap", "drop one of them: the address is used as it is")
    if not addresses and not bootstrap:
        raise Wrong(
            f"{name} has no address, and nothing is looked up behind your back",
            f'write its address, {name}@192.0.2.1, or bootstrap = "GROUP" to look it up through that group',
        )


def _only(addresses: tuple[str, ...]) -> str:
    """The address as the name a certificate must hold; with several it would be unclear which."""
    if len(addresses) > 1:
        raise Wrong("several addresses and no name", "write NAME@ before them, or one entry for each address")
    return addresses[0]
