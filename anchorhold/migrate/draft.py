"""A configuration of ours being made: tables whose entries remember from which lines they came.

Plain values are what TOML has (text, numbers, booleans, lists of them); a plain `dict` is written inline, a `Table` as a
section of its own. In a table a list is always one of `Item`s, so that each of its values has its lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

Scalar = str | int | float | bool | dict[str, object]
Plain = Scalar | list[Scalar]


@dataclass
class Item:
    """A value with the places (in the report) of the lines that it came from, and comments to stand above it."""

    value: "Scalar | Table | list[Item]"
    places: list[int] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    quiet: bool = False
    """Its lines are not written above it: those of what it is in say enough."""

    def told(self, place: int | None, comment: str) -> None:
        """One more line, one more comment."""
        if place is not None and place not in self.places:
            self.places.append(place)
        if comment and comment not in self.comments:
            self.comments.append(comment)


@dataclass
class Table:
    """Keys and their items. `path` is where it is, for reports: `dhcp.subnet[0]`."""

    path: str = ""
    items: dict[str, Item] = field(default_factory=dict)
    _added: dict[str, dict[str, Item]] = field(default_factory=dict, repr=False, compare=False)
    """Of each list that was added to: its items by how their values are shown, for lists may be very long."""

    def where(self, key: str) -> str:
        """The path of a key in this table."""
        return f"{self.path}.{key}" if self.path else key

    def set(self, key: str, value: Plain, place: int | None = None, comment: str = "") -> str:
        """Write `key = value`; a former value goes, with its lines. Returns its path."""
        self._added.pop(key, None)
        self.items[key] = item = Item([Item(one) for one in value] if isinstance(value, list) else value)
        item.told(place, comment)
        return self.where(key)

    def add(self, key: str, value: Scalar, place: int | None = None, comment: str = "") -> str:
        """Append to the list `key`, unless the same is there already. Returns the path of the list."""
        values = self._list(key)
        added = self._added.get(key)
        if added is None or len(added) != len(values):
            added = self._added[key] = {repr(item.value): item for item in values}
        if repr(value) not in added:
            added[repr(value)] = item = Item(value)
            values.append(item)
        added[repr(value)].told(place, comment)
        return self.where(key)

    def extend(self, key: str, value: Scalar, places: list[int]) -> None:
        """Append to the list `key` what is known not to be there; its lines are not written above it."""
        self._list(key).append(Item(value, list(dict.fromkeys(places)), quiet=True))

    def item(self, key: str) -> Item:
        """The item of `key`; of a list the last in it."""
        item = self.items[key]
        return item.value[-1] if isinstance(item.value, list) and item.value else item

    def table(self, key: str, place: int | None = None, comment: str = "") -> "Table":
        """The section `[key]`, made if there is none."""
        item = self.items.setdefault(key, Item(Table(self.where(key))))
        item.told(place, comment)
        assert isinstance(item.value, Table)  # noqa: S101 # a key is one thing
        return item.value

    def append(self, key: str, place: int | None = None, comment: str = "") -> "Table":
        """A new section `[[key]]`."""
        values = self._list(key)
        made = Table(f"{self.where(key)}[{len(values)}]")
        item = Item(made)
        item.told(place, comment)
        values.append(item)
        return made

    def drop_last(self, key: str) -> None:
        """Take the last of the list `key` away again."""
        values = self._list(key)
        values.pop()
        if not values:
            del self.items[key]

    def tell(self, key: str, place: int | None = None, comment: str = "") -> None:
        """Add a line or comment to what `key` has already; of a list, to its last item."""
        self.item(key).told(place, comment)

    def get(self, key: str) -> "Scalar | Table | list[Item] | None":
        """The value of a key; None if there is none."""
        item = self.items.get(key)
        return None if item is None else item.value

    def tables(self, key: str) -> "list[Table]":
        """The sections `[[key]]`."""
        found = self.get(key)
        listed = found if isinstance(found, list) else []
        return [item.value for item in listed if isinstance(item.value, Table)]

    def values(self, key: str) -> list[object]:
        """The list `key` as plain values; empty if there is none."""
        found = self.get(key)
        return [item.value for item in found] if isinstance(found, list) else []

    def __contains__(self, key: object) -> bool:
        return key in self.items

    def _list(self, key: str) -> list[Item]:
        value = self.items.setdefault(key, Item([])).value
        assert isinstance(value, list)  # noqa: S101 # a key is one thing
        return value


def places_of(item: Item) -> Iterator[int]:
    """Every line that the item, or anything in it, came from."""
    yield from item.places
    match item.value:
        case Table():
            for inner in item.value.items.values():
                yield from places_of(inner)
        case list():
            for one in item.value:
                yield from places_of(one)
