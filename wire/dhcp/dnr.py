"""Encrypted resolvers for clients: DNR of DHCPv4 and DHCPv6 (RFC 9463), and its service parameters (RFC 9460 §2.2).

    DHCPv4 (§5.1): one or more of: length of the rest u16, then as below, but with lengths u8
    DHCPv6 (§4.1): priority u16, name length u16, name, addresses' length u16, addresses, parameters

An instance may end behind the name: then the client looks the rest up.
"""

from collections.abc import Callable
from typing import NamedTuple

from wire.dhcp.codecs import Codec, read_ipv4, read_ipv6, read_number, read_octets, show_ipv4, show_ipv6
from wire.dhcp.names import show_one
from wire.dns.names import ROOT, parse_name, read_name
from wire.dns.svcb import (
    ALPN,
    DOHPATH,
    ECH,
    IPV4HINT,
    IPV6HINT,
    MANDATORY,
    NO_DEFAULT_ALPN,
    OHTTP,
    PORT,
    Parameters,
    build_alpn,
    build_parameters,
    parse_alpn,
    parse_parameters,
)
from wire.errors import Malformed

MAX_INSTANCES = 32

_KEYS = {
    "mandatory": MANDATORY,
    "alpn": ALPN,
    "no-default-alpn": NO_DEFAULT_ALPN,
    "port": PORT,
    "ech": ECH,
    "dohpath": DOHPATH,
    "ohttp": OHTTP,
}
"""As text, without the address hints, which have no place here (RFC 9463 §3.1.8)."""
_HINTS = frozenset((IPV4HINT, IPV6HINT))
_NAMES = {key: word for word, key in _KEYS.items()}


class Resolver(NamedTuple):
    """One instance. `name` is what its certificate proves, folded; `addresses` are 4 or 16 octets each. Without addresses and
    parameters it is of the name-only kind."""

    priority: int
    name: bytes
    addresses: tuple[bytes, ...] = ()
    parameters: Parameters = ()


def service_parameters(alpn: tuple[str, ...], port: int = 0, path: str = "") -> Parameters:
    """Those of one listener: protocols, port (0: each protocol's own), template of the path for HTTP."""
    found = [(ALPN, build_alpn(alpn))]
    if port:
        found.append((PORT, port.to_bytes(2, "big")))
    if path:
        found.append((DOHPATH, path.encode()))
    return tuple(found)


def parse_dnr_parameters(data: bytes) -> Parameters:
    """Raises Malformed, also for hints, and for a lack of `alpn` (RFC 9463 §3.1.8)."""
    found = parse_parameters(data)
    keys = {key for key, _ in found}
    if ALPN not in keys or keys & _HINTS:
        raise Malformed("service parameters without alpn or with an address hint")
    return found


def build_dnr4(resolvers: tuple[Resolver, ...]) -> bytes:
    """Option 162, longer than 255 octets where needed. Raises ValueError for what has no form as octets."""
    made = b""
    for one in resolvers:
        body = _build(one, 1, 4)
        made += len(body).to_bytes(2, "big") + body
    return made


def build_dnr6(resolver: Resolver) -> bytes:
    """Option 144, one for each resolver. Raises ValueError for what has no form as octets."""
    return _build(resolver, 2, 16)


def _build(one: Resolver, width: int, size: int) -> bytes:
    if any(len(address) != size for address in one.addresses):
        raise ValueError(f"an address does not have {size} octets")
    made = one.priority.to_bytes(2, "big") + _counted(one.name, width)
    if not one.addresses and not one.parameters:
        return made
    return made + _counted(b"".join(one.addresses), width) + build_parameters(one.parameters)


def _counted(octets: bytes, width: int) -> bytes:
    if len(octets) >= 1 << 8 * width:
        raise ValueError("a name or a list of addresses is longer than its length can say")
    return len(octets).to_bytes(width, "big") + octets


def parse_dnr4(data: bytes) -> tuple[Resolver, ...]:
    """All instances of option 162. Raises Malformed."""
    found: list[Resolver] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[start - 2 : start], "big")
        if start > len(data) or at > len(data) or len(found) == MAX_INSTANCES:
            raise Malformed("instance cut off, or one too many", start - 2)
        found.append(_parse(data[start:at], 1, 4))
    if not found:
        raise Malformed("no instance", 0)
    return tuple(found)


def parse_dnr6(data: bytes) -> Resolver:
    """One option 144. Raises Malformed."""
    return _parse(data, 2, 16)


def _parse(data: bytes, width: int, size: int) -> Resolver:
    name, at = _take(data, 2, width)
    owner, end = parse_name(name, 0)
    if end != len(name) or owner == ROOT:
        raise Malformed("the name is the root or does not fill its length", 2)
    priority = int.from_bytes(data[:2], "big")
    if at == len(data):
        return Resolver(priority, owner)
    addresses, at = _take(data, at, width)
    if not addresses or len(addresses) % size:
        raise Malformed("no addresses, or half of one", at)
    several = tuple(addresses[place : place + size] for place in range(0, len(addresses), size))
    return Resolver(priority, owner, several, parse_dnr_parameters(data[at:]))


