"""What the rules make of answers on their way out, for each client group: the last step before `front`."""

from collections.abc import Callable
from ipaddress import ip_address

from net.clock import now as clock
from privacy.memory import Fact
from resolver.cache.rrsets import RRsetMemory
from resolver.edge.standing import LOOK_AGAIN, Standing, Watch
from resolver.policy import decide
from resolver.policy.book import Book
from resolver.policy.inspection import Servers, inspect
from resolver.policy.lists import only_by_stream
from resolver.policy.rebinding import TAKEN_OUT
from resolver.policy.verdict import Cause, Say
from resolver.settings import ResolverSettings
from resolver.snapshot import Snapshot
from resolver.values import Origin, Query, Reply
from wire.dns.codes import ExtendedError
from wire.dns.names import ROOT, parent
from wire.units import Instant

_NO = frozenset({ExtendedError.BLOCKED, ExtendedError.FILTERED})

_FROM_OUTSIDE = frozenset({Origin.UPSTREAM, Origin.CACHE, Origin.STALE})

DAMAGED = "the image of the lists is damaged: no list counts until the next comes"


class Judging:
    """One resolver's. `date` is the wall clock, `servers` tells the authoritative servers of a name as far as they are known."""

    def __init__(
        self,
        settings: ResolverSettings,
        date: Callable[[], float],
        servers: Callable[[Query, Snapshot], Servers],
        report: Callable[[Fact], None],
    ) -> None:
        self.standing = Standing(settings)
        self.watch = Watch()
        self._date = date
        self._servers = servers
        self._report = report

    def book(self) -> Book:
        """What counts now."""
        return self.standing.book(self._date(), self._damaged)

    def book_as(self, book: Book) -> Book:
        """The same of a former generation, with the image that counts now: nobody holds on to one that is gone. A pause is not
        known in it any more."""
        return Book(book.ledger, self.standing.image, self._date(), damaged=self._damaged)

    def is_over(self, book: Book) -> bool:
        """Whether another one counts by now, or did before: clocks may be set."""
        return not book.since <= self._date() < book.until

    def patience(self, book: Book) -> float:
        """Seconds until that should be looked at."""
        return min(max(book.until - self._date(), 0.05), LOOK_AGAIN)

    def _damaged(self) -> None:
        """The image does not hold what it should; it is said, and used no more."""
        self.standing.image = None
        self._report(Fact("resolver", DAMAGED))

    def finish(self, query: Query, reply: Reply, snapshot: Snapshot, *, made: bool) -> Reply | Say:
        """What this client group gets of `reply`. A Say has an alias of a list's that is to be followed first; what it comes
        to is `made`."""
        said: Say | None = None
        found = inspect(query, reply, snapshot, lambda: self._servers(query, snapshot), made=made)
        if isinstance(found, Say):
            if found.onward:
                return found
            said, found = found, found.reply(query, reply.generation)
        elif found.origin in _FROM_OUTSIDE and only_by_stream(query, snapshot):
            found = found._replace(origin=Origin.STREAM_ONLY, cacheable=0.0)
        return self._bounded(query, self._watched(query, found, snapshot, said), snapshot)

    def _watched(self, query: Query, reply: Reply, snapshot: Snapshot, said: Say | None) -> Reply:
        """While somebody watches, what is blocked comes here each time."""
        if reply.explanation is None or reply.explanation.code not in _NO or not self.watch.is_on(clock()):
            return reply
        said = said or decide(query, snapshot, snapshot.dns64)
        unsaid = Cause("rebinding") if reply.explanation is TAKEN_OUT else Cause()
        cause = unsaid if said is None or said.cause is None else said.cause
        self.watch.note(query, snapshot.settings.client_groups[query.group], cause, clock())
        return reply._replace(cacheable=0.0)

    def _bounded(self, query: Query, reply: Reply, snapshot: Snapshot) -> Reply:
        """Nothing outlives the next edge of what counts for this group, here or with a client."""
        until = snapshot.book.view(query.group).until
        if until == float("inf"):
            return reply
        left = max(int(until - self._date()), 0)
        message = bytearray(reply.message)
        for at in reply.ttl_offsets:
            if int.from_bytes(message[at : at + 4], "big") > left:
                message[at : at + 4] = left.to_bytes(4, "big")
        return reply._replace(message=bytes(message), cacheable=min(reply.cacheable, float(left)))


def servers_at(memory: RRsetMemory, name: bytes, now: Instant) -> Servers:
    """Those of every delegation that is known at or above `name`."""
    names: list[bytes] = []
    addresses: list[bytes] = []
    cut = memory.cut(name, now)
    while cut is not None:
        for server in cut.referral.servers:
            names.append(server.name)
            addresses += (ip_address(endpoint.address).packed for endpoint in server.endpoints)
        zone = cut.referral.zone
        cut = memory.cut(parent(zone), now) if zone != ROOT else None
    return Servers(tuple(names), tuple(addresses))
