"""A benign client beside attacks on the validator: `python benchmarks/bench_siege.py [--rate 100] [--attacks 300] [WORD…]`.

The real resolver forwards over UDP and TCP on loopback to an upstream of its own process that serves honest and trapped zones.
The benign client asks 20 questions a second, every other one never asked before; first alone, then with so many attack questions
a second, no two of the same name. Printed are answers lost, waiting times, and CPU of the resolver for one attack question.
"""

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.pop(0)  # the tests' `kit` is meant, not the one beside this file
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import dns.message
import dns.rcode
from kit.authority import NSEC
from kit.liar import question_end
from kit.lies import recursive
from kit.lying import asked, cut, world
from kit.questions import RD, query_for
from kit.signed import Hashed, link
from kit.signing import Signer
from kit.traps import EVIL, GOOD, Field, Trap
from kit.trapzones import A, all_proofs, collisions, enclosers, many_nsec, spoiled, tiny_keys, with_keys

from resolver.edge.resolve import Resolver
from resolver.settings import (
    Anchor,
    CacheSettings,
    Dnssec,
    Profile,
    ResolverSettings,
    Route,
    UpstreamGroup,
    UpstreamSpec,
)

NUMBER = re.compile(rb"[0-9]{5}")
BENIGN_RATE = 20
LOST_AFTER = 5.0


def wild(tree: Field) -> None:
    """Any name has an address."""
    tree.zone(EVIL).add("* A 192.0.2.80")


class Siege(NamedTuple):
    """`name` makes the name of the nth attack question."""

    trap: Trap
    name: Callable[[int], str]


def _below(number: int) -> str:
    return f"n{number:05}.{EVIL}"


SIEGES = [
    Siege(Trap("nothing wrong", fill=wild), _below),
    Siege(Trap("KeyTrap", fill=wild, parents=with_keys(collisions(60)), spoil=spoiled(A, "*", 16)), _below),
    Siege(
        Trap(
            "KeyTrap, P-384",
            signer=Signer(EVIL, 14),
            fill=wild,
            parents=with_keys(collisions(60, 14)),
            spoil=spoiled(A, "*", 16),
        ),
        _below,
    ),
    Siege(Trap("3,000 keys", fill=wild, parents=with_keys(tiny_keys)), _below),
    Siege(Trap("60 NSEC", fill=many_nsec, spoil=all_proofs(NSEC, 7)), lambda n: f"x{n:05}.{EVIL}"),
    Siege(
        Trap("NSEC3 encloser", fill=enclosers, hashed=Hashed(50, "ab" * 255)), lambda n: f"x{n:05}." + "a." * 105 + EVIL
    ),
]


# -- the upstream


