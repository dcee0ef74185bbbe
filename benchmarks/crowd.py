"""Clients of every kind at a constant rate, who know which answer is right. A process of its own:

    python benchmarks/crowd.py

reads one JSON object a line: an order (see `Order`), then `{}` for each report; `{"stop": true}` lets it wait for the last
answers and report for good. A report is one JSON line (`Tally`).

They ask as stub resolvers do. Over UDP a question is asked again, with another id, when there was no answer within `PATIENCE`
(Windows and macOS wait one second; glibc five). A connection that ends is opened again at once and the question asked there; one
that is silent for as long is given up for another. SERVFAIL is asked again after a quarter of a second. A question that has had
`TRIES` is lost. Time counts from when the question was due until it had its right answer, so nothing is hidden by falling behind.
"""

import heapq
import io
import json
import random
import selectors
import ssl
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from crowd_ways import Datagrams, Framed, Http, Quic, Way  # noqa: E402

from benchmarks.kit import client, encode  # noqa: E402

PATIENCE = 1.0
QUIC_PATIENCE = 0.75
"""Seconds. A client of QUIC has sent some probes by then, of which none was answered."""
TRIES = 6
AGAIN_AFTER_FAILURE = 0.25
LAST_PATIENCE = 8.0
BUCKETS = 100_000
"""Tenths of a millisecond, up to ten seconds."""

NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
OPT = 11
"""Octets of the OPT record behind each question."""

WIDTH = 16
"""As in `far_end.py`."""


@dataclass(frozen=True, slots=True)
class Order:
    """`ways` and `kinds` are weights; `addresses` how many clients there are, in 127.`network`.0.0/16. `numbers`: the first
    number in a name that nobody asked for before; `known`: how many names are asked for again and again; `lasts`: questions
    on one connection, about."""

    rate: float
    ways: dict[str, float]
    kinds: dict[str, float]
    ports: dict[str, int]
    name: str
    authority: str
    addresses: int = 100
    network: int = 10
    numbers: int = 1_000_000
    seed: int = 1
    connections: int = 8
    known: int = 1_000
    lasts: int = 200


class Asked:
    """One question. `address` is the last octet that is right, 0 for none."""

    __slots__ = ("address", "due", "ended", "key", "kind", "message", "rcode", "tries", "way")

    def __init__(self, kind: str, way: str, message: bytes, rcode: int, address: int, due: float) -> None:
        self.kind, self.way, self.message, self.rcode, self.address, self.due = kind, way, message, rcode, address, due
        self.tries = 0
        self.ended = False
        self.key: object = None


@dataclass
class Tally:
    """What became of the questions. `waits` are counts by tenths of milliseconds, by kind and way."""

    asked: int = 0
    answered: int = 0
    wrong: int = 0
    lost: int = 0
    again: int = 0
    broken: int = 0
    failures: int = 0
    late: int = 0
    slowest: float = 0.0
    examples: list[str] = field(default_factory=list)
    by_way: dict[str, int] = field(default_factory=dict)
    by_kind: dict[str, int] = field(default_factory=dict)
    waits: dict[str, list[int]] = field(default_factory=dict)

    def took(self, what: str, seconds: float) -> None:
        counts = self.waits.setdefault(what, [0] * BUCKETS)
        counts[min(int(seconds * 10_000), BUCKETS - 1)] += 1

    def report(self) -> dict[str, object]:
        shown: dict[str, object] = {k: getattr(self, k) for k in self.__dataclass_fields__ if k != "waits"}
        return shown | {"waits": {what: quantiles(counts) for what, counts in self.waits.items()}}


def quantiles(counts: list[int]) -> dict[str, float]:
    """Milliseconds below which half, 99 of 100 and 999 of 1,000 are."""
    total, found, passed = sum(counts), {}, 0
    shares = [("50", 0.5), ("99", 0.99), ("99.9", 0.999)]
    for place, many in enumerate(counts):
        passed += many
        while shares and total and passed >= shares[0][1] * total:
            found[shares.pop(0)[0]] = (place + 1) / 10
    return found


