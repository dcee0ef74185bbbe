"""Local names and protection against rebinding: what a question costs, beside what is answered without them.

`make bench-names`. CPU time of one process; nothing is sent.
"""

import time
from collections.abc import Callable

from resolver.policy import decide
from resolver.policy.local_data import LocalData
from resolver.policy.rebinding import inspect_rebinding
from resolver.policy_settings import LocalRecord, LocalZone, Policy, Rebinding
from resolver.settings import CacheSettings, ResolverSettings, Route
from resolver.snapshot import Snapshot
from resolver.values import Origin, Query, Reply
from wire.dns.message import ResourceRecord, build_response
from wire.dns.names import read_name

ROUNDS = 20_000
NAMES = 100_000


def cost(what: str, act: Callable[[], object]) -> None:
    """Print microseconds of one `act`."""
    for _ in range(1_000):
        act()
    start = time.process_time()
    for _ in range(ROUNDS):
        act()
    print(f"{what:58} {(time.process_time() - start) / ROUNDS * 1e6:8.2f} µs")


def snapshot(*zones: LocalZone, protect: bool) -> Snapshot:
    policy = Policy(local=zones, rebinding=Rebinding(protect))
    return Snapshot(ResolverSettings(1, ("default",), (), (Route(b"\0", -1, 0),), CacheSettings(), policy=policy))


def question(name: str, rrtype: int = 1) -> Query:
    return Query(read_name(name) + rrtype.to_bytes(2, "big") + b"\0\1", 1, 0, 1)


def reply(query: Query, *rdatas: bytes) -> Reply:
    records = [ResourceRecord(query.name, query.rrtype, 1, 60, rdata) for rdata in rdatas]
    built = build_response(query.key, 0x8180, 0, records)
    return Reply(built.message, built.ttl_offsets, 60.0, 1, Origin.UPSTREAM)


def main() -> None:
    """Print the figures."""
    apex = read_name("home.example")
    names = [b"\6" + b"%06d" % number + apex for number in range(NAMES)]
    records = tuple(LocalRecord(name, 1, 300, number.to_bytes(4, "big")) for number, name in enumerate(names))
    start = time.process_time()
    zone = LocalZone(apex, records)
    LocalData((zone,), 1)
    print(f"{f'{NAMES} local names: building the table':58} {(time.process_time() - start) * 1e3:8.0f} ms")
    none, many = snapshot(protect=False), snapshot(zone, protect=True)
    public, local, missing = question("www.example.org"), question("050000.home.example"), question("x.home.example")
    cost("rules for www.example.org, no local names", lambda: decide(public, none))
    cost(f"rules for www.example.org, {NAMES} local names", lambda: decide(public, many))
    cost("a local name: found and answered", lambda: decide(local, many))
    cost("a name that is not there: denied", lambda: decide(missing, many))
    for count in (1, 8):
        for rrtype, rdata in ((1, b"\1\1\1\1"), (28, b"\x2a" + bytes(15))):
            query = question("www.example.org", rrtype)
            given = reply(query, *[rdata[:-1] + bytes((n,)) for n in range(count)])
            label = f"{count} {'A' if rrtype == 1 else 'AAAA'} of the outside"
            cost(f"inspection: {label}", lambda query=query, given=given: inspect_rebinding(query, given, many))  # type: ignore[misc]
    bad = reply(public, b"\x0a\0\0\1")
    cost("inspection: one A of the inside, taken out", lambda: inspect_rebinding(public, bad, many))


if __name__ == "__main__":
    main()
