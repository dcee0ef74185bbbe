"""The control socket's side in `front`: an operator's one-line JSON requests, answered in JSON lines.

The socket is 0600, so whoever can connect may ask anything. A request is `{"verb": …}` and a newline. What only the
resolver knows is asked of it with a FACT message, and its text is relayed unread.
"""

import selectors
import socket
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import Protocol

from anchorhold.__about__ import __version__
from anchorhold.control_connection import ControlConnection
from anchorhold.control_lines import Front, Wanted, answer_fact, explain, status_line
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
from anchorhold.link import nth
from anchorhold.spreading import cell_of
from net import sockets
from net.shortage import is_shortage
from resolver.edge.listen.door import OF_ONE, Door, Watch
from resolver.partition import resolver_for
from wire.dns.names import parse_name
from wire.errors import Malformed
from wire.units import Instant

MAX_CONNECTIONS = 8
IDLE = 5.0
"""Seconds until a silent operator is hung up on; the resolver's answer may take as long."""

_NO_RESOLVER = "the resolver is not there just now; try again in a second"
_NO_FRONT = "this front is not there just now; its clients wait for it; try again in a second"
_NO_SECURE = "the secure cell is not there just now; without a certificate it cannot start (the log says so)"
_NO_LISTS = "no lists cell is running: the configuration has no [lists]"

Answer = Callable[[bytes, bool], None]
"""Takes a piece of text, and whether more follow."""
Way = Callable[[Answer], bool]
"""Puts a question to another cell; False if that is not there just now."""
Ask = tuple[Way, Line | None]
"""And what is said in its place then."""


