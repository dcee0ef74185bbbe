"""One question put to the servers of one zone, one server after another, until one of them is of use."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from resolver.cache.rrsets import Failed, RRsetMemory
from resolver.iterate.budget import Budget
from resolver.iterate.classify import apex_servers, classify
from resolver.iterate.failures import BUSY, LAME, NOBODY, NONSENSE
from resolver.iterate.port import Ask, Endpoint, Heard, Outside, Silent, Why
from resolver.iterate.servers import Server, Servers
from resolver.iterate.verdict import Answer, Broken, Lame, Negative, Verdict
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, Rcode, show_rcode
from wire.errors import Malformed
from wire.units import Seconds

MAX_TRIES = 16
"""Questions sent for one question to a zone."""

MAX_TRIES_EACH = 3
"""Times that one silent server is asked the same."""

MAX_HASTY_TRIES, MAX_HASTY_TRIES_EACH = 3, 2
"""The same for a name that can be passed over: many servers drop questions for names without records."""

_NO_EDNS = frozenset({int(Rcode.FORMERR), int(Rcode.NOTIMP), int(Rcode.BADVERS)})
"""What servers say that do not understand OPT (RFC 6891 §7, RFC 8906 §3.2)."""


class Wanted(NamedTuple):
    """A question and the zone whose servers are asked. Addresses in referrals become endpoints at `port`. `whole`: this
    is the goal itself, not a shortened name on the way. `probe`: TLS may be tried. `hasty`: after few tries, there is
    another name to ask for."""

    zone: bytes
    name: bytes
    rrtype: int
    port: int
    whole: bool
    probe: bool = False
    hasty: bool = False

    @property
    def question(self) -> bytes:
        """Name, type and class IN, as in a message."""
        return self.name + self.rrtype.to_bytes(2, "big") + b"\0\1"


MoreEndpoints = Callable[[], Awaitable[tuple[Endpoint, ...]]]
"""Finds addresses of further servers of the zone; an empty tuple once there are no more."""


class Tried(NamedTuple):
    """How far a round has come: how often each server was asked in vain, which are of no use for this question, and an
    answer to make do with if nobody has a better one."""

    verdict: Verdict | None
    tries: dict[Endpoint, int]
    useless: frozenset[Endpoint]
    failed: Failed
    makeshift: Answer | None


class Round:
    """The servers of one zone tried for one question. What is asked is shared with everybody who asks the same now."""

    def __init__(self, wanted: Wanted, memory: RRsetMemory, servers: Servers, budget: Budget, outside: Outside) -> None:
        self._wanted = wanted
        self._memory = memory
        self._servers = servers
        self._budget = budget
        self._outside = outside
        self._most, self._most_each = MAX_TRIES, MAX_TRIES_EACH
        if wanted.hasty:
            self._most, self._most_each = MAX_HASTY_TRIES, MAX_HASTY_TRIES_EACH
        self._tries: dict[Endpoint, int] = {}
        self._useless: set[Endpoint] = set()
        self._failed = NOBODY
        self._makeshift: Answer | None = None

    async def run(self, endpoints: tuple[Endpoint, ...], more: MoreEndpoints) -> Verdict | Failed:
        """The first useful verdict, or why there is none. Never Lame or Broken.

        First every server whose address is known, then those whose address has to be looked up, then once more those
        that were silent.
        """
        known = list(dict.fromkeys(endpoints))
        # Who lied is asked again only if there is nobody else.
        shunned = [e for e in known if (self._wanted.zone, e) in self._budget.shunned]
        known = [e for e in known if e not in shunned]
        while True:
            verdict = await self._share(known, 1)
            if verdict is not None:
                return verdict
            # No address is looked up that there are no tries left for.
            more_of_them = await more() if sum(self._tries.values()) < self._most else ()
            found = [endpoint for endpoint in more_of_them if endpoint not in known and endpoint not in shunned]
            if not found and shunned:
                found, shunned = shunned, []
            if not found:
                # With something to make do with, the silent ones are left alone.
                verdict = None if self._makeshift else await self._share(known, self._most_each)
                return verdict or self._makeshift or self._failure()
            known += found

    async def _share(self, known: list[Endpoint], most: int) -> Verdict | None:
        """Ask servers until each was asked `most` times; whoever comes with the same question waits for the outcome."""
        # The memory stands for the route: what one route hears is never another's, even if both ask the same.
        # Who avoids a server that lied does not take its word from others either.
        shunned = self._budget.shunned
        key = (self._memory, self._wanted.zone, self._wanted.question, self._wanted.whole, most, shunned)
        while known and not self._budget.spent(self._outside.now()):
            tried = await self._outside.once(key, lambda: self._ask_each(known, most), self._budget.deadline)
            if tried is None:
                return None  # our time is over, not that of whoever asks
            if tried.verdict is not None:
                return tried.verdict
            self._tries.update(tried.tries)
            self._useless |= tried.useless
            self._failed, self._makeshift = tried.failed, self._makeshift or tried.makeshift
            if self._next(known, most) is None:
                return None
        return None

    def _failure(self) -> Failed:
        spent = self._budget.spent(self._outside.now())
        return Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, spent)) if spent else self._failed

    async def _ask_each(self, known: list[Endpoint], most: int) -> Tried:
        verdict = None
        while verdict is None and not self._budget.spent(self._outside.now()):
            endpoint = self._next(known, most)
            if endpoint is None:
                break
            verdict = await self._try(endpoint)
        return Tried(verdict, dict(self._tries), frozenset(self._useless), self._failed, self._makeshift)

    def _next(self, known: list[Endpoint], most: int) -> Endpoint | None:
        """A server asked fewer than `most` times, those asked least first."""
        if sum(self._tries.values()) >= self._most:
            return None
        zone, now = self._wanted.zone, self._outside.now()
        for times in range(most):
            left = [e for e in known if e not in self._useless and self._tries.get(e, 0) == times]
            chosen = self._servers.choose(left, zone, now, self._outside.chance()) if left else None
            if chosen is not None:
                return chosen
        return None

    async def _try(self, endpoint: Endpoint) -> Verdict | None:
        """One server; None if it is of no use."""
        record = self._servers.record(endpoint)
        self._tries[endpoint] = self._tries.get(endpoint, 0) + 1
        edns = record.speaks_edns(self._outside.now())
        said = await self._ask(endpoint, record, edns, stream=False)
        if edns and _shuns_edns(said) and not self._budget.spent(self._outside.now()):
            # In clear text anybody may say so. What is noted down is only an answer that repeats our question.
            said = await self._ask(endpoint, record, edns=False, stream=isinstance(said, Silent))
            if isinstance(said, Heard) and said.message.rcode not in _NO_EDNS:
                record.lacks_edns(self._outside.now())
        if isinstance(said, Heard):
            return self._judge(said, record)
        if said.why is not Why.TIMEOUT:
            self._useless.add(endpoint)
        if said.why is Why.BUSY and self._failed is NOBODY:
            self._failed = BUSY
        return None

    async def _ask(self, endpoint: Endpoint, record: Server, edns: bool, stream: bool) -> Heard | Silent:
        now = self._outside.now()
        timeout = Seconds(max(min(record.timeout(), self._budget.deadline - now), 0.0))
        record.in_flight += 1
        try:
            wanted, probe = self._wanted, self._wanted.probe and edns and not stream
            until, room = self._budget.deadline, self._budget.octets
            ask = Ask(endpoint, wanted.zone, wanted.question, timeout, edns, stream, record.crowd, probe, until, room)
            said = await self._outside.ask(ask)
        finally:
            record.in_flight -= 1
        self._budget.pay(said.packets, said.octets if isinstance(said, Heard) else 0)
        if isinstance(said, Heard) and said.message.edns is not None:
            record.shows_edns(self._outside.now())
        if isinstance(said, Heard):
            record.answered(said.took)
        elif said.why is Why.NONSENSE:
            record.alive()
        elif said.why is Why.UNREACHABLE:
            record.unreachable(self._outside.now())
        elif said.why is Why.TIMEOUT and self._wanted.hasty:
            record.dropped(self._outside.now())
        elif said.why is Why.TIMEOUT:
            record.silent(self._outside.now())
        return said

    def _judge(self, heard: Heard, record: Server) -> Verdict | None:
        wanted, endpoint = self._wanted, heard.ask.endpoint
        try:
            verdict = classify(heard.message, wanted.name, wanted.rrtype, wanted.zone, wanted.port)
            apex = apex_servers(heard.message, wanted.zone)
        except Malformed:
            self._failed = NONSENSE
            self._useless.add(endpoint)
            return None
        match verdict:
            case Lame(hearsay=hearsay):
                # A shortened name, or a question without RD, confuses servers that do well with the goal itself.
                if wanted.whole and hearsay is None:
                    record.lame_for(wanted.zone, self._outside.now())
                self._failed = LAME
                self._makeshift = self._makeshift or (hearsay if wanted.whole else None)
            case Broken(rcode=rcode):
                self._failed = _says(rcode)
            case Negative(absent=False, soa=None) if wanted.whole and self._makeshift is None:
                # Empty, and nobody signs for it: one more server is asked.
                self._makeshift = verdict
            case _:
                self._budget.heard.add((wanted.zone, endpoint))
                if apex is not None:
                    self._memory.add_servers(wanted.zone, apex.names, apex.ttl, self._outside.now())
                return verdict
        self._useless.add(endpoint)
        return None


def _shuns_edns(said: Heard | Silent) -> bool:
    """Whether this may be a server that does not understand OPT: it says so, or repeats no question (RFC 6891 §7)."""
    if isinstance(said, Silent):
        return said.why is Why.NONSENSE
    return said.message.rcode in _NO_EDNS and said.message.edns is None


def _says(rcode: int) -> Failed:
    said = f"servers of the zone say {show_rcode(rcode)}"
    return Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, said))
