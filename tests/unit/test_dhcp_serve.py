"""The server's loop over real sockets: what leaves before the disk has been told, and what after."""

import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kit.dhcp4 import ip, mac, message
from kit.disk import Disk
from kit.leases import BOOT, DATE, KEY, begun, lease

from dhcp.book import LeaseBook
from dhcp.clock import LeaseClock, Saved
from dhcp.edge.ledger import Ledger
from dhcp.edge.links import Links
from dhcp.edge.opening import IP_PKTINFO, Role
from dhcp.edge.probe import Ended
from dhcp.edge.serve import Server
from dhcp.settings import DhcpSettings, Pool, Subnet
from dhcp.store import LeaseStore, StoreFailed
from dhcp.values import Arrival, Kind, LeaseChange, Probe, State
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.packet4 import build_packet4, parse_packet4
from wire.units import Instant

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
    disk: Recorder
    relay: socket.socket
    port: int
    offered: dict[int, bytes] = field(default_factory=dict)

    def say(self, kind: MessageType4, client: int) -> None:
        options = {int(Option4.RELAY_INFORMATION): FROM_HERE}
        if kind is MessageType4.REQUEST:
            options |= {Option4.REQUESTED_ADDRESS: self.offered[client], Option4.SERVER_IDENTIFIER: HERE}
        packet = message(kind, options, xid=client, chaddr=mac(client), giaddr=HERE)
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
            found.append((packet.options[Option4.MESSAGE_TYPE][0], packet.xid))


@contextmanager
def house() -> Iterator[House]:
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
        assert links.wait(5.0)
        disk = Recorder(lambda: made.heard())
        store: LeaseStore = disk  # type: ignore[assignment]
        ledger = Ledger(LeaseBook(KEY), store, LeaseClock(float(DATE), BOOT), lambda _: None)
        server = Server(SETTINGS, ledger, links, selector, lambda _: None, lambda _: None)
        made = House(server, disk, relay, udp.getsockname()[1])
        number = socket.if_nametoindex("lo")
        server.interfaces.add(number, "lo", Role.UDP4, udp)
        server.interfaces.add(number, "lo", Role.FRAMES, frames)
        try:
            yield made
        finally:
            server.close()


def test_offers_leave_at_once_and_acknowledgements_after_the_commit() -> None:
    with house() as home:
        home.say(MessageType4.DISCOVER, 1)
        home.server.turn()
        assert [(MessageType4.OFFER, 1)] == home.heard()
        assert [] == home.disk.seen
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.DISCOVER, 2)
        home.server.turn()
        assert [[(MessageType4.OFFER, 2)]] == home.disk.seen
        assert [(MessageType4.ACK, 1), (MessageType4.ACK, 1)] == home.heard()


def test_on_a_disk_that_takes_nothing_there_are_offers_and_no_acknowledgements() -> None:
    with house() as home:
        home.say(MessageType4.DISCOVER, 1)
        home.server.turn()
        home.heard()
        home.disk.broken = StoreFailed("disk full")
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.DISCOVER, 2)
        home.server.turn()
        assert [[(MessageType4.OFFER, 2)]] == home.disk.seen
        assert [] == home.heard()
        assert 2 == home.server.counters["not-kept"]


def test_who_asks_twice_in_one_wake_up_has_one_lease_and_an_offer_of_it_waits() -> None:
    with house() as home:
        home.say(MessageType4.DISCOVER, 1)
        home.server.turn()
        home.heard()
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.DISCOVER, 1)
        home.server.turn()
        assert [[]] == home.disk.seen
        assert [(MessageType4.ACK, 1), (MessageType4.OFFER, 1)] == home.heard()
        assert 1 == len(home.server.ledger.book)


def test_what_is_not_put_into_quarantine_is_not_counted_so() -> None:
    """Who was looked for because somebody needs its address is there: that is no conflict."""
    holder = lease(1, address=ip("127.7.0.1"), subnet=SUBNET.name, changing=True, wanted=b"w" * 16)
    offer = lease(2, address=ip("127.7.0.2"), subnet=SUBNET.name, state=State.OFFERED)
    asks = message(MessageType4.DISCOVER, {}, giaddr=HERE), Arrival(1, HERE, HERE, b"", 67)
    with house() as home:
        book = home.server.ledger.book
        book.apply(begun(holder, offer))
        for one, expected in ((holder, 0), (offer, 1)):
            home.server._end_probe(Ended(Probe(1, one.address), True, asks), Instant(0.0))
            assert expected == home.server.counters["quarantined"]
        assert [b"", State.QUARANTINED] == [
            book.at(Kind.ADDRESS4, holder.address).wanted,
            book.at(Kind.ADDRESS4, offer.address).state,
        ]
