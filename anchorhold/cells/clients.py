"""What the cells that know clients have in common: the loop, the pairs to the resolver and the dhcp cell, the supervisor's link.

A plain readiness loop. Everything such a cell holds comes over the link (`anchorhold/link.py`): listeners, settings, the cookie
key, and its ends of the pairs. It never opens a connection.
"""

import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import ClassVar, Protocol

from anchorhold.cells.asked import Asked
from anchorhold.cells.heap import on_heap
from anchorhold.cells.peer import Pair, Peer
from anchorhold.cells.readiness import TURN, Readiness, open_readiness
from anchorhold.cells.start import hear, receive_until_start, take_short_turns, tell_ready
from anchorhold.control_requests import Line
from anchorhold.facts import divert, log
from anchorhold.link import LinkMessage, LinkType, PairName, accuse, number_of, pair_name, send_message
from anchorhold.mistakes import log_mistakes
from anchorhold.sandbox import SandboxProfile, enter
from anchorhold.secret import take_secret
from anchorhold.troubles import Watchman
from net.sockets import adopt
from resolver.admission import Admission
from resolver.edge.serve import Desk
from resolver.settings import FrontSettings
from wire.errors import Malformed
from wire.units import Instant

DRAIN = 0.2
"""Seconds for what is under way after END."""
IDLE_TURN = 1.0
"""Seconds after which the loop looks around even if nothing comes."""


class Listening(Protocol):
    """A listening socket with connections of its own."""

    socket: socket.socket
    closed: bool
    """It takes nothing new."""

    @property
    def owing(self) -> bool:
        """Whether an answer to anybody is still to be made or written."""

    @property
    def ended(self) -> bool:
        """Closed, and nobody is left."""

    @property
    def reopens(self) -> Instant:
        """When it is to be looked after because it can let nobody in before; infinite if it can."""

    def ready(self, events: int, now: Instant) -> None:
        """The socket has something."""

    def flush(self, now: Instant) -> None:
        """Write what this wake-up made."""

    def expire_sometimes(self, now: Instant) -> None:
        """End what is overdue; called with every wake-up."""

    def close(self) -> None:
        """Take nothing new; connections that are open go on until they end."""


MakePair = Callable[["ClientsCell", socket.socket, PairName], Pair]


