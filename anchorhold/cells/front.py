"""The cell that knows clients that ask in clear text: their sockets, the answer cache, the control socket. It never opens a
connection. The loop is `anchorhold/cells/clients.py`.
"""

import contextlib
import json
import resource
import selectors
import socket
import time
from collections.abc import Callable
from typing import ClassVar

from anchorhold import ceilings, snapshot
from anchorhold.cells.clients import ClientsCell, MakePair
from anchorhold.cells.peer import Fact, FrontPeer, LeasePeer, ListsPeer, Pair, Peer, SecurePeer
from anchorhold.cells.rules import ACCEPT, HEAP
from anchorhold.cells.start import end_at_once, ignore_terminal_signals
from anchorhold.control import ControlServer
from anchorhold.control_lines import Front, answer_fact
from anchorhold.control_requests import Line
from anchorhold.ipc import Verb
from anchorhold.link import LinkMessage, LinkType, PairName, send_message
from anchorhold.sandbox import SandboxProfile, preload
from anchorhold.sandbox.profile import Network, calls
from net.sockets import adopt, prepare
from resolver.edge.listen.batched import BATCHED, one_by_one, open_datagrams
from resolver.edge.listen.datagram import DatagramListener
from resolver.edge.listen.stream import Crowd, StreamListener
from resolver.settings import FrontSettings
from wire.units import Instant

Answer = Callable[[bytes, bool], None]

LEAST_DESCRIPTORS = 1_024
LISTS_PATIENCE = 3.0
"""Seconds that an operator's question waits for the lists cell to be there."""
NO_LISTS = "the lists cell is not there just now; try again in a second"
FURTHER_DESCRIPTORS = 256
"""Besides one for each TCP client: listeners, pairs, operators, and those that connections leave free."""


def _profile(*messages: str) -> SandboxProfile:
    """Nothing makes a socket, a process or a thread, nothing opens a file; time is read without a call (vdso(7)). `messages`: by
    which calls they come and go that have more than octets."""
    return SandboxProfile(
        "front",
        calls=(
            *calls("recvfrom", "sendto", "epoll_wait", "epoll_ctl", *messages, "close"),
            *ACCEPT,
            *HEAP,
            *calls("exit_group"),
        ),
        network=Network.NONE,
    )


PROFILE = _profile("recvmsg", "sendmsg")
"""Where the C library has no others."""
PROFILE_BATCHED = _profile("recvmmsg", "sendmmsg")
"""Where UDP goes in batches, and the messages of the supervisor's link by the same calls."""


