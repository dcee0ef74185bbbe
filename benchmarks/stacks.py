"""What a profiler's samples say: of what a cell does, which step takes which share of its time."""

from collections import Counter
from collections.abc import Iterable

WAITING = (
    "EpollSelector.select (selectors.py",
    "Epoll.select (anchorhold/cells/readiness.py",
    "_worker (concurrent/futures/thread.py",
)
"""Functions in which a process waits; samples in them say nothing of work."""

LOOP = "event loop, waking up, timers"
OTHER = "all else"

_CLIENTS = "client's packets and streams in and out, with TLS, HTTP and the kernel"
_HTTP = "HTTP/2"
_DESK = "the query is looked at, counted, looked up in the cache"
_DRESS = "the reply gets its outer form"
_CELLS = "from cell to cell, with the kernel"
_RULES = "rules, routes, what may leave and come in"
_QUERY = "the query that leaves"
_UPSTREAM = "exchange with the upstream, with TLS and the kernel"
_READ = "the answer is read and scrubbed"
_WIRE = "messages and names, where they are not compiled"
_PROOF = "validation, with the signature"
_KEEP = "the answer is written anew and remembered"
_FLIGHT = "one question from its beginning to its end: flight, plan, budget, health"

BEGINNINGS = {
    _CLIENTS: "resolver/edge/listen/ net/tls_server",
    _HTTP: "net/h2 resolver/doh.py resolver/http.py",
    _DESK: "wire/dns/peek.py resolver/edge/serve.py resolver/edge/flights.py resolver/edge/turns.py resolver/edge/refusals.py "
    "resolver/admission.py resolver/pressure.py resolver/local.py resolver/cache/packets.py",
    _DRESS: "privacy/reply.py privacy/padding.py",
    _CELLS: "anchorhold/ipc.py anchorhold/pair_stream.py anchorhold/cells/",
    _RULES: "resolver/policy/ resolver/edge/judging.py resolver/addresses.py resolver/routes.py resolver/snapshot.py "
    "privacy/lists/",
    _QUERY: "privacy/outbound.py resolver/edge/converse.py",
    _UPSTREAM: "resolver/edge/upstream/ net/",
    _READ: "resolver/accept.py resolver/iterate/classify.py",
    _WIRE: "wire/",
    _PROOF: "resolver/dnssec/ resolver/edge/validating.py cryptography/",
    _KEEP: "resolver/compose.py resolver/cache/",
    _FLIGHT: "resolver/ privacy/spread.py anchorhold/sites.py",
    LOOP: "asyncio/ selectors.py",
}
"""Step → how the paths of its files begin; the first that fits counts."""

STEPS = tuple((beginning, step) for step, beginnings in BEGINNINGS.items() for beginning in beginnings.split())


def step_of(stack: str) -> str:
    """The step of one stack as py-spy writes it, outermost first: `function (file:line);…`. What is done in a library is done for
    whoever called it."""
    frames = stack.split(";")
    for frame in reversed(frames):
        path = frame.rpartition("(")[2]
        for beginning, step in STEPS:
            if path.startswith(beginning) and not (step is LOOP and frame is not frames[-1]):
                return step
    return LOOP if any("(asyncio/" in frame for frame in frames) else OTHER


def shares(lines: Iterable[str]) -> dict[str, float]:
    """Step → its share of all samples, of 1, the greatest first. `lines`: `stack count`."""
    counts: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.strip().rpartition(" ")
        innermost = stack.rpartition(";")[2]
        if stack and not innermost.startswith(WAITING):
            counts[step_of(stack)] += int(count)
    total = max(sum(counts.values()), 1)
    return {step: count / total for step, count in counts.most_common()}
