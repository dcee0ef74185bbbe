"""What an address, of either family, tells by itself."""

from dhcp.values import Address


def is_inside(address: Address, prefix: Address, length: int) -> bool:
    """True if an address (or the first of a prefix) is in a prefix; one of the other family is in none."""
    if len(address) != len(prefix):
        return False
    shift = 8 * len(prefix) - length
    return int.from_bytes(address, "big") >> shift == int.from_bytes(prefix, "big") >> shift


def is_link_local(address: Address) -> bool:
    """169.254/16 or fe80::/10."""
    if len(address) == 4:
        return address[:2] == b"\xa9\xfe"
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80
