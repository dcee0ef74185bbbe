"""A link with a DHCPv6 server on it and devices that come, leave, and answer probes: no socket, a clock that is told the time."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from kit.dhcp_site import KEY, Server

from dhcp.duid import server_duid
from dhcp.facts import WHY
from dhcp.server6 import handle6
from dhcp.settings import Delegation, DhcpSettings, Pool, ResolverOffer, Subnet
from dhcp.values import Arrival, Kind, Lease, Link, Outcome, Own, Reply6, State
from wire.dhcp.associations6 import (
    Association,
    LeasedAddress,
    LeasedPrefix,
    StatusCode,
    build_association,
    parse_association,
    parse_status,
)
from wire.dhcp.codes6 import MessageType6, Option6
from wire.dhcp.contents6 import build_numbers
from wire.dhcp.packet6 import (
    Packet6,
    Relayed,
    RelayHop,
    build_packet6,
    build_relayed,
    parse_packet6,
)

SERVER = server_duid(KEY)
TIME = 43_200


def ip6(text: str) -> bytes:
    return IPv6Address(text).packed


def duid(number: int, hardware: int = 0x00) -> bytes:
    """A DUID-LL; `hardware` 0x02: of a locally administered address."""
    return b"\0\3\0\1" + bytes((hardware, 0, 0x5E)) + number.to_bytes(3, "big")


PHONE = duid(1)
ANYBODY = ip6("ff02::1:2")
CLIENT = ip6("fe80::c")
RELAY = ip6("2001:db8:9::1")
OURS = ip6("2001:db8:1::1")
PREFIXES = Delegation(ip6("2001:db8:ff00::"), 56, 60)
LAN = Subnet(
    "2001:db8:1::/64",
    ip6("2001:db8:1::"),
    64,
    "lan",
    pools=(Pool(ip6("2001:db8:1::1000"), ip6("2001:db8:1::ffff")),),
    delegations=(PREFIXES,),
)
FAR = Subnet(
    "2001:db8:2::/64",
    ip6("2001:db8:2::"),
    64,
    pools=(Pool(ip6("2001:db8:2::"), ip6("2001:db8:2::ffff:ffff:ffff:ffff")),),
)
SETTINGS = DhcpSettings(
    1,
    subnets=(LAN, FAR),
    resolver=ResolverOffer((bytes(16),)),
    own_names=("anchorhold",),
    relays=((ip6("2001:db8:9::"), 64),),
)
LINK = Link(1, "lan", bytes.fromhex("00005e005301"), (Own(ip6("fe80::1"), 64), Own(OURS, 64)))


def with_lan(settings: DhcpSettings = SETTINGS, **changes: object) -> DhcpSettings:
    """The settings with another form of the first subnet."""
    return replace(settings, subnets=(replace(settings.subnets[0], **changes), *settings.subnets[1:]))  # type: ignore[arg-type]


def na(*addresses: bytes, iaid: int = 1) -> Association:
    return Association(Option6.IA_NA, iaid, addresses=tuple(LeasedAddress(one) for one in addresses))


def pd(*prefixes: tuple[bytes, int], iaid: int = 1) -> Association:
    return Association(Option6.IA_PD, iaid, prefixes=tuple(LeasedPrefix(*one) for one in prefixes))


def message(
    kind: int,
    *associations: Association,
    who: bytes = PHONE,
    server: bytes = b"",
    asked: Iterable[int] = (23, 24, 39),
    options: Iterable[tuple[int, bytes]] = (),
) -> Packet6:
    """A client's message; empty identifiers are left out."""
    content = [
        (int(number), data)
        for number, data in ((Option6.CLIENT_IDENTIFIER, who), (Option6.SERVER_IDENTIFIER, server))
        if data
    ]
    content += [(int(Option6.OPTION_REQUEST), build_numbers(tuple(asked))), *map(build_association, associations)]
    return Packet6(kind, 0x010203, (*content, *((int(number), data) for number, data in options)))


def hop(
    link: str = "2001:db8:2::1", peer: bytes = CLIENT, options: Iterable[tuple[int, bytes]] = (), count: int = 0
) -> RelayHop:
    return RelayHop(count, ip6(link), peer, tuple((int(number), data) for number, data in options))


