"""Which anchors hold for one way that questions go: an upstream group or an iteration. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from resolver.dnssec.anchors import Anchors, By, NegativeAnchor, TrustAnchor, anchors_of
from resolver.settings import Anchor, Dnssec, NegativeTrustAnchor, ResolverSettings
from wire.dns.names import ROOT
from wire.dns.signing import DelegationSigner, build_ds, parse_ds
from wire.units import Epoch

ROUTED = "its names go to servers of this network"

NOWHERE = -1
"""The place of no route: what holds wherever nothing is private."""


def anchors_for(settings: ResolverSettings, place: int) -> Anchors:
    """The anchors for the way at `place` (an index as in a route).

    Zones that a route sends to private servers are not validated there, and only there: what any other way says of them is,
    and so is what those servers say of other names. A trust anchor for the zone counts all the same. Nothing that comes from
    the network can make such an exception.
    """
    dnssec = settings.dnssec
    trusted = tuple(TrustAnchor(anchor.zone, (parse_ds(anchor.delegation),)) for anchor in dnssec.anchors)
    chosen = tuple(_negative(one, By.CONFIGURATION) for one in dnssec.negative)
    excepted = tuple(_negative(one, By.COMMAND) for one in dnssec.excepted)
    proved = {anchor.zone for anchor in trusted}
    private = [route.suffix for route in settings.routes if route.private and place == route.upstream_group]
    for rule in settings.policy.rules:
        if rule.private and place == rule.upstream_group:
            private += (domain.name for domain in rule.domains)
    routed = tuple(NegativeAnchor(zone, ROUTED, by=By.ROUTE) for zone in dict.fromkeys(private) if zone not in proved)
    return anchors_of(trusted, (*routed, *chosen, *excepted))


def _negative(one: NegativeTrustAnchor, by: By) -> NegativeAnchor:
    return NegativeAnchor(one.zone, one.reason, None if one.until is None else Epoch(one.until), by)


Followed = Mapping[bytes, tuple[DelegationSigner, ...]]
"""By zone, which keys are in force where its changes of keys are followed (RFC 5011); none if all were revoked."""


def with_followed(dnssec: Dnssec, followed: Followed) -> Dnssec:
    """The same with what has become of the anchors of zones that are followed; what else is followed does not count."""
    anchors: list[Anchor] = []
    for zone in dict.fromkeys(anchor.zone for anchor in dnssec.anchors):
        if zone in followed:
            anchors += (Anchor(zone, build_ds(record)) for record in followed[zone])
        else:
            anchors += (anchor for anchor in dnssec.anchors if anchor.zone == zone)
    return replace(dnssec, anchors=tuple(anchors))


def root_tags(dnssec: Dnssec) -> frozenset[int]:
    """Key tags of the root's anchors."""
    return frozenset(parse_ds(anchor.delegation).tag for anchor in dnssec.anchors if anchor.zone == ROOT)