class Questions:
    """What is asked, and what is right."""

    def __init__(self, order: Order) -> None:
        self._fresh = count(order.numbers)
        self._known = order.known
        self._kinds, self._weights = list(order.kinds), list(order.kinds.values())
        self._random = random.Random(order.seed)

    def next(self) -> tuple[str, str, int, int]:
        """Kind, name, code, address."""
        kind = self._random.choices(self._kinds, self._weights)[0]
        return (kind, *self.of(kind))

    def of(self, kind: str) -> tuple[str, int, int]:
        number = self._random.randrange(self._known) if kind == "hit" else next(self._fresh)
        place = number % WIDTH
        match kind:
            case "hit":
                zone = ("plain", "signed", "far")[number % 3]
                return f"n{number:08}.w{place:02}.{zone}.example", NOERROR, place + 1
            case "alias":
                return f"n{number:08}.alias.plain.example", NOERROR, 8
            case "nxdomain":
                zone = ("plain", "signed", "far")[number % 3]
                return f"x{number:08}.no.{zone}.example", NXDOMAIN, 0
            case "nodata":
                return f"n{number:08}.w{place:02}.plain.example", NOERROR, 0
            case "local":
                return "localhost", NOERROR, 1
            case _:  # a zone
                return f"n{number:08}.w{place:02}.{kind}.example", NOERROR, place + 1


def build(name: str, kind: str, do: bool) -> bytes:
    rrtype = b"\0\x10" if kind == "nodata" else b"\0\1"
    edns = b"\0\0\x29\x04\xd0\0\0" + (b"\x80\0" if do else b"\0\0") + b"\0\0"
    assert len(edns) == OPT
    return b"\0\0\1\0\0\1\0\0\0\0\0\1" + encode(name) + rrtype + b"\0\1" + edns


def last_address(message: bytes, end: int) -> int:
    """The last octet of the first A record behind the question (which ends at `end`), 0 if there is none."""
    at = end
    for _ in range(int.from_bytes(message[6:8], "big")):
        while message[at]:
            if message[at] >= 0xC0:
                at += 1
                break
            at += 1 + message[at]
        at += 1
        length = int.from_bytes(message[at + 8 : at + 10], "big")
        if message[at : at + 2] == b"\0\1":
            return message[at + 9 + length]
        at += 10 + length
    return 0


