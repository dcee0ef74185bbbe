"""Valid input for the parsers of DHCPv4, and how to feed each and hold it to what it promises."""

from collections.abc import Callable
from typing import TypeVar
from zlib import crc32

from wire.dhcp.codecs import MAX_VALUE, parse_prefixed
from wire.dhcp.dnr import (
    Resolver,
    build_dnr4,
    build_dnr6,
    parse_dnr4,
    parse_dnr6,
    parse_dnr_parameters,
    service_parameters,
)
from wire.dhcp.frames import (
    Datagram,
    build_answer,
    build_arp,
    build_datagram,
    build_probe,
    build_request,
    parse_arp,
    parse_datagram,
)
from wire.dhcp.names import MAX_NAMES, build_names, parse_names
from wire.dhcp.options4 import OPTIONS4
from wire.dhcp.packet4 import MAX_PACKET, Packet4, build_packet4, fit_packet4, parse_packet4
from wire.dhcp.structures4 import (
    FqdnFlag,
    build_fqdn,
    build_parts,
    build_vendors,
    parse_fqdn,
    parse_relay,
    parse_routes,
    parse_user_classes,
    parse_vendors,
)
from wire.dns.names import MAX_NAME
from wire.dns.svcb import build_parameters

T = TypeVar("T")

US, CLIENT = b"\x02\0\x5e\0\x53\1", b"\x02\0\x5e\0\x53\2"
SERVER, ADDRESS, NOBODY = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 100)), bytes(4)
EXAMPLES = {row.number: row.codec.from_text(row.codec.example) for row in OPTIONS4.rows}
HOST = b"\6laptop\4home\4arpa\0"
WIDE = 65_000
"""A limit that nothing is dropped for."""


# --- the corpus ---------------------------------------------------------------------------------------------------------


def packets() -> list[bytes]:
    """What clients, relays and servers send, without padding so that edits meet something, and with overloaded fields."""
    plain = Packet4(1, 1, 0, 0x12345678, 0, 0x8000, NOBODY, NOBODY, NOBODY, NOBODY, CLIENT, b"", b"", {})
    asked = {53: b"\1", 61: b"\1" + CLIENT, 55: bytes((1, 3, 6, 15, 119, 121, 162)), 57: b"\5\xdc", 12: b"laptop"}
    told = {number: EXAMPLES[number] for number in (53, 54, 51, 58, 59, 1, 28, 3, 6, 15, 119, 121, 162)}
    found = [
        build_packet4(plain._replace(options=asked)),
        build_packet4(plain._replace(giaddr=SERVER, hops=1, options=asked | {82: EXAMPLES[82], 81: EXAMPLES[81]})),
        build_packet4(plain._replace(op=2, yiaddr=ADDRESS, options=told, sname=b"boot", file=b"image")),
        fit_packet4(plain._replace(op=2, options=told | {43: bytes(200), 66: b"a" * 90, 67: b"b" * 50})).data,
        build_packet4(plain._replace(op=2, options=told | {119: build_names([HOST] * 14, compressed=False)}), 1_500),
    ]
    return found + [data.rstrip(b"\0") for data in found]


def frames() -> list[bytes]:
    """UDP and ARP."""
    asked = build_request(CLIENT, ADDRESS, SERVER)
    datagrams = [build_datagram(Datagram(US, CLIENT, SERVER, ADDRESS, 67, 68, data)) for data in packets()[:2]]
    short = build_datagram(Datagram(CLIENT, b"\xff" * 6, NOBODY, b"\xff" * 4, 68, 67, b"hello"))
    return [*datagrams, short, short + bytes(13), build_probe(US, ADDRESS), asked, build_answer(US, parse_arp(asked))]


def values() -> list[bytes]:
    """Every option behind its number, and the structures bare."""
    found = [bytes((number,)) + data for number, data in EXAMPLES.items()]
    return found + list(EXAMPLES.values()) + [parameters(), build_dnr6(resolver(16)), build_dnr4((resolver(4),) * 3)]


def resolver(size: int) -> Resolver:
    """With addresses of so many octets."""
    return Resolver(1, HOST, (bytes(size), bytes(range(size))), service_parameters(("h2", "dot"), 853, "/q{?dns}"))


def parameters() -> bytes:
    """Service parameters."""
    return build_parameters(resolver(4).parameters)


def everything() -> list[bytes]:
    return packets() + frames() + values()


# --- the parsers --------------------------------------------------------------------------------------------------------


def exactly(parse: Callable[[bytes], T], build: Callable[[T], bytes]) -> Callable[[bytes], bool]:
    """A parser whose every octet comes back when what it read is built again."""

    def feed(data: bytes) -> bool:
        assert data == build(parse(data))
        return True

    return feed


