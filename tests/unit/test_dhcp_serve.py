"""The server's loop over real sockets: what leaves before the disk has been told, and what after."""

from kit.dhcp4 import ip, mac, message
from kit.dhcp_loop import HERE, SUBNET, recorded
from kit.leases import KEY, begun, lease

from dhcp.edge.probe import Ended
from dhcp.identity import Identifier, hardware_octets, tag
from dhcp.store import StoreFailed
from dhcp.values import Arrival, Kind, Probe, State
from wire.dhcp.codes4 import MessageType4


def test_offers_leave_at_once_and_acknowledgements_after_the_commit() -> None:
    with recorded() as (home, disk):
        home.say(MessageType4.DISCOVER, 1)
        home.server.turn()
        assert [(MessageType4.OFFER, 1)] == home.heard()
        assert [] == disk.seen
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.DISCOVER, 2)
        home.server.turn()
        assert [[(MessageType4.OFFER, 2)]] == disk.seen
        assert [(MessageType4.ACK, 1), (MessageType4.ACK, 1)] == home.heard()


def test_on_a_disk_that_takes_nothing_there_are_offers_and_no_acknowledgements() -> None:
    with recorded() as (home, disk):
        home.say(MessageType4.DISCOVER, 1)
        home.server.turn()
        home.heard()
        disk.broken = StoreFailed("disk full")
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.DISCOVER, 2)
        home.server.turn()
        assert [(MessageType4.OFFER, 2)] == disk.seen[0]
        assert [] == home.heard()
        assert 2 == home.server.counters["not-kept"]


def test_who_asks_twice_in_one_wake_up_has_one_lease_and_an_offer_of_it_waits() -> None:
    with recorded() as (home, disk):
        home.say(MessageType4.DISCOVER, 1)
        home.server.turn()
        home.heard()
        home.say(MessageType4.REQUEST, 1)
        home.say(MessageType4.DISCOVER, 1)
        home.server.turn()
        assert [[]] == disk.seen
        assert [(MessageType4.ACK, 1), (MessageType4.OFFER, 1)] == home.heard()
        assert 1 == len(home.server.ledger.book)


def test_what_is_not_put_into_quarantine_is_not_counted_so() -> None:
    """Who was looked for because somebody needs its address is there: that is no conflict."""
    holder = lease(1, address=ip("127.7.0.1"), subnet=SUBNET.name, changing=True, wanted=b"w" * 16)
    offer = lease(2, address=ip("127.7.0.2"), subnet=SUBNET.name, state=State.OFFERED)
    asks = message(MessageType4.DISCOVER, {}, giaddr=HERE), Arrival(1, HERE, HERE, b"", 67)
    with recorded() as (home, _):
        book = home.server.ledger.book
        book.apply(begun(holder, offer))
        for one, expected in ((holder, 0), (offer, 1)):
            home.server._end_probes([Ended(Probe(1, one.address), True, asks)])
            assert expected == home.server.counters["quarantined"]
        assert [b"", State.QUARANTINED] == [
            book.at(Kind.ADDRESS4, holder.address).wanted,
            book.at(Kind.ADDRESS4, offer.address).state,
        ]


def test_a_host_that_answers_every_probe_keeps_nobody_out_for_long() -> None:
    """The holder of a lease, who is looked for, is believed however often."""
    holder = lease(1, address=ip("127.7.0.9"), subnet=SUBNET.name, changing=True)
    holder = holder._replace(hardware=tag(KEY, Identifier.HARDWARE, hardware_octets(mac(5))))
    with recorded() as (home, _):
        server, book = home.server, home.server.ledger.book
        book.apply(begun(holder))
        for number in range(20, 40):
            book.apply(begun(lease(number, address=ip(f"127.7.0.{number}"), state=State.OFFERED, subnet=SUBNET.name)))
        answers = [server._believes(Probe(1, ip(f"127.7.0.{number}")), mac(66)) for number in range(20, 40)]
        assert [True] * 16 + [False] * 4 == answers
        assert 4 == server.counters["conflict-ignored"]
        assert all(server._believes(Probe(1, holder.address), mac(5)) for _ in range(40))
        assert not server._believes(Probe(1, holder.address), mac(66))
