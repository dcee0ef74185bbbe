"""Wishes about names to `[[rule]]` tables: those that differ in names alone share one."""

from dataclasses import dataclass, field

from anchorhold.migrate.draft import Item, Table


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule says besides its names."""

    action: str
    name: str = ""
    answer: str = ""
    types: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    schedule: str = ""
    order: int = 0
    """Wishes of different order never share a rule, for of two rules that match the first counts."""


def fresh_name(draft: Table, wanted: str) -> str:
    """A name that no rule has yet: two of one name could not be told apart."""
    taken = {rule.get("name") for rule in draft.tables("rule")}
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name


@dataclass
class RuleBook:
    """Writes rules into `draft`."""

    draft: Table
    made: dict[Wish, tuple[Table, set[str]]] = field(default_factory=dict)

    def put(self, wish: Wish, key: str, value: str, place: int | None) -> str:
        """Add `value` to the list `key` (`domains`, `patterns`, `services`) of the rule for `wish`. Returns where; empty if it is
        there already.
        """
        if wish not in self.made:
            self.made[wish] = self._rule(wish), set()
        rule, seen = self.made[wish]
        if value in seen:
            return ""
        seen.add(value)
        item = rule.items.setdefault(key, Item([]))
        assert isinstance(item.value, list)  # noqa: S101 # as just made
        item.value.append(Item(value, [] if place is None else [place]))
        return rule.where(key)

    def _rule(self, wish: Wish) -> Table:
        rule = self.draft.append("rule")
        rule.set("action", wish.action)
        if wish.name:
            rule.set("name", fresh_name(self.draft, wish.name))
        if wish.answer and wish.answer != "null" and wish.action == "block":
            rule.set("answer", wish.answer)
        for key, values in (("types", wish.types), ("clients", wish.clients), ("to", wish.to)):
            if values:
                rule.set(key, list(values))
        if wish.schedule:
            rule.set("schedule", wish.schedule)
        return rule
