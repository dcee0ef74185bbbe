"""Addresses of name servers: which are known, which may be asked, and in which order."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from resolver.iterate.classify import show_address
from resolver.iterate.port import Endpoint
from resolver.iterate.verdict import NameServer, Referral
from resolver.policy.prefix64 import Prefix64
from resolver.settings import Family, Iteration

FOR_EVER = 0xFFFF_FFFF
"""The TTL of what is configured, seconds."""

_WITH_IPV4_LAST = tuple(map(ip_network, ("64:ff9b::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "::/96")))
"""Prefixes whose addresses end with an IPv4 one: RFC 6052 §2.1, RFC 4291 §2.5.5, RFC 2765 §2.1."""

_INSIDE = tuple(map(ip_network, ("64:ff9b:1::/48", "fec0::/10")))
"""Never outside, whatever the library says: local translators (RFC 8215), site-local addresses (RFC 3879)."""


def hinted(settings: Iteration) -> Referral:
    """The configured servers, as if somebody had referred to them."""
    servers = tuple(
        NameServer(server.name, tuple(read_endpoint(text, settings.port) for text in server.addresses))
        for server in settings.servers
    )
    return Referral(settings.zone, servers, FOR_EVER)


def read_endpoint(text: str, port: int) -> Endpoint:
    """`ADDRESS` or `ADDRESS@PORT`."""
    address, _, own = text.partition("@")
    return Endpoint(address, int(own) if own else port)


def endpoints_of(rdatas: Iterable[bytes], port: int) -> tuple[Endpoint, ...]:
    """The addresses in the data of A and AAAA records, if they have the right length."""
    return tuple(Endpoint(address, port) for rdata in rdatas if (address := show_address(rdata)))


def ordered(
    endpoints: Iterable[Endpoint], settings: Iteration, configured: frozenset[Endpoint] = frozenset()
) -> tuple[Endpoint, ...]:
    """Those that may be asked, once each; with a preferred family only that one, if it has any.

    What the user `configured` may be anywhere; what the DNS says must be public unicast, or a stranger's delegation could
    send our packets into the user's own network.
    """
    family, free = settings.family, settings.private_servers
    nat64 = settings.nat64
    allowed = [e for e in dict.fromkeys(endpoints) if free or e in configured or is_public(e.address, nat64)]
    if settings.nat64:
        allowed = [_translated(e, settings.nat64) for e in allowed]
    match family:
        case Family.ANY:
            return tuple(allowed)
        case Family.ONLY_IPV4 | Family.ONLY_IPV6:
            return tuple(e for e in allowed if (":" in e.address) == (family is Family.ONLY_IPV6))
        case _:
            preferred = [e for e in allowed if (":" in e.address) == (family is Family.PREFER_IPV6)]
            return tuple(preferred or allowed)


def _translated(endpoint: Endpoint, prefix: str) -> Endpoint:
    """An IPv4 endpoint as the translator (NAT64) shows it; an IPv6 one is what it is."""
    if ":" in endpoint.address:
        return endpoint
    embedded = _prefix64(prefix).embed(IPv4Address(endpoint.address).packed)
    return endpoint._replace(address=str(IPv6Address(embedded)))


_prefix64 = lru_cache(maxsize=16)(Prefix64)


@lru_cache(maxsize=8_192)
def is_public(address: str, nat64: str = "") -> bool:
    """Whether a literal is public unicast; an IPv4 address inside an IPv6 one counts as itself, also below the prefix of
    the network's own translator (`nat64`)."""
    value = ip_address(address)
    inner = _inside(value, nat64) if isinstance(value, IPv6Address) else None
    if inner is not None:
        value = inner
    return value.is_global and not value.is_multicast and not any(value in network for network in _INSIDE)


def _inside(value: IPv6Address, nat64: str) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if value.sixtofour is not None:
        return value.sixtofour
    if any(value in network for network in _WITH_IPV4_LAST):
        return IPv4Address(int(value) & 0xFFFF_FFFF)
    found = _prefix64(nat64).extract(value.packed) if nat64 else None
    return None if found is None else IPv4Address(found)