class Crowd:
    """The loop."""

    def __init__(self, order: Order, lines: io.FileIO) -> None:
        self.order = order
        self.selector = selectors.DefaultSelector()
        self.tally = Tally()
        self._questions = Questions(order)
        self._order = count()
        self._timers: list[tuple[float, int, Asked, int]] = []
        self._open = 0
        self._ways = {name: self._make(name) for name in order.ways}
        self._names, self._weights = list(order.ways), list(order.ways.values())
        self._random = random.Random(order.seed + 1)
        self._stop = False
        self._lines = lines

    def _make(self, name: str) -> Way:
        order, ports = self.order, self.order.ports
        addresses = [client(order.network, number) for number in range(order.addresses)]
        context = None
        if name in ("tls", "https"):
            context = ssl.create_default_context(cafile=order.authority)
            context.set_alpn_protocols(["dot" if name == "tls" else "h2"])
        match name:
            case "udp":
                return Datagrams(self, ports["udp"], addresses)
            case "tcp":
                return Framed(self, ports["udp"], addresses, order.connections, None, order.name)
            case "tls":
                return Framed(self, ports["tls"], addresses, order.connections, context, order.name)
            case "https":
                return Http(self, ports["https"], addresses, order.connections, context, order.name)
            case _:
                return Quic(self, ports["quic"], addresses)

    # the loop

    def run(self) -> None:
        """Until told to stop; then until the last answer, or for as long as anybody would wait."""
        self.selector.register(self._lines, selectors.EVENT_READ, lambda _mask: self._obey())
        begun, number, end = time.monotonic(), 0, None
        while end is None or (self._open and time.monotonic() < end):
            now = time.monotonic()
            while not self._stop and begun + number / self.order.rate <= now:
                self._begin(begun + number / self.order.rate)
                number += 1
            self._expire(now)
            for way in self._ways.values():
                way.turn(now)
            if self._stop and end is None:
                end = now + LAST_PATIENCE
            due = begun + number / self.order.rate - time.monotonic() if not self._stop else 0.02
            for key, mask in self.selector.select(min(max(due, 0.0), 0.02)):
                key.data(mask)
        self.tally.lost += self._open
        self.say()

    def say(self) -> None:
        print(json.dumps(self.tally.report() | {"open": self._open, "at": time.monotonic()}), flush=True)

    def _obey(self) -> None:
        line = self._lines.readline()
        if not line or "stop" in json.loads(line):
            self.selector.unregister(self._lines)
            self._stop = True
        else:
            self.say()

    def _begin(self, due: float) -> None:
        kind, name, rcode, address = self._questions.next()
        way = self._random.choices(self._names, self._weights)[0]
        asked = Asked(kind, way, build(name, kind, self._random.random() < 0.3), rcode, address, due)
        self.tally.asked += 1
        self._open += 1
        self._ask(asked)

    def _ask(self, asked: Asked) -> None:
        if asked.tries >= TRIES:
            self._finish(asked)
            self.tally.lost += 1
            self._example("lost", asked, b"")
            return
        asked.tries += 1
        self.tally.again += asked.tries > 1
        self._later(asked, QUIC_PATIENCE if asked.way == "quic" else PATIENCE)
        self._ways[asked.way].ask(asked)

    def _later(self, asked: Asked, seconds: float) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), asked, asked.tries))

    def _expire(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            _, _, asked, tries = heapq.heappop(self._timers)
            if asked.ended or asked.tries != abs(tries):
                continue
            if tries > 0:
                self._ways[asked.way].forget(asked)
            self._ask(asked)

    def _finish(self, asked: Asked) -> None:
        asked.ended = True
        self._open -= 1

    # what ways say

    def came(self, asked: Asked, message: bytes) -> None:
        """An answer, right or not."""
        end = len(asked.message) - OPT
        rcode = message[3] & 15 if len(message) >= end else 99
        if rcode == SERVFAIL:
            self.tally.failures += 1
            self._example("failure", asked, message)
            self._once_more(asked, AGAIN_AFTER_FAILURE)
            return
        right = rcode == asked.rcode and message[12:end].lower() == asked.message[12:end]
        if right and last_address(message, end) == asked.address:
            waited = time.monotonic() - asked.due
            self.tally.answered += 1
            self.tally.slowest = max(self.tally.slowest, waited)
            self.tally.by_way[asked.way] = self.tally.by_way.get(asked.way, 0) + 1
            self.tally.by_kind[asked.kind] = self.tally.by_kind.get(asked.kind, 0) + 1
            self.tally.took(asked.kind, waited)
            self.tally.took(asked.way, waited)
            if asked.kind == "hit":
                self.tally.took(f"hit over {asked.way}", waited)
        else:
            self.tally.wrong += 1
            self._example("wrong", asked, message)
        self._finish(asked)

    def broke(self, asked: Asked) -> None:
        """Its connection ended."""
        self.tally.broken += 1
        if asked.ended:
            return
        # Not within the connection's end, but in the next turn; who is cut off again and again waits a little.
        self._once_more(asked, 0.0 if asked.tries < 2 else 0.1)

    def _once_more(self, asked: Asked, seconds: float) -> None:
        """The same question soon; the timer of this try then counts no more."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), asked, -asked.tries))

    def _example(self, what: str, asked: Asked, message: bytes) -> None:
        if len(self.tally.examples) < 12:
            self.tally.examples.append(
                f"{what}: {asked.kind} over {asked.way}, try {asked.tries}: {asked.message[12:60]!r} -> {message[:120].hex()}"
            )


def main() -> None:
    # Without a buffer: what waits in one would wake nobody.
    lines = io.FileIO(0)
    Crowd(Order(**json.loads(lines.readline())), lines).run()


if __name__ == "__main__":
    main()
