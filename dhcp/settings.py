"""What a user may set about DHCP, checked and complete. Made by the loader, never changed; a reload makes new ones.

Option values are the octets that go out, made of text by the table of the wire (`wire/dhcp/options4.py`,
`options6.py`), so that what does not fit its type is found when the configuration is read.
"""

from dataclasses import dataclass
from enum import Enum

Options = tuple[tuple[int, bytes], ...]
"""Option number and octets, numbers unique and ascending. Empty octets where a default must not be sent."""


class Matcher(Enum):
    """What of a client a class looks at."""

    VENDOR = "vendor"
    """Option 60 (RFC 2132 §9.13) or DHCPv6 option 16: it begins with these octets."""
    USER = "user"
    """One of the values of option 77 (RFC 3004) or DHCPv6 option 15 is this."""
    HARDWARE = "hardware"
    """The hardware address begins with these octets."""
    CIRCUIT = "circuit"
    """Option 82's circuit-id (RFC 3046), or DHCPv6 option 18, is this."""
    REMOTE = "remote"
    """Option 82's remote-id, or DHCPv6 option 37, is this."""
    CHANGING = "changing"
    """The hardware address is locally administered. No octets."""
    ARCHITECTURE = "architecture"
    """Option 93 or 61 (RFC 4578, RFC 5970) holds this number, two octets."""
    ANY = "any"
    """Everybody. No octets."""