class ClientsCell:
    """All of the process's state, and its loop. Who inherits says what it takes from the link besides, and what that means."""

    name: str
    """In the log."""
    profile: SandboxProfile
    peer: LinkType
    """The kind of the pair to the resolver."""
    pairs: ClassVar[dict[LinkType, MakePair]]
    """All pairs on which this cell is the one who asks."""
    asked_on: LinkType
    """The kind of the pair on which it is asked for operators."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._pid = os.getpid()
        self._selector = open_readiness()
        self._watching = Watching(self._selector)
        self._secret = b""
        self._restarts = 0
        self._listening: list[Listening] = []
        self._pairs: dict[PairName, Pair] = {}
        self._pair_sockets: dict[PairName, int] = {}
        """Descriptors of the ends of fresh pairs that nothing was done with yet."""
        self._number, self._cores = 0, 1
        """Which it is of so many of its kind; there are as many resolvers."""
        self._asked = Asked(self._selector, self._answer, lambda: self.accuse(PairName(self.asked_on)))
        self._ending = False
        self._due = 0.0
        self._round = 0.0
        """When to look around at the latest."""
        self._watchman = Watchman()
        self._next_look = 0.0
        self.desk: Desk
        self.admission: Admission

    # what each has of its own

    def _front_settings(self) -> FrontSettings | None:
        """Those that came last, if any came."""
        raise NotImplementedError

    def _most_memory(self) -> int:
        """Octets it may have, by its settings."""
        raise NotImplementedError

    def _load_settings(self, descriptor: int) -> None:
        """Keep what is in a sealed memfd. Raises Malformed."""
        raise NotImplementedError

    def _take_own(self, message: LinkMessage) -> None:
        """Keep what only this cell is sent. Raises Malformed."""
        raise Malformed(f"{message.type.name} is not for {self.name}, or its descriptor is missing")

    def _apply_own(self, kind: LinkType) -> None:
        """Act on it while serving."""

    def _equip(self) -> None:
        """Get what needs rights or further system calls, when the settings are there."""

    def _answer(self, verb: int, argument: bytes) -> Line:
        """What an operator asked, by way of the first front."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Make what is its own of what came, when `desk` and `admission` are there and no right is left, but all system calls
        still are. Raises Malformed."""

    def _use_settings(self, now: Instant) -> None:
        """Settings of another generation came: desk and admission have them already."""

    def _open_listeners(self) -> None:
        """Listen on what came."""

    def _tend(self, now: Instant) -> None:
        """Once a wake-up."""

    def _look_first(self, now: Instant) -> None:
        """More has something than one wake-up is for: look at what must not wait until it is its turn."""

    def _patience(self, now: Instant) -> float:
        """Seconds until something is due, at most IDLE_TURN."""
        return IDLE_TURN

    def _withdraw(self) -> None:
        """Let go of all listeners."""
        for listening in self._listening:
            listening.close()

    def _stop_listening(self) -> None:
        """Take nothing new; what is under way goes on."""
        for listening in self._listening:
            if not listening.closed:
                self.watch(listening.socket, 0, listening)

    def _depart(self) -> None:
        """The very end."""
        self._withdraw()

    # the life of a cell

    def prepare(self) -> None:
        """Take everything from the link until START."""
        self._restarts = receive_until_start(self._link, self._take)
        settings = self._front_settings()
        if settings is None or not self._secret:
            raise Malformed("START before SETTINGS and SECRET")
        first_handle = int.from_bytes(os.urandom(8), "big")
        self.desk = Desk(settings, self._secret, first_handle, time.time, self._cores)
        self.admission = Admission(settings)

    def serve(self) -> int:
        """The cell's whole life; gives its exit code."""
        self.prepare()
        self._link.setblocking(False)
        self._equip()
        take_short_turns()
        log_mistakes(self.name)
        enter(on_heap(replace(self.profile, memory=self._most_memory())), settle=self._begin)
        divert(lambda line: send_message(self._link, LinkType.LOG, line))
        self.run()
        return 0

    def run(self) -> None:
        """Serve until told to end."""
        self.watch(self._link, selectors.EVENT_READ, self)
        self._open_listeners()
        self._open_pairs()
        tell_ready(self._link, self.desk.settings.generation)
        while not self._ending:
            self._turn()
        self._stop_listening()
        end = time.monotonic() + DRAIN
        while (self.desk.open or any(one.owing for one in self._listening)) and time.monotonic() < end:
            self._turn()
        self._depart()

    def _turn(self) -> None:
        """One wake-up: events, then everything that was collected is written, then what is overdue ends."""
        events = self._selector.select(min(self._due, DRAIN / 10) if self._ending else self._due)
        now = Instant(time.monotonic())
        over = bool(events)
        for key, mask in events:
            over = key.data(mask, now) is True and over
        if len(events) >= TURN:
            self._look_first(now)
        if over and now < self._round:
            # Hits and nothing else: there is nothing to write, to send on or to end.
            self._due = self._round - now
            return
        # Before the flush: what ends here is answered in this wake-up.
        due = self.desk.expire(now)
        reopens, ended = inf, False
        for listening in self._listening:
            listening.flush(now)
            listening.expire_sometimes(now)
            reopens = min(reopens, listening.reopens)
            ended = ended or listening.ended
        if ended:
            self._listening = [listening for listening in self._listening if not listening.ended]
        self._tend(now)
        if now >= self._next_look:
            self._look(now)
        for pair in [*self._pairs.values()]:
            pair.flush()
        self._asked.flush()
        patience = min(self._patience(now), max(reopens - now, 0.0))
        self._due = patience if due is None else min(due, patience)
        self._round = now + self._due

    def _look(self, now: Instant) -> None:
        self._next_look = now + IDLE_TURN
        for line in self._watchman.look(self.desk.counters, now):
            log(self.name, line)

    # what the parts need of the loop

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        """Register, change or (0) forget a socket; `owner.ready(events, now)` is called."""
        self._watching.watch(endpoint, events, owner)

    def lose(self, pair: Pair, why: str) -> None:
        """The pair is of no more use: close it (which ends the other cell) and wait for the supervisor's next."""
        if self._pairs.get(pair.name) is not pair:
            return
        log(self.name, why)
        del self._pairs[pair.name]
        self.desk.counters[pair.lost] += 1
        if pair.name.kind is self.peer:
            self.desk.connect(None, pair.name.number)
        pair.close()

    def rest(self, pair: Pair) -> None:
        """The other end has nothing to do, and ends; the supervisor brings the next when there is one."""
        if self._pairs.get(pair.name) is pair:
            del self._pairs[pair.name]
        pair.close()

    def accuse(self, name: PairName) -> None:
        """What does not decode ends its sender."""
        accuse(self._link, name)

    # link

    def ready(self, _events: int, now: Instant) -> None:
        """The supervisor says something."""
        message = hear(self._link, self._deserted)
        if message is not None:
            self._take(message)
            self._apply(message.type, now)

    def _deserted(self) -> None:
        self._ending = True
        self.watch(self._link, 0, self)

    def _take(self, message: LinkMessage) -> None:
        """Keep what came; what it means is for `prepare` or `_apply` to see."""
        match message.type, message.descriptors:
            case LinkType.NUMBER, ():
                self._number, self._cores = number_of(message)
            case kind, (descriptor,) if self._is_asked(kind):
                self._asked.take(descriptor)
            case kind, (descriptor,) if kind in self.pairs:
                name = pair_name(message)
                former = self._pair_sockets.pop(name, None)
                if former is not None:
                    os.close(former)
                self._pair_sockets[name] = descriptor
            case LinkType.SETTINGS, (descriptor,):
                self._load_settings(descriptor)
                os.close(descriptor)
            case LinkType.SECRET, (descriptor,):
                self._secret = take_secret(descriptor)
            case ((LinkType.WITHDRAW | LinkType.PING | LinkType.END), ()):
                pass
            case _:
                self._take_own(message)

    def _apply(self, kind: LinkType, now: Instant) -> None:
        """Act on what came while serving."""
        settings = self._front_settings()
        match kind:
            case LinkType.SETTINGS if settings is not None:
                self.desk.use(settings)
                self.admission = Admission(settings)
                self._assign()
                self._use_settings(now)
                tell_ready(self._link, settings.generation)
            case LinkType.WITHDRAW:
                self._withdraw()
            case LinkType.PING:
                send_message(self._link, LinkType.PING)
            case LinkType.END:
                self._ending = True
            case _ if kind in self.pairs or self._is_asked(kind):
                self._open_pairs()
            case _:
                self._apply_own(kind)

    def regroup(self, now: Instant) -> None:
        """Leases came or went: whose device is where may be new, and connections that stand are looked at again."""
        if self._assign():
            self._use_settings(now)

    def _assign(self) -> bool:
        leases = self.desk.local.leases
        devices = self.admission.devices.items()
        return self.admission.assign({at: group for name, group in devices for at in leases.addresses(name) or ()})

    def _is_asked(self, kind: LinkType) -> bool:
        """Whether this cell is asked on a pair of this kind. The first front asks the others and is asked by nobody."""
        return kind is self.asked_on and (kind not in self.pairs or self._number > 0)

    def _open_pairs(self) -> None:
        self._asked.open()
        for name in [*self._pair_sockets]:
            self._open_pair(name, adopt(self._pair_sockets.pop(name)))

    def _open_pair(self, name: PairName, endpoint: socket.socket) -> None:
        former = self._pairs.get(name)
        if former is not None:
            self.lose(former, f"a new {former.other.removeprefix('the ')} takes over")
        pair = self._pairs[name] = self.pairs[name.kind](self, endpoint, name)
        if isinstance(pair, Peer):
            self.desk.connect(pair, name.number)
        self.watch(endpoint, selectors.EVENT_READ, pair)


class Watching:
    """Which events of which sockets matter, in a selector. The selector itself puts the addresses of a socket that it does not
    know into its error, which takes system calls."""

    def __init__(self, selector: Readiness) -> None:
        self._selector = selector
        self._events: dict[int, int] = {}
        """By descriptor."""

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        """As `ClientsCell.watch`."""
        number = endpoint.fileno()
        known = self._events.get(number, 0)
        if not events:
            if self._events.pop(number, 0):
                self._selector.unregister(endpoint)
            return
        self._events[number] = events
        if not known:
            self._selector.register(endpoint, events, owner.ready)  # type: ignore[attr-defined]
        elif known != events:
            self._selector.modify(endpoint, events, owner.ready)  # type: ignore[attr-defined]
