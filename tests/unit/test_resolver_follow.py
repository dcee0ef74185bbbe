"""The resolver believes what the keeper says is in force, asks for keys when it is told to, and answers the sentinel."""

import asyncio
import socket
import time
from collections.abc import Callable

import pytest
from kit.keyset import ENTRY, REVOKED, ROOT, keyset, record, signer
from kit.loops import on_loop
from kit.questions import key_of
from kit.signing import plain, rrset_of
from kit.world import install, settings, world_of

from anchorhold.ipc import Inbox, Message, MessageType, build_message
from anchorhold.keeper.line import KeeperLine
from anchorhold.keeper.messages import MORE, NOTHING, Found, Told, pack, unpack
from resolver.dnssec.rollover import plant
from resolver.dnssec.scope import with_followed
from resolver.edge.resolve import Resolver
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.edge.zonekeys import keys_of
from resolver.iterate.verdict import RRset
from resolver.settings import Anchor, Dnssec, NegativeTrustAnchor
from resolver.values import Query
from wire.dns.codes import HeaderFlag, QueryFlag, Rcode
from wire.dns.message import ResourceRecord, build_response, parse_message
from wire.dns.names import read_name
from wire.dns.signing import build_ds
from wire.errors import Malformed
from wire.units import Epoch

NOW = time.time()
A, B = record(1), record(2)
CORP, OTHER = read_name("corp"), read_name("other")
DO = int(QueryFlag.RD | QueryFlag.DO)


def anchor(zone: bytes, seed: int) -> Anchor:
    return Anchor(zone, build_ds(record(seed)))


# Which anchors count.

GIVEN = Dnssec((anchor(ROOT, 1), anchor(CORP, 2), anchor(CORP, 3)), (NegativeTrustAnchor(OTHER, "why"),))


def test_a_zone_that_is_followed_has_the_keys_that_are_in_force() -> None:
    found = with_followed(GIVEN, {ROOT: (A, B), CORP: (), OTHER: (A,)})
    assert ((anchor(ROOT, 1), anchor(ROOT, 2)), GIVEN.negative) == (found.anchors, found.negative)


def test_what_is_not_followed_stays() -> None:
    assert GIVEN == with_followed(GIVEN, {})
    assert GIVEN == with_followed(GIVEN, {ROOT: (A,)})


# A resolver over an upstream that has the root zone.


class Root:
    """Answers with these RRsets; to everything else with SERVFAIL."""

    def __init__(self, *rrsets: RRset) -> None:
        self.rrsets = {rrset.owner + rrset.rrtype.to_bytes(2, "big") + b"\0\1": rrset for rrset in rrsets}
        self.asked: list[bytes] = []

    def __call__(self, query: bytes) -> object:
        key = parse_message(query).question.lower()
        self.asked.append(key)
        rrset = self.rrsets.get(key)
        flags = HeaderFlag.QR | HeaderFlag.RD | HeaderFlag.RA
        if rrset is None:
            return build_response(key, flags, Rcode.SERVFAIL, ()).message
        records = [ResourceRecord(rrset.owner, rrset.rrtype, 1, rrset.ttl, rdata) for rdata in rrset.rdatas]
        records += [ResourceRecord(rrset.owner, 46, 1, rrset.ttl, rdata) for rdata in rrset.signatures]
        return build_response(key, flags, Rcode.NOERROR, records).message


