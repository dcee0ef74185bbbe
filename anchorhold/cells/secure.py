"""The cell that knows clients that ask over encrypted ways: their sockets, the key of our certificate, a cache of its own.

It never opens a connection and, once it serves, no file: certificate and key come over the link, before START, and are looked
into when no right is left. A new certificate means a new process. The loop is `anchorhold/cells/clients.py`.
"""

import os
import resource
import selectors
import socket
import time
from typing import ClassVar

from anchorhold import ceilings, snapshot
from anchorhold.cells.carrying import CarryingPeer
from anchorhold.cells.clients import IDLE_TURN, ClientsCell, MakePair
from anchorhold.cells.peer import LeasePeer
from anchorhold.cells.rules import ACCEPT, HEAP, WAKE
from anchorhold.cells.start import EXIT_CREDENTIALS, collect_seldom, end_at_once, ignore_terminal_signals
from anchorhold.certificates.subjects import is_covered, subjects_of
from anchorhold.control_lines import cache_line
from anchorhold.control_requests import Line
from anchorhold.facts import log
from anchorhold.ipc import Verb
from anchorhold.link import LinkMessage, LinkType, PairName, nth, send_message
from anchorhold.sandbox import CRYPTOGRAPHY, SandboxProfile, preload
from anchorhold.sandbox.profile import Network, calls
from net.quic_server import Terms
from net.sockets import adopt
from net.tls_server import Credentials, CredentialsRefused, ServerContexts, leaf_of
from resolver.edge.listen.batched import RECEIVE, SEND, SOCKET, one_by_one
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.oblivious import Oblivious
from resolver.edge.listen.quic import QuicListener
from resolver.edge.listen.requests import serve_doh
from resolver.edge.listen.sessions import QUIC_PROTOCOLS, SESSIONS, TALKS
from resolver.edge.listen.tls import PROTOCOLS
from resolver.edge.listen.tls_listener import TlsListener
from resolver.settings import FrontSettings, SecureSettings, Served
from wire.errors import Malformed
from wire.units import Instant

NAME = "secure"

LAZY = CRYPTOGRAPHY
"""What reading keys and certificates would import at first use."""

KINDS = tuple(Served)
"""In a SECURE message: the place in this order."""


PROFILE = SandboxProfile(
    NAME,
    calls=(
        *calls("recvfrom", "sendto", "epoll_wait", "epoll_ctl", RECEIVE, SEND, "getpid", "close"),
        *ACCEPT,
        *calls("getsockname", "getrandom"),
        *HEAP,
        *WAKE,
        *calls("exit_group"),
    ),
    network=Network.NONE,
)
"""As that of `front`; what OpenSSL asks when it draws random numbers: for them, and whether this is the same process; and what
ends each of the things that it does once, at first use, with nobody waiting for it (pthread_once(3))."""


