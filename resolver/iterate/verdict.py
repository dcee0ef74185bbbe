"""What a response of an authoritative server comes to, and what is left of it after scrubbing. Values only."""

from dataclasses import dataclass
from typing import NamedTuple

from resolver.iterate.port import Endpoint

_new = tuple.__new__
"""See `wire/dns/message.py`."""


class RRset(NamedTuple):
    """Records of one owner (folded) and type, class IN. `rdatas` are uncompressed; `signatures` the RDATA of the RRSIGs
    that came with them; `ttl` the lowest among them, seconds."""

    owner: bytes
    rrtype: int
    ttl: int
    rdatas: tuple[bytes, ...]
    signatures: tuple[bytes, ...] = ()


def with_ttl(rrset: RRset, ttl: int) -> RRset:
    """The same records for another number of seconds."""
    owner, rrtype, former, rdatas, signatures = rrset
    return rrset if former == ttl else _new(RRset, (owner, rrtype, ttl, rdatas, signatures))


@dataclass(frozen=True, slots=True)
class Positive:
    """Records of the type asked for. `proof`: what shows that a wildcard was rightly expanded (NSEC, NSEC3). `servers`:
    for a zone's own NS records, with the addresses that came along. `dname`: where the CNAME that was asked for follows from
    a DNAME, that one."""

    rrset: RRset
    proof: tuple[RRset, ...] = ()
    servers: "tuple[NameServer, ...]" = ()
    dname: RRset | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """The name is another name for `target`. `rrset` is the CNAME; `dname` the DNAME it follows from, if it does."""

    rrset: RRset
    target: bytes
    dname: RRset | None = None
    proof: tuple[RRset, ...] = ()


@dataclass(frozen=True, slots=True)
class Negative:
    """There is no such name (`absent`) or no such type. `soa` is None if the server sent none: then it is not kept."""

    absent: bool
    soa: RRset | None
    proof: tuple[RRset, ...] = ()


@dataclass(frozen=True, slots=True)
class TooLong:
    """`dname` renames it to a name longer than a name can be (RFC 6672 §2.2: YXDOMAIN)."""

    dname: RRset


@dataclass(frozen=True, slots=True)
class Chain:
    """One alias or several, each the next one's owner, and what the last target comes to, if that is known too."""

    links: tuple[Alias, ...]
    end: "Positive | Negative | None" = None

    @property
    def target(self) -> bytes:
        """The last name of the chain."""
        return self.links[-1].target


@dataclass(frozen=True, slots=True)
class NameServer:
    """A server's name (folded) with the addresses that are known for it."""

    name: bytes
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Referral:
    """Ask the servers of `zone` instead. `ds`: the DS RRset that came with it; `proof` what shows that there is none."""

    zone: bytes
    servers: tuple[NameServer, ...]
    ttl: int
    ds: RRset | None = None
    proof: tuple[RRset, ...] = ()


@dataclass(frozen=True, slots=True)
class Lame:
    """The server does not know the zone: another one may. `hearsay` is what it says all the same, for want of better."""

    why: str
    hearsay: "Positive | Chain | None" = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The server cannot answer. `rcode` is what it said."""

    rcode: int


Content = Positive | Alias | Negative
"""What is remembered of a name."""

Answer = Positive | Negative | Chain | TooLong
"""What a question may come to."""

Verdict = Answer | Referral | Lame | Broken
"""What one response comes to."""
