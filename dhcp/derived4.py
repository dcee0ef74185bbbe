"""DHCPv4 options that follow from where we are and what our resolver serves; what the user sets comes before them."""

from dhcp.offer import offer_on, options_of4
from dhcp.plan import Plan, Scope
from dhcp.values import Address, Link
from wire.dhcp.codes4 import Option4


def derived4(plan: Plan, scope: Scope, link: Link, own: Address, relay: Address = b"") -> dict[int, bytes]:
    """Mask, broadcast address, router, resolver (RFC 9463's option too), domain and search list for clients of a subnet.

    `link`: where the message came in. `own`: the address of ours that answers; the router, if it is in that subnet and
    nothing else is set. `relay`: the relay's address there, which then is.
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
    options[Option4.DOMAIN_NAME] = plan.domain_of(subnet.name).encode("ascii", "ignore")
    options.update(options_of4(offer_on(plan.settings, link, subnet)))
    return options
