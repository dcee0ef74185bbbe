"""What the supervisor does for the lists cell: the image goes to the resolvers; and the cell rests while it has nothing to do."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.linked import LinkedCell

from anchorhold.config.request import Snapshot
from anchorhold.config.service import ServiceSettings
from anchorhold.link import LinkMessage, LinkType
from anchorhold.lists_side import CROSSING, GIVE_EVERY, ListsSide

WAKE = LinkMessage(LinkType.WAKE, b"", ())
REST = LinkMessage(LinkType.REST, (900).to_bytes(4, "little"), ())


class FakeResolver(LinkedCell):
    def __init__(self) -> None:
        super().__init__("resolver")

    def heard(self) -> list[LinkMessage]:
        found = super().heard()
        for message in found:
            for descriptor in message.descriptors:
                os.close(descriptor)
        return found


def image(mark: bytes) -> LinkMessage:
    return LinkMessage(LinkType.LISTS, mark * 32, (os.memfd_create("image"),))


def snapshot(lists: int) -> Snapshot:
    return Snapshot(1, -1, -1, -1, ServiceSettings((), "", "", ""), lists=lists)


class Side:
    """The real one, two resolvers, and the front that operators ask."""

    def __init__(self, folder: Path) -> None:
        self.resolver, self.other, self.front = FakeResolver(), FakeResolver(), LinkedCell("front")
        self.made = ListsSide((self.resolver, self.other), self.front, folder, None, {})
        self.made.begin(snapshot(0))
        self.cell = self.made.cell

    def hand(self, message: LinkMessage) -> None:
        self.made.take(self.cell, message, 0.0)

    def serve(self) -> None:
        """The cell runs, and has taken over its settings."""
        self.cell.module = "kit.fake_cell"
        self.cell.start({}, 0.0)
        self.cell.ready = self.cell.sent = 1

    def leave(self, now: float) -> None:
        """The cell ends."""
        self.cell.dismiss()
        assert self.cell.wait(60)
        self.cell.reap(now)
        self.made.ended()


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Side]:
    one = Side(tmp_path)
    yield one
    one.made.close()
    if one.cell.pid:
        one.leave(0.0)
    for cell in (one.resolver, one.other, one.front):
        cell.hang_up()
        cell.theirs.close()


def test_an_image_goes_to_every_resolver_and_again_to_one_that_is_started_anew(side: Side) -> None:
    side.hand(image(b"a"))
    side.made.look(1.0)
    side.made.give_image(side.resolver)
    assert [b"a" * 32] * 2 == [message.body for message in side.resolver.heard()]
    assert [b"a" * 32] == [message.body for message in side.other.heard()]
    side.hand(LinkMessage(LinkType.LISTS, b"", ()))
    side.made.look(9.0)
    assert [] == side.resolver.heard() + side.other.heard()


def test_the_same_image_once_more_changes_nothing(side: Side) -> None:
    side.hand(image(b"a"))
    side.made.look(1.0)
    again = image(b"a")
    side.hand(again)
    side.made.look(9.0)
    assert 1 == len(side.resolver.heard())
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(again.descriptors[0])


def test_images_in_a_row_do_not_fill_the_resolvers_link(side: Side) -> None:
    for number in range(500):
        side.hand(image(bytes((number % 250,))))
        side.made.look(1.0 + number / 10_000)
    side.made.look(1.0 + GIVE_EVERY)
    assert [0, 249] == [message.body[0] for message in side.resolver.heard()]


def test_word_that_there_is_none_is_passed_on(side: Side) -> None:
    side.hand(LinkMessage(LinkType.LISTS, b"", ()))
    side.made.look(1.0)
    for resolver in (side.resolver, side.other):
        assert [()] == [message.descriptors for message in resolver.heard()]


def test_without_lists_the_image_is_let_go_of(side: Side) -> None:
    kept = image(b"a")
    side.hand(kept)
    side.made.use(snapshot(-1), 5.0)
    side.made.give_image(side.resolver)
    assert [] == side.resolver.heard()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(kept.descriptors[0])


def test_a_cell_that_rests_is_started_when_a_list_is_due_and_its_image_stays_in_force(side: Side) -> None:
    side.serve()
    side.hand(image(b"a"))
    side.made.take(side.cell, REST, 100.0)
    side.leave(101.0)
    assert (side.cell.due, side.cell.rests, side.cell.restarts.count) == (1_000.0, 1, 0)
    side.made.give_image(side.resolver)
    assert [b"a" * 32] == [message.body for message in side.resolver.heard()]


def test_a_cell_that_rests_is_woken_for_an_operator_and_for_a_new_configuration(side: Side) -> None:
    for wake in (lambda: side.made.take(side.front, WAKE, 200.0), lambda: side.made.use(snapshot(0), 200.0)):
        side.serve()
        side.made.take(side.cell, REST, 100.0)
        side.leave(101.0)
        wake()
        assert 200.0 == side.cell.due


def test_a_cell_that_went_to_rest_while_it_was_asked_for_is_started_at_once(side: Side) -> None:
    """The two do not know of each other, and the supervisor may hear either first."""
    for first, second in (((side.front, WAKE), (side.cell, REST)), ((side.cell, REST), (side.front, WAKE))):
        side.serve()
        side.made.take(*first, 100.0)
        side.made.take(*second, 100.0 + CROSSING / 2)
        side.leave(102.0)
        assert 102.0 == side.cell.due


def test_nobody_is_taken_for_another(side: Side) -> None:
    """An image from front, or a question from lists: what would be theirs to say is theirs alone."""
    side.serve()
    forged = image(b"f")
    side.made.take(side.front, LinkMessage(LinkType.LISTS, forged.body, ()), 100.0)
    side.made.take(side.front, REST, 100.0)
    side.made.take(side.cell, WAKE, 100.0)
    side.made.look(101.0)
    assert ([], 0) == (side.resolver.heard(), side.cell.rests)
    os.close(forged.descriptors[0])
    side.made.take(side.cell, REST, 100.5)
    side.leave(101.0)
    assert 1_000.5 == side.cell.due


def test_without_lists_in_the_configuration_nobody_is_woken(side: Side) -> None:
    side.serve()
    side.made.take(side.cell, REST, 100.0)
    side.made.use(snapshot(-1), 100.5)
    side.leave(101.0)
    side.made.take(side.front, WAKE, 200.0)
    assert (side.cell.due, side.cell.rests) == (None, 0)
