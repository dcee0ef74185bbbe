"""What a user may set, checked and complete: one value for `front`, another for the resolver.

They are two so that the cell which knows client addresses learns no upstream, and the cell which knows upstreams
learns no client address. Made by the loader (`anchorhold/config/`), never changed; a reload makes new ones with the
next generation.
"""

from dataclasses import dataclass
from enum import Enum

from resolver.policy_settings import Policy

_POLICY = Policy()


class Profile(Enum):
    """RFC 8310 §5. `strict`: name or pin must verify and nothing ever leaves in clear text. `opportunistic`: the
    best that works, clear text last."""

    STRICT = "strict"
    OPPORTUNISTIC = "opportunistic"


class Strategy(Enum):
    """How a group chooses among its servers."""

    FAILOVER = "failover"
    FASTEST = "fastest"
    RANDOM = "random"
    SPREAD = "spread"
    RACE = "race"


class HttpMethod(Enum):
    """RFC 8484 §4.1."""

    GET = "GET"
    POST = "POST"


@dataclass(frozen=True, slots=True)
class ObliviousTarget:
    """Who opens the questions that a relay carries (RFC 9230); it is never connected to, so it has no address.

    `host` (`NAME` or `NAME:PORT`) and `path` are what the relay is told. Its keys are in `keys` (ObliviousDoHConfigs), or
    what the first of `sources` says (`https` servers, never the target itself); a key counts only if every other one of them has
    it too.
    """

    host: str
    path: str
    keys: bytes = b""
    sources: "tuple[UpstreamSpec, ...]" = ()


@dataclass(frozen=True, slots=True)
class UpstreamSpec:
    """One server we may ask.

    `name` is what its certificate must hold ("" for `udp` and `tcp`; a literal address is allowed). `addresses`
    are literals, never empty unless `bootstrap` names the upstream group that looks `name` up. `pins` are SHA-256
    digests (32 octets) of the SubjectPublicKeyInfo; if there are any, one must match (RFC 7858 §4.2) and the name
    is not compared. `authorities` is PEM text of the CAs to trust instead of the system's ("" for the system's). With a
    `target` (scheme `odoh`) all this is about its relay, but `operator`, who sees the questions, is the target's. `http3`: an
    `https` server that offers HTTP/3 is asked over it (RFC 7838). `discover`: a clear one is asked where it is encrypted (RFC
    9462).
    """

    scheme: str
    name: str
    addresses: tuple[str, ...]
    port: int
    operator: str
    path: str = ""
    pins: tuple[bytes, ...] = ()
    authorities: str = ""
    bootstrap: str = ""
    method: HttpMethod = HttpMethod.POST
    http3: bool = False
    discover: bool = False
    target: ObliviousTarget | None = None

    @property
    def label(self) -> str:
        """How `status` and `explain` call it."""
        host = self.name or (self.addresses[0] if self.addresses else "?")
        if self.target is not None:
            return f"odoh://{self.target.host}{self.target.path} through {host}:{self.port}"
        return f"{self.scheme}://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class UpstreamGroup:
    """Servers that may stand in for each other. Their answers are cached apart from every other group's."""

    name: str
    servers: tuple[UpstreamSpec, ...]
    strategy: Strategy = Strategy.FAILOVER
    profile: Profile = Profile.STRICT


@dataclass(frozen=True, slots=True)
class CarriedTarget:
    """A target that our relay carries for: an `https` server, which must prove its name. `private`: the addresses that its name
    leads to need not be public ones."""

    spec: UpstreamSpec
    private: bool = False


class Minimisation(Enum):
    """How little an authoritative server is shown (RFC 9156). `relaxed`: the whole name after all, where a server errs;
    `strict`: never; `off`: the whole name at once."""

    RELAXED = "relaxed"
    STRICT = "strict"
    OFF = "off"


class Family(Enum):
    """Over which protocol authoritative servers are asked."""

    ANY = "any"
    PREFER_IPV4 = "prefer-ipv4"
    PREFER_IPV6 = "prefer-ipv6"
    ONLY_IPV4 = "only-ipv4"
    ONLY_IPV6 = "only-ipv6"