class Relay(Protocol):
    """The ways to other cells for an operator's question."""

    def fact(self, verb: Verb, argument: bytes, group: int, answer: Answer, number: int = 0) -> bool:
        """Ask the resolver of this number. False if there is none, or none just now."""

    def lease_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        """Ask the dhcp cell. False if there is none, or none just now."""

    def secure_fact(self, verb: Verb, argument: bytes, answer: Answer, number: int = 0) -> bool:
        """Ask the secure cell of this number. False if there is none, or none just now."""

    def front_fact(self, verb: Verb, argument: bytes, answer: Answer, number: int) -> bool:
        """Ask the front of this number, from 1 on. False if there is none, or none just now."""

    def lists_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        """Ask the lists cell, also if it has to be started for that. False if there is to be none."""

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
                self._answer_all(Verb.CACHE_STATS, b"", connection, now)
            case "cache-flush":
                name = octets(request, "name")
                if not name:
                    raise BadRequest('cache-flush needs a name; the root, "00", is all of it')
                self._answer_all(Verb.CACHE_FLUSH, name, connection, now)
            case "cache-dump":
                self._ask_all(connection, self._resolvers(Verb.CACHE_DUMP, b""))
            case "anchors":
                self._ask_first(Verb.ANCHORS, b"", connection)
            case "except":
                # The keeper tells all what comes of it.
                self._ask_first(Verb.EXCEPT, exception_argument(request), connection)
            case "pause":
                names = tuple(group.name for group in self._front().desk.settings.client_groups)
                argument, group = pause_argument(request, names)
                self._ask_all(connection, self._resolvers(Verb.PAUSE, argument, group))
            case "blocked":
                self._ask_all(connection, self._resolvers(Verb.BLOCKED, blocked_argument(request)))
            case "leases":
                if not self._relay.lease_fact(Verb.LEASES, inner_argument(request), connection.relay):
                    raise BadRequest(self._no_dhcp())
            case "lists":
                if not self._relay.lists_fact(Verb.LISTS, inner_argument(request), connection.relay):
                    raise BadRequest(_NO_LISTS)
            case _:
                raise BadRequest(f"unknown verb {verb!r}")

    def _ask_first(self, verb: Verb, argument: bytes, connection: ControlConnection) -> None:
        """What all resolvers know alike: the first that is there."""
        numbers = range(self._front().cores)
        if not any(self._relay.fact(verb, argument, 0, connection.relay, number) for number in numbers):
            raise BadRequest(_NO_RESOLVER)

    def _answer_all(self, verb: Verb, argument: bytes, connection: ControlConnection, now: Instant) -> None:
        """By us, then by all others that know clients, as far as they are there, and then by the resolvers."""
        connection.say(answer_fact(self._front(), verb, argument, now))
        asks: list[Ask] = [(ask, None) for _, ask in (*self._fronts(verb, argument), *self._secures(verb, argument))]
        self._ask_all(connection, [*asks, *self._resolvers(verb, argument)])

    def _resolvers(self, verb: Verb, argument: bytes, group: int = 0) -> list[Ask]:
        """The ways to all resolvers."""
        return [self._resolver(verb, argument, group, number) for number in range(self._front().cores)]

    def _resolver(self, verb: Verb, argument: bytes, group: int, number: int) -> Ask:
        named: Line = {"cell": nth("resolver", number)} if self._front().cores > 1 else {}
        return partial(self._relay.fact, verb, argument, group, number=number), named | {"error": _NO_RESOLVER}

    def _fronts(self, verb: Verb, argument: bytes) -> list[tuple[str, Way]]:
        """The ways to the other fronts, whether they are there or not."""
        numbers = range(1, self._front().cores)
        return [(nth("front", one), partial(self._relay.front_fact, verb, argument, number=one)) for one in numbers]

    def _secures(self, verb: Verb, argument: bytes) -> list[tuple[str, Way]]:
        """The same to all cells `secure`."""
        numbers = range(self._front().cores)
        return [(nth("secure", one), partial(self._relay.secure_fact, verb, argument, number=one)) for one in numbers]

    def _no_dhcp(self) -> str:
        if not self._front().desk.settings.leases:
            return "no dhcp cell is running: the configuration has no [dhcp] section"
        return "the dhcp cell is not there just now; try again in a second"

    def _report(self, connection: ControlConnection) -> None:
        """The status of all cells: ours and that of the other fronts, of the resolvers, and of dhcp, secure and lists if they
        should be there."""
        connection.say(status_line(self._front()))
        settings = self._front().desk.settings
        fronts: list[Ask] = [(ask, {"cell": cell, "error": _NO_FRONT}) for cell, ask in self._fronts(Verb.STATUS, b"")]
        wanted = settings.announcement is not None
        secures: list[Ask] = [
            (ask, {"cell": cell, "error": _NO_SECURE} if wanted else None)
            for cell, ask in self._secures(Verb.STATUS, b"")
        ]
        rest: list[Ask] = [
            *self._resolvers(Verb.STATUS, b""),
            (
                partial(self._relay.lease_fact, Verb.STATUS, b""),
                {"cell": "dhcp", "error": self._no_dhcp()} if settings.leases else None,
            ),
            *secures,
            (partial(self._relay.lists_fact, Verb.STATUS, b""), None),
        ]
        self._ask_all(connection, [*fronts, *rest])

    def _ask_all(self, connection: ControlConnection, asks: list[Ask]) -> None:
        """One cell after another; of one that does not answer, what is said instead."""
        if not asks:
            connection.finish()
            return
        (ask, absent), rest = asks[0], asks[1:]

        def heard(text: bytes, more: bool) -> None:
            connection.add(text, more)
            if not more:
                self._ask_all(connection, rest)

        if ask(heard):
            return
        if absent is not None:
            connection.say(absent)
        self._ask_all(connection, rest)

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
        if (
            not _is_key(key)
            or not isinstance(flags, int)
            or not isinstance(address, str)
            or not isinstance(dnssec, bool)
        ):
            raise BadRequest("explain needs a key, flags and a client, and dnssec true or false")
        wanted = Wanted(key, flags, address)
        try:
            found = explain(front, wanted, now)
            other = cell_of(ip_address(address).packed, front.cores) if address and front.cores > 1 else 0
        except ValueError:
            raise BadRequest(f"{address!r} is not an IP address") from None

        def go_on() -> None:
            if found.lease:
                # Nor does the resolver learn of it because somebody wants to know why.
                connection.finish()
                return
            # Who gets no answer at all makes nobody ask either.
            verb, number = Verb.TRACE if dnssec and found.allowed else Verb.EXPLAIN, resolver_for(key[:-4], front.cores)
            self._ask_all(connection, [self._resolver(verb, bytes((flags & 0xFF,)) + key, found.group, number)])

        def heard(text: bytes, more: bool) -> None:
            connection.add(text, more)
            if not more:
                go_on()

        # What is cached for this client is where it asks.
        if other and self._relay.front_fact(Verb.EXPLAIN, wanted.build(), heard, other):
            return
        connection.say(found.line)
        go_on()


def _is_key(octets: bytes) -> bool:
    """Whether that is a folded wire name, a type and a class."""
    try:
        name, end = parse_name(octets, 0)
    except Malformed:
        return False
    return octets[:-4] == name and len(octets) == end + 4
