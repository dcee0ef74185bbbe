"""A small Internet without sockets, event loop or waiting: the `Outside` of iteration, with a clock and a log.

    internet = Internet()
    internet.serve(".", {"a.root.": "198.51.100.1"})
    internet.serve("example.", {"ns.example.": "192.0.2.1"}, "www A 192.0.2.80")
    play(iterator.answer(..., outside=internet, ...))
    assert internet.packets_to("192.0.2.1") == 1

Every zone gets its SOA and NS records, and a delegation with glue in the closest zone above that is served already.
An address that serves nothing is silent. `behave` makes a server do something else.
"""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from kit.authority import Answering, Zone

from resolver.iterate.port import Ask, Endpoint, Heard, Silent, Why
from resolver.settings import Authority, Iteration
from wire.dns.message import parse_message
from wire.dns.names import count_labels, is_below, read_name, show_name
from wire.units import Instant, Seconds

T = TypeVar("T")
Behaviour = Callable[[Ask], Heard | Silent]
Addresses = str | tuple[str, ...]
RTT = Seconds(0.02)
LARGEST, LARGEST_WITHOUT_EDNS = 1232, 512
"""Octets that a UDP answer may have; a longer one costs a second packet, over TCP."""
START = Instant(1_000.0)


class Asked(NamedTuple):
    """One line of the log; names as text with a final dot, `zone` the one the server was asked as a server of."""

    at: Instant
    ask: Ask
    outcome: Heard | Silent
    zone: str
    name: str
    rrtype: str

    @property
    def endpoint(self) -> Endpoint:
        return self.ask.endpoint

    @property
    def packets(self) -> int:
        return self.outcome.packets

    @property
    def question(self) -> str:
        return f"{self.name} {self.rrtype}"


def endpoint_of(text: str | Endpoint) -> Endpoint:
    """`ADDRESS` or `ADDRESS@PORT`."""
    if isinstance(text, Endpoint):
        return text
    address, _, port = text.partition("@")
    return Endpoint(address, int(port or 53))