@dataclass(frozen=True, slots=True)
class Authority:
    """An authoritative server: `name` (folded wire form) and literal addresses, each `ADDRESS` or `ADDRESS@PORT`."""

    name: bytes
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Iteration:
    """Asking authoritative servers ourselves, from `zone` (folded) on; a way a route may name, like an upstream group.

    `servers` are the root hints, or a stub zone's own servers. `prime`: they are only hints, the zone's real servers
    are asked for first (RFC 9609). Addresses that come from the DNS are asked at `port` (53 but for tests), and only if
    they are public unicast unless `private_servers`. `local_root` holds the records of the root zone in wire form,
    uncompressed, SOA first (RFC 8806), or nothing; `local_root_servers` (`ADDRESS` or `ADDRESS@PORT`) are asked for it by
    AXFR. `probe_encryption`: RFC 9539. `nat64`: the prefix (RFC 6052, CIDR text) below which IPv4 addresses are asked; empty
    if they are asked as they are.
    """

    name: str
    zone: bytes
    servers: tuple[Authority, ...]
    prime: bool = True
    minimisation: Minimisation = Minimisation.RELAXED
    family: Family = Family.ANY
    port: int = 53
    private_servers: bool = False
    local_root: bytes = b""
    local_root_servers: tuple[str, ...] = ()
    probe_encryption: bool = False
    nat64: str = ""


@dataclass(frozen=True, slots=True)
class Dns64:
    """AAAA records made of A records (RFC 6147). `prefixes` are CIDR text of /32, /40, /48, /56, /64 or /96; `clients` the
    client groups (indices; empty: all); AAAA addresses in `ignore` count as none (RFC 6147 §5.1.4)."""

    prefixes: tuple[str, ...]
    clients: tuple[int, ...] = ()
    ignore: tuple[str, ...] = ("::ffff:0:0/96",)


@dataclass(frozen=True, slots=True)
class Route:
    """Names at or below `suffix` (folded wire form; b"\\0" is the root), asked by clients of `client_group` (index; -1
    for all), go to `upstream_group`: an index among the upstream groups and, behind these, the iterations. If nothing can
    be had there, `fallback` (an index likewise; -1 for none) is tried. `private`: these names are its servers' own, and what
    they say of them is not validated, unless a trust anchor is there."""

    suffix: bytes
    client_group: int
    upstream_group: int
    fallback: int = -1
    private: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """The digest of a key that is believed of `zone` (folded): the data of a DS record (RFC 4034 §5.1)."""

    zone: bytes
    delegation: bytes


@dataclass(frozen=True, slots=True)
class NegativeTrustAnchor:
    """`zone` (folded) and what is below it is not validated (RFC 7646), for a `reason` that people are shown, until a date
    (seconds since 1970) if there is one."""

    zone: bytes
    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Dnssec:
    """Where trust begins, and where it ends by the administrator's will: `negative` by configuration, `excepted` by a command to
    the running service. Without any of it nothing can be proved, and nothing is answered. At or below `time_sources` (folded) are
    the servers that this machine gets the time from: their names are resolved even while the clock is wrong.
    Without `sha1_signatures` zones that are signed with SHA-1 only count as unsigned (RFC 9905)."""

    anchors: tuple[Anchor, ...] = ()
    negative: tuple[NegativeTrustAnchor, ...] = ()
    time_sources: tuple[bytes, ...] = ()
    excepted: tuple[NegativeTrustAnchor, ...] = ()
    sha1_signatures: bool = True


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """`memory` is the ceiling in octets of one cell's cache. Stale answers: RFC 8767."""

    memory: int = 32 * 1024 * 1024
    minimum_ttl: int = 0
    maximum_ttl: int = 86_400
    negative_ttl: int = 3_600
    failure_ttl: int = 5
    stale: bool = True
    stale_for: int = 86_400
    stale_ttl: int = 30
    stale_after: float = 1.8
    prefetch: bool = True

    def bounded(self, ttl: int) -> int:
        """A TTL within the limits; 0 stays 0, for it forbids caching."""
        return min(max(ttl, self.minimum_ttl), self.maximum_ttl) if ttl else 0

    def bounded_negative(self, ttl: int) -> int:
        """The same for "there is none"."""
        return min(self.bounded(ttl), self.negative_ttl)


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """All that the resolver cell may know."""

    generation: int
    client_groups: tuple[str, ...]
    upstream_groups: tuple[UpstreamGroup, ...]
    routes: tuple[Route, ...]
    cache: CacheSettings
    deadline: float = 5.0
    log_names: bool = False
    iterations: tuple[Iteration, ...] = ()
    dns64: Dns64 | None = None
    dnssec: Dnssec = Dnssec()
    policy: Policy = _POLICY
    carried: tuple[CarriedTarget, ...] = ()
    """Those of the oblivious relay; `SecureSettings.odoh_targets` names them in the same order."""
    cores: int = 1
    """So many cells of each kind that knows clients ask."""


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """All that the keeper may know: the anchors to begin with, those that come with the program or those configured."""

    generation: int
    anchors: tuple[Anchor, ...]


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """Clients told apart by network, or by the name (folded, with its domain) that the dhcp cell tells for their address:
    one of `devices`, which goes first. Index 0 is `default` and takes whoever no other group names. Without `lease_names`
    they are told that there is no name of a lease."""

    name: str
    networks: tuple[str, ...] = ()
    lease_names: bool = True
    devices: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaseNames:
    """Which names are those of leases (DHCP): at or below one of `domains` (folded), and the reverse names of addresses in one
    of `subnets` (4 or 16 octets, length). `front` answers them itself; what is not leased there is not there.

    `routed` are routes and local zones of the configuration at or below those: suffix (folded) and client group (index, -1 for
    all). There, the names of leases are answered here too, and all others are the resolver's. `named` are single names that
    have local records, likewise: where no lease has such a name, it is the resolver's.
    """

    domains: tuple[bytes, ...] = ()
    subnets: tuple[tuple[bytes, int], ...] = ()
    routed: tuple[tuple[bytes, int], ...] = ()
    named: tuple[tuple[bytes, int], ...] = ()


