"""What a rapid reset of HTTP/2 (CVE-2023-44487) costs the listener, while somebody else asks honestly.

    .venv/bin/python benchmarks/bench_reset.py [--seconds N] [--rate OCTETS]

An attacker with many connections at a time sends requests and calls each off at once, at a rate of octets a second in all
(TLS records, and what each attempt to connect takes on the wire), and connects anew whenever it is thrown out. The listener is
real, and in a process of its own, in front of a resolver that is played. Printed is the share of one core that it spent, and what
the honest client waited.
"""

import argparse
import contextlib
import socket
import ssl
import statistics
import struct
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

# in place of this folder, whose kit.py would hide tests/kit/
sys.path[0] = str(Path(__file__).parents[1] / "tests")

import dns.message  # noqa: E402
import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
from kit.certificates import NAME, authority, identity  # noqa: E402
from kit.https import ENTIRE, GREETING, HEADERS, PING, RST, block, encoded, frame  # noqa: E402
from kit.wayin import WayIn, serving  # noqa: E402

from resolver.settings import Served  # noqa: E402

ATTACKERS = 64
"""Connections at a time; a single one would wait for us, and not come to its rate."""
CONNECT = 250
"""Octets that the attacker sends for a TCP handshake and its end, headers included."""
HELLO = 580
"""A ClientHello, headers included."""
FINISHED = 150
"""The rest of a handshake."""
QUERY = dns.message.make_query("www.example", "A", id=0).to_wire()
PATH = f"/dns-query?dns={encoded(QUERY)}"


def context() -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=authority().pem)
    made.set_alpn_protocols(["h2"])
    return made


def resets() -> Iterator[bytes]:
    asked = block(path=PATH)
    for stream in count(1, 2):
        yield frame(HEADERS, ENTIRE, stream, asked) + frame(RST, 0, stream, struct.pack("!I", 8))


def pings() -> Iterator[bytes]:
    while True:
        yield frame(PING, 0, 0, bytes(8))


def nothing() -> Iterator[bytes]:
    """Only connects, without a word."""
    yield b""


class Attacker(threading.Thread):
    """One of its connections at a time. Sends what it has in pieces, from the addresses in turn, until told to stop."""

    def __init__(self, port: int, rate: float, piece: int, addresses: list[str], flood: type | object) -> None:
        super().__init__(daemon=True)
        self.port, self.rate, self.piece, self.flood = port, rate, piece, flood
        self.addresses = cycle(addresses)
        self.context = context()
        self.sent = self.connections = self.refused = 0
        self.stop = False

    def pace(self, octets: int) -> None:
        self.sent += octets
        ahead = self.begin + self.sent / self.rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)

    def run(self) -> None:
        self.begin = time.monotonic()
        while not self.stop:
            self.pace(CONNECT)
            try:
                plain = socket.create_connection(("127.0.0.1", self.port), 5, (next(self.addresses), 0))
            except OSError:
                continue
            with plain:
                self.visit(plain)

    def visit(self, plain: socket.socket) -> None:
        if self.flood is nothing:
            self.refused += 1
            return
        try:
            tls = self.context.wrap_socket(plain, server_hostname=NAME)
        except (OSError, ssl.SSLError):
            self.refused += 1
            self.pace(HELLO)
            return
        self.connections += 1
        self.pace(HELLO + FINISHED)
        waiting = bytearray(GREETING)
        with tls, contextlib.suppress(OSError, ssl.SSLError):
            for part in self.flood():  # type: ignore[operator]
                waiting += part
                if self.stop:
                    return
                if len(waiting) >= self.piece:
                    tls.sendall(waiting)
                    self.pace(len(waiting) + 22)
                    waiting.clear()


class Honest:
    """Asks one question at a time."""

    def __init__(self, port: int) -> None:
        plain = socket.create_connection(("127.0.0.1", port), 5, ("127.0.0.250", 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context().wrap_socket(plain, server_hostname=NAME)
        self.http = h2.connection.H2Connection(h2.config.H2Configuration())
        self.http.initiate_connection()
        self.waits: list[float] = []

    def ask(self) -> None:
        begin = time.monotonic()
        stream = self.http.get_next_available_stream_id()
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", NAME), (":path", PATH)]
        self.http.send_headers(stream, fields, end_stream=True)
        self.tls.sendall(self.http.data_to_send())
        while not any(isinstance(event, h2.events.StreamEnded) for event in self.events()):
            pass
        self.waits.append(time.monotonic() - begin)

    def events(self) -> list[h2.events.Event]:
        data = self.tls.recv(65_536)
        if not data:
            raise SystemExit("the honest client was thrown out")
        found = self.http.receive_data(data)
        for event in found:
            if isinstance(event, h2.events.DataReceived):
                self.http.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        if data := self.http.data_to_send():
            self.tls.sendall(data)
        return found


def attack(way_in: WayIn, attackers: list[Attacker], seconds: float) -> str:
    """One line of the table."""
    honest = Honest(way_in.ports[Served.HTTPS])
    honest.ask()
    before, begin = way_in.state(), time.monotonic()
    for attacker in attackers:
        attacker.start()
    while time.monotonic() < begin + seconds:
        honest.ask()
        time.sleep(0.1)
    after, spent = way_in.state(), time.monotonic() - begin
    share = 100 * (after.cpu - before.cpu) / spent
    waits = sorted(1000 * wait for wait in honest.waits)
    said = "– | – | –"
    for attacker in attackers:
        attacker.stop = True
    for attacker in attackers:
        attacker.join(10)
    if attackers:
        sent, connections, refused = (
            sum(getattr(attacker, what) for attacker in attackers) for what in ("sent", "connections", "refused")
        )
        said = f"{sent / spent / 1000:.0f} kB | {connections} | {refused}"
    return f"{said} | {share:.1f} % | {statistics.median(waits):.1f} / {waits[-1]:.1f} ms |"


MANY = [f"127.1.{high}.{low}" for high in range(16) for low in range(1, 251)]
WAYS = {
    "nobody": None,
    "rapid reset, all at once": (resets, 16_384, ["127.0.0.1"]),
    "rapid reset, in pieces of 1 kB": (resets, 1_000, ["127.0.0.1"]),
    "rapid reset, each connection from another of 4,000 addresses": (resets, 1_000, MANY),
    "pings": (pings, 1_000, ["127.0.0.1"]),
    "connections without a word": (nothing, 0, ["127.0.0.1"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1_000_000)
    options = parser.parse_args()
    print(
        "| attack | sent a second | connections | refused or silent | share of a core | an honest client waits (median / most) |"
    )
    print("|---|---|---|---|---|---|")
    for name, how in WAYS.items():
        with serving(identity("good")) as way_in:
            port = way_in.ports[Served.HTTPS]
            attackers = []
            if how is not None:
                rate = options.rate / ATTACKERS
                attackers = [
                    Attacker(port, rate, how[1], how[2][at::ATTACKERS] or how[2], how[0]) for at in range(ATTACKERS)
                ]
            print(f"| {name} | {attack(way_in, attackers, options.seconds)}", flush=True)


if __name__ == "__main__":
    main()
