"""Which replies wait for the disk: all but offers that rest on nothing it has to be told."""

import itertools

from kit.dhcp4 import OURS
from kit.disk import Disk
from kit.leases import BOOT, DATE, KEY, begun, lease

from dhcp.book import LeaseBook
from dhcp.clock import LeaseClock
from dhcp.edge.batch import Batch, Waiting
from dhcp.edge.ledger import Ledger
from dhcp.store import LeaseStore, StoreFailed
from dhcp.values import Kind, Lease, LeaseChange, Path, Reply4, Reply6, State
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.packet4 import Packet4

ONE, OTHER = lease(1), lease(1, client=2)
OFFERED, TO_OTHER = ONE._replace(state=State.OFFERED), OTHER._replace(state=State.OFFERED)


def reply(kind: MessageType4, address: bytes) -> Reply4:
    zero = bytes(4)
    packet = Packet4(
        2, 1, 0, 1, 0, 0, zero, address, zero, zero, bytes(6), b"", b"", {int(Option4.MESSAGE_TYPE): bytes((kind,))}
    )
    return Reply4(packet, Path.BROADCAST, 1, OURS, address, 68, b"")


def waits(kind: MessageType4, before: tuple[LeaseChange, ...], own: tuple[LeaseChange, ...]) -> bool:
    """Whether a reply with changes of its `own` waits for the disk, after `before` in one wake-up."""
    batch = Batch()
    batch.add(before)
    batch.add(own)
    return not batch.needs_no_disk(Waiting(reply(kind, ONE.address), len(before), len(before) + len(own)))


def test_an_offer_does_not_wait() -> None:
    assert not waits(MessageType4.OFFER, (), (LeaseChange(None, OFFERED),))
    assert not waits(MessageType4.OFFER, (LeaseChange(None, lease(3)),), (LeaseChange(None, OFFERED),))
    assert not waits(MessageType4.OFFER, (), ())


def test_an_acknowledgement_waits_though_nothing_new_is_in_it() -> None:
    """The client asked twice: the second answer says what the first change made, and that is not on disk yet."""
    assert waits(MessageType4.ACK, (LeaseChange(OFFERED, ONE),), (LeaseChange(ONE, ONE),))
    assert waits(MessageType4.ACK, (), ())
    assert waits(MessageType4.NAK, (), ())


def test_an_offer_of_what_the_disk_has_to_hear_of_waits() -> None:
    ended = LeaseChange(ONE, None)
    assert waits(MessageType4.OFFER, (ended,), (LeaseChange(None, TO_OTHER),))
    assert waits(MessageType4.OFFER, (LeaseChange(OFFERED, ONE),), ())
    assert waits(MessageType4.OFFER, (), (ended, LeaseChange(None, lease(3)._replace(state=State.OFFERED))))


def test_an_advertise_leaves_at_once_and_a_reply_waits() -> None:
    advertise, promise = (Reply6(bytes((kind,)), 1, bytes(16), 546) for kind in (2, 7))
    assert Batch().needs_no_disk(Waiting(advertise, 0, 0))
    assert not Batch().needs_no_disk(Waiting(promise, 0, 0))
    batch = Batch()
    batch.add(begun(lease(1)))
    assert not batch.needs_no_disk(Waiting(advertise, 0, 1)), "it rests on something that may be taken back"


def test_the_next_wake_up_begins_anew() -> None:
    batch = Batch()
    batch.add((LeaseChange(None, ONE),))
    assert ([LeaseChange(None, ONE)], []) == batch.clear()
    assert batch.needs_no_disk(Waiting(reply(MessageType4.OFFER, ONE.address), 0, 0))


FORMS: tuple[Lease | None, ...] = (None, OFFERED, TO_OTHER, ONE, OTHER)
STEPS = tuple(itertools.product((1, 2), FORMS))
"""An address, and what becomes of it."""


def _as(form: Lease | None, number: int) -> Lease | None:
    return form and form._replace(address=lease(number).address)


def test_no_offer_that_has_left_is_taken_back() -> None:
    """Every run of three changes at two addresses, with an offer for each that makes one, on a disk that takes nothing."""
    early = 0
    for steps in itertools.product(STEPS, repeat=3):
        disk = Disk()
        disk.broken = StoreFailed("disk full")
        store: LeaseStore = disk  # type: ignore[assignment]
        ledger = Ledger(LeaseBook(KEY), store, LeaseClock(float(DATE), BOOT), lambda _: None)
        batch, left = Batch(), set[int]()
        for position, (number, form) in enumerate(steps):
            address = lease(number).address
            changes = (LeaseChange(ledger.book.at(Kind.ADDRESS4, address), _as(form, number)),)
            if changes == (LeaseChange(None, None),):
                changes = (LeaseChange(None, lease(9 + position)),)
            ledger.book.apply(changes)
            batch.add(changes)
            if batch.needs_no_disk(Waiting(reply(MessageType4.OFFER, address), position, position + 1)):
                left.add(position)
        lost = ledger.settle(batch.clear()[0])
        assert lost.isdisjoint(left), steps
        early += len(left)
    assert early > 300
