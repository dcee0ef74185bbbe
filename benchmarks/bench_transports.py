"""What one exchange costs our side, CPU only: every transport against a minimal responder in a process of its own.

    .venv/bin/python benchmarks/bench_transports.py [--loop uvloop] [--count N] [--depth N]

Prints microseconds of CPU per exchange of the asking process (user and system), and exchanges a second on the wall.
The responder speaks just enough; its HTTP/2, QUIC and HTTP/3 are the liar's (h2, aioquic), so the wall rate of those is
its, not ours.
"""

import argparse
import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

# in place of this folder, whose kit.py would hide tests/kit/
sys.path[0] = str(Path(__file__).parents[1] / "tests")

from kit.certificates import authority  # noqa: E402
from kit.liar import Liar  # noqa: E402
from kit.meeting import LOOPS, Counts, make_tools, profile_for  # noqa: E402

from net.clock import now  # noqa: E402
from privacy.outbound import conceal  # noqa: E402
from resolver.edge.upstream import ENCRYPTED, open_upstream  # noqa: E402
from resolver.edge.upstream.port import Upstream  # noqa: E402
from resolver.settings import UpstreamSpec  # noqa: E402
from resolver.values import QueryFlag  # noqa: E402
from wire.units import Instant  # noqa: E402

SCHEMES = ("udp", "tcp", "tls", "https", "quic", "h3")
DEPTH = 50
SLOWER = {"https": 3, "quic": 3, "h3": 6}
"""The responders of these are slow themselves: so many times fewer exchanges."""


def respond(scheme: str, pem: str, far: Connection) -> None:
    """The child: one honest liar until the parent hangs up."""

    async def serve() -> None:
        async with Liar(scheme) as liar:
            far.send(liar.spec(authorities=pem and authority().pem))
            await asyncio.to_thread(far.poll, None)

    with asyncio.Runner(loop_factory=LOOPS[sorted(LOOPS)[-1]]) as runner:
        runner.run(serve())


async def drive(upstream: Upstream, count: int, depth: int) -> tuple[float, float]:
    """CPU and wall seconds for `count` exchanges, `depth` at once."""
    packet = conceal(b"\3www\7example\0\0\1\0\1", QueryFlag.RD, upstream.channel(), os.urandom)
    left = count

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await upstream.exchange(packet, Instant(now() + 5))

    await upstream.exchange(packet, Instant(now() + 5))
    begin, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(depth)))
    return time.process_time() - cpu, time.perf_counter() - begin


def measure(spec: UpstreamSpec, loop: Callable[[], asyncio.AbstractEventLoop], count: int, depth: int) -> str:
    async def run() -> tuple[float, float]:
        upstream = open_upstream(spec, profile_for(spec.scheme), make_tools(Counts()))
        try:
            return await drive(upstream, count, depth)
        finally:
            await upstream.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        cpu, wall = runner.run(run())
    return f"{1e6 * cpu / count:8.1f} {count / wall:10.0f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--loop", choices=sorted(LOOPS), action="append")
    parser.add_argument("--count", type=int, default=6_000)
    parser.add_argument("--depth", type=int, default=DEPTH)
    parser.add_argument("--scheme", choices=SCHEMES, action="append")
    options = parser.parse_args()
    spawn = multiprocessing.get_context("fork")
    print(f"{'scheme':8}{'loop':9}{'us CPU':>8} {'q/s':>10}   (depth {options.depth}, pid {os.getpid()})")
    for scheme in options.scheme or SCHEMES:
        near, far = spawn.Pipe()
        child = spawn.Process(target=respond, args=(scheme, "pem" if scheme in ENCRYPTED else "", far))
        child.start()
        spec = near.recv()
        for loop in options.loop or sorted(LOOPS):
            count = options.count // SLOWER.get(scheme, 1)
            print(f"{scheme:8}{loop:9}{measure(spec, LOOPS[loop], count, options.depth)}", flush=True)
        near.send(None)
        child.join(5)


if __name__ == "__main__":
    main()
