"""The server's loop over real sockets on loopback, with clients behind a relay there; the disk is the test's."""

import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kit.dhcp4 import ip, mac, message
from kit.disk import Disk
from kit.leases import BOOT, DATE, KEY

from dhcp.book import LeaseBook
from dhcp.clock import LeaseClock, Saved
from dhcp.edge.ledger import Ledger
from dhcp.edge.links import Links
from dhcp.edge.opening import IP_PKTINFO, Role
from dhcp.edge.serve import Server
from dhcp.settings import DhcpSettings, Pool, Subnet
from dhcp.store import LeaseStore
from dhcp.values import LeaseChange
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.packet4 import Packet4, build_packet4, parse_packet4

HERE = ip("127.0.0.1")
SUBNET = Subnet("127.0.0.0/8", ip("127.0.0.0"), 8, "lo", pools=(Pool(ip("127.7.0.1"), ip("127.7.0.99")),))
SETTINGS = DhcpSettings(1, ("lo",), (SUBNET,), relays=((HERE, 32),), conflict_check=False)
FROM_HERE = bytes((19, 0))
"""Option 82: answer to the port this came from (RFC 8357)."""


class Recorder(Disk):
    """A disk that looks, before it takes anything, at what has left already."""

    def __init__(self, look: Callable[[], list[tuple[int, int]]]) -> None:
        super().__init__()
        self.look = look
        self.seen: list[list[tuple[int, int]]] = []

    def commit(self, changes: tuple[LeaseChange, ...], clock: Saved) -> None:
        if changes:
            self.seen.append(self.look())
        super().commit(changes, clock)


@dataclass
class House:
    """A server on the loopback interface and the relay its clients are behind."""

    server: Server
    relay: socket.socket
    port: int
    offered: dict[int, bytes] = field(default_factory=dict)
    """The address each was told last."""
    times: dict[int, int] = field(default_factory=dict)
    """Seconds each was told it has it."""

    def say(self, kind: MessageType4, client: int) -> None:
        options = {int(Option4.RELAY_INFORMATION): FROM_HERE}
        if kind is MessageType4.REQUEST:
            options |= {Option4.REQUESTED_ADDRESS: self.offered[client], Option4.SERVER_IDENTIFIER: HERE}
        self._send(message(kind, options, xid=client, chaddr=mac(client), giaddr=HERE))

    def renew(self, client: int, address: bytes) -> None:
        options = {int(Option4.RELAY_INFORMATION): FROM_HERE}
        packet = message(MessageType4.REQUEST, options, xid=client, ciaddr=address, chaddr=mac(client), giaddr=HERE)
        self._send(packet)

    def _send(self, packet: Packet4) -> None:
        self.relay.sendto(build_packet4(packet), ("127.0.0.1", self.port))

    def heard(self) -> list[tuple[int, int]]:
        """Kind and client of every reply that has come."""
        found = []
        while True:
            try:
                packet = parse_packet4(self.relay.recv(2_048))
            except BlockingIOError:
                return found
            self.offered[packet.xid] = packet.yiaddr
            self.times[packet.xid] = int.from_bytes(packet.options.get(Option4.LEASE_TIME, b""), "big")
            found.append((packet.options[Option4.MESSAGE_TYPE][0], packet.xid))


@contextmanager
def recorded() -> Iterator[tuple[House, Recorder]]:
    """A house whose disk is a list, and its disk."""
    disk = Recorder(lambda: made.heard())
    store: LeaseStore = disk  # type: ignore[assignment]
    with house(Ledger(LeaseBook(KEY), store, LeaseClock(float(DATE), BOOT), lambda _: None)) as made:
        yield made, disk


@contextmanager
def house(ledger: Ledger, settings: DhcpSettings = SETTINGS) -> Iterator[House]:
    """A server that keeps its leases by `ledger`."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as relay,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        socket.socket(type=socket.SOCK_DGRAM) as frames,
        selectors.DefaultSelector() as selector,
    ):
        relay.bind(("127.0.0.1", 0))
        relay.setblocking(False)
        udp.bind(("127.0.0.1", 0))
        udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        links = Links()
        assert links.wait(60.0)
        server = Server(settings, ledger, links, selector, lambda _: None, lambda _: None)
        made = House(server, relay, udp.getsockname()[1])
        number = socket.if_nametoindex("lo")
        server.interfaces.add(number, "lo", Role.UDP4, udp)
        server.interfaces.add(number, "lo", Role.FRAMES, frames)
        try:
            yield made
        finally:
            server.close()
