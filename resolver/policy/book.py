"""What counts now: the rules and lists of each client group at one time. Pure; a change makes another book.

Within a generation verdicts change when a schedule begins or ends, when a group is paused, and with another image of the
lists. Then the resolver takes another book, and tells `front` to forget.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from privacy.lists.matcher import Hit, ListImage
from resolver.policy.schedule import Calendar
from resolver.policy.table import RuleTable
from resolver.policy_settings import Action, ListUse, Policy
from resolver.settings import Route
from resolver.values import Query
from wire.dns.codes import RecordType
from wire.dns.names import suffixes
from wire.errors import Malformed


class Ledger:
    """What of a configuration does not change within its generation."""

    __slots__ = ("calendars", "policy", "protected", "table")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.table = RuleTable(policy.rules)
        self.calendars = tuple(map(Calendar, policy.schedules))
        self.protected = frozenset(policy.protected)


class View:
    """What one client group sees. `until`: seconds since 1970 when that changes next."""

    __slots__ = ("_allow", "_block", "_rewrite", "counting", "inspects", "table", "until", "uses")

    def __init__(self, table: RuleTable, counting: int, uses: Mapping[int, ListUse], until: float) -> None:
        self.table = table
        self.counting = counting
        self.uses = uses
        self.until = until
        self._allow, self._block, self._rewrite = (
            table.of[action] for action in (Action.ALLOW, Action.BLOCK, Action.REWRITE)
        )
        self.inspects = bool(counting & (self._block | self._rewrite) or uses)

    def match(self, name: bytes, rrtype: int) -> int:
        """The rules that are about a name."""
        return self.table.match(name, rrtype, self.counting) if self.counting else 0

    def allows(self, found: int) -> bool:
        """Whether what `match` found has a rule that allows."""
        return bool(found & self._allow)

    def blocking(self, found: int) -> int:
        """Those of `found` that block."""
        return found & self._block

    def rewriting(self, found: int) -> int:
        """Those of `found` that rewrite."""
        return found & self._rewrite


class Book:
    """All groups' views, made as they are needed. Good from `since` until `until`, seconds since 1970."""

    __slots__ = (
        "_active",
        "_damaged",
        "_edges",
        "_paused",
        "_uses",
        "_views",
        "image",
        "ledger",
        "routes",
        "since",
        "until",
    )

    def __init__(
        self,
        ledger: Ledger,
        image: ListImage | None = None,
        date: float | None = None,
        paused: Mapping[int, float] | None = None,
        damaged: Callable[[], None] = lambda: None,
    ) -> None:
        """`date` is now; without one nothing that has a schedule counts. `paused`: client groups, and until when. `damaged`
        is told if the image turns out not to hold what it should; then it says nothing more."""
        self.ledger = ledger
        self.image = image
        self._damaged = damaged
        looked = [(False, math.inf) if date is None else calendar.look(date) for calendar in ledger.calendars]
        self._active = tuple(counts for counts, _ in looked)
        self._edges = tuple(until for _, until in looked)
        self._paused = dict(paused or {})
        self._views: dict[int, View] = {}
        self._uses = _uses(ledger.policy.lists, image)
        self.since = -math.inf if date is None else date
        self.until = min((*self._edges, *self._paused.values()), default=math.inf)
        self.routes = bool(ledger.table.of[Action.ROUTE])

    def view(self, group: int) -> View:
        """What this client group sees."""
        found = self._views.get(group)
        if found is None:
            found = self._views[group] = self._make(group)
        return found

    def is_on(self, schedule: int) -> bool:
        """Whether that schedule counts now; -1: always."""
        return schedule < 0 or self._active[schedule]

    def is_paused(self, group: int) -> bool:
        """Whether nothing blocks for that group."""
        return group in self._paused

    def _make(self, group: int) -> View:
        table = self.ledger.table
        mine = [(n, rule) for n, rule in enumerate(table.rules) if not rule.groups or group in rule.groups]
        uses = {place: use for place, use in self._uses.items() if not use.groups or group in use.groups}
        counting = sum(1 << n for n, rule in mine if self.is_on(rule.schedule))
        edges = [self._edges[rule.schedule] for _, rule in mine if rule.schedule >= 0]
        edges += [self._edges[use.schedule] for use in uses.values() if use.schedule >= 0]
        edges += [self._paused[group]] if group in self._paused else []
        uses = {place: use for place, use in uses.items() if self.is_on(use.schedule)}
        if group in self._paused:
            counting, uses = counting & ~table.of[Action.BLOCK], {}
        return View(table, counting, uses, min(edges, default=math.inf))

    def route(self, query: Query) -> Route | None:
        """The way that a rule says for `query`."""
        view = self.view(query.group)
        counting = view.counting & view.table.of[Action.ROUTE]
        if not counting:
            return None
        name = query.name
        return view.table.route(view.table.match(name, query.rrtype, counting), name)

    def hits(self, view: View, name: bytes, rrtype: int) -> tuple[Hit, ...]:
        """What lists say of a name."""
        return self.every_hit(name, rrtype) if view.uses else ()

    def every_hit(self, name: bytes, rrtype: int) -> tuple[Hit, ...]:
        """The same of all lists, whoever they are for."""
        try:
            return () if self.image is None else self.image.name_hits(name, rrtype)
        except Malformed:
            return self._give_up()

    def address_hits(self, address: bytes) -> tuple[Hit, ...]:
        """What lists say of an address in an answer."""
        try:
            return () if self.image is None else self.image.address_hits(address)
        except Malformed:
            return self._give_up()

    @property
    def acts(self) -> bool:
        """Whether it may have a say in any answer, now or soon."""
        policy = self.ledger.policy
        return bool(policy.rules or self._paused or (self.image is not None and policy.lists))

    @property
    def looks_at_answers(self) -> bool:
        """Whether lists say anything of addresses in answers, or of authoritative servers."""
        return self.image is not None and self.image.looks_at_answers

    @property
    def looks_at_servers(self) -> bool:
        """Whether lists say anything of authoritative servers."""
        return self.image is not None and self.image.looks_at_servers

    def server_hits(self, names: Sequence[bytes], addresses: Sequence[bytes]) -> list[Hit]:
        """What lists say of authoritative servers."""
        found: list[Hit] = []
        if self.image is None:
            return found
        try:
            for name in names:
                found += self.image.server_hits(name)
            for address in addresses:
                found += self.image.server_address_hits(address)
        except Malformed:
            return [*self._give_up()]
        return found

    def _give_up(self) -> tuple[Hit, ...]:
        """Its damage is not the asker's."""
        self.image = None
        self._damaged()
        return ()

    def is_protected(self, name: bytes) -> bool:
        """Whether no list may block this name."""
        if any(zone in self.ledger.protected for zone in suffixes(name)):
            return True
        # Lists' own hosts as they were found when these were fetched.
        spared = -1 if self.image is None else self.image.spared
        return spared >= 0 and any(hit.list == spared for hit in self.every_hit(name, int(RecordType.A)))


def _uses(lists: Sequence[ListUse], image: ListImage | None) -> dict[int, ListUse]:
    """Place of a list in the image → what it is used for."""
    if image is None:
        return {}
    known = {use.name: use for use in lists}
    return {place: known[name] for place, name in enumerate(image.names) if name in known}
