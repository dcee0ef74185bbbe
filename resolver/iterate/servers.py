"""What is remembered of authoritative servers: how fast, whether at all, what they cannot do; and which to ask next.

Per endpoint, nothing of who asked for what. Time and chance are arguments.
"""

from collections import OrderedDict
from collections.abc import Sequence

from resolver.iterate.port import MAX_IN_FLIGHT, Endpoint
from wire.units import Instant, Seconds

REMEMBERED = 20_000
"""Endpoints with a record."""

UNKNOWN_TIMEOUT, LEAST_TIMEOUT, MOST_TIMEOUT = 0.4, 0.15, 3.0
"""Seconds an answer is awaited: from a server never measured, at least, at most."""

BAND = 0.03
"""Seconds: servers this close to the fastest are as good as it."""

EXPLORE_ONE_IN = 16
"""Of how many questions one goes to any server at all, so that a faster one is found."""

DEAD_AFTER, FIRST_REST, LONGEST_REST = 3, 2.0, 120.0
"""Silences in a row after which a server is dead; seconds it then rests, doubling."""

PROBE_EVERY = 2.0
"""Seconds between questions to a dead server where nobody else is left to ask."""

MAX_IN_FLIGHT_UNKNOWN, MAX_IN_FLIGHT_DEAD = 4, 2
"""Questions under way to one server: that was never heard of, that was silent of late; MAX_IN_FLIGHT to one that answers.
Whether the first is dead its first answer shows, and until then a few must do; of two, chance may lose both."""

LAME_FOR, NO_EDNS_FOR = 900.0, 3_600.0
"""Seconds that lameness for a zone, and the lack of EDNS, are remembered."""

MAX_LAME = 64
"""Zones that a server is remembered to be lame for."""


class Server:
    """One endpoint's record."""

    __slots__ = (
        "edns_until",
        "in_flight",
        "lame",
        "no_edns_until",
        "probe_at",
        "rest",
        "rest_until",
        "row",
        "rtt",
        "variation",
    )

    def __init__(self) -> None:
        self.rtt: float | None = None
        self.variation = 0.0
        self.row = 0
        self.rest = 0.0
        self.rest_until = 0.0
        self.probe_at = 0.0
        self.in_flight = 0
        self.edns_until = 0.0
        self.no_edns_until = 0.0
        self.lame: dict[bytes, float] = {}

    def timeout(self) -> Seconds:
        """How long an answer is awaited (RFC 6298 §2.3, doubled for each silence in a row)."""
        base = UNKNOWN_TIMEOUT if self.rtt is None else max(self.rtt + 4 * self.variation, LEAST_TIMEOUT)
        return Seconds(min(base * 2 ** min(self.row, 8), MOST_TIMEOUT))

    def alive(self) -> None:
        """It said something, of whatever kind and after however many tries: no measure of how fast it is."""
        self.row = 0
        self.rest = 0.0

    def answered(self, took: Seconds) -> None:
        """It answered after `took`."""
        self.alive()
        if self.rtt is None:
            self.rtt, self.variation = took, took / 2
            return
        self.variation += (abs(self.rtt - took) - self.variation) / 4
        self.rtt += (took - self.rtt) / 8

    def silent(self, now: Instant) -> None:
        """It said nothing in time, or cannot be reached."""
        self.row += 1
        if self.row >= DEAD_AFTER:
            self.rest = min(max(2 * self.rest, FIRST_REST), LONGEST_REST)
            self.rest_until = now + self.rest
            self.probe_at = now + PROBE_EVERY

    def dropped(self, now: Instant) -> None:
        """It said nothing to a question that some servers drop: that alone makes none dead."""
        if self.row != DEAD_AFTER - 1:
            self.silent(now)

    def unreachable(self, now: Instant) -> None:
        """There is no way to it, or nobody listens: no use in trying soon."""
        self.row = max(self.row, DEAD_AFTER - 1)
        self.silent(now)

    def is_dead(self, now: Instant) -> bool:
        """Whether it is left alone while others are there."""
        return self.rest > 0 and (now < self.rest_until or self.in_flight >= MAX_IN_FLIGHT_DEAD)

    def crowd(self) -> int:
        """How many questions may be under way to it, by what is known now."""
        if self.row >= DEAD_AFTER or (self.row and self.rtt is None):
            return MAX_IN_FLIGHT_DEAD
        return MAX_IN_FLIGHT_UNKNOWN if self.rtt is None else MAX_IN_FLIGHT

    def may_be_probed(self, now: Instant) -> bool:
        """Whether a dead server may be asked for want of others: seldom, so that an outage costs little and ends soon."""
        return now >= self.probe_at and self.in_flight < MAX_IN_FLIGHT_DEAD

    def speaks_edns(self, now: Instant) -> bool:
        """False once a verified answer showed that it does not."""
        return now >= self.no_edns_until

    def shows_edns(self, now: Instant) -> None:
        """It sent an OPT: whoever says within the hour that it has none may be somebody else."""
        self.edns_until = now + NO_EDNS_FOR

    def lacks_edns(self, now: Instant) -> None:
        """It answered without EDNS what it would not answer with it."""
        if now >= self.edns_until:
            self.no_edns_until = now + NO_EDNS_FOR

    def is_lame(self, zone: bytes, now: Instant) -> bool:
        """Whether it has shown that it does not know `zone`."""
        return bool(self.lame) and self.lame.get(zone, 0.0) > now

    def lame_for(self, zone: bytes, now: Instant) -> None:
        """It does not know `zone`."""
        if len(self.lame) >= MAX_LAME:
            self.lame.clear()
        self.lame[zone] = now + LAME_FOR


class Servers:
    """All records; the least recently used go first."""

    def __init__(self) -> None:
        self._records: OrderedDict[Endpoint, Server] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def forget(self) -> None:
        """All of it: it was learned over another network. What is under way ends with the records that it began with."""
        self._records.clear()

    def record(self, endpoint: Endpoint) -> Server:
        """The record of `endpoint`, a new one if there is none."""
        record = self._records.get(endpoint)
        if record is None:
            record = self._records[endpoint] = Server()
            if len(self._records) > REMEMBERED:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(endpoint)
        return record

    def choose(self, endpoints: Sequence[Endpoint], zone: bytes, now: Instant, chance: int) -> Endpoint | None:
        """Whom to ask about `zone`: mostly one of the fastest, now and then any; the dead only if nobody else is left.

        A server that was never measured counts as fast as the fastest, or it would never be. None if all are lame.
        """
        alive: list[tuple[float, Endpoint]] = []
        dead: list[Endpoint] = []
        for endpoint in endpoints:
            record = self._records.get(endpoint)
            if record is None:
                alive.append((-1.0, endpoint))
            elif record.is_dead(now):
                if not record.is_lame(zone, now) and record.may_be_probed(now):
                    dead.append(endpoint)
            elif not record.is_lame(zone, now):
                rtt = -1.0 if record.rtt is None else record.rtt
                alive.append((rtt + record.timeout() if record.row else rtt, endpoint))
        if not alive:
            return dead[chance % len(dead)] if dead else None
        if chance % EXPLORE_ONE_IN:
            known = [rtt for rtt, _ in alive if rtt >= 0]
            most = (min(known) if known else 0.0) + BAND
            alive = [pair for pair in alive if pair[0] <= most]
        return alive[(chance >> 8) % len(alive)][1]
