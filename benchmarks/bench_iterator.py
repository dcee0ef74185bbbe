"""The resolver's own share of a cold iteration: in process, against the synthetic tree. CPU µs for each question.

python benchmarks/bench_iterator.py [--profile]
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import time
from ipaddress import IPv4Address

import kit
import namespace
import tree
from bench_iteration import Authorities

from anchorhold.cells.resolver import run_loop
from anchorhold.sites import Sites
from net.clock import now
from net.tls import TlsFactory
from resolver.edge.resolve import Resolver
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.edge.world import ForwardingWorld
from resolver.settings import Authority, CacheSettings, Family, Iteration, ResolverSettings, Route
from resolver.values import Origin, Query, QueryFlag, Reply

OUTSTANDING = 100
TYPES = {"A": 1, "AAAA": 28}


async def no_lookup(name: str) -> tuple[str, ...]:
    raise UpstreamFailed(Why.NO_ADDRESS)


def build(made: tree.Tree) -> Resolver:
    servers = tuple(Authority(s.name, (str(IPv4Address(s.address)),)) for s in made.zones[b"\0"].servers)
    iteration = Iteration("root", b"\0", servers, family=Family.ONLY_IPV4, private_servers=True)
    routes = (Route(b"\0", -1, 0),)
    settings = ResolverSettings(1, ("default",), (), routes, CacheSettings(), iterations=(iteration,))
    tools = Tools(now=now, entropy=os.urandom, lookup=no_lookup, count=lambda what: None, tls=TlsFactory())
    return Resolver(settings, ForwardingWorld(tools, bytes(32), Sites()), print)


class Run:
    """All questions once, so many at a time."""

    def __init__(self, made: tree.Tree) -> None:
        self.resolver = build(made)
        self.questions = iter(made.questions)
        self.left = len(made.questions)
        self.failed = 0
        self.done = asyncio.Event()

    def ask(self) -> None:
        question = next(self.questions, None)
        if question is not None:
            key = kit.encode(question.name) + TYPES[question.rrtype].to_bytes(2, "big") + b"\0\1"
            self.resolver.ask(Query(key, QueryFlag.RD, 0, 1), key, self.answered)

    def answered(self, reply: Reply) -> None:
        self.failed += reply.origin is Origin.FAILURE
        self.left -= 1
        self.ask()
        if not self.left:
            self.done.set()


async def run(made: tree.Tree) -> int:
    one = Run(made)
    start, system = time.process_time(), os.times().system
    for _ in range(OUTSTANDING):
        one.ask()
    await one.done.wait()
    spent = 1e6 * (time.process_time() - start) / len(made.questions)
    sent = one.resolver.world.counters["iterate-packets"] / len(made.questions)
    kernel = 1e6 * (os.times().system - system) / len(made.questions)
    print(f"{spent:.1f} µs ({kernel:.0f} of them in the kernel) and {sent:.2f} packets a question; {one.failed} failed")
    await one.resolver.close()
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zones", type=int, default=10_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    namespace.enter()
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {kit.SERVER_CORE})
    made = tree.build(options.zones)
    authorities = Authorities(options.zones)
    try:
        if options.profile:
            profile = cProfile.Profile()
            profile.runcall(run_loop, lambda: run(made))
            pstats.Stats(profile).sort_stats("tottime").print_stats(60)
        else:
            run_loop(lambda: run(made))
    finally:
        authorities.process.terminate()
        authorities.process.wait()


if __name__ == "__main__":
    main()
