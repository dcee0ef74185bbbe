"""Pi-hole's own list of domains and patterns to `[[rule]]`."""

import re
from dataclasses import dataclass

from anchorhold.migrate import Migration
from anchorhold.migrate.products import readable
from anchorhold.migrate.rule_book import RuleBook, Wish
from anchorhold.migrate.words import domain

_TYPES = (
    ("allow", "allowed", "domains"),
    ("block", "denied", "domains"),
    ("allow", "allowed-patterns", "patterns"),
    ("block", "denied-patterns", "patterns"),
)
"""What a type of `domainlist` does, what its rule is called, and the key of its entries."""

_REPLIES = {"NXDOMAIN": "nxdomain", "NODATA": "nodata", "REFUSED": "refused", "NULL": "null"}


@dataclass
class RuleWriter:
    """Writes entries of one type into one rule."""

    migration: Migration
    rules: RuleBook
    answer: str

    def add(self, text: str, kind: int, place: int, clients: tuple[str, ...]) -> None:
        """One entry. Its verdict is told."""
        report = self.migration.report
        try:
            wish, key, value = self._read(text, kind, clients)
        except ValueError as error:
            report.dropped(place, str(error))
            return
        where = self.rules.put(wish, key, value, place)
        if where:
            report.kept(place, where)
        else:
            report.dropped(place, "it is there twice")

    def _read(self, text: str, kind: int, clients: tuple[str, ...]) -> tuple[Wish, str, str]:
        """The wish, the list in it, and what goes there. Raises ValueError."""
        if not 0 <= kind < len(_TYPES):
            raise ValueError(f"is of a type ({kind}) that is not known here")
        action, title, key = _TYPES[kind]
        if key == "patterns":
            pattern, *extras = text.split(";")
            types, answer = self._extras(extras)
            return Wish(action, f"pihole-{title}", answer, types, clients), key, readable(pattern)
        name = domain(text)
        if name in ("", "."):
            raise ValueError("is no domain name")
        return Wish(action, f"pihole-{title}", self.answer, (), clients), key, f"={name}"

    def _extras(self, extras: list[str]) -> tuple[tuple[str, ...], str]:
        """Types and answer that stand behind a pattern. Raises ValueError."""
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
                raise ValueError(f"{extra[:40]!r} behind a pattern has no equal here")
        return types, answer
