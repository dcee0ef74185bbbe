"""What of the rules and lists counts at the moment: schedules, pauses, the image of the lists; and what was blocked, while
somebody wants to know. The clock is an argument; nothing here is written anywhere."""

from collections import OrderedDict
from collections.abc import Callable

from privacy.lists.matcher import ListImage
from resolver.policy.book import Book, Ledger
from resolver.policy.verdict import Cause
from resolver.settings import ResolverSettings
from resolver.values import Query
from wire.dns.names import show_name

Line = dict[str, object]

LONGEST_PAUSE = 86_400.0
"""Seconds."""

LONGEST_WATCH = 3_600.0
"""Seconds for which what is blocked may be remembered: it is what somebody wanted to see."""

MAX_WATCHED = 1_000
"""Different names, types and groups remembered at once; the oldest go first."""

LOOK_AGAIN = 30.0
"""Seconds until the clock is looked at again, where anything depends on it: somebody may have set it."""


class Standing:
    """One resolver's. Client groups are remembered by name: their numbers are a generation's own."""

    def __init__(self, settings: ResolverSettings) -> None:
        self.image: ListImage | None = None
        self._pauses: dict[str, float] = {}
        self._wanted: dict[str, float] = {}
        """For how many seconds each was wanted: a clock that is set back makes none longer."""
        self.use(settings)

    def use(self, settings: ResolverSettings) -> None:
        """Take the next generation; a pause goes on for a group that is still there."""
        self._groups = settings.client_groups
        self._ledger = Ledger(settings.policy)

    def book(self, date: float, damaged: Callable[[], None]) -> Book:
        """What counts at that date. `damaged` as for `Book`."""
        still = {name: min(until, date + self._wanted[name]) for name, until in self._pauses.items()}
        self._pauses = {name: until for name, until in still.items() if until > date}
        paused = {at: self._pauses[name] for at, name in enumerate(self._groups) if name in self._pauses}
        return Book(self._ledger, self.image, date, paused, damaged)

    def pause(self, groups: tuple[str, ...], seconds: float, date: float) -> None:
        """Nothing blocks for these groups for so long; 0: it does again."""
        for name in groups:
            self._pauses.pop(name, None)
            if seconds > 0:
                self._wanted[name] = min(seconds, LONGEST_PAUSE)
                self._pauses[name] = date + self._wanted[name]

    def paused(self, date: float) -> list[Line]:
        """Which groups are, and for how many seconds more."""
        return [
            {"group": name, "left": round(self._pauses[name] - date)}
            for name in self._groups
            if self._pauses.get(name, 0.0) > date
        ]


class Watch:
    """What was blocked, from when somebody asked for it until the time is over; then nothing of it is left."""

    def __init__(self) -> None:
        self._until = 0.0
        self._seen: OrderedDict[tuple[str, int, str, Cause], tuple[int, float]] = OrderedDict()

    def begin(self, seconds: float, now: float) -> None:
        """Remember from now on, for so long; 0: no more, and forget."""
        self._seen.clear()
        self._until = now + min(seconds, LONGEST_WATCH) if seconds > 0 else 0.0

    def is_on(self, now: float) -> bool:
        """Whether it is remembered; forgets it when the time is over."""
        if self._until and now >= self._until:
            self.begin(0, now)
        return bool(self._until)

    def note(self, query: Query, group: str, cause: Cause, now: float) -> None:
        """This was blocked."""
        if not self.is_on(now):
            return
        key = show_name(query.name), query.rrtype, group, cause
        count, _ = self._seen.pop(key, (0, 0.0))
        self._seen[key] = count + 1, now
        if len(self._seen) > MAX_WATCHED:
            self._seen.popitem(last=False)

    def left(self, now: float) -> int:
        """Seconds for which it goes on."""
        return round(self._until - now) if self.is_on(now) else 0

    def lines(self, now: float) -> list[Line]:
        """What is remembered, the last first."""
        if not self.is_on(now):
            return []
        return [
            {
                "name": name,
                "type": rrtype,
                "group": group,
                "rule": cause.rule,
                "list": cause.list,
                "line": cause.line,
                "count": count,
                "last_s": round(now - last),
            }
            for (name, rrtype, group, cause), (count, last) in reversed(self._seen.items())
        ]
