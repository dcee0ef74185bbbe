"""The cell that gives addresses: it hears DHCP and neighbour discovery, writes leases, and tells `front` their names.

It connects to nobody and opens nothing: its sockets hear one interface each and were opened by the supervisor, its only files are
those of the lease folder.
"""

import json
import os
import resource
import select
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from anchorhold import snapshot
from anchorhold.ceilings import of_dhcp
from anchorhold.cells.dhcp_pair import DhcpPair, FrontPair
from anchorhold.cells.heap import on_heap
from anchorhold.cells.rules import DATABASE, GROWTH, SNAPSHOT
from anchorhold.cells.start import (
    collect_seldom,
    hear,
    ignore_terminal_signals,
    keep_last_words,
    receive_until_start,
    run_guarded,
    tell_ready,
)
from anchorhold.config.service import served_links
from anchorhold.dhcp_roles import roles_of
from anchorhold.facts import divert, log
from anchorhold.ipc import Verb
from anchorhold.leases.desk import Holdings, answer
from anchorhold.leases.publisher import Publisher
from anchorhold.leases.rows import Times, moved, rehomed
from anchorhold.link import LinkMessage, LinkType, PairName, accuse, pair_name, send_message
from anchorhold.mistakes import log_mistakes
from anchorhold.sandbox import SandboxProfile, enter, preload
from anchorhold.sandbox.profile import Network, calls
from dhcp.book import LeaseBook
from dhcp.clock import start_clock
from dhcp.edge.clock import read_boot, read_clocks
from dhcp.edge.folder import FolderRefused, LeaseFolder, make_ours
from dhcp.edge.ledger import Ledger
from dhcp.edge.links import Links
from dhcp.edge.opening import Role
from dhcp.edge.ownership import ask_for_no_user
from dhcp.edge.serve import Server
from dhcp.edge.store import SqliteStore, size_of
from dhcp.offer import without_encrypted
from dhcp.settings import DhcpSettings
from dhcp.store import StoreFailed
from dhcp.values import LeaseChange
from net import sockets
from privacy.memory import Retention
from wire.errors import Malformed

NAME = "dhcp"
DESCRIPTORS = 512
PROFILE = SandboxProfile(
    NAME,
    calls=(
        *calls("pselect6", "recvmsg", "sendmsg", "pwrite64", "fdatasync"),
        *SNAPSHOT,
        *DATABASE,
        *GROWTH,
        *calls("exit_group"),
    ),
    network=Network.NONE,
    folder=True,
    descriptors=DESCRIPTORS,
)

EXIT_FOLDER = 71
"""Exit code of a cell whose lease folder cannot be used; the log says why."""
LOAD_EVERY = 5.0
"""Seconds between two tries to read the leases: till that succeeds nobody knows what is free."""
FIRST_LOOK = 2.0
"""Seconds to wait for the kernel to tell our interfaces."""


