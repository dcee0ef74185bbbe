"""Addresses of name servers: which are known, which may be asked, and in which order."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from resolver.addresses import is_public
from resolver.iterate.classify import show_address
from resolver.iterate.port import Endpoint
from resolver.iterate.verdict import NameServer, Referral
from resolver.policy.prefix64 import prefix64_of
from resolver.settings import Family, Iteration

FOR_EVER = 0xFFFF_FFFF
"""The TTL of what is configured, seconds."""


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
    embedded = prefix64_of(prefix).embed(IPv4Address(endpoint.address).packed)
    return endpoint._replace(address=str(IPv6Address(embedded)))
