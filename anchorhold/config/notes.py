"""Where the checks of one configuration write down what is wrong."""

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

from anchorhold.config.errors import Path, Problem, Wrong, show_path
from anchorhold.config.lines import line_of

T = TypeVar("T")

MAX_WORD = 32
"""Letters of what the user calls a group or a class."""


class Notes:
    """`found` fills as the checks go on: each problem behind the paths it follows from, its own first."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self.found: list[tuple[tuple[Path, ...], Problem]] = []
        self._lines = lines

    def note(self, path: Path, what: str, hint: str, *causes: Path) -> None:
        """A problem at `path`. If `path`, or one of `causes`, was wrong by itself, this is no further news."""
        problem = Problem(line_of(self._lines, path), show_path(path), what, hint)
        self.found.append(((path, *causes), problem))

    def each(self, path: Path, texts: Iterable[str], read: Callable[[str], T]) -> list[tuple[Path, T]]:
        """Every value that can be read, with its path; what cannot is noted."""
        values = []
        for position, text in enumerate(texts):
            place = (*path, position)
            try:
                values.append((place, read(text)))
            except Wrong as wrong:
                self.note(place, wrong.what, wrong.hint)
        return values

    def one(self, path: Path, text: str, read: Callable[[str], T], otherwise: T) -> T:
        """The value, or `otherwise` if it cannot be read, which is noted."""
        try:
            return read(text)
        except Wrong as wrong:
            self.note(path, wrong.what, wrong.hint)
            return otherwise

    def word(self, path: Path, name: str, what: str) -> None:
        """What the user calls a table; noted if it is no word."""
        if not (0 < len(name) <= MAX_WORD and name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
            self.note(path, f"{name!r} is no name for a {what}", f"up to {MAX_WORD} letters, digits, - and _")

    def known(self, path: Path, name: str, known: Iterable[str], what: str) -> int:
        """The index of `name` among `known`; noted and -1 if it is none of them."""
        names = list(known)
        if name in names:
            return names.index(name)
        close = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"
        self.note(path, f"there is no {what} {name!r}", hint)
        return -1

    def groups(self, path: Path, names: Iterable[str], clients: Iterable[str]) -> tuple[int, ...]:
        """The indices of client groups, each once; what is none of them is noted."""
        known = tuple(clients)
        found = [self.known((*path, at), name, known, "client group") for at, name in enumerate(names)]
        return tuple(dict.fromkeys(found))
