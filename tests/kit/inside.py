"""Addresses of the inside in every form that somebody may hide them in, and answers from outside that hold them."""

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

import dns.message
import dns.name
import dns.rdatatype
import dns.rdtypes.svcbbase
import dns.rrset

V4 = (
    *(
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.255.255.254",
    ),
    *("169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.255", "192.0.0.1"),
    *("198.18.0.1", "198.19.255.254", "240.0.0.1", "255.255.255.255"),
)
V6 = (
    *("::", "::1", "fe80::1", "febf:ffff::1", "fec0::1", "feff::1", "fc00::1", "fcff::1", "fd00::1", "fdff:ffff::1"),
    *("64:ff9b:1::1", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:ffff::808:808", "2001:2::1"),
)
EMBEDDED = (
    "0.0.0.1",
    "10.1.2.3",
    "100.64.1.2",
    "127.0.0.1",
    "169.254.169.254",
    "172.20.1.1",
    "192.168.1.1",
    "255.255.255.255",
)
OUTSIDE = (
    *(
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
    ),
    *("172.15.255.255", "172.32.0.0", "192.0.0.170", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
    *("198.20.0.0", "223.255.255.255", "2001:db8::1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"),
    *("2002:101:101::1", "fb00::1", "fe7f::1", "2001:4860::8888", "2001:1::1", "64:ff9a::a00:1", "2a00::5efe:1.1.1.1"),
)
"""The neighbours of all of them."""


def embeddings(address: str) -> Iterator[str]:
    """IPv6 addresses that lead to an IPv4 one, each made by the standard library from what its RFC says."""
    four = int(ipaddress.IPv4Address(address))
    for base in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "2a00:1450:0:1:0:5efe::", "2a00:1450:0:1:200:5efe::"):
        yield str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(base)) | four))
    yield str(ipaddress.IPv6Address((0x2002 << 112) | (four << 80) | 1))
    yield str(ipaddress.IPv6Address((0x20010000 << 96) | (0x01010101 << 64) | (four ^ 0xFFFFFFFF)))
    yield str(ipaddress.IPv6Address((0x20010000 << 96) | (four << 64) | (0x01010101 ^ 0xFFFFFFFF)))


EVERY = (*V4, *dict.fromkeys((*V6, *(found for address in EMBEDDED for found in embeddings(address)))))
"""Distinct addresses."""


class Attack(NamedTuple):
    """An answer to `name` and `rrtype`: records as `OWNER TTL TYPE DATA`."""

    name: str
    rrtype: str
    answer: tuple[str, ...]


def attacks() -> Iterator[Attack]:
    """Each address in each record and at each place that it can be at."""
    for number, address in enumerate(EVERY):
        kind = "AAAA" if ":" in address else "A"
        good = "2606:4700::1" if kind == "AAAA" else "1.1.1.1"
        hint = "ipv6hint" if kind == "AAAA" else "ipv4hint"
        other = "ipv4hint=1.1.1.1" if kind == "AAAA" else "ipv6hint=2606:4700::1"
        name, far = f"n{number}.evil.example.", f"far{number}.evil.net."
        yield Attack(name, kind, (f"{name} 60 {kind} {address}",))
        yield Attack(name, kind, (f"{name} 60 {kind} {good}", f"{name} 60 {kind} {address}"))
        yield Attack(name, kind, (f"{name} 60 {kind} {address}", f"{name} 60 {kind} {good}"))
        yield Attack(name, kind, (f"{name} 60 CNAME {far}", f"{far} 60 {kind} {address}"))
        chain = [f"c{step}.{name}" for step in range(4)]
        links = [f"{one} 60 CNAME {two}" for one, two in zip((name, *chain), chain, strict=False)]
        yield Attack(name, kind, (*links, f"{chain[-1]} 60 {kind} {address}"))
        for service in ("HTTPS", "SVCB"):
            yield Attack(name, service, (f"{name} 60 {service} 1 . alpn=h2 {hint}={address}",))
            yield Attack(name, service, (f"{name} 60 {service} 1 . {hint}={good},{address} {other}",))
            yield Attack(name, service, (f"{name} 60 {service} 1 . mandatory={hint} {hint}={address}",))
            first = f"{name} 60 {service} 1 {far} alpn=h3"
            yield Attack(name, service, (first, f"{name} 60 {service} 2 . {hint}={address}"))
            yield Attack(name, service, (f"{name} 60 CNAME {far}", f"{far} 60 {service} 1 . {hint}={address}"))


def reply_to(query: bytes, attack: Attack) -> bytes:
    """The attacker's word, as it came over the wire."""
    message = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    for line in attack.answer:
        owner, ttl, kind, data = line.split(" ", 3)
        rrset = dns.rrset.from_text(owner, int(ttl), "IN", kind, data)
        known = message.get_rrset(message.answer, rrset.name, rrset.rdclass, rrset.rdtype)
        if known is None:
            message.answer.append(rrset)
        else:
            known.update(rrset)
    return bytes(message.to_wire(max_size=65_535))


def addresses_in(message: dns.message.Message) -> set[str]:
    """Every address anywhere in a message, hints too: dnspython reads, nothing of ours."""
    found: set[str] = set()
    for section in message.sections[1:]:
        for rrset in section:
            for rdata in rrset:
                if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
                    found.add(str(ipaddress.ip_address(rdata.address)))
                for key in (4, 6):
                    hint = getattr(rdata, "params", {}).get(key)
                    found |= {str(ipaddress.ip_address(one)) for one in hint.addresses} if hint is not None else set()
    return found


NORMAL = {str(ipaddress.ip_address(address)) for address in EVERY}
