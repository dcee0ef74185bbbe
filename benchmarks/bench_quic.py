"""DNS over QUIC as it is served: `python benchmarks/bench_quic.py [initials] [hits] [slow]`; all three if none is named.

initials: what first packets from forged addresses cost, each from an address of its own. Above 32 clients that have not proved
theirs, each is answered by a Retry packet.
hits: answers from the cache for a second of CPU, over one connection with up to 90 questions open; beside it DoT, the same way.
slow: 1,000 connections to the whole service that send an octet a second of a question, while somebody asks over UDP and somebody
over QUIC.

Counted is the CPU time of the process that listens, kernel included. The client is Python too and slower than the listener.
"""

import argparse
import multiprocessing
import os
import resource
import socket
import ssl
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

# The kit of the tests, not the one beside this file.
sys.path[:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

import dns.exception  # noqa: E402
import dns.message  # noqa: E402
import dns.query  # noqa: E402
from cells.test_secure_quic_live import Home, home  # noqa: E402
from kit.certificates import NAME, authority, identity  # noqa: E402
from kit.quic import query  # noqa: E402
from kit.quic_dial import Dialled, step_all  # noqa: E402
from kit.quic_flood import press, send_forged  # noqa: E402
from kit.wayin import serving  # noqa: E402

from anchorhold.control_client import ask_service  # noqa: E402
from resolver.settings import Served  # noqa: E402
from wire.dns.framing import frame  # noqa: E402

BURST = 100
CEILING = 50.0
"""Microseconds a forged first packet may cost."""
FORGED = 10_000
HITS = 20_000
OPEN = 90
SLOW, ADDRESSES, ROUNDS = 1_000, 40, 8
GONE_WITHIN = 30.0
"""Seconds from their last octet."""


def initials() -> bool:
    with serving(identity("good")) as way_in:
        port = way_in.ports[Served.QUIC]
        press(port)
        send_forged(port, 200)
        time.sleep(0.3)
        before = way_in.state()
        for start in range(0, FORGED, BURST):
            send_forged(port, BURST, 1_000 + start)
            way_in.state()
        time.sleep(0.3)
        after = way_in.state()
    retries = after.counters["quic-retries"] - before.counters["quic-retries"]
    each = (after.cpu - before.cpu) * 1e6 / max(retries, 1)
    more = (after.memory - before.memory) // 1024
    print(f"initials: {FORGED} forged, {retries} Retry packets, {each:.1f} µs of CPU each, {more} KiB more resident")
    return each <= CEILING


def hits() -> bool:
    message = query()
    with serving(identity("good")) as way_in:
        quic = Dialled(way_in.ports[Served.QUIC]).connect()
        quic.ask(message)
        before = way_in.state().cpu
        asked = 0
        while len(quic.client.answers) <= HITS:
            while asked < HITS and asked - len(quic.client.answers) < OPEN:
                quic.client.ask(message)
                asked += 1
            enough = min(asked - OPEN // 2, HITS)
            quic.until(lambda enough=enough: len(quic.client.answers) > enough)
        doq = HITS / (way_in.state().cpu - before)
        quic.close()
        context = ssl.create_default_context(cadata=authority().pem)
        with (
            socket.create_connection(("127.0.0.1", way_in.ports[Served.TLS])) as endpoint,
            context.wrap_socket(endpoint, server_hostname=NAME) as stream,
        ):
            before = way_in.state().cpu
            for _ in range(HITS // OPEN):
                stream.sendall(frame(message) * OPEN)
                left = 470 * OPEN
                while left > 0:
                    left -= len(stream.recv(left))
            dot = HITS // OPEN * OPEN / (way_in.state().cpu - before)
    print(f"hits: {doq:,.0f} a second of CPU over DoQ, {dot:,.0f} over DoT (one connection, {OPEN} open)")
    return True


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def spent(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def slow() -> bool:
    with home() as house:
        pid = house.running.cell("secure")
        over_udp = Asker(lambda: dns.query.udp(LOCAL, "127.0.0.1", port=house.clear, timeout=2.0))
        over_quic = Asker(lambda: ask_anew(house.doq))
        before, cpu, start = resident(pid), spent(pid), time.monotonic()
        crowd: list[Dialled] = []
        with over_udp, over_quic:
            places = cycle(f"127.1.0.{1 + number}" for number in range(ADDRESSES))
            for number in range(SLOW):
                crowd.append(Dialled(house.doq, next(places)))
                crowd[-1].step()
                if number % 20 == 19:
                    step_all(crowd[-60:])
            for _ in range(20):
                step_all(crowd)
            data = frame(query())
            for position in range(ROUNDS):
                began = time.monotonic()
                for one in crowd:
                    if one.client.connected and not one.client.terminated:
                        one.client.core.send_stream_data(0, data[position : position + 1])
                step_all(crowd)
                while time.monotonic() - began < 1.0:
                    step_all(crowd)
            there = sum(1 for one in crowd if one.client.connected and not one.client.terminated)
            more = (resident(pid) - before) / 1e6
        seconds = time.monotonic() - start
        share = (spent(pid) - cpu) / seconds
        print(
            f"slow: {SLOW} connections, {there} there after {seconds:.0f} s, {more:.0f} MB more resident,"
            f" {share:.0%} of a core; over UDP {over_udp}; over QUIC, connection included, {over_quic}"
        )
        theirs, ours, state = wait_until_gone(house, crowd)
        unsent = sum(number for what, number in state["counters"].items() if what.startswith("quic-send-"))
        print(
            f"slow: after their last octet all gone in {ours:.1f} s as we see it, in {theirs:.1f} s as they do;"
            f" {unsent} datagrams that the kernel did not take"
        )
        for one in crowd:
            one.close()
    quick = over_udp.lost == 0 and over_quic.lost == 0 and max(over_quic.waits) <= 1.0
    return quick and max(theirs, ours) <= GONE_WITHIN


def wait_until_gone(house: Home, crowd: list[Dialled]) -> tuple[float, float, dict[str, Any]]:
    """Seconds until the last of the crowd knows that its connection has ended, and until we have none; our status then."""
    start = time.monotonic()
    theirs = ours = 0.0
    state: dict[str, Any] = {}
    while not (theirs and ours) and time.monotonic() - start < 2 * GONE_WITHIN:
        step_all(crowd)
        lines = list(ask_service(house.folder / "control.sock", {"verb": "status"}))
        state = next(line for line in lines if line.get("cell") == "secure")
        if not theirs and all(one.client.terminated for one in crowd if one.client.connected):
            theirs = time.monotonic() - start
        if not ours and state["connections"] == 0:
            ours = time.monotonic() - start
    return theirs or float("inf"), ours or float("inf"), state


FORK = multiprocessing.get_context("fork")
LOCAL = dns.message.make_query("localhost", "A", id=0, use_edns=0)


def ask_anew(port: int) -> None:
    dialled = Dialled(port)
    try:
        dialled.connect().ask(LOCAL.to_wire())
    finally:
        dialled.close()


class Asker:
    """Asks ten times a second, in a process of its own; what it waited for, and how often for nothing."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._near, self._far = FORK.Pipe()
        self._process = FORK.Process(target=self._run, daemon=True)
        self.waits: list[float] = []
        self.lost = 0

    def _run(self) -> None:
        while not self._far.poll(0.1):
            start = time.monotonic()
            try:
                self._ask()
                self.waits.append(time.monotonic() - start)
            except (TimeoutError, dns.exception.Timeout):
                self.lost += 1
        self._far.send((self.waits, self.lost))

    def __enter__(self) -> "Asker":
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._near.send(None)
        self.waits, self.lost = self._near.recv()
        self._process.join()

    def __str__(self) -> str:
        return f"{len(self.waits)} asked, {self.lost} lost, longest wait {1000 * max(self.waits):.0f} ms"


PARTS = {"initials": initials, "hits": hits, "slow": slow}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    chosen = parser.parse_args().parts or list(PARTS)
    good = [PARTS[part]() for part in chosen]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
