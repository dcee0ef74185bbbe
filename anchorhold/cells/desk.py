"""The resolver's end of the pair to `front` or to `secure`: questions in, replies out, credits, and an operator's facts."""

import asyncio
import json
import math
import os
import socket
from collections.abc import Callable, Iterable

from anchorhold.cells.carrying import CarryDesk
from anchorhold.ipc import (
    COST,
    CREDITS,
    EVERY_GROUP,
    FORGET,
    HEADER,
    READ_SIZE,
    SO_FAR,
    Inbox,
    Message,
    MessageType,
    Verb,
    build_facts,
    build_message,
    build_pong,
    build_reply,
)
from anchorhold.keeper.account import anchors_status, keeper_status
from anchorhold.keeper.exceptions import Wanted
from anchorhold.keeper.side import KeeperSide
from anchorhold.link import nth
from net.clock import date
from net.readiness import READ, WRITE, readiness
from net.sockets import NOW
from resolver.dnssec.story import exceptions
from resolver.edge import account
from resolver.edge.resolve import Resolver
from resolver.edge.tracing import trace
from resolver.values import Origin, Query, Reply
from resolver.window import Window
from wire.dns.names import parse_name
from wire.errors import Malformed

_REPLY = int(MessageType.REPLY)
_ORIGINS = {origin: origin.value for origin in Origin}
_new = tuple.__new__
"""See `wire/dns/message.py`."""
CREDIT_BATCH = 128
BUSY, LOOK_EVERY = 128, 0.02
"""Questions that are open at once from which on it is looked at how late the loop is, and how often, in seconds."""
MARGIN = 0.05
"""Seconds for a reply to get to `front` before it gives up."""


class Nonsense(Exception):
    """`front` sent what does not decode."""