class Scene:
    """A resolver that begins with the key of seed 1."""

    def __init__(self, *rrsets: RRset, behave: Callable[[bytes], object] | None = None) -> None:
        self.root = Root(*rrsets)
        world, upstreams = world_of(behave or self.root)
        self.settings = self._settings(1)
        self.resolver = Resolver(self.settings, world, lambda fact: None)
        install(world, upstreams)

    @staticmethod
    def _settings(generation: int):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        return replace(settings("a", generation=generation), dnssec=Dnssec((anchor(ROOT, 1),)))

    def reload(self) -> None:
        self.resolver.use(self._settings(2))

    async def ask(self, name: str, rrtype: str, flags: int = DO) -> tuple[int, bool]:
        """rcode, and whether AD is set."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        query = Query(key_of(name, rrtype), flags, 0, self.resolver.snapshot.generation)
        self.resolver.ask(query, object(), lambda reply: future.set_result(reply.message))
        message = parse_message(await future)
        return message.rcode, bool(message.flags & HeaderFlag.AD)


PROVED, REFUSED = (int(Rcode.NOERROR), True), (int(Rcode.SERVFAIL), False)


@on_loop
async def test_a_key_that_comes_into_force_proves_at_once_and_after_a_reload() -> None:
    scene = Scene(keyset({1: ENTRY, 2: ENTRY}, {2: ENTRY}, NOW))
    assert REFUSED == await scene.ask(".", "DNSKEY")
    scene.resolver.follow({ROOT: (A, B)})
    assert PROVED == await scene.ask(".", "DNSKEY")
    scene.reload()
    assert PROVED == await scene.ask(".", "DNSKEY")


@on_loop
async def test_a_key_that_is_revoked_proves_nothing_any_more_not_even_from_memory() -> None:
    scene = Scene(keyset({1: ENTRY}, {1: ENTRY}, NOW))
    assert PROVED == await scene.ask(".", "DNSKEY")
    scene.resolver.follow({ROOT: ()})
    assert REFUSED == await scene.ask(".", "DNSKEY")


@on_loop
async def test_what_is_told_and_changes_nothing_forgets_nothing() -> None:
    scene = Scene(keyset({1: ENTRY}, {1: ENTRY}, NOW))
    await scene.ask(".", "DNSKEY")
    asked = len(scene.root.asked)
    scene.resolver.follow({ROOT: (A,)})
    assert PROVED == await scene.ask(".", "DNSKEY")
    assert asked == len(scene.root.asked)


# Keys for the keeper.


@on_loop
async def test_keys_are_asked_anew_each_time_and_not_judged() -> None:
    rrset = keyset({1: REVOKED, 2: ENTRY}, {2: ENTRY}, NOW)
    scene = Scene(rrset)
    for count in (1, 2):
        found = await keys_of(scene.resolver, ROOT)
        assert found is not None
        assert (set(rrset.rdatas), rrset.signatures) == (set(found.rdatas), found.signatures)
        assert [key_of(".", "DNSKEY")] * count == scene.root.asked


@on_loop
async def test_keys_that_cannot_be_had_are_none() -> None:
    assert await keys_of(Scene().resolver, ROOT) is None
    silent = Scene(behave=lambda query: UpstreamFailed(Why.TIMEOUT))
    assert await keys_of(silent.resolver, ROOT) is None


# The sentinel.


def sentinel(text: str) -> RRset:
    one = signer(1, ENTRY, NOW)
    rrset = rrset_of(f"{text}. 300 A 192.0.2.1")
    return plain(rrset)._replace(signatures=(one.sign(rrset).to_wire(),))


IS, NOT = f"root-key-sentinel-is-ta-{A.tag:05}", f"root-key-sentinel-not-ta-{A.tag:05}"


@on_loop
async def test_the_sentinel_tells_which_keys_are_in_force() -> None:
    scene = Scene(keyset({1: ENTRY}, {1: ENTRY}, NOW), sentinel(IS), sentinel(NOT), sentinel("www"))
    assert [PROVED, REFUSED, PROVED] == [await scene.ask(name, "A") for name in (IS, NOT, "www")]
    # With CD nobody is told.
    assert int(Rcode.NOERROR) == (await scene.ask(NOT, "A", DO | int(QueryFlag.CD)))[0]


# The pair to the keeper.


class Line:
    """The resolver's end, with the keeper's socket in the test's hands."""

    def __init__(self, *answers: RRset | None) -> None:
        ours, self.keeper = socket.socketpair()
        self.keeper.setblocking(False)
        self.taken: list[tuple[Told, ...]] = []
        self.asked: list[bytes] = []
        self.answers = list(answers)
        self.go = asyncio.Event()
        self.line = KeeperLine(ours, self._ask, self.taken.append)
        self.task = asyncio.get_running_loop().create_task(self.line.run())

    async def _ask(self, zone: bytes) -> RRset | None:
        self.asked.append(zone)
        await self.go.wait()
        return self.answers.pop(0)

    async def say(self, *messages: bytes) -> list[Message]:
        self.keeper.sendall(b"".join(messages))
        heard: list[Message] = []
        inbox = Inbox()
        for _ in range(40):
            await asyncio.sleep(0)
            try:
                heard += inbox.feed(self.keeper.recv(1 << 20))
            except BlockingIOError:
                continue
        return heard


def told(zone: bytes) -> Told:
    return Told(plant(zone, (A,), Epoch(NOW)), Epoch(0.0))


@on_loop
async def test_trust_points_are_taken_together_when_all_have_come() -> None:
    line = Line()
    await line.say(build_message(MessageType.ANCHORS, 0, pack(told(ROOT)), flags=MORE))
    assert [] == line.taken
    await line.say(build_message(MessageType.ANCHORS, 0, pack(told(CORP))))
    await line.say(build_message(MessageType.ANCHORS, 0, pack(told(OTHER))))
    assert [(told(ROOT), told(CORP)), (told(OTHER),)] == line.taken
    line.keeper.close()
    await line.task


@on_loop
async def test_keys_are_asked_for_once_at_a_time_and_sent() -> None:
    rrset = keyset({1: ENTRY}, {1: ENTRY}, NOW)
    line = Line(rrset, None)
    look = build_message(MessageType.LOOK, 0, ROOT)
    assert [] == await line.say(look, look)
    line.go.set()
    (keys,) = await line.say(b"")
    assert (rrset, [ROOT]) == (unpack(keys, Found).rrset, line.asked)
    (nothing,) = await line.say(look)
    assert (MessageType.KEYS, NOTHING, ROOT) == (nothing.type, nothing.flags, nothing.body)
    line.keeper.close()
    await line.task


@on_loop
async def test_a_keeper_that_hangs_up_ends_the_line_and_what_it_asked_for() -> None:
    line = Line(None)
    await line.say(build_message(MessageType.LOOK, 0, ROOT))
    line.keeper.close()
    await line.task
    assert [ROOT] == line.asked


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff" * 24,
        build_message(MessageType.QUERY, 1, b"\0\0\1\0\1"),
        build_message(MessageType.LOOK, 0, b""),
        build_message(MessageType.LOOK, 0, b"\xc0\x00"),
        build_message(MessageType.LOOK, 0, b"\0\0"),
        build_message(MessageType.LOOK, 0, b"\1A\0"),
        build_message(MessageType.ANCHORS, 0, b"\xc1"),
        build_message(MessageType.ANCHORS, 0, pack(Found(ROOT, 0, (), ()))),
    ],
)
def test_nonsense_ends_the_line(nonsense: bytes) -> None:
    async def conversation() -> None:
        line = Line()
        await line.say(nonsense)
        with line.keeper, pytest.raises(Malformed):
            await line.task

    asyncio.run(conversation())
