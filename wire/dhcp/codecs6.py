"""Kinds of values that only DHCPv6 has."""

from wire.dhcp.codecs import Codec, read_ipv6, read_octets, show_ipv6, u32
from wire.dhcp.names import build_names, parse_names, read_names, read_single, show_names
from wire.dhcp.packet6 import build_options6, parse_options6
from wire.errors import Malformed

_ADDRESS, _MULTICAST, _NAME = 1, 2, 3
"""Sub-options of NTP servers (RFC 5908 §4.1 to §4.3)."""

_GROUP = "multicast:"


def _read_time_servers(text: str) -> bytes:
    return build_options6([_read_time_server(part.strip()) for part in text.split(",")])


def _read_time_server(text: str) -> tuple[int, bytes]:
    if text.startswith(_GROUP):
        group = read_ipv6(text.removeprefix(_GROUP))
        if group[0] != 0xFF:
            raise ValueError(f"{text!r} is no multicast address")
        return _MULTICAST, group
    if ":" in text:
        return _ADDRESS, read_ipv6(text)
    names = read_names(text)
    if len(names) != 1:
        raise ValueError(f"{text!r} is not one name; put commas between servers")
    return _NAME, names[0]


def _show_time_servers(data: bytes) -> str:
    options = parse_options6(data)
    if not options:
        raise Malformed("no time server", 0)
    return ",".join(_show_time_server(number, content) for number, content in options)


def _show_time_server(number: int, data: bytes) -> str:
    if number in (_ADDRESS, _MULTICAST) and len(data) == 16:
        return (_GROUP if number == _MULTICAST else "") + show_ipv6(data)
    names = parse_names(data) if number == _NAME else ()
    if len(names) != 1 or len(names[0]) != len(data):
        raise Malformed("a time server is an address, a group or a whole name")
    return show_names(names)


time_servers = Codec(
    "time servers: addresses, names or multicast:GROUP, with commas",
    _read_time_servers,
    _show_time_servers,
    "2001:db8::123,ntp.example.org",
)
"""RFC 5908 §4."""


def _read_vendor(text: str) -> bytes:
    enterprise, *parts = text.split()
    options = []
    for part in parts:
        number, equals, value = part.partition("=")
        if not equals or not (number.isascii() and number.isdigit()):
            raise ValueError("expected an enterprise number, then number=octets")
        options.append((int(number[:9]), read_octets(value)))
    return u32.read(enterprise) + build_options6(options)


def _show_vendor(data: bytes) -> str:
    if len(data) < 4:
        raise Malformed("enterprise number cut off", len(data))
    options = [f"{number}={content.hex()}" for number, content in parse_options6(data, 4)]
    return " ".join((u32.show(data[:4]), *options))


vendor_options = Codec(
    "an enterprise number, then number=octets with spaces", _read_vendor, _show_vendor, "4491 32=0a0b 33=0c"
)
"""RFC 8415 §21.17."""


def _read_whole_names(text: str) -> bytes:
    return build_names(read_names(text), compressed=False)


def _show_whole_names(data: bytes) -> str:
    names = parse_names(data)
    # > … MUST NOT be stored in compressed form (RFC 8415 §10)
    if sum(map(len, names)) != len(data):
        raise Malformed("compressed names")
    return show_names(names)


whole_names = Codec("domain names with commas", _read_whole_names, _show_whole_names, "home.arpa,example.org")


def _show_whole_name(data: bytes) -> str:
    shown = _show_whole_names(data)
    if "," in shown:
        raise Malformed("more than one name")
    return shown


whole_name = Codec("a domain name", read_single, _show_whole_name, "example.org")
