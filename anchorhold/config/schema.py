"""The configuration file's shape: one dataclass a table, one field a key, its meaning and unit in the text below it.

The reference page is made from this file (`python -m anchorhold.config.reference`). What a single value can be wrong
about is checked here, what two values together can in `check.py`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from pydantic import Field

from anchorhold.config.kinds import CLOSED, Cores, Count, Flag, Number, Size, Text, Ttl, Until
from anchorhold.config.schema_dhcp import DhcpTable
from anchorhold.config.schema_policy import (
    HostsTable,
    ListTable,
    LocalTable,
    ProtectTable,
    RebindingTable,
    RuleTable,
    ScheduleTable,
)
from anchorhold.config.schema_secure import SecureTable
from anchorhold.sandbox.profile import Enforcement
from resolver.settings import (
    CacheSettings,
    Dns64,
    Family,
    FrontSettings,
    HttpMethod,
    Iteration,
    Minimisation,
    Profile,
    ResolverSettings,
    Strategy,
)

_CACHE = CacheSettings()
_FRONT = FrontSettings(0, (), (), _CACHE)
_RESOLVER = ResolverSettings(0, (), (), (), _CACHE)
_ITERATION = Iteration("", b"", ())


@dataclass(frozen=True, slots=True)
class ServiceTable:
    """The processes themselves. A change here needs a restart."""

    __pydantic_config__ = CLOSED

    user: Text = ""
    """Whom the processes become, when started as root. Each cell takes the account `USER-CELL` if there is one
    (`anchorhold-front`, `-secure`, `-resolver`, `-dhcp`, `-keeper`, `-lists`), else USER. Empty: `anchorhold` where there is
    such an account, else `nobody`."""
    sandbox: Enforcement = Enforcement.REQUIRED
    """`best-effort`: cells serve even where no filter of system calls (seccomp) can be had, as on anything but Linux. What is
    missing besides on this system is told by `anchorhold cells`, with either."""
    state: Text = ""
    """Directory of what outlives a run: `spread.key`, trust anchors. Empty: `$STATE_DIRECTORY`, else `/var/lib/anchorhold` as
    root, else `~/.local/state/anchorhold`. Relative to this file."""
    cores: Cores = 1
    """So many `front` cells serve clients side by side, so many `secure` cells where there is `[secure]`, and so many resolvers,
    each on a core of its own; `"all"`: as many as the service may run on. Each client address (IPv6: /56) always comes to the
    same one, so what one client may use stays as it is; what all together may use is shared out. Each name is resolved by one of
    the resolvers. See docs/guide/cores.md."""


@dataclass(frozen=True, slots=True)
class ListenTable:
    """Where clients ask."""

    __pydantic_config__ = CLOSED

    addresses: tuple[Text, ...] = ()
    """`ADDRESS:PORT` each, UDP and TCP: `127.0.0.1:53`, `[::1]:53`. Without a port: 53. `0.0.0.0` and `[::]` mean every
    address of this machine. Port 0 takes a free one. At least one."""
    control: Text = ""
    """Path of the control socket (mode 0600) that `anchorhold status` and its kin use. Empty: `$RUNTIME_DIRECTORY`,
    else `/run/anchorhold` as root, else `$XDG_RUNTIME_DIR/anchorhold`; the file is `control.sock`. Relative to this
    file. A change needs a restart."""
    payload: Annotated[Count, Field(ge=512, le=4096)] = _FRONT.payload
    """Largest answer over UDP, octets (RFC 6891 §6.2.5)."""
    cookies: Flag = _FRONT.cookies
    """Answer DNS cookies (RFC 7873)."""


@dataclass(frozen=True, slots=True)
class AccessTable:
    """Who may ask. Anybody else gets no answer at all."""

    __pydantic_config__ = CLOSED

    allow: tuple[Text, ...] = (
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "fe80::/10",
        "fc00::/7",
    )
    """Networks. Default: loopback, private and link-local ones."""
    everybody: Flag = False
    """true permits `0.0.0.0/0` and `::/0` in `allow`: an open resolver, which others will misuse for attacks."""


@dataclass(frozen=True, slots=True)
class ClientsTable:
    """A group of clients, told apart by network, so that routes can differ. Whoever no group names is in `default`."""

    __pydantic_config__ = CLOSED

    networks: tuple[Text, ...] = ()
    """Networks or single addresses; the longest match wins. A group of one device identifies that device to the
    resolver process."""
    devices: tuple[Text, ...] = ()
    """Devices of `[[dhcp.host]]` by their `name`, whatever address our DHCP server gives them. They go before networks. A
    device that takes an address by itself is not known by it."""
    lease_names: Flag = True
    """false: this group is told that there are no names of devices (those of `[dhcp]`)."""


class ResolveMode(Enum):
    """Where names go that no route takes."""

    FORWARD = "forward"
    ITERATE = "iterate"


@dataclass(frozen=True, slots=True)
class ResolveTable:
    """How names are resolved that no route takes, and how authoritative servers are asked, also those of stub routes."""

    __pydantic_config__ = CLOSED

    mode: ResolveMode = ResolveMode.FORWARD
    """`forward`: to the upstream group `default`, which gets the full names. `iterate`: no upstream is needed; many
    authoritative servers are asked from the root on, each a little, in clear text."""
    minimise: Minimisation = _ITERATION.minimisation
    """How little an authoritative server is shown (RFC 9156). `relaxed`: one label more than it serves, the whole name
    after all where a server errs. `strict`: never more; some names then fail. `off`: the whole name at once."""
    family: Family = _ITERATION.family
    """Over which protocol authoritative servers are asked."""
    root_hints: Text = ""
    """Master file with the NS records of `.` and the addresses of their names. Empty: those that come with the program.
    Relative to this file."""
    port: Annotated[Count, Field(ge=1, le=65_535)] = _ITERATION.port
    """Where authoritative servers are asked if no port stands beside their address. Other than 53 for tests only."""
    private_servers: Flag = _ITERATION.private_servers
    """true follows delegations to loopback, private, link-local and other special addresses. Stub routes with such a
    server follow them in any case."""
    local_root: Text = ""
    """Master file of the root zone, to be the root by ourselves (RFC 8806). Relative to this file."""
    local_root_servers: tuple[Text, ...] = ()
    """`ADDRESS` or `ADDRESS@PORT` of servers that give the root zone away (AXFR), to be the root by ourselves."""
    probe_encryption: Flag = _ITERATION.probe_encryption
    """true tries DNS over TLS with authoritative servers (RFC 9539). It hides questions from listeners where it works,
    proves nobody's name, and costs attempts."""
    nat64: Text = _ITERATION.nat64
    """Prefix of a translator (NAT64, RFC 6052) through which servers with IPv4 addresses are asked, on a network without
    IPv4: mostly `64:ff9b::/96`. Empty: IPv4 as it is."""


