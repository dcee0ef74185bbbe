"""QUIC (RFC 9000) for clients: one UDP socket, its connections by connection id, Retry under pressure, timers in a heap.

A connection costs us work and a reply three times as long as what came; so where many have not proved yet that they are where
they say, the next gets a Retry packet and nothing is remembered of it.
"""

import os
import socket
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf

from net import sockets
from net.messages import Address
from net.quic_packets import (
    ID_LENGTH,
    LEAST_CHOSEN,
    LEAST_INITIAL,
    LONGEST_RESET,
    SHORTEST_RESET,
    VERSION,
    LongHeader,
    Tokens,
    build_retry,
    build_version_negotiation,
    is_long,
    read_long,
)
from net.quic_server import Terms
from resolver.admission import Bucket, Client
from resolver.edge.listen.acceptor import MINIMUM_IDLE, idle_time
from resolver.edge.listen.datagram import ANCILLARY, BATCH, MAX_PACKET, source_of
from resolver.edge.listen.door import Watch
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.quic_guest import QuicGuest, Speak
from resolver.settings import Served
from wire.units import Instant

RETRY_ABOVE = 32
"""Connections whose clients have not proved their address; further ones must prove it first (RFC 9000 §8.1.2)."""
UNPROVED_RATE = 32.0
"""New ones of such a second, for those that come to nothing at once are not there to be counted."""

RESET_RATE = 64.0
"""Stateless resets a second (RFC 9000 §10.3): packets to nobody are noise mostly."""

HANDSHAKE_PATIENCE = 10.0
"""Seconds a handshake may take while there is room."""
LEAST_PATIENCE = 2.0
"""The same when the house is full."""

SPARE_TIMERS = 64
"""Timers of those who are gone that may be left over; more are looked for."""

SHORTEST = 0.001
"""Seconds until a timer at least: aioquic's own grain."""

MOST_HEARD = 256
"""Pieces of streams, mostly questions, of one wake-up. Fewer would cost more each: answers to one client go in few packets."""

Source = list[tuple[int, int, bytes]]


