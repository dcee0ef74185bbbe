"""DHCPv6 options that follow from where we are and what our resolver serves; what the user sets comes before them."""

from dhcp.asked6 import Asked6, Links
from dhcp.plan import Scope
from dhcp.values import Address, Link
from wire.dhcp.codes6 import Option6
from wire.dns.names import read_name

_ANY, _LOOPBACK = bytes(16), bytes(15) + b"\1"
_LINK_LOCAL = b"\xfe\x80"


def derived6(asked: Asked6, scope: Scope, links: Links) -> dict[int, bytes]:
    """Resolver and search list for clients of a subnet."""
    base = asked.plan.base
    near = own_addresses(links[asked.arrival.interface], asked.where.direct)
    servers = [
        address
        for listed in base.settings.resolver.addresses
        if len(listed) == 16 and listed != _LOOPBACK
        for address in (near if listed == _ANY else (listed,))
    ]
    options = {int(Option6.DNS_SERVERS): b"".join(dict.fromkeys(servers))} if servers else {}
    domain = base.domain_of(scope.subnet.name)
    search = [domain] if scope.subnet.domain or not base.settings.search else list(base.settings.search)
    options[Option6.DOMAIN_SEARCH] = b"".join(map(read_name, search))
    return options


def own_addresses(link: Link, direct: bool) -> tuple[Address, ...]:
    """Our IPv6 addresses there that a client can reach: those that last, else those of the link alone if it is on that link."""
    own = [one.address for one in link.addresses if len(one.address) == 16 and one.valid != 0]
    wide = tuple(address for address in own if not address.startswith(_LINK_LOCAL))
    return wide or (tuple(own) if direct else ())