class Validate(Enum):
    """Whether what a route's servers say of its names must be proved."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Sends some names, some clients or both one way: `upstreams`, `iterate` or `authorities`. The longest domain wins,
    then the named clients."""

    __pydantic_config__ = CLOSED

    upstreams: Text = ""
    """The upstream group asked."""
    iterate: Flag = False
    """true: ask authoritative servers from the root on, as with `mode = "iterate"`."""
    authorities: tuple[Text, ...] = ()
    """Stub zone: the authoritative servers of these domains, `192.0.2.1`, `192.0.2.1@5353` or `[2001:db8::1]:5353`. Their
    delegations are followed."""
    domains: tuple[Text, ...] = (".",)
    """Names at or below these; `.` is every name."""
    clients: Text = ""
    """Only for this group of clients. Empty: for all."""
    fallback: Text = ""
    """If nothing can be had there: another upstream group, or `iterate`. A strict group may not fall back to clear text,
    and iteration is clear text."""
    validate: Validate = Validate.AUTO
    """Whether what these servers say of these domains must be proved (DNSSEC). `auto`: not if all of them have private
    addresses, for the public DNS does not vouch for names inside a network; `never`, `always`. A trust anchor for the domain
    counts in any case."""


@dataclass(frozen=True, slots=True)
class ServerTable:
    """One server of a group. A string is short for `{ url = … }`."""

    __pydantic_config__ = CLOSED

    url: Text
    """`SCHEME://[NAME@]ADDRESS[,ADDRESS…][:PORT][/PATH]`, or an `sdns://` stamp. Schemes: `tls` (port 853), `https`
    (443), `quic` (853), `h3` (443), `udp` and `tcp` (53). `odoh://NAME[:PORT][/PATH]` is asked through `relay` only and has
    no address."""
    operator: Text = ""
    """Who runs it; servers of one operator count as one for `spread`. Empty: the registrable domain of its name."""
    relay: Text = ""
    """For `odoh`: `https://NAME@ADDRESS/PATH` (or a stamp) of who carries the sealed questions (RFC 9230). `pins`, `ca_file` and
    `bootstrap` are the relay's. Another operator than the target's, else one would see both questions and address."""
    relay_operator: Text = ""
    """Who runs the relay. Empty: the registrable domain of its name."""
    keys: Text = "relay"
    """For `odoh`, where the target's keys come from: `relay` asks the relay, `https://NAME@ADDRESS[/PATH]` another server,
    anything else is a file (ObliviousDoHConfigs as targets serve them), relative to this one. The target is never asked."""
    keys_check: Text = ""
    """For `odoh`: a second place of the same kinds. Only a key that both show is used, lest a relay hand out its own."""
    pins: tuple[Text, ...] = ()
    """SHA-256 of the certificate's public key (SPKI), base64. One must match; the name is not compared then (RFC 7858
    §4.2)."""
    ca_file: Text = ""
    """PEM file of the authorities to trust instead of the system's. Relative to this file."""
    bootstrap: Text = ""
    """The upstream group that looks the server's name up, for a URL without an address."""
    method: HttpMethod = HttpMethod.POST
    """How `https` and `h3` ask (RFC 8484 §4.1)."""


