"""The cell that keeps what outlives a run: trust anchors that follow their zones (RFC 5011), and the time.

It knows no client and no name that one asked for, and talks to nobody outside: the keys of the zones it follows are asked for by
the resolver, come over the pair, and are verified here. It holds one directory and no other way to a file.
"""

import os
import select
import selectors
import socket
import time
from dataclasses import replace

from anchorhold import snapshot
from anchorhold.ceilings import KEEPER
from anchorhold.cells.heap import on_heap
from anchorhold.cells.rules import FOLDER, HEAP, SNAPSHOT, WAKE
from anchorhold.cells.start import hear, ignore_terminal_signals, receive_until_start, run_guarded, tell_ready
from anchorhold.cells.warming import begin_once
from anchorhold.facts import divert, log
from anchorhold.ipc import READ_SIZE, Inbox, Message, MessageType, build_message
from anchorhold.keeper.exceptions import Wanted
from anchorhold.keeper.folder import Folder
from anchorhold.keeper.keeper import SAVE_TIME_EVERY, Keeper
from anchorhold.keeper.messages import MORE, NONE, NOTHING, Found, InForce, pack, unpack
from anchorhold.keeper.packaged import built_date, packaged_root, trust_anchors
from anchorhold.link import LinkMessage, LinkType, PairName, accuse, send_message
from anchorhold.mistakes import log_mistakes
from anchorhold.sandbox import SandboxProfile, enter, preload
from anchorhold.sandbox.profile import Network, calls
from net import sockets
from net.clock import date
from resolver.settings import KeeperSettings
from wire.errors import Malformed

PROFILE = SandboxProfile(
    "keeper",
    calls=(
        *calls("pselect6", "recvmsg", "sendmsg", "close"),
        *FOLDER,
        *SNAPSHOT,
        *HEAP,
        *calls("getsockname", "exit_group"),
        *WAKE,
    ),
    network=Network.NONE,
    folder=True,
    descriptors=64,
)
NAME = "keeper"

ANSWER_PATIENCE = 60.0
"""Seconds for the resolver to have a zone's keys; then the look counts as failed."""
WRITE_PATIENCE = 1.0
"""Seconds for the resolver to take what it is told."""


