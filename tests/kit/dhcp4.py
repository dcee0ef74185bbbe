"""A link with a DHCPv4 server on it and devices that come, leave, and answer probes: no socket, a clock that is told the time."""

from dataclasses import dataclass, field

from kit.dhcp_site import Server, ip

from dhcp.facts import WHY
from dhcp.server4 import handle4
from dhcp.settings import DhcpSettings, Pool, ResolverOffer, Subnet
from dhcp.values import Arrival, Kind, Lease, Link, Outcome, Own, Reply4, State
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.packet4 import Packet4, build_packet4, parse_packet4

ZERO, EVERYBODY = bytes(4), b"\xff" * 4
LIST = bytes((1, 3, 6, 15, 28, 51, 58, 59, 119))
MAC = bytes.fromhex("001122334455")
PHONE = bytes.fromhex("da1122334455")
"""Locally administered."""


def mac(number: int, changing: bool = False) -> bytes:
    return bytes((0x02 if changing else 0x00, 0, 0x5E)) + number.to_bytes(3, "big")


LAN = Subnet("192.0.2.0/24", ip("192.0.2.0"), 24, "lan", pools=(Pool(ip("192.0.2.100"), ip("192.0.2.149")),))
SETTINGS = DhcpSettings(1, subnets=(LAN,), resolver=ResolverOffer((ZERO,)), own_names=("anchorhold",))
OURS = ip("192.0.2.1")
LINK = Link(1, "lan", bytes.fromhex("00005e005301"), (Own(OURS, 24),))
RELAY = ip("198.51.100.1")


def message(kind: int, options: dict[int, bytes] | None = None, **fields: object) -> Packet4:
    values: dict[str, object] = {
        "op": 1, "htype": 1, "hops": 0, "xid": 0x01020304, "secs": 0, "flags": 0, "ciaddr": ZERO, "yiaddr": ZERO,
        "siaddr": ZERO, "giaddr": ZERO, "chaddr": MAC, "sname": b"", "file": b"",
    }  # fmt: skip
    values |= fields
    given = {int(Option4.MESSAGE_TYPE): bytes((kind,)), int(Option4.PARAMETER_LIST): LIST}
    given |= {int(number): value for number, value in (options or {}).items()}
    return Packet4(**values, options=given)  # type: ignore[arg-type]


@dataclass
class Site(Server):
    """A DHCPv4 server and its devices."""

    settings: DhcpSettings = SETTINGS
    links: dict[int, Link] = field(default_factory=lambda: {1: LINK})

    def look(self, packet: Packet4, arrival: Arrival | None = None) -> Outcome:
        """What the message leads to; nothing changes."""
        outcome = handle4(packet, arrival or arrives(packet), self.book, self.ground(), self.now)
        assert outcome.why in WHY
        return outcome

    def send(self, packet: Packet4, arrival: Arrival | None = None) -> Outcome:
        """As `settle` does it; what comes back went over the wire as octets."""
        outcome = self.settle(lambda: self.look(packet, arrival), Kind.ADDRESS4)
        return outcome._replace(reply=over_the_wire(outcome.reply))

    # devices

    def discover(self, chaddr: bytes = MAC, options: dict[int, bytes] | None = None, **fields: object) -> Outcome:
        return self.send(message(MessageType4.DISCOVER, options, chaddr=chaddr, **fields))

    def select(
        self, address: bytes, chaddr: bytes = MAC, options: dict[int, bytes] | None = None, server: bytes = OURS
    ) -> Outcome:
        given = {Option4.REQUESTED_ADDRESS: address, Option4.SERVER_IDENTIFIER: server} | (options or {})
        return self.send(message(MessageType4.REQUEST, given, chaddr=chaddr))

    def join(self, chaddr: bytes = MAC, options: dict[int, bytes] | None = None) -> bytes:
        """Get an address and stay; empty if there is none."""
        offer = self.discover(chaddr, options).reply
        if offer is None:
            return b""
        reply = self.select(yiaddr(offer), chaddr, options).reply
        if kind_of(reply) != MessageType4.ACK:
            return b""
        self.present[yiaddr(reply)] = chaddr
        return yiaddr(reply)

    def leave(self, address: bytes) -> None:
        """Go away without a word."""
        del self.present[address]

    def renew(self, address: bytes, chaddr: bytes = MAC, options: dict[int, bytes] | None = None) -> Outcome:
        packet = message(MessageType4.REQUEST, options, ciaddr=address, chaddr=chaddr)
        return self.send(packet, Arrival(1, address, OURS, chaddr, 68))

    def rebind(self, address: bytes, chaddr: bytes = MAC) -> Outcome:
        packet = message(MessageType4.REQUEST, ciaddr=address, chaddr=chaddr)
        return self.send(packet, Arrival(1, address, EVERYBODY, chaddr, 68))

    def reboot(self, address: bytes, chaddr: bytes = MAC, options: dict[int, bytes] | None = None) -> Outcome:
        given = {Option4.REQUESTED_ADDRESS: address} | (options or {})
        return self.send(message(MessageType4.REQUEST, given, chaddr=chaddr))

    def release(
        self, address: bytes, chaddr: bytes = MAC, options: dict[int, bytes] | None = None, **arrival: object
    ) -> Outcome:
        given = {Option4.SERVER_IDENTIFIER: OURS} | (options or {})
        packet = message(MessageType4.RELEASE, given, ciaddr=address, chaddr=chaddr)
        return self.send(packet, Arrival(1, address, OURS, chaddr, 68)._replace(**arrival))  # type: ignore[arg-type]

    def decline(self, address: bytes, chaddr: bytes = MAC, options: dict[int, bytes] | None = None) -> Outcome:
        given = {Option4.SERVER_IDENTIFIER: OURS, Option4.REQUESTED_ADDRESS: address} | (options or {})
        return self.send(message(MessageType4.DECLINE, given, chaddr=chaddr))

    def bound(self) -> list[Lease]:
        return [lease for lease in self.book.leases() if lease.state is State.BOUND]

    def at(self, address: bytes) -> Lease | None:
        return self.book.at(Kind.ADDRESS4, address)


def arrives(packet: Packet4) -> Arrival:
    """By broadcast on the link, or from the relay."""
    if packet.giaddr != ZERO:
        return Arrival(1, RELAY, OURS, b"", 67)
    return Arrival(1, ZERO, EVERYBODY, packet.chaddr, 68)


def over_the_wire(reply: object) -> Reply4 | None:
    if reply is None:
        return None
    assert isinstance(reply, Reply4)
    return reply._replace(packet=parse_packet4(build_packet4(reply.packet)))


def kind_of(reply: object) -> int:
    return reply.packet.options[Option4.MESSAGE_TYPE][0] if isinstance(reply, Reply4) else 0


def yiaddr(reply: object) -> bytes:
    assert isinstance(reply, Reply4)
    return reply.packet.yiaddr


def option(reply: object, number: int) -> bytes | None:
    assert isinstance(reply, Reply4)
    return reply.packet.options.get(number)