class FrontCell(ClientsCell):
    """UDP and TCP, and operators."""

    name = "front"
    profile = PROFILE_BATCHED if BATCHED else PROFILE
    peer = LinkType.PEER
    pairs: ClassVar[dict[LinkType, MakePair]] = {
        LinkType.PEER: Peer,
        LinkType.HOSTS: LeasePeer,
        LinkType.FRONT_STATUS: FrontPeer,
        LinkType.STATUS: SecurePeer,
        LinkType.LISTS_STATUS: ListsPeer,
    }
    asked_on = LinkType.FRONT_STATUS

    def __init__(self, link: socket.socket) -> None:
        super().__init__(link)
        self._settings: FrontSettings | None = None
        self._datagrams: list[DatagramListener] = []
        self._streams: list[StreamListener] = []
        self._crowd = Crowd()
        self._control: ControlServer | None = None
        self._control_socket = -1
        self._waiting: list[tuple[LinkType, int, bytes]] = []
        self._held: list[tuple[float, Fact]] = []
        """Operators' questions to the lists cell, which rests, and until when they wait."""
        self._proved = b""
        """By which name clients may be sent to the encrypted ways in."""

    def _front_settings(self) -> FrontSettings | None:
        return self._settings

    def _most_memory(self) -> int:
        return 0 if self._settings is None else ceilings.of_front(self._settings)

    def _load_settings(self, descriptor: int) -> None:
        self._settings = snapshot.load_mapped(descriptor, FrontSettings)

    def _take_own(self, message: LinkMessage) -> None:
        match message.type, message.descriptors:
            case ((LinkType.UDP | LinkType.TCP), (descriptor,)):
                self._waiting.append((message.type, descriptor, message.body))
            case LinkType.CONTROL, (descriptor,):
                self._control_socket = descriptor
            case LinkType.ENCRYPTED, ():
                self._proved = message.body
            case _:
                super()._take_own(message)

    def _equip(self) -> None:
        self._link = one_by_one(self._link)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = min(max(self._clients() + FURTHER_DESCRIPTORS, LEAST_DESCRIPTORS), most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        prepare(most)

    def _clients(self) -> int:
        return self.desk.settings.tcp_clients

    def _begin(self) -> None:
        self._judge_proof()

    def _apply_own(self, kind: LinkType) -> None:
        if kind in (LinkType.UDP, LinkType.TCP):
            self._open_listeners()
        elif kind is LinkType.ENCRYPTED:
            self._judge_proof()

    def _judge_proof(self) -> None:
        """Nobody is sent where the name that we tell is not proved, and for a while that may be a former one."""
        said = self.desk.settings.announcement
        self.desk.encrypted_up = said is not None and bool(said.name) and said.name.encode() == self._proved

    def _use_settings(self, now: Instant) -> None:
        self._judge_proof()
        for datagrams in self._datagrams:
            datagrams.admission = self.admission
        for streams in self._streams:
            streams.use(self.admission, now)

    def _open_listeners(self) -> None:
        for kind, descriptor, traits in self._waiting:
            # An address of IPv4 fits where there is room for one of IPv6; to write it is another thing.
            four = kind is LinkType.UDP and traits[1:] == b"\0"
            endpoint = adopt(descriptor, socket.AF_INET if four else socket.AF_INET6)
            if kind is LinkType.UDP:
                datagrams = open_datagrams(endpoint, traits[:1] == b"\1", self.desk, self.admission)
                self._datagrams.append(datagrams)
                self.watch(endpoint, selectors.EVENT_READ, datagrams)
            else:
                streams = StreamListener(endpoint, self.desk, self.admission, self.watch, self._crowd)
                self._streams.append(streams)
                self._listening.append(streams)
                self.watch(endpoint, selectors.EVENT_READ, streams)
        self._waiting.clear()
        if self._control is None and self._control_socket >= 0:
            self._control = ControlServer(adopt(self._control_socket), self._front, self, self.watch)
            self.watch(self._control.socket, selectors.EVENT_READ, self._control)

    def _withdraw(self) -> None:
        super()._withdraw()
        self._streams = [streams for streams in self._streams if not streams.ended]
        for datagrams in self._datagrams:
            self.watch(datagrams.socket, 0, datagrams)
            datagrams.close()
        self._datagrams.clear()

    def _stop_listening(self) -> None:
        """The UDP sockets stay open, for answers leave through them."""
        super()._stop_listening()
        for datagrams in self._datagrams:
            self.watch(datagrams.socket, 0, datagrams)

    def _look_first(self, now: Instant) -> None:
        """However many connections have something, datagrams wait for one turn of them and no longer."""
        for datagrams in self._datagrams:
            datagrams.ready(selectors.EVENT_READ, now)

    def _tend(self, now: Instant) -> None:
        while self._held and self._held[0][0] <= now:
            fact = self._held.pop(0)[1]
            fact.answer(json.dumps({"cell": "lists", "error": NO_LISTS}).encode(), False)
        if self._control is not None:
            self._control.expire(now)

    # operators

    def make_room(self, now: Instant) -> bool:
        """For one of them, if no descriptor is left."""
        return any(streams.make_room(now) for streams in self._streams)

    def fact(self, verb: Verb, argument: bytes, group: int, answer: Answer, number: int = 0) -> bool:
        """An operator's question to the resolver of this number, if there is one."""
        return self._relay(LinkType.PEER, verb, argument, group, answer, number)

    def lease_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        """An operator's question to the dhcp cell, if there is one."""
        return self._relay(LinkType.HOSTS, verb, argument, 0, answer)

    def secure_fact(self, verb: Verb, argument: bytes, answer: Answer, number: int = 0) -> bool:
        """An operator's question to a secure cell, if there is one of this number."""
        return self._relay(LinkType.STATUS, verb, argument, 0, answer, number)

    def front_fact(self, verb: Verb, argument: bytes, answer: Answer, number: int) -> bool:
        """The same to another front."""
        return self._relay(LinkType.FRONT_STATUS, verb, argument, 0, answer, number)

    def lists_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        """An operator's question to the lists cell, if there is to be one: while it has nothing to do it rests, and is woken."""
        if self._relay(LinkType.LISTS_STATUS, verb, argument, 0, answer):
            return True
        if self.desk.settings.lists:
            self._held.append((time.monotonic() + LISTS_PATIENCE, Fact(verb, argument, 0, answer)))
            # A supervisor that hears nothing wakes nobody, and that is told in a moment.
            with contextlib.suppress(BlockingIOError):
                send_message(self._link, LinkType.WAKE)
        return self.desk.settings.lists

    def rest(self, pair: Pair) -> None:
        """As the base; who asked the lists cell meanwhile asks for it again."""
        unanswered = pair.give_back()
        super().rest(pair)
        for fact in unanswered:
            self.lists_fact(fact.verb, fact.argument, fact.answer)

    def _open_pair(self, name: PairName, endpoint: socket.socket) -> None:
        super()._open_pair(name, endpoint)
        if name.kind is LinkType.LISTS_STATUS:
            held, self._held = self._held, []
            for _, fact in held:
                self._relay(name.kind, fact.verb, fact.argument, fact.group, fact.answer)

    def _relay(self, kind: LinkType, verb: Verb, argument: bytes, group: int, answer: Answer, number: int = 0) -> bool:
        pair = self._pairs.get(PairName(kind, number))
        if pair is not None:
            pair.fact(verb, argument, group, answer)
        return pair is not None

    def _front(self) -> Front:
        return Front(self.desk, self.admission, self._restarts, self._pid, self._cores, self._number)

    def _answer(self, verb: int, argument: bytes) -> Line:
        """What an operator asked the first front."""
        return answer_fact(self._front(), verb, argument, Instant(time.monotonic()))


SETTINGS = FrontSettings


def run(link: socket.socket) -> None:
    """Run the front cell; forked by the supervisor only."""
    preload()
    ignore_terminal_signals()
    end_at_once("front", FrontCell(link).serve)
