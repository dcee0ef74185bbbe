"""`[dhcp]` to `DhcpSettings`: each table by itself; what two of them are wrong about together is in `dhcp_checks.py`."""

import ipaddress
from collections.abc import Callable
from typing import TypeVar

from anchorhold.config import schema_dhcp as tables
from anchorhold.config.dhcp_access import check_access
from anchorhold.config.dhcp_advertise import AdvertiseReader
from anchorhold.config.dhcp_checks import ReadHost, ReadSubnet, check_together
from anchorhold.config.dhcp_options import read_options
from anchorhold.config.dhcp_values import (
    UNPUBLISHED,
    is_host,
    read_address_4,
    read_hardware,
    read_hardware_prefix,
    read_identifier,
    read_interface,
    read_label,
    read_prefix_6,
    read_range,
    read_words,
)
from anchorhold.config.errors import Path, Wrong
from anchorhold.config.names import Network, read_address, read_host, read_network
from anchorhold.config.notes import Notes
from anchorhold.config.places import DNS_PORT
from anchorhold.config.service import ListenAddress
from dhcp.settings import (
    ClientClass,
    Delegation,
    DhcpSettings,
    Matcher,
    Options,
    Pool,
    Reservation,
    ResolverOffer,
    Subnet,
)
from net.clock import date

T = TypeVar("T")

MIN_LEASE = 10
"""Seconds; shorter ones are renewed more often than they are of use."""
MIN_IPV6_ONLY = 300
"""MIN_V6ONLY_WAIT, seconds (RFC 8925 §3.4)."""
LONGEST_INCIDENT = 7 * 86_400
"""Seconds for which clients may be logged."""
MAX_BOOT_FILE = 127
"""Octets of `file` (RFC 2131 §2)."""

DHCP: Path = ("dhcp",)


