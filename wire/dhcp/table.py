"""A table of options: looked up by number and by name, values from text and to text."""

from collections.abc import Iterable
from dataclasses import dataclass

from wire.dhcp.codecs import HEX, Codec, octets, read_octets
from wire.errors import Malformed

_RAW = octets()


@dataclass(frozen=True, slots=True)
class Option:
    """A row. `also` are its names in the configurations of dnsmasq and Kea; one that is not `settable` is made by protocol alone,
    never by a configuration."""

    number: int
    name: str
    codec: Codec
    section: str
    also: tuple[str, ...] = ()
    settable: bool = True


class Table:
    """All options of one family; numbers are at most `highest`."""

    def __init__(self, rows: Iterable[Option], highest: int) -> None:
        self.rows = tuple(rows)
        self._highest = highest
        self._by_number = {row.number: row for row in self.rows}
        self._by_name = {name: row for row in self.rows for name in (row.name, *row.also)}

    def numbered(self, number: int) -> Option:
        """The row, or one of octets where there is none. Raises ValueError for a number that no option can have."""
        if not 0 < number <= self._highest:
            raise ValueError(f"there is no option {number}: the numbers are 1 to {self._highest}")
        return self._by_number.get(number) or Option(number, f"option-{number}", _RAW, "")

    def named(self, name: str) -> Option:
        """The row with this name, alias or number. Raises ValueError with a text for a person."""
        wanted = name.strip().lower().replace("_", "-")
        row = self._by_name.get(wanted)
        if row is not None:
            return row
        digits = wanted.removeprefix("option-")
        if digits.isascii() and digits.isdigit():
            return self.numbered(int(digits[:9]))
        from difflib import get_close_matches  # who reads no configuration needs it not in memory

        near = get_close_matches(wanted, self._by_name, 3)
        hint = f"; is it {' or '.join(near)}?" if near else "; write its number"
        raise ValueError(f"there is no option {name!r}{hint}")

    def settable(self, name: str | int) -> Option:
        """The row, as in `named` or `numbered`. Raises ValueError too for one that no configuration may set."""
        row = self.numbered(name) if isinstance(name, int) else self.named(name)
        if not row.settable:
            raise ValueError(f"option {row.number} ({row.name}) is part of the protocol and cannot be set")
        return row

    def from_text(self, name: str | int, value: str | Iterable[str]) -> tuple[int, bytes]:
        """Number and octets of an option of a configuration; several values are joined with commas. `hex:0a0b` gives the octets
        of any option. Raises ValueError with a text for a person."""
        row = self.settable(name)
        text = value if isinstance(value, str) else ",".join(value)
        try:
            return row.number, read_octets(text.strip()) if text.strip().startswith(HEX) else row.codec.from_text(text)
        except ValueError as error:
            raise ValueError(f"option {row.number} ({row.name}): {error}") from None

    def to_text(self, number: int, data: bytes) -> str:
        """What `from_text` reads; octets that are no value of this option are shown as such."""
        try:
            return self.numbered(number).codec.to_text(data)
        except Malformed:
            return HEX + data.hex()
