"""Crowds of slow connections at a whole service: such that say nothing, such that say an octet a second, and such that say
nothing after they were let in; with what others have of it meanwhile.

    .venv/bin/python tests/attacks/slow_crowd.py [WAY …] [--silent N] [--slow N] [--greeted N]

plays it in full over TCP, TLS, HTTP/2 and QUIC, or the ways that are named, one after the other, and prints the figures. The exit
code is 1 if one of them is above its limit.

The attackers are one process with addresses 127.1.0.0/16 to 127.3.0.0/16, so that limits by address alone do not save us.
"""

import argparse
import contextlib
import json
import re
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

sys.path.insert(0, str(Path(__file__).parents[1]))

import dns.message
import dns.query
from kit.asker import Asker
from kit.certificates import NAME
from kit.h2_dial import ask as ask_http
from kit.h2_dial import connected, dial
from kit.https import ACK, DATA, DNS_MESSAGE, END_HEADERS, HEADERS, PREFACE, SETTINGS, block, frame
from kit.processes import state
from kit.quic_dial import Dialled, step_all
from kit.secure import ask_over_tls, secure_config, secure_port, trusting
from kit.service import Running, started

HOLD = 12.0
"""Seconds for which the crowd stays after the last one came."""
GONE_WITHIN = 30.0
PATIENCE = 5.0
HONEST = "127.0.0.9"
WAVE = 1_000
QUIC_WAVE = 40

LOCAL = dns.message.make_query("localhost", "A", id=0, use_edns=0)
FRAMED = struct.pack("!H", len(LOCAL.to_wire())) + LOCAL.to_wire()
HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(505)
"""The record of a ClientHello, as far as anybody waits for it."""
GREETING = PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0)
UPLOAD = frame(HEADERS, END_HEADERS, 1, block(("content-type", DNS_MESSAGE), method="POST")) + frame(
    DATA, 0, 1, bytes(99)
)


class One(Protocol):
    """A connection of the crowd."""

    def send(self, data: bytes, /) -> int:
        """Say it now or never."""

    def close(self) -> None:
        """Go."""


def knock(port: int, source: str) -> socket.socket:
    """Connect without waiting for it."""
    one = socket.socket()
    one.setblocking(False)
    one.bind((source, 0))
    with contextlib.suppress(BlockingIOError):
        one.connect(("127.0.0.1", port))
    return one


def greet_tcp(port: int, source: str) -> One:
    one = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
    one.sendall(FRAMED)
    return one


def greet_tls(port: int, source: str) -> One:
    one = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
    return trusting().wrap_socket(one, server_hostname=NAME)


def greet_http(port: int, source: str) -> One:
    one = dial(port, source)
    one.sendall(GREETING)
    return one


def singly(greet: Callable[[int, str], One]) -> "Greet":
    """Those that come one after the other; who is not let in is none."""

    def come(port: int, sources: list[str], _spoken: bool) -> list[One]:
        let_in = []
        for source in sources:
            with contextlib.suppress(OSError):
                let_in.append(greet(port, source))
        return let_in

    return come


def knock_all(port: int, sources: list[str], _spoken: bool) -> list[One]:
    return [knock(port, source) for source in sources]


class Slow:
    """Says octets of a question on one stream of QUIC."""

    def __init__(self, dialled: Dialled) -> None:
        self._dialled = dialled

    def send(self, data: bytes) -> int:
        if not self._dialled.client.terminated:
            self._dialled.client.core.send_stream_data(0, data)
            self._dialled.step()
        return len(data)

    def close(self) -> None:
        self._dialled.socket.close()


def greet_quic(port: int, sources: list[str], spoken: bool) -> list[One]:
    """Many handshakes at once. Of those that will say nothing only the socket is kept: a client takes more memory than we do."""
    let_in: list[One] = []
    for start in range(0, len(sources), QUIC_WAVE):
        wave = [Dialled(port, source) for source in sources[start : start + QUIC_WAVE]]
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not all(one.client.connected or one.client.terminated for one in wave):
            step_all(wave)
            time.sleep(0.002)
        step_all(wave)
        let_in += [Slow(one) if spoken else one.socket for one in wave]
    return let_in