class DhcpReader:
    """One pass over `[dhcp]`. What is wrong goes to `notes`; the result is of use if there is nothing."""

    def __init__(self, table: tables.DhcpTable, notes: Notes) -> None:
        self._table = table
        self._notes = notes

    def settings(
        self, generation: int, listen: tuple[ListenAddress, ...], host: str, allow: list[Network]
    ) -> DhcpSettings:
        """The settings. `listen` is where the resolver listens, `allow` who may ask it, `host` what this machine is called."""
        table = self._table
        subnets = [self._subnet((*DHCP, "subnet", place), one) for place, one in enumerate(table.subnet)]
        hosts = [self._host((*DHCP, "host", place), one) for place, one in enumerate(table.host)]
        check_together(subnets, hosts, self._notes, tuple(table.classes))
        interfaces = self._interfaces(subnets)
        advertise = AdvertiseReader(self._notes)
        made = DhcpSettings(
            generation=generation,
            interfaces=interfaces,
            subnets=tuple(one.subnet for one in subnets if one.subnet is not None),
            classes=tuple(self._class(name, one) for name, one in table.classes.items()),
            reservations=tuple(one.reservation for one in hosts),
            advertised=advertise.all(table.advertise),
            relays=tuple((one.network_address.packed, one.prefixlen) for one in self._relays()),
            options4=self._options(DHCP, table.options, 4),
            options6=self._options(DHCP, table.options6, 6),
            authoritative=table.authoritative,
            conflict_check=table.conflict_check,
            domain=self._domain((*DHCP, "domain"), table.domain),
            search=tuple(name for _, name in self._notes.each((*DHCP, "search"), table.search, read_host)),
            names=table.names,
            own_names=self._own_names(host),
            store_identifiers=table.store_identifiers,
            store_names=table.store_names,
            resolver=resolver_offer(listen),
            rate=table.rate,
            interface_rate=table.interface_rate,
            offers=table.offers,
            log_until=self._log_until(),
        )
        check_access(made, subnets, allow, self._notes)
        return made

    # The whole server.

    def _interfaces(self, subnets: list[ReadSubnet]) -> tuple[str, ...]:
        path: Path = (*DHCP, "interfaces")
        listed = [name for _, name in self._notes.each(path, self._table.interfaces, read_interface)]
        named = [one.subnet.interface for one in subnets if one.subnet is not None and one.subnet.interface]
        if not listed and not named and not self._table.advertise:
            self._notes.note(
                DHCP,
                "nobody is heard: no interface is named",
                'write interface = "eth0" in a [[dhcp.subnet]], or drop [dhcp]',
                (*DHCP, "subnet"),
                path,
                (*DHCP, "advertise"),
            )
        if listed and not named and not self._table.relays:
            self._notes.note(
                path, "no subnet is on these interfaces, and no relay is listened to", "name the relays: relays = [...]"
            )
        return tuple(dict.fromkeys((*named, *listed)))

    def _relays(self) -> list[Network]:
        networks = self._notes.each((*DHCP, "relays"), self._table.relays, read_network)
        for place, network in networks:
            if network.prefixlen == 0:
                self._notes.note(place, f"{network} is everybody", "name the relays' addresses or their network")
        return [network for _, network in networks]

    def _own_names(self, host: str) -> tuple[str, ...]:
        named = [label for _, label in self._notes.each((*DHCP, "own_names"), self._table.own_names, read_label)]
        own = host.partition(".")[0].lower()
        return tuple(sorted({*named, *UNPUBLISHED, "router", "gateway", *((own,) if own else ())}))

    def _log_until(self) -> float:
        until = self._table.log_clients_until
        if until is None:
            return 0.0
        moment = until.timestamp()
        if moment > date() + LONGEST_INCIDENT:
            self._notes.note(
                (*DHCP, "log_clients_until"),
                "it is more than a week ahead",
                "choose an earlier date; it can be renewed",
            )
        return moment

    # Subnets.

    def _subnet(self, path: Path, table: tables.SubnetTable) -> ReadSubnet:
        network = self._one((*path, "prefix"), table.prefix, read_network)
        if network is None:
            return ReadSubnet(path, None, None, ())
        self._check_prefix(path, network, table)
        pools = [
            (self._one((*path, "pools", place), pool.range, lambda text: read_range(text, network)), pool.classes)
            for place, pool in enumerate(table.pools)
        ]
        ranges = tuple((place, found) for place, (found, _) in enumerate(pools) if found is not None)
        subnet = Subnet(
            name=str(network),
            prefix=network.network_address.packed,
            length=network.prefixlen,
            interface=self._interface((*path, "interface"), table.interface),
            shared=table.shared,
            pools=tuple(
                Pool(found.first.packed, found.last.packed, classes) for found, classes in pools if found is not None
            ),
            delegations=tuple(
                self._delegation((*path, "delegations", place), one) for place, one in enumerate(table.delegations)
            ),
            lease_time=self._lease_time(path, table.lease_time) or self._table.lease_time,
            changing_time=table.changing_time,
            changing_share=table.changing_share,
            options4=self._options(path, table.options, 4),
            options6=self._options(path, table.options6, 6),
            routers=self._routers(path, table, network),
            own_router=table.own_router,
            domain=self._domain((*path, "domain"), table.domain) if table.domain else "",
            next_server=self._next_server(path, table.next_server),
            boot_file=self._boot_file(path, table.boot_file),
            named=table.named,
            rapid=table.rapid_commit,
            ipv6_only=table.ipv6_only,
            stateless=table.stateless,
        )
        return ReadSubnet(path, network, subnet, ranges)

    def _check_prefix(self, path: Path, network: Network, table: tables.SubnetTable) -> None:
        note = self._notes.note
        if network.is_multicast or network.is_loopback or network.is_link_local or network.prefixlen == 0:
            note((*path, "prefix"), f"nobody can be given an address in {network}", "write a network of your own")
        ours = {4: ("routers", "ipv6_only", "options"), 6: ("delegations", "stateless", "options6")}
        wrong = ours[4] if network.version == 6 else ours[6]
        for name in wrong:
            if getattr(table, name):
                note((*path, name), f"{network} is IPv{network.version}, and this is not for it", "drop the line")
        if 0 < table.ipv6_only < MIN_IPV6_ONLY:
            note(
                (*path, "ipv6_only"),
                f"{table.ipv6_only} s is less than devices heed",
                f"at least {MIN_IPV6_ONLY}, or 0",
            )
        if table.stateless and (table.pools or table.delegations):
            note((*path, "stateless"), "there are pools or delegations, and nobody would get them", "drop one of both")

    def _routers(self, path: Path, table: tables.SubnetTable, network: Network) -> tuple[bytes, ...]:
        routers = self._notes.each((*path, "routers"), table.routers, read_address_4)
        for place, octets in routers:
            address = ipaddress.ip_address(octets)
            if network.version == 4 and not is_host(address, network):
                self._notes.note(place, f"{address} is no host's address in {network}", "a router is in its own subnet")
        return tuple(octets for _, octets in routers)

    def _delegation(self, path: Path, table: tables.DelegationTable) -> Delegation:
        prefix = self._one((*path, "prefix"), table.prefix, read_prefix_6)
        excluded = self._notes.each((*path, "excluded"), table.excluded, read_prefix_6)
        if prefix is None:
            return Delegation(b"", 0, table.length)
        if table.length < prefix.prefixlen:
            self._notes.note(
                (*path, "length"), f"a /{table.length} is larger than {prefix}", f"{prefix.prefixlen} or more, to 64"
            )
        for place, one in excluded:
            if not one.subnet_of(prefix):
                self._notes.note(place, f"{one} is not inside {prefix}", "drop it")
        return Delegation(
            prefix.network_address.packed,
            prefix.prefixlen,
            table.length,
            tuple((one.network_address.packed, one.prefixlen) for _, one in excluded),
        )

    # Hosts and classes.

    def _host(self, path: Path, table: tables.HostTable) -> ReadHost:
        each = self._notes.each
        addresses = each((*path, "addresses"), table.addresses, read_address)
        fours = [(place, one) for place, one in addresses if one.version == 4]
        for place, one in fours[1:]:
            self._notes.note(place, f"{one} is a second IPv4 address", "a device has one; make a second [[dhcp.host]]")
        prefixes = each((*path, "prefixes"), table.prefixes, read_prefix_6)
        if not (table.hardware or table.identifiers or table.duids or table.hosts):
            self._notes.note(path, "nobody is meant", "write hardware, identifiers, duids or hosts")
        if prefixes and not table.duids and not table.hardware:
            self._notes.note((*path, "prefixes"), "who gets a prefix is known by its DUID", "write duids")
        name = self._one((*path, "name"), table.name, read_label) if table.name else None
        reservation = Reservation(
            hardware=tuple(octets for _, octets in each((*path, "hardware"), table.hardware, read_hardware)),
            identifiers=tuple(octets for _, octets in each((*path, "identifiers"), table.identifiers, read_identifier)),
            duids=tuple(octets for _, octets in each((*path, "duids"), table.duids, read_identifier)),
            hosts=tuple(label for _, label in each((*path, "hosts"), table.hosts, read_label)),
            address4=fours[0][1].packed if fours else b"",
            addresses6=tuple(one.packed for _, one in addresses if one.version == 6),
            prefixes6=tuple((one.network_address.packed, one.prefixlen) for _, one in prefixes),
            name=name or "",
            classes=table.classes,
            options4=self._options(path, table.options, 4),
            options6=self._options(path, table.options6, 6),
            lease_time=self._lease_time(path, table.lease_time),
            ignored=table.ignored,
        )
        return ReadHost(path, reservation, tuple(addresses), tuple(prefixes))

    def _class(self, name: str, table: tables.ClassTable) -> ClientClass:
        path: Path = (*DHCP, "classes", name)
        self._notes.word(path, name, "class")
        matches = [
            *self._matches(path, "vendor", Matcher.VENDOR, table.vendor, read_words),
            *self._matches(path, "user", Matcher.USER, table.user, read_words),
            *self._matches(path, "hardware", Matcher.HARDWARE, table.hardware, read_hardware_prefix),
            *self._matches(path, "circuit", Matcher.CIRCUIT, table.circuit, read_words),
            *self._matches(path, "remote", Matcher.REMOTE, table.remote, read_words),
            *((Matcher.ARCHITECTURE, number.to_bytes(2, "big")) for number in table.architecture),
            *(((Matcher.CHANGING, b""),) if table.changing else ()),
            *(((Matcher.ANY, b""),) if table.everybody else ()),
        ]
        return ClientClass(
            name=name,
            matches=tuple(matches),
            options4=self._options(path, table.options, 4),
            options6=self._options(path, table.options6, 6),
            lease_time=self._lease_time(path, table.lease_time),
            next_server=self._next_server(path, table.next_server),
            boot_file=self._boot_file(path, table.boot_file),
            named=table.named,
        )

    def _matches(
        self, path: Path, key: str, matcher: Matcher, texts: tuple[str, ...], read: Callable[[str], bytes]
    ) -> list[tuple[Matcher, bytes]]:
        return [(matcher, octets) for _, octets in self._notes.each((*path, key), texts, read)]

    # Values that several tables have.

    def _interface(self, path: Path, text: str) -> str:
        return self._one(path, text, read_interface) or "" if text else ""

    def _one(self, path: Path, text: str, read: Callable[[str], T]) -> T | None:
        try:
            return read(text)
        except Wrong as wrong:
            self._notes.note(path, wrong.what, wrong.hint)
            return None

    def _options(self, path: Path, texts: dict[str, str], family: int) -> Options:
        return read_options((*path, "options" if family == 4 else "options6"), texts, family, self._notes)

    def _lease_time(self, path: Path, seconds: int) -> int:
        if 0 < seconds < MIN_LEASE:
            self._notes.note((*path, "lease_time"), f"{seconds} s is no lease", f"at least {MIN_LEASE}, such as 12h")
        return seconds

    def _domain(self, path: Path, text: str) -> str:
        return self._one(path, text, read_host) or ""

    def _next_server(self, path: Path, text: str) -> bytes:
        return self._one((*path, "next_server"), text, read_address_4) or b"" if text else b""

    def _boot_file(self, path: Path, text: str) -> bytes:
        if len(text.encode()) > MAX_BOOT_FILE or not text.isprintable():
            self._notes.note(
                (*path, "boot_file"), f"it is longer than {MAX_BOOT_FILE} octets", "give the boot server a shorter path"
            )
        return text.encode()


def resolver_offer(listen: tuple[ListenAddress, ...]) -> ResolverOffer:
    """What clients are told of the resolver: where it listens at port 53, for DHCP can say no other (RFC 2132 §3.8).

    A wildcard is written as zeros and means our addresses on the client's link. Loopback and link-local addresses are of no use
    to others.
    """
    offered: dict[bytes, None] = {}
    for place in listen:
        address = ipaddress.ip_address(place.host)
        if place.port == DNS_PORT and not address.is_loopback and not address.is_link_local:
            offered[address.packed] = None
    return ResolverOffer(tuple(offered))
