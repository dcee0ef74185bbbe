"""DNS over QUIC as it is served: `python benchmarks/bench_quic.py [initials] [hits]`; both if none is named.

initials: what first packets from forged addresses cost, each from an address of its own. Above 32 clients that have not proved
theirs, each is answered by a Retry packet.
hits: answers from the cache for a second of CPU, over one connection with up to 90 questions open; beside it DoT, the same way.
Crowds of slow connections are `tests/attacks/slow_crowd.py`'s.

Counted is the CPU time of the process that listens, kernel included. The client is Python too and slower than the listener.
"""

import argparse
import socket
import ssl
import sys
import time
from pathlib import Path

# The kit of the tests, not the one beside this file.
sys.path[:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from kit.certificates import NAME, authority, identity  # noqa: E402
from kit.quic import query  # noqa: E402
from kit.quic_dial import Dialled  # noqa: E402
from kit.quic_flood import press, send_forged  # noqa: E402
from kit.wayin import serving  # noqa: E402

from resolver.settings import Served  # noqa: E402
from wire.dns.framing import frame  # noqa: E402

BURST = 100
CEILING = 50.0
"""Microseconds a forged first packet may cost."""
FORGED = 10_000
HITS = 20_000
OPEN = 90


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


PARTS = {"initials": initials, "hits": hits}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    chosen = parser.parse_args().parts or list(PARTS)
    good = [PARTS[part]() for part in chosen]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
