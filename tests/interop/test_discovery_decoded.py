"""What is told of the encrypted ways in, made from one configuration and read by others: tshark for SVCB, a parser of its own for
the options of RFC 9463."""

import struct
from ipaddress import ip_address
from pathlib import Path

from kit.dhcp_site import own
from kit.pcap import RAW_IP, tshark, write_capture

from anchorhold.config.load import load
from dhcp.announcement import announcement
from dhcp.offer import offer_on, options_of4, options_of6, without_encrypted
from dhcp.settings import Advertised, DhcpSettings
from dhcp.values import Link
from resolver.policy.discovery import OwnNames
from resolver.settings import Announcement
from wire.dhcp.ra import build_router_advertisement
from wire.dns.names import read_name

CONFIG = """\
[listen]
addresses = ["192.168.1.1", "fd00:1::1"]
[resolve]
mode = "iterate"
[secure]
name = "dns.home.arpa"
listen = ["tls://192.168.1.1", "tls://[fd00:1::1]", "quic://192.168.1.1:8853", "https://192.168.1.1", "h3://192.168.1.1"]
[[dhcp.subnet]]
prefix = "192.168.1.0/24"
interface = "lan0"
pools = ["192.168.1.100-192.168.1.199"]
"""
LAN = Link(2, "lan0", b"\2\0\x5e\x10\0\1", tuple(map(own, ("192.168.1.1/24", "fe80::1/64", "fd00:1::1/64"))))


def made() -> tuple[Announcement, DhcpSettings]:
    loaded = load(CONFIG, "a.toml")
    assert loaded.front.announcement is not None
    assert loaded.dhcp is not None
    return loaded.front.announcement, loaded.dhcp


def datagram(message: bytes) -> bytes:
    """IPv4 and UDP from port 53, without checksums."""
    udp = struct.pack("!4H", 53, 5_353, 8 + len(message), 0) + message
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes(4)) + udp


def test_tshark_reads_what_the_resolver_says_of_itself(tmp_path: Path) -> None:
    said, _ = made()
    question = read_name("_dns.resolver.arpa") + b"\0\x40\0\1"
    built = OwnNames(said).answer(question, 0x0100, up=True)
    assert built is not None
    write_capture(tmp_path / "ddr.pcap", [datagram(built.message)], RAW_IP)
    fields = (
        "svcpriority",
        "targetname",
        "svcparam.alpn",
        "svcparam.port",
        "svcparam.ipv4hint.ip",
        "svcparam.ipv6hint.ip",
    )
    options = [word for field in fields for word in ("-e", f"dns.svcb.{field}")]
    (line,) = tshark(tmp_path / "ddr.pcap", "-T", "fields", "-E", "aggregator=;", *options).splitlines()
    priorities, targets, alpn, ports, four, six = line.split("\t")
    assert (priorities, targets) == ("1;1;2", "dns.home.arpa;dns.home.arpa;dns.home.arpa")
    assert sorted(alpn.split(";")) == ["doq", "dot", "h2", "h3"]
    assert (ports, four, six) == ("8853", "192.168.1.1;192.168.1.1;192.168.1.1", "fd00:1::1")
    text = tshark(tmp_path / "ddr.pcap", "-V")
    assert "Malformed" not in text


# -- RFC 9463, read without our own code


def name_of(data: bytes) -> str:
    labels = []
    while data[0]:
        labels.append(data[1 : 1 + data[0]].decode())
        data = data[1 + data[0] :]
    assert data == b"\0"
    return ".".join(labels)


def parameters_of(data: bytes) -> dict[str, str]:
    """Keys must ascend (RFC 9460 §2.2)."""
    found, last = {}, -1
    while data:
        key, length = struct.unpack_from("!HH", data)
        value, data = data[4 : 4 + length], data[4 + length :]
        assert (len(value), key > last) == (length, True)
        last = key
        if key == 1:
            words = []
            while value:
                words.append(value[1 : 1 + value[0]].decode())
                value = value[1 + value[0] :]
            found["alpn"] = ",".join(words)
        elif key == 3:
            found["port"] = str(int.from_bytes(value, "big"))
        else:
            assert key == 7
            found["dohpath"] = value.decode()
    return found


