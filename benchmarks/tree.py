"""A synthetic tree of zones for measuring iteration: a root, 20 top-level domains and more than 10,000 zones below.

The same seed makes the same tree and the same questions. Every question needs a zone that no other question needs.
Zones have two servers: of their own with glue, of a hoster in the same top-level domain (sibling glue), or of one or two
hosters elsewhere (no glue). Some zones are cut out of second-level ones; some names are aliases into other zones.
Nothing here is signed: a signed tree would add RRSIGs to `Zone.records` and DS to `Cut`.
"""

import itertools
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from kit import encode

A, NS, CNAME, SOA, AAAA = 1, 2, 5, 6, 28
TOP_LEVEL, HOSTERS, NETWORKS = 20, 200, 20
"""How many top-level domains, hosters of zones and content delivery networks there are."""
HINTS = 3
WARM = "www.warm.t00"
"""A name for waiting until a server is up; no question is in its zone."""


@dataclass(frozen=True, slots=True)
class Server:
    """An authoritative server; `address` has four octets."""

    name: bytes
    address: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """What a zone knows of a child: its servers, and glue for those `near` enough."""

    servers: tuple[Server, ...]
    glue: tuple[Server, ...]


@dataclass(slots=True)
class Zone:
    """`name` and all owners are in wire form; `names` also holds the empty names between."""

    name: bytes
    servers: tuple[Server, ...]
    level: int
    records: dict[bytes, dict[int, list[bytes]]] = field(default_factory=dict)
    cuts: dict[bytes, Cut] = field(default_factory=dict)
    names: set[bytes] = field(default_factory=set)

    def add(self, owner: bytes, rrtype: int, rdata: bytes) -> None:
        self.records.setdefault(owner, {}).setdefault(rrtype, []).append(rdata)
        for name in ancestors(owner):
            self.names.add(name)
            if name == self.name:
                break


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asks, and what a right answer has: its rcode and how many records."""

    name: str
    rrtype: str
    rcode: int
    records: int


@dataclass(slots=True)
class Tree:
    zones: dict[bytes, Zone] = field(default_factory=dict)
    hosted: dict[bytes, dict[bytes, Zone]] = field(default_factory=dict)
    """For each address the zones that are served there."""
    questions: list[Question] = field(default_factory=list)

    def add(self, name: str, servers: tuple[Server, ...]) -> Zone:
        """A new zone, delegated by its parent, which must exist."""
        wire = encode(name)
        zone = Zone(wire, servers, name.count(".") + 1 if name else 0)
        self.zones[wire] = zone
        zone.add(
            wire, SOA, servers[0].name + encode("hostmaster." + name) + struct.pack("!5I", 1, 7200, 900, 86400, 900)
        )
        for server in servers:
            zone.add(wire, NS, server.name)
            self.hosted.setdefault(server.address, {})[wire] = zone
            if below(server.name, wire):
                zone.add(server.name, A, server.address)
        if name:
            parent = next(self.zones[above] for above in ancestors(wire[1 + wire[0] :]) if above in self.zones)
            near = tuple(server for server in servers if below(server.name, parent.name))
            parent.cuts[wire] = Cut(servers, near)
        return zone


def ancestors(name: bytes) -> Iterator[bytes]:
    """The name itself, then each name above it, the root last."""
    while name[0]:
        yield name
        name = name[1 + name[0] :]
    yield name


def below(name: bytes, zone: bytes) -> bool:
    """At or below. Labels in this tree hold no octet that could be taken for a length."""
    return name.endswith(zone)


def addresses(network: int) -> Iterator[bytes]:
    """10.NETWORK.0.1 and on, skipping nothing: the whole of 10/8 is local where this is served."""
    return (IPv4Address((10 << 24) + (network << 16) + number).packed for number in itertools.count(1))


def own_servers(name: str, source: Iterator[bytes], count: int = 2) -> tuple[Server, ...]:
    prefix = f".{name}" if name else ".root-servers"
    return tuple(Server(encode(f"ns{number}{prefix}"), next(source)) for number in range(1, count + 1))


def build(zones: int, seed: int = 3) -> Tree:
    """`zones` second-level zones of customers, hosters and networks not counted; a tenth has a zone below."""
    tree, chance = Tree(), random.Random(seed)
    tree.add("", own_servers("", addresses(0), HINTS))
    top = [f"t{number:02}" for number in range(TOP_LEVEL)]
    source = addresses(1)
    for name in top:
        tree.add(name, own_servers(f"nic.{name}", source))
    hosters = build_hosters(tree, top, chance)
    content = build_networks(tree, top)
    source = addresses(16)
    tree.add(WARM.partition(".")[2], own_servers("warm.t00", source)).add(encode(WARM), A, bytes((198, 51, 100, 1)))
    names = [f"z{number:05}.{chance.choice(top)}" for number in range(zones)]
    for name in names:
        tree.add(name, choose_servers(name, hosters, source, chance))
    parents = names[: zones // 10]
    for parent in parents:
        servers = tree.zones[encode(parent)].servers
        tree.add(f"dept.{parent}", servers if chance.random() < 0.5 else chance.choice(hosters))
        tree.zones[encode(parent)].add(encode(f"www.{parent}"), A, bytes((198, 51, 100, 2)))
    for name in names[len(parents) :] + [f"dept.{parent}" for parent in parents]:
        tree.questions.append(fill(tree, name, content, chance))
    chance.shuffle(tree.questions)
    return tree


def build_hosters(tree: Tree, top: list[str], chance: random.Random) -> list[tuple[Server, ...]]:
    """The servers of each. Every tenth hoster's own zone is served by another one elsewhere."""
    source = addresses(8)
    hosters: list[tuple[Server, ...]] = []
    for number in range(HOSTERS):
        name = f"host{number:03}.{top[number % TOP_LEVEL]}"
        servers = own_servers(name, source)
        if number % 10 == 9:
            zone = tree.add(name, chance.choice(hosters))
            for server in servers:
                zone.add(server.name, A, server.address)
        else:
            tree.add(name, servers)
        hosters.append(servers)
    return hosters


