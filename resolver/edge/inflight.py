"""A question on its way through the resolver, and what two of them must have in common to be one."""

import asyncio
from collections.abc import Callable

from resolver.cache.answers import AnswerMemory, MemoryKey
from resolver.iterate.budget import Budget
from resolver.pipeline import Later
from resolver.snapshot import Snapshot
from resolver.values import Reply
from wire.units import Instant

Answer = Callable[[Reply], None]

Place = tuple[MemoryKey, bool, Snapshot, bool]
"""What questions that may share a flight have in common: the key, whether the answer is judged again, what is in force, whether
the clock is wrong."""


USUAL = 1.5
"""What a question costs at most that is answered by one packet (`Budget.cost`)."""


class Flight:
    """One question on its way, and who waits for it. `memory`: where the answer goes; if that is not in force any more when it
    comes, it goes with it."""

    __slots__ = ("budget", "deadline", "later", "memory", "snapshot", "stale_timer", "task", "waiters")

    def __init__(self, later: Later, snapshot: Snapshot, memory: AnswerMemory, deadline: Instant) -> None:
        self.deadline = deadline
        self.budget = Budget(deadline)
        self.later = later
        self.memory = memory
        self.snapshot = snapshot
        self.waiters: dict[object, Answer] = {}
        self.task: asyncio.Task[None] | None = None
        self.stale_timer: asyncio.TimerHandle | None = None

    def priced(self, reply: Reply) -> Reply:
        """With what it has cost, if that is more than it mostly is."""
        cost = self.budget.cost()
        return reply if cost <= USUAL else reply._replace(cost=cost)
