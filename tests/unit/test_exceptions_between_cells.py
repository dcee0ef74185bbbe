"""An operator's exceptions and questions for the chain of trust between the cells: control socket, resolver, keeper, and back."""

import asyncio
import json
import socket
from pathlib import Path

import dns.message
import pytest
from kit.desk import Counter53, answer
from kit.keyset import ENTRY, ROOT, keyset, record
from kit.loops import on_loop
from kit.questions import key_of
from kit.world import install, respond, settings, world_of

from anchorhold.cells.desk import FrontLine, Nonsense
from anchorhold.cells.peer import Peer
from anchorhold.ipc import FORGET, Inbox, Message, MessageType, Verb, build_message
from anchorhold.keeper.exceptions import Excepted, Wanted
from anchorhold.keeper.line import KeeperLine
from anchorhold.keeper.messages import InForce, pack, unpack
from anchorhold.keeper.side import KeeperSide
from anchorhold.link import LinkType, PairName
from resolver.dnssec.memory import NotACut
from resolver.edge.resolve import Resolver
from resolver.settings import NegativeTrustAnchor
from resolver.values import Query, Reply
from wire.dns.codes import QueryFlag
from wire.dns.names import read_name
from wire.errors import Malformed
from wire.units import Epoch, Instant

BROKEN = read_name("broken.example")
IN_FORCE = InForce((Excepted(BROKEN, "lost keys", Epoch(1.0), Epoch(4e9)),))


class Ends:
    """The resolver with `front`'s and the keeper's socket in the test's hands; upstreams answer when `go` is set."""

    def __init__(self, keeper: bool = True) -> None:
        self.go = asyncio.Event()
        world, upstreams = world_of(lambda query: respond(query) if self.go.is_set() else self.go)
        self.resolver = Resolver(settings("a"), world, lambda fact: None)
        install(world, upstreams)
        self.ended: list[Nonsense | None] = []
        self.side = KeeperSide()
        ours, self.keeper = socket.socketpair()
        self.keeper.setblocking(False)
        if keeper:
            self.side.line = KeeperLine(ours, self._no_keys, lambda told: None, self._take)
            self.task = asyncio.get_running_loop().create_task(self.side.line.run())
        else:
            ours.close()
        mine, self.front = socket.socketpair()
        self.front.setblocking(False)
        self.line = FrontLine(mine, self.resolver, 0, self.ended.append, self.side)
        self.line.start()
        self._inboxes = {self.front: Inbox(), self.keeper: Inbox()}

    async def _no_keys(self, zone: bytes) -> None:
        return None

    def _take(self, in_force: InForce) -> None:
        self.side.in_force = in_force

    async def say(self, end: socket.socket, *messages: bytes) -> None:
        await self.settle()
        end.sendall(b"".join(messages))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(40):
            await asyncio.sleep(0)

    def heard(self, end: socket.socket) -> list[Message]:
        try:
            return list(self._inboxes[end].feed(end.recv(1 << 20)))
        except BlockingIOError:
            return []

    def facts(self) -> dict[int, dict[str, object]]:
        return {m.handle: json.loads(m.body) for m in self.heard(self.front) if m.type is MessageType.FACT}

    async def close(self) -> None:
        self.go.set()
        self.line.close()
        self.keeper.close()
        await self.resolver.close()
        self.front.close()


def fact(verb: Verb, argument: bytes, handle: int = 1) -> bytes:
    return build_message(MessageType.FACT, handle, bytes((verb,)) + argument, generation=1)


def trace(handle: int) -> bytes:
    return fact(Verb.TRACE, b"\1" + key_of("www.example."), handle)


def wish(seconds: int = 60, zone: bytes = BROKEN, reason: bytes = b"lost keys") -> bytes:
    return fact(Verb.EXCEPT, seconds.to_bytes(4, "little") + zone + reason)


