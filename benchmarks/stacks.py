"""What a profiler's samples say: of what a cell does, which step takes which share of its time."""

from collections import Counter
from collections.abc import Iterable

WAITING = ("EpollSelector.select (selectors.py", "_worker (concurrent/futures/thread.py")
"""Functions in which a process waits; samples in them say nothing of work."""

LOOP = "event loop, waking up, timers"
OTHER = "all else"

STEPS = (
    ("resolver/edge/listen/", "client's packets and streams in and out, with TLS, HTTP and the kernel"),
    ("net/h2", "HTTP/2"),
    ("net/tls_server", "client's packets and streams in and out, with TLS, HTTP and the kernel"),
    ("resolver/doh.py", "HTTP/2"),
    ("resolver/http.py", "HTTP/2"),
    ("wire/dns/peek.py", "the query is looked at, counted, looked up in the cache"),
    ("resolver/edge/serve.py", "the query is looked at, counted, looked up in the cache"),
    ("resolver/edge/flights.py", "the query is looked at, counted, looked up in the cache"),
    ("resolver/edge/turns.py", "the query is looked at, counted, looked up in the cache"),
    ("resolver/edge/refusals.py", "the query is looked at, counted, looked up in the cache"),
    ("resolver/admission.py", "the query is looked at, counted, looked up in the cache"),
    ("resolver/local.py", "the query is looked at, counted, looked up in the cache"),
    ("resolver/cache/packets.py", "the query is looked at, counted, looked up in the cache"),
    ("privacy/reply.py", "the reply gets its outer form"),
    ("privacy/padding.py", "the reply gets its outer form"),
    ("anchorhold/ipc.py", "from cell to cell, with the kernel"),
    ("anchorhold/cells/", "from cell to cell, with the kernel"),
    ("anchorhold/pair_stream.py", "from cell to cell, with the kernel"),
    ("resolver/policy/", "rules, routes, what may leave and come in"),
    ("resolver/edge/judging.py", "rules, routes, what may leave and come in"),
    ("resolver/addresses.py", "rules, routes, what may leave and come in"),
    ("resolver/routes.py", "rules, routes, what may leave and come in"),
    ("resolver/snapshot.py", "rules, routes, what may leave and come in"),
    ("privacy/lists/", "rules, routes, what may leave and come in"),
    ("privacy/outbound.py", "the query that leaves"),
    ("resolver/edge/converse.py", "the query that leaves"),
    ("resolver/edge/upstream/", "exchange with the upstream, with TLS and the kernel"),
    ("net/", "exchange with the upstream, with TLS and the kernel"),
    ("resolver/accept.py", "the answer is read and scrubbed"),
    ("resolver/iterate/classify.py", "the answer is read and scrubbed"),
    ("wire/", "messages and names, where they are not compiled"),
    ("resolver/dnssec/", "validation, with the signature"),
    ("resolver/edge/validating.py", "validation, with the signature"),
    ("cryptography/", "validation, with the signature"),
    ("resolver/compose.py", "the answer is written anew and remembered"),
    ("resolver/cache/", "the answer is written anew and remembered"),
    ("resolver/", "one question from its beginning to its end: flight, plan, budget, health"),
    ("privacy/spread.py", "one question from its beginning to its end: flight, plan, budget, health"),
    ("anchorhold/sites.py", "one question from its beginning to its end: flight, plan, budget, health"),
    ("asyncio/", LOOP),
    ("selectors.py", LOOP),
)
"""The beginning of a file's path → the step it belongs to; the first that fits counts."""


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
