"""Zones whose servers answer with nothing but errors: they are left alone for a while, whatever name is asked for (RFC 9520).

A name whose look-up failed is remembered by name; without this, every new name in such a zone would cost as many questions
as the first. Silence is not counted here: a server that says nothing is known by its record (resolver/iterate/servers.py).
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from resolver.iterate.verdict import Referral
from wire.dns.names import count_labels
from wire.units import Instant

NAMES = 3
"""Names in a row that all servers of a zone failed for, before the zone is left alone. Names below one child count as one:
one's own broken name in a zone of others is no outage of that zone."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""> Resolvers MUST NOT cache … longer than 5 minutes … SHOULD employ an exponential or linear backoff (RFC 9520 §3.2)

Seconds; twice as long each time."""

REMEMBERED = 4_096
"""Zones."""


@dataclass(slots=True)
class _Outage:
    """`servers`: whose it is; with others, it is over. `trial`: who has gone to see whether it is."""

    servers: frozenset[bytes]
    children: set[bytes] = field(default_factory=set)
    pause: float = 0.0
    until: float = 0.0
    trial: object = None


class Outages:
    """The zones in trouble; the least recently used go first."""

    def __init__(self) -> None:
        self._zones: OrderedDict[bytes, _Outage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._zones)

    def pausing(self, cut: Referral, who: object, now: Instant) -> bool:
        """Whether the servers of `cut` are left alone now. When a pause is over, the first who comes, and only `who` that is,
        goes through; the others wait for another FIRST_PAUSE for what becomes of it."""
        one = self._zones.get(cut.zone)
        if one is None or not one.pause or one.servers != _names(cut):
            return False
        if now < one.until:
            return one.trial is not who
        one.until, one.trial = now + FIRST_PAUSE, who
        return False

    def erred(self, cut: Referral, name: bytes, now: Instant) -> None:
        """All servers of `cut` failed for `name` (folded, at or below the zone)."""
        one = self._zones.pop(cut.zone, None)
        if one is None or one.servers != _names(cut):
            one = _Outage(_names(cut))
        self._zones[cut.zone] = one
        if len(self._zones) > REMEMBERED:
            self._zones.popitem(last=False)
        one.trial = None
        if len(one.children) < NAMES:
            one.children.add(_child(name, cut.zone))
        if len(one.children) >= NAMES:
            one.pause = min(max(2 * one.pause, FIRST_PAUSE), LONGEST_PAUSE)
            one.until = now + one.pause

    def forget(self) -> None:
        """All of it: the way there may have been the trouble."""
        self._zones.clear()

    def answered(self, zone: bytes) -> None:
        """One of its servers was of use: all is forgotten."""
        self._zones.pop(zone, None)


def _names(cut: Referral) -> frozenset[bytes]:
    return frozenset(server.name for server in cut.servers)


def _child(name: bytes, zone: bytes) -> bytes:
    """The name right below `zone` at or above `name`; the zone itself if that is the name."""
    for _ in range(count_labels(name) - count_labels(zone) - 1):
        name = name[1 + name[0] :]
    return name
