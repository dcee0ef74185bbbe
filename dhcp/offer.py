"""What clients on a link are told of the running resolver: its addresses, the search list, its encrypted listeners (RFC 9463).

Computed once for a link; DHCPv4, DHCPv6 and router advertisements only encode it. What is not in here is not offered: a listener
that went away is gone from the next reply, and router advertisements take it back (`dhcp/advertise.py`).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from dhcp.addresses import is_inside, is_link_local
from dhcp.settings import Announced, DhcpSettings, Subnet
from dhcp.values import Address, Link, Own
from wire.dhcp.codes4 import Option4
from wire.dhcp.codes6 import Option6
from wire.dhcp.dnr import Resolver, build_dnr4, build_dnr6, service_parameters
from wire.dhcp.names import MAX_NAMES, build_names
from wire.dns.names import ROOT, read_name

MAX_SERVERS = 3
"""Addresses of one family that clients are told; the usual stub resolvers use no more."""

ANY4, ANY6 = bytes(4), bytes(16)
"""Wildcard listeners."""

_HTTP = frozenset(("h2", "h3"))
_DOH_PATH = "/dns-query{?dns}"
"""RFC 9461 §5 requires a path; this is everybody's."""

_DEFAULT_PORTS = {"dot": 853, "doq": 853, "h2": 443, "h3": 443}
"""RFC 9461 §4.2."""


class Offer(NamedTuple):
    """What clients on one link are told. Empty fields: say nothing of that kind."""

    servers4: tuple[Address, ...] = ()
    servers6: tuple[Address, ...] = ()
    """Global and unique local ones; link-local ones (in advertisements only) where there is nothing better."""
    search: tuple[bytes, ...] = ()
    """Names in the form of DNS messages."""
    resolvers4: tuple[Resolver, ...] = ()
    resolvers6: tuple[Resolver, ...] = ()
    """With addresses of that family, the preferred first."""


def offer_on(settings: DhcpSettings, link: Link, subnet: Subnet | None = None) -> Offer:
    """What clients on `link`, of `subnet` if that is known, are told."""
    resolver = settings.resolver
    near = (subnet.prefix, subnet.length) if subnet is not None else (b"", 0)
    return Offer(
        _reachable(resolver.addresses, link, near, 4),
        _reachable(resolver.addresses, link, near, 16),
        _search(settings, subnet),
        _resolvers(settings, link, near, 4),
        _resolvers(settings, link, near, 16),
    )


def without_encrypted(settings: DhcpSettings) -> DhcpSettings:
    """The same while the encrypted listeners are down: nobody is sent to them."""
    return replace(settings, resolver=replace(settings.resolver, encrypted=()))


def options_of4(offer: Offer) -> tuple[tuple[int, bytes], ...]:
    """DHCPv4 options 6, 119 and 162, as far as there is something to say."""
    found: list[tuple[int, bytes]] = []
    if offer.servers4:
        found.append((int(Option4.DNS_SERVERS), b"".join(offer.servers4)))
    if offer.search:
        found.append((int(Option4.DOMAIN_SEARCH), build_names(offer.search, compressed=True)))
    if offer.resolvers4:
        found.append((int(Option4.DNR), build_dnr4(offer.resolvers4)))
    return tuple(found)


def options_of6(offer: Offer) -> tuple[tuple[int, bytes], ...]:
    """DHCPv6 options 23, 24 and as many of 144 as there are resolvers. Link-local addresses are left out: a reply may go through
    a relay, behind which they mean nothing."""
    found: list[tuple[int, bytes]] = []
    servers = without_link_local(offer.servers6)
    if servers:
        found.append((int(Option6.DNS_SERVERS), b"".join(servers)))
    if offer.search:
        found.append((int(Option6.DOMAIN_SEARCH), build_names(offer.search, compressed=False)))
    for one in offer.resolvers6:
        addresses = without_link_local(one.addresses)
        if addresses:
            found.append((int(Option6.ENCRYPTED_DNS), build_dnr6(one._replace(addresses=addresses))))
    return tuple(found)


