"""What oblivion costs: a question to our own DoH server, and the same one sealed, through our relay to our target.

    .venv/bin/python benchmarks/bench_odoh.py [--record]

Two real services on this machine, the asking side in this process. The answer is in the target's cache, so what is measured is
carrying and sealing. CPU is user and kernel time per question of every process of each side.
"""

import argparse
import asyncio
import datetime
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path

HERE = Path(__file__).parent
# in place of this folder, whose kit.py would hide tests/kit/
sys.path[0] = str(HERE.parent / "tests")

from kit.certificates import NAME, authority  # noqa: E402
from kit.households import Household, honest, settle  # noqa: E402
from kit.meeting import LOOPS, Counts, make_tools  # noqa: E402

from net.clock import now  # noqa: E402
from privacy.odoh import SEED, make_key, open_answer, open_query, seal_answer, seal_query  # noqa: E402
from privacy.outbound import conceal  # noqa: E402
from resolver.edge.upstream import open_upstream  # noqa: E402
from resolver.edge.upstream.port import Upstream  # noqa: E402
from resolver.settings import HttpMethod, ObliviousTarget, Profile, UpstreamSpec  # noqa: E402
from wire.units import Instant  # noqa: E402

ROUNDS, DEPTH = 5, 20
MANY, FEW = 3_000, 400
"""Questions of a round, at once and one after another."""

QUESTION = b"\3www\7example\0\0\1\0\1"


def kit() -> object:
    """The benchmarks' own kit.py."""
    found = importlib.util.spec_from_file_location("bench_kit", HERE / "kit.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["bench_kit"] = module
    found.loader.exec_module(module)
    return module


KIT = kit()


@dataclass
class Figures:
    """Of one round: milliseconds for one question alone, questions a second, and CPU microseconds a question by side."""

    alone: float
    rate: float
    client: float
    relay: float
    target: float


def envelope() -> list[str]:
    """What the four steps of the envelope cost."""
    pair, message, reply = make_key(os.urandom(SEED)), bytes(60), bytes(120)
    keys = {pair.key.key_id: pair}
    sealed = seal_query(pair.key, message, os.urandom(SEED))
    opened = open_query(keys, sealed.body)
    body = seal_answer(opened, reply, os.urandom(16))
    steps: dict[str, Callable[[], object]] = {
        "client: seal a question": lambda: seal_query(pair.key, message, os.urandom(SEED)),
        "target: open it": lambda: open_query(keys, sealed.body),
        "target: seal the answer": lambda: seal_answer(opened, reply, os.urandom(16)),
        "client: open it": lambda: open_answer(sealed, body),
    }
    rows = ["| step | CPU µs |", "|---|---|"]
    for name, step in steps.items():
        costs = []
        for _ in range(ROUNDS):
            begin = time.process_time()
            for _ in range(1_000):
                step()
            costs.append((time.process_time() - begin) * 1e3)
        rows.append(f"| {name} | {statistics.median(costs):.1f} |")
    return rows


async def ask(upstream: Upstream, count: int, depth: int) -> list[float]:
    """Seconds of each of `count` questions, `depth` at once."""
    packet = conceal(QUESTION, 0, upstream.channel(), os.urandom)
    left, took = count, []

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            begin = time.perf_counter()
            await upstream.exchange(packet, Instant(now() + 10))
            took.append(time.perf_counter() - begin)

    await asyncio.gather(*(worker() for _ in range(depth)))
    return took


def measure(spec: UpstreamSpec, relay: Household, target: Household) -> Figures:
    """One round."""
    sides = [house.running.process.pid for house in (relay, target) if house.running is not None]

    async def run() -> Figures:
        upstream = open_upstream(spec, Profile.STRICT, make_tools(Counts()))
        try:
            await ask(upstream, 50, DEPTH)
            alone = statistics.median(await ask(upstream, FEW, 1))
            before = [KIT.cpu_seconds(pid) for pid in sides]  # type: ignore[attr-defined]
            own, begin = time.process_time(), time.perf_counter()
            await ask(upstream, MANY, DEPTH)
            wall, own = time.perf_counter() - begin, time.process_time() - own
            spent = [KIT.cpu_seconds(pid) - was for pid, was in zip(sides, before, strict=True)]  # type: ignore[attr-defined]
            return Figures(alone * 1e3, MANY / wall, *(1e6 * cost / MANY for cost in (own, *spent)))
        finally:
            await upstream.close()

    with asyncio.Runner(loop_factory=LOOPS[sorted(LOOPS)[-1]]) as runner:
        return runner.run(run())


def roads(relay: Household, target: Household) -> dict[str, UpstreamSpec]:
    """How the same answer is asked for."""

    def https(house: Household, path: str) -> UpstreamSpec:
        return UpstreamSpec(
            "https", house.name, ("127.0.0.1",), house.port, house.name, path, authorities=authority().pem
        )

    source = replace(https(relay, "/.well-known/odohconfigs"), method=HttpMethod.GET)
    behind = ObliviousTarget(f"{target.name}:{target.port}", "/odoh", b"", (source,))
    return {
        "DoH to the target": https(target, "/dns-query"),
        "ODoH through the relay": replace(https(relay, "/relay"), scheme="odoh", target=behind),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-odoh.md")
    options = parser.parse_args()
    lines = [f"# ODoH beside DoH, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}", ""]
    lines += [
        f"Printed by `make bench-odoh`: {ROUNDS} interleaved rounds of {MANY:,} questions, {DEPTH} at once, and {FEW} one after "
        "another, for an answer that the target has in its cache. Relay and target are two services, all on one machine of "
        f"{os.cpu_count()} cores. CPU is of all processes of a side, per question. Medians.",
        "",
    ]
    found: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory(prefix="anchorhold-bench-") as name, honest() as liar, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)
        relay, target = settle(folder, "carrier.test", "opener.test")
        free = "\n[limits]\nrate = 0\n"
        upstream = f'{{ url = "tls://{NAME}@127.0.0.1:{liar.port}", ca_file = "{target.authority}" }}'
        place = f'{{ url = "{target.place}", ca_file = "{relay.authority}" }}'
        stack.enter_context(target.started(upstream, f"target = true{free}"))
        stack.enter_context(relay.started(upstream, f"relay = true\ntargets = [{place}]{free}"))
        ways = roads(relay, target)
        for _ in range(ROUNDS):
            for way, spec in ways.items():
                found.setdefault(way, []).append(measure(spec, relay, target))
    lines += ["| road | alone, ms | questions/s | client µs | relay µs | target µs |", "|---|---|---|---|---|---|"]
    for way, rounds in found.items():
        middle = (statistics.median(getattr(one, field.name) for one in rounds) for field in fields(Figures))
        alone, rate, client, carried, opened = middle
        lines.append(f"| {way} | {alone:.2f} | {rate:,.0f} | {client:.0f} | {carried:.0f} | {opened:.0f} |")
    lines += ["", "## The envelope alone", "", *envelope(), ""]
    KIT.finish("\n".join(lines), "odoh", options.record)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
