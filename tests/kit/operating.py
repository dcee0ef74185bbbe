"""The control socket of a front over socket pairs: a service, whom it relays to, and an operator."""

import json
import os
import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.desk import START, Counter53

from anchorhold.control import ControlServer
from anchorhold.control_lines import Front
from anchorhold.ipc import Verb

READ = selectors.EVENT_READ
PATIENCE = 60.0
Answer = Callable[[bytes, bool], None]


class FakeRelay:
    """The resolver: what it was asked, and how to answer. Likewise the dhcp cell, if there is one."""

    def __init__(self, there: bool = True) -> None:
        self.dhcp = self.secure = self.lists = False
        self.fronts: dict[int, list[tuple[Verb, bytes]]] = {}
        """What others were asked that are there, by number."""
        self.lease_asked: list[tuple[Verb, bytes]] = []
        self.lease_answers: list[Answer] = []
        self.asked: list[tuple[Verb, bytes, int]] = []
        self.numbers: list[int] = []
        """Which resolver each time."""
        self.gone: set[int] = set()
        self.answers: list[Answer] = []
        self.there = there

    def fact(self, verb: Verb, argument: bytes, group: int, answer: Answer, number: int = 0) -> bool:
        self.asked.append((verb, argument, group))
        self.numbers.append(number)
        if number not in self.gone:
            self.answers.append(answer)
        return self.there and number not in self.gone

    def answer_all(self) -> None:
        """As each resolver does that is asked, one after another."""
        while self.answers:
            self.answers.pop(0)(b'{"cell": "resolver"}', False)

    def lease_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        self.lease_asked.append((verb, argument))
        self.lease_answers.append(answer)
        return self.dhcp

    def secure_fact(self, verb: Verb, argument: bytes, answer: Answer, number: int = 0) -> bool:
        if self.secure and not number:
            answer(b'{"cell": "secure", "verb": "%s"}' % verb.name.encode(), False)
        return self.secure

    def front_fact(self, verb: Verb, argument: bytes, answer: Answer, number: int) -> bool:
        if number in self.fronts:
            self.fronts[number].append((verb, argument))
            answer(b'{"cell": "front-%d", "verb": "%s"}' % (number + 1, verb.name.encode()), False)
        return number in self.fronts

    def lists_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        if self.lists:
            answer(b'{"cell": "lists", "argument": "%s"}' % argument.hex().encode(), False)
        return self.lists


class Service:
    """A control socket with a watch list in place of a loop."""

    def __init__(self, front: Counter53, relay: FakeRelay, path: Path, cores: int) -> None:
        self.front, self.relay, self._path = front, relay, path
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen()
        self.listening.setblocking(False)
        self.watched: dict[object, int] = {}
        asked = Front(front.desk, front.admission, 3, os.getpid(), cores)
        self.server = ControlServer(self.listening, lambda: asked, relay, self.watch)

    def watch(self, _endpoint: socket.socket, events: int, owner: object) -> None:
        self.watched[owner] = events

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(str(self._path))
        self.server.ready(READ, START)
        return client

    def say(self, client: socket.socket, data: bytes) -> None:
        """Send, and let every connection read."""
        client.sendall(data)
        for connection in list(self.server._connections):
            connection.ready(READ, START)


@contextmanager
def service(path: Path, *, there: bool = True, cores: int = 1, **changes: object) -> Iterator[Service]:
    one = Service(Counter53(**changes), FakeRelay(there), path / "control.sock", cores)  # type: ignore[arg-type]
    with one.listening:
        yield one
        for connection in list(one.server._connections):
            connection.close()


def lines(client: socket.socket) -> list[dict[str, object]]:
    with client, client.makefile("rb") as file:
        return [json.loads(line) for line in file]


def request(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"
