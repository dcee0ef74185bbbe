"""The cell that gets lists: it fetches them, keeps the last good copies in one folder, compiles them, and hands the image on.

It connects to servers of lists and to nobody else, and knows no client and no question. Their addresses it asks of the resolver.
What strangers wrote is read in processes apart, which have neither a socket nor a way to one (`anchorhold/lists/apart.py`). There
is one with lists in the configuration only, and while it has something to do: then it ends, until a list is due or an operator
asks. What it made stays in force meanwhile.
"""

import asyncio
import mmap
import os
import socket
import ssl
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial

from anchorhold import snapshot
from anchorhold.ceilings import of_lists
from anchorhold.cells.heap import keep_to_heap
from anchorhold.cells.rules import HEAP, HERE, READ_MAP, SEALING, SNAPSHOT, WAKE
from anchorhold.cells.start import (
    EXIT_PROTOCOL,
    collect_seldom,
    end_after,
    end_without_memory,
    hear,
    ignore_terminal_signals,
    receive_until_start,
    run_guarded,
    tell_ready,
    watch_memory,
)
from anchorhold.facts import divert, log
from anchorhold.ipc import Verb
from anchorhold.link import LinkMessage, LinkType, PairName, accuse, send_message
from anchorhold.lists.asking import ResolverLine
from anchorhold.lists.desk import ListsDesk
from anchorhold.lists.fetch import Fetcher
from anchorhold.lists.helper import Workshop
from anchorhold.lists.leisure import is_idle, seconds_until_due
from anchorhold.lists.line import OperatorLine
from anchorhold.lists.rounds import Rounds
from anchorhold.lists.settings import ListsSettings
from anchorhold.lists.store import Store
from anchorhold.lists.urls import HTTPS_PORT, read_list_url
from anchorhold.mistakes import log_mistakes
from anchorhold.sandbox import CRYPTOGRAPHY, SandboxProfile, enter, preload
from anchorhold.sandbox.profile import Rule, calls, exactly
from dhcp.edge.folder import FolderRefused, make_ours
from net.clock import now
from net.readiness import readiness
from net.sockets import adopt
from net.tls import Peer, TlsFactory
from privacy.lists.matcher import ListImage
from resolver.edge.listen.batched import RECEIVE, SEND, SOCKET, one_by_one
from wire.errors import Malformed

NAME = "lists"
DESCRIPTORS = 256
_FLAGS = 0o4000 | 0o2000000
"""SOCK_NONBLOCK | SOCK_CLOEXEC (linux/net.h)."""
PROFILE = SandboxProfile(
    NAME,
    calls=(
        *calls("epoll_wait", "recvfrom", "sendto", "epoll_ctl", "close", RECEIVE, SEND),
        *(
            Rule("socket", (exactly(0, family), exactly(1, socket.SOCK_STREAM | _FLAGS)))
            for family in (socket.AF_INET, socket.AF_INET6)
        ),
        *calls("connect", "getrandom", "getpid"),
        Rule("setsockopt", (exactly(1, socket.IPPROTO_TCP), exactly(2, socket.TCP_NODELAY))),
        *HERE,
        *HEAP,
        *SNAPSHOT,
        *READ_MAP,
        *SEALING,
        *WAKE,
        *calls("getsockname", "exit_group"),
    ),
    connect=(HTTPS_PORT,),
    folder=True,
    descriptors=DESCRIPTORS,
)
"""And the ports that addresses of lists name. It makes no process: the supervisor does (`anchorhold/helpers.py`)."""
EXIT_FOLDER = 71
"""Exit code of a cell whose folder cannot be used; the log says why."""

LAZY = (
    *CRYPTOGRAPHY,
    "encodings.cp437",
    "encodings.utf_8_sig",
)
"""What fetching would import at first use."""

FOR_EVER = 2**32 - 1
"""Seconds: until somebody asks."""
HAND_AGAIN = 0.2
"""Seconds until an image is handed on again that the supervisor could not take just now."""
REST_AFTER = 60.0
"""Seconds without anything to do after which the process ends."""
REST_LEAST = 300.0
"""Seconds that must be left until a list is due, for that to be worth a start."""


class NoLookups(asyncio.SelectorEventLoop):
    """A loop that cannot ask the system's resolver, whatever a library wants."""

    async def getaddrinfo(self, *_arguments: object, **_options: object) -> list[object]:  # type: ignore[override]
        """Never."""
        raise OSError("names are asked of our own resolver")