class DhcpCell:
    """All of the process's state, and its loop."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._selector = selectors.SelectSelector()
        self._settings: DhcpSettings | None = None
        self._folder = -1
        self._sockets: list[tuple[int, str, Role, socket.socket]] = []
        """Handed over, not yet taken."""
        self._pairs: dict[PairName, FrontPair] = {}
        self._pair_sockets: dict[PairName, int] = {}
        self._ending = False
        self._proved = b""
        """By which name clients may be sent to the encrypted ways in."""
        self._boot = ""
        self._files: LeaseFolder
        self._publisher: Publisher
        self._server: Server

    @property
    def settings(self) -> DhcpSettings:
        """Those in force."""
        assert self._settings is not None  # noqa: S101 # serve saw to it
        names = {one.name.encode() for one in self._settings.resolver.encrypted}
        return self._settings if names == {self._proved} else without_encrypted(self._settings)

    def serve(self) -> int:
        """The cell's whole life; gives its exit code."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        sockets.prepare(DESCRIPTORS)
        receive_until_start(self._link, self._take)
        if self._settings is None or self._folder < 0:
            raise Malformed("START before SETTINGS and FOLDER")
        self._boot = read_boot()
        links = Links()
        try:
            profile = replace(PROFILE, memory=of_dhcp(size_of(LeaseFolder(self._folder)), self._settings.cores))
            if not ask_for_no_user():
                profile = replace(profile, calls=(*profile.calls, *calls("geteuid")))
            enter(on_heap(profile), lambda: make_ours(self._folder), lambda: self._settle(links), self._folder)
        except FolderRefused as error:
            log(NAME, str(error))
            return EXIT_FOLDER
        if not self._ending:
            self.run()
        return 0

    def _settle(self, links: Links) -> None:
        """What it takes to begin. Raises FolderRefused."""
        keep_last_words()
        log_mistakes(NAME)
        self._link.setblocking(False)
        self._files = LeaseFolder(self._folder)
        self._files.settle()
        ledger = self._open_ledger(*self._files.key())
        if ledger is None:
            return
        links.wait(FIRST_LOOK)
        self._publisher = Publisher(self.settings)
        self._server = Server(self.settings, ledger, links, self._selector, self._publish, _report)
        divert(lambda line: send_message(self._link, LinkType.LOG, line))

    def run(self) -> None:
        """Serve until told to end."""
        self._selector.register(self._link, selectors.EVENT_READ, self._hear)
        self._use_sockets()
        self._connect()
        self._ready()
        collect_seldom()
        while not self._ending:
            self._server.turn()
            for pair in self._pairs.values():
                pair.flush()
        self._server.close()

    def end(self) -> None:
        """END, or the supervisor is gone."""
        self._ending = True

    def _open_ledger(self, key: bytes, made: bool) -> Ledger | None:
        """Read the leases, however long that takes; None if told to end meanwhile."""
        if made:
            log(NAME, "a new key for identifiers was made: there was none")
        store = SqliteStore(self._files, key, self.settings.store_names)
        said = ""
        while not self._ending:
            try:
                loaded = store.load()
            except StoreFailed as error:
                if str(error) != said:
                    log(NAME, f"leases cannot be read: {error}; nobody gets an address until they can")
                said = str(error)
                self._wait_for_link(LOAD_EVERY)
                continue
            for problem in loaded.problems:
                log(NAME, problem)
            clock = start_clock(loaded.clock, loaded.leases, read_clocks(self._boot))
            ledger = Ledger(LeaseBook(key, rehomed(loaded.leases, self.settings)), store, clock, _report)
            ledger.hold_over()
            return ledger
        return None

    def _wait_for_link(self, seconds: float) -> None:
        """Answer the supervisor, that it does not take us for hung."""
        until = time.monotonic() + seconds
        while not self._ending and (left := until - time.monotonic()) > 0:
            if select.select([self._link], [], [], left)[0]:
                self._hear()

    # the supervisor

    def _hear(self) -> None:
        message = hear(self._link, self.end)
        if message is None:
            return
        self._take(message)
        if message.type is LinkType.PING:
            send_message(self._link, LinkType.PING)
        elif message.type is LinkType.END:
            self.end()
        elif hasattr(self, "_server"):
            self._apply(message.type)

    def _apply(self, kind: LinkType) -> None:
        match kind:
            case LinkType.INTERFACE:
                self._use_sockets()
            case LinkType.HOSTS | LinkType.SECURE_HOSTS:
                self._connect()
            case LinkType.ENCRYPTED:
                self._server.use(self.settings)
            case LinkType.SETTINGS:
                self._publisher = Publisher(self.settings)
                self._server.use(self.settings)
                # If the disk does not take it, shares and domains are those of before till the next start.
                self._server.enact(moved(self._server.ledger.book, self.settings))
                self._server.interfaces.retain(self._wanted())
                self._tell_everything(*self._pairs.values())
                self._ready()
            case _:
                pass

    def _take(self, message: LinkMessage) -> None:
        match message.type, message.descriptors:
            case LinkType.HOSTS | LinkType.SECURE_HOSTS, (descriptor,):
                name = pair_name(message)
                if name in self._pair_sockets:
                    os.close(self._pair_sockets[name])
                self._pair_sockets[name] = descriptor
            case LinkType.SETTINGS, (descriptor,):
                self._settings = snapshot.load(descriptor, DhcpSettings)
                os.close(descriptor)
            case LinkType.FOLDER, (descriptor,) if self._folder < 0:
                self._folder = descriptor
            case LinkType.INTERFACE, descriptors if len(message.body) > 5:
                self._take_interface(message.body, descriptors)
            case LinkType.ENCRYPTED, ():
                self._proved = message.body
            case ((LinkType.PING | LinkType.END), ()):
                pass
            case _:
                raise Malformed(f"{message.type.name} is not for dhcp, or its descriptor is missing")

    def _take_interface(self, body: bytes, descriptors: tuple[int, ...]) -> None:
        number, name = int.from_bytes(body[:4], "little"), body[5:].decode()
        roles = [role for role in Role if role & body[4]]
        if len(roles) != len(descriptors):
            raise Malformed("INTERFACE with other descriptors than it says")
        for role, descriptor in zip(roles, descriptors, strict=True):
            family = socket.AF_INET if role is Role.UDP4 else socket.AF_INET6
            self._sockets.append((number, name, role, sockets.adopt(descriptor, family)))

    def _use_sockets(self) -> None:
        wanted = self._wanted()
        fresh, self._sockets = self._sockets, []
        for number, name, role, endpoint in fresh:
            if name in wanted and role in wanted[name]:
                self._server.interfaces.add(number, name, role, endpoint)
            else:
                sockets.close(endpoint)

    def _wanted(self) -> dict[str, Role]:
        return {link.name: roles_of(link) for link in served_links(self.settings)}

    def _ready(self) -> None:
        tell_ready(self._link, self.settings.generation)

    # front and secure

    def _connect(self) -> None:
        """Talk to `front` and `secure` over the newest pairs, and tell them first all there is."""
        fresh, self._pair_sockets = self._pair_sockets, {}
        for name, descriptor in fresh.items():
            if name in self._pairs:
                self._pairs[name].close()
            self._pairs[name] = DhcpPair(
                sockets.adopt(descriptor), self._selector, self._answer, partial(accuse, self._link, name)
            )
            self._tell_everything(self._pairs[name])

    def _tell_everything(self, *pairs: FrontPair) -> None:
        ledger = self._server.ledger
        for pair in pairs:
            pair.tell(self._publisher.everything(ledger.book, ledger.now()), everything=True)

    def _publish(self, changes: Sequence[LeaseChange]) -> None:
        for pair in self._pairs.values():
            pair.tell(self._publisher.news(changes, self._server.ledger.now()))

    def _answer(self, verb: int, argument: bytes) -> str:
        """What an operator asked."""
        if verb == Verb.STATUS:
            return json.dumps(self._status())
        if verb != Verb.LEASES:
            return json.dumps({"cell": NAME, "error": "this is no question to the dhcp cell"})
        ledger = self._server.ledger
        times = Times(ledger.clock, read_clocks(self._boot))
        done = answer(argument, Holdings(ledger.book, ledger.store, self._files, self.settings, times))
        failed = self._server.enact(done.changes) if done.changes else ""
        return "\n".join(json.dumps(line) for line in done.conclude(failed))

    def _status(self) -> dict[str, object]:
        ledger = self._server.ledger
        return {
            "cell": NAME,
            "generation": self.settings.generation,
            "interfaces": sorted(one.name for one in self._server.interfaces),
            "newcomers": self._server.newcomers(),
            "leases": len(ledger.book) - ledger.book.offers,
            "offers": ledger.book.offers,
            "owed": ledger.owed,
            "store": ledger.why,
            "counters": dict(sorted(self._server.counters.items())),
        }


def _report(text: str, who: str = "") -> None:
    """`who` is given in the incident mode only, which the user sets an end to."""
    log(NAME, text, who, Retention(names=True))


SETTINGS = DhcpSettings


def run(link: socket.socket) -> None:
    """Run the dhcp cell; forked by the supervisor only."""
    os.umask(0o077)
    preload()
    ignore_terminal_signals()
    run_guarded(NAME, DhcpCell(link).serve)
