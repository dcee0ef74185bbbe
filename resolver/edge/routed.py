"""The World of the pipeline: a question goes to its upstream group or to its iteration."""

from collections.abc import Callable

from resolver.cache.rrsets import Failed
from resolver.edge.iterating import Iterations
from resolver.edge.world import ForwardingWorld
from resolver.iterate.budget import Budget
from resolver.iterate.compose import compose
from resolver.iterate.resolve import Iterator
from resolver.pipeline import TOO_LONG, Heard, Silent
from resolver.policy import decide
from resolver.settings import CacheSettings
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Query
from wire.dns.codes import ExtendedError, RecordType
from wire.dns.message import parse_message
from wire.errors import Malformed
from wire.units import Instant

CHANGED = Silent(Explanation(ExtendedError.NOT_READY, "the configuration has just changed"))
_SIZES = {int(RecordType.A): 4, int(RecordType.AAAA): 16}


class RoutedWorld:
    """Forwarding and iterating behind one door. Indices: upstream groups first, then iterations."""

    def __init__(self, forwarding: ForwardingWorld, iterations: Iterations) -> None:
        self.forwarding = forwarding
        self.iterations = iterations
        self.current: Snapshot | None = None
        """The settings whose groups and iterations are open. Indices of others may mean something else."""

    def iterator(self, place: int) -> Iterator | None:
        """The iterator at an index of a route; None if an upstream group is there."""
        behind = place - len(self.forwarding.groups)
        return self.iterations.iterators[behind] if behind >= 0 else None

    async def ask(
        self,
        query: Query,
        upstream_group: int,
        limits: CacheSettings,
        deadline: Instant,
        *,
        snapshot: Snapshot,
        anew: bool = False,
    ) -> Heard | Silent:
        """As resolver.pipeline.World."""
        if not self.serves(snapshot):
            return CHANGED
        iterator = self.iterator(upstream_group)
        if iterator is None:
            return await self.forwarding.ask(query, upstream_group, limits, deadline, snapshot=snapshot, anew=anew)
        trip = _Trip(self, snapshot, query, limits)
        resolved = await iterator.answer(
            query.name,
            query.rrtype,
            self.iterations.sockets,
            Budget(deadline),
            trip.leads_to(upstream_group),
            elsewhere=trip.elsewhere,
            anew=anew,
        )
        if isinstance(resolved, Failed):
            return Silent(resolved.explanation)
        try:
            return Heard(compose(query, resolved, limits), -1, resolved.onward)
        except Malformed:
            return TOO_LONG

    def serves(self, snapshot: Snapshot) -> bool:
        """Whether the indices in `snapshot` are those of what is open."""
        current = self.current
        return current is None or snapshot is current or snapshot.places == current.places

    def now(self) -> Instant:
        """The monotonic clock."""
        return self.forwarding.now()

    async def close(self) -> None:
        """End every connection."""
        await self.forwarding.close()
        await self.iterations.close()


class _Trip:
    """What one question's iteration must know of the other routes."""

    def __init__(self, world: RoutedWorld, snapshot: Snapshot, query: Query, limits: CacheSettings) -> None:
        self._world = world
        self._snapshot = snapshot
        self._query = query
        self._limits = limits

    def _asks(self, name: bytes, rrtype: int) -> Query:
        query = self._query
        return Query(name + rrtype.to_bytes(2, "big") + b"\0\1", query.flags, query.group, query.generation)

    def leads_to(self, place: int) -> Callable[[bytes], bool]:
        """Whether a name may be asked for on the route that goes to `place`: neither special nor another route's."""

        mine = self._snapshot.route(self._query)
        stands_in = mine is not None and mine.upstream_group != place

        def leads(name: bytes) -> bool:
            query = self._asks(name, self._query.rrtype)
            route = self._snapshot.route(query)
            # Where this iteration only stands in for a route's own servers, it does so for that route and no other.
            ours = route is not None and (route.upstream_group == place or (stands_in and route is mine))
            return ours and decide(query, self._snapshot.routes, self._snapshot.dns64) is None

        return leads

    async def elsewhere(self, name: bytes, rrtype: int, budget: Budget) -> tuple[bytes, ...]:
        """Addresses of a name server whose name is another route's; none if they cannot be had, or the name is special."""
        query = self._asks(name, rrtype)
        route = self._snapshot.route(query)
        if route is None or not self._world.serves(self._snapshot) or decide(query, self._snapshot.routes) is not None:
            return ()
        iterator = self._world.iterator(route.upstream_group)
        if iterator is None:
            asked = await self._world.forwarding.ask(
                query, route.upstream_group, self._limits, budget.deadline, snapshot=self._snapshot
            )
            return _addresses(asked, name, rrtype)
        resolved = await iterator.answer(
            name,
            rrtype,
            self._world.iterations.sockets,
            budget,
            self.leads_to(route.upstream_group),
            elsewhere=self.elsewhere,
        )
        if isinstance(resolved, Failed):
            return ()
        try:
            return _addresses(Heard(compose(query, resolved, self._limits), -1), name, rrtype)
        except Malformed:
            return ()


def _addresses(heard: Heard | Silent, name: bytes, rrtype: int) -> tuple[bytes, ...]:
    """The address data in an accepted answer, of `name` itself."""
    if isinstance(heard, Silent):
        return ()
    message = parse_message(heard.accepted.message)
    found = [
        message.data[record.rdata_start : record.rdata_end]
        for record in message.answer
        if record.rrtype == rrtype and record.owner == name
    ]
    return tuple(rdata for rdata in found if len(rdata) == _SIZES[rrtype])
