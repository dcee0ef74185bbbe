"""What the loader and the supervisor say to each other (AF_UNIX SEQPACKET; one kind octet, a body, descriptors)."""

from enum import IntEnum

WITH_DHCP, WITH_SECURE, WITH_LISTS = 1, 2, 4


class LoaderMessage(IntEnum):
    """From the loader; only FILE is answered: by a sealed memfd with the content, or by a text saying why not."""

    FILE = 1
    """Body: the path of a file the configuration names."""
    LOADED = 2
    """Body: u8, a sum of `WITH_DHCP`, `WITH_SECURE` and `WITH_LISTS`. Sealed memfds: FrontSettings, ResolverSettings,
    KeeperSettings, ServiceSettings; with [dhcp] DhcpSettings; with [secure] SecureSettings; with
    lists ListsSettings."""
    REFUSED = 3
    """One sealed memfd: what is wrong, a line for each problem."""
