"""Whoever is told of the resolver must be allowed to ask it: `[dhcp]` beside `[access]`."""

import ipaddress
from collections.abc import Iterator

from anchorhold.config.dhcp_checks import ReadSubnet
from anchorhold.config.errors import Path
from anchorhold.config.names import Network
from anchorhold.config.notes import Notes
from dhcp.settings import DhcpSettings, Options, Subnet
from wire.dhcp.codes4 import Option4
from wire.dhcp.codes6 import Option6

_DNS_SERVERS = {4: int(Option4.DNS_SERVERS), 16: int(Option6.DNS_SERVERS)}
"""By the octets of an address."""


def check_access(settings: DhcpSettings, subnets: list[ReadSubnet], allow: list[Network], notes: Notes) -> None:
    """Note the networks that are told of a resolver which refuses them. Who sets `dns-servers` knows what is told instead."""
    for path, network, table in _told(settings, subnets):
        if not any(network.version == one.version and network.subnet_of(one) for one in allow):  # type: ignore[arg-type]
            hint = f'add "{network}" to allow in [access]'
            if table:
                hint += f', or say whom they are to ask: {table} = {{ dns-servers = "…" }}'
            notes.note(path, f"not everybody in {network} may ask the resolver they are told of", hint)


def _told(settings: DhcpSettings, subnets: list[ReadSubnet]) -> Iterator[tuple[Path, Network, str]]:
    """Where it is written, who is told, and the table in which something else could be told."""
    offered = {len(address) for address in settings.resolver.addresses}
    for one in subnets:
        if one.subnet is None or one.network is None or len(one.subnet.prefix) not in offered:
            continue
        if not _is_set(one.subnet, settings):
            yield (*one.path, "prefix"), one.network, "options" if one.network.version == 4 else "options6"
    for number, advertised in enumerate(settings.advertised if 16 in offered else ()):
        for place, prefix in enumerate(advertised.prefixes if advertised.dns else ()):
            network = ipaddress.IPv6Network((prefix.prefix, prefix.length))
            yield ("dhcp", "advertise", number, "prefixes", place), network, ""


def _is_set(subnet: Subnet, settings: DhcpSettings) -> bool:
    """True if the user says which resolvers clients of a subnet are told of."""
    four = len(subnet.prefix) == 4
    layers: tuple[Options, ...] = (settings.options4, subnet.options4) if four else (settings.options6, subnet.options6)
    return any(number == _DNS_SERVERS[len(subnet.prefix)] for layer in layers for number, _ in layer)