class ListsCell:
    """All of the process's state."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._settings: ListsSettings | None = None
        self._folder = -1
        self._restarts = 0
        self._pairs: dict[LinkType, socket.socket] = {}
        self._tasks: dict[LinkType, asyncio.Task[None]] = {}
        self._resolver = ResolverLine()
        self._image: ListImage | None = None
        self._handing: tuple[int, bytes] | None = None
        self._operators: OperatorLine | None = None
        self._stirred = 0.0
        """When it had something to do last, monotonic seconds."""
        self._ports: frozenset[int] = frozenset()
        self._workshop = Workshop(self._ask_for_helper)
        self._ending: asyncio.Future[int]
        self._store: Store
        self._rounds: Rounds
        self._desk: ListsDesk

    def serve(self) -> int:
        """The cell's whole life; gives its exit code."""
        self._restarts = receive_until_start(self._link, self._take)
        if self._settings is None or self._folder < 0:
            raise Malformed("START before SETTINGS and FOLDER")
        # The system's authorities are files: read before nothing can be read any more. What is made of them takes memory
        # and a while, and has time until the first fetch.
        factory = TlsFactory()
        warm_up()
        with asyncio.Runner(loop_factory=NoLookups) as runner:
            try:
                return runner.run(self._live(Fetcher(partial(_context, factory), self._resolver.addresses)))
            except MemoryError:
                # As in `loops.run_loop`.
                end_without_memory(NAME)

    async def _live(self, fetcher: Fetcher) -> int:
        assert self._settings is not None  # noqa: S101 # serve saw to it
        loop = asyncio.get_running_loop()
        readiness(loop)
        self._ports = ports_of(self._settings)
        store = Store(self._folder)
        try:
            memory = of_lists(self._settings, store.largest_image())
        except OSError as error:
            log(NAME, f"the folder cannot be read: {error.strerror}")
            return EXIT_FOLDER
        profile = replace(PROFILE, connect=tuple(sorted(self._ports)), memory=memory)
        try:
            enter(profile, lambda: make_ours(self._folder), self._settle, self._folder)
        except FolderRefused as error:
            log(NAME, str(error))
            return EXIT_FOLDER
        watch_memory(loop, NAME)
        divert(lambda line: send_message(self._link, LinkType.LOG, line))
        return await end_after(NAME, self._run(fetcher, loop))

    def _settle(self) -> None:
        keep_to_heap()
        log_mistakes(NAME)
        self._link.setblocking(False)
        self._link = one_by_one(self._link)
        os.fchdir(self._folder)
        self._store = Store(self._folder, here=True)
        try:
            self._store.clear_drafts()
        except OSError as error:
            log(NAME, f"the folder cannot be read: {error.strerror}")

    async def _run(self, fetcher: Fetcher, loop: asyncio.AbstractEventLoop) -> int:
        assert self._settings is not None  # noqa: S101 # serve saw to it
        self._ending = loop.create_future()
        loop.add_reader(self._link.fileno(), self._hear)
        self._rounds = Rounds(self._store, fetcher, self._hand, partial(log, NAME), self._workshop.begin)
        self._desk = ListsDesk(self._rounds, lambda: self._image)
        self._rounds.open()
        # With it goes the image that was in force last, before anybody is told that we are ready.
        self._rounds.use(self._settings)
        if self._image is None:
            send_message(self._link, LinkType.LISTS)
        self._connect()
        tell_ready(self._link, self._settings.generation)
        self._stirred = now()
        self._look_for_rest(loop)
        rounds = loop.create_task(self._rounds.run())
        rounds.add_done_callback(self._mistaken)
        try:
            return await self._ending
        finally:
            # Its end is the supervisor's to see, when ours has come.
            self._workshop.end(None)
            for task in (rounds, *self._tasks.values()):
                task.cancel()
            await asyncio.gather(rounds, *self._tasks.values(), return_exceptions=True)

    def _look_for_rest(self, loop: asyncio.AbstractEventLoop) -> None:
        """End, if there has been nothing to do for a while, and nothing is near."""
        left = seconds_until_due(self._rounds)
        if not is_idle(self._rounds) or self._handing is not None or left < REST_LEAST:
            self._stirred = now()
        elif now() >= self._stirred + REST_AFTER:
            self._rest(int(min(left, FOR_EVER)))
            return
        loop.call_later(max(self._stirred + REST_AFTER - now(), 0.0), self._look_for_rest, loop)

    def _rest(self, seconds: int) -> None:
        # The supervisor first: it is to know when `front`, which hears it now, asks for this cell.
        send_message(self._link, LinkType.REST, seconds.to_bytes(4, "little"))
        if self._operators is not None:
            self._operators.rest()
        self._end(0)

    def _ask_for_helper(self, wanted: bool) -> None:
        """Raises OSError."""
        send_message(self._link, LinkType.WORK, bytes((wanted,)))

    def _end(self, code: int) -> None:
        if not self._ending.done():
            self._ending.set_result(code)

    def _mistaken(self, task: asyncio.Task[None]) -> None:
        """What goes on ends by our own mistake only, or because there is no memory; that ends the process, as it would anywhere
        else."""
        if not task.cancelled() and (error := task.exception()) is not None and not self._ending.done():
            self._ending.set_exception(error)

    # the supervisor

    def _hear(self) -> None:
        try:
            message = hear(self._link, partial(self._end, 0))
            if message is None:
                return
            self._take(message)
        except Malformed as error:
            log(NAME, f"the supervisor sent what does not decode: {error}")
            self._end(EXIT_PROTOCOL)
            return
        match message.type:
            case LinkType.LISTS_PEER | LinkType.LISTS_STATUS:
                self._connect()
            case LinkType.SETTINGS if self._settings is not None:
                if not ports_of(self._settings) <= self._ports:
                    # To connect to other ports than at the start takes a new process.
                    self._end(0)
                    return
                self._stirred = now()
                self._rounds.use(self._settings)
                tell_ready(self._link, self._settings.generation)
            case LinkType.PING:
                send_message(self._link, LinkType.PING)
            case LinkType.END:
                self._end(0)
            case _:
                pass

    def _take(self, message: LinkMessage) -> None:
        match message.type, message.descriptors:
            case (LinkType.LISTS_PEER | LinkType.LISTS_STATUS) as kind, (descriptor,):
                if kind in self._pairs:
                    self._pairs[kind].close()
                self._pairs[kind] = adopt(descriptor)
            case LinkType.SETTINGS, (descriptor,):
                self._settings = snapshot.load(descriptor, ListsSettings, snapshot.MAX_LISTS)
                os.close(descriptor)
            case LinkType.FOLDER, (descriptor,) if self._folder < 0:
                self._folder = descriptor
            case LinkType.WORK, (descriptor,):
                self._workshop.take(adopt(descriptor, kind=SOCKET))
            case LinkType.WORK, ():
                code = int.from_bytes(message.body, "little", signed=True) if message.body else None
                self._workshop.end(code)
            case ((LinkType.PING | LinkType.END), ()):
                pass
            case _:
                raise Malformed(f"{message.type.name} is not for lists, or its descriptor is missing")

    def _hand(self, image: int, digest: str) -> None:
        """To the supervisor, who gives it to the resolver; and a view of it for ourselves."""
        self._image = ListImage(memoryview(mmap.mmap(image, 0, prot=mmap.PROT_READ)))
        if self._handing is not None:
            os.close(self._handing[0])
        self._handing = image, bytes.fromhex(digest)
        self._hand_on()

    def _hand_on(self) -> None:
        if self._handing is None:
            return
        image, digest = self._handing
        try:
            send_message(self._link, LinkType.LISTS, digest, (image,))
        except BlockingIOError:
            asyncio.get_running_loop().call_later(HAND_AGAIN, self._hand_on)
            return
        self._handing = None
        os.close(image)

    # the pairs

    def _connect(self) -> None:
        """Talk to the resolver and to `front` over the newest pairs."""
        pairs, self._pairs = self._pairs, {}
        for kind, pair in pairs.items():
            if kind in self._tasks:
                self._tasks[kind].cancel()
            if kind is LinkType.LISTS_PEER:
                talk = self._resolver.run(pair)
            else:
                self._operators = OperatorLine(pair, self._answer)
                talk = self._operators.run()
            self._begin(kind, self._talk(kind, talk))

    def _begin(self, kind: LinkType, work: Coroutine[None, None, None]) -> None:
        self._tasks[kind] = asyncio.get_running_loop().create_task(work)
        self._tasks[kind].add_done_callback(self._mistaken)

    async def _talk(self, kind: LinkType, talk: Coroutine[None, None, None]) -> None:
        try:
            await talk
        except Malformed as error:
            other = "the resolver" if kind is LinkType.LISTS_PEER else "front"
            log(NAME, f"{other} sent what does not decode, it is ended: {error}")
            accuse(self._link, PairName(kind))

    def _answer(self, verb: int, argument: bytes) -> dict[str, object]:
        """What an operator asked."""
        self._stirred = now()
        match verb:
            case Verb.STATUS:
                return self._desk.status() | {"restarts": self._restarts}
            case Verb.LISTS:
                return self._desk.answer(argument)
            case _:
                return {"error": "this is no question to the lists cell"}


def _context(factory: TlsFactory) -> ssl.SSLContext:
    """How servers of lists are spoken to: the same one each time."""
    return factory.client(Peer("", alpn=("http/1.1",))).context


def ports_of(settings: ListsSettings) -> frozenset[int]:
    """Where lists come from, and signatures; and where any redirect may lead."""
    urls = (url for source in settings.sources for url in (source.url, source.signature_url) if url)
    return frozenset((HTTPS_PORT, *(read_list_url(url).port for url in urls)))


def warm_up() -> None:
    """Import what would be imported lazily, while files can still be read."""
    preload(*LAZY)


SETTINGS = ListsSettings


def run(link: socket.socket) -> None:
    """Run the lists cell; forked by the supervisor only."""
    os.umask(0o077)
    preload()
    ignore_terminal_signals()
    collect_seldom()
    run_guarded(NAME, ListsCell(link).serve)