@dataclass(frozen=True, slots=True)
class UpstreamsTable:
    """A group of servers that may stand in for each other. `default` is asked where no route says otherwise."""

    __pydantic_config__ = CLOSED

    servers: tuple[ServerTable, ...] = ()
    """At least one."""
    strategy: Strategy = Strategy.FAILOVER
    """`failover`: in this order. `fastest`: learned. `random`. `spread`: each site to one operator. `race`: several at
    once."""
    profile: Profile = Profile.STRICT
    """`strict`: name or pin must verify, nothing leaves in clear text. `opportunistic`: the best that works (RFC 8310
    §5)."""
    http3: bool = False
    """Whether `https` servers that offer HTTP/3 (Alt-Svc, RFC 7838; SVCB, RFC 9461) are asked over it, and over HTTP/2 again
    where it fails. What proves a server stays the same."""
    discover: bool = False
    """Whether `udp` and `tcp` servers are asked where they are served encrypted (DDR, RFC 9462), and are asked there then.
    For `opportunistic` groups only."""


@dataclass(frozen=True, slots=True)
class Dns64Table:
    """IPv6 addresses made of IPv4 ones, for networks where a translator (NAT64) carries them (RFC 6147)."""

    __pydantic_config__ = CLOSED

    prefixes: tuple[Text, ...] = ()
    """The translator's prefixes, of /32, /40, /48, /56, /64 or /96 (RFC 6052): `64:ff9b::/96` is the well-known one."""
    clients: tuple[Text, ...] = ()
    """Only for these groups of clients. Empty: for all."""
    ignore: tuple[Text, ...] = Dns64(()).ignore
    """IPv6 networks: real AAAA records in them count as none (RFC 6147 §5.1.4)."""


@dataclass(frozen=True, slots=True)
class NegativeTable:
    """A zone whose answers are not validated, though they should be (RFC 7646)."""

    __pydantic_config__ = CLOSED

    zone: Text
    """This and what is below it; `.` is everything."""
    reason: Text
    """Why, for people: `anchorhold explain` shows it."""
    until: Until | None = None
    """When it ends: `2026-12-31` (midnight UTC) or `2026-12-31T18:00:00Z`. Empty: not by itself."""


@dataclass(frozen=True, slots=True)
class DnssecTable:
    """What is believed. Every answer is validated; what should be signed and cannot be proved is not given out."""

    __pydantic_config__ = CLOSED

    trust_anchors: tuple[Text, ...] = ()
    """DS or DNSKEY records of further zones, as text: `corp.example. DS 12345 13 2 49FD…`. Those of `.` stand in the place of
    the root's keys that come with the program."""
    negative: tuple[NegativeTable, ...] = ()
    """Negative trust anchors, `[[dnssec.negative]]`."""
    sha1_signatures: Flag = _RESOLVER.dnssec.sha1_signatures
    """false: zones that are signed with SHA-1 only (algorithms 5 and 7) count as unsigned (RFC 9905)."""
    time_sources: tuple[Text, ...] = (
        "pool.ntp.org",
        "ntp.ubuntu.com",
        "ntp-bootstrap.ubuntu.com",
        "time.android.com",
        "time.apple.com",
        "time.cloudflare.com",
        "time.google.com",
        "time.nist.gov",
        "time.windows.com",
        "nts.netnod.se",
    )
    """Names at or below these are servers of time. While the clock shows a date that cannot be, they alone are resolved; their
    signatures are verified, the times in them are not."""