class Served(Enum):
    """A scheme that `secure` serves, and its port: RFC 7858 §3.1, RFC 8484, RFC 9250 §4.1.1."""

    TLS = "tls"
    HTTPS = "https"
    H3 = "h3"
    QUIC = "quic"

    @property
    def port(self) -> int:
        """Where clients look for it."""
        return 853 if self in (Served.TLS, Served.QUIC) else 443

    @property
    def stream(self) -> bool:
        """Whether its listening socket is of TCP; else it is of UDP."""
        return self in (Served.TLS, Served.HTTPS)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one scheme is served. `addresses` (4 or 16 octets) are where clients reach it; none: it listens on every address, and
    which of them clients use is not known."""

    served: Served
    port: int
    addresses: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Announcement:
    """What clients may be told of the encrypted ways in (RFC 9461, RFC 9462, RFC 9606).

    `name` is the authentication domain name as text, `path` that of DoH; each of `labels` (folded) is a client's own: it leads
    the name, or stands behind the path. `minimised`: every question is minimised (RFC 9156). `information` is a URL for people,
    or empty.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    path: str = "/dns-query"
    labels: tuple[str, ...] = ()
    minimised: bool = False
    information: str = ""


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """All that the front cell may know. Networks are CIDR text; the longest match wins.

    `rate` is queries a second and `burst` the bucket's depth, per client address (/56 for IPv6); 0 means no limit.
    `payload` is the largest UDP answer in octets (RFC 6891 §6.2.5). Without a DHCP server there are no `leases`, without
    encrypted ways in there is no `announcement`. `lists`: whether a cell has lists, for operators.
    `tcp_clients` is what this one of several may have.
    """

    generation: int
    client_groups: tuple[ClientGroup, ...]
    allow: tuple[str, ...]
    cache: CacheSettings
    payload: int = 1232
    cookies: bool = True
    rate: float = 200.0
    burst: float = 400.0
    tcp_clients: int = 256
    tcp_clients_per_address: int = 16
    tcp_pipeline: int = 64
    tcp_idle: float = 28.0
    deadline: float = 5.0
    leases: LeaseNames | None = None
    announcement: Announcement | None = None
    lists: bool = False


@dataclass(frozen=True, slots=True)
class SecureSettings:
    """All that the `secure` cell may know: what `front` may, and how the encrypted ways in are served.

    `name` is the authentication domain name (RFC 8310), "" if there is none; `path` that of DoH, `odoh_path` and
    `odoh_relay_path` those of an oblivious target and relay. `idle` is in seconds. `connections` counts all listeners
    together, `streams` the open requests of one HTTP/2, HTTP/3 or QUIC connection (a DoT connection has
    `front.tcp_pipeline`). `identities` are labels, folded: what stands behind the path, or leads the name that is asked for in
    the handshake, and the client group (index) that it puts the client into.
    """

    front: FrontSettings
    name: str = ""
    path: str = "/dns-query"
    idle: float = 28.0
    connections: int = 2_000
    connections_per_address: int = 64
    streams: int = 100
    identities: tuple[tuple[str, int], ...] = ()
    odoh_target: bool = False
    odoh_path: str = "/odoh"
    odoh_relay: bool = False
    odoh_relay_path: str = "/relay"
    odoh_targets: tuple[tuple[str, str], ...] = ()
    """Host (`NAME` or `NAME:PORT`) and path of each target that is carried for."""