def ask_tls(port: int) -> None:
    ask_over_tls(port, source=HONEST)


def ask_https(port: int) -> None:
    with connected(port, HONEST) as tls:
        tls.settimeout(PATIENCE)
        if not ask_http(tls):
            raise EOFError


def ask_quic(port: int) -> None:
    dialled = Dialled(port, HONEST)
    try:
        dialled.connect().ask(LOCAL.to_wire())
    finally:
        dialled.close()


Greet = Callable[[int, list[str], bool], list[One]]
"""Connections to a port from these addresses; whether something will be said on them."""


@dataclass(frozen=True)
class Way:
    """How the crowd comes in, and how somebody honest does: over the same encrypted way; over TLS where the crowd is at the door
    for clear text. `each`: connections that one address may have; `octets`: what the slow ones say of an endless message."""

    title: str
    cell: str
    each: int
    silent: Greet
    slow: Greet
    greeted: Greet
    octets: bytes
    scheme: str
    ask: Callable[[int], object]
    over: str


def way(
    title: str, silent: Greet, slow: Greet, greeted: Greet, octets: bytes, scheme: str, ask: Callable[[int], object]
) -> Way:
    """One of the encrypted ways."""
    return Way(title, "secure", 60, silent, slow, greeted, octets, scheme, ask, title)


UNENDING = FRAMED[:-1]
WAYS = {
    "tcp": Way("TCP", "front", 16, knock_all, knock_all, singly(greet_tcp), UNENDING, "tls", ask_tls, "TLS"),
    "tls": way("TLS", knock_all, knock_all, singly(greet_tls), HELLO, "tls", ask_tls),
    "https": way("HTTP/2", knock_all, singly(greet_http), singly(greet_http), UPLOAD, "https", ask_https),
    "quic": way("QUIC", greet_quic, greet_quic, greet_quic, UNENDING, "quic", ask_quic),
}


@dataclass
class Figures:
    """What was seen. Times in seconds, memory in KiB."""

    over: str
    most_held: int = 0
    grown: int = 0
    gone: float = 0.0
    over_udp: Asker = field(init=False)
    honest: Asker = field(init=False)


class Service:
    """A whole one that is looked at from outside."""

    def __init__(self, way: Way, folder: Path, running: Running) -> None:
        self._control = folder / "control.sock"
        self._quic = way.scheme == "quic"
        clear = running.wait_for("serving on 127.0.0.1:")
        self.clear = int(re.findall(r"127\.0\.0\.1:(\d+)", clear)[0])
        self.secure = secure_port(running, way.scheme)
        self.port = self.secure if way.cell == "secure" else self.clear
        self.pid = running.cell(way.cell)
        way.ask(self.secure)
        self._memory, self._sockets = self._resident(), self._open()

    def _resident(self) -> int:
        return int(state(self.pid)["VmRSS"].split()[0])

    def _open(self) -> int:
        return sum(1 for link in Path(f"/proc/{self.pid}/fd").iterdir() if is_socket(link))

    def held(self) -> int:
        """Connections: sockets of the cell, and of QUIC, where all have one, what the cell says."""
        if self._quic:
            return self._connections()
        # One that is just accepted, and goes or makes another one go, has a socket too: the least of a few looks.
        return min(self._open() for _ in range(5)) - self._sockets

    def _connections(self) -> int:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self._control))
            link.sendall(b'{"verb": "status"}\n')
            with link.makefile("rb") as lines:
                cells = [json.loads(line) for line in lines]
        return next(int(cell["connections"]) for cell in cells if cell.get("cell") == "secure")

    def look(self, figures: Figures) -> None:
        figures.most_held = max(figures.most_held, self.held())
        figures.grown = max(figures.grown, self._resident() - self._memory)


