"""The shape of `[dhcp]` and the tables below it; see `schema.py`."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from anchorhold.config.kinds import CLOSED, Count, Flag, Number, OptionText, Span, Text, Until
from dhcp.settings import Advertised, AdvertisedPrefix, DhcpSettings, Subnet

_SUBNET = Subnet("", b"", 0)
_ADVERTISED = Advertised("")
_PREFIX = AdvertisedPrefix(b"", 0)
_DHCP = DhcpSettings(0)

LeaseTime = Annotated[Span, Field(ge=10)]
"""Seconds, from 10 to a year."""

Milliseconds = Annotated[Count, Field(ge=0, le=3_600_000)]


@dataclass(frozen=True, slots=True)
class PoolTable:
    """A range of addresses. A string is short for `{ range = … }`."""

    __pydantic_config__ = CLOSED

    range: Text
    """First and last address, `192.0.2.100-192.0.2.199`, or a prefix."""
    classes: tuple[Text, ...] = ()
    """Only for members of these classes. Empty: for all."""


@dataclass(frozen=True, slots=True)
class DelegationTable:
    """Prefixes for routers behind this network (IA_PD)."""

    __pydantic_config__ = CLOSED

    prefix: Text
    """What they are cut from, such as `2001:db8:100::/48`."""
    length: Annotated[Count, Field(ge=1, le=64)]
    """Length of each."""
    excluded: tuple[Text, ...] = ()
    """Prefixes inside that nobody gets."""


@dataclass(frozen=True, slots=True)
class SubnetTable:
    """One network, IPv4 or IPv6, and what its clients get."""

    __pydantic_config__ = CLOSED

    prefix: Text
    """`192.0.2.0/24`, or an IPv6 one."""
    interface: Text = ""
    """Its clients are heard on this interface of ours. Empty: they speak through relays only."""
    shared: Text = ""
    """Subnets with the same word here are on one link: a client may get an address of any of them."""
    pools: tuple[PoolTable, ...] = ()
    """Addresses that are given to whoever asks. Empty: to those alone that have an address of their own (`[[dhcp.host]]`)."""
    delegations: tuple[DelegationTable, ...] = ()
    """IPv6: prefixes for routers, `[[dhcp.subnet.delegations]]`."""
    lease_time: Annotated[Span, Field(ge=0)] = 0
    """Span such as `12h` or seconds, 10 at least. 0: what `[dhcp]` says."""
    changing_time: LeaseTime = _SUBNET.changing_time
    """Span of the first lease of a device with a changing (locally administered) hardware address; it doubles with each
    renewal."""
    changing_share: Annotated[Count, Field(ge=0, le=100)] = _SUBNET.changing_share
    """Percent of the pools that such devices may have together."""
    routers: tuple[Text, ...] = ()
    """IPv4: default routers. Empty: our own address on the interface, if `own_router`."""
    own_router: Flag = _SUBNET.own_router
    """false: without `routers` clients are told of none."""
    domain: Text = ""
    """Domain of its clients' names. Empty: what `[dhcp]` says."""
    options: dict[str, OptionText] = field(default_factory=dict)
    """DHCPv4 options by name or number: `{ ntp-servers = "192.0.2.7", 43 = "hex:0102" }`. Empty text: never sent."""
    options6: dict[str, OptionText] = field(default_factory=dict)
    """DHCPv6 options, likewise."""
    next_server: Text = ""
    """Network boot: address of the server that has the boot file (siaddr)."""
    boot_file: Text = ""
    """Network boot: its name, or a URL."""
    named: Flag = _SUBNET.named
    """false: names of its clients are not published."""
    rapid_commit: Flag = _SUBNET.rapid
    """Two messages instead of four, for clients that ask for it (RFC 4039, RFC 8415)."""
    ipv6_only: Span = _SUBNET.ipv6_only
    """Span for which a client that can do without IPv4 does (option 108, RFC 8925), at least 300 seconds. 0: not offered."""
    stateless: Flag = _SUBNET.stateless
    """IPv6: no addresses, only what else there is to tell."""