def build_networks(tree: Tree, top: list[str]) -> list[str]:
    source = addresses(9)
    names = [f"cdn{number:02}.{top[-1 - number % TOP_LEVEL]}" for number in range(NETWORKS)]
    for name in names:
        tree.add(name, own_servers(name, source))
    return names


def choose_servers(
    name: str, hosters: list[tuple[Server, ...]], source: Iterator[bytes], chance: random.Random
) -> tuple[Server, ...]:
    """30 % their own, 20 % a hoster in the same top-level domain, 40 % any hoster, 10 % one server of each of two."""
    kind = chance.random()
    if kind < 0.3:
        return own_servers(name, source)
    if kind < 0.5:
        suffix = encode(name.partition(".")[2])
        return chance.choice([servers for servers in hosters if below(servers[0].name, suffix)])
    if kind < 0.9:
        return chance.choice(hosters)
    one, other = chance.sample(hosters, 2)
    return one[0], other[1]


def fill(tree: Tree, name: str, content: list[str], chance: random.Random) -> Question:
    """Records for the zone `name`, and the one question about it."""
    zone, ipv4, ipv6 = tree.zones[encode(name)], bytes((198, 51, 100, 7)), bytes.fromhex("20010db8" + 24 * "0")
    zone.add(zone.name, A, ipv4)
    for label in ("www", "img.static"):
        zone.add(encode(f"{label}.{name}"), A, ipv4)
        zone.add(encode(f"{label}.{name}"), AAAA, ipv6)
    network = chance.choice(content)
    target = encode(f"{name.split('.')[-2]}.{network}")
    zone.add(encode(f"shop.{name}"), CNAME, target)
    tree.zones[encode(network)].add(target, A, ipv4)
    kind = chance.random()
    if kind < 0.5:
        return Question(f"www.{name}", "A", 0, 1)
    if kind < 0.65:
        return Question(f"www.{name}", "AAAA", 0, 1)
    if kind < 0.7:
        return Question(name, "A", 0, 1)
    if kind < 0.8:
        return Question(f"img.static.{name}", "A", 0, 1)
    if kind < 0.95:
        return Question(f"shop.{name}", "A", 0, 2)
    return Question(f"nothing.{name}", "A", 3, 0)
