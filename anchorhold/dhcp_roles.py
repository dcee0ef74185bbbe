"""Which sockets an interface gets: the same answer for the supervisor, who opens them, and the cell, which lets go of them."""

from anchorhold.config.service import ServedLink
from dhcp.edge.opening import ROLES4, Role

NOTHING = Role(0)


def roles_of(link: ServedLink) -> Role:
    """Port 547 and router solicitations are nobody's business where only IPv4 is served."""
    roles = ROLES4 if link.dhcp4 else NOTHING
    if link.dhcp6:
        roles |= Role.UDP6 | Role.ICMP6
    return roles | Role.ICMP6 if link.advertise else roles
