"""The real listeners of `secure` in a process of their own, in front of a resolver that is played: every question has an answer.

`serving` gives where they are; the process can be asked for its CPU time, its memory and its counters.
"""

import multiprocessing
import os
import resource
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from kit.certificates import Identity
from kit.desk import answer

from anchorhold.cells.clients import Watching
from anchorhold.cells.readiness import open_readiness
from anchorhold.secure_side import RECEIVE_BUFFER
from net.quic_server import Terms
from net.tls_server import Credentials, ServerContexts
from resolver.admission import Admission
from resolver.edge.flights import Flight
from resolver.edge.listen.dot import DotSession
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.https import HttpsSession
from resolver.edge.listen.quic import QuicListener
from resolver.edge.listen.requests import serve_doh
from resolver.edge.listen.sessions import QUIC_PROTOCOLS, TALKS
from resolver.edge.listen.tls_listener import Speak, TlsListener
from resolver.edge.serve import Desk
from resolver.settings import CacheSettings, ClientGroup, FrontSettings, SecureSettings, Served
from wire.units import Instant

PROTOCOLS: dict[Served, tuple[Speak, str]] = {
    Served.TLS: (DotSession, "dot"),
    Served.HTTPS: (HttpsSession, "h2"),
}


class AnsweringPort:
    """A resolver that answers within the turn."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked: list[Flight] = []

    def query(self, flight: Flight, _deadline: float) -> None:
        self._asked.append(flight)

    def answer(self, now: Instant) -> None:
        while self._asked:
            flight = self._asked.pop()
            self._desk.replied(flight.handle, answer(flight.key.question), now)

    def refresh(self, flight: Flight) -> None:
        self.query(flight, 0.0)

    def cancel(self, _handle: int) -> None:
        pass


class Loop:
    """The readiness loop of the cell, as far as listeners need it."""

    def __init__(self, settings: SecureSettings) -> None:
        self._selector = open_readiness()
        self._watching = Watching(self._selector)
        self.desk = Desk(settings.front, bytes(32), 1, time.time)
        self._port = AnsweringPort(self.desk)
        self.desk.connect(self._port)
        self.desk.grant(1 << 60, Instant(0.0))
        self.house = SecureHouse(settings, self.desk, Admission(settings.front))
        serve_doh(self.house)
        self.listeners: list[TlsListener | QuicListener] = []

    def listen(self, served: Served, who: Identity) -> int:
        """The port."""
        return self._listen_tls(served, who) if served.stream else self._listen_quic(served, who)

    def _listen_quic(self, served: Served, who: Identity) -> int:
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        endpoint.bind(("127.0.0.1", 0))
        endpoint.setblocking(False)
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        settings = self.house.settings
        terms = Terms(who.certificate, who.key, (QUIC_PROTOCOLS[served],), settings.idle, settings.streams)
        quic = QuicListener(endpoint, served, self.house, terms, TALKS[served], self.watch)
        self.listeners.append(quic)
        self.watch(endpoint, selectors.EVENT_READ, quic)
        port: int = endpoint.getsockname()[1]
        return port

    def _listen_tls(self, served: Served, who: Identity) -> int:
        endpoint = socket.socket()
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        endpoint.bind(("127.0.0.1", 0))
        endpoint.listen(1_024)
        endpoint.setblocking(False)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        speak, alpn = PROTOCOLS[served]
        contexts = ServerContexts(Credentials(who.certificate, who.key), alpn, time.monotonic())
        listener = TlsListener(endpoint, served, contexts, self.house, self.watch, speak)
        self.listeners.append(listener)
        self.watch(endpoint, selectors.EVENT_READ, listener)
        port: int = endpoint.getsockname()[1]
        return port

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        self._watching.watch(endpoint, events, owner)

    def turn(self, patience: float) -> None:
        due = [
            listener.due(Instant(time.monotonic())) for listener in self.listeners if isinstance(listener, QuicListener)
        ]
        reopens = min(listener.reopens for listener in self.listeners)
        patience = min(patience, max(reopens - time.monotonic(), 0.0))
        events = self._selector.select(min([patience, *(seconds for seconds in due if seconds is not None)]))
        now = Instant(time.monotonic())
        for key, mask in events:
            key.data(mask, now)
        self._port.answer(now)
        for listener in self.listeners:
            listener.flush(now)
            listener.expire_sometimes(now)


def _serve(far: Connection, settings: SecureSettings, who: Identity) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop = Loop(settings)
    far.send({served: loop.listen(served, who) for served in Served})
    watcher = Watcher(far, loop)
    with socket.socket(fileno=os.dup(far.fileno())) as pipe:
        loop.watch(pipe, selectors.EVENT_READ, watcher)
        while not watcher.ended:
            loop.turn(0.1)


class Watcher:
    """Tells the parent how it goes, whenever it asks."""

    def __init__(self, far: Connection, loop: Loop) -> None:
        self._far = far
        self._loop = loop
        self.ended = False

    def ready(self, _events: int, _now: Instant) -> None:
        try:
            self._far.recv()
        except EOFError:
            self.ended = True
            return
        loop = self._loop
        self._far.send((time.process_time(), resident(), dict(loop.desk.counters), len(loop.house.guests)))


def resident() -> int:
    """Octets of memory of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@dataclass(frozen=True)
class State:
    """Of the serving process: CPU seconds spent, octets resident, counters, connections."""

    cpu: float
    memory: int
    counters: dict[str, int]
    guests: int


@dataclass
class WayIn:
    """A running one."""

    ports: dict[Served, int]
    near: Connection

    def state(self) -> State:
        self.near.send(None)
        assert self.near.poll(60), "the listeners hang"
        return State(*self.near.recv())


def front(**changes: object) -> FrontSettings:
    groups = (ClientGroup("default"), ClientGroup("kids"))
    allow = ("127.0.0.0/8", "::1/128")
    return FrontSettings(1, groups, allow, CacheSettings(), rate=0.0, **changes)  # type: ignore[arg-type]


@contextmanager
def serving(who: Identity, **changes: object) -> Iterator[WayIn]:
    """`changes` are of SecureSettings."""
    settings = SecureSettings(front(), name="dns.example", **changes)  # type: ignore[arg-type]
    spawn = multiprocessing.get_context("fork")
    near, far = spawn.Pipe()
    child = spawn.Process(target=_child, args=(near, far, settings, who), daemon=True)
    child.start()
    far.close()
    try:
        assert near.poll(60), "the listeners do not start"
        yield WayIn(near.recv(), near)
    finally:
        near.close()
        child.join(5)
        if child.is_alive():
            child.kill()
            child.join()


def _child(near: Connection, far: Connection, settings: SecureSettings, who: Identity) -> None:
    near.close()
    _serve(far, settings, who)
