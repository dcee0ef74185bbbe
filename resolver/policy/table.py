"""The user's rules as tables, made once for a generation: one probe a label, however many domains there are. Pure.

Rules stand in the order in which they count, and each is one bit: what a name matches is a number, and so is what counts for
a client group at a time (`book.py`).
"""

from collections.abc import Iterator, Sequence

from privacy.lists.entry import Scope
from privacy.lists.patterns import PatternSet
from resolver.policy_settings import Action, Rule
from resolver.settings import Route
from wire.dns.names import ROOT, suffixes
from wire.errors import Malformed

ORDER: tuple[Action, ...] = (
    # First: who names an exception means it, whatever else is written.
    Action.ALLOW,
    # Before what answers otherwise: a schedule that closes a service closes its safe search with it.
    Action.BLOCK,
    # What is answered otherwise is not resolved.
    Action.REWRITE,
    # Last: it says where a name is resolved, not whether; so lists still count for it.
    Action.ROUTE,
)
"""Why the actions count in this order, whatever the order of the file."""

EVERY = -1
"""For `RuleTable.match`: all rules count, whoever they are for and whatever the time is."""

_PLACE = {action: place for place, action in enumerate(ORDER)}


class RuleTable:
    """All rules of a configuration, in order: `rules[n]` is bit n."""

    __slots__ = (
        "_expressions",
        "_names",
        "_numbers",
        "_patterned",
        "_places",
        "_routes",
        "_typed",
        "_untyped",
        "of",
        "rules",
    )

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: _PLACE[rule.action]))
        self.of = {
            action: sum(1 << n for n, rule in enumerate(self.rules) if rule.action is action) for action in ORDER
        }
        self._places = {id(rule): n for n, rule in enumerate(self.rules)}
        self._names = _names_of(self.rules)
        self._untyped = sum(1 << n for n, rule in enumerate(self.rules) if not rule.types)
        self._typed: dict[int, int] = {}
        for n, rule in enumerate(self.rules):
            for rrtype in rule.types:
                self._typed[rrtype] = self._typed.get(rrtype, 0) | 1 << n
        self._patterned = sum(1 << n for n, rule in enumerate(self.rules) if rule.patterns)
        self._numbers = [n for n, rule in enumerate(self.rules) for _ in rule.patterns]
        self._expressions = _expressions(self.rules)
        self._routes: dict[tuple[int, bytes], Route] = {}

    def match(self, name: bytes, rrtype: int, counting: int) -> int:
        """The rules of `counting` that are about a folded `name` asked for with `rrtype`."""
        counting &= self._untyped | self._typed.get(rrtype, 0)
        if not counting:
            return 0
        names, found = self._names, 0
        here = names.get(name)
        if here is not None:
            found = here[0]
        rest = name
        while rest[0]:
            rest = rest[1 + rest[0] :]
            above = names.get(rest)
            if above is not None:
                found |= above[1]
        if counting & self._patterned:
            found |= self._by_pattern(name)
        return found & counting

    def _by_pattern(self, name: bytes) -> int:
        if self._expressions is None:
            return 0
        try:
            places = self._expressions.matches(name)
        except Malformed:
            # RE2 ran out of memory, which the bounds of the loader keep from happening.
            return 0
        found = 0
        for place in places:
            found |= 1 << self._numbers[place]
        return found

    def first(self, found: int) -> Rule:
        """The first of the rules in `found`, which is not 0."""
        return self.rules[(found & -found).bit_length() - 1]

    def each(self, found: int) -> Iterator[Rule]:
        """All of them, in order."""
        while found:
            yield self.first(found)
            found &= found - 1

    def zone(self, rule: Rule, name: bytes) -> bytes:
        """Which of the rule's domains it was: the closest one to `name`; `name` itself for a pattern."""
        return self._zone(1 << self._places[id(rule)], name) or name

    def _zone(self, bit: int, name: bytes) -> bytes:
        for zone in suffixes(name):
            own, below = self._names.get(zone, (0, 0))
            if bit & (own if zone == name else below):
                return zone
        return b""

    def route(self, found: int, name: bytes) -> Route | None:
        """The way that the first routing rule in `found` says."""
        found &= self.of[Action.ROUTE]
        if not found:
            return None
        bit = found & -found
        rule = self.first(bit)
        if rule.upstream_group < 0:
            return None
        key = bit, self._zone(bit, name) or ROOT
        made = self._routes.get(key)
        if made is None:
            made = self._routes[key] = Route(key[1], -1, rule.upstream_group, private=rule.private)
        return made


def _names_of(rules: Sequence[Rule]) -> dict[bytes, tuple[int, int]]:
    """Name → the rules that are about it, and those that are about what is below."""
    made: dict[bytes, tuple[int, int]] = {}
    for number, rule in enumerate(rules):
        bit = 1 << number
        for domain in rule.domains:
            own, below = made.get(domain.name, (0, 0))
            if domain.scope is not Scope.BELOW:
                own |= bit
            if domain.scope is not Scope.EXACT:
                below |= bit
            made[domain.name] = own, below
    return made


def _expressions(rules: Sequence[Rule]) -> PatternSet | None:
    """Every pattern of every rule in one automaton: a name is read once."""
    patterns = [pattern for rule in rules for pattern in rule.patterns]
    return PatternSet(patterns) if patterns else None
