"""Options as people write them to the octets that go out, by the tables of the wire."""

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.notes import Notes
from dhcp.settings import Options
from wire.dhcp.options4 import OPTIONS4
from wire.dhcp.options6 import OPTIONS6
from wire.dhcp.table import Table

TABLES: dict[int, Table] = {4: OPTIONS4, 6: OPTIONS6}
EXAMPLE = 'write its name or number, and its value as text: { ntp-servers = "192.0.2.7" }'


def read_options(path: Path, texts: dict[str, str], family: int, notes: Notes) -> Options:
    """The options in `texts` (name or number → text); what cannot be read is noted and left out."""
    found: dict[int, bytes] = {}
    for name, text in texts.items():
        try:
            number, octets = _read(TABLES[family], name, text)
        except Wrong as wrong:
            notes.note((*path, name), wrong.what, wrong.hint)
            continue
        if number in found:
            notes.note((*path, name), f"option {number} is there twice", "drop one: a name and its number are the same")
        found[number] = octets
    return tuple(sorted(found.items()))


def _read(table: Table, name: str, text: str) -> tuple[int, bytes]:
    try:
        if not text:
            # Nothing is to be sent, though there would be a default.
            return table.settable(name).number, b""
        return table.from_text(name, text)
    except ValueError as error:
        what, separator, hint = str(error).partition("; ")
        raise Wrong(what, hint if separator else EXAMPLE) from None