@dataclass(frozen=True, slots=True)
class ClassTable:
    """Clients that have something in common. Who matches one of these is a member."""

    __pydantic_config__ = CLOSED

    vendor: tuple[Text, ...] = ()
    """The vendor class (option 60; DHCPv6: 16) begins so: `PXEClient`, or `hex:…`."""
    user: tuple[Text, ...] = ()
    """One of the user classes (option 77; DHCPv6: 15) is this."""
    hardware: tuple[Text, ...] = ()
    """The hardware address begins so: `02:00:5e`."""
    circuit: tuple[Text, ...] = ()
    """A relay's circuit-id (option 82; DHCPv6: interface-id) is this, text or `hex:…`."""
    remote: tuple[Text, ...] = ()
    """A relay's remote-id is this."""
    architecture: tuple[Annotated[Count, Field(ge=0, le=65_535)], ...] = ()
    """The system that boots from the network says one of these numbers (option 93; DHCPv6: 61)."""
    changing: Flag = False
    """true: whoever has a changing (locally administered) hardware address."""
    everybody: Flag = False
    """true: every client."""
    options: dict[str, OptionText] = field(default_factory=dict)
    """DHCPv4 options for its members, as in a subnet."""
    options6: dict[str, OptionText] = field(default_factory=dict)
    """DHCPv6 options."""
    lease_time: Annotated[Span, Field(ge=0)] = 0
    """Span of its members' leases, 10 seconds at least. 0: the subnet's."""
    next_server: Text = ""
    """Network boot: address of the server that has the boot file."""
    boot_file: Text = ""
    """Network boot: its name, or a URL."""
    named: Flag = True
    """false: names of its members are not published."""


@dataclass(frozen=True, slots=True)
class HostTable:
    """One device that is known: by any of `hardware`, `identifiers`, `duids` or `hosts`."""

    __pydantic_config__ = CLOSED

    hardware: tuple[Text, ...] = ()
    """Hardware addresses, `02:00:5e:10:00:01`."""
    identifiers: tuple[Text, ...] = ()
    """Client identifiers (option 61) in hexadecimal, whole, or text with `text:` before it."""
    duids: tuple[Text, ...] = ()
    """DUIDs (DHCPv6) in hexadecimal."""
    hosts: tuple[Text, ...] = ()
    """Names it says of itself. Nobody has to prove that."""
    addresses: tuple[Text, ...] = ()
    """Its own: at most one IPv4 address, IPv6 addresses; inside or outside of pools."""
    prefixes: tuple[Text, ...] = ()
    """IPv6 prefixes delegated to it."""
    name: Text = ""
    """The name published for it; nobody else can claim it."""
    classes: tuple[Text, ...] = ()
    """Classes it is a member of besides."""
    options: dict[str, OptionText] = field(default_factory=dict)
    """DHCPv4 options for it, as in a subnet."""
    options6: dict[str, OptionText] = field(default_factory=dict)
    """DHCPv6 options."""
    lease_time: Annotated[Span, Field(ge=0)] = 0
    """Span of its leases, 10 seconds at least. 0: the subnet's."""
    ignored: Flag = False
    """true: it gets no answer."""


@dataclass(frozen=True, slots=True)
class AdvertisedPrefixTable:
    """A prefix in router advertisements. A string is short for `{ prefix = … }`."""

    __pydantic_config__ = CLOSED

    prefix: Text
    """`2001:db8:1::/64`."""
    on_link: Flag = _PREFIX.on_link
    """Its addresses are reached without a router."""
    autonomous: Flag = _PREFIX.autonomous
    """Devices make addresses of their own in it (SLAAC); then it must be a /64."""
    preferred: Span = _PREFIX.preferred
    """Span of the preferred lifetime; at most 45 minutes where our own address ends by itself (RFC 9096)."""
    valid: Span = _PREFIX.valid
    """Span of the valid lifetime; likewise at most 90."""


@dataclass(frozen=True, slots=True)
class AdvertisedRouteTable:
    """A route in router advertisements (RFC 4191)."""

    __pydantic_config__ = CLOSED

    prefix: Text
    """Where it leads."""
    lifetime: Span = _ADVERTISED.router_lifetime
    """Span for which it holds."""
    preference: Text = "medium"
    """`low`, `medium` or `high`."""