def body_of(data: bytes, width: str, size: int) -> tuple[int, str, list[str], dict[str, str]]:
    """Service priority u16, name length, name, addresses' length, addresses, parameters (RFC 9463 §4.1, §5.1)."""
    octets = struct.calcsize(width)
    priority = int.from_bytes(data[:2], "big")
    length = int.from_bytes(data[2 : 2 + octets], "big")
    name, data = data[2 + octets : 2 + octets + length], data[2 + octets + length :]
    length = int.from_bytes(data[:octets], "big")
    packed, data = data[octets : octets + length], data[octets + length :]
    addresses = [str(ip_address(packed[at : at + size])) for at in range(0, length, size)]
    return priority, name_of(name), addresses, parameters_of(data)


FOUR = [
    (1, "dns.home.arpa", ["192.168.1.1"], {"alpn": "dot"}),
    (1, "dns.home.arpa", ["192.168.1.1"], {"alpn": "doq", "port": "8853"}),
    (2, "dns.home.arpa", ["192.168.1.1"], {"alpn": "h2,h3", "dohpath": "/dns-query{?dns}"}),
]
SIX = [(1, "dns.home.arpa", ["fd00:1::1"], {"alpn": "dot"})]


def test_option_162_is_as_the_rfc_draws_it() -> None:
    _, settings = made()
    data = dict(options_of4(offer_on(settings, LAN, settings.subnets[0])))[162]
    found = []
    while data:
        length = int.from_bytes(data[:2], "big")
        found.append(body_of(data[2 : 2 + length], "!B", 4))
        data = data[2 + length :]
    assert found == FOUR


def test_option_144_is_as_the_rfc_draws_it() -> None:
    _, settings = made()
    found = [body_of(data, "!H", 16) for number, data in options_of6(offer_on(settings, LAN)) if number == 144]
    assert found == SIX


def test_the_option_in_router_advertisements_is_as_the_rfc_draws_it() -> None:
    """Type 144, length in units of 8 octets, priority u16, lifetime u32, name length u16, name, addresses' length u16, addresses,
    parameters' length u16, parameters, padding (RFC 9463 §6.1)."""
    _, settings = made()
    data = build_router_advertisement(announcement(Advertised("lan0"), LAN, offer_on(settings, LAN)))[16:]
    found = []
    while data:
        option, data = data[: 8 * data[1]], data[8 * data[1] :]
        if option[0] != 144:
            continue
        priority, lifetime, length = struct.unpack_from("!HIH", option, 2)
        name, rest = option[10 : 10 + length], option[10 + length :]
        size = int.from_bytes(rest[:2], "big")
        addresses, rest = rest[2 : 2 + size], rest[2 + size :]
        size = int.from_bytes(rest[:2], "big")
        parameters, padding = rest[2 : 2 + size], rest[2 + size :]
        assert (lifetime > 0, padding.strip(b"\0"), len(padding) < 8) == (True, b"", True)
        where = [str(ip_address(addresses[at : at + 16])) for at in range(0, len(addresses), 16)]
        found.append((priority, name_of(name), where, parameters_of(parameters)))
    assert found == SIX


def test_what_is_down_is_in_no_option() -> None:
    _, settings = made()
    offer = offer_on(without_encrypted(settings), LAN, settings.subnets[0])
    assert tuple(number for number, _ in options_of4(offer)) == (6, 119)
    assert 144 not in [number for number, _ in options_of6(offer)]


def test_tshark_finds_the_option_whole_in_a_reply(tmp_path: Path) -> None:
    _, settings = made()
    options = dict(options_of4(offer_on(settings, LAN, settings.subnets[0])))
    fixed = struct.pack(
        "!4BIHH4s4s4s4s16s64s128s4s", 2, 1, 6, 0, 7, 0, 0, *[bytes(4)] * 4, bytes(16), b"", b"", b"\x63\x82\x53\x63"
    )
    body = b"\x35\1\5" + bytes((162, len(options[162]))) + options[162] + b"\xff"
    udp = struct.pack("!4H", 67, 68, 8 + len(fixed + body), 0) + fixed + body
    packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes(4)) + udp
    write_capture(tmp_path / "dnr.pcap", [packet], RAW_IP)
    types = tshark(tmp_path / "dnr.pcap", "-T", "fields", "-e", "dhcp.option.type", "-e", "dhcp.option.value").split(
        "\t"
    )
    assert types[0].split(",")[:2] == ["53", "162"]
    assert options[162].hex() in types[1]
    assert "Malformed" not in tshark(tmp_path / "dnr.pcap", "-V")
