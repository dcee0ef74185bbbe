"""Sealed bodies between `secure` and the resolver: both ends of the pair, without processes."""

import asyncio
import socket
from types import SimpleNamespace

import pytest
from kit.desk import START, Counter53
from kit.meeting import Counts, make_tools, run

from anchorhold.cells.carrying import CarryDesk, CarryingPeer
from anchorhold.ipc import Inbox, Message, MessageType, build_message
from anchorhold.link import LinkType, PairName
from resolver.carried import MAX_QUERY, Carried, Outcome, build_carried, parse_carried
from resolver.edge.carrier import Carrier
from resolver.settings import CacheSettings, ResolverSettings
from wire.errors import Malformed
from wire.units import Instant


class Cell:
    """What a pair needs of its cell."""

    def __init__(self) -> None:
        self.desk = Counter53().desk
        self.accused: list[PairName] = []
        self.lost: list[str] = []

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        """Nothing: the test calls."""

    def lose(self, pair: CarryingPeer, why: str) -> None:
        self.lost.append(why)
        pair.close()

    def accuse(self, name: PairName) -> None:
        self.accused.append(name)


def pair() -> tuple[CarryingPeer, socket.socket, Cell]:
    near, far = socket.socketpair()
    cell = Cell()
    return CarryingPeer(cell, near, PairName(LinkType.SECURE_PEER)), far, cell


def heard(far: socket.socket) -> list[Message]:
    return list(Inbox().feed(far.recv(65_536)))


def test_a_body_crosses_with_its_place_and_its_time_and_nothing_else() -> None:
    peer, far, _ = pair()
    got: list[Carried] = []
    with far:
        peer.carry(3, b"sealed", 5.0, got.append)
        peer.flush()
        (message,) = heard(far)
        assert (message.type, message.group, message.body) == (MessageType.CARRY, 3, b"sealed")
        assert (message.deadline, message.generation) == (5_000, 1)
        far.sendall(build_message(MessageType.CARRIED, message.handle, build_carried(Carried(Outcome.TIMEOUT))))
        peer.ready(1, START)
        assert got == [Carried(Outcome.TIMEOUT)]
        peer.close()
        assert len(got) == 1


def test_who_waits_is_told_when_the_resolver_is_gone() -> None:
    peer, far, cell = pair()
    got: list[Carried] = []
    peer.carry(0, b"sealed", 5.0, got.append)
    far.close()
    peer.ready(1, START)
    assert (got, len(cell.lost)) == ([Carried(Outcome.UNAVAILABLE)], 1)


@pytest.mark.parametrize("body", [b"", b"\0\0\0\0", build_carried(Carried(Outcome.TIMEOUT))])
def test_what_does_not_decode_or_nobody_waits_for_ends_its_sender(body: bytes) -> None:
    peer, far, cell = pair()
    with far:
        far.sendall(build_message(MessageType.CARRIED, 77, body))
        peer.ready(1, START)
    assert cell.accused == [PairName(LinkType.SECURE_PEER)]


# the resolver's end


class Slow(Carrier):
    """Carries nothing: gives back what it was asked."""

    async def carry(self, place: int, sealed: bytes, deadline: Instant) -> Carried:
        await asyncio.sleep(0)
        return Carried(Outcome.ANSWERED, 200, True, bytes((place,)) + sealed)


def desk() -> CarryDesk:
    return CarryDesk(Slow(make_tools(Counts())), ResolverSettings(4, (), (), (), CacheSettings()))


def carry(generation: int = 4, body: bytes = b"x") -> Message:
    return Message(MessageType.CARRY, 0, 2, 9, generation, 1_000, body)


def replies(posted: list[bytes]) -> list[Carried]:
    (message,) = Inbox().feed(b"".join(posted))
    assert (message.type, message.handle) == (MessageType.CARRIED, 9)
    return [parse_carried(message.body)]


class Mistaken(Carrier):
    """Has a mistake in it."""

    async def carry(self, place: int, sealed: bytes, deadline: Instant) -> Carried:
        raise ZeroDivisionError


def test_a_mistake_of_ours_leaves_nobody_waiting() -> None:
    async def conversation() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        posted: list[bytes] = []
        carrying = CarryDesk(Mistaken(make_tools(Counts())), ResolverSettings(4, (), (), (), CacheSettings()))
        carrying.take(carry(), posted.append)
        while not posted:
            await asyncio.sleep(0)
        assert replies(posted) == [Carried(Outcome.UNAVAILABLE)]
        await carrying.close()

    asyncio.run(conversation())


def test_each_body_is_carried_and_answered_by_its_handle() -> None:
    async def conversation() -> None:
        posted: list[bytes] = []
        carrying = desk()
        carrying.take(carry(), posted.append)
        while not posted:
            await asyncio.sleep(0)
        assert replies(posted) == [Carried(Outcome.ANSWERED, 200, True, b"\2x")]
        await carrying.close()

    run("asyncio", conversation())


def test_a_place_of_other_settings_is_never_taken_for_one_of_these() -> None:
    async def conversation() -> None:
        posted: list[bytes] = []
        carrying = desk()
        carrying.take(carry(generation=3), posted.append)
        assert replies(posted) == [Carried(Outcome.UNAVAILABLE)]
        await carrying.close()

    run("asyncio", conversation())


def test_more_than_is_carried_ends_its_sender() -> None:
    async def conversation() -> None:
        with pytest.raises(Malformed):
            desk().take(carry(body=bytes(MAX_QUERY + 1)), SimpleNamespace)

    run("asyncio", conversation())