def without_link_local(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """The addresses that mean the same on every link."""
    return tuple(address for address in addresses if not is_link_local(address))


# --- addresses ----------------------------------------------------------------------------------------------------------


def _reachable(listeners: Iterable[Address], link: Link, near: tuple[bytes, int], size: int) -> tuple[Address, ...]:
    """Where clients on `link` reach listeners of this family: at our addresses there, in `near` first; only if none of these has
    one, at the others of ours."""
    listening = {address for address in listeners if len(address) == size}
    own = [one for one in link.addresses if len(one.address) == size and _is_usable(one)]
    here = own if bytes(size) in listening else [one for one in own if one.address in listening]
    if not here:
        elsewhere = sorted(address for address in listening if _is_routable(address))
        return tuple(elsewhere[:MAX_SERVERS])
    chosen = [one for one in here if not is_link_local(one.address)] or here
    ranked = sorted(chosen, key=lambda one: _rank(one, near))
    return tuple(one.address for one in _one_of_each_prefix(ranked))[:MAX_SERVERS]


def _is_usable(one: Own) -> bool:
    """Neither deprecated nor expired, and no address that means ourselves to everybody."""
    return one.preferred != 0 and one.valid != 0 and not _is_nowhere(one.address)


def _is_nowhere(address: Address) -> bool:
    """Unspecified, loopback, multicast or broadcast: means nobody or somebody else to a client."""
    if len(address) == 4:
        return address[0] in (0, 127) or address[0] >= 224
    return address[0] == 0xFF or address[:10] == bytes(10)


def _is_routable(address: Address) -> bool:
    return not _is_nowhere(address) and not is_link_local(address)


def _rank(one: Own, near: tuple[bytes, int]) -> tuple[bool, bool, float, Address]:
    """In the client's subnet first, then unique local ones (no provider takes them away, RFC 4193), then what lasts longest."""
    local = len(one.address) == 16 and one.address[0] & 0xFE == 0xFC
    lasts = float("inf") if one.preferred is None else one.preferred
    return not is_inside(one.address, *near), not local, -lasts, one.address


def _one_of_each_prefix(ranked: list[Own]) -> list[Own]:
    """Of several addresses in one prefix the first: the others are temporary ones (RFC 8981), or say nothing new."""
    seen: set[tuple[int, int]] = set()
    kept = []
    for one in ranked:
        prefix = (int.from_bytes(one.address, "big") >> 8 * len(one.address) - one.length, one.length)
        if prefix not in seen:
            seen.add(prefix)
            kept.append(one)
    return kept


# --- names and encrypted listeners --------------------------------------------------------------------------------------


def _search(settings: DhcpSettings, subnet: Subnet | None) -> tuple[bytes, ...]:
    """The subnet's own domain first, then the list, or the general domain where there is none."""
    own = (subnet.domain,) if subnet is not None and subnet.domain else ()
    texts = (*own, *(settings.search or ((settings.domain,) if not own else ())))
    names = dict.fromkeys(read_name(text) for text in texts if text)
    return tuple(name for name in names if name != ROOT)[:MAX_NAMES]


def _resolvers(settings: DhcpSettings, link: Link, near: tuple[bytes, int], size: int) -> tuple[Resolver, ...]:
    """A listener without an address of this family is not offered in it: with a name alone clients would have to ask others where
    it is (RFC 9463 §3.1.6), and we are who they ask."""
    found: dict[Resolver, None] = {}
    for one in sorted(settings.resolver.encrypted, key=lambda one: one.priority):
        addresses = _reachable(one.addresses or settings.resolver.addresses, link, near, size)
        if addresses and one.alpn:
            found[_describe(one, addresses)] = None
    return tuple(found)


def _describe(one: Announced, addresses: tuple[Address, ...]) -> Resolver:
    """Priority 0 would be an alias (RFC 9460 §2.4.1), of which DNR has none. A path goes with HTTP only; a port is said where it
    is not the one of every protocol."""
    usual = {_DEFAULT_PORTS.get(protocol) for protocol in one.alpn} == {one.port}
    path = (one.path or _DOH_PATH) if _HTTP & set(one.alpn) else ""
    return Resolver(
        max(1, one.priority),
        read_name(one.name),
        addresses,
        service_parameters(one.alpn, 0 if usual else one.port, path),
    )