class FrontLine:
    """One pair. `lost` is called once at its end: with None if `front` hung up, else with what was wrong."""

    def __init__(
        self,
        pair: socket.socket,
        resolver: Resolver,
        restarts: int,
        lost: Callable[[Nonsense | None], None],
        keeper: KeeperSide | None = None,
        carrying: CarryDesk | None = None,
        number: int = 0,
    ) -> None:
        """`carrying`: for the pair to `secure`, whose oblivious relay has bodies to carry. `number`: which resolver this is."""
        self._pair = pair
        self._resolver = resolver
        self._restarts = restarts
        self._lost = lost
        self._keeper = keeper or KeeperSide()
        self._carrying = carrying
        self._cell = nth("resolver", number)
        self._changes: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox()
        self._out: list[bytes] = []
        self._rest = b""
        self._spent = 0
        self._window = Window(CREDITS)
        self._looking: asyncio.TimerHandle | None = None
        self._flushing = False
        self._closed = False
        self._tracing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Grant credits and listen."""
        readiness(self._loop).watch(self._pair.fileno(), READ, self._happened)
        self._post(build_message(MessageType.CREDIT, 0, CREDITS.to_bytes(4, "little")))
        self.announce(self._resolver.snapshot.generation)

    def announce(self, generation: int) -> None:
        """Tell which generation is in force here."""
        self._post(build_message(MessageType.SNAPSHOT, 0, generation=generation))

    def forget(self) -> None:
        """What is in force changed within a generation: answers of before must not be given out again."""
        self._post(build_message(MessageType.SNAPSHOT, 0, flags=FORGET, generation=self._resolver.snapshot.generation))

    def close(self) -> None:
        """Let go of the pair; replies that still come go nowhere."""
        if not self._closed:
            self._closed = True
            if self._tracing is not None:
                self._tracing.cancel()
            if self._looking is not None:
                self._looking.cancel()
            for task in self._changes:
                task.cancel()
            readiness(self._loop).watch(self._pair.fileno(), 0)
            self._pair.close()

    def _end(self, error: Nonsense | None) -> None:
        if not self._closed:
            self.close()
            self._lost(error)

    def _happened(self, events: int) -> None:
        if events & WRITE:
            readiness(self._loop).watch(self._pair.fileno(), READ, self._happened)
            self._flush()
        if events & READ and not self._closed:
            self._readable()

    def _readable(self) -> None:
        try:
            data = self._pair.recv(READ_SIZE, NOW)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(None)
            return
        try:
            for message in self._inbox.feed(data):
                self._take(message)
        except Malformed as error:
            self._end(Nonsense(f"front sent what does not decode: {error}"))

    def _take(self, message: Message) -> None:
        match message.type:
            case MessageType.QUERY:
                self._resolver.ask(
                    _query(message), (self, message.handle), self._answer(message.handle), _patience(message)
                )
                if self._looking is None and self._resolver.open > BUSY:
                    self._look_later()
            case MessageType.REFRESH:
                self._resolver.refresh(_query(message), (self, message.handle), self._answer(message.handle))
            case MessageType.CANCEL:
                # An answer that crossed with the cancellation has given its credit back already.
                if self._resolver.cancel((self, message.handle)):
                    self._give_back()
            case MessageType.CARRY if self._carrying is not None:
                self._carrying.take(message, self._post)
            case MessageType.FACT:
                self._fact(message)
            case MessageType.PING:
                self._post(build_pong(message))
            case _:
                raise Malformed(f"{message.type.name} is not for the resolver")

    def _answer(self, handle: int) -> Callable[[Reply], None]:
        def answer(reply: Reply) -> None:
            body = build_reply(reply)
            # As `build_message`: each miss comes by here.
            head = _REPLY, _ORIGINS[reply.origin], 0, len(body), handle, reply.generation, int(reply.cost * COST)
            self._post(HEADER.pack(*head) + body)
            self._give_back()

        return answer

    def _give_back(self) -> None:
        self._spent += 1
        if self._spent >= CREDIT_BATCH:
            self._grant()

    def _grant(self) -> None:
        """What was given back, as far as the window has room for it."""
        granted = min(self._spent, self._window.size - (CREDITS - self._spent))
        if granted > 0:
            self._post(build_message(MessageType.CREDIT, 0, granted.to_bytes(4, "little")))
            self._spent -= granted

    def look(self, late: float) -> None:
        """What is done here is done so many seconds late: fewer questions may be open, or more again."""
        whole = self._window.whole
        self._window.look(late)
        if not (whole and self._window.whole):
            self._grant()

    def _look_later(self) -> None:
        due = self._loop.time() + LOOK_EVERY
        self._looking = self._loop.call_at(due, self._look, due)

    def _look(self, due: float) -> None:
        """How late is it? As long as much is open, and until all credits are back."""
        self._looking = None
        self.look(self._loop.time() - due)
        if self._resolver.open > BUSY or not self._window.whole:
            self._look_later()

    # writing

    def _post(self, message: bytes) -> None:
        if self._closed:
            return
        self._out.append(message)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Everything of this turn of the loop in one write."""
        self._flushing = False
        if self._closed:
            return
        data = self._rest + b"".join(self._out)
        self._out.clear()
        try:
            sent = self._pair.send(data, NOW) if data else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end(None)
            return
        self._rest = data[sent:]
        if self._rest:
            self._flushing = True
            readiness(self._loop).watch(self._pair.fileno(), READ | WRITE, self._happened)

    # an operator's questions

    def _fact(self, message: Message) -> None:
        if not message.body:
            raise Malformed("FACT without a verb")
        try:
            verb = Verb(message.body[0])
        except ValueError:
            raise Malformed("unknown verb") from None
        argument = message.body[1:]
        match verb:
            case Verb.TRACE:
                self._trace(_asked(argument, message, self._resolver), message.handle)
            case Verb.EXCEPT:
                task = self._loop.create_task(self._change_exception(_wanted(argument), message.handle))
                self._changes.add(task)
                task.add_done_callback(self._changes.discard)
            case _:
                self._tell(message.handle, self._lines(verb, argument, message))

    def _tell(self, handle: int, lines: Iterable[account.Line]) -> None:
        text = "\n".join(json.dumps({"cell": self._cell} | line) for line in lines)
        for message in build_facts(handle, text.encode()):
            self._post(message)

    def _trace(self, query: Query, handle: int) -> None:
        """Ask the upstreams why; one at a time, for an operator is one."""
        if self._tracing is not None and not self._tracing.done():
            self._tell(handle, [{"error": "another chain of trust is being looked at; try again in a moment"}])
            return
        self._tracing = self._loop.create_task(self._traced(query, handle))

    async def _change_exception(self, wanted: Wanted, handle: int) -> None:
        done = await self._keeper.change_exception(wanted)
        if done is None:
            self._tell(handle, [{"error": "the keeper is not there just now; try again in a second"}])
            return
        line = self._exceptions()
        self._tell(handle, [line | {"error": done.refused} if done.refused else line])

    def _pause(self, argument: bytes, message: Message) -> account.Line:
        if len(argument) not in (4, 5):
            raise Malformed("a pause of the wrong length")
        groups = self._resolver.snapshot.settings.client_groups
        if argument[4:] != EVERY_GROUP:
            groups = groups[message.group : message.group + 1]
        self._resolver.pause(groups, int.from_bytes(argument[:4], "little"))
        return account.paused(self._resolver)

    def _blocked(self, argument: bytes) -> account.Line:
        if len(argument) != 4:
            raise Malformed("a span of time of the wrong length")
        seconds = int.from_bytes(argument, "little")
        if seconds != SO_FAR:
            self._resolver.watch(seconds)
        return account.blocked(self._resolver)

    def _exceptions(self) -> account.Line:
        """What is not validated, and whether what a command made of it outlives a restart."""
        now = self._resolver.world.date()
        return {"exceptions": exceptions(self._resolver.snapshot.settings, now), "kept": self._keeper.in_force.kept}

    async def _traced(self, query: Query, handle: int) -> None:
        line = account.explain(self._resolver, query)
        try:
            chain = await trace(self._resolver, query)
        except Exception as error:
            # Our own mistake: the operator is told that it is one, then it goes on up.
            self._tell(handle, [line | {"error": f"the resolver made a mistake: {type(error).__name__}"}])
            raise
        self._tell(handle, [line | {"dnssec": chain}])

    def _lines(self, verb: Verb, argument: bytes, message: Message) -> Iterable[account.Line]:
        resolver = self._resolver
        match verb:
            case Verb.STATUS:
                own = {
                    "pid": os.getpid(),
                    "restarts": self._restarts,
                    "loop": type(self._loop).__module__.split(".")[0],
                }
                keeper = {"keeper": keeper_status(self._keeper.told)}
                return [own | account.status(resolver) | keeper | self._exceptions()]
            case Verb.ANCHORS:
                return [anchors_status(self._keeper.told, date()) | self._exceptions()]
            case Verb.EXPLAIN | Verb.TRACE:
                return [account.explain(resolver, _asked(argument, message, resolver))]
            case Verb.CACHE_STATS:
                return [{"cache": account.cache_stats(resolver)}]
            case Verb.CACHE_FLUSH:
                return [{"flushed": resolver.flush(argument)}]
            case Verb.CACHE_DUMP:
                return [{"entries": list(account.dump(resolver))}]
            case Verb.EXCEPT:
                return [self._exceptions()]
            case Verb.PAUSE:
                return [self._pause(argument, message)]
            case Verb.BLOCKED:
                return [self._blocked(argument)]
            case Verb.LEASES | Verb.LISTS:
                raise Malformed("leases and lists are not the resolver's")


def _asked(argument: bytes, message: Message, resolver: Resolver) -> Query:
    """The question in EXPLAIN and TRACE. Raises Malformed."""
    if not 6 <= len(argument) <= 260:
        raise Malformed("an operator's question of the wrong length")
    return Query(argument[1:], argument[0] & 15, message.group, resolver.snapshot.generation)


def _wanted(argument: bytes) -> Wanted:
    """What is in EXCEPT. Raises Malformed."""
    zone, end = parse_name(argument, 4)
    try:
        return Wanted(zone, int.from_bytes(argument[:4], "little"), argument[end:].decode())
    except UnicodeDecodeError:
        raise Malformed("a reason that is no text") from None


def _patience(message: Message) -> float:
    """Seconds in which `front` must have the reply; a little less than it waits itself."""
    return max(message.deadline / 1000 - MARGIN, MARGIN) if message.deadline else math.inf


def _query(message: Message) -> Query:
    if not 5 <= len(message.body) <= 259:
        raise Malformed("a question of the wrong length")
    return _new(Query, (message.body, message.flags & 15, message.group, message.generation))
