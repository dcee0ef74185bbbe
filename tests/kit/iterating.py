"""One resolver over the simulated Internet, asked as a client would, with a budget for each question."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kit.internet import Internet
from kit.world import play

from resolver.cache.rrsets import Failed, RRsetMemory
from resolver.iterate.budget import Budget
from resolver.iterate.resolve import Iterator, Resolved
from resolver.iterate.run import Elsewhere
from resolver.iterate.servers import Servers
from resolver.iterate.verdict import Negative, Positive
from resolver.settings import CacheSettings, Iteration
from wire.dns.codes import RecordType
from wire.dns.names import read_name, show_name
from wire.units import Instant

PATIENCE = 5.0


@dataclass
class Asking:
    """`ask("www.example.", "A")`; `said` turns the outcome into text to compare."""

    internet: Internet
    changes: dict[str, object] = field(default_factory=dict)
    limits: CacheSettings = field(default_factory=CacheSettings)

    def __post_init__(self) -> None:
        settings: Iteration = self.internet.iteration(**self.changes)
        self.iterator = Iterator(settings, RRsetMemory(self.limits), Servers())
        self.budget = Budget(Instant(0.0))

    def ask(
        self,
        name: str,
        rrtype: str = "A",
        *,
        leads: Callable[[bytes], bool] = lambda name: True,
        anew: bool = False,
        elsewhere: Elsewhere | None = None,
    ) -> Resolved | Failed:
        self.budget = Budget(Instant(self.internet.now() + PATIENCE))
        wanted = int(RecordType[rrtype])
        how = {"elsewhere": elsewhere, "anew": anew}
        return play(self.iterator.answer(read_name(name), wanted, self.internet, self.budget, leads, **how))  # type: ignore[arg-type]

    def said(self, name: str, rrtype: str = "A", **how: object) -> str:
        """Aliases and the end: `→ TARGET`, addresses, `no name (SOA)`, `no data (SOA)`, or why nothing was had."""
        return told(self.ask(name, rrtype, **how))  # type: ignore[arg-type]

    def questions(self, name: str, rrtype: str = "A") -> list[str]:
        """Everything that left for one question: `ZONE? NAME TYPE`."""
        self.internet.forget()
        self.ask(name, rrtype)
        return [f"{asked.zone}? {asked.question}" for asked in self.internet.log]


def own_milliseconds(asking: Asking, name: str, rrtype: str = "A") -> float:
    """Ask; gives our own thread CPU time, without the simulated Internet's, in milliseconds."""
    gc.collect()
    gc.disable()  # a collection over all of pytest's objects is not ours
    try:
        before, outside = time.thread_time(), asking.internet.cpu
        asking.ask(name, rrtype)
        return round(1000 * (time.thread_time() - before - (asking.internet.cpu - outside)), 1)
    finally:
        gc.enable()


def told(outcome: Resolved | Failed) -> str:
    if isinstance(outcome, Failed):
        return f"failed: {outcome.explanation.text}"
    words = [f"→ {show_name(link.target)}" for link in outcome.links]
    match outcome.end:
        case Positive(rrset=rrset):
            words += [".".join(map(str, data)) if len(data) == 4 else data.hex() for data in sorted(rrset.rdatas)]
        case Negative(absent=absent, soa=soa):
            words.append(f"no {'name' if absent else 'data'} ({show_name(soa.owner) if soa else 'no SOA'})")
        case None:
            words.append("…")
        case _:
            words.append("too long")
    return " ".join(words)