@dataclass
class Internet:
    """Implements `resolver.iterate.port.Outside`. `cpu` is the thread's CPU time spent in here, seconds."""

    rtt: Seconds = RTT
    seed: int = 1
    log: list[Asked] = field(default_factory=list)
    zones: dict[Endpoint, list[Zone]] = field(default_factory=dict)
    rtts: dict[Endpoint, Seconds] = field(default_factory=dict)
    behaviours: dict[Endpoint, Behaviour] = field(default_factory=dict)
    cpu: float = 0.0
    _now: Instant = START
    _works: int = 0
    _roots: dict[str, Addresses] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    # What there is

    def serve(
        self, origin: str, servers: Mapping[str, Addresses], text: str = "", *, delegate: bool = True, ns: bool = True
    ) -> Zone:
        """A zone, served at all addresses of `servers` (name → addresses, or () for a name without glue here).

        `ns`: the apex gets NS records for them, with the addresses of those in the zone. `delegate`: the closest zone
        above gets the same, addresses only of names below itself.
        """
        zone = Zone(origin, text)
        if ns:
            zone.add(_ns_lines(zone.origin, zone.origin, servers))
        if delegate:
            self.delegate(origin, servers)
        if zone.origin == dns.name.root:
            self._roots.update(servers)
        for addresses in servers.values():
            self.place(zone, addresses)
        return zone

    def place(self, zone: Zone, addresses: Addresses) -> None:
        """Serve `zone` at more addresses."""
        for address in _each(addresses):
            self.zones.setdefault(endpoint_of(address), []).append(zone)

    def delegate(self, origin: str, servers: Mapping[str, Addresses]) -> None:
        """NS records with glue for `origin` in the closest zone above it, if there is one."""
        name = dns.name.from_text(origin)
        above = {id(z): z for zones in self.zones.values() for z in zones if _is_above(z.origin, name)}
        parent = max(above.values(), key=lambda zone: len(zone.origin), default=None)
        if parent is not None:
            parent.add(_ns_lines(name, parent.origin, servers))

    def zone(self, origin: str) -> Zone:
        """The zone of that name; there must be one."""
        name = dns.name.from_text(origin)
        return next(zone for zones in self.zones.values() for zone in zones if zone.origin == name)

    def behave(self, where: str | Endpoint, behaviour: Behaviour) -> None:
        """What the server at `where` does from now on; `internet.honest` is to answer from its zones."""
        self.behaviours[endpoint_of(where)] = behaviour

    def iteration(self, **changes: object) -> Iteration:
        """Settings that start at the root zone served here."""
        hints = tuple(Authority(read_name(name), _each(addresses)) for name, addresses in self._roots.items())
        return replace(Iteration("test", b"\0", hints, private_servers=True), **changes)  # type: ignore[arg-type]

    # The port

    async def ask(self, ask: Ask) -> Heard | Silent:
        started = time.thread_time()
        name = ask.question[:-4]
        assert ask.question[-2:] == b"\0\1"
        assert ask.timeout > 0
        assert name == name.lower()
        assert is_below(name, ask.zone), (show_name(name), show_name(ask.zone))
        outcome = self.behaviours.get(ask.endpoint, self.honest)(ask)
        rrtype = dns.rdatatype.to_text(int.from_bytes(ask.question[-4:-2], "big"))
        self.log.append(Asked(self._now, ask, outcome, show_name(ask.zone), show_name(name), rrtype))
        self.advance(outcome.took)
        self.cpu += time.thread_time() - started
        return outcome

    async def once(self, key: object, work: Callable[[], Awaitable[T]], until: float) -> T | None:
        assert hash(key) is not None
        assert not self._works, "work must not call once"
        self._works += 1
        try:
            return await work()
        finally:
            self._works -= 1

    def now(self) -> Instant:
        return self._now

    def chance(self) -> int:
        return self._random.getrandbits(32)

    def advance(self, seconds: float) -> None:
        self._now = Instant(self._now + seconds)

    # What servers do

    def honest(self, ask: Ask) -> Heard | Silent:
        """Answer from the zones served at the endpoint; silent if there are none."""
        zones = self.zones.get(ask.endpoint)
        if not zones:
            return silent(ask)
        return self.hear(ask, Answering(query_of(ask), zones, ask.edns).answer())

    def hear(self, ask: Ask, response: dns.message.Message) -> Heard | Silent:
        """`response` as it arrives after the server's round-trip time, over TCP if it is long."""
        data = response.to_wire(max_size=65_535, want_shuffle=False)
        rtt = self.rtts.get(ask.endpoint, self.rtt)
        cut = not ask.stream and len(data) > (LARGEST if ask.edns else LARGEST_WITHOUT_EDNS)
        took = Seconds(rtt * (3 if cut else 2 if ask.stream else 1))  # TCP: a hand-shake before
        if took > ask.timeout:
            return silent(ask, packets=2 if cut else 1)
        if (cut or ask.stream) and len(data) > ask.room:
            return Silent(ask, Why.NONSENSE, 2 if cut else 1, took)  # the length before it says so
        return Heard(ask, parse_message(data), 2 if cut else 1, len(data), took)

    def altered(self, edit: Callable[[dns.message.Message], None]) -> Behaviour:
        """Honest, but for what `edit` does to each response."""

        def behave(ask: Ask) -> Heard | Silent:
            response = Answering(query_of(ask), self.zones.get(ask.endpoint, ()), ask.edns).answer()
            edit(response)
            return self.hear(ask, response)

        return behave

    def says(
        self,
        *answer: str,
        authority: tuple[str, ...] = (),
        additional: tuple[str, ...] = (),
        rcode: str = "NOERROR",
        flags: str = "AA",
        opt: bool = True,
    ) -> Behaviour:
        """The same whatever it is asked; records as `OWNER TTL TYPE DATA`. `opt`: with an OPT if the query had one."""
        sections = [[_read_rrset(line) for line in lines] for lines in (answer, authority, additional)]

        def behave(ask: Ask) -> Heard | Silent:
            response = dns.message.make_response(query_of(ask))
            response.set_rcode(dns.rcode.from_text(rcode))
            response.flags |= dns.flags.from_text(flags)
            response.answer, response.authority, response.additional = ([*rrsets] for rrsets in sections)
            if not opt:
                response.use_edns(False)
            return self.hear(ask, response)

        return behave

    def refuses(self, rcode: str = "REFUSED", *, opt: bool = True) -> Behaviour:
        """REFUSED, SERVFAIL, FORMERR, NOTIMP: nothing but an rcode."""
        return self.says(rcode=rcode, flags="", opt=opt)

    def upward(self) -> Behaviour:
        """Lame: refers to the root whatever it is asked (RFC 4697 §2.2)."""
        lines = tuple(f". 518400 NS {name}" for name in self._roots)
        return self.says(authority=lines, flags="")

    def hearsay(self, *answer: str) -> Behaviour:
        """Answers like somebody's recursive resolver: RA, but not AA."""
        return self.says(*answer, flags="RA")

    def without_edns(self, then: Behaviour, rcode: str = "FORMERR", *, opt: bool = False) -> Behaviour:
        """Errs at a query with EDNS, with or without an OPT of its own; does `then` without."""
        err = self.refuses(rcode, opt=opt)
        return lambda ask: err(ask) if ask.edns else then(ask)

    # What was asked

    @property
    def packets(self) -> int:
        """All queries that went out, those over TCP included."""
        return sum(asked.packets for asked in self.log)

    @property
    def octets(self) -> int:
        """All that came in."""
        return sum(asked.outcome.octets for asked in self.log if isinstance(asked.outcome, Heard))

    def packets_to(self, *where: str | Endpoint) -> int:
        """How many of them went there."""
        wanted = set(map(endpoint_of, where))
        return sum(asked.packets for asked in self.log if asked.endpoint in wanted)

    def questions_to(self, where: str | Endpoint) -> list[str]:
        """`NAME TYPE` in the order in which this server was asked."""
        return [asked.question for asked in self.log if asked.endpoint == endpoint_of(where)]

    def labels_shown(self, where: str | Endpoint) -> int:
        """The most labels that this server saw in one query; 0 if it saw none."""
        seen = [count_labels(asked.ask.question[:-4]) for asked in self.log if asked.endpoint == endpoint_of(where)]
        return max(seen, default=0)

    def forget(self) -> None:
        """An empty log, for a second act."""
        self.log.clear()
        self.cpu = 0.0


