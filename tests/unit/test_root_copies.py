"""Copies of the root zone among several resolvers: outside is asked once, and each checks what it gets."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from kit.rootzone import signed_root
from kit.signing import DATE, Signer
from kit.world import no_lookup

from anchorhold.cells import root_copies
from anchorhold.cells.root_copies import NOTHING, WANTED, RootCopies
from anchorhold.ipc import HEADER, MORE, MessageType, build_message
from anchorhold.link import LinkMessage, LinkType, PairName
from net.clock import now
from net.tls import TlsFactory
from resolver.dnssec.anchors import TrustAnchor
from resolver.edge import transfer
from resolver.edge.iterating import Iterations
from resolver.edge.ledger import iterations_status
from resolver.edge.transfer import MARK, Sharing, TransferFailed
from resolver.edge.upstream.port import Tools
from resolver.settings import CacheSettings, Iteration
from wire.dns.names import ROOT
from wire.dns.signing import parse_ds

OURS, THEIRS = Signer("."), Signer(".", seed=2)
ANCHOR, OTHER_ANCHOR = (TrustAnchor(ROOT, (parse_ds(signer.ds().to_wire()),)) for signer in (OURS, THEIRS))
SETTINGS = (Iteration("home", ROOT, (), local_root_servers=("192.0.2.1", "192.0.2.2")),)
SERIAL = 2026112400


class Resolver:
    """As much of one as has to do with it."""

    def __init__(self, number: int, anchor: TrustAnchor = ANCHOR) -> None:
        self.lost: list[tuple[PairName, str]] = []
        self.copies = RootCopies(lambda name, error: self.lost.append((name, str(error))))
        tools = Tools(now, os.urandom, no_lookup, lambda what: None, TlsFactory(), lambda: DATE)
        sharing = Sharing(self.copies.fetch if number else None)
        self.iterations = Iterations(tools, Counter(), lambda fact: None, lambda: anchor, sharing=sharing)
        self.number = number

    def connect(self, end: socket.socket, other: int) -> None:
        body = bytes((other,)) if other else b""
        self.copies.take(LinkMessage(LinkType.ROOT_PEER, body, (end.detach(),)))
        self.copies.connect(self.iterations.keeper_of)

    def begin(self) -> None:
        self.iterations.use(SETTINGS, CacheSettings())

    def local(self) -> dict[str, object]:
        (line,) = iterations_status(self.iterations, now())
        return line["local_root"]  # type: ignore[return-value]


class Outside:
    """Servers of the root zone: how often they were asked, and what they say."""

    def __init__(self, *says: bytes | None) -> None:
        self.says, self.asked = says, 0
        self.open = asyncio.Event()

    async def fetch(self, _server: object, _serial: int | None, entropy: object) -> bytes | None:
        await self.open.wait()
        self.asked += 1
        said = self.says[min(self.asked, len(self.says)) - 1]
        if said == b"":
            raise TransferFailed("nobody answers")
        return said


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(60.0):
        while not happened():
            await asyncio.sleep(0)


def play(
    outside: Outside,
    scene: Callable[[Resolver, Resolver], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
    anchor: TrustAnchor = ANCHOR,
) -> None:
    async def main() -> None:
        monkeypatch.setattr(transfer, "fetch", outside.fetch)
        first, other = Resolver(0), Resolver(1, anchor)
        ends = socket.socketpair()
        first.connect(ends[0], 1)
        other.connect(ends[1], 0)
        for one in (other, first):
            one.begin()
        try:
            await scene(first, other)
        finally:
            for one in (first, other):
                await one.iterations.close()

    asyncio.run(main())


def test_outside_is_asked_once_and_both_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside(signed_root(OURS))

    async def scene(first: Resolver, other: Resolver) -> None:
        # The other one waits until the first has looked.
        outside.open.set()
        await until(lambda: (first.local()["serial"], other.local()["serial"]) == (SERIAL, SERIAL))
        assert (outside.asked, first.local()["signature"], other.local()["signature"]) == (1, "valid", "valid")

    play(outside, scene, monkeypatch)


def test_who_has_it_from_the_first_does_not_keep_it_to_give_away(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside(signed_root(OURS))

    async def scene(first: Resolver, other: Resolver) -> None:
        outside.open.set()
        await until(lambda: (first.local()["serial"], other.local()["serial"]) == (SERIAL, SERIAL))
        (kept,), (used,) = first.iterations._keepers.values(), other.iterations._keepers.values()
        assert signed_root(OURS) == await kept.copy(None)
        await used._looked.wait()
        with pytest.raises(TransferFailed):
            await used.copy(None)

    play(outside, scene, monkeypatch)


def test_each_checks_what_it_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside(signed_root(OURS))

    async def scene(first: Resolver, other: Resolver) -> None:
        outside.open.set()
        await until(lambda: other.local()["refused"])
        assert (first.local()["serial"], other.local()["serial"]) == (SERIAL, None)
        assert "its signature does not hold" in str(other.local()["refused"])

    play(outside, scene, monkeypatch, OTHER_ANCHOR)


def test_what_is_the_newest_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside(signed_root(OURS))

    async def scene(first: Resolver, other: Resolver) -> None:
        outside.open.set()
        await until(lambda: other.local()["serial"])
        (keeper,) = other.iterations._keepers.values()
        assert await other.copies.fetch(keeper._source, SERIAL) is None
        assert await other.copies.fetch(keeper._source, SERIAL - 1) == signed_root(OURS)
        assert await keeper.refresh()
        assert outside.asked == 1

    play(outside, scene, monkeypatch)


def test_where_the_first_has_none_nobody_else_goes_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside(b"")

    async def scene(first: Resolver, other: Resolver) -> None:
        outside.open.set()
        await until(lambda: other.local()["refused"])
        assert (outside.asked, other.local()["refused"]) == (2, "the first resolver has none")
        assert first.local()["refused"] == "nobody answers"

    play(outside, scene, monkeypatch)


def test_a_first_resolver_that_is_gone_is_asked_again_when_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside(signed_root(OURS))

    async def scene(first: Resolver, other: Resolver) -> None:
        (line,) = first.copies._lines.values()
        line.close()
        await until(lambda: other.local()["refused"])
        assert other.local()["refused"] == "the first resolver is not there"
        ends = socket.socketpair()
        first.connect(ends[0], 1)
        other.connect(ends[1], 0)
        outside.open.set()
        (keeper,) = other.iterations._keepers.values()
        assert await keeper.refresh()
        assert (other.local()["serial"], first.lost, other.lost) == (SERIAL, [], [])

    play(outside, scene, monkeypatch)


@pytest.mark.parametrize(
    ("nonsense", "why"),
    [
        (build_message(MessageType.QUERY, 1), "QUERY is not for another resolver"),
        (build_message(MessageType.COPY, 1, b"short", flags=WANTED), "COPY of the wrong length"),
        (b"\xff" * HEADER.size, "message body too long (at octet 0)"),
    ],
)
def test_nonsense_names_the_pair_that_it_came_over(nonsense: bytes, why: str) -> None:
    async def main() -> None:
        first, (near, far) = Resolver(0), socket.socketpair()
        first.connect(near, 3)
        with far:
            far.sendall(nonsense)
            await until(lambda: first.lost)
        assert first.lost == [(PairName(LinkType.ROOT_PEER, 3), why)]

    asyncio.run(main())


def test_a_copy_without_end_is_nonsense_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_copies, "MAX_OCTETS", 100)

    async def main() -> None:
        other, (near, far) = Resolver(1), socket.socketpair()
        other.connect(near, 0)
        other.begin()
        far.setblocking(False)
        with far:
            assert await asyncio.get_running_loop().sock_recv(far, 1_000)
            far.sendall(build_message(MessageType.COPY, 1, bytes(60), flags=MORE) * 2)
            await until(lambda: other.lost)
        assert other.lost == [(PairName(LinkType.ROOT_PEER), "COPY without end")]
        await other.iterations.close()

    asyncio.run(main())


async def outcome(resolver: Resolver, asks: bytes, most: int) -> list[bytes]:
    """The headers of what comes for them, as far as it is there and no more than `most`; bodies are left out."""
    near, far = socket.socketpair()
    resolver.connect(near, 1)
    far.setblocking(False)
    loop, found, data = asyncio.get_running_loop(), [], b""
    with far:
        await loop.sock_sendall(far, asks)
        while len(found) < most:
            data += await loop.sock_recv(far, 65_536)
            while len(data) >= HEADER.size:
                found.append(data[: HEADER.size])
                data = data[HEADER.size :]
    return found


def test_who_wants_more_at_once_than_anybody_needs_is_told_that_there_is_none() -> None:
    async def main() -> None:
        first = Resolver(0)
        first.begin()
        (keeper,) = first.iterations._keepers.values()
        ask = [
            build_message(MessageType.COPY, handle, keeper._source.mark, flags=WANTED)
            for handle in range(root_copies.MAX_LOOKS + 2)
        ]
        # It has not looked outside, so the first ones wait.
        answers = await outcome(first, b"".join(ask), 2)
        refused = [build_message(MessageType.COPY, root_copies.MAX_LOOKS + more, flags=NOTHING) for more in range(2)]
        assert (answers, first.lost) == (refused, [])
        await first.iterations.close()

    asyncio.run(main())


def test_what_is_not_taken_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_copies, "MAX_OCTETS", 10_000)
    outside = Outside(signed_root(OURS))

    async def scene(first: Resolver, other: Resolver) -> None:
        outside.open.set()
        await until(lambda: first.local()["serial"])
        (keeper,) = first.iterations._keepers.values()
        near, far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        first.connect(near, 2)
        line = first.copies._lines[PairName(LinkType.ROOT_PEER, 2)]
        far.setblocking(False)
        ask, loop = build_message(MessageType.COPY, 1, keeper._source.mark, flags=WANTED), asyncio.get_running_loop()
        with far:
            while not first.lost:
                await loop.sock_sendall(far, ask)
                await asyncio.sleep(0)
                assert line._stream.unsent <= 3 * root_copies.MAX_OCTETS + len(signed_root(OURS))
        assert first.lost == [(PairName(LinkType.ROOT_PEER, 2), "COPY asked for without end")]

    play(outside, scene, monkeypatch)


def test_who_wants_another_source_is_told_that_there_is_none() -> None:
    async def main() -> None:
        first, (near, far) = Resolver(0), socket.socketpair()
        first.connect(near, 1)
        far.setblocking(False)
        with far:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(far, build_message(MessageType.COPY, 5, bytes(MARK), flags=WANTED))
            answer = await loop.sock_recv(far, 1_000)
        assert answer == build_message(MessageType.COPY, 5, flags=NOTHING)

    asyncio.run(main())
