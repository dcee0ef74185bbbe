"""Options as people write them to the octets that go out, by the tables of the wire."""

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.notes import Notes
from dhcp.settings import Options


def read_options(path: Path, texts: dict[str, str], family: int, notes: Notes) -> Options:
    """The options in `texts` (name or number → text); what cannot be read is noted and left out."""
    found: dict[int, bytes] = {}
    for name, text in texts.items():
        try:
            number, octets = _read(family, name, text)
        except Wrong as wrong:
            notes.note((*path, name), wrong.what, wrong.hint)
            continue
        if number in found:
            notes.note((*path, name), f"option {number} is there twice", "drop one: a name and its number are the same")
        found[number] = octets
    return tuple(sorted(found.items()))


def _read(family: int, name: str, text: str) -> tuple[int, bytes]:
    if not name.isdigit() or (text and not text.startswith("hex:")):
        raise Wrong(f"there is no option {name!r}", "write its number")
    return int(name), bytes.fromhex(text.removeprefix("hex:"))
