"""Which anchors hold for one way that questions go: an upstream group or an iteration. Pure."""

from resolver.dnssec.anchors import Anchors, NegativeAnchor, TrustAnchor, anchors_of
from resolver.settings import ResolverSettings
from wire.dns.signing import parse_ds
from wire.units import Epoch

ROUTED = "its names go to servers of this network"


def anchors_for(settings: ResolverSettings, place: int) -> Anchors:
    """The anchors for the way at `place` (an index as in a route).

    Zones that a route sends to private servers are not validated there, and only there: what any other way says of them is,
    and so is what those servers say of other names. A trust anchor for the
    zone counts all the same. Nothing that comes from the network can make such an exception.
    """
    dnssec = settings.dnssec
    trusted = tuple(TrustAnchor(anchor.zone, (parse_ds(anchor.delegation),)) for anchor in dnssec.anchors)
    chosen = tuple(
        NegativeAnchor(zone.zone, zone.reason, None if zone.until is None else Epoch(zone.until))
        for zone in dnssec.negative
    )
    proved = {anchor.zone for anchor in trusted}
    routed = tuple(
        NegativeAnchor(route.suffix, ROUTED)
        for route in settings.routes
        if route.private and place == route.upstream_group and route.suffix not in proved
    )
    return anchors_of(trusted, (*routed, *chosen))
