"""The image of the lists as it comes over the link, and an operator's PAUSE and BLOCKED at the resolver."""

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator

import pytest
from kit.questions import key_of
from kit.resolver_line import Line, on_line
from kit.rules import blocked, domains, image_of, ruled
from kit.world import respond

from anchorhold.cells.desk import Nonsense
from anchorhold.cells.resolver import ResolverCell
from anchorhold.ipc import FORGET, MessageType, Verb, build_message
from anchorhold.link import LinkMessage, LinkType
from anchorhold.snapshot import SEALS, map_sealed
from privacy.lists.compile import Source, compile_image
from resolver.policy_settings import Action, Rule
from wire.errors import Malformed


@pytest.fixture
def memfd() -> Iterator[Callable[[bytes, int], int]]:
    made: list[int] = []

    def make(data: bytes, seals: int = SEALS) -> int:
        descriptor = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.write(descriptor, data)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        made.append(descriptor)
        return os.dup(descriptor)

    yield make
    for descriptor in made:
        os.close(descriptor)


def an_image() -> bytes:
    return compile_image([Source("ads", bytes(32), [blocked(1, "ads.example")])]).image


def test_a_sealed_memfd_is_mapped_and_nothing_else_is(memfd: Callable[..., int], tmp_path: object) -> None:
    descriptor = memfd(b"octets")
    view = map_sealed(descriptor)
    os.close(descriptor)
    assert bytes(view) == b"octets"
    for refused in (memfd(b"octets", fcntl.F_SEAL_WRITE), memfd(b""), os.open(__file__, os.O_RDONLY)):
        with pytest.raises(Malformed):
            map_sealed(refused)
        os.close(refused)


@pytest.mark.parametrize(("data", "counts"), [(an_image(), True), (an_image()[:-40], False), (b"nonsense", False)])
def test_an_image_that_is_of_no_use_ends_nobody(memfd: Callable[..., int], data: bytes, counts: bool) -> None:
    """It is said, and no list counts until the next comes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        cell = ResolverCell(ours)
        cell._take(LinkMessage(LinkType.LISTS, bytes(32), (memfd(data),)))
        assert (cell._image is not None) is counts


class Operator(Line):
    """Rules of ours, and what an operator says of them."""

    def __init__(self) -> None:
        super().__init__(ruled(Rule("no", Action.BLOCK, domains=domains("bad.example"))), respond)

    async def asks(self, verb: Verb, argument: bytes, group: int = 0) -> tuple[dict[str, object], bool]:
        """The answer, and whether `front` was told to forget."""
        heard = await self.say(build_message(MessageType.FACT, 7, bytes((verb,)) + argument, group=group, generation=1))
        lines = [json.loads(message.body) for message in heard if message.type is MessageType.FACT]
        forgotten = any(m.type is MessageType.SNAPSHOT and m.flags & FORGET for m in heard)
        return (lines[0] if lines else {}), forgotten

    async def blocks(self, group: int = 0) -> float | None:
        """For how long the blocked answer may be kept; None if it is not blocked."""
        body = key_of("bad.example.")
        heard = await self.say(build_message(MessageType.QUERY, 9, body, flags=1, group=group, generation=1))
        (reply,) = [message for message in heard if message.type is MessageType.REPLY]
        return int.from_bytes(reply.body[:4], "little") / 1000 if b"rule no" in reply.body else None


def seconds(number: int) -> bytes:
    return number.to_bytes(4, "little")


@on_line(Operator)
async def test_a_pause_of_one_group_of_all_and_its_end(operator: Operator) -> None:
    await operator.say()
    line, forgotten = await operator.asks(Verb.PAUSE, seconds(600), group=1)
    assert (line["paused"], forgotten) == ([{"group": "kids", "left": 600}], True)
    assert [await operator.blocks(group) is not None for group in (0, 1)] == [True, False]
    line, _ = await operator.asks(Verb.PAUSE, seconds(60) + b"\1")
    assert line["paused"] == [{"group": "default", "left": 60}, {"group": "kids", "left": 60}]
    line, _ = await operator.asks(Verb.PAUSE, seconds(0) + b"\1")
    assert line["paused"] == []
    assert [await operator.blocks(group) is not None for group in (0, 1)] == [True, True]


@on_line(Operator)
async def test_what_is_blocked_is_told_for_a_while(operator: Operator) -> None:
    await operator.say()
    assert await operator.blocks() == 10
    line, forgotten = await operator.asks(Verb.BLOCKED, seconds(900))
    assert (line["until_s"], line["blocked"], forgotten) == (900, [], True)
    assert await operator.blocks(1) == 0
    line, forgotten = await operator.asks(Verb.BLOCKED, b"\xff\xff\xff\xff")
    assert not forgotten
    assert isinstance(line["blocked"], list)
    (row,) = line["blocked"]
    assert (row["name"], row["group"], row["rule"], row["count"]) == ("bad.example.", "kids", "no", 1)
    status, _ = await operator.asks(Verb.STATUS, b"")
    policy = status["policy"]
    assert isinstance(policy, dict)
    assert policy["watched"] == 900
    line, _ = await operator.asks(Verb.BLOCKED, seconds(0))
    assert (line["until_s"], line["blocked"]) == (0, [])
    assert await operator.blocks() == 10


@pytest.mark.parametrize(("verb", "argument"), [(Verb.PAUSE, b"123"), (Verb.PAUSE, b"123456"), (Verb.BLOCKED, b"1")])
def test_what_does_not_decode_ends_the_pair(verb: Verb, argument: bytes) -> None:
    @on_line(Operator)
    async def run(operator: Operator) -> None:
        await operator.asks(verb, argument)
        (error,) = operator.ended
        assert isinstance(error, Nonsense)

    run()


def test_lists_for_the_image() -> None:
    assert image_of(ads=[blocked(1, "ads.example")]).names == ("ads",)
