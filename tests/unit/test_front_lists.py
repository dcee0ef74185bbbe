"""Front's operators and a lists cell that rests: their questions wait until it is there."""

import json
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from kit.linked import LinkedCell

from anchorhold.cells.front import LISTS_PATIENCE, FrontCell
from anchorhold.ipc import Inbox, Message, MessageType, Verb, build_facts, build_message
from anchorhold.link import LinkMessage, LinkType, PairName
from wire.units import Instant


class House:
    """A front that does not run, with the supervisor's end of its link."""

    def __init__(self, lists: bool) -> None:
        self.supervisor = LinkedCell("front")
        assert self.supervisor.link is not None
        self.front = FrontCell(self.supervisor.theirs)
        desk = SimpleNamespace(settings=SimpleNamespace(lists=lists, generation=1), counters={"lists-lost": 0})
        self.front.desk = desk  # type: ignore[assignment]
        self.heard: list[dict[str, object]] = []
        self.inbox = Inbox()

    def ask(self, argument: bytes = b"{}") -> bool:
        return self.front.lists_fact(Verb.LISTS, argument, lambda text, _more: self.heard.append(json.loads(text)))

    def told(self) -> list[LinkType]:
        """What the supervisor was told since."""
        assert self.supervisor.link is not None
        found: list[LinkType] = []
        while True:
            try:
                found.append(LinkType(self.supervisor.link.recv(100, socket.MSG_DONTWAIT)[0]))
            except BlockingIOError:
                return found

    def introduce(self) -> socket.socket:
        """A lists cell comes; gives its end."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.front._take(LinkMessage(LinkType.LISTS_STATUS, b"", (ours.detach(),)))
        self.front._open_pairs()
        return theirs

    def flush(self) -> None:
        for pair in self.front._pairs.values():
            pair.flush()

    def asked(self, lists: socket.socket) -> list[Message]:
        """What the cell was asked since."""
        self.flush()
        try:
            return list(self.inbox.feed(lists.recv(65_536)))
        except BlockingIOError:
            return []

    def hear(self) -> None:
        """Front reads what the cell said."""
        for pair in [*self.front._pairs.values()]:
            pair.ready(1, Instant(time.monotonic()))


@pytest.fixture
def house() -> Iterator[House]:
    one = House(lists=True)
    yield one
    for pair in [*one.front._pairs.values()]:
        one.front.rest(pair)
    one.supervisor.hang_up()
    one.supervisor.theirs.close()


def test_who_asks_a_cell_that_rests_wakes_it_and_is_answered_when_it_is_there(house: House) -> None:
    assert house.ask(b'{"do": "status"}')
    assert ([LinkType.WAKE], []) == (house.told(), house.heard)
    with house.introduce() as lists:
        (question,) = house.asked(lists)
        assert (question.type, question.body) == (MessageType.FACT, bytes((Verb.LISTS,)) + b'{"do": "status"}')
        for piece in build_facts(question.handle, b'{"cell": "lists"}'):
            lists.send(piece)
        house.hear()
        assert [{"cell": "lists"}] == house.heard
        assert house.ask()
        assert (1, []) == (len(house.asked(lists)), house.told()), "it is awake, nobody needs to wake it"


def test_a_question_that_crosses_with_the_cells_end_is_asked_once_more(house: House) -> None:
    with house.introduce() as lists:
        assert house.ask(b"1")
        house.flush()
        lists.send(build_message(MessageType.REST, 0))
        house.hear()
    assert ([LinkType.WAKE], [], {}) == (house.told(), house.heard, house.front._pairs)
    assert 0 == house.front.desk.counters["lists-lost"], "it is no fault"
    with house.introduce() as lists:
        assert [bytes((Verb.LISTS,)) + b"1"] == [message.body for message in house.asked(lists)]


def test_a_cell_that_does_not_come_is_waited_for_so_long_and_no_longer(house: House) -> None:
    before = time.monotonic()
    assert house.ask()
    house.front._tend(Instant(before))
    assert [] == house.heard
    house.front._tend(Instant(time.monotonic() + LISTS_PATIENCE))
    (line,) = house.heard
    assert ("lists", True) == (line["cell"], "try again" in str(line["error"]))
    with house.introduce() as lists:
        assert [] == house.asked(lists), "nobody waits for it any more"


def test_without_lists_in_the_configuration_nobody_is_woken() -> None:
    one = House(lists=False)
    assert not one.ask()
    assert [] == one.told()
    one.supervisor.hang_up()
    one.supervisor.theirs.close()


def test_who_says_that_it_rests_on_another_pair_talks_nonsense(house: House) -> None:
    ours, theirs = socket.socketpair()
    house.front._take(LinkMessage(LinkType.STATUS, b"", (ours.detach(),)))
    house.front._open_pairs()
    with theirs:
        theirs.send(build_message(MessageType.REST, 0))
        house.front.desk.counters["secure-lost"] = 0
        house.hear()
    assert PairName(LinkType.STATUS) not in house.front._pairs
    assert LinkType.ACCUSE in house.told()
