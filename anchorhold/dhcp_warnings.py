"""What `anchorhold check` says of `[dhcp]`: its subnets; what works, but not as its author may think; what this machine lacks."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from publicsuffixlist import PublicSuffixList

from anchorhold.config.names import Network
from anchorhold.config.service import Loaded
from dhcp.settings import DhcpSettings, Subnet
from dhcp.values import Link

HOME = "home.arpa"
"""The list has it, and it is made for this (RFC 8375)."""
SHORT_LEASE = 120
"""Seconds; below, devices renew every minute."""


def dhcp_warnings(loaded: Loaded, links: Mapping[int, Link]) -> Iterator[str]:
    """One line each. `links` are the interfaces of this machine; none are known if it is empty."""
    settings = loaded.dhcp
    if settings is None:
        return
    yield from _general(settings)
    yield from _shared(settings)
    yield from _reach(settings)
    if links:
        yield from _machine(loaded, settings, {link.name: link for link in links.values()})


@dataclass(frozen=True, slots=True)
class ShownSubnet:
    """A subnet in words: where its clients are heard, which addresses and prefixes it gives, for how many seconds."""

    subnet: str
    interface: str
    pools: str
    lease: str


def shown_subnets(settings: DhcpSettings) -> list[ShownSubnet]:
    """Every subnet, in the order of the file."""
    return [
        ShownSubnet(one.name, one.interface or "relays", _shown_pools(one), str(one.lease_time))
        for one in settings.subnets
    ]


def _shown_pools(subnet: Subnet) -> str:
    if subnet.stateless:
        return "none (stateless)"
    pools = [f"{ipaddress.ip_address(pool.first)}-{ipaddress.ip_address(pool.last)}" for pool in subnet.pools]
    prefixes = [
        f"/{one.length} of {ipaddress.ip_network((one.prefix, one.prefix_length))}" for one in subnet.delegations
    ]
    return ", ".join((*pools, *prefixes)) or "reserved ones only"


def _general(settings: DhcpSettings) -> Iterator[str]:
    if settings.store_identifiers:
        yield "dhcp: store_identifiers keeps hardware addresses and identifiers of all devices on disk"
    if settings.log_clients:
        yield "dhcp: log_clients_until writes hardware and IP addresses into the log until then"
    if not settings.conflict_check:
        yield "dhcp: conflict_check = false, so an address that somebody took for himself may be given to another"
    for subnet in settings.subnets:
        if subnet.lease_time < SHORT_LEASE:
            yield f"dhcp: leases of {subnet.name} last {subnet.lease_time} s; every device renews twice in that time"
        if not (subnet.pools or subnet.delegations or subnet.stateless) and not _has_hosts(settings, subnet):
            yield f"dhcp: {subnet.name} has neither pools nor devices of its own: nobody gets an address there"
        if not subnet.interface and not settings.relays:
            yield f"dhcp: nobody on {subnet.name} is heard: it has no interface, and no relay is named"
    for address, length in settings.relays:
        yield from _clients_among(ipaddress.ip_network((address, length)), settings)


def _has_hosts(settings: DhcpSettings, subnet: Subnet) -> bool:
    network = _network(subnet)
    addresses = [address for host in settings.reservations for address in (host.address4, *host.addresses6) if address]
    return any(ipaddress.ip_address(address) in network for address in addresses)


def _shared(settings: DhcpSettings) -> Iterator[str]:
    """Domains that are everybody's: their names would be answered here alone."""
    suffixes = PublicSuffixList(accept_unknown=False)
    for domain in dict.fromkeys((settings.domain, *(one.domain for one in settings.subnets if one.domain))):
        if domain != HOME and suffixes.publicsuffix(domain) == domain:
            yield (
                f"dhcp: domain = {domain!r} is a public suffix: what is registered below it cannot be asked for here; "
                f'write a domain of yours, or "{HOME}"'
            )


def _clients_among(relays: Network, settings: DhcpSettings) -> Iterator[str]:
    for subnet in settings.subnets:
        pools = [(ipaddress.ip_address(pool.first), ipaddress.ip_address(pool.last)) for pool in subnet.pools]
        if any(
            first.version == relays.version and int(first) <= int(relays[-1]) and int(last) >= int(relays[0])
            for first, last in pools
        ):
            yield f"dhcp: {relays} in relays has addresses of {subnet.name}'s pools, so every client there passes for a relay"


def _reach(settings: DhcpSettings) -> Iterator[str]:
    if not settings.resolver.addresses:
        yield "dhcp: the resolver is not offered: it listens at no address that others reach at port 53"


def _machine(loaded: Loaded, settings: DhcpSettings, links: Mapping[str, Link]) -> Iterator[str]:
    for served in loaded.service.links:
        if served.name not in links:
            yield f"dhcp: there is no interface {served.name} just now; it is served as soon as it is there"
    for subnet in settings.subnets:
        link = links.get(subnet.interface)
        if link is not None and len(subnet.prefix) == 4 and not _has_address(link, subnet):
            yield f"dhcp: {subnet.interface} has no address in {subnet.name}, so it is no router for its clients"


def _has_address(link: Link, subnet: Subnet) -> bool:
    network = _network(subnet)
    return any(ipaddress.ip_address(one.address) in network for one in link.addresses)


def _network(subnet: Subnet) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network((subnet.prefix, subnet.length))