def alike(parse: Callable[[bytes], T], build: Callable[[T], bytes]) -> Callable[[bytes], bool]:
    """A parser that reads the same from what is built of what it read."""

    def feed(data: bytes) -> bool:
        found = parse(data)
        assert found == parse(build(found))
        return True

    return feed


def feed_packet(data: bytes) -> bool:
    """What is accepted can be built, and what was built reads back."""
    found = parse_packet4(data)
    assert not {0, 52, 255} & set(found.options)
    assert (4, 4, 4, 4) == tuple(map(len, (found.ciaddr, found.yiaddr, found.siaddr, found.giaddr)))
    assert len(found.chaddr) <= 16
    again, dropped = fit_packet4(found, WIDE)
    assert () == dropped
    if len(again) <= MAX_PACKET:
        assert found == parse_packet4(again)
    small, dropped = fit_packet4(found)
    kept = {number: value for number, value in found.options.items() if number not in dropped}
    assert len(small) <= 576 - 28
    assert found._replace(options=kept) == parse_packet4(small)
    return True


def feed_value(data: bytes) -> bool:
    """The first octet says which option; what is shown of the rest reads back as the same."""
    row = OPTIONS4.numbered(1 + data[0] % 254 if data else 1)
    shown = row.codec.to_text(data[1:])
    assert shown.isprintable()
    again = row.codec.from_text(shown)
    assert shown == row.codec.to_text(again)
    return True


def feed_codec(data: bytes) -> bool:
    """As an option that the octets themselves choose."""
    OPTIONS4.rows[crc32(data) % len(OPTIONS4.rows)].codec.check(data)
    assert len(data) <= MAX_VALUE
    return True


def feed_relay(data: bytes) -> bool:
    assert data == build_parts(parse_relay(data))
    return bool(data)


def feed_fqdn(data: bytes) -> bool:
    found = parse_fqdn(data)
    assert len(found.name) <= MAX_NAME
    assert found == parse_fqdn(build_fqdn(found.flags, found.name))
    assert found.name == parse_fqdn(build_fqdn(found.flags | FqdnFlag.E, found.name)).name
    return True


def feed_routes(data: bytes) -> bool:
    assert all(len(network + router) == 8 and width <= 32 for network, width, router in parse_routes(data))
    return True


def feed_user_classes(data: bytes) -> bool:
    """Anything is one class, if it is no list of them."""
    found = parse_user_classes(data)
    assert (data,) == found or data == b"".join(bytes((len(one),)) + one for one in found)
    return len(found) > 1


def feed_prefixed(data: bytes) -> bool:
    found = parse_prefixed(data, 2)
    assert data == b"".join(len(one).to_bytes(2, "big") + one for one in found)
    return True


def feed_names(data: bytes) -> bool:
    found = parse_names(data)
    assert 1 <= len(found) <= MAX_NAMES
    assert (
        found == parse_names(build_names(found, compressed=True)) == parse_names(build_names(found, compressed=False))
    )
    return True


def feed_arp(data: bytes) -> bool:
    assert data[6:42] == build_arp(found := parse_arp(data), data[:6])[6:42] or found.hardware != data[6:12]
    return True


HARNESSES: dict[str, Callable[[bytes], bool]] = {
    "wire.dhcp.packet4.parse_packet4": feed_packet,
    "wire.dhcp.codecs.Codec.to_text": feed_value,
    "wire.dhcp.codecs.Codec.check": feed_codec,
    "wire.dhcp.codecs.parse_prefixed": feed_prefixed,
    "wire.dhcp.names.parse_names": feed_names,
    "wire.dhcp.structures4.parse_relay": feed_relay,
    "wire.dhcp.structures4.parse_fqdn": feed_fqdn,
    "wire.dhcp.structures4.parse_vendors": exactly(parse_vendors, build_vendors),
    "wire.dhcp.structures4.parse_routes": feed_routes,
    "wire.dhcp.structures4.parse_user_classes": feed_user_classes,
    "wire.dhcp.dnr.parse_dnr_parameters": exactly(parse_dnr_parameters, build_parameters),
    "wire.dhcp.dnr.parse_dnr4": alike(parse_dnr4, build_dnr4),
    "wire.dhcp.dnr.parse_dnr6": alike(parse_dnr6, build_dnr6),
    "wire.dhcp.frames.parse_datagram": alike(parse_datagram, build_datagram),
    "wire.dhcp.frames.parse_arp": feed_arp,
}
"""As in `tests/fuzz/parsers.py`."""