# Servers that need nothing of the Internet


def silent(ask: Ask, why: Why = Why.TIMEOUT, packets: int = 1) -> Silent:
    """Never answers: the timeout passes."""
    return Silent(ask, why, packets, ask.timeout)


def unreachable(ask: Ask) -> Silent:
    """The network says at once that there is nobody."""
    return Silent(ask, Why.UNREACHABLE, 1, Seconds(0.001))


def nonsense(ask: Ask) -> Silent:
    """Garbage, or answers to other questions, over UDP and over TCP."""
    return Silent(ask, Why.NONSENSE, 2, ask.timeout)


def drops_edns(then: Behaviour) -> Behaviour:
    """Silent if the query has EDNS."""
    return lambda ask: silent(ask) if ask.edns else then(ask)


def flaky(then: Behaviour, first: int) -> Behaviour:
    """Silent for the `first` queries."""
    left = iter(range(first))
    return lambda ask: then(ask) if next(left, None) is None else silent(ask)


def query_of(ask: Ask) -> dns.message.Message:
    """The query as dnspython sees it."""
    name, _ = dns.name.from_wire(ask.question, 0)
    rrtype = dns.rdatatype.RdataType.make(int.from_bytes(ask.question[-4:-2], "big"))
    query = dns.message.make_query(name, rrtype, use_edns=0 if ask.edns else None, want_dnssec=ask.edns)
    query.flags &= ~dns.flags.RD
    return query


def _read_rrset(line: str) -> dns.rrset.RRset:
    owner, ttl, kind, data = line.split(" ", 3)
    return dns.rrset.from_text(owner, int(ttl), "IN", kind, data)


def _is_above(origin: dns.name.Name, name: dns.name.Name) -> bool:
    return bool(name != origin and name.is_subdomain(origin))


def _each(addresses: Addresses) -> tuple[str, ...]:
    return (addresses,) if isinstance(addresses, str) else addresses


def _ns_lines(owner: dns.name.Name, below: dns.name.Name, servers: Mapping[str, Addresses]) -> str:
    """NS records at `owner`, and addresses for those of `servers` that are at or below `below`."""
    lines = [f"{owner} NS {name}" for name in servers]
    for name, addresses in servers.items():
        if dns.name.from_text(name).is_subdomain(below):
            for address in _each(addresses):
                bare = endpoint_of(address).address
                lines.append(f"{name} {'AAAA' if ':' in bare else 'A'} {bare}")
    return "\n".join(lines)