def _take(data: bytes, at: int, width: int) -> tuple[bytes, int]:
    """Octets behind their length, and where they end."""
    start = at + width
    end = start + int.from_bytes(data[at:start], "big")
    if start > len(data) or end > len(data):
        raise Malformed("resolver cut off", at)
    return data[start:end], end


# --- text ---------------------------------------------------------------------------------------------------------------


def read_parameters(text: str) -> Parameters:
    """`alpn=h2,dot port=853 dohpath=/dns-query{?dns}`; other keys as `key9=hex`. Raises ValueError."""
    found = dict[int, bytes]()
    for part in text.split():
        word, _, value = part.partition("=")
        digits = word.removeprefix("key")
        key = _KEYS.get(word, int(digits) if word.startswith("key") and digits.isascii() and digits.isdigit() else -1)
        if not 0 <= key <= 0xFFFF or key in found or key in _HINTS:
            raise ValueError(f"{word!r} is no service parameter, or one that cannot stand here, or stands here twice")
        found[key] = _read_value(key, value)
    if ALPN not in found:
        raise ValueError("alpn= is needed, such as alpn=dot")
    return tuple(sorted(found.items()))


def _read_value(key: int, value: str) -> bytes:
    if key == ALPN:
        protocols = tuple(value.split(","))
        if not all(0 < len(one.encode()) < 256 for one in protocols):
            raise ValueError("alpn= names no protocol")
        return build_alpn(protocols)
    if key == PORT:
        if not value.isascii() or not value.isdigit() or not 0 < int(value[:9]) <= 0xFFFF:
            raise ValueError("port= is a number from 1 to 65535")
        return int(value).to_bytes(2, "big")
    if key == DOHPATH:
        if "{?dns}" not in value or not value.startswith("/"):
            raise ValueError("dohpath= is a path with {?dns} in it")
        return value.encode()
    return read_octets(value)


def show_parameters(parameters: Parameters) -> str:
    """What `read_parameters` reads. Raises Malformed for values that are none."""
    return " ".join(f"{_NAMES.get(key, f'key{key}')}={_show_value(key, value)}" for key, value in parameters)


def _show_value(key: int, value: bytes) -> str:
    if key == ALPN:
        return ",".join(_printable(one, ", ;") for one in parse_alpn(value))
    if key == PORT:
        if len(value) != 2 or value == b"\0\0":
            raise Malformed("a port is a number of two octets")
        return str(int.from_bytes(value, "big"))
    if key == DOHPATH:
        path = _printable(value, " ;")
        if "{?dns}" not in path or not path.startswith("/"):
            raise Malformed("dohpath is no template of a path")
        return path
    return value.hex()


def _printable(value: bytes, without: str) -> str:
    try:
        shown = value.decode()
    except UnicodeDecodeError:
        raise Malformed("service parameter is not UTF-8") from None
    if not shown.isprintable() or any(letter in shown for letter in without):
        raise Malformed("service parameter cannot be printed")
    return shown


def _read_resolver(text: str, read: Callable[[str], bytes]) -> Resolver:
    parts = text.split(None, 3)
    if len(parts) not in (2, 4):
        raise ValueError(
            "expected: priority, name, addresses with commas, service parameters; or priority and name alone"
        )
    priority, owner = read_number(parts[0]), read_name(parts[1])
    if not 0 <= priority <= 0xFFFF or owner == ROOT:
        raise ValueError("the priority is 0 to 65535, and the name not the root")
    if len(parts) == 2:
        return Resolver(priority, owner)
    addresses = tuple(read(address) for address in parts[2].split(","))
    return Resolver(priority, owner, addresses, read_parameters(parts[3]))


def _show_resolver(one: Resolver, show: Callable[[bytes], str]) -> str:
    head = f"{one.priority} {show_one(one.name)[:-1]}"
    if not one.addresses:
        return head
    return f"{head} {','.join(map(show, one.addresses))} {show_parameters(one.parameters)}"


def _read_dnr4(text: str) -> bytes:
    return build_dnr4(tuple(_read_resolver(one, read_ipv4) for one in text.split(";")))


def _show_dnr4(data: bytes) -> str:
    return "; ".join(_show_resolver(one, show_ipv4) for one in parse_dnr4(data))


_FORM = "an encrypted resolver: priority, name, addresses, service parameters"
dnr4 = Codec(_FORM, _read_dnr4, _show_dnr4, "1 dns.example.org 192.0.2.1 alpn=dot port=853")
dnr6 = Codec(
    _FORM,
    lambda text: build_dnr6(_read_resolver(text, read_ipv6)),
    lambda data: _show_resolver(parse_dnr6(data), show_ipv6),
    "1 dns.example.org 2001:db8::1 alpn=h2 dohpath=/dns-query{?dns}",
)