@on_loop
async def test_a_wish_goes_to_the_keeper_and_its_word_comes_back() -> None:
    ends = Ends()
    await ends.say(ends.front, wish())
    (asked,) = ends.heard(ends.keeper)
    assert (MessageType.EXCEPT, Wanted(BROKEN, 60, "lost keys")) == (asked.type, unpack(asked, Wanted))
    assert {} == ends.facts()
    await ends.say(ends.keeper, build_message(MessageType.EXCEPTIONS, asked.handle, pack(IN_FORCE)))
    assert (IN_FORCE, True) == (ends.side.in_force, ends.facts()[1]["kept"])
    await ends.close()


@on_loop
async def test_a_refusal_is_told_as_one() -> None:
    ends = Ends()
    await ends.say(ends.front, wish())
    (asked,) = ends.heard(ends.keeper)
    await ends.say(ends.keeper, build_message(MessageType.EXCEPTIONS, asked.handle, pack(InForce((), refused="no"))))
    assert "no" == ends.facts()[1]["error"]
    await ends.close()


@on_loop
async def test_without_a_keeper_nothing_is_excepted_and_that_is_said() -> None:
    ends = Ends(keeper=False)
    await ends.say(ends.front, wish())
    assert "the keeper is not there" in str(ends.facts()[1]["error"])
    await ends.close()


@pytest.mark.parametrize("argument", [b"", b"\0\0\0\0", b"\0\0\0\0\xff", b"\0\0\0\0\0\xff", b"\1" + b"\0" * 2])
def test_a_wish_that_does_not_decode_ends_front(argument: bytes) -> None:
    async def conversation() -> None:
        ends = Ends()
        await ends.say(ends.front, fact(Verb.EXCEPT, argument))
        assert [Nonsense] == [type(error) for error in ends.ended]
        await ends.close()

    asyncio.run(conversation())


@on_loop
async def test_what_the_keeper_says_of_exceptions_must_decode() -> None:
    ends = Ends()
    await ends.say(ends.keeper, build_message(MessageType.EXCEPTIONS, 0, b"\xc1"))
    with pytest.raises(Malformed):
        await ends.task
    await ends.close()


@on_loop
async def test_one_chain_of_trust_is_looked_at_at_a_time_and_questions_go_on_meanwhile() -> None:
    ends = Ends()
    await ends.say(ends.front, trace(1), trace(2))
    facts = ends.facts()
    assert ([2], True) == (list(facts), "another chain of trust" in str(facts[2]["error"]))
    await ends.say(ends.front, build_message(MessageType.PING, 5))
    assert [5] == [message.handle for message in ends.heard(ends.front) if message.type is MessageType.PING]
    ends.go.set()
    await ends.settle()
    (told,) = ends.facts().values()
    assert ("insecure", 1) == (told["dnssec"]["verdict"]["security"], told["dnssec"]["asked"])  # type: ignore[index]
    await ends.say(ends.front, trace(3))
    assert [3] == list(ends.facts())
    await ends.close()


@on_loop
async def test_a_front_that_goes_away_ends_the_look() -> None:
    ends = Ends()
    await ends.say(ends.front, trace(1))
    ends.line.close()
    ends.go.set()
    await ends.settle()
    assert [] == ends.ended
    await ends.close()


@on_loop
async def test_a_flush_forgets_what_answers_were_proved_by() -> None:
    ends = Ends()
    known = ends.resolver.routed.validators.at(0).memory
    for zone in (BROKEN, read_name("www.broken.example"), read_name("other.example")):
        known.store_cut(zone, NotACut(False, 300), Instant(0.0))
    await ends.say(ends.front, fact(Verb.CACHE_FLUSH, BROKEN))
    assert ({"cell": "resolver", "flushed": 0}, 1) == (ends.facts()[1], len(known))
    await ends.close()


# In force at once.


class Root:
    """An upstream that has the root's keys, signed by nobody who is believed."""

    def __init__(self) -> None:
        rrset = keyset({3: ENTRY}, {3: ENTRY}, 1.8e9)
        self.message = dns.message.make_response(dns.message.make_query(".", "DNSKEY"))
        self.message.answer.append(
            dns.rrset.from_rdata_list(
                ".", 300, [dns.rdata.from_wire("IN", "DNSKEY", d, 0, len(d)) for d in rrset.rdatas]
            )
        )

    def __call__(self, query: bytes) -> object:
        return self.message.to_wire()


