"""What the pure core of DHCP costs: DISCOVER and REQUEST through `handle4`, the book at several sizes, memory of a lease.

`python benchmarks/bench_dhcp_core.py`
"""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator

from dhcp.book import LeaseBook
from dhcp.ground import make_ground
from dhcp.identity import Identifier, tag
from dhcp.plan6 import make_plan6
from dhcp.server4 import handle4
from dhcp.settings import DhcpSettings, Pool, ResolverOffer, Subnet
from dhcp.values import Arrival, Kind, Lease, LeaseChange, Link, Outcome, Own, Reply4, State
from wire.dhcp.packet4 import Packet4
from wire.units import Epoch

SIZES = (0, 1_000, 5_000, 20_000)
OPERATIONS = 2_000
NOW = 1_700_000_000.0
SUBNET = "10.0.0.0/8"
KEY = bytes(32)


def lease(number: int) -> Lease:
    """As a client's first ACK makes it, with objects of its own."""
    raw = number.to_bytes(6, "big")
    now = Epoch(NOW + number % 40_000)
    return Lease(
        kind=Kind.ADDRESS4,
        address=(0x0A000100 + number).to_bytes(4, "big"),
        length=32,
        client=tag(KEY, Identifier.CLIENT, raw),
        hardware=tag(KEY, Identifier.HARDWARE, raw),
        iaid=0,
        subnet=SUBNET,
        state=State.BOUND,
        since=now,
        seen=now,
        until=Epoch(now + 43_200),
        duration=43_200,
        name=f"device-{number}",
    )


def spent(work: Callable[[Lease], object], on: list[Lease]) -> float:
    """Microseconds of CPU for one, the best of three rounds."""
    rounds = []
    for _ in range(3):
        start = time.process_time()
        for item in on:
            work(item)
        rounds.append((time.process_time() - start) / len(on) * 1e6)
    return min(rounds)


def renewed(book: LeaseBook) -> Callable[[Lease], None]:
    def work(item: Lease) -> None:
        held = book.at(item.kind, item.address)
        assert held is not None
        later = Epoch(held.until + 60)
        book.apply([LeaseChange(held, held._replace(until=later, seen=later))])

    return work


def come_and_gone(book: LeaseBook) -> Callable[[Lease], None]:
    def work(item: Lease) -> None:
        change = LeaseChange(None, item)
        book.apply([change])
        book.undo([change])

    return work


def of_books() -> None:
    print(f"{'leases':>8}{'look':>8}{'renew':>8}{'come+go':>9}{'expire':>8}   µs each")
    for size in SIZES:
        book = LeaseBook(KEY, map(lease, range(size)))
        here = [lease(n) for n in range(max(0, size - OPERATIONS), size)] or [lease(0)]
        new = [lease(n) for n in range(size, size + OPERATIONS)]
        looks = spent(lambda item: (book.at(item.kind, item.address), book.of_client(item.kind, item.client)), here)  # noqa: B023
        renews = spent(renewed(book), here) if size else 0.0
        comes = spent(come_and_gone(book), new)
        expires = spent(lambda item: book.expire(Epoch(NOW - 1)), here)  # noqa: B023
        print(f"{size:8,}{looks:8.2f}{renews:8.2f}{comes:9.2f}{expires:8.2f}")


def of_memory(size: int = 20_000) -> None:
    gc.collect()
    tracemalloc.start()
    book = LeaseBook(KEY)
    empty = tracemalloc.get_traced_memory()[0]
    for number in range(size):
        book.apply([LeaseChange(None, lease(number))])
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - empty
    tracemalloc.stop()
    print(f"{held / size:,.0f} octets for each of {size:,} leases with names, indexes included")


POOL = Pool(bytes((10, 1, 0, 0)), bytes((10, 1, 255, 255)))
WIDE = Subnet("10.0.0.0/8", bytes((10, 0, 0, 0)), 8, "lan", pools=(POOL,))
SETTINGS = DhcpSettings(1, subnets=(WIDE,), resolver=ResolverOffer((bytes(4),)), conflict_check=False)
OURS = bytes((10, 0, 0, 1))
LINKS = {1: Link(1, "lan", bytes(6), (Own(OURS, 8),))}
GROUND = make_ground(make_plan6(SETTINGS), LINKS)
LIST = bytes((1, 3, 6, 15, 28, 51, 58, 59, 119))


def message(kind: int, number: int, options: dict[int, bytes]) -> Packet4:
    zero, chaddr = bytes(4), b"\0\0" + number.to_bytes(4, "big")
    own = {53: bytes((kind,)), 55: LIST, 61: b"\1" + chaddr, 12: b"device-%d" % number}
    return Packet4(1, 1, 0, number, 0, 0, zero, zero, zero, zero, chaddr, b"", b"", own | options)


def exchange(book: LeaseBook, number: int, keep: Callable[[Outcome], None]) -> None:
    """DISCOVER, OFFER, REQUEST, ACK, and the book kept."""
    arrival, now = Arrival(1, bytes(4), b"\xff" * 4), Epoch(NOW)
    offered = handle4(message(1, number, {}), arrival, book, GROUND, now)
    keep(offered)
    assert isinstance(offered.reply, Reply4)
    chosen = {50: offered.reply.packet.yiaddr, 54: OURS}
    acked = handle4(message(3, number, chosen), arrival, book, GROUND, now)
    assert acked.why == "acked"
    keep(acked)


def handled(book: LeaseBook, rounds: int = 2_000) -> float:
    """Microseconds of DISCOVER and REQUEST in `handle4` alone, which changes nothing: the same two again and again."""
    arrival, now = Arrival(1, bytes(4), b"\xff" * 4), Epoch(NOW)
    discover = message(1, 3_000_000, {})
    offered = handle4(discover, arrival, book, GROUND, now)
    assert isinstance(offered.reply, Reply4)
    first = spent(lambda item: handle4(discover, arrival, book, GROUND, now), [lease(0)] * rounds)
    book.apply(offered.changes)
    request = message(3, 3_000_000, {50: offered.reply.packet.yiaddr, 54: OURS})
    second = spent(lambda item: handle4(request, arrival, book, GROUND, now), [lease(0)] * rounds)
    book.undo(offered.changes)
    return first + second


def of_exchanges() -> None:
    print("DISCOVER and REQUEST of a new client in a pool of 65,536, µs of CPU for both:")
    print(f"{'leases':>8}{'handle4 alone':>16}{'messages, handle4, book':>26}")
    for size in (*SIZES, 60_000):
        book = LeaseBook(KEY, (lease(n)._replace(address=(0x0A010000 + n).to_bytes(4, "big")) for n in range(size)))
        numbers = iter(range(1_000_000, 2_000_000))

        def whole(item: Lease, book: LeaseBook = book, numbers: Iterator[int] = numbers) -> None:
            exchange(book, next(numbers), lambda outcome: book.apply(outcome.changes))

        alone = handled(book)
        print(f"{size:8,}{alone:16.1f}{spent(whole, [lease(0)] * 1_000):26.1f}")


if __name__ == "__main__":
    of_exchanges()
    of_books()
    of_memory()
