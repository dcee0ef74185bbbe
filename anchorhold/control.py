"""The control socket's side in `front`: an operator's one-line JSON requests, answered in JSON lines.

The socket is 0600, so whoever can connect may ask anything. A request is `{"verb": …}` and a newline. What only the
resolver knows is asked of it with a FACT message, and its text is relayed unread.
"""

import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from anchorhold.__about__ import __version__
from anchorhold.control_connection import ControlConnection
from anchorhold.control_requests import (
    BadRequest,
    Line,
    blocked_argument,
    exception_argument,
    inner_argument,
    octets,
    pause_argument,
)
from anchorhold.forms import describe
from anchorhold.ipc import Verb
from net import sockets
from net.shortage import is_shortage
from resolver.admission import Admission
from resolver.edge.listen.door import OF_ONE, Door, Watch
from resolver.edge.serve import Desk
from wire.units import Instant

MAX_CONNECTIONS = 8
IDLE = 5.0
"""Seconds until a silent operator is hung up on; the resolver's answer may take as long."""

_NO_RESOLVER = "the resolver is not there just now; try again in a second"
_NO_SECURE = "the secure cell is not there just now; without a certificate it cannot start (the log says so)"


@dataclass(frozen=True, slots=True)
class Front:
    """What an operator's question is about."""

    desk: Desk
    admission: Admission
    restarts: int
    pid: int


Answer = Callable[[bytes, bool], None]
"""Takes a piece of text, and whether more follow."""


class Relay(Protocol):
    """The ways to other cells for an operator's question."""

    def fact(self, verb: Verb, argument: bytes, group: int, answer: Answer) -> bool:
        """Ask the resolver. False if there is none just now."""

    def lease_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        """Ask the dhcp cell. False if there is none, or none just now."""

    def secure_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        """Ask the secure cell. False if there is none, or none just now."""

    def lists_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        """Ask the lists cell. False if there is none, or none just now."""

    def make_room(self, now: Instant) -> bool:
        """End a client's connection that waits for nothing, for an operator's; False if there is none."""


