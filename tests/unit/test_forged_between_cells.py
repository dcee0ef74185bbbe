"""Whatever one cell sends another that this one may not be told: the other accuses it, and lets go of the pair. Each message
there is, at each end of a pair that is not tested where it is made: test_front_leases.py, test_cells_carrying.py,
test_resolver_desk.py, test_root_copies.py, tests/cells/test_keeper_cell.py."""

import asyncio
import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest
from kit.desk import START, Counter53

from anchorhold.cells.dhcp_pair import DhcpPair, FrontPair
from anchorhold.cells.peer import FrontPeer, LeasePeer, ListsPeer, Pair, SecurePeer
from anchorhold.ipc import HEADER, MessageType, build_message
from anchorhold.link import LinkType, PairName
from anchorhold.lists.asking import ResolverLine
from anchorhold.lists.line import OperatorLine
from wire.errors import Malformed

NO_MESSAGE = b"\xff" * HEADER.size
ASKED = {MessageType.FACT, MessageType.PING}
"""What whoever answers operators is told."""
ASKING: dict[type[Pair], set[MessageType]] = {
    LeasePeer: ASKED | {MessageType.HOSTS},
    SecurePeer: ASKED,
    FrontPeer: ASKED,
    ListsPeer: ASKED | {MessageType.REST},
}
ANSWERING = (FrontPair, DhcpPair)
FROM_RESOLVER = {MessageType.SNAPSHOT, MessageType.REPLY, MessageType.PING, MessageType.CREDIT}


def forged(but: set[MessageType]) -> Iterator[bytes]:
    """Every message but these, and what is none."""
    yield NO_MESSAGE
    yield from (build_message(kind, 1, b"forged") for kind in MessageType if kind not in but)


class Owner:
    """As much of a cell as its end of a pair needs."""

    def __init__(self) -> None:
        self.desk = Counter53().desk
        self.accused: list[PairName] = []
        self.lost: list[Pair] = []

    def regroup(self, now: object) -> None:
        raise AssertionError("nothing was learnt")

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        return

    def lose(self, pair: Pair, why: str) -> None:
        self.lost.append(pair)
        pair.close()

    def accuse(self, name: PairName) -> None:
        self.accused.append(name)


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(60.0)
        yield ours, theirs


ASKERS = [(end, message) for end, taken in ASKING.items() for message in forged(taken)]


@pytest.mark.parametrize(("end", "message"), ASKERS, ids=lambda one: getattr(one, "__name__", None))
def test_who_asks_for_operators_hears_nothing_else(end: type[Pair], message: bytes) -> None:
    owner, name = Owner(), PairName(LinkType.STATUS, 1)
    with pair() as (ours, theirs):
        made = end(owner, ours, name)
        theirs.sendall(message)
        made.ready(selectors.EVENT_READ, START)
        assert ([name], [made], b"") == (owner.accused, owner.lost, theirs.recv(1))


@pytest.mark.parametrize(
    ("end", "message"), list(product(ANSWERING, forged(ASKED))), ids=lambda one: getattr(one, "__name__", None)
)
def test_who_answers_them_hears_nothing_else(end: type[FrontPair], message: bytes) -> None:
    accusations: list[bool] = []
    with pair() as (ours, theirs), selectors.DefaultSelector() as selector:
        end(ours, selector, lambda verb, argument: "", lambda: accusations.append(True))
        theirs.sendall(message)
        for key, _ in selector.select(60.0):
            key.data(key)
        assert ([True], b"") == (accusations, theirs.recv(1))


@pytest.mark.parametrize("message", list(forged(FROM_RESOLVER)))
def test_lists_hear_nothing_else_from_a_resolver(message: bytes) -> None:
    with pair() as (ours, theirs):
        theirs.sendall(message)
        with pytest.raises(Malformed):
            asyncio.run(ResolverLine().run(ours))
        assert theirs.recv(1) == b""


@pytest.mark.parametrize("message", list(forged(ASKED)))
def test_lists_hear_nothing_else_from_front(message: bytes) -> None:
    with pair() as (ours, theirs):
        theirs.sendall(message)
        with pytest.raises(Malformed):
            asyncio.run(OperatorLine(ours, lambda verb, argument: {}).run())
        assert theirs.recv(1) == b""
