"""One question on its way down a plan of servers, the next one asked when the first is late or fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from net.clock import now as clock
from resolver.accept import Fault, Understood
from resolver.cache.rrsets import Failed
from resolver.dnssec.security import Checked, Security
from resolver.edge.begun import MOVE_AFTER, UNPROVED, Begun
from resolver.edge.servers import Group
from resolver.edge.upstream.failures import EXPLANATIONS, UNSEEN
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.forward import Plan
from resolver.iterate.budget import Budget
from resolver.iterate.resolve import Resolved
from resolver.pipeline import Silent
from resolver.settings import CacheSettings
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, Rcode, show_rcode

if TYPE_CHECKING:
    from resolver.edge.world import ForwardingWorld

FORGED_ELSEWHERE = 1
"""Further servers asked once an answer turned out forged."""

BOGUS_EXPLANATION = Explanation(ExtendedError.DNSSEC_BOGUS, "an upstream says that the data are not genuine")

_SERVFAIL = int(Rcode.SERVFAIL)
_NOT_IN_TIME = EXPLANATIONS[Why.TIMEOUT]

Examine = Callable[[Resolved, int, bool], Awaitable[Checked]]
"""What an answer is worth: (answer, the server's place in its group, whether another one's turned out forged) → verdict."""


async def _believe(resolved: Resolved, server: int, _again: bool) -> Checked:
    return Checked(resolved, Security.INSECURE, None, server=server)


class Attempt:
    """One question on its way down a plan: the first answer that holds wins, the others are given up."""

    def __init__(
        self,
        world: "ForwardingWorld",
        group: Group,
        question: bytes,
        limits: CacheSettings,
        budget: Budget,
        begun: Begun | None = None,
    ) -> None:
        """`begun`: the first of the plan has been asked already."""
        self._world = world
        self._group = group
        self._begun = begun
        self._question = question
        self._limits = limits
        self._budget = budget
        self._last = _NOT_IN_TIME
        self._rcode = _SERVFAIL
        self._bogus = False
        self._forged: Checked | None = None
        self._patient_until = 0.0

    async def run(self, plan: Plan, examine: Examine) -> Checked | Silent:
        """Down the plan until one answers; what that is worth. Forged answers end it once a second server gave one too."""
        if len(plan.order) == 1:
            return await self._try(plan.order[0], examine) or self._outcome()
        left = list(plan.order)
        running: set[asyncio.Task[Checked | None]] = set()
        for _ in range(plan.at_once):
            self._start(left, running, examine)
        hedges, moved = plan.hedged - plan.at_once, plan.moved
        late = self._begun is not None and self._begun.is_late
        try:
            while running:
                may_hedge = bool(left) and hedges > 0
                patience, late = 0.0 if late else self._patience(plan, left, may_hedge), False
                done, running = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                found = next((task.result() for task in done if task.result() is not None), None)
                if found is not None:
                    return found
                if self._budget.spent(clock()):
                    break
                if not done and clock() < self._patient_until:
                    # Somebody answered, and keys are looked for: nobody else needs to see the name.
                    continue
                if self._forged is not None:
                    # A name that is broken for good must not be shown to every operator there is.
                    del left[FORGED_ELSEWHERE:]
                if not done and may_hedge:
                    self._world.counters["hedged"] += 1
                if (not done or not running) and left:
                    if hedges <= 0 and not moved:
                        moved = True
                        self._world.count_moved()
                    self._start(left, running, examine)
                    hedges -= 1
                    if self._forged is not None:
                        left.clear()
            return self._outcome()
        finally:
            for task in running:
                task.cancel()

    async def hear(self, plan: Plan) -> Resolved | Failed:
        """The first answer, whatever it is worth."""
        outcome = await self.run(plan, _believe)
        return Failed(outcome.explanation) if isinstance(outcome, Silent) else outcome.resolved

    def _start(self, left: list[int], running: "set[asyncio.Task[Checked | None]]", examine: Examine) -> None:
        """Ask the next server too, if there is one."""
        if left:
            running.add(asyncio.get_running_loop().create_task(self._try(left.pop(0), examine)))

    def _patience(self, plan: Plan, left: list[int], may_hedge: bool) -> float:
        """Seconds to wait for those running."""
        now = clock()
        until_end = max(self._budget.deadline - now, 0.0)
        if not left:
            return until_end
        asked = plan.order[len(plan.order) - len(left) - 1]
        patience = self._group.servers[asked].health.hedge_delay() if may_hedge else MOVE_AFTER
        return min(max(patience, self._patient_until - now), until_end)

    async def _try(self, index: int, examine: Examine) -> Checked | None:
        """One server; its failure is remembered as the explanation."""
        world, server = self._world, self._group.servers[index]
        begun, self._begun = self._begun, None
        spent = self._budget.spent(clock())
        if spent and begun is None:
            self._last = Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, spent)
            return None
        shown = True
        try:
            verdict = await world.exchange(server, self._question, self._limits, self._budget, begun)
        except UpstreamFailed as error:
            shown = error.why not in UNSEEN
            world.counters[f"failed-{error.why.value}"] += 1
            self._last = EXPLANATIONS[error.why]
            return None
        finally:
            # Also when given up: the question may be there already.
            if shown:
                world.saw(server, self._question[:-4])
        if isinstance(verdict, Understood):
            if verdict.dropped:
                world.counters["records-dropped"] += verdict.dropped
            self._patient_until = clock() + MOVE_AFTER
            known = begun.checked if begun is not None else None
            checked = known or await examine(verdict.resolved, index, self._forged is not None)
            self._patient_until = 0.0
            if checked.security in UNPROVED:
                self._forged = checked
                return None
            return checked
        world.counters[f"rejected-{verdict.fault.value}"] += 1
        if verdict.bogus:
            self._bogus = True
        elif verdict.fault is Fault.RCODE:
            self._last = Explanation(ExtendedError.OTHER, f"the upstream says {show_rcode(verdict.rcode)}")
            self._rcode = verdict.rcode if verdict.rcode == Rcode.REFUSED else Rcode.SERVFAIL
        else:
            self._last = EXPLANATIONS[Why.MISMATCH if verdict.fault is Fault.MISMATCH else Why.MALFORMED]
        return None

    def _outcome(self) -> Checked | Silent:
        if self._forged is not None:
            return self._forged
        ours = self._last is EXPLANATIONS[Why.BUSY]
        return Silent(BOGUS_EXPLANATION) if self._bogus else Silent(self._last, self._rcode, ours=ours)