@dataclass(frozen=True, slots=True)
class AdvertiseTable:
    """Router advertisements on one interface. Without such a table nothing is ever advertised there."""

    __pydantic_config__ = CLOSED

    interface: Text
    """On which."""
    router_lifetime: Annotated[Span, Field(le=9_000)] = _ADVERTISED.router_lifetime
    """Span for which we are a default router, at most 9000 seconds. 0: we are none."""
    interval: tuple[Annotated[Span, Field(ge=3, le=1_800)], ...] = _ADVERTISED.interval
    """Seconds from one to the next, least and most (RFC 4861 §6.2.1)."""
    managed: Flag = _ADVERTISED.managed
    """true: devices ask for addresses by DHCPv6."""
    other: Flag = _ADVERTISED.other
    """true: devices ask for the rest by DHCPv6."""
    prefixes: tuple[AdvertisedPrefixTable, ...] = ()
    """Empty: every global /64 of the interface."""
    routes: tuple[AdvertisedRouteTable, ...] = ()
    """Routes besides the default one."""
    preference: Text = "medium"
    """Of several routers: `low`, `medium` or `high`."""
    mtu: Annotated[Count, Field(ge=0, le=65_535)] = _ADVERTISED.mtu
    """Octets a link carries, at least 1280. 0: nothing is said."""
    hop_limit: Annotated[Count, Field(ge=0, le=255)] = _ADVERTISED.hop_limit
    """What devices begin with. 0: nothing is said."""
    reachable: Milliseconds = _ADVERTISED.reachable
    """Milliseconds a neighbour counts as reachable. 0: nothing is said."""
    retransmit: Milliseconds = _ADVERTISED.retransmit
    """Milliseconds between neighbour solicitations. 0: nothing is said."""
    nat64: tuple[Text, ...] = ()
    """Prefixes of a translator on this network (RFC 8781)."""
    captive_portal: Text = ""
    """URI of the API of a captive portal (RFC 8910)."""
    dns: Flag = _ADVERTISED.dns
    """false: the resolver is not advertised here."""


@dataclass(frozen=True, slots=True)
class DhcpTable:
    """Addresses and settings for the devices of this network. Without this table there is no DHCP server."""

    __pydantic_config__ = CLOSED

    interfaces: tuple[Text, ...] = ()
    """Where requests are heard besides the interfaces that subnets name: those on which relays speak to us."""
    lease_time: LeaseTime = _SUBNET.lease_time
    """Span such as `12h`, or seconds, for which an address is given."""
    domain: Text = _DHCP.domain
    """Domain of this network and of its devices' names (RFC 8375)."""
    search: tuple[Text, ...] = ()
    """Domains that devices try behind a short name. Empty: the domain."""
    names: Flag = _DHCP.names
    """false: no device's name is published."""
    own_names: tuple[Text, ...] = ()
    """Names that no device can claim, one label each, besides those of this machine and of this file."""
    authoritative: Flag = _DHCP.authoritative
    """Say no to devices whose address does not belong here. false: where another server may know them."""
    conflict_check: Flag = _DHCP.conflict_check
    """Ask the link whether anybody has an address before it is given out for the first time."""
    relays: tuple[Text, ...] = ()
    """Networks or addresses of relays that are listened to."""
    options: dict[str, OptionText] = field(default_factory=dict)
    """DHCPv4 options for all, by name or number: `{ ntp-servers = "192.0.2.7" }`. The resolver, the routers and the domain are
    told by themselves."""
    options6: dict[str, OptionText] = field(default_factory=dict)
    """DHCPv6 options for all."""
    store_identifiers: Flag = _DHCP.store_identifiers
    """true keeps hardware addresses, client identifiers and DUIDs on disk. false: keyed hashes of them."""
    store_names: Flag = _DHCP.store_names
    """true keeps devices' names readable on disk. false: in a form that only the `dhcp` process can read, while the
    lease lasts."""
    rate: Annotated[Number, Field(gt=0, le=10_000)] = _DHCP.rate
    """Messages a second of one device; twenty at once."""
    interface_rate: Annotated[Number, Field(gt=0, le=1_000_000)] = _DHCP.interface_rate
    """Messages a second of one interface's devices that hold no lease."""
    offers: Annotated[Count, Field(ge=1, le=65_536)] = _DHCP.offers
    """Offers held at once for devices that have not accepted yet, of each kind; the oldest makes room for a new one."""
    log_clients_until: Until | None = None
    """Until then hardware and IP addresses are written into the log, to find a fault: `2026-12-31T18:00:00Z`, at most a week
    ahead."""
    subnet: tuple[SubnetTable, ...] = ()
    """Networks, `[[dhcp.subnet]]`."""
    host: tuple[HostTable, ...] = ()
    """Known devices, `[[dhcp.host]]`."""
    classes: dict[str, ClassTable] = field(default_factory=dict)
    """Kinds of devices, `[dhcp.classes.NAME]`."""
    advertise: tuple[AdvertiseTable, ...] = ()
    """Router advertisements, `[[dhcp.advertise]]`."""