@dataclass
class Answer:
    """A reply as the client reads it, and what became of the message."""

    outcome: Outcome
    packet: Packet6
    hops: tuple[RelayHop, ...] = ()

    @property
    def kind(self) -> int:
        return self.packet.kind

    def option(self, number: int) -> bytes | None:
        return self.packet.option(number)

    @property
    def status(self) -> int | None:
        found = self.packet.option(Option6.STATUS_CODE)
        return None if found is None else parse_status(found).code

    @property
    def associations(self) -> list[Association]:
        kinds = (Option6.IA_NA, Option6.IA_TA, Option6.IA_PD)
        return [parse_association(number, data) for number, data in self.packet.options if number in kinds]

    @property
    def one(self) -> Association:
        (only,) = self.associations
        return only

    @property
    def address(self) -> bytes:
        """The only address that lives."""
        (only,) = [one.address for some in self.associations for one in some.addresses if one.valid]
        return only

    @property
    def prefix(self) -> tuple[bytes, int]:
        (only,) = [(one.prefix, one.length) for some in self.associations for one in some.prefixes if one.valid]
        return only


def code(status: StatusCode | None) -> int | None:
    return None if status is None else status.code


@dataclass
class Site6(Server):
    """A DHCPv6 server and its devices."""

    settings: DhcpSettings = SETTINGS
    links: dict[int, Link] = field(default_factory=lambda: {1: LINK})

    def look(self, packet: Packet6 | Relayed, arrival: Arrival | None = None) -> Outcome:
        """What the message leads to; nothing changes."""
        outcome = handle6(packet, arrival or arrives(packet), self.book, self.ground(), self.now)
        assert outcome.why in WHY
        return outcome

    def send(self, packet: Packet6, arrival: Arrival | None = None, hops: tuple[RelayHop, ...] = ()) -> Outcome:
        """As `settle` does it, from octets on."""
        data = build_relayed(MessageType6.RELAY_FORWARD, Relayed(hops, packet)) if hops else build_packet6(packet)
        parsed = parse_packet6(data)
        return self.settle(lambda: self.look(parsed, arrival), Kind.ADDRESS6)

    def ask(self, packet: Packet6, arrival: Arrival | None = None, hops: tuple[RelayHop, ...] = ()) -> Answer:
        """The same, where an answer is expected."""
        return read_answer(self.send(packet, arrival, hops))

    # devices

    def solicit(self, *associations: Association, who: bytes = PHONE, **more: object) -> Answer:
        return self.ask(message(MessageType6.SOLICIT, *associations, who=who, **more))  # type: ignore[arg-type]

    def request(self, *associations: Association, who: bytes = PHONE, **more: object) -> Answer:
        return self.ask(message(MessageType6.REQUEST, *associations, who=who, server=SERVER, **more))  # type: ignore[arg-type]

    def join(self, *associations: Association, who: bytes = PHONE, **more: object) -> Answer:
        """Take what is advertised."""
        offered = self.solicit(*(associations or (na(),)), who=who, **more)
        return self.request(*(one._replace(status=None) for one in offered.associations), who=who, **more)

    def renew(self, *associations: Association, who: bytes = PHONE, **more: object) -> Answer:
        return self.ask(message(MessageType6.RENEW, *associations, who=who, server=SERVER, **more))  # type: ignore[arg-type]

    def rebind(self, *associations: Association, who: bytes = PHONE, **more: object) -> Answer:
        return self.ask(message(MessageType6.REBIND, *associations, who=who, **more))  # type: ignore[arg-type]

    def release(self, *associations: Association, who: bytes = PHONE) -> Answer:
        return self.ask(message(MessageType6.RELEASE, *associations, who=who, server=SERVER))

    def decline(self, *associations: Association, who: bytes = PHONE) -> Answer:
        return self.ask(message(MessageType6.DECLINE, *associations, who=who, server=SERVER))

    def held(self, state: State = State.BOUND) -> dict[bytes, Lease]:
        return {lease.address: lease for lease in self.book.leases() if lease.state is state}


def arrives(packet: Packet6 | Relayed) -> Arrival:
    """By multicast on the link, or from the relay."""
    if isinstance(packet, Relayed):
        return Arrival(1, RELAY, OURS, b"", 547)
    return Arrival(1, CLIENT, ANYBODY, b"", 546)


def read_answer(outcome: Outcome) -> Answer:
    reply = outcome.reply
    assert isinstance(reply, Reply6), outcome.why
    parsed = parse_packet6(reply.data, MessageType6.RELAY_REPLY)
    return Answer(outcome, parsed) if isinstance(parsed, Packet6) else Answer(outcome, parsed.packet, parsed.hops)
