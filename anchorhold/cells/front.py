"""The cell that knows clients: their sockets, the answer cache, the control socket. It never opens a connection.

A plain readiness loop. Everything it holds comes over the link (`anchorhold/link.py`): listeners, settings, the cookie
key, and its end of the pair to the resolver.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable

import click

from anchorhold import snapshot
from anchorhold.cells.peer import LeasePeer, Pair, Peer
from anchorhold.cells.start import ignore_terminal_signals, receive_until_start, run_guarded, tell_ready
from anchorhold.control import ControlServer, Front
from anchorhold.facts import log
from anchorhold.ipc import Verb
from anchorhold.link import LinkMessage, LinkType, receive_message, send_message
from anchorhold.sandbox import SandboxProfile, enter, preload
from resolver.admission import Admission
from resolver.edge.listen.datagram import DatagramListener
from resolver.edge.listen.stream import Places, StreamListener
from resolver.edge.serve import Desk
from resolver.settings import FrontSettings
from wire.errors import Malformed
from wire.units import Instant

PROFILE = SandboxProfile("front")

DRAIN = 0.2
"""Seconds for what is under way after SIGTERM."""


class FrontCell:
    """All of the process's state, and its loop."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._selector = selectors.DefaultSelector()
        self._settings: FrontSettings | None = None
        self._secret = b""
        self._restarts = 0
        self._datagrams: list[DatagramListener] = []
        self._streams: list[StreamListener] = []
        self._places = Places()
        self._control: ControlServer | None = None
        self._control_socket: socket.socket | None = None
        self._waiting: list[tuple[LinkType, socket.socket, bool]] = []
        self._peer: Peer | None = None
        self._lease_peer: LeasePeer | None = None
        self._pair_sockets: dict[LinkType, socket.socket] = {}
        """Ends of fresh pairs that nothing was done with yet."""
        self._ending = False
        self._due = 0.0
        self.desk: Desk
        self.admission: Admission

    # start

    def prepare(self) -> None:
        """Take everything from the link until START."""
        self._restarts = receive_until_start(self._link, self._take)
        if self._settings is None or not self._secret:
            raise Malformed("START before SETTINGS and SECRET")
        first_handle = int.from_bytes(os.urandom(8), "big")
        self.desk = Desk(self._settings, self._secret, first_handle, time.time)
        self.admission = Admission(self._settings)

    def serve(self) -> int:
        """The cell's whole life; gives its exit code."""
        self.prepare()
        enter(PROFILE)
        signal.signal(signal.SIGTERM, self.end)
        self.run()
        return 0

    def run(self) -> None:
        """Serve until told to end."""
        self._link.setblocking(False)
        self.watch(self._link, selectors.EVENT_READ, self)
        self._open_listeners()
        self._open_peer()
        self._open_lease_peer()
        if self._control_socket is not None:
            self._control = ControlServer(self._control_socket, self._front, self, self.watch)
            self.watch(self._control_socket, selectors.EVENT_READ, self._control)
        tell_ready(self._link, self.desk.settings.generation)
        while not self._ending:
            self._turn()
        self._stop_listening()
        end = time.monotonic() + DRAIN
        while (self.desk.open or any(streams.owing for streams in self._streams)) and time.monotonic() < end:
            self._turn()
        self._close_listeners()

    def _turn(self) -> None:
        """One wake-up: events, then everything that was collected is written, then what is overdue ends."""
        events = self._selector.select(min(self._due, DRAIN / 10) if self._ending else self._due)
        now = Instant(time.monotonic())
        for key, mask in events:
            key.data(mask, now)
        # Before the flush: what ends here is answered in this wake-up.
        due = self.desk.expire(now)
        self._due = 1.0 if due is None else min(due, 1.0)
        for listener in self._streams:
            if listener.dirty:
                listener.flush(now)
            listener.expire_sometimes(now)
        if any(listener.ended for listener in self._streams):
            self._streams = [listener for listener in self._streams if not listener.ended]
        if self._control is not None:
            self._control.expire(now)
        for pair in (self._peer, self._lease_peer):
            if pair is not None:
                pair.flush()

    # what the parts need of the loop

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        """Register, change or (0) forget a socket; `owner.ready(events, now)` is called."""
        try:
            known = self._selector.get_key(endpoint)
        except (KeyError, ValueError):
            known = None
        if not events:
            if known is not None:
                self._selector.unregister(endpoint)
        elif known is None:
            self._selector.register(endpoint, events, owner.ready)  # type: ignore[attr-defined]
        elif known.events != events:
            self._selector.modify(endpoint, events, owner.ready)  # type: ignore[attr-defined]

    def fact(self, verb: Verb, argument: bytes, group: int, answer: Callable[[bytes, bool], None]) -> bool:
        """An operator's question to the resolver, if there is one."""
        if self._peer is not None:
            self._peer.fact(verb, argument, group, answer)
        return self._peer is not None

    def lease_fact(self, verb: Verb, argument: bytes, answer: Callable[[bytes, bool], None]) -> bool:
        """An operator's question to the dhcp cell, if there is one."""
        if self._lease_peer is not None:
            self._lease_peer.fact(verb, argument, 0, answer)
        return self._lease_peer is not None

    def _front(self) -> Front:
        return Front(self.desk, self.admission, self._restarts)

    def lose(self, pair: Pair, why: str) -> None:
        """The pair is of no more use: close it (which ends the other cell) and wait for the supervisor's next."""
        if pair not in (self._peer, self._lease_peer):
            return
        log("front", why)
        if pair is self._peer:
            self._peer = None
            self.desk.connect(None)
            self.desk.counters["peer-lost"] += 1
        elif pair is self._lease_peer:
            self._lease_peer = None
            self.desk.counters["dhcp-lost"] += 1
        pair.close()

    def accuse(self, kind: LinkType) -> None:
        """What does not decode ends its sender: only the supervisor can do that."""
        send_message(self._link, LinkType.ACCUSE, bytes((kind,)))

    # link

    def ready(self, _events: int, now: Instant) -> None:
        """The supervisor says something."""
        try:
            message = receive_message(self._link)
        except BlockingIOError:
            return
        if message is None:
            self._ending = True
            self.watch(self._link, 0, self)
            return
        self._take(message)
        self._apply(message.type, now)

    def _take(self, message: LinkMessage) -> None:
        """Keep what came; what it means is for `prepare` or `_apply` to see."""
        descriptors = message.descriptors
        match message.type, descriptors:
            case ((LinkType.UDP | LinkType.TCP), (descriptor,)):
                wildcard = message.body[:1] == b"\1"
                self._waiting.append((message.type, socket.socket(fileno=descriptor), wildcard))
            case LinkType.CONTROL, (descriptor,):
                self._control_socket = socket.socket(fileno=descriptor)
            case ((LinkType.PEER | LinkType.HOSTS), (descriptor,)):
                former = self._pair_sockets.pop(message.type, None)
                if former is not None:
                    former.close()
                self._pair_sockets[message.type] = socket.socket(fileno=descriptor)
            case LinkType.SETTINGS, (descriptor,):
                self._settings = snapshot.load(descriptor, FrontSettings)
                os.close(descriptor)
            case LinkType.SECRET, ():
                self._secret = message.body
            case ((LinkType.WITHDRAW | LinkType.PING), ()):
                pass
            case _:
                raise Malformed(f"{message.type.name} is not for front, or its descriptor is missing")

    def _apply(self, kind: LinkType, now: Instant) -> None:
        """Act on what came while serving."""
        match kind:
            case LinkType.UDP | LinkType.TCP:
                self._open_listeners()
            case LinkType.PEER:
                self._open_peer()
            case LinkType.HOSTS:
                self._open_lease_peer()
            case LinkType.SETTINGS if self._settings is not None:
                self.desk.use(self._settings)
                self.admission = Admission(self._settings)
                for datagrams in self._datagrams:
                    datagrams.admission = self.admission
                for streams in self._streams:
                    streams.use(self.admission, now)
                tell_ready(self._link, self._settings.generation)
            case LinkType.WITHDRAW:
                self._close_listeners()
            case LinkType.PING:
                send_message(self._link, LinkType.PING)
            case _:
                pass

    def _open_peer(self) -> None:
        endpoint = self._pair_sockets.pop(LinkType.PEER, None)
        if endpoint is None:
            return
        if self._peer is not None:
            self.lose(self._peer, "a new resolver takes over")
        self._peer = Peer(self, endpoint)
        self.desk.connect(self._peer)
        self.watch(endpoint, selectors.EVENT_READ, self._peer)

    def _open_lease_peer(self) -> None:
        endpoint = self._pair_sockets.pop(LinkType.HOSTS, None)
        if endpoint is None:
            return
        if self._lease_peer is not None:
            self.lose(self._lease_peer, "a new dhcp cell takes over")
        self._lease_peer = LeasePeer(self, endpoint)
        self.watch(endpoint, selectors.EVENT_READ, self._lease_peer)

    def _open_listeners(self) -> None:
        for kind, endpoint, wildcard in self._waiting:
            if kind is LinkType.UDP:
                datagrams = DatagramListener(endpoint, wildcard, self.desk, self.admission)
                self._datagrams.append(datagrams)
                self.watch(endpoint, selectors.EVENT_READ, datagrams)
            else:
                streams = StreamListener(endpoint, self.desk, self.admission, self.watch, self._places)
                self._streams.append(streams)
                self.watch(endpoint, selectors.EVENT_READ, streams)
        self._waiting.clear()

    def _close_listeners(self) -> None:
        for datagrams in self._datagrams:
            self.watch(datagrams.socket, 0, datagrams)
            datagrams.socket.close()
        for streams in self._streams:
            streams.close()
        self._datagrams.clear()

    def _stop_listening(self) -> None:
        """Take nothing new; the UDP sockets stay open, for answers leave through them."""
        for datagrams in self._datagrams:
            self.watch(datagrams.socket, 0, datagrams)
        for streams in self._streams:
            self.watch(streams.socket, 0, streams)

    def end(self, _signal: int, _frame: object) -> None:
        """SIGTERM: take nothing new, give out what is nearly there. Only the loop touches anything else."""
        self._ending = True
        # The link has "ended" for us, so `select` returns at once and no wake-up is lost.
        self._link.shutdown(socket.SHUT_RD)


@click.command()
@click.option("--link", type=int, required=True)
def main(link: int) -> None:
    """Run the front cell; started by the supervisor only."""
    preload()
    ignore_terminal_signals()
    run_guarded("front", FrontCell(socket.socket(fileno=link)).serve)


if __name__ == "__main__":
    main()