class ControlServer:
    """The listening control socket and its few connections."""

    def __init__(self, endpoint: socket.socket, front: Callable[[], Front], relay: Relay, watch: Watch) -> None:
        self.socket = endpoint
        self.watch = watch
        self._front = front
        self._relay = relay
        self._connections: set[ControlConnection] = set()
        self._door = Door(endpoint, watch, self)

    def ready(self, _events: int, now: Instant) -> None:
        """Accept an operator."""
        endpoint = self._accept(now)
        if endpoint is None:
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            sockets.close(endpoint)
            return
        connection = ControlConnection(self, endpoint, now)
        self._connections.add(connection)
        self.watch(endpoint, selectors.EVENT_READ, connection)

    def _accept(self, now: Instant) -> socket.socket | None:
        for _ in range(2):
            try:
                return sockets.accept(self.socket)[0]
            except BlockingIOError:
                return None
            except OSError as error:
                self._front().desk.counters[f"control-accept-{error.errno}"] += 1
                if error.errno in OF_ONE:
                    continue
                # Where clients have taken everything, an operator who comes to see why must get in.
                if not (is_shortage(error) and self._relay.make_room(now)):
                    break
        self._door.close(now)
        return None

    def gone(self, connection: ControlConnection) -> None:
        """Forget a connection."""
        self.watch(connection.socket, 0, connection)
        sockets.close(connection.socket)
        self._connections.discard(connection)
        self._door.open()

    def expire(self, now: Instant) -> None:
        """Hang up on who has been here too long."""
        self._door.tend(now)
        for connection in [c for c in self._connections if now - c.since > 2 * IDLE]:
            connection.close()

    def origin(self) -> Line:
        """Where the answer that is being delivered came from; operators are in the default group."""
        desk = self._front().desk
        return {"origin": desk.origin, "group": desk.settings.client_groups[0].name}

    def carry_out(self, request: Line, connection: ControlConnection, now: Instant) -> None:
        """Answer one request. Raises BadRequest."""
        verb = request["verb"]
        match verb:
            case "version":
                connection.say({"cell": "front", "version": __version__, "form": describe(), "pid": self._front().pid})
                connection.finish()
            case "ask":
                self._ask(request, connection, now)
            case "explain":
                self._explain(request, connection, now)
            case "status":
                self._report(connection)
            case "cache-stats":
                connection.say({"cell": "front", "cache": self._cache()})
                self._pass_on_to_both(Verb.CACHE_STATS, b"", connection)
            case "cache-flush":
                name = octets(request, "name")
                if not name:
                    raise BadRequest('cache-flush needs a name; the root, "00", is all of it')
                connection.say({"cell": "front", "flushed": self._front().desk.cache.flush(name)})
                self._pass_on_to_both(Verb.CACHE_FLUSH, name, connection)
            case "cache-dump":
                self._pass_on(Verb.CACHE_DUMP, b"", 0, connection)
            case "anchors":
                self._pass_on(Verb.ANCHORS, b"", 0, connection)
            case "except":
                self._pass_on(Verb.EXCEPT, exception_argument(request), 0, connection)
            case "pause":
                names = tuple(group.name for group in self._front().desk.settings.client_groups)
                argument, group = pause_argument(request, names)
                self._pass_on(Verb.PAUSE, argument, group, connection)
            case "blocked":
                self._pass_on(Verb.BLOCKED, blocked_argument(request), 0, connection)
            case "leases":
                if not self._relay.lease_fact(Verb.LEASES, inner_argument(request), connection.relay):
                    raise BadRequest(self._no_dhcp())
            case "lists":
                if not self._relay.lists_fact(Verb.LISTS, inner_argument(request), connection.relay):
                    raise BadRequest(self._no_lists())
            case _:
                raise BadRequest(f"unknown verb {verb!r}")

    def _pass_on(self, verb: Verb, argument: bytes, group: int, connection: ControlConnection) -> None:
        if not self._relay.fact(verb, argument, group, connection.relay):
            raise BadRequest(_NO_RESOLVER)

    def _pass_on_to_both(self, verb: Verb, argument: bytes, connection: ControlConnection) -> None:
        """To the secure cell, if there is one, and then to the resolver."""

        def heard(text: bytes, more: bool) -> None:
            connection.add(text, more)
            if not more and not self._relay.fact(verb, argument, 0, connection.relay):
                connection.say({"error": _NO_RESOLVER})
                connection.finish()

        if not self._relay.secure_fact(verb, argument, heard):
            self._pass_on(verb, argument, 0, connection)

    def _no_dhcp(self) -> str:
        if not self._front().desk.settings.leases:
            return "no dhcp cell is running: the configuration has no [dhcp] section"
        return "the dhcp cell is not there just now; try again in a second"

    def _no_lists(self) -> str:
        if not self._front().desk.settings.lists:
            return "no lists cell is running: the configuration has no [lists]"
        return "the lists cell is not there just now; try again in a second"

    def _report(self, connection: ControlConnection) -> None:
        """The status of all cells: ours, the resolver's, and those of dhcp, secure and lists if they should be there."""
        connection.say(self._status())
        settings = self._front().desk.settings
        asks: list[tuple[Callable[[Answer], bool], Line | None]] = [
            (lambda answer: self._relay.fact(Verb.STATUS, b"", 0, answer), {"error": _NO_RESOLVER}),
            (
                lambda answer: self._relay.lease_fact(Verb.STATUS, b"", answer),
                {"cell": "dhcp", "error": self._no_dhcp()} if settings.leases else None,
            ),
            (
                lambda answer: self._relay.secure_fact(Verb.STATUS, b"", answer),
                {"cell": "secure", "error": _NO_SECURE} if settings.announcement is not None else None,
            ),
            (
                lambda answer: self._relay.lists_fact(Verb.STATUS, b"", answer),
                {"cell": "lists", "error": self._no_lists()} if settings.lists else None,
            ),
        ]
        self._report_rest(connection, asks)

    def _report_rest(
        self, connection: ControlConnection, asks: list[tuple[Callable[[Answer], bool], Line | None]]
    ) -> None:
        """One cell after another; of one that does not answer, what is said instead."""
        if not asks:
            connection.finish()
            return
        (ask, absent), rest = asks[0], asks[1:]

        def heard(text: bytes, more: bool) -> None:
            connection.add(text, more)
            if not more:
                self._report_rest(connection, rest)

        if ask(heard):
            return
        if absent is not None:
            connection.say(absent)
        self._report_rest(connection, rest)

    def _ask(self, request: Line, connection: ControlConnection, now: Instant) -> None:
        front = self._front()
        message = octets(request, "message")
        if len(message) < 12:
            raise BadRequest("the message is shorter than a DNS header")
        # Whoever may use the control socket may ask: neither access list nor rate limit applies.
        front.desk.receive(message, front.admission.operator(), connection, now)

    def _explain(self, request: Line, connection: ControlConnection, now: Instant) -> None:
        front = self._front()
        key = octets(request, "key")
        flags, address, dnssec = request.get("flags", 0), request.get("client") or "", request.get("dnssec", False)
        if len(key) < 5 or not isinstance(flags, int) or not isinstance(address, str) or not isinstance(dnssec, bool):
            raise BadRequest("explain needs a key, flags and a client, and dnssec true or false")
        allowed, group = True, 0
        if address:
            try:
                allowed, group = front.admission.group_of(address)
            except ValueError:
                raise BadRequest(f"{address!r} is not an IP address") from None
        name = front.desk.settings.client_groups[group].name
        lease = front.desk.local.answer(key, flags, group, now) is not None
        connection.say(
            {
                "cell": "front",
                "client": address or None,
                "allowed": allowed,
                "group": name,
                "cached": front.desk.cached_for(key, flags, group, now),
                "lease": lease,
            }
        )
        if lease:
            # Nor does the resolver learn of it because somebody wants to know why.
            connection.finish()
            return
        # Who gets no answer at all makes nobody ask either.
        verb = Verb.TRACE if dnssec and allowed else Verb.EXPLAIN
        self._pass_on(verb, bytes((flags & 0xFF,)) + key, group, connection)

    def _status(self) -> Line:
        front = self._front()
        return {
            "cell": "front",
            "version": __version__,
            "form": describe(),
            "pid": front.pid,
            "generation": front.desk.settings.generation,
            "restarts": front.restarts,
            "open": front.desk.open,
            "clients": len(front.admission.clients),
            "counters": dict(sorted(front.desk.counters.items())),
            "cache": self._cache(),
            "leases": {"addresses": len(front.desk.local.leases), "refused": front.desk.local.leases.over},
        }

    def _cache(self) -> Line:
        cache = self._front().desk.cache
        return {"answers": len(cache), "octets": cache.size, "ceiling": cache.ceiling, "evicted": cache.evicted}
