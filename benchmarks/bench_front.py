"""What `front` costs in one process, without sockets: microseconds of CPU for each way an answer can take.

`python benchmarks/bench_front.py`. The drain loop runs with an endpoint that hands out packets from memory, so the two
system calls of a real query (about two thirds of it) are not in the figures; `make bench` measures those too.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

from figures import spread

from privacy.reply import Outer, dress
from resolver.admission import Admission
from resolver.edge.flights import Flight
from resolver.edge.listen.datagram import BATCH, DatagramListener
from resolver.edge.serve import Desk
from resolver.local import Host
from resolver.settings import CacheSettings, ClientGroup, FrontSettings, LeaseNames
from resolver.values import Origin, Reply
from wire.dns.edns import build_opt
from wire.dns.message import ResourceRecord, build_query, build_response
from wire.dns.names import read_name
from wire.dns.peek import peek
from wire.units import Instant

START = Instant(1_000.0)
SETTINGS = FrontSettings(1, (ClientGroup("default"),), ("127.0.0.0/8",), CacheSettings(), rate=1e9, burst=1e9)
NAMES = 1_000
COOKIE = build_opt(1232, False, [(10, b"12345678")])


class Endpoint:
    """A socket of memory: every packet in turn, and an end to each batch."""

    def __init__(self, packets: list[bytes]) -> None:
        self._packets = packets
        self._at = 0
        self.sent = 0

    def setblocking(self, _flag: bool) -> None:
        pass

    def recvfrom(self, _size: int) -> tuple[bytes, tuple[str, int]]:
        self._at = (self._at + 1) % len(self._packets)
        return self._packets[self._at], ("127.0.0.1", 5353)

    def sendto(self, _data: bytes, _address: object) -> None:
        self.sent += 1


class Silence:
    stream = False
    encrypted = False

    def send(self, _response: bytes) -> None:
        pass


class Port:
    """A resolver that answers at once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def query(self, flight: Flight, _deadline: float) -> None:
        key = flight.key.question
        built = build_response(key, 0x0180, 0, [ResourceRecord(key[:-4], 1, 1, 300, bytes((192, 0, 2, 1)))])
        reply = Reply(built.message, built.ttl_offsets, 300.0, 1, Origin.UPSTREAM)
        self._desk.replied(flight.handle, reply, START)

    def refresh(self, flight: Flight) -> None:
        self.query(flight, 0.0)

    def cancel(self, _handle: int) -> None:
        pass


def packets(opt: bytes = b"", tag: str = "") -> list[bytes]:
    names = [read_name(f"host{number}{tag}.bench.example") for number in range(NAMES)]
    return [build_query(name + b"\0\1\0\1", 0x0100, opt) for name in names]


def warm_desk() -> tuple[Desk, Admission]:
    desk, admission = Desk(SETTINGS, bytes(32), 1, lambda: 1_700_000_000.0), Admission(SETTINGS)
    desk.connect(Port(desk))
    desk.grant(1 << 40, START)
    for _ in range(2):
        for packet in packets():
            desk.receive(packet, admission.client("127.0.0.1", START), Silence(), START)
    return desk, admission


def raw_hit() -> tuple[Callable[[], object], int]:
    desk, admission = warm_desk()
    endpoint = Endpoint(packets())
    listener = DatagramListener(endpoint, False, desk, admission)  # type: ignore[arg-type]
    return lambda: listener.ready(1, START), BATCH


def desk_way(opt: bytes) -> tuple[Callable[[], object], int]:
    desk, admission = warm_desk()
    client, road, asked = admission.client("127.0.0.1", START), Silence(), packets(opt)

    def run() -> None:
        for packet in asked:
            desk.receive(packet, client, road, START)

    return run, NAMES


def cookie_hit() -> tuple[Callable[[], object], int]:
    return desk_way(COOKIE)


def missing(desk: Desk, admission: Admission) -> tuple[Callable[[], object], int]:
    """Until the answer is dressed and cached; without IPC."""
    client, road, asked = admission.client("127.0.0.1", START), Silence(), packets()

    def run() -> None:
        desk.cache.flush(b"\0")
        for packet in asked:
            desk.receive(packet, client, road, START)

    return run, NAMES


def miss() -> tuple[Callable[[], object], int]:
    return missing(*warm_desk())


def lease_desk() -> tuple[Desk, Admission]:
    desk, admission = warm_desk()
    desk.use(replace(SETTINGS, leases=LeaseNames((read_name("home.arpa"),), ((bytes((10, 0, 0, 0)), 16),))))
    hosts = [Host(read_name(f"host{n}.home.arpa"), (bytes((10, 0, n // 256, n % 256)),)) for n in range(NAMES)]
    desk.learn(hosts, START)
    return desk, admission


def lease() -> tuple[Callable[[], object], int]:
    """The name of a lease, made and dressed anew each time."""
    desk, admission = lease_desk()
    client, road = admission.client("127.0.0.1", START), Silence()
    asked = [build_query(read_name(f"host{n}.home.arpa") + b"\0\1\0\1", 0x0100) for n in range(NAMES)]

    def run() -> None:
        for packet in asked:
            desk.receive(packet, client, road, START)

    return run, NAMES


def miss_beside_leases() -> tuple[Callable[[], object], int]:
    """A miss where there are leases, and the name is none of theirs."""
    return missing(*lease_desk())


def only_peek() -> tuple[Callable[[], object], int]:
    asked = packets(COOKIE)
    return lambda: [peek(packet) for packet in asked], NAMES


def only_dress() -> tuple[Callable[[], object], int]:
    key = read_name("www.bench.example") + b"\0\1\0\1"
    built = build_response(key, 0x0180, 0, [ResourceRecord(key[:-4], 1, 1, 300, bytes((192, 0, 2, 1)))])
    outer = Outer(b"\1\2", key, 1232, True, False, bytes(24))
    return lambda: [dress(built.message, built.ttl_offsets, 7, outer) for _ in range(NAMES)], NAMES


WAYS = {
    "hit by the packet's octets (drain loop)": raw_hit,
    "hit with a cookie (peek, look up, dress)": cookie_hit,
    "miss, without the resolver": miss,
    "miss, without the resolver, beside 1,000 leases": miss_beside_leases,
    "the name of a lease": lease,
    "  of it: peek": only_peek,
    "  of it: dress": only_dress,
}


def measure(run: Callable[[], object], each: int, rounds: int, seconds: float) -> list[float]:
    """Microseconds of CPU for one, a figure a round."""
    run()
    figures = []
    for _ in range(rounds):
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds:
            run()
            count += each
        figures.append(1e6 * spent / count)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    print("| way | CPU µs each: median (minimum to maximum) |\n|---|---|")
    for name, way in WAYS.items():
        run, each = way()
        figures = measure(run, each, options.rounds, options.seconds)
        print(f"| {name} | {spread(figures, '.2f')} |")


if __name__ == "__main__":
    main()
