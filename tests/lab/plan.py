"""The machines of the lab: who serves what, with which program, at which addresses of the private network."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address

NETWORK_V4, NETWORK_V6 = "10.53.", "fd00:53:"
PORT = 53


class Software(Enum):
    """What runs on a host. `ODD` is our own responder, whose oddity is the host's (`lab/odd.py`)."""

    NSD = "nsd"
    KNOT = "knotd"
    BIND = "named"
    ODD = "odd"


@dataclass(frozen=True, slots=True)
class Host:
    """One process with one IPv4 and one IPv6 address."""

    name: str
    software: Software
    number: tuple[int, int]
    oddity: str = ""

    @property
    def v4(self) -> str:
        return f"{NETWORK_V4}{self.number[0]}.{self.number[1]}"

    @property
    def v6(self) -> str:
        return str(IPv6Address(f"{NETWORK_V6}{self.number[0]}::{self.number[1]}"))

    @property
    def addresses(self) -> tuple[str, str]:
        return self.v4, self.v6


ODDITIES = (
    # host, oddity: in the order of their addresses, 10.53.9.1 and up
    "refuses",
    "fails",
    "silent",
    "formerr",
    "notimp",
    "not-authoritative",
    "upward",
    "sideways",
    "no-edns-formerr",
    "no-edns-formerr-bare",
    "no-edns-notimp",
    "no-edns-drops",
    "no-edns-ignores",
    "no-edns-badvers",
    "truncates",
    "truncates-no-tcp",
    "ent-nxdomain",
    "ent-refuses",
    "ent-servfail",
    "ent-drops",
    "no-soa",
    "lower-case",
    "answers-referral",
    "extra-answer",
    "extra-glue",
    "wrong-question",
    "wrong-id-first",
    "other-chain",
    "ns-nodata",
    "unknown-types-notimp",
    "unknown-types-drops",
    "tcp-only-big",
    "soa-above",
    "double-cname",
    "ttl-mixed",
    "nxdomain-cname",
    "header-only",
)
"""What our own responder does wrong, one host each. `lab/odd.py` says what each word means."""


def _levels() -> list[Host]:
    programs = (Software.NSD, Software.KNOT, Software.BIND)
    found = []
    for level, name in enumerate(("root", "tld", "site")):
        found += [Host(f"{name}-{one.value}", one, (level, index)) for index, one in enumerate(programs, 1)]
    found += [Host(f"sub-{one.value}", one, (3, index)) for index, one in enumerate(programs[:2], 1)]
    found.append(Host("compact", Software.ODD, (9, 100), "compact"))
    return found + [Host(word, Software.ODD, (9, index), word) for index, word in enumerate(ODDITIES, 1)]


HOSTS = {host.name: host for host in _levels()}
BY_ADDRESS = {address: host for host in HOSTS.values() for address in host.addresses}

VANISHED = Host("vanished", Software.ODD, (8, 1))
"""Addresses where nobody listens: what is sent there is refused by ICMP."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resolver answers and from where it asks."""

    name: str
    v4: str
    v6: str


PLACES = {
    name: Place(name, f"10.53.254.{n}", f"fd00:53:254::{n}")
    for n, name in enumerate(
        ("ours", "unbound", "kresd", "bind", "unchecking", "behind-unchecking", "behind-unbound"), 1
    )
}
"""`unchecking` is unbound as well, but does not validate; the two `behind-…` are ours and forward to one of them."""
CLIENT = "10.53.254.100"


def every_address() -> list[str]:
    """All that must be on the private network's interface."""
    found = [address for host in HOSTS.values() for address in host.addresses]
    found += [address for place in PLACES.values() for address in (place.v4, place.v6)]
    return [*found, CLIENT]
