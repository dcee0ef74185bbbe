"""What goes along with one client's question while it is iterated."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from resolver.cache.rrsets import Failed
from resolver.iterate.budget import Budget
from resolver.iterate.port import Outside

Elsewhere = Callable[[bytes, int, Budget], Awaitable[tuple[bytes, ...] | Failed]]
"""Finds the data of a name that another route has: (name, type, budget) → RDATA, none if the name has none of that type."""


@dataclass(slots=True)
class Run:
    """One client's question on its way. `leads` tells whether a name is this route's; `settled`: zones whose delegation
    was learned, or given up, just now."""

    outside: Outside
    budget: Budget
    leads: Callable[[bytes], bool]
    elsewhere: Elsewhere | None
    settled: set[bytes] = field(default_factory=set)
