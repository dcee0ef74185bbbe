"""Options of DHCPv4 made of parts: what a relay says (RFC 3046), a client's whole name (RFC 4702), vendors' (RFC 3925),
routes (RFC 3442)."""

from dataclasses import replace
from enum import IntFlag
from ipaddress import IPv4Network
from typing import NamedTuple

from wire.dhcp.codecs import HEX, Codec, ipv4, many, parse_prefixed, read_ipv4, read_number, read_octets, show_ipv4
from wire.dhcp.names import build_names, parse_names, read_names, show_names, show_one
from wire.dns.names import MAX_LABEL, MAX_NAME, ROOT, read_name
from wire.errors import Malformed

_FQDN_HEAD = 3


# --- option 82 ----------------------------------------------------------------------------------------------------------


def parse_relay(data: bytes) -> dict[int, bytes]:
    """Sub-options of option 82 by number (`RelaySub`): number u8, length u8, octets. Raises Malformed, also if one comes twice,
    which no RFC gives a meaning."""
    return _parse_parts(data)


def _parse_parts(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        start = at + 2
        if start > len(data) or start + data[start - 1] > len(data) or data[at] in found:
            raise Malformed("sub-option cut off or there twice", at)
        found[data[at]] = data[start : start + data[start - 1]]
        at = start + data[start - 1]
    return found


def build_parts(parts: dict[int, bytes]) -> bytes:
    """Sub-options: number u8, length u8, octets. Raises ValueError for one that is too long."""
    if any(len(value) > 255 or not 0 <= number <= 255 for number, value in parts.items()):
        raise ValueError("a sub-option has a number up to 255 and at most 255 octets")
    return b"".join(bytes((number, len(value))) + value for number, value in parts.items())


def _read_parts(text: str) -> bytes:
    parts: dict[int, bytes] = {}
    for part in text.split():
        number, equals, value = part.partition("=")
        if not equals or not (number.isascii() and number.isdigit()) or int(number[:9]) in parts:
            raise ValueError("expected number=octets, each number once")
        parts[int(number[:9])] = read_octets(value)
    return build_parts(parts)


def _show_parts(data: bytes) -> str:
    return " ".join(f"{number}={value.hex()}" for number, value in _parse_parts(data).items())


def _show_some_parts(data: bytes) -> str:
    if not data:
        raise Malformed("no sub-option", 0)
    return _show_parts(data)


parts = Codec("sub-options: number=octets, with spaces", _read_parts, _show_some_parts, "1=0a0b 2=0c")


# --- option 81 ----------------------------------------------------------------------------------------------------------


class FqdnFlag(IntFlag):
    """RFC 4702 §2.1."""

    S = 1
    """The server is to (from a server: will) write the address record."""
    O = 2  # noqa: E741, the RFC's letter
    """The server overrode S."""
    E = 4
    """The name is in the form of DNS messages, not in ASCII."""
    N = 8
    """The server is to (will) write nothing."""


class Fqdn(NamedTuple):
    """Flags u8, two octets of no use, name. `name` is folded labels as in DNS messages; with the root's zero octet at the end it
    is whole, without it the client knows no domain; no label holds a zero; empty: it asks for a name (RFC 4702 §2.3)."""

    flags: FqdnFlag
    name: bytes


def parse_fqdn(data: bytes) -> Fqdn:
    """Option 81, the name canonical or in the deprecated ASCII. Raises Malformed."""
    if len(data) < _FQDN_HEAD:
        raise Malformed("too short for flags", len(data))
    flags, text = FqdnFlag(data[0] & 0x0F), data[_FQDN_HEAD:]
    return Fqdn(flags, (_labels(text) if flags & FqdnFlag.E else _ascii_labels(text)).lower())


def _labels(text: bytes) -> bytes:
    """Labels that fill all of `text`; uncompressed, the end optional."""
    at = 0
    while at < len(text):
        length = text[at]
        if length > MAX_LABEL or (not length and at + 1 != len(text)):
            raise Malformed("label too long, or labels behind the root", _FQDN_HEAD + at)
        if 0 in text[at + 1 : at + 1 + length]:
            raise Malformed("a zero in a label", _FQDN_HEAD + at)
        at += 1 + length
    if at > len(text) or len(text) > MAX_NAME:
        raise Malformed("name cut off or too long", _FQDN_HEAD)
    return text


def _ascii_labels(text: bytes) -> bytes:
    text = text.rstrip(b"\0")
    if not text:
        return b""
    labels = text.split(b".")
    end = ROOT if labels[-1] == b"" and len(labels) > 1 else b""
    if end:
        labels.pop()
    if not all(0 < len(label) <= MAX_LABEL and 0 not in label for label in labels) or len(text) > MAX_NAME - 2:
        raise Malformed("a label is empty or too long", _FQDN_HEAD)
    return b"".join(bytes((len(label),)) + label for label in labels) + end


def build_fqdn(flags: FqdnFlag, name: bytes) -> bytes:
    """Option 81 of a server: both octets of no use are 255 (RFC 4702 §2.2). `name` as in `Fqdn`, written as flag E says."""
    if flags & FqdnFlag.E:
        return bytes((flags, 255, 255)) + name
    whole = name if name.endswith(ROOT) else name + ROOT
    shown, at = [], 0
    while length := whole[at]:
        shown.append(whole[at + 1 : at + 1 + length])
        at += 1 + length
    end = b"." if name.endswith(ROOT) and shown else b""
    return bytes((flags, 255, 255)) + b".".join(shown) + end


def _read_fqdn(text: str) -> bytes:
    flags, _, owner = text.partition(" ")
    value = read_number(flags)
    if not 0 <= value <= 15:
        raise ValueError("the flags are 0 to 15")
    name = read_name(owner.strip()) if owner.strip() else b""
    return build_fqdn(FqdnFlag(value), name if owner.rstrip().endswith(".") else name[:-1])


def _show_fqdn(data: bytes) -> str:
    flags, name = parse_fqdn(data)
    shown = show_one(name if name.endswith(ROOT) else name + ROOT) if name else ""
    return f"{int(flags)} {shown if name.endswith(ROOT) else shown[:-1]}".rstrip()


fqdn = Codec("flags and a name", _read_fqdn, _show_fqdn, "5 laptop.home.arpa.")


# --- options 124 and 125 ------------------------------------------------------------------------------------------------


def parse_vendors(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """Enterprise number and its octets, of options 124 and 125: u32, length u8, octets. Raises Malformed."""
    found, at = [], 0
    while at < len(data):
        start = at + 5
        end = start + data[start - 1] if start <= len(data) else len(data) + 1
        if end > len(data):
            raise Malformed("vendor's part cut off", at)
        found.append((int.from_bytes(data[at : at + 4], "big"), data[start:end]))
        at = end
    if not found:
        raise Malformed("no vendor", 0)
    return tuple(found)


def build_vendors(vendors: tuple[tuple[int, bytes], ...]) -> bytes:
    """As `parse_vendors` reads it. Raises ValueError for a number or octets that are too long."""
    if any(not 0 <= number < 1 << 32 or len(value) > 255 for number, value in vendors):
        raise ValueError("an enterprise has a number below 2^32 and at most 255 octets")
    return b"".join(number.to_bytes(4, "big") + bytes((len(value),)) + value for number, value in vendors)


def _vendors(inner: Codec) -> Codec:
    def read(text: str) -> bytes:
        several = [one.strip().partition(" ") for one in text.split(";")]
        return build_vendors(tuple((read_number(number), inner.read(rest.strip())) for number, _, rest in several))

    def show(data: bytes) -> str:
        return "; ".join(f"{number} {inner.show(value)}" for number, value in parse_vendors(data))

    return Codec(f"an enterprise number, then {inner.form}", read, show, f"32473 {inner.example}")


def _show_octets(data: bytes) -> str:
    return data.hex() or HEX


vendor_classes = _vendors(Codec("octets in hexadecimal, or text: and a text", read_octets, _show_octets, "0a0b"))
vendor_parts = _vendors(replace(parts, show=_show_parts))


# --- options 121 and 249 ------------------------------------------------------------------------------------------------


def _read_routes(text: str) -> bytes:
    parts = [part for part in text.replace(",", " ").split() if part != "via"]
    if len(parts) % 2:
        raise ValueError("each network needs its router")
    made = b""
    for place, router in zip(parts[::2], parts[1::2], strict=True):
        network = IPv4Network(place if place != "default" else "0.0.0.0/0")
        width = network.prefixlen
        made += bytes((width,)) + network.network_address.packed[: (width + 7) // 8] + read_ipv4(router)
    return made


def _show_routes(data: bytes) -> str:
    return ",".join(
        f"{show_ipv4(network)}/{width} {show_ipv4(router)}" for network, width, router in parse_routes(data)
    )


def parse_routes(data: bytes) -> tuple[tuple[bytes, int, bytes], ...]:
    """Network, width and router of each classless route (RFC 3442): width u8, the octets it needs, router. Bits behind the width
    are not the network's. Raises Malformed."""
    found, at = [], 0
    while at < len(data):
        width = data[at]
        middle = at + 1 + (width + 7) // 8
        if width > 32 or middle + 4 > len(data):
            raise Malformed("route cut off or wider than 32", at)
        network = int.from_bytes(data[at + 1 : middle].ljust(4, b"\0"), "big") & ~(0xFFFFFFFF >> width)
        found.append((network.to_bytes(4, "big"), width, data[middle : middle + 4]))
        at = middle + 4
    if not found:
        raise Malformed("no route", 0)
    return tuple(found)


routes = Codec(
    "networks, each with its router", _read_routes, _show_routes, "198.51.100.0/24 192.0.2.1,0.0.0.0/0 192.0.2.1"
)


# --- others -------------------------------------------------------------------------------------------------------------


def parse_user_classes(data: bytes) -> tuple[bytes, ...]:
    """The values of option 77 (RFC 3004 §4). What is no list of lengths and values is one value: many clients send that."""
    try:
        return parse_prefixed(data, 1)
    except Malformed:
        return (data,)


_addresses = many(ipv4)


def _read_sip(text: str) -> bytes:
    if text.replace(",", "").replace(".", "").replace(" ", "").isdigit():
        return b"\1" + _addresses.read(text)
    return b"\0" + build_names(read_names(text), compressed=False)


def _show_sip(data: bytes) -> str:
    if data[:1] == b"\1":
        return _addresses.show(data[1:])
    if data[:1] != b"\0":
        raise Malformed("neither names nor addresses", 0)
    return show_names(parse_names(data[1:]))


sip_servers = Codec("addresses or names of SIP servers", _read_sip, _show_sip, "192.0.2.1,192.0.2.2")
"""RFC 3361 §3: 0 and names, or 1 and addresses."""
