"""What a cell that was taken over might send the supervisor: it is told from what a cell says, and leaves nothing behind."""

import os
import socket
from collections.abc import Callable, Iterator
from itertools import chain

import pytest
from kit.linked import messages_at

from anchorhold.cell_process import CellProcess, alike
from anchorhold.link import MAX_MESSAGE, MOST_DESCRIPTORS, LinkType, open_link, receive_message, send_message
from anchorhold.pairs import Cells, introduce_started, pairs_of
from wire.errors import Malformed

UNKNOWN = bytes((max(LinkType) + 1,))
FORGED = {
    "an unknown kind": (UNKNOWN, MOST_DESCRIPTORS),
    "nothing at all": (b"", 1),
    "too long": (bytes((LinkType.LOG,)) + bytes(MAX_MESSAGE), 1),
    "more descriptors than any message has": (bytes((LinkType.READY,)), MOST_DESCRIPTORS + 1),
}


@pytest.fixture
def link() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = open_link()
    with ours, theirs:
        yield ours, theirs


def open_now() -> set[str]:
    """Descriptors; what an earlier test left may go at any moment, so only what comes is of interest."""
    return set(os.listdir("/dev/fd"))


@pytest.mark.parametrize(("octets", "count"), FORGED.values(), ids=FORGED)
def test_descriptors_that_come_with_nonsense_are_closed(
    octets: bytes, count: int, link: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = link
    before = open_now()
    socket.send_fds(theirs, [octets], [theirs.fileno()] * count)
    if octets:
        with pytest.raises(Malformed):
            receive_message(ours)
    else:
        assert receive_message(ours) is None
    assert set() == open_now() - before


def test_those_of_a_message_are_for_who_hears_it(link: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = link
    send_message(theirs, LinkType.LISTS, b"", (theirs.fileno(),))
    message = receive_message(ours)
    assert message is not None
    (descriptor,) = message.descriptors
    assert os.fstat(descriptor).st_ino == os.fstat(theirs.fileno()).st_ino
    os.close(descriptor)


class Listed(CellProcess):
    """A cell whose end of the link is the test's; it has no process to end."""

    killed = 0
    theirs: socket.socket

    def kill(self) -> None:
        self.killed += 1

    def say(self, octets: bytes) -> None:
        self.theirs.send(octets)
        self.receive()

    def heard(self) -> list[bytes]:
        """What accuses each partner, as its pair came."""
        found = messages_at(self.theirs)
        for descriptor in chain.from_iterable(message.descriptors for message in found):
            os.close(descriptor)
        return [bytes((message.type,)) + message.body for message in found]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Cells, tuple[Listed, ...]]]:
    """All cells, with two cores, and each with its pairs."""
    monkeypatch.setattr("anchorhold.cell_process.CellProcess", Listed)
    made = Cells(
        keeper=Listed("keeper", ""),
        lists=Listed("lists", ""),
        resolvers=alike("resolver", "", 2),
        dhcp=Listed("dhcp", ""),
        fronts=alike("front", "", 2),
        secures=alike("secure", "", 2),
    )
    several = chain.from_iterable((made.resolvers, made.fronts, made.secures))
    everybody = tuple(cell for cell in (made.keeper, made.lists, made.dhcp, *several) if isinstance(cell, Listed))
    assert len(everybody) == 9
    for cell in everybody:
        cell.link, cell.theirs = open_link()
    introduce_started(pairs_of(made), everybody)
    try:
        yield made, everybody
    finally:
        for cell in everybody:
            cell.hang_up()
            cell.theirs.close()


def test_who_is_accused_over_a_pair_is_ended_whatever_cell_it_is_and_nobody_else(
    house: tuple[Cells, tuple[Listed, ...]],
) -> None:
    cells, everybody = house
    told = {cell.name: cell.heard() for cell in everybody}
    for _, one, other in pairs_of(cells):
        for accuser, accused in ((one, other), (other, one)):
            assert isinstance(accuser, Listed)
            assert isinstance(accused, Listed)
            (name,) = [
                name for name, partner in accuser.partners.items() if partner is accused and name in told[accuser.name]
            ]
            before = {cell.name: cell.killed for cell in everybody}
            accuser.say(bytes((LinkType.ACCUSE,)) + name)
            assert {cell.name: cell.killed for cell in everybody} == before | {accused.name: before[accused.name] + 1}
    assert all(cell.killed for cell in everybody)


NONSENSE: dict[str, Callable[[Listed], bytes]] = {
    "an unknown kind": lambda _: UNKNOWN,
    "a message too long": lambda _: bytes((LinkType.LOG,)) + bytes(MAX_MESSAGE),
}


@pytest.mark.parametrize("what", NONSENSE.values(), ids=NONSENSE)
def test_who_says_nonsense_is_ended_itself(
    what: Callable[[Listed], bytes], house: tuple[Cells, tuple[Listed, ...]]
) -> None:
    _, everybody = house
    for cell in everybody:
        cell.say(what(cell))
        assert (1, None) == (cell.killed, cell.link)
    assert sum(cell.killed for cell in everybody) == len(everybody)


def test_who_accuses_somebody_it_has_no_pair_with_ends_nobody(house: tuple[Cells, tuple[Listed, ...]]) -> None:
    cells, everybody = house
    (keeper,) = [cell for cell in everybody if cell is cells.keeper]
    for kind in LinkType:
        for body in (b"", b"\1", b"\1\0", b"\7"):
            if bytes((kind,)) + body not in keeper.partners:
                keeper.say(bytes((LinkType.ACCUSE, kind)) + body)
    assert [0] * len(everybody) == [cell.killed for cell in everybody]