class QuicListener:
    """One bound UDP socket, non-blocking, and its connections. `speak` makes what is spoken on one after its handshake."""

    def __init__(
        self,
        endpoint: socket.socket,
        served: Served,
        house: SecureHouse,
        terms: Terms,
        speak: Speak,
        watch: Watch,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.socket = endpoint
        self.closed = False
        self.served = served
        self.house = house
        self.terms = terms
        self.speak = speak
        self.dirty: list[QuicGuest] = []
        self.heard = 0
        """Pieces of streams, mostly questions, that came with this wake-up."""
        self.guests: set[QuicGuest] = set()
        self.unproved: set[QuicGuest] = set()
        self._watch = watch
        self._entropy = entropy
        self._tokens = Tokens(entropy(32))
        self._by_id: dict[bytes, QuicGuest] = {}
        self._timers: list[tuple[float, int]] = []
        self._numbered: dict[int, QuicGuest] = {}
        """By number, for timers: an entry that is no more of use must not keep the connection that it was for."""
        self._numbers = count()
        self._fresh = Bucket(0.0, Instant(0.0))
        self._resets = Bucket(0.0, Instant(0.0))
        self._sweep = Instant(0.0)
        self._retiring = False

    reopens = Instant(inf)
    """All connections share one descriptor."""

    # packets

    def ready(self, _events: int, now: Instant) -> None:
        """Take what has arrived, up to BATCH packets, or MOST_HEARD and what else came with the last of them: one packet may hold
        dozens, and others than those who ask over QUIC have their turn in between."""
        if self.closed:
            return
        self.heard = 0
        receive = self.socket.recvmsg
        try:
            for _ in range(BATCH):
                data, ancillary, _, address = receive(MAX_PACKET, ANCILLARY)
                self.take(data, address, ancillary, now)
                if self.heard >= MOST_HEARD:
                    break
        except BlockingIOError:
            pass
        except OSError as error:
            self.house.count(f"quic-{error.errno}")

    def take(self, data: bytes, address: Address, ancillary: Source, now: Instant) -> None:
        """One datagram: to its connection, to a new one, or nowhere."""
        client = self.house.admission.client(address[0], now)
        if not client.allowed:
            self.house.count("dropped-access")
            return
        if len(data) < SHORTEST_RESET or not address[1]:
            self.house.count("quic-noise")
            return
        if not is_long(data):
            label = data[1 : 1 + ID_LENGTH]
            guest = self._by_id.get(label)
            if guest is None:
                self._reset(label, len(data), address, source_of(ancillary), now)
            self._deliver(guest, data, address, now)
            return
        header = read_long(data)
        if header is None:
            self.house.count("quic-noise")
            return
        guest = self._by_id.get(header.destination)
        if guest is None and (header.initial or header.version != VERSION):
            self._meet(header, data, client, address, ancillary, now)
        else:
            self._deliver(guest, data, address, now)

    def _deliver(self, guest: QuicGuest | None, data: bytes, address: Address, now: Instant) -> None:
        if guest is None:
            self.house.count("quic-unknown")
        elif guest.address != address:
            # > An endpoint that has sent this transport parameter and … MUST either drop the incoming packets on that path
            # > without generating a Stateless Reset or proceed with path validation (RFC 9000 §9)
            self.house.count("quic-moved")
        else:
            guest.receive(data, now)

    def _reset(self, label: bytes, length: int, address: Address, source: Source, now: Instant) -> None:
        """Who did not hear of the end of a connection is told that there is none."""
        datagram = self.terms.resets.build(label, length, self._entropy(LONGEST_RESET))
        self._resets.tokens -= 1.0
        if datagram is None or (self._resets.tokens < 0.0 and not self._resets.refill(RESET_RATE, RESET_RATE, now)):
            return
        self.house.count("quic-resets")
        self.send(datagram, address, source)

    def _meet(
        self, header: LongHeader, data: bytes, client: Client, address: Address, ancillary: Source, now: Instant
    ) -> None:
        """Somebody new."""
        if len(data) < LEAST_INITIAL:
            self.house.count("quic-short-initial")
            return
        source = source_of(ancillary)
        if header.version != VERSION:
            self.house.count("quic-other-version")
            self.send(build_version_negotiation(header, self._entropy(1)[0] & 0x7F), address, source)
            return
        place = client.packed + address[1].to_bytes(2, "big")
        original = self._tokens.original(header, place, now) if header.token else None
        if original is not None:
            self._begin(original, header.destination, data, client, address, source, now)
        elif len(header.destination) < LEAST_CHOSEN:
            self.house.count("quic-noise")
        elif self._is_pressed(now):
            ours = self._entropy(ID_LENGTH)
            self.house.count("quic-retries")
            self.send(build_retry(header, ours, self._tokens.make(header, ours, place, now)), address, source)
        else:
            self._begin(header.destination, None, data, client, address, source, now)

    def _is_pressed(self, now: Instant) -> bool:
        """Whether too many are here, or were begun just now, of whom nobody knows where they are."""
        if len(self.unproved) >= RETRY_ABOVE:
            return True
        self._fresh.tokens -= 1.0
        return self._fresh.tokens < 0.0 and not self._fresh.refill(UNPROVED_RATE, UNPROVED_RATE, now)

    def _begin(
        self,
        original: bytes,
        retried: bytes | None,
        data: bytes,
        client: Client,
        address: Address,
        source: Source,
        now: Instant,
    ) -> None:
        if self._retiring or not self.house.may_enter(client, now):
            return
        guest = QuicGuest(self, client, address, source, original, retried, now, next(self._numbers))
        self._numbered[guest.number] = guest
        self.guests.add(guest)
        self.house.enter(guest)
        if retried is None:
            self.unproved.add(guest)
        self.know(retried or original, guest)
        guest.receive(data, now)
        if not guest.conversation.started:
            self.house.count("quic-noise")
            guest.vanish()

    def send(self, datagram: bytes, address: Address, source: Source) -> None:
        """Send now or drop: QUIC repairs losses."""
        try:
            if source:
                self.socket.sendmsg([datagram], source, 0, address)
            else:
                self.socket.sendto(datagram, address)
        except OSError as error:
            self.house.count(f"quic-send-{error.errno}")

    # for the guests

    def know(self, label: bytes, guest: QuicGuest) -> None:
        """Packets to this connection id are the guest's; if it is another's already, they stay that one's."""
        if self._by_id.setdefault(label, guest) is guest:
            guest.labels.add(label)

    def unknow(self, label: bytes, guest: QuicGuest) -> None:
        """They are nobody's."""
        if label in guest.labels:
            guest.labels.remove(label)
            del self._by_id[label]

    def proved(self, guest: QuicGuest) -> None:
        """It is where it said."""
        if guest in self.unproved:
            self.unproved.remove(guest)
            self._fresh.tokens = min(self._fresh.tokens + 1.0, UNPROVED_RATE)

    def gone(self, guest: QuicGuest) -> None:
        """Give everything back."""
        self.guests.discard(guest)
        self._numbered.pop(guest.number, None)
        self.unproved.discard(guest)
        self.house.leave(guest)
        for label in guest.labels:
            del self._by_id[label]
        guest.labels.clear()
        if len(self._timers) > 2 * len(self.guests) + SPARE_TIMERS:
            self._timers = [entry for entry in self._timers if entry[1] in self._numbered]
            heapify(self._timers)
        self._end_if_done()

    # time

    def flush(self, now: Instant) -> None:
        """Send what the connections have to say after this wake-up."""
        while self.dirty:
            waiting, self.dirty = self.dirty, []
            for guest in waiting:
                guest.flush(now)
                self._note_timer(guest, now)

    def _note_timer(self, guest: QuicGuest, now: Instant) -> None:
        """One entry a guest at least, no later than its timer; one that is too early is noticed when it comes up."""
        due = guest.timer
        if due is not None and due < guest.noted:
            due = max(due, now + SHORTEST)
            guest.noted = due
            heappush(self._timers, (due, guest.number))

    def due(self, now: Instant) -> float | None:
        """Seconds until a timer of a connection comes up, None if there is none."""
        return max(self._timers[0][0] - now, 0.0) if self._timers else None

    def expire_sometimes(self, now: Instant) -> None:
        """Timers that came up; a fifth of a second apart also who has been here too long for nothing."""
        while self._timers and self._timers[0][0] <= now:
            when, number = heappop(self._timers)
            guest = self._numbered.get(number)
            if guest is None or guest.noted != when:
                continue
            guest.noted = inf
            due = guest.timer
            if due is not None and due <= now:
                # Its next one is noted when it was flushed; before that the core would name this one again.
                guest.expire(now)
            else:
                self._note_timer(guest, now)
        if self.guests and now >= self._sweep:
            self._sweep = Instant(now + MINIMUM_IDLE)
            self.expire(now)
        if self.dirty:
            self.flush(now)

    def expire(self, now: Instant) -> None:
        """End who shakes hands for too long, is idle, or is stuck."""
        house = self.house
        idle, stuck = house.patience, house.settings.idle + house.settings.front.deadline
        handshake = max(idle_time(HANDSHAKE_PATIENCE, len(house.guests), house.settings.connections), LEAST_PATIENCE)
        for guest in list(self.guests):
            silent = now - guest.active
            if not guest.proved:
                if silent > handshake:
                    house.count("quic-slow-handshake")
                    # To the client it may be done. If its address may be forged, it gets three times what it sent and no more.
                    guest.vanish() if guest in self.unproved else guest.shed(now)
            elif self._retiring and not guest.owing:
                guest.shed(now)
            elif silent > (stuck if guest.owing else idle):
                house.count("quic-stuck" if guest.owing else "quic-idle")
                guest.shed(now)

    # for the cell

    @property
    def owing(self) -> bool:
        """Whether an answer to anybody is still to be made or written."""
        return any(guest.owing for guest in self.guests)

    def use(self, now: Instant) -> None:
        """The house has other settings: who may not ask any more goes."""
        self.terms.use(self.house.settings.idle, self.house.settings.streams)
        for guest in list(self.guests):
            guest.client = self.house.admission.client(guest.address[0], now)
            if not guest.client.allowed:
                self.house.count("dropped-access")
                guest.shed(now)

    def close(self) -> None:
        """Let nobody new in; the socket goes with the last who waits for an answer, for answers leave through it.

        Who waits for nothing is told to come again: as long as the socket is open it takes packets from whoever listens at the
        same place after us, and nobody can bind it.
        """
        self._retiring = True
        for guest in list(self.guests):
            if not guest.owing:
                guest.shed()
        self._end_if_done()

    def leave(self) -> None:
        """The cell ends: say so to everybody, and close the socket."""
        self._retiring = True
        for guest in list(self.guests):
            guest.shed()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._retiring and not self.guests and not self.closed:
            self.closed = True
            self._watch(self.socket, 0, self)
            sockets.close(self.socket)

    @property
    def ended(self) -> bool:
        """Closed, and nobody is left."""
        return self.closed and not self.guests
