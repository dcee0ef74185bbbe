"""What an operator may be told of iterations: what was shown to whom, and whom a question would be shown to. Plain values."""

import re
from collections import Counter
from collections.abc import Iterator as Iterating

from resolver.edge.iterating import LEVELS, Iterations
from resolver.iterate.minimise import next_name
from resolver.iterate.resolve import Iterator
from resolver.settings import Minimisation
from resolver.values import Query
from wire.dns.names import count_labels, show_name
from wire.units import Instant

Line = dict[str, object]

_SHOWN = re.compile(rf"labels-shown-({'|'.join(LEVELS)})-(\d+)")


def iterations_status(iterations: Iterations, now: Instant) -> list[Line]:
    """A line for each iteration: how it asks, and how much it has learned."""
    return [
        {
            "iteration": iterator.settings.name,
            "zone": show_name(iterator.settings.zone),
            "minimise": iterator.settings.minimisation.value,
            "family": iterator.settings.family.value,
            "learned": len(iterator.memory),
            "octets": iterator.memory.size,
            "local_root": _local_root(iterator, now),
        }
        for iterator in iterations.iterators
    ]


def _local_root(iterator: Iterator, now: Instant) -> Line | None:
    """The copy of the root zone: its serial, for how many seconds it is good, why the last one offered was not taken, and
    whether it is known to be the root's own."""
    if iterator.local is None:
        return None
    status = iterator.local.status(now)
    signature = "" if status.serial is None else "valid" if status.proved else "not checked"
    return {
        "serial": status.serial,
        "left": round(status.left),
        "refused": status.refused,
        "signature": signature,
    }


def labels_shown(counters: Counter[str]) -> list[Line]:
    """The ledger: to servers of which level how many labels below their zone were shown, and how often."""
    rows = [(match, count) for name, count in counters.items() if (match := _SHOWN.fullmatch(name))]
    rows.sort(key=lambda row: (LEVELS.index(row[0][1]), int(row[0][2])))
    return [{"servers_of": match[1], "labels": int(match[2]), "questions": count} for match, count in rows]


def is_ledger(counter: str) -> bool:
    """Whether a counter belongs to the ledger."""
    return _SHOWN.fullmatch(counter) is not None


def explain_iteration(iterator: Iterator, query: Query, now: Instant) -> Line:
    """How `query` would be resolved, from what is known now. Sends nothing."""
    settings = iterator.settings
    cut = iterator.memory.cut(query.name, now)
    zone = settings.zone if cut is None else cut.referral.zone
    return {
        "upstream_group": settings.name,
        "strategy": "iterate",
        "profile": "clear text",
        "minimise": settings.minimisation.value,
        "begins_at": show_name(zone),
        "order": [],
        "leaves": list(_shown(query.name, zone, settings.minimisation)),
    }


def _shown(name: bytes, zone: bytes, mode: Minimisation) -> Iterating[str]:
    """Who would be shown what if every label were a zone of its own: the most that can happen without an error."""
    known, asked = zone, 0
    while True:
        shown = next_name(name, known, asked, mode)
        yield f"servers of {show_name(known)} see {show_name(shown)}{' and the type' if shown == name else ''}"
        if shown == name:
            break
        known, asked = shown, asked + 1
    yield "all of it in clear text: everybody on the way to those servers sees the same"
    if mode is Minimisation.RELAXED and count_labels(name) - count_labels(zone) > 1:
        yield (
            "where servers err on a shortened name, or below the top level deny it without proof or drop it, they are shown"
            " one label more, then all (minimise = strict: never)"
        )
