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
from anchorhold.link import LinkMessage, LinkType, PairName, accuse, nth, pair_name, send_message
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
    descriptors=128,
)
"""Descriptors: with a pair to each resolver, of which there are 64 at most."""
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
        self._pairs: dict[PairName, Pair] = {}
        """One to each resolver."""
        self._fresh: dict[PairName, socket.socket] = {}
        """Ends of those that nothing was done with yet."""
        self._asked: dict[bytes, tuple[float, Pair]] = {}
        """Zones whose keys are waited for: until when (monotonic seconds), and from whom."""
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
            pair = key.data
            if pair is None:
                self._hear()
            elif pair.name in self._pairs and self._pairs[pair.name] is pair:
                self._hear_resolver(pair)
        now = time.monotonic()
        if now >= self._save_at:
            self._save_at = now + SAVE_TIME_EVERY
            before = self._keeper.storage
            self._keeper.keep_time(date())
            if self._keeper.storage != before:
                self._tell()
        for zone in [zone for zone, (until, _) in self._asked.items() if now >= until]:
            self._learn(zone, None)
        if self._keeper.exceptions.expire(self._keeper.date(date())):
            self._send_all(_exceptions(self._keeper.in_force()))

    def _patience(self, now: float) -> float:
        """Seconds until something is to be done. What is due by the clock is looked at once an hour anyway: it may jump."""
        waits = [self._save_at - now, *(until - now for until, _ in self._asked.values())]
        waits.append(self._keeper.exceptions.pause(self._keeper.date(date())))
        if self._pairs and not self._asked:
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
                name = pair_name(message)
                if name in self._fresh:
                    self._fresh[name].close()
                self._fresh[name] = sockets.adopt(descriptor)
            case LinkType.SETTINGS, (descriptor,):
                self._settings = snapshot.load(descriptor, KeeperSettings)
                os.close(descriptor)
            case LinkType.FOLDER, (descriptor,):
                self._folder = Folder(descriptor)
            case ((LinkType.PING | LinkType.END), ()):
                pass
            case _:
                raise Malformed(f"{message.type.name} is not for the keeper, or its descriptor is missing")

    # the resolvers

    def _connect(self) -> None:
        """Talk to each resolver over the newest pair, and tell it first what is in force."""
        fresh, self._fresh = self._fresh, {}
        for name, endpoint in fresh.items():
            if name in self._pairs:
                self._disconnect(self._pairs[name])
            pair = self._pairs[name] = Pair(endpoint, name)
            self._selector.register(endpoint, selectors.EVENT_READ, pair)
            # Before the anchors: with those the resolver begins to serve.
            self._send(pair, _exceptions(self._keeper.in_force()))
            self._send(pair, self._anchors())

    def _disconnect(self, pair: "Pair") -> None:
        # What it was asked for is asked of the next.
        self._asked = {zone: asked for zone, asked in self._asked.items() if asked[1] is not pair}
        if self._pairs.get(pair.name) is pair:
            del self._pairs[pair.name]
            self._selector.unregister(pair.socket)
            pair.socket.close()

    def _tell(self) -> None:
        self._send_all(self._anchors())

    def _anchors(self) -> bytes:
        told = self._keeper.told()
        if not told:
            # Who waits for our first word is to know that there is none.
            return build_message(MessageType.ANCHORS, 0, b"", flags=NONE)
        bodies = (build_message(MessageType.ANCHORS, 0, pack(one), flags=MORE) for one in told[:-1])
        return b"".join(bodies) + build_message(MessageType.ANCHORS, 0, pack(told[-1]))

    def _change_exception(self, wanted: Wanted, pair: "Pair", handle: int) -> None:
        """Who wanted it is told last: then all have it."""
        in_force = self._keeper.change_exception(wanted, date())
        for other in [one for one in self._pairs.values() if one is not pair]:
            self._send(other, _exceptions(replace(in_force, refused="")))
        self._send(pair, _exceptions(in_force, handle))

    def _ask_for_keys(self, now: float) -> None:
        """Of the first resolver that is there: nobody outside is to be asked once for each."""
        for zone in self._keeper.due(date()):
            if self._pairs and zone not in self._asked:
                pair = self._pairs[min(self._pairs)]
                self._asked[zone] = now + ANSWER_PATIENCE, pair
                self._send(pair, build_message(MessageType.LOOK, 0, zone))

    def _send_all(self, data: bytes) -> None:
        for pair in [*self._pairs.values()]:
            self._send(pair, data)

    def _send(self, pair: "Pair", data: bytes) -> None:
        if not pair.send(data):
            self._disconnect(pair)

    def _hear_resolver(self, pair: "Pair") -> None:
        try:
            messages = pair.receive()
            if messages is None:
                self._disconnect(pair)
                return
            for message in messages:
                if message.type is MessageType.EXCEPT:
                    self._change_exception(unpack(message, Wanted), pair, message.handle)
                else:
                    self._take_keys(message, pair)
        except Malformed as error:
            log(NAME, f"the {nth('resolver', pair.name.number)} sent what does not decode, it is ended: {error}")
            accuse(self._link, pair.name)
            self._disconnect(pair)

    def _take_keys(self, message: Message, pair: "Pair") -> None:
        if message.type is not MessageType.KEYS:
            raise Malformed(f"{message.type.name} is not for the keeper")
        found = None if message.flags & NOTHING else unpack(message, Found)
        zone = message.body if found is None else found.zone
        # Keys that nobody asked it for are no nonsense: the question may have been given up.
        if zone in self._asked and self._asked[zone][1] is pair:
            self._learn(zone, found)

    def _learn(self, zone: bytes, found: Found | None) -> None:
        del self._asked[zone]
        self._keeper.heard(zone, None if found is None else found.rrset, date())
        self._keeper.keep_time(date())
        self._tell()


class Pair:
    """This cell's end. Little is written, seldom: what the other end does not take within a second ends the pair."""

    def __init__(self, endpoint: socket.socket, name: PairName) -> None:
        self.socket = endpoint
        self.name = name
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


def _exceptions(in_force: InForce, handle: int = 0) -> bytes:
    return build_message(MessageType.EXCEPTIONS, handle, pack(in_force))


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