class Upstream(asyncio.DatagramProtocol):
    """Answers honestly from the zones of a trap. Names that differ in their number only have the same answer, made once: the
    upstream must not be what the clients wait for."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.known: dict[tuple[bytes, bool], bytes] = {}

    def answer(self, data: bytes, over_udp: bool) -> bytes:
        end = question_end(data)
        asked = data[12:end]
        key = (NUMBER.sub(lambda found: b"0" * len(found[0]), asked.lower()), over_udp)
        if key not in self.known:
            query = dns.message.from_wire(data[:12] + key[0] + data[end:])
            self.known[key] = cut(recursive(self.field, query), over_udp)
        made = self.known[key]
        return data[:2] + made[2:12] + asked + made[end:]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(self.answer(data, True), addr)  # type: ignore[attr-defined]

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                data = self.answer(await reader.readexactly(length), False)
                writer.write(len(data).to_bytes(2, "big") + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def serve(siege: Siege) -> None:
    """Until standard input ends; says its port."""
    field = Field().plant(siege.trap)
    good = field.signed[GOOD]
    good.zone.add("* A 192.0.2.81")
    link(good.zone)  # the wildcard came later than the chain
    good.resign(good.signer)
    upstream = Upstream(field)
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(upstream.stream, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await loop.create_datagram_endpoint(lambda: upstream, ("127.0.0.1", port))
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


# -- the clients


class Result(NamedTuple):
    lost: int
    median: float
    most: float
    cpu: float
    attacks_failed: int


async def ask(resolver: Resolver, name: str, waits: list[float]) -> None:
    start = time.perf_counter()
    try:
        async with asyncio.timeout(LOST_AFTER):
            reply = await asked(resolver, query_for(name, "A"))
    except TimeoutError:
        return
    message = dns.message.from_wire(reply.message)
    if message.rcode() == dns.rcode.NOERROR and message.answer:
        waits.append(1000 * (time.perf_counter() - start))


async def attack(resolver: Resolver, name: str, refused: list[int]) -> None:
    reply = await asked(resolver, query_for(name, "A", flags=RD))
    refused.append(dns.message.from_wire(reply.message).rcode() == dns.rcode.SERVFAIL)


async def paced(rate: float, count: int, start: Callable[[int], object]) -> None:
    began = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        start(number)


async def besieged(resolver: Resolver, siege: Siege, rate: float, attacks: int, first: int) -> Result:
    tasks: set[asyncio.Task[None]] = set()
    waits: list[float] = []
    refused: list[int] = []
    seconds = max(attacks / rate, 3.0) if rate else 3.0
    benign = int(BENIGN_RATE * seconds)

    def client(number: int) -> None:
        name = f"u{first + number:05}.{GOOD}" if number % 2 else f"www.{GOOD}"
        tasks.add(asyncio.ensure_future(ask(resolver, name, waits)))

    def enemy(number: int) -> None:
        tasks.add(asyncio.ensure_future(attack(resolver, siege.name(number), refused)))

    cpu = time.process_time()
    await asyncio.gather(paced(BENIGN_RATE, benign, client), paced(rate or 1, attacks if rate else 0, enemy))
    await asyncio.gather(*tasks)
    cpu = time.process_time() - cpu
    waits.sort()
    last = waits[int(0.99 * (len(waits) - 1))] if waits else 0.0
    return Result(benign - len(waits), statistics.median(waits or [0.0]), last, cpu, sum(refused))


async def besieged_once(resolver: Resolver, siege: Siege) -> None:
    for name in (f"www.{GOOD}", f"u99999.{GOOD}", siege.name(99_999)):
        await asked(resolver, query_for(name, "A"))
    await resolver.close()


async def play(siege: Siege, port: int, rate: float, attacks: int) -> str:
    spec = [UpstreamSpec("udp", "", ("127.0.0.1",), port, "upstream")]
    group = UpstreamGroup("default", tuple(spec), profile=Profile.OPPORTUNISTIC)
    anchors = Dnssec((Anchor(b"\0", Signer(".").ds().to_wire()),))
    settings = ResolverSettings(1, ("default",), (group,), (Route(b"\0", -1, 0),), CacheSettings(), dnssec=anchors)
    # The upstream makes its answers when they are asked for first: that is not to be waited for.
    await besieged_once(Resolver(settings, world(), lambda fact: None), siege)
    resolver = Resolver(settings, world(), lambda fact: None)
    try:
        quiet = await besieged(resolver, siege, 0, 0, 0)
        loud = await besieged(resolver, siege, rate, attacks, 10_000)
    finally:
        await resolver.close()
    each = 1000 * (loud.cpu - quiet.cpu) / attacks
    return (
        f"{siege.trap.name:18} {quiet.lost:5} {quiet.median:7.1f} {quiet.most:7.1f}   {loud.lost:5} {loud.median:7.1f} "
        f"{loud.most:7.1f}   {each:7.1f} {loud.attacks_failed:6}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description="A benign client beside attacks.")
    options.add_argument("--rate", type=float, default=100.0)
    options.add_argument("--attacks", type=int, default=300)
    options.add_argument("--serve", type=int)
    options.add_argument("words", nargs="*")
    chosen = options.parse_args()
    if chosen.serve is not None:
        asyncio.run(serve(SIEGES[chosen.serve]))
        return
    print(f"{chosen.attacks} attack questions, {chosen.rate:g} a second; milliseconds")
    print(f"{'':18} {'alone: lost, median, 99 %':21}   {'beside: lost, median, 99 %':21}   CPU each, refused")
    for place, siege in enumerate(SIEGES):
        if chosen.words and not any(word in siege.trap.name for word in chosen.words):
            continue
        command = [sys.executable, __file__, "--serve", str(place)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as upstream:
            assert upstream.stdout is not None
            assert upstream.stdin is not None
            port = int(upstream.stdout.readline())
            print(asyncio.run(play(siege, port, chosen.rate, chosen.attacks)), flush=True)
            upstream.stdin.close()


if __name__ == "__main__":
    main()
