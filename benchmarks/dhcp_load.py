"""The clients of `bench_dhcp.py`: exchanges DISCOVER, OFFER, REQUEST, ACK through one relay, so many at a time.

Runs in the load's namespace. Reads one JSON object a line from standard input (`first`, `count`, `outstanding`, `seconds`),
answers with one: what was completed, what failed, how long each exchange took. A client's hardware address follows from its
number.
"""

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

RELAY, SERVER = "10.77.0.2", "10.77.0.1"
PORT = 67
COOKIE = b"\x63\x82\x53\x63"
HEAD = struct.Struct("!BBBBIHH4s4s4s4s16s")
ASKED = bytes((55, 7, 1, 3, 6, 15, 28, 51, 54))
OFFER, ACK, NAK = 2, 5, 6
PATIENCE = 2.0
"""Seconds after which a message counts as lost; nothing is sent again."""


@dataclass(slots=True)
class Exchange:
    number: int
    begun: float
    sent: float
    server: bytes = b""


@dataclass(slots=True)
class Result:
    completed: int = 0
    lost: int = 0
    refused: int = 0
    twice: int = 0
    """Addresses that two clients got."""
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    """Seconds each exchange took."""


def hardware(number: int) -> bytes:
    """A universally administered address (ours would else count as a device that changes its own)."""
    return b"\x00\x16\x3e" + number.to_bytes(3, "big")


def message(relay: str, kind: int, number: int, transaction: int, address: bytes = b"", server: bytes = b"") -> bytes:
    """A message of client `number` as the relay passes it on."""
    head = HEAD.pack(
        1, 1, 6, 1, transaction, 0, 0, bytes(4), bytes(4), bytes(4), socket.inet_aton(relay), hardware(number)
    )
    options = [bytes((53, 1, kind)), bytes((61, 7, 1)) + hardware(number), ASKED]
    if address:
        options += [b"\x32\x04" + address, b"\x36\x04" + server]
    return (head + bytes(192) + COOKIE + b"".join(options) + b"\xff").ljust(300, b"\0")


def options_of(data: bytes) -> dict[int, bytes]:
    found, at = {}, 240
    while at + 1 < len(data) and data[at] != 255:
        if not data[at]:
            at += 1
            continue
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def arrived(endpoint: socket.socket) -> Iterator[tuple[int, bytes, dict[int, bytes]]]:
    """What has come: transaction, address, options."""
    while True:
        try:
            data = endpoint.recv(2_048)
        except BlockingIOError:
            return
        yield int.from_bytes(data[4:8], "big"), data[16:20], options_of(data)


def open_relay(relay: str) -> socket.socket:
    """The socket of the relay at this address. It says `0`, waits for a line, as the network is there then, and says `1`."""
    print(0, flush=True)
    sys.stdin.buffer.raw.readline()
    endpoint = socket.socket(type=socket.SOCK_DGRAM)
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    endpoint.bind((relay, PORT))
    endpoint.setblocking(False)
    print(1, flush=True)
    return endpoint


class Load:
    """One run; `outstanding` exchanges are open until `count` are begun or `seconds` are over."""

    def __init__(self, endpoint: socket.socket, order: dict[str, float]) -> None:
        self._socket = endpoint
        self._next, self._last = int(order["first"]), int(order["first"] + order["count"])
        self._outstanding = int(order["outstanding"])
        self._seconds = order["seconds"]
        self._base = int(time.time() * 1000) << 24 & 0x7F000000
        self._open: dict[int, Exchange] = {}
        self._given: set[bytes] = set()
        self.result = Result()

    def run(self) -> Result:
        begun = time.perf_counter()
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while True:
            now = time.perf_counter()
            while now - begun < self._seconds and self._next < self._last and len(self._open) < self._outstanding:
                self._begin(now)
            if not self._open:
                break
            if poll.poll(50):
                self._hear()
            self._give_up(time.perf_counter())
        self.result.seconds = time.perf_counter() - begun
        return self.result

    def _begin(self, now: float) -> None:
        transaction = self._base + self._next
        self._open[transaction] = Exchange(self._next, now, now)
        self._next += 1
        self._send(message(RELAY, 1, self._open[transaction].number, transaction))

    def _send(self, data: bytes) -> None:
        self._socket.sendto(data, (SERVER, PORT))

    def _hear(self) -> None:
        for transaction, address, options in arrived(self._socket):
            if exchange := self._open.get(transaction):
                self._take(transaction, exchange, address, options)

    def _take(self, transaction: int, exchange: Exchange, address: bytes, options: dict[int, bytes]) -> None:
        kind, now = options[53][0], time.perf_counter()
        if kind == OFFER and not exchange.server:
            exchange.server, exchange.sent = options[54], now
            self._send(message(RELAY, 3, exchange.number, transaction, address, exchange.server))
        elif kind == ACK:
            del self._open[transaction]
            self.result.completed += 1
            self.result.times.append(now - exchange.begun)
            self.result.twice += address in self._given
            self._given.add(address)
        elif kind == NAK:
            del self._open[transaction]
            self.result.refused += 1

    def _give_up(self, now: float) -> None:
        for transaction in [key for key, exchange in self._open.items() if now - exchange.sent > PATIENCE]:
            del self._open[transaction]
            self.result.lost += 1


def main() -> None:
    endpoint = open_relay(RELAY)
    for line in sys.stdin:
        result = Load(endpoint, json.loads(line)).run()
        print(json.dumps({name: getattr(result, name) for name in Result.__slots__}), flush=True)


if __name__ == "__main__":
    main()