@dataclass(frozen=True, slots=True)
class CacheTable:
    """Answers kept. Stale answers follow RFC 8767."""

    __pydantic_config__ = CLOSED

    memory: Size = _CACHE.memory
    """Ceiling of each process's cache: octets, or text such as `32 MiB`."""
    minimum_ttl: Annotated[Ttl, Field(le=3_600)] = _CACHE.minimum_ttl
    """Seconds an answer is kept at least, at most 3600."""
    maximum_ttl: Ttl = _CACHE.maximum_ttl
    """Seconds an answer is kept at most. 0: nothing is kept."""
    negative_ttl: Annotated[Ttl, Field(le=10_800)] = _CACHE.negative_ttl
    """Seconds "there is none" is kept at most, up to 10800 (RFC 2308 §5)."""
    failure_ttl: Annotated[Ttl, Field(ge=1, le=300)] = _CACHE.failure_ttl
    """Seconds a failure is kept, 1 to 300 (RFC 9520 §3.2)."""
    stale: Flag = _CACHE.stale
    """Give out expired answers while no upstream answers."""
    stale_for: Ttl = _CACHE.stale_for
    """Seconds after its end an answer may still be given out."""
    stale_ttl: Annotated[Ttl, Field(ge=1, le=300)] = _CACHE.stale_ttl
    """TTL of a stale answer, seconds."""
    stale_after: Annotated[Number, Field(ge=0, le=10)] = _CACHE.stale_after
    """Seconds a client waits before it gets a stale answer."""
    prefetch: Flag = _CACHE.prefetch
    """Ask again for popular answers shortly before they end."""


@dataclass(frozen=True, slots=True)
class LimitsTable:
    """What one client, and all together, may use."""

    __pydantic_config__ = CLOSED

    rate: Annotated[Number, Field(ge=0, le=1_000_000)] = _FRONT.rate
    """Queries a second of one client address (IPv6: /56). 0: no limit."""
    burst: Annotated[Number, Field(ge=0, le=10_000_000)] = _FRONT.burst
    """Queries a client may ask at once before `rate` counts. 0: no limit."""
    tcp_clients: Annotated[Count, Field(ge=1, le=65_535)] = _FRONT.tcp_clients
    """TCP connections in all."""
    tcp_clients_per_address: Annotated[Count, Field(ge=1, le=65_535)] = _FRONT.tcp_clients_per_address
    """TCP connections of one address. One /56 of IPv6 may have eight times as many."""
    tcp_pipeline: Annotated[Count, Field(ge=1, le=1_024)] = _FRONT.tcp_pipeline
    """Open queries of one TCP connection (RFC 7766 §6.2.1.1)."""
    tcp_idle: Annotated[Number, Field(ge=1, le=600)] = _FRONT.tcp_idle
    """Seconds an idle TCP connection is kept; shrinks under load."""
    deadline: Annotated[Number, Field(ge=0.5, le=30)] = _RESOLVER.deadline
    """Seconds a query may take in all."""


@dataclass(frozen=True, slots=True)
class PrivacyTable:
    """What is kept."""

    __pydantic_config__ = CLOSED

    log_names: Flag = _RESOLVER.log_names
    """true writes the names asked for into the log, to find a fault. No address is ever logged."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The whole file."""

    __pydantic_config__ = CLOSED

    service: ServiceTable = ServiceTable()
    listen: ListenTable = ListenTable()
    access: AccessTable = AccessTable()
    clients: dict[str, ClientsTable] = field(default_factory=dict)
    resolve: ResolveTable = ResolveTable()
    route: tuple[RouteTable, ...] = ()
    upstreams: dict[str, UpstreamsTable] = field(default_factory=dict)
    local: tuple[LocalTable, ...] = ()
    hosts: HostsTable = field(default_factory=HostsTable)
    rule: tuple[RuleTable, ...] = ()
    schedules: dict[str, ScheduleTable] = field(default_factory=dict)
    lists: dict[str, ListTable] = field(default_factory=dict)
    protect: ProtectTable = field(default_factory=ProtectTable)
    rebinding: RebindingTable = field(default_factory=RebindingTable)
    dns64: Dns64Table | None = None
    dhcp: DhcpTable | None = None
    secure: SecureTable | None = None
    dnssec: DnssecTable = DnssecTable()
    cache: CacheTable = CacheTable()
    limits: LimitsTable = LimitsTable()
    privacy: PrivacyTable = PrivacyTable()
