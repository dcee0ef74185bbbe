"""DHCPv4 options that follow from where we are and what our resolver serves; what the user sets comes before them."""

from dhcp.plan import Plan, Scope
from dhcp.values import Address
from wire.dhcp.codes4 import Option4
from wire.dns.names import read_name

_ANY = bytes(4)
_LOOPBACK = 127


def derived4(plan: Plan, scope: Scope, own: Address, relay: Address = b"") -> dict[int, bytes]:
    """Mask, broadcast address, router, resolver, domain and search list for clients of a subnet.

    `own`: the address of ours that answers; the router, if it is in that subnet and nothing else is set. `relay`: the relay's
    address there, which then is.
    """
    subnet = scope.subnet
    options = {
        int(Option4.SUBNET_MASK): (0xFFFFFFFF ^ (scope.last - scope.first)).to_bytes(4, "big"),
        int(Option4.BROADCAST_ADDRESS): scope.last.to_bytes(4, "big"),
    }
    near = next((address for address in (own, relay) if address and scope.holds(address)), b"")
    routers = b"".join(subnet.routers) or (near if subnet.own_router else b"")
    if routers:
        options[Option4.ROUTERS] = routers
    servers = [own if address == _ANY else address for address in plan.settings.resolver.addresses if len(address) == 4]
    servers = [address for address in dict.fromkeys(servers) if address[0] != _LOOPBACK]
    if servers:
        options[Option4.DNS_SERVERS] = b"".join(servers)
    domain = plan.domain_of(subnet.name)
    options[Option4.DOMAIN_NAME] = domain.encode("ascii", "ignore")
    search = [domain] if subnet.domain or not plan.settings.search else list(plan.settings.search)
    options[Option4.DOMAIN_SEARCH] = b"".join(map(read_name, search))
    return options
