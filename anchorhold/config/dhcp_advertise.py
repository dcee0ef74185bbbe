"""`[[dhcp.advertise]]`: what routers may say, and what would break a network that believed it (RFC 4861 §6.2.1)."""

import ipaddress

from anchorhold.config import schema_dhcp as tables
from anchorhold.config.dhcp_values import read_interface, read_prefix_6
from anchorhold.config.errors import Path, Wrong
from anchorhold.config.notes import Notes
from anchorhold.config.prefixes import read_translation_prefix
from dhcp.settings import Advertised, AdvertisedPrefix

PREFERENCES = {"low": -1, "medium": 0, "high": 1}
"""RFC 4191 §2.1."""
MIN_MTU = 1_280
"""RFC 8200 §5."""
MAX_URI = 255
"""Octets of a captive portal's URI that DHCPv4 can say too."""
AUTONOMOUS = 64
"""Length of a prefix with 64-bit interface identifiers (RFC 4862 §5.5.3 d)."""


class AdvertiseReader:
    """Reads the tables; what is wrong goes to `notes`."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def all(self, advertise: tuple[tables.AdvertiseTable, ...]) -> tuple[Advertised, ...]:
        """One for each interface."""
        found: dict[str, Advertised] = {}
        for place, table in enumerate(advertise):
            path: Path = ("dhcp", "advertise", place)
            one = self._one(path, table)
            if one.interface in found:
                self._notes.note(path, f"{one.interface} has two of these tables", "make one of them")
            found[one.interface] = one
        return tuple(found.values())

    def _one(self, path: Path, table: tables.AdvertiseTable) -> Advertised:
        try:
            interface = read_interface(table.interface)
        except Wrong as wrong:
            self._notes.note((*path, "interface"), wrong.what, wrong.hint)
            interface = table.interface
        nat64 = self._notes.each((*path, "nat64"), table.nat64, read_translation_prefix)
        if 0 < table.mtu < MIN_MTU:
            self._notes.note((*path, "mtu"), f"{table.mtu} is too small for IPv6", f"{MIN_MTU} or more, or 0")
        self._check_portal(path, table.captive_portal)
        return Advertised(
            interface=interface,
            router_lifetime=table.router_lifetime,
            interval=self._interval(path, table),
            managed=table.managed,
            other=table.other,
            prefixes=self._prefixes((*path, "prefixes"), table.prefixes),
            routes=tuple(
                route
                for place, one in enumerate(table.routes)
                if (route := self._route((*path, "routes", place), one)) is not None
            ),
            preference=self._preference((*path, "preference"), table.preference),
            mtu=table.mtu,
            hop_limit=table.hop_limit,
            reachable=table.reachable,
            retransmit=table.retransmit,
            nat64=tuple((one.network_address.packed, one.prefixlen) for _, one in nat64),
            captive_portal=table.captive_portal,
            dns=table.dns,
        )

    def _interval(self, path: Path, table: tables.AdvertiseTable) -> tuple[int, int]:
        place: Path = (*path, "interval")
        if len(table.interval) != 2:
            self._notes.note(place, f"{len(table.interval)} numbers", "write the least and the most: [200, 600]")
            return Advertised("").interval
        least, most = table.interval
        # > MinRtrAdvInterval ... MUST be no less than 3 seconds and no greater than .75 * MaxRtrAdvInterval (RFC 4861 §6.2.1)
        if most < 4 or 4 * least > 3 * most:
            self._notes.note(place, f"{least} is more than three quarters of {most}", "write one such as [200, 600]")
        # > AdvDefaultLifetime MUST be either zero or between MaxRtrAdvInterval and 9000 seconds (RFC 4861 §6.2.1)
        if 0 < table.router_lifetime < most:
            self._notes.note(
                (*path, "router_lifetime"),
                f"it ends before the next advertisement, which may take {most} s",
                f"{most} or more, or 0",
            )
        return least, most

    def _prefixes(self, path: Path, listed: tuple[tables.AdvertisedPrefixTable, ...]) -> tuple[AdvertisedPrefix, ...]:
        seen: list[ipaddress.IPv6Network] = []
        found = []
        for number, table in enumerate(listed):
            place: Path = (*path, number)
            try:
                network = read_prefix_6(table.prefix)
            except Wrong as wrong:
                self._notes.note(place, wrong.what, wrong.hint)
                continue
            if table.autonomous and network.prefixlen != AUTONOMOUS:
                self._notes.note(
                    place, f"devices make no addresses in a /{network.prefixlen}", "write a /64, or autonomous = false"
                )
            if table.preferred > table.valid:
                self._notes.note(place, "preferred is longer than valid", "lower preferred")
            if any(network.overlaps(other) for other in seen):
                self._notes.note(place, f"{network} is there twice", "drop one")
            seen.append(network)
            found.append(
                AdvertisedPrefix(
                    network.network_address.packed,
                    network.prefixlen,
                    table.on_link,
                    table.autonomous,
                    table.preferred,
                    table.valid,
                )
            )
        return tuple(found)

    def _route(self, path: Path, table: tables.AdvertisedRouteTable) -> tuple[bytes, int, int, int] | None:
        preference = self._preference((*path, "preference"), table.preference)
        try:
            network = ipaddress.IPv6Network(table.prefix)
        except ValueError:
            self._notes.note(path, f"{table.prefix!r} is no IPv6 prefix", "write one such as 2001:db8:2::/48")
            return None
        return network.network_address.packed, network.prefixlen, table.lifetime, preference

    def _preference(self, path: Path, text: str) -> int:
        if text not in PREFERENCES:
            self._notes.note(path, f"{text!r} is no preference", f"one of {', '.join(PREFERENCES)}")
        return PREFERENCES.get(text, 0)

    def _check_portal(self, path: Path, uri: str) -> None:
        # > the URI ... MUST be ... an "https" URI (RFC 8910 §2)
        plain = uri.isascii() and uri.isprintable() and " " not in uri
        if uri and not (uri.startswith("https://") and plain and len(uri) <= MAX_URI):
            self._notes.note(
                (*path, "captive_portal"), f"{uri!r} is no URI of a portal", "write https://…, at most 255 characters"
            )
