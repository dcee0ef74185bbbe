"""Prefixes under which IPv4 addresses stand in IPv6 ones (RFC 6052), for DNS64."""

import ipaddress

from anchorhold.config.errors import Wrong
from anchorhold.config.names import read_network

LENGTHS = (32, 40, 48, 56, 64, 96)
"""RFC 6052 §2.2."""

RESERVED_OCTET = 8
"""Bits 64 to 71 "MUST be set to zero" (RFC 6052 §2.2)."""

EXAMPLE = "write 64:ff9b::/96, or the prefix of your own translator"


def read_translation_prefix(text: str) -> ipaddress.IPv6Network:
    """A prefix for DNS64. Raises Wrong."""
    network = read_network_6(text)
    if network.prefixlen not in LENGTHS:
        raise Wrong(f"/{network.prefixlen} is no length of a prefix (RFC 6052)", f"one of {_shown_lengths()}")
    if network.network_address.packed[RESERVED_OCTET]:
        raise Wrong(f"bits 64 to 71 of {network} are not zero (RFC 6052)", EXAMPLE)
    address = network.network_address
    if address.is_multicast or address.is_link_local or not any(address.packed):
        raise Wrong(f"no host can be reached below {network}", EXAMPLE)
    return network


def read_network_6(text: str) -> ipaddress.IPv6Network:
    """An IPv6 network or address. Raises Wrong."""
    network = read_network(text)
    if not isinstance(network, ipaddress.IPv6Network):
        raise Wrong(f"{text} is no IPv6 network", EXAMPLE)
    return network


def _shown_lengths() -> str:
    return ", ".join(f"/{length}" for length in LENGTHS)
