"""The resolver's end of the pair to `front`: what is given back for what, and that nothing goes on for ever."""

import asyncio
import socket

from kit.questions import key_of
from kit.resolver_line import Line, on_line
from kit.world import respond, settings

from anchorhold.cells.desk import CREDIT_BATCH
from anchorhold.cells.peer import Peer
from anchorhold.ipc import CREDITS, Inbox, Message, MessageType, build_message
from anchorhold.link import LinkType, PairName
from resolver.window import LEAST
from wire.units import Instant


class Late(Line):
    """Upstreams answer when `go` is set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        super().__init__(settings("a"), lambda query: respond(query) if self.go.is_set() else self.go)

    async def close(self) -> None:
        self.go.set()
        await super().close()


def query(handle: int) -> bytes:
    body = key_of(f"n{handle}.example.")
    return build_message(MessageType.QUERY, handle, body, flags=1, generation=1, deadline=5_000)


def cancel(handle: int) -> bytes:
    return build_message(MessageType.CANCEL, handle)


def credits_in(messages: list[Message]) -> int:
    return sum(int.from_bytes(m.body, "little") for m in messages if m.type is MessageType.CREDIT)


@on_line(Late)
async def test_each_question_gives_its_credit_back_once_however_it_ends(line: Late) -> None:
    assert CREDITS == credits_in(await line.say())
    handles = range(CREDIT_BATCH)
    await line.say(*map(query, handles))
    early = await line.say(*map(cancel, handles[: CREDIT_BATCH // 2]))
    line.go.set()
    late = await line.say()
    assert CREDIT_BATCH // 2 == len([m for m in late if m.type is MessageType.REPLY])
    crossed = await line.say(*map(cancel, handles))
    assert [0, CREDIT_BATCH, 0] == [credits_in(messages) for messages in (early, late, crossed)]


@on_line(Late)
async def test_while_it_is_late_fewer_questions_are_let_in_and_when_it_is_not_all_credits_come_back(line: Late) -> None:
    await line.say()
    handles = range(100)
    await line.say(*map(query, handles))
    for _ in range(50):
        line.line.look(9.0)
    line.go.set()
    assert 0 == credits_in(await line.say())
    found = []
    while sum(found) < len(handles):
        line.line.look(0.0)
        found.append(credits_in(await line.say()))
    assert (sum(found), found[0], len(found) > 5) == (len(handles), 0, True)


@on_line(Late)
async def test_whatever_is_open_and_however_late_it_is_some_are_let_in(line: Late) -> None:
    await line.say()
    for _ in range(50):
        line.line.look(9.0)
    line.go.set()
    credits = CREDITS
    for first in range(0, 2 * CREDITS, LEAST):
        credits += credits_in(await line.say(*map(query, range(first, first + LEAST)))) - LEAST
        line.line.look(9.0)
    assert LEAST == credits + credits_in(await line.say())


@on_line(Late)
async def test_a_ping_is_answered_and_its_answer_is_not(line: Late) -> None:
    heard = await line.say(build_message(MessageType.PING, 7), build_message(MessageType.PING, 8, flags=1))
    assert [(7, 1)] == [(m.handle, m.flags) for m in heard if m.type is MessageType.PING]
    assert [] == line.ended


@on_line(Late)
async def test_what_is_not_for_the_resolver_ends_the_pair_with_an_accusation(line: Late) -> None:
    await line.say(build_message(MessageType.REPLY, 1))
    assert ["Nonsense"] == [type(error).__name__ for error in line.ended]


@on_line(Late)
async def test_a_front_that_hangs_up_is_accused_of_nothing(line: Late) -> None:
    line.front.shutdown(socket.SHUT_RDWR)
    for _ in range(5):
        await asyncio.sleep(0)
    assert [None] == line.ended


class Owner:
    """As much of the front cell as its end of the pair needs for a ping."""

    desk = None

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        return

    def lose(self, _pair: object, why: str) -> None:
        raise AssertionError(why)


def test_front_does_not_answer_the_answer_to_a_ping_either() -> None:
    ours, resolver = socket.socketpair()
    with ours, resolver:
        peer = Peer(Owner(), ours, PairName(LinkType.PEER))  # type: ignore[arg-type]  # a ping needs no desk
        resolver.sendall(build_message(MessageType.PING, 1) + build_message(MessageType.PING, 2, flags=1))
        peer.ready(1, Instant(0.0))
        peer.flush()
        assert [1] == [message.handle for message in Inbox().feed(resolver.recv(1_000))]