def believing(resolver: Resolver) -> Resolver:
    from dataclasses import replace

    from resolver.settings import Anchor, Dnssec
    from wire.dns.signing import build_ds

    resolver.use(replace(resolver.snapshot.settings, dnssec=Dnssec((Anchor(ROOT, build_ds(record(1))),)), generation=2))
    return resolver


async def rcode(resolver: Resolver) -> int:
    given: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    query = Query(key_of(".", "DNSKEY"), int(QueryFlag.RD), 0, resolver.snapshot.generation)
    resolver.ask(query, object(), given.set_result)
    return (await given).message[3] & 15


@on_loop
async def test_an_exception_is_in_force_at_once_after_a_reload_too_and_over_at_once() -> None:
    world, upstreams = world_of(Root())
    resolver = Resolver(settings("a"), world, lambda fact: None)
    install(world, upstreams)
    believing(resolver)
    assert 2 == await rcode(resolver)
    excepted = (NegativeTrustAnchor(ROOT, "a test"),)
    assert resolver.except_from_validation(excepted)
    assert 0 == await rcode(resolver)
    assert not resolver.except_from_validation(excepted)
    believing(resolver)
    assert 0 == await rcode(resolver)
    assert resolver.except_from_validation(())
    assert 2 == await rcode(resolver)
    await resolver.close()


@on_loop
async def test_an_answer_that_was_begun_before_is_not_kept_by_front_and_nobody_else_joins_it() -> None:
    ends = Ends()
    replies: list[Reply] = []
    query = Query(key_of("www.example."), int(QueryFlag.RD), 0, 1)
    ends.resolver.ask(query, 1, replies.append)
    assert ends.resolver.except_from_validation((NegativeTrustAnchor(BROKEN, "a test"),))
    ends.resolver.ask(query, 2, replies.append)
    assert 2 == ends.resolver.open
    ends.go.set()
    await ends.settle()
    assert [0.0, 300.0] == [reply.cacheable for reply in replies]
    await ends.close()


class Owner:
    """As much of the front cell as its end of the pair needs."""

    def __init__(self, front: Counter53) -> None:
        self.desk = front.desk

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        return

    def lose(self, _pair: object, why: str) -> None:
        raise AssertionError(why)


def test_front_forgets_its_answers_when_it_is_told_to() -> None:
    front = Counter53()
    front.warm("www.example")
    ours, resolver = socket.socketpair()
    with ours, resolver:
        peer = Peer(Owner(front), ours, PairName(LinkType.PEER))  # type: ignore[arg-type]
        resolver.sendall(build_message(MessageType.SNAPSHOT, 0, generation=1))
        peer.ready(1, Instant(0.0))
        assert 1 == len(front.desk.cache)
        road = front.ask(dns.message.make_query("open.example", "A"))
        resolver.sendall(build_message(MessageType.SNAPSHOT, 0, flags=FORGET, generation=1))
        peer.ready(1, Instant(0.0))
        assert 0 == len(front.desk.cache)
        # Who waits gets an answer all the same.
        front.reply(front.port.queries[-1], answer(front.port.queries[-1].key.question))
        assert 1 == len(road.sent)


def test_the_service_tells_front_to_forget(tmp_path: Path) -> None:
    """`ResolverCell` is seen doing so in tests/cells/test_exceptions_live.py; here is what it says."""

    async def conversation() -> None:
        ends = Ends()
        await ends.settle()
        ends.heard(ends.front)
        ends.line.forget()
        await ends.settle()
        assert [(MessageType.SNAPSHOT, FORGET, 1)] == [(m.type, m.flags, m.generation) for m in ends.heard(ends.front)]
        await ends.close()

    asyncio.run(conversation())
