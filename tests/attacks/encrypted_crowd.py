"""Crowds at the TLS port of a whole service: connections that say nothing, such that say an octet a second, and such that say
nothing after the handshake; with what others have of it meanwhile.
`python tests/attacks/encrypted_crowd.py [IDLE SLOW GREETED]` plays it in full and prints the figures.

The attackers are one process with addresses 127.1.0.0/16, so that limits by address alone do not save us.
"""

import contextlib
import selectors
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import dns.message
from kit.certificates import NAME
from kit.processes import state
from kit.secure import ask_over_tls, secure_config, tls_port, trusting
from kit.service import Running, started

PER_ADDRESS = 60
HOLD = 12.0
"""Seconds for which the crowd stays after the last one came."""
GONE_WITHIN = 30.0

HELLO = bytes.fromhex("1603010200010001fc0303")
"""How a hello of 512 octets begins; the rest comes an octet a second."""


@dataclass
class Figures:
    """What was seen. Times in seconds, memory in KiB."""

    most_held: int = 0
    lost: int = 0
    asked: int = 0
    slowest_udp: float = 0.0
    slowest_tls: float = 0.0
    honest: int = 0
    refused: int = 0
    grown: int = 0
    gone: float = 0.0
    errors: list[str] = field(default_factory=list)


class Crowd:
    """Clients that were let in, or think so."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self.idle: list[socket.socket] = []
        self.slow: list[tuple[socket.socket, int]] = []
        self.greeted: list[ssl.SSLSocket] = []

    def greet(self, count: int) -> None:
        """Connect and shake hands, one after another."""
        context = trusting()
        for number in range(count):
            one = socket.create_connection(("127.0.0.1", self._port), 5.0, (f"127.2.0.{number // PER_ADDRESS + 1}", 0))
            self.greeted.append(context.wrap_socket(one, server_hostname=NAME))

    def come(self, count: int, slow: bool) -> None:
        """Connect without waiting for each."""
        for number in range(count):
            one = socket.socket()
            one.setblocking(False)
            place = number // PER_ADDRESS + (200 if slow else 0)
            one.bind((f"127.1.{place // 250}.{place % 250 + 1}", 0))
            with contextlib.suppress(BlockingIOError):
                one.connect(("127.0.0.1", self._port))
            if slow:
                self.slow.append((one, 0))
            else:
                self.idle.append(one)

    def speak(self) -> None:
        """An octet of each slow one."""
        spoken = []
        for one, said in self.slow:
            with contextlib.suppress(OSError):
                one.send(HELLO[said : said + 1] or b"\0")
            spoken.append((one, said + 1))
        self.slow = spoken

    def leave(self) -> None:
        for one in [*self.idle, *(one for one, _ in self.slow), *self.greeted]:
            one.close()


class Witness:
    """Asks over UDP ten times a second, until told to stop."""

    def __init__(self, place: tuple[str, int], figures: Figures) -> None:
        self._place, self._figures = place, figures
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2.0)
            while not self._stop.wait(0.1):
                start = time.monotonic()
                client.sendto(dns.message.make_query("localhost", "A").to_wire(), self._place)
                self._figures.asked += 1
                try:
                    client.recv(4_096)
                except TimeoutError:
                    self._figures.lost += 1
                self._figures.slowest_udp = max(self._figures.slowest_udp, time.monotonic() - start)

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def held(pid: int) -> int:
    """Sockets of process `pid`."""
    return sum(1 for link in (Path(f"/proc/{pid}/fd")).iterdir() if _is_socket(link))


def _is_socket(link: Path) -> bool:
    try:
        return str(link.readlink()).startswith("socket:")
    except OSError:
        return False


def memory(pid: int) -> int:
    return int(state(pid)["VmRSS"].split()[0])


def play(idle: int, slow: int, greeted: int, hold: float = HOLD, extra: str = "") -> Figures:
    """The whole attack; `extra` stands in `[secure]`."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder, started(secure_config(Path(folder), extra=extra)) as running:
        port, place = tls_port(running), _clear(running)
        ask_over_tls(port, source="127.0.0.9")
        pid = running.cell("secure")
        before, own = memory(pid), held(pid)
        with Witness(place, figures):
            crowd = Crowd(port)
            crowd.greet(greeted)
            _look(figures, pid, port, before, own)
            crowd.come(slow, slow=True)
            for part in range(0, idle, 1_000):
                crowd.come(min(1_000, idle - part), slow=False)
                _look(figures, pid, port, before, own)
            end = time.monotonic() + hold
            while time.monotonic() < end:
                crowd.speak()
                _look(figures, pid, port, before, own)
                time.sleep(1.0)
            figures.gone = hold + _wait_until_gone(pid, own)
            crowd.leave()
        assert running.cell("secure") == pid
    return figures


def _clear(running: Running) -> tuple[str, int]:
    line = running.wait_for("serving on 127.0.0.1:")
    return "127.0.0.1", int(line.split("127.0.0.1:")[1].split()[0])


def _look(figures: Figures, pid: int, port: int, before: int, own: int) -> None:
    figures.most_held = max(figures.most_held, held(pid) - own)
    figures.grown = max(figures.grown, memory(pid) - before)
    start = time.monotonic()
    try:
        ask_over_tls(port, source="127.0.0.9")
    except OSError as error:
        figures.refused += 1
        figures.errors.append(type(error).__name__)
    figures.honest += 1
    figures.slowest_tls = max(figures.slowest_tls, time.monotonic() - start)


def _wait_until_gone(pid: int, own: int) -> float:
    start = time.monotonic()
    while held(pid) > own and time.monotonic() - start < 2 * GONE_WITHIN:
        time.sleep(0.2)
    return time.monotonic() - start


def rows(figures: Figures) -> Iterator[tuple[str, float, float]]:
    """What, how much, and how much at most."""
    yield "connections held at once", figures.most_held, 2_000
    yield "answers lost over UDP", figures.lost, 0
    yield "honest clients over TLS refused", figures.refused, 0
    yield "slowest answer to an honest client over TLS, ms", round(1_000 * figures.slowest_tls), 1_000
    yield "memory the cell grew by, KiB", figures.grown, 64 * 1_024
    yield "seconds until all were gone", round(figures.gone, 1), GONE_WITHIN


def main() -> None:
    idle, slow, greeted = (int(word) for word in sys.argv[1:4] or ("10000", "1000", "2500"))
    figures = play(idle, slow, greeted)
    print(f"{greeted} that shook hands, {idle} silent and {slow} slow connections over TLS")
    print(f"{figures.honest} honest ones meanwhile, and {figures.asked} questions over UDP")
    for what, measured, limit in rows(figures):
        print(f"| {what} | {measured:g} | {limit:g} |")


if __name__ == "__main__":
    main()