class KeeperCell:
    """All of the process's state, and its loop."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._selector = selectors.SelectSelector()
        self._folder: Folder | None = None
        self._pair: Pair | None = None
        self._pair_socket: socket.socket | None = None
        self._asked: dict[bytes, float] = {}
        """Zones whose keys are waited for, and until when (monotonic seconds)."""
        self._save_at = 0.0
        self._ending = False
        self._settings: KeeperSettings | None = None
        self._keeper: Keeper

    def serve(self) -> int:
        """The cell's whole life; gives its exit code."""
        receive_until_start(self._link, self._take)
        if self._settings is None:
            raise Malformed("START before SETTINGS")
        # What is packaged, while our own files can still be read.
        self._keeper = Keeper(self._folder, packaged_root(), built_date(), _report)
        profile = on_heap(replace(PROFILE, memory=KEEPER))
        enter(profile, settle=self._settle, folder=self._folder.descriptor if self._folder else -1)
        self.run()
        return 0

    def _settle(self) -> None:
        assert self._settings is not None  # noqa: S101 # serve saw to it
        log_mistakes(NAME)
        self._link.setblocking(False)
        divert(lambda line: send_message(self._link, LinkType.LOG, line))
        self._keeper.open(date())
        self._keeper.follow(trust_anchors(self._settings.anchors), date())

    def run(self) -> None:
        """Serve until told to end."""
        self._selector.register(self._link, selectors.EVENT_READ)
        self._connect()
        self._ready()
        while not self._ending:
            self._turn(time.monotonic())
        self._keeper.keep_time(date())

    def _ready(self) -> None:
        assert self._settings is not None  # noqa: S101 # serve saw to it
        tell_ready(self._link, self._settings.generation)

    def end(self) -> None:
        """END, or the supervisor is gone."""
        self._ending = True

    def _turn(self, now: float) -> None:
        self._ask_for_keys(now)
        for key, _ in self._selector.select(self._patience(now)):
            if key.fileobj is self._link:
                self._hear()
            elif self._pair is not None and key.fileobj is self._pair.socket:
                self._hear_resolver(self._pair)
        now = time.monotonic()
        if now >= self._save_at:
            self._save_at = now + SAVE_TIME_EVERY
            before = self._keeper.storage
            self._keeper.keep_time(date())
            if self._keeper.storage != before:
                self._tell()
        for zone in [zone for zone, until in self._asked.items() if now >= until]:
            self._learn(zone, None)
        if self._keeper.exceptions.expire(self._keeper.date(date())):
            self._tell_exceptions(self._keeper.in_force())

    def _patience(self, now: float) -> float:
        """Seconds until something is to be done. What is due by the clock is looked at once an hour anyway: it may jump."""
        waits = [self._save_at - now, *(until - now for until in self._asked.values())]
        waits.append(self._keeper.exceptions.pause(self._keeper.date(date())))
        if self._pair is not None and not self._asked:
            waits.append(self._keeper.pause(date()))
        return max(0.0, min(waits))

    # the supervisor

    def _hear(self) -> None:
        message = hear(self._link, self.end)
        if message is None:
            return
        self._take(message)
        match message.type:
            case LinkType.KEEPER:
                self._connect()
            case LinkType.SETTINGS if self._settings is not None:
                self._keeper.follow(trust_anchors(self._settings.anchors), date())
                self._tell()
                self._ready()
            case LinkType.PING:
                send_message(self._link, LinkType.PING)
            case LinkType.END:
                self.end()
            case _:
                pass

    def _take(self, message: LinkMessage) -> None:
        match message.type, message.descriptors:
            case LinkType.KEEPER, (descriptor,):
                if self._pair_socket is not None:
                    self._pair_socket.close()
                self._pair_socket = sockets.adopt(descriptor)
            case LinkType.SETTINGS, (descriptor,):
                self._settings = snapshot.load(descriptor, KeeperSettings)
                os.close(descriptor)
            case LinkType.FOLDER, (descriptor,):
                self._folder = Folder(descriptor)
            case ((LinkType.PING | LinkType.END), ()):
                pass
            case _:
                raise Malformed(f"{message.type.name} is not for the keeper, or its descriptor is missing")

    # the resolver

    def _connect(self) -> None:
        """Talk to the resolver over the newest pair, and tell it first what is in force."""
        if self._pair_socket is None:
            return
        self._disconnect()
        self._pair = Pair(self._pair_socket)
        self._pair_socket = None
        self._selector.register(self._pair.socket, selectors.EVENT_READ)
        # Before the anchors: with those the resolver begins to serve.
        self._tell_exceptions(self._keeper.in_force())
        self._tell()

    def _disconnect(self) -> None:
        self._asked.clear()
        if self._pair is not None:
            self._selector.unregister(self._pair.socket)
            self._pair.socket.close()
            self._pair = None

    def _tell(self) -> None:
        told = self._keeper.told()
        if not told:
            # Who waits for our first word is to know that there is none.
            self._send(build_message(MessageType.ANCHORS, 0, b"", flags=NONE))
            return
        bodies = (build_message(MessageType.ANCHORS, 0, pack(one), flags=MORE) for one in told[:-1])
        self._send(b"".join(bodies) + build_message(MessageType.ANCHORS, 0, pack(told[-1])))

    def _tell_exceptions(self, in_force: InForce, handle: int = 0) -> None:
        self._send(build_message(MessageType.EXCEPTIONS, handle, pack(in_force)))

    def _ask_for_keys(self, now: float) -> None:
        for zone in self._keeper.due(date()):
            if self._pair is not None and zone not in self._asked:
                self._asked[zone] = now + ANSWER_PATIENCE
                self._send(build_message(MessageType.LOOK, 0, zone))

    def _send(self, data: bytes) -> None:
        if self._pair is not None and not self._pair.send(data):
            self._disconnect()

    def _hear_resolver(self, pair: "Pair") -> None:
        try:
            messages = pair.receive()
            if messages is None:
                self._disconnect()
                return
            for message in messages:
                if message.type is MessageType.EXCEPT:
                    wanted = unpack(message, Wanted)
                    self._tell_exceptions(self._keeper.change_exception(wanted, date()), message.handle)
                else:
                    self._take_keys(message)
        except Malformed as error:
            log(NAME, f"the resolver sent what does not decode, it is ended: {error}")
            accuse(self._link, PairName(LinkType.KEEPER))
            self._disconnect()

    def _take_keys(self, message: Message) -> None:
        if message.type is not MessageType.KEYS:
            raise Malformed(f"{message.type.name} is not for the keeper")
        found = None if message.flags & NOTHING else unpack(message, Found)
        zone = message.body if found is None else found.zone
        # Keys that nobody asked for are no nonsense: the question may have been given up.
        if zone in self._asked:
            self._learn(zone, found)

    def _learn(self, zone: bytes, found: Found | None) -> None:
        del self._asked[zone]
        self._keeper.heard(zone, None if found is None else found.rrset, date())
        self._keeper.keep_time(date())
        self._tell()


class Pair:
    """This cell's end. Little is written, seldom: what the other end does not take within a second ends the pair."""

    def __init__(self, endpoint: socket.socket) -> None:
        self.socket = endpoint
        self._inbox = Inbox()

    def send(self, data: bytes) -> bool:
        """False if it cannot be sent."""
        until, rest = time.monotonic() + WRITE_PATIENCE, memoryview(data)
        while rest:
            try:
                rest = rest[self.socket.sendmsg([rest], [], socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                if not select.select([], [self.socket], [], max(0.0, until - time.monotonic()))[1]:
                    return False
            except OSError:
                return False
        return True

    def receive(self) -> list[Message] | None:
        """What has come; None if the other end is gone. Raises Malformed."""
        try:
            # As the link is read, for that is one system call less for this cell to have.
            data = self.socket.recvmsg(READ_SIZE, 0, socket.MSG_DONTWAIT)[0]
        except BlockingIOError:
            return []
        except OSError:
            return None
        return list(self._inbox.feed(data)) if data else None


def _report(text: str, zone: str) -> None:
    log(NAME, text, zone)


SETTINGS = KeeperSettings


def warm() -> None:
    """What is the same in every life."""
    packaged_root()
    begin_once()


def run(link: socket.socket) -> None:
    """Run the keeper cell; forked by the supervisor only."""
    os.umask(0o077)
    preload()
    ignore_terminal_signals()
    run_guarded(NAME, KeeperCell(link).serve)
