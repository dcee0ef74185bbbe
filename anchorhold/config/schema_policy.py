"""The tables about names: local zones, rules, lists, schedules, rebinding. See `schema.py` for how such a file is read."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from anchorhold.config.kinds import CLOSED, Flag, Number, Size, Span, Text, Ttl
from anchorhold.lists.settings import ListSource
from resolver.policy_settings import Action, Rebinding

_SOURCE = ListSource("")
_REBINDING = Rebinding()


@dataclass(frozen=True, slots=True)
class LocalTable:
    """Names that are answered here, `[[local]]`: a zone of your own, or some records of names that are resolved otherwise."""

    __pydantic_config__ = CLOSED

    zone: Text
    """The domain: at and below it there is what is written here, and nothing else. Its reverse zone may be another table."""
    records: tuple[Text, ...] = ()
    """Records as in a master file, relative to `zone`: `nas A 192.168.1.2`, `www 300 CNAME www.example.org.`, `*.apps A
    192.168.1.9`, `@ MX 10 mail`."""
    file: Text = ""
    """A master file (RFC 1035 §5) with records of the zone. Relative to this file."""
    transparent: Flag = False
    """true: names without a record here are resolved like any other."""
    clients: tuple[Text, ...] = ()
    """Only for these groups of clients. Empty: for all. The same `zone` may be there twice, for different groups."""
    ptr: Flag = True
    """Reverse names of the addresses in it are answered too, if they are not in another table."""
    ttl: Ttl = 300
    """Seconds of records that say none."""


@dataclass(frozen=True, slots=True)
class HostsTable:
    """Names from files like `/etc/hosts`."""

    __pydantic_config__ = CLOSED

    files: tuple[Text, ...] = ()
    """`ADDRESS NAME NAME…` on each line. The first name is the one of the reverse name. Relative to this file; read at the
    start and at each reload."""
    domain: Text = ""
    """Names of one label get this domain: `nas` is `nas.home.example` too."""
    clients: tuple[Text, ...] = ()
    """Only for these groups of clients. Empty: for all."""
    ttl: Ttl = 300
    """Seconds."""


@dataclass(frozen=True, slots=True)
class ScheduleTable:
    """When a rule or a list counts, `[schedules.NAME]`."""

    __pydantic_config__ = CLOSED

    windows: tuple[Text, ...] = ()
    """`DAYS HH:MM-HH:MM` each: `mon-fri 21:00-07:00`, `sat,sun 22:30-08:00`, `daily 12:00-13:00`. An end that is not after the
    start is on the next day. At least one."""
    zone: Text = "UTC"
    """Whose time that is: a name of the time zone database, `Europe/Berlin`."""


@dataclass(frozen=True, slots=True)
class RuleTable:
    """One wish, `[[rule]]`. Allow counts before block, block before rewrite, these before lists, whatever the order in the
    file; among rules of one action the first that matches."""

    __pydantic_config__ = CLOSED

    action: Action
    """`allow`, `block`, `rewrite` (to `to`), `route` (to the group `upstreams`)."""
    name: Text = ""
    """What `explain` calls it. Empty: its place in the file."""
    domains: tuple[Text, ...] = ()
    """`example.com` is that name and everything below, `=example.com` itself alone, `*.example.com` what is below. `.` is every
    name."""
    patterns: tuple[Text, ...] = ()
    """Regular expressions (RE2's) over the name in small letters, without its last dot."""
    services: tuple[Text, ...] = ()
    """Bundles of domains that come with the program: `anchorhold lists services` shows them. Not with `rewrite`."""
    safe_search: tuple[Text, ...] = ()
    """With `rewrite`, instead of `domains` and `to`: `google`, `bing`, `duckduckgo`, `youtube`, `youtube-moderate`, `pixabay`, or
    `all`."""
    types: tuple[Text, ...] = ()
    """Only these record types: `AAAA`, `HTTPS`. Empty: all."""
    clients: tuple[Text, ...] = ()
    """Only for these groups of clients. Empty: for all."""
    schedule: Text = ""
    """Only at these times: a `[schedules.NAME]`. Empty: always."""
    answer: Text = "null"
    """With `block`: `null` (0.0.0.0 and `::`), `nxdomain`, `nodata`, `refused`, or addresses: `192.168.1.2, fd00::2`."""
    to: tuple[Text, ...] = ()
    """With `rewrite`: addresses, or one name whose records are given out (CNAME)."""
    upstreams: Text = ""
    """With `route`: the upstream group, or `iterate`."""


@dataclass(frozen=True, slots=True)
class ListTable:
    """Names that somebody else wrote, `[lists.NAME]`. A string is short for `{ url = … }`."""

    __pydantic_config__ = CLOSED

    url: Text = ""
    """`https://…`: fetched over this resolver."""
    file: Text = ""
    """Instead of `url`: a file, read at the start and at each reload. Relative to this file."""
    format: Text = _SOURCE.format
    """`auto`, `hosts`, `domains`, `wildcards`, `regex`, `adblock`, `rpz`, `dnsmasq`."""
    allow: Flag = False
    """true: what it names is allowed, whatever other lists say."""
    clients: tuple[Text, ...] = ()
    """Only for these groups of clients. Empty: for all."""
    schedule: Text = ""
    """Only at these times: a `[schedules.NAME]`. Empty: always."""
    answer: Text = "null"
    """How what it blocks is answered, as in `[[rule]]`; entries that say it themselves (RPZ, `$dnsrewrite`) are followed."""
    redirect: Flag | None = None
    """true: addresses, names and other records that its lines give are given out. false: such lines only block, as `answer` says,
    so that whoever writes the list, or breaks in where it lies, can take names away and send nobody anywhere. Nothing said: false
    with `url`, true with `file`."""
    refresh: Annotated[Span, Field(ge=600)] = _SOURCE.refresh
    """How often it is fetched: `24h`."""
    max_size: Annotated[Size, Field(le=256 * 1024**2)] = _SOURCE.max_size
    """Most octets; a longer one is refused and the former kept."""
    fuse: Annotated[Number, Field(ge=0, le=1000)] = _SOURCE.fuse
    """Share of the entries that may come or go at once; beyond, the former list stays until `anchorhold lists update
    --confirm`. 0: any."""
    public_key: Text = ""
    """minisign's: the list counts only if it is signed by it."""
    signature: Text = ""
    """Where the signature is. Empty: `url` and `.minisig`."""


@dataclass(frozen=True, slots=True)
class RebindingTable:
    """Answers from outside that lead inside (DNS rebinding)."""

    __pydantic_config__ = CLOSED

    protect: Flag = _REBINDING.protect
    """Addresses of this machine and of private networks are taken out of answers from outside. Names of local zones, and of
    routes whose servers are private, may have them."""
    allow: tuple[Text, ...] = ()
    """Domains that may have them too: `plex.direct`."""


@dataclass(frozen=True, slots=True)
class ProtectTable:
    """What no list may block, besides upstreams and the hosts of the lists themselves, which are never blocked."""

    __pydantic_config__ = CLOSED

    domains: tuple[Text, ...] = ()
    """`example.org` and everything below."""
    portals: Flag = True
    """The names by which devices find out whether they are online."""
