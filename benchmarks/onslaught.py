"""Attacks on the ways in (docs/threats.md has them), all at once, for `overload.py`: `python benchmarks/onslaught.py`.

Reads one JSON line: ports, seconds. Then, until these are over: connections over TCP and TLS that say nothing, such that say an
octet a second of a question that never ends, such that pipeline and never read; HTTP/2 floods of every kind of `tests/attacks`,
one connection after the other; forged first packets of QUIC; datagrams that are no questions. Prints one JSON line: how much of
each.
"""

import contextlib
import itertools
import json
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# The kit of the tests, not the one beside this file.
ROOT = Path(__file__).parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "attacks")]

import ssl  # noqa: E402

from kit.https import GREETING  # noqa: E402
from kit.quic_flood import forged  # noqa: E402
from test_http2 import floods, next_pieces  # noqa: E402

from benchmarks.kit import client  # noqa: E402

SERVER = "127.0.0.1"
SILENT, SLOW, GREEDY = 400, 200, 20
OCTETS = 20_000
HTTP_EVERY, QUIC_RATE, NOISE_RATE = 0.05, 400, 300
BURST = 64
"""Datagrams of a kind that are sent one right after the other, at most."""
QUESTION = b"\0\x1b\0\0\1\0\0\1\0\0\0\0\0\0\x09localhost\0\0\1\0\1"
HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(505)


def source(network: int) -> str:
    return client(network, random.randrange(62_500))


def knock(port: int, network: int) -> socket.socket:
    """A connection without waiting for it."""
    one = socket.socket()
    one.setblocking(False)
    one.bind((source(network), 0))
    with contextlib.suppress(BlockingIOError):
        one.connect((SERVER, port))
    return one


class Slow:
    """A crowd that stays as many; who was thrown out comes again from elsewhere."""

    def __init__(self, port: int, network: int, count: int, words: bytes, counts: Counter[str], what: str) -> None:
        self.port, self.network, self.words, self.counts, self.what = port, network, words, counts, what
        self.crowd = [self._new() for _ in range(count)]
        self.said = 0

    def _new(self) -> socket.socket:
        self.counts[self.what] += 1
        return knock(self.port, self.network)

    def turn(self) -> None:
        """Once a second: each says one octet more, and whoever is cut off comes anew."""
        octet = self.words[self.said % max(len(self.words), 1) :][:1]
        self.said += 1
        for place, one in enumerate(self.crowd):
            try:
                if octet:
                    one.send(octet)
                if one.recv(4_096) == b"":
                    raise ConnectionError
            except BlockingIOError:
                continue
            except OSError:
                one.close()
                self.crowd[place] = self._new()


class Greedy:
    """Asks over TCP as fast as the socket takes it, and reads nothing."""

    def __init__(self, port: int, network: int, counts: Counter[str]) -> None:
        self.port, self.network, self.counts = port, network, counts
        self.one = knock(port, network)

    def turn(self) -> None:
        try:
            self.counts["octets of questions whose answers are not read"] += self.one.send(QUESTION * 200)
        except BlockingIOError:
            pass
        except OSError:
            self.one.close()
            self.one = knock(self.port, self.network)


def http_flood(port: int, kinds: Iterator[str], counts: Counter[str]) -> None:
    """One connection with 20 kB of the next kind."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with contextlib.suppress(OSError), socket.create_connection((SERVER, port), 1.0, (source(23), 0)) as plain:
        plain.settimeout(1.0)
        with context.wrap_socket(plain) as tls:
            tls.sendall(GREETING)
            for piece in next_pieces(floods()[next(kinds)], OCTETS):
                tls.sendall(piece)
                counts["octets of HTTP/2 floods"] += len(piece)
    counts["connections of HTTP/2 floods"] += 1


class Packets:
    """So many datagrams a second to one port, as far as the machine keeps up."""

    def __init__(
        self, port: int, rate: float, make: Iterator[tuple[str, bytes]], counts: Counter[str], what: str
    ) -> None:
        self.port, self.rate, self.make, self.counts, self.what = port, rate, make, counts, what
        self.start, self.sent = time.monotonic(), 0

    def turn(self) -> None:
        """What is due; where the machine is too slow for that, less, or no turn would ever end."""
        due = int((time.monotonic() - self.start) * self.rate)
        self.sent = max(self.sent, due - BURST)
        while self.sent < due:
            address, data = next(self.make)
            self.sent += 1
            self.counts[self.what] += 1
            with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind((address, 0))
                one.sendto(data, (SERVER, self.port))


def noise() -> Iterator[tuple[str, bytes]]:
    """What is no question: random octets, answers, questions cut short."""
    chance = random.Random(5)
    while True:
        data = chance.choice(
            [chance.randbytes(chance.randrange(1, 600)), b"\0\0\x81\x80" + chance.randbytes(40), QUESTION[2:20]]
        )
        yield source(25), data


def run(ports: dict[str, int], seconds: float) -> Counter[str]:
    counts: Counter[str] = Counter()
    crowds = [
        Slow(ports["udp"], 20, SILENT, b"", counts, "silent connections, TCP"),
        Slow(ports["udp"], 21, SLOW, QUESTION[:-1], counts, "slow connections, TCP"),
        Slow(ports["tls"], 22, SILENT, b"", counts, "silent connections, TLS"),
        Slow(ports["tls"], 22, SLOW, HELLO, counts, "slow connections, TLS"),
        Slow(ports["https"], 24, SILENT, b"", counts, "silent connections, HTTPS"),
    ]
    greedy = [Greedy(ports["udp"], 26, counts) for _ in range(GREEDY)]
    streams = [
        Packets(ports["quic"], QUIC_RATE, forged(10**7), counts, "forged first packets of QUIC"),
        Packets(ports["udp"], NOISE_RATE, noise(), counts, "datagrams that are no questions"),
    ]
    kinds = itertools.cycle(floods())
    end, second, http = time.monotonic() + seconds, 0.0, 0.0
    while (now := time.monotonic()) < end:
        if now >= second:
            second = now + 1.0
            for crowd in crowds:
                crowd.turn()
        if now >= http:
            http = now + HTTP_EVERY
            http_flood(ports["https"], kinds, counts)
        for one in [*greedy, *streams]:
            one.turn()
        time.sleep(0.002)
    return counts


def main() -> None:
    order = json.loads(sys.stdin.readline())
    print(json.dumps(run(order["ports"], order["seconds"])), flush=True)


if __name__ == "__main__":
    main()
