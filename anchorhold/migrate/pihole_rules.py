"""Pi-hole's own list of domains and patterns to `[[rule]]`."""

import re
from dataclasses import dataclass, field

import re2  # type: ignore[import-untyped] # it ships none

from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Item, Table
from anchorhold.migrate.rule_book import fresh_name
from anchorhold.migrate.words import domain

ALLOW, DENY, ALLOW_PATTERN, DENY_PATTERN = range(4)
"""The types of `domainlist`."""

_REPLIES = {"NXDOMAIN": "nxdomain", "NODATA": "nodata", "REFUSED": "refused", "NULL": "null"}
MAX_PATTERN = 1_000
_TITLES = {ALLOW: "allowed", DENY: "denied", ALLOW_PATTERN: "allowed-patterns", DENY_PATTERN: "denied-patterns"}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What one rule has in common."""

    kind: int
    clients: tuple[str, ...]
    answer: str
    types: tuple[str, ...]


@dataclass
class RuleWriter:
    """Collects entries of one kind in one rule."""

    migration: Migration
    answer: str
    made: dict[_Wish, tuple[Table, set[str]]] = field(default_factory=dict)

    def add(self, text: str, kind: int, place: int, clients: tuple[str, ...]) -> None:
        """One entry."""
        report = self.migration.report
        if kind in (ALLOW, DENY):
            name = domain(text)
            if not name or name == ".":
                report.dropped(place, "is no domain name")
                return
            self._put(_Wish(kind, clients, self.answer, ()), "domains", f"={name}", place)
        elif kind in (ALLOW_PATTERN, DENY_PATTERN):
            self._pattern(text, kind, place, clients)
        else:
            report.dropped(place, f"is of a type ({kind}) that is not known here")

    def _pattern(self, text: str, kind: int, place: int, clients: tuple[str, ...]) -> None:
        report = self.migration.report
        pattern, *extras = text.split(";")
        types: tuple[str, ...] = ()
        answer = self.answer
        for extra in extras:
            key, _, value = extra.partition("=")
            if key == "querytype" and value and not value.startswith("!"):
                types = tuple(one.strip().upper() for one in value.split(","))
            elif key == "reply" and value.upper() in _REPLIES:
                answer = _REPLIES[value.upper()]
            elif key == "reply" and re.fullmatch(r"[0-9A-Fa-f:.]+", value):
                answer = value
            else:
                report.dropped(place, f"{extra[:40]!r} behind a pattern has no equal here")
                return
        try:
            usable = readable(pattern)
        except ValueError as error:
            report.dropped(place, str(error))
            return
        self._put(_Wish(kind, clients, answer, types), "patterns", usable, place)

    def _put(self, wish: _Wish, key: str, value: str, place: int) -> None:
        if wish not in self.made:
            self.made[wish] = self._rule(wish), set()
        rule, seen = self.made[wish]
        if value in seen:
            self.migration.report.dropped(place, "it is there twice")
            return
        seen.add(value)
        item = rule.items.setdefault(key, Item([]))
        assert isinstance(item.value, list)  # noqa: S101 # as just made
        item.value.append(Item(value, [place]))
        self.migration.report.kept(place, rule.where(key))

    def _rule(self, wish: _Wish) -> Table:
        rule = self.migration.draft.append("rule")
        allows = wish.kind in (ALLOW, ALLOW_PATTERN)
        rule.set("action", "allow" if allows else "block")
        rule.set("name", fresh_name(self.migration.draft, f"pihole-{_TITLES[wish.kind]}"))
        if not allows and wish.answer != "null":
            rule.set("answer", wish.answer)
        for key, values in (("types", wish.types), ("clients", wish.clients)):
            if values:
                rule.set(key, list(values))
        return rule


def readable(pattern: str) -> str:
    """A pattern that RE2 takes, for names in small letters. Raises ValueError with the reason."""
    if not pattern or len(pattern) > MAX_PATTERN:
        raise ValueError(f"is no pattern of at most {MAX_PATTERN} letters")
    # TRE knows \< and \> for the edges of words.
    shown = re.sub(r"\\[<>]", r"\\b", pattern)
    if re.search(r"[A-Z]", re.sub(r"\\[A-Za-z]|\[:[a-z]+:\]", "", shown)):
        shown = f"(?i){shown}"
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        re2.compile(shown, options=options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"patterns here are RE2's, and this is none: {text[:120]}") from None
    return shown
