"""A front cell as a real process, with a resolver that the test plays: `with running_front() as front`."""

import os
import resource
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from kit.desk import answer, settings

from anchorhold import snapshot
from anchorhold.config.service import ListenAddress
from anchorhold.ipc import CREDITS, Inbox, Message, MessageType, build_message, build_reply
from anchorhold.link import LinkMessage, LinkType, receive_message, send_message
from anchorhold.listeners import Listener, open_control, open_listener
from resolver.settings import FrontSettings
from resolver.values import Reply

PATIENCE = 60.0
"""Seconds a test waits for something that is bound to come."""


@dataclass
class RunningFront:
    """`link` is the supervisor's end, `peer` the resolver's. `ports` are those of the listeners, in order."""

    process: subprocess.Popen[bytes]
    link: socket.socket
    peer: socket.socket
    ports: list[int]
    control: Path | None = None
    inbox: Inbox = field(default_factory=Inbox)
    heard: list[Message] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    pair: LinkType = LinkType.PEER
    """How the pair to the resolver is called."""

    @property
    def port(self) -> int:
        return self.ports[0]

    def next_message(self, *kinds: MessageType) -> Message:
        """The next message of one of `kinds` from front; others are passed over."""
        while True:
            while self.heard:
                message = self.heard.pop(0)
                if message.type in kinds:
                    return message
            data = self.peer.recv(65_536)
            assert data, "front hung up"
            self.heard += self.inbox.feed(data)

    def next_query(self) -> Message:
        return self.next_message(MessageType.QUERY)

    def send(self, message: bytes) -> None:
        self.peer.sendall(message)

    def reply(self, query: Message, reply: Reply | None = None) -> None:
        """Answer a QUERY: with one A record, or with `reply`."""
        reply = reply or answer(query.body, generation=query.generation)
        flags, generation = reply.origin.value, reply.generation
        body = build_reply(reply)
        self.send(build_message(MessageType.REPLY, query.handle, body, flags=flags, generation=generation))

    def grant(self, credits: int = CREDITS) -> None:
        self.send(build_message(MessageType.CREDIT, 0, credits.to_bytes(4, "little")))

    def new_peer(self, credits: int = CREDITS) -> None:
        """What the supervisor does when it started another resolver."""
        self.peer.close()
        self.peer, theirs = socket.socketpair()
        self.peer.settimeout(PATIENCE)
        self.inbox = Inbox()
        with theirs:
            send_message(self.link, self.pair, b"", (theirs.fileno(),))
        self.grant(credits)

    def hand(self, kind: LinkType, *memfds: int, body: bytes = b"") -> None:
        """Hand descriptors over, and let go of them."""
        send_message(self.link, kind, body, memfds)
        for descriptor in memfds:
            os.close(descriptor)

    def new_dhcp(self) -> socket.socket:
        """What the supervisor does when it started a dhcp cell; gives that one's end."""
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        with theirs:
            send_message(self.link, LinkType.HOSTS, b"", (theirs.fileno(),))
        return ours

    def said(self) -> LinkMessage:
        """The next message to the supervisor that wants an answer or gives one. Lines of the log are kept in `log`; how it is
        sealed, and what `secure` proves, is passed over."""
        while (message := receive_message(self.link)) is not None:
            if message.type is LinkType.LOG:
                self._keep(message.body.decode())
            elif message.type not in (LinkType.SEALED, LinkType.ENCRYPTED):
                return message
        raise AssertionError("it hung up")

    def _keep(self, line: str) -> None:
        if ": is shut in" not in line:
            self.log.append(line)

    def wait_accused(self) -> LinkType:
        message = self.said()
        assert message.type is LinkType.ACCUSE
        return LinkType(message.body[0])

    def new_settings(self, value: FrontSettings) -> None:
        """A reload; returns when front says that it is in force."""
        _send_settings(self.link, value)
        assert self.wait_ready() == value.generation

    def wait_ready(self) -> int:
        message = self.said()
        assert message.type is LinkType.READY
        return int.from_bytes(message.body, "little")

    def new_listeners(self, *hosts: str) -> list[int]:
        """What the supervisor does when a reload wants others; gives the ports."""
        send_message(self.link, LinkType.WITHDRAW)
        listeners = [open_listener(ListenAddress(host, 0)) for host in hosts]
        for listener in listeners:
            _give(self.link, listener)
            listener.close()
        return [listener.place.port for listener in listeners]

    def drain(self) -> None:
        """Take what it said before it ended."""
        while (message := receive_message(self.link)) is not None:
            if message.type is LinkType.LOG:
                self._keep(message.body.decode())

    def ping(self) -> None:
        """Returns when everything that was sent before has been taken."""
        send_message(self.link, LinkType.PING)
        assert self.said().type is LinkType.PING

    def end(self) -> int:
        send_message(self.link, LinkType.END)
        return self.process.wait(PATIENCE)


def alone(
    stack: ExitStack, module: str, descriptors: int = 0, environment: Mapping[str, str] = MappingProxyType({})
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """What is in `module` as a process of its own, and the supervisor's end of the link to it, both until the end of `stack`.
    `descriptors`: it may have so many and no more."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stack.enter_context(ours)
    ours.settimeout(PATIENCE)
    with theirs:
        command = [sys.executable, "-m", "kit.alone", module, str(theirs.fileno())]
        here = {"PYTHONPATH": str(Path(__file__).parents[1])}
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=os.environ | here | environment)
    stack.callback(stop, process)
    if descriptors:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (descriptors, descriptors))
    return process, ours


@contextmanager
def running_front(
    *hosts: str,
    value: FrontSettings | None = None,
    control: Path | None = None,
    credits: int = CREDITS,
    module: str = "anchorhold.cells.front",
    descriptors: int = 0,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[RunningFront]:
    """A front that serves on a free port of each of `hosts` (127.0.0.1 without any), or what is in `module`. `descriptors`: it
    may have so many and no more."""
    with ExitStack() as stack:
        process, ours = alone(stack, module, descriptors, environment)
        ports = []
        for host in hosts or ("127.0.0.1",):
            listener = open_listener(ListenAddress(host, 0))
            stack.callback(listener.close)
            _give(ours, listener)
            ports.append(listener.place.port)
        if control is not None:
            listening = stack.enter_context(open_control(control))
            send_message(ours, LinkType.CONTROL, b"", (listening.fileno(),))
        front = RunningFront(process, ours, socket.socket(), ports, control)
        stack.callback(lambda: front.peer.close())
        front.new_peer(credits)
        secret = snapshot.seal_bytes(bytes(range(32)))
        send_message(ours, LinkType.SECRET, b"", (secret,))
        os.close(secret)
        _send_settings(ours, value or settings())
        send_message(ours, LinkType.START, bytes(4))
        assert front.wait_ready() == (value or settings()).generation
        yield front


def _give(link: socket.socket, listener: Listener) -> None:
    send_message(link, LinkType.UDP, listener.traits, (listener.udp.fileno(),))
    send_message(link, LinkType.TCP, b"", (listener.tcp.fileno(),))


def _send_settings(link: socket.socket, value: FrontSettings) -> None:
    descriptor = snapshot.seal(value)
    send_message(link, LinkType.SETTINGS, value.generation.to_bytes(4, "little"), (descriptor,))
    os.close(descriptor)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait(PATIENCE)


def is_silent(endpoint: socket.socket) -> bool:
    """Nothing can be read right now."""
    with selectors.DefaultSelector() as selector:
        selector.register(endpoint, selectors.EVENT_READ)
        return not selector.select(0)
