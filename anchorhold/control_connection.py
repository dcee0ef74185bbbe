"""One operator at the control socket: a line in, lines out, the end."""

import json
import selectors
import socket
from typing import Protocol

from anchorhold.control_requests import BadRequest, Line, read_request
from anchorhold.ipc import MAX_REQUEST
from net.sockets import NOW
from resolver.edge.listen.door import Watch
from wire.units import Instant


class Server(Protocol):
    """What a connection needs of the server."""

    watch: Watch

    def carry_out(self, request: Line, connection: "ControlConnection", now: Instant) -> None:
        """Answer one request. Raises BadRequest."""

    def gone(self, connection: "ControlConnection") -> None:
        """Forget a connection."""

    def origin(self) -> Line:
        """Where the answer that is being delivered came from."""


class ControlConnection:
    """One operator: a line in, lines out, the end."""

    stream = True
    encrypted = False

    def __init__(self, server: Server, endpoint: socket.socket, now: Instant) -> None:
        self._server = server
        self._in = b""
        self._out = bytearray()
        self._finished = False
        self._asked = self._closed = False
        self.socket = endpoint
        self.since = now

    def ready(self, events: int, now: Instant) -> None:
        """Read the request, or write what is left of the answer."""
        if events & selectors.EVENT_READ and not self._asked and not self._closed:
            self._read(now)
        self._write()

    def _read(self, now: Instant) -> None:
        try:
            data = self.socket.recv(MAX_REQUEST, NOW)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._in += data
        line, newline, _ = self._in.partition(b"\n")
        if not newline:
            if not data or len(self._in) > MAX_REQUEST:
                self.close()
            return
        self._asked = True
        try:
            self._server.carry_out(read_request(line), self, now)
        except BadRequest as error:
            self.say({"error": str(error)})
            self.finish()

    def say(self, line: Line) -> None:
        """Add one line to the answer."""
        self._out += json.dumps(line).encode() + b"\n"

    def send(self, response: bytes) -> None:
        """The road back for `ask`: the dressed answer to the question."""
        self.say({"cell": "front", "message": response.hex(), **self._server.origin()})
        self.finish()

    def add(self, text: bytes, more: bool) -> None:
        """A piece of another cell's own text; not the last that is said."""
        self._out += text if more else text + b"\n"

    def relay(self, text: bytes, more: bool) -> None:
        """A piece of another cell's own text, and the end of it is the end."""
        self.add(text, more)
        if not more:
            self.finish()

    def finish(self) -> None:
        """Nothing more will be said; close once all is written."""
        self._finished = True
        self._write()

    def _write(self) -> None:
        if self._closed:
            return
        try:
            while self._out and (sent := self.socket.send(self._out, NOW)):
                del self._out[:sent]
        except BlockingIOError:
            self._server.watch(self.socket, selectors.EVENT_WRITE, self)
            return
        except OSError:
            self.close()
            return
        if self._finished:
            self.close()

    def close(self) -> None:
        """Hang up."""
        if not self._closed:
            self._closed = True
            self._server.gone(self)
