"""The resolver's own share of a miss: in process, with an upstream that answers at once. CPU µs for each question.

python benchmarks/bench_resolver.py [--profile]
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import time

from anchorhold.sites import Sites
from net.clock import now
from net.tls import TlsFactory
from privacy.channel import Channel, Kind
from resolver.edge.resolve import Resolver
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.edge.world import ForwardingWorld
from resolver.settings import CacheSettings, ResolverSettings, Route, UpstreamGroup, UpstreamSpec
from resolver.values import Query, QueryFlag, Reply
from wire.dns.message import ResourceRecord, build_response
from wire.dns.names import read_name
from wire.units import Instant

BATCH = 50


class InstantUpstream:
    """Answers every question with one address, in the next turn of the loop."""

    def channel(self) -> Channel:
        return Channel(Kind.TLS, True, True)

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        at = 12
        while query[at]:
            at += 1 + query[at]
        question = query[12 : at + 5]
        answer = (ResourceRecord(question[:-4], 1, 1, 3600, b"\xc0\0\2\1"),)
        await asyncio.sleep(0)
        return build_response(question, 0x0180, 0, answer).message

    async def close(self) -> None:
        pass


async def no_lookup(name: str) -> tuple[str, ...]:
    raise UpstreamFailed(Why.NO_ADDRESS)


def build() -> Resolver:
    spec = UpstreamSpec("tls", "dns.bench.example", ("127.0.0.1",), 853, "bench")
    settings = ResolverSettings(
        1, ("default",), (UpstreamGroup("default", (spec,)),), (Route(b"\0", -1, 0),), CacheSettings()
    )
    tools = Tools(now=now, entropy=os.urandom, lookup=no_lookup, count=lambda what: None, tls=TlsFactory())
    resolver = Resolver(settings, ForwardingWorld(tools, bytes(32), Sites()), print)
    for group in resolver.world.groups:
        for server in group.servers:
            server.upstream = InstantUpstream()
    return resolver


async def run(questions: int) -> float:
    resolver = build()
    keys = [read_name(f"m{n}.bench.example") + b"\0\1\0\1" for n in range(questions)]
    left = BATCH
    done = asyncio.Event()

    def answered(reply: Reply) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    start = time.process_time()
    for at in range(0, questions, BATCH):
        left, batch = BATCH, keys[at : at + BATCH]
        done.clear()
        for key in batch:
            resolver.ask(Query(key, QueryFlag.RD, 0, 1), key, answered)
        await done.wait()
    return 1e6 * (time.process_time() - start) / questions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(asyncio.run, run(options.questions))
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        return
    print(f"{asyncio.run(run(options.questions)):.1f} µs a miss, the upstream's own building of answers included")


if __name__ == "__main__":
    main()