def is_socket(link: Path) -> bool:
    try:
        return str(link.readlink()).startswith("socket:")
    except OSError:
        return False


def addresses(network: int, count: int, each: int) -> list[str]:
    """Of 127.`network`.0.0/16, each so many times."""
    places = (number // each for number in range(count))
    return [f"127.{network}.{place // 250}.{place % 250 + 1}" for place in places]


def play(name: str, silent: int, slow: int, greeted: int, hold: float = HOLD, **how: str) -> Figures:
    """The whole attack; `how` is of `secure_config`."""
    way = WAYS[name]
    figures = Figures(way.over)
    listen = f'"{way.scheme}://127.0.0.1:0"'
    with (
        tempfile.TemporaryDirectory() as folder,
        started(secure_config(Path(folder), listen=listen, **how)) as running,
        ExitStack() as crowd,
    ):
        service = Service(way, Path(folder), running)
        figures.over_udp = Asker(lambda: dns.query.udp(LOCAL, "127.0.0.1", 2.0, service.clear))
        figures.honest = Asker(lambda: way.ask(service.secure))
        with figures.over_udp, figures.honest:
            come(crowd, way.greeted, service, addresses(2, greeted, way.each), figures)
            speaking = come(crowd, way.slow, service, addresses(3, slow, way.each), figures, spoken=True)
            come(crowd, way.silent, service, addresses(1, silent, way.each), figures)
            end = time.monotonic() + hold
            said = 0
            while time.monotonic() < end:
                speak(speaking, way.octets[said : said + 1])
                said += 1
                service.look(figures)
                time.sleep(1.0)
        figures.gone = hold + wait_until_gone(service)
        assert running.cell(way.cell) == service.pid
    return figures


def come(
    crowd: ExitStack, greet: Greet, service: Service, sources: list[str], figures: Figures, *, spoken: bool = False
) -> list[One]:
    """All of them, in waves; `crowd` closes them."""
    there: list[One] = []
    for start in range(0, len(sources), WAVE):
        let_in = greet(service.port, sources[start : start + WAVE], spoken)
        for one in let_in:
            crowd.callback(one.close)
        there += let_in
        service.look(figures)
    return there


def speak(crowd: list[One], octet: bytes) -> None:
    for one in crowd:
        with contextlib.suppress(OSError):
            one.send(octet)


def wait_until_gone(service: Service) -> float:
    start = time.monotonic()
    while service.held() > 0 and time.monotonic() - start < 2 * GONE_WITHIN:
        time.sleep(0.2)
    return time.monotonic() - start


def rows(figures: Figures) -> Iterator[tuple[str, float, float]]:
    """What, how much, and how much at most."""
    yield "connections held at once", figures.most_held, 2_000
    yield "answers lost over UDP", figures.over_udp.lost, 0
    yield f"honest clients over {figures.over} refused", figures.honest.lost, 0
    yield (
        f"slowest answer to an honest client over {figures.over}, ms",
        round(1_000 * figures.honest.slowest),
        1_000,
    )
    yield "memory the cell grew by, KiB", figures.grown, 64 * 1_024
    yield "seconds until all were gone", round(figures.gone, 1), GONE_WITHIN


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ways", nargs="*", choices=[[], *WAYS])
    parser.add_argument("--silent", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=1_000)
    parser.add_argument("--greeted", type=int, default=2_500)
    options = parser.parse_args()
    good = True
    for name in options.ways or WAYS:
        figures = play(name, options.silent, options.slow, options.greeted)
        print(f"\n{options.greeted} let in, {options.silent} silent and {options.slow} slow over {WAYS[name].title};")
        print(f"{len(figures.honest.waits)} honest ones meanwhile, {len(figures.over_udp.waits)} questions over UDP")
        print("\n| measure | seen | limit |\n| --- | --- | --- |")
        for what, measured, limit in rows(figures):
            print(f"| {what} | {measured:g} | {limit:g} |", flush=True)
            good = good and measured <= limit
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