class SecureCell(ClientsCell):
    """TLS, QUIC and what is spoken above them."""

    name = NAME
    profile = PROFILE
    peer = LinkType.SECURE_PEER
    pairs: ClassVar[dict[LinkType, MakePair]] = {
        LinkType.SECURE_PEER: CarryingPeer,
        LinkType.SECURE_HOSTS: LeasePeer,
    }
    asked_on = LinkType.STATUS

    def __init__(self, link: socket.socket) -> None:
        super().__init__(link)
        self._settings: SecureSettings | None = None
        self._credentials: Credentials | None = None
        self._contexts: dict[Served, ServerContexts] = {}
        self._waiting: list[tuple[Served, int]] = []
        self._tls: list[TlsListener] = []
        self._terms: dict[Served, Terms] = {}
        self._quic: list[QuicListener] = []
        self._until = 0.0
        self._next_tending = 0.0
        self._names: tuple[str, ...] = ()
        """Of the certificate, as its end is."""
        self._proved: tuple[str, str] | None = None
        """What the supervisor was told, and why not more."""
        self.house: SecureHouse

    @property
    def settings(self) -> SecureSettings:
        """Those in force."""
        assert self._settings is not None  # noqa: S101 # prepare saw to it
        return self._settings

    def _front_settings(self) -> FrontSettings | None:
        return None if self._settings is None else self._settings.front

    def _most_memory(self) -> int:
        return 0 if self._settings is None else ceilings.of_secure(self._settings)

    def _load_settings(self, descriptor: int) -> None:
        self._settings = snapshot.load_mapped(descriptor, SecureSettings)

    def _take_own(self, message: LinkMessage) -> None:
        match message.type, message.descriptors:
            case LinkType.SECURE, (descriptor,) if len(message.body) == 2 and message.body[0] < len(KINDS):
                self._waiting.append((KINDS[message.body[0]], descriptor))
            case LinkType.CERTIFICATE, (chain, key):
                self._credentials = Credentials(snapshot.read_sealed(chain), snapshot.read_sealed(key))
                os.close(chain)
                os.close(key)
            case _:
                super()._take_own(message)

    def _equip(self) -> None:
        self._link = one_by_one(self._link)

    def _begin(self) -> None:
        if self._credentials is None:
            raise Malformed("START before CERTIFICATE")
        now = time.monotonic()
        try:
            self._contexts = {
                served: ServerContexts(self._credentials, protocol, now) for served, protocol in PROTOCOLS.items()
            }
            self._terms = self._make_terms(self._credentials)
        except CredentialsRefused as error:
            log(NAME, f"the certificate cannot be used: {error}")
            raise SystemExit(EXIT_CREDENTIALS) from None
        leaf = leaf_of(self._credentials.chain)
        self._until, self._names = leaf.not_valid_after_utc.timestamp(), subjects_of(leaf).names
        self.house = SecureHouse(self.settings, self.desk, self.admission)
        serve_doh(self.house)
        self._oblivious = Oblivious(self.house, self._carrier, os.urandom, Instant(now))

    def _carrier(self) -> CarryingPeer | None:
        """The way to a cell that connects out, while there is one: the first, so that a target is connected to once."""
        pairs = (self._pairs.get(PairName(LinkType.SECURE_PEER, number)) for number in range(self._cores))
        return next((pair for pair in pairs if isinstance(pair, CarryingPeer)), None)

    def _ways(self) -> list[TlsListener | QuicListener]:
        return [*self._tls, *self._quic]

    def _make_terms(self, credentials: Credentials) -> dict[Served, Terms]:
        settings = self.settings
        return {
            served: Terms(credentials.chain, credentials.key, (protocol,), settings.idle, settings.streams)
            for served, protocol in QUIC_PROTOCOLS.items()
        }

    def _apply_own(self, kind: LinkType) -> None:
        if kind is LinkType.SECURE:
            self._open_listeners()

    def _use_settings(self, now: Instant) -> None:
        self._next_tending = 0.0
        self.house.use(self.settings, self.admission)
        serve_doh(self.house)
        self._oblivious.use()
        for listener in self._ways():
            listener.use(now)

    def _open_listeners(self) -> None:
        for served, descriptor in self._waiting:
            endpoint = adopt(descriptor, kind=SOCKET)
            listener = self._listen_tls(served, endpoint) if served.stream else self._listen_quic(served, endpoint)
            self._listening.append(listener)
            self.watch(endpoint, selectors.EVENT_READ, listener)
        self._waiting.clear()

    def _listen_tls(self, served: Served, endpoint: socket.socket) -> TlsListener:
        contexts = self._contexts[served]
        self._tls.append(TlsListener(endpoint, served, contexts, self.house, self.watch, SESSIONS[served]))
        return self._tls[-1]

    def _listen_quic(self, served: Served, endpoint: socket.socket) -> QuicListener:
        terms = self._terms[served]
        self._quic.append(QuicListener(endpoint, served, self.house, terms, TALKS[served], self.watch))
        return self._quic[-1]

    def _withdraw(self) -> None:
        super()._withdraw()
        self._tls = [listener for listener in self._tls if not listener.ended]
        self._quic = [listener for listener in self._quic if not listener.ended]

    def _tend(self, now: Instant) -> None:
        # Nothing here comes about by what clients say, and a wake-up may be for one answer.
        if now < self._next_tending:
            return
        self._next_tending = now + IDLE_TURN
        self._tell_proved()
        for contexts in self._contexts.values():
            contexts.turn(now)

    def _tell_proved(self) -> None:
        """Say to the supervisor by which name clients that look at the certificate will take it: ours, or none."""
        name, why = self.settings.name, ""
        if time.time() >= self._until:
            why = "the certificate has run out"
        elif name and not is_covered(name, self._names):
            why = "the certificate does not hold the name in [secure]"
        proved = "" if why else name
        if (proved, why) == self._proved:
            return
        if why:
            log(NAME, f"{why}; clients are not sent here")
        self._proved = proved, why
        self.desk.encrypted_up = bool(proved)
        send_message(self._link, LinkType.ENCRYPTED, proved.encode("ascii"))

    def _patience(self, now: Instant) -> float:
        due = [listener.due(now) for listener in self._quic]
        return min((seconds for seconds in due if seconds is not None), default=IDLE_TURN)

    def _depart(self) -> None:
        for listener in self._ways():
            listener.leave()
        super()._depart()

    # operators, by way of front

    def _answer(self, verb: int, argument: bytes) -> Line:
        """What an operator asked."""
        match verb:
            case Verb.STATUS:
                line: Line = self._status()
            case Verb.CACHE_STATS:
                line = {"cache": cache_line(self.desk)}
            case Verb.CACHE_FLUSH if argument:
                line = {"flushed": self.desk.cache.flush(argument)}
            case _:
                line = {"error": "this is no question to the secure cell"}
        return {"cell": nth(NAME, self._number)} | line

    def _status(self) -> Line:
        return {
            "pid": self._pid,
            "generation": self.desk.settings.generation,
            "restarts": self._restarts,
            "open": self.desk.open,
            "clients": len(self.admission.clients),
            "connections": len(self.house.guests),
            "listening": [_place(listener) for listener in self._ways() if not listener.ended],
            "counters": dict(sorted(self.desk.counters.items())),
            "cache": cache_line(self.desk),
        }


def _place(listener: TlsListener | QuicListener) -> str:
    """Our own address, as the configuration writes it."""
    if listener.closed:
        return f"{listener.served.value} (ending)"
    host, port = listener.socket.getsockname()[:2]
    return f"{listener.served.value}://{f'[{host}]' if ':' in host else host}:{port}"


def _allow_descriptors() -> None:
    """Each connection takes one; the usual limit of 1,024 is for programs that wait with select(2)."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


SETTINGS = SecureSettings


def run(link: socket.socket) -> None:
    """Run the secure cell; forked by the supervisor only."""
    preload(*LAZY)
    ignore_terminal_signals()
    _allow_descriptors()
    collect_seldom()
    end_at_once(NAME, SecureCell(link).serve)
