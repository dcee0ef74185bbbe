"""The usual way of a question: one server is asked at once and answers in time, with what can be proved by the keys that are at
hand, and nobody waits in a task meanwhile.

Whatever comes otherwise goes the long way (`resolver.pipeline.answer_later`) from where it stands: what was begun is taken over
there, and nothing is asked or paid for twice.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, TypeVar

from net.clock import now as clock
from resolver.accept import Rejected, Understood
from resolver.cache.rrsets import Failed
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.signature import NOT_YET
from resolver.dnssec.validate import Claim, Validator
from resolver.edge.converse import concealed
from resolver.edge.servers import Group
from resolver.edge.upstream.port import UpstreamFailed
from resolver.forward import Plan
from resolver.iterate.budget import Budget
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Positive
from resolver.pipeline import Heard, Later
from resolver.settings import CacheSettings
from wire.dns.codes import QueryFlag
from wire.units import Epoch, Instant

if TYPE_CHECKING:
    from resolver.edge.routed import RoutedWorld
    from resolver.edge.world import ForwardingWorld

T = TypeVar("T")

DO_AND_CD = int(QueryFlag.DO | QueryFlag.CD)
"""With both, whoever asked us for what: we validate, so a forwarder need not, and must not keep back what it finds forged
(RFC 4035 §3.2.2, RFC 6840 §5.9)."""

MOVE_AFTER = 2.0
"""Seconds of silence after which a site's operator counts as failed for a question, and the next one is asked; of whoever
answered, seconds that it may take to find out what the answer is worth."""

_CD = int(QueryFlag.CD)
_new = tuple.__new__
"""See `wire/dns/message.py`."""
_INSECURE = Security.INSECURE
UNPROVED = (Security.BOGUS, Security.INDETERMINATE)


class NotAtHand(Exception):
    """Somebody would have to be asked."""


class AtHand:
    """Asks nobody (resolver.dnssec.chain.Questions)."""

    def __init__(self, world: "ForwardingWorld") -> None:
        self._world = world

    async def ask(self, _name: bytes, _rrtype: int) -> Resolved | Failed:
        """Raises NotAtHand."""
        raise NotAtHand

    def now(self) -> Instant:
        """The monotonic clock."""
        return clock()

    def date(self) -> Epoch:
        """The wall clock, but nothing that cannot be."""
        return self._world.date()


class Begun:
    """A question that was put to the first server of a plan. `verdict`: what came, `checked`: what that is worth, as far as it is
    known; `is_late`: the next server's turn has come before."""

    __slots__ = (
        "_data",
        "_failure",
        "_future",
        "_give_up",
        "_later",
        "_timer",
        "_told",
        "_world",
        "budget",
        "checked",
        "group",
        "is_late",
        "place",
        "plan",
        "start",
        "validator",
        "verdict",
    )

    def __init__(self, world: "RoutedWorld", later: Later, group: Group, plan: Plan, budget: Budget) -> None:
        self._world = world
        self._later = later
        self.group = group
        self.plan = plan
        self.budget = budget
        self.validator: Validator = world.validators.at(later.upstream_group)
        self.place = world.forwarding.place.number
        self.start = Instant(0.0)
        self.verdict: Understood | Rejected | None = None
        self.checked: Checked | None = None
        self.is_late = False
        self._data = b""
        self._failure: UpstreamFailed | None = None
        self._told: Callable[[Begun], None] | None = None
        self._future: asyncio.Future[None] | None = None
        self._give_up: Callable[[], object] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def send(self, told: Callable[["Begun"], None]) -> bool:
        """Ask. `told` is called once when it can be gone on with, perhaps before this returns; False: it cannot be asked at once,
        and nothing was done."""
        forwarding, budget = self._world.forwarding, self.budget
        server = self.group.servers[self.plan.order[0]]
        prompt = server.prompt
        if prompt is None:
            return False
        query = concealed(prompt, self._later.query.key, DO_AND_CD, forwarding.tools.entropy)
        self._told = told
        self.start = forwarding.began(server, budget)
        self._give_up = prompt.begin(query, budget.deadline, self._ended)
        if self._give_up is None:
            forwarding.not_begun(server, budget)
            return False
        if self.plan.moved:
            forwarding.count_moved()
        if len(self.plan.order) > 1 and self._told is not None:
            patience = server.health.hedge_delay() if self.plan.hedged > 1 else MOVE_AFTER
            self._timer = asyncio.get_running_loop().call_later(patience, self._is_late)
        return True

    def _ended(self, outcome: bytes | UpstreamFailed) -> None:
        if isinstance(outcome, UpstreamFailed):
            self._failure = outcome
        else:
            self._data = outcome
        if self._future is not None and not self._future.done():
            self._future.set_result(None)
        self._tell()

    def _is_late(self) -> None:
        self._timer = None
        self.is_late = True
        self._tell()

    def _tell(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        told, self._told = self._told, None
        if told is not None:
            told(self)

    # the usual way

    def judge(self, limits: CacheSettings) -> Heard | None:
        """What the client gets and what is learned, if that is the usual; None: go the long way."""
        if not self._data:
            return None
        world, query, index = self._world, self._later.query, self.plan.order[0]
        forwarding, server = world.forwarding, self.group.servers[index]
        verdict = forwarding.learned(server, query.key, self._data, self.start, limits, self.budget)
        self.verdict = verdict
        if not isinstance(verdict, Understood) or verdict.resolved.links:
            return None
        if query.flags & _CD:
            checked: Checked | None = Checked(verdict.resolved, Security.INSECURE, None, server=index)
        else:
            checked = self._check(verdict.resolved, index)
        if checked is None or checked.security in UNPROVED:
            return None
        heard = world.validators.finish(query, checked, limits)
        if not isinstance(heard, Heard):
            self.checked = checked
            return None
        if verdict.dropped:
            forwarding.counters["records-dropped"] += verdict.dropped
        forwarding.saw(server, query.key[:-4])
        return heard

    def _check(self, resolved: Resolved, index: int) -> Checked | None:
        query, questions = self._later.query, self._world.at_hand
        name, rrtype, end = query.name, query.rrtype, resolved.end
        if self.validator.anchors.negative and isinstance(end, Positive) and end.dname is None:
            same = end.rrset[:2] == (name, rrtype)
            exempt = self.validator.exempts(name, rrtype, questions.date()) if same else None
            if exempt is not None:
                return _new(Checked, (resolved, _INSECURE, exempt, (), (), index, 0, False, False))
        validation = self.budget.validation
        claim = Claim(name, rrtype, resolved, questions, validation, False, index)
        checked = at_once(self.validator.check(claim))
        if checked is None:
            # Nobody was asked.
            validation.questions += 1
        elif checked.explanation != NOT_YET.explanation:
            # What holds it against the clock is found out on the long way.
            self.checked = checked
        return checked

    # the long way

    async def outcome(self) -> bytes:
        """The response. Raises UpstreamFailed."""
        if not self._data and self._failure is None:
            self._future = asyncio.get_running_loop().create_future()
            try:
                await self._future
            except asyncio.CancelledError:
                if self._give_up is not None:
                    self._give_up()
                raise
        if self._failure is not None:
            raise self._failure
        return self._data


def begin(world: "RoutedWorld", later: Later, budget: Budget, told: Callable[[Begun], None]) -> bool:
    """Put a question to the first server of its plan, if it is of the usual kind and there is one that can be asked at once."""
    forwarding, place = world.forwarding, later.upstream_group
    if later.known is not None or later.translator is not None or later.fallback >= 0:
        return False
    if place >= len(forwarding.groups) or forwarding.wall.wrong:
        return False
    group, plan = forwarding.groups[place], forwarding.plan(later.query.key[:-4], place)
    return plan.at_once == 1 and Begun(world, later, group, plan, budget).send(told)


def at_once(work: Coroutine[object, None, T]) -> T | None:
    """What it comes to, if it need not wait."""
    try:
        work.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    except NotAtHand:
        return None
    work.close()
    return None