@dataclass(frozen=True, slots=True)
class ClientClass:
    """Clients that have something in common. Who matches any of `matches` is in it; of several classes, the options of
    the last win, and the first with a lease time says it.
    """

    name: str
    matches: tuple[tuple[Matcher, bytes], ...]
    options4: Options = ()
    options6: Options = ()
    lease_time: int = 0
    """Seconds; 0: the subnet's."""
    next_server: bytes = b""
    """siaddr, 4 octets (network boot)."""
    boot_file: bytes = b""
    """`file`, up to 127 octets."""
    named: bool = True
    """Whether its members' names are published."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Addresses `first` to `last`, both included (4 or 16 octets). With `classes`, for members of one of them only."""

    first: bytes
    last: bytes
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delegation:
    """Prefixes of `length` out of `prefix`/`prefix_length` for routers behind us (IA_PD)."""

    prefix: bytes
    prefix_length: int
    length: int
    excluded: tuple[tuple[bytes, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Reservation:
    """An address that is always one client's, known by any of `hardware`, `identifiers` or `hosts`.

    `address4` may lie outside every pool, or be empty: then only the name, classes and options are reserved.
    """

    hardware: tuple[bytes, ...] = ()
    """Hardware addresses, 6 octets. Of several (a laptop with cable and radio) one at a time has the address."""
    identifiers: tuple[bytes, ...] = ()
    """Client identifiers (option 61), whole."""
    duids: tuple[bytes, ...] = ()
    hosts: tuple[str, ...] = ()
    """Host names a client says of itself; nobody has to prove that, so these come last."""
    address4: bytes = b""
    addresses6: tuple[bytes, ...] = ()
    prefixes6: tuple[tuple[bytes, int], ...] = ()
    name: str = ""
    """The name published for it. A name in a configuration cannot be claimed by anybody else."""
    classes: tuple[str, ...] = ()
    options4: Options = ()
    options6: Options = ()
    lease_time: int = 0
    ignored: bool = False
    """No answer to this client."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A prefix, who is on it, and what they are told. IPv4 and IPv6 subnets are the same kind of thing."""

    name: str
    """`192.0.2.0/24`: the prefix as text, unique."""
    prefix: bytes
    length: int
    interface: str = ""
    """Its clients are heard on this interface; empty: through relays only."""
    shared: str = ""
    """Subnets with the same word here are on one link (a shared network): a client may get an address of any of
    them.
    """
    pools: tuple[Pool, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    lease_time: int = 43_200
    """Seconds (valid lifetime of IPv6)."""
    changing_time: int = 1_800
    """Seconds of the first lease of a device that changes its hardware address; doubles with each confirmation up to
    `lease_time`."""
    changing_share: int = 75
    """Percent of the pools that such devices may have together."""
    options4: Options = ()
    options6: Options = ()
    routers: tuple[bytes, ...] = ()
    """4 octets each. Empty: our own address, if `own_router`."""
    own_router: bool = True
    domain: str = ""
    """Search list and the domain of published names; empty: the general one."""
    next_server: bytes = b""
    boot_file: bytes = b""
    named: bool = True
    """Whether names of its clients are published."""
    rapid: bool = True
    """Rapid commit (RFC 4039, RFC 8415 §18.3.1)."""
    ipv6_only: int = 0
    """Seconds of option 108 (RFC 8925): who asks for it does without an IPv4 address. 0: not offered."""
    stateless: bool = False
    """IPv6: answer Information-request only."""


@dataclass(frozen=True, slots=True)
class Advertised:
    """Router advertisements on one interface (RFC 4861 §6.2.1). Nothing is ever advertised where there is none of
    these.
    """

    interface: str
    router_lifetime: int = 1_800
    """Seconds; 0: we are no default router."""
    interval: tuple[int, int] = (200, 600)
    """MinRtrAdvInterval, MaxRtrAdvInterval, seconds."""
    managed: bool = False
    """M flag: addresses by DHCPv6."""
    other: bool = False
    """O flag: the rest by DHCPv6."""
    prefixes: tuple["AdvertisedPrefix", ...] = ()
    """Empty: every global /64 of the interface."""
    routes: tuple[tuple[bytes, int, int, int], ...] = ()
    """Prefix, length, lifetime, preference (-1, 0, 1; RFC 4191)."""
    preference: int = 0
    mtu: int = 0
    hop_limit: int = 64
    reachable: int = 0
    retransmit: int = 0
    """Milliseconds (RFC 4861 §4.2)."""
    nat64: tuple[tuple[bytes, int], ...] = ()
    """PREF64 prefixes (RFC 8781)."""
    captive_portal: str = ""
    """URI (RFC 8910)."""
    dns: bool = True
    """Advertise the resolver (RDNSS, DNSSL, DNR)."""


@dataclass(frozen=True, slots=True)
class AdvertisedPrefix:
    """RFC 4861 §4.6.2."""

    prefix: bytes
    length: int
    on_link: bool = True
    autonomous: bool = True
    preferred: int = 14_400
    valid: int = 86_400
    """Seconds; never more than what is left of our own address in it, nor than 45 and 90 minutes if that ends by itself
    (RFC 9096)."""


@dataclass(frozen=True, slots=True)
class Announced:
    """One encrypted listener of the resolver that is really up (RFC 9463): protocols of its ALPN, port, DoH path."""

    name: str
    """Authentication domain name, as text."""
    alpn: tuple[str, ...]
    port: int
    path: str = ""
    """`/dns-query{?dns}`, for h2 and h3."""
    addresses: tuple[bytes, ...] = ()
    """Empty: all of the resolver's."""
    priority: int = 1


@dataclass(frozen=True, slots=True)
class ResolverOffer:
    """What clients are told of the running resolver. `addresses` of which family ever; wildcard listeners are written
    as `b"\\0\\0\\0\\0"` and 16 zeros, and stand for our own addresses on the client's link.
    """

    addresses: tuple[bytes, ...] = ()
    encrypted: tuple[Announced, ...] = ()


@dataclass(frozen=True, slots=True)
class DhcpSettings:
    """Everything the `dhcp` cell knows of the configuration."""

    generation: int
    interfaces: tuple[str, ...] = ()
    """Where requests are heard."""
    subnets: tuple[Subnet, ...] = ()
    classes: tuple[ClientClass, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    advertised: tuple[Advertised, ...] = ()
    relays: tuple[tuple[bytes, int], ...] = ()
    """Networks (address, length) that relayed messages are accepted from. Empty: none are."""
    options4: Options = ()
    options6: Options = ()
    authoritative: bool = True
    """Say no (DHCPNAK) to clients whose addresses do not belong here. Of no effect where we know no subnet."""
    conflict_check: bool = True
    domain: str = "home.arpa"
    search: tuple[str, ...] = ()
    """Empty: the domain."""
    names: bool = True
    """Publish names of clients at all."""
    own_names: tuple[str, ...] = ()
    """Names that no client can claim: this machine's, the router's, what the configuration says elsewhere. One label
    each.
    """
    store_identifiers: bool = False
    store_names: bool = False
    resolver: ResolverOffer = ResolverOffer()
    rate: float = 5.0
    """Messages a second of one client; twenty at once."""
    interface_rate: float = 500.0
    """Messages a second of one interface of clients that hold no lease."""
    offers: int = 256
    """Offers held at once, of each kind."""
    cores: int = 1
    """So many cells of each kind that knows clients are told the names of leases."""
    log_until: float = 0.0
    """Epoch seconds until which hardware and IP addresses are in the log (the incident mode); 0: never."""

    @property
    def log_clients(self) -> bool:
        """True if the incident mode is set, be it over or not."""
        return self.log_until > 0
