"""Regular expressions over names, by re2: time linear in the name, whatever they are. Bounded in number, length and memory, for
whoever writes a list writes them."""

from collections.abc import Sequence

import re2  # type: ignore[import-untyped]

from wire.dns.names import show_name
from wire.errors import Malformed

MAX_PATTERNS = 2_000
"""In all lists together."""
MAX_LENGTH = 1_000
"""Characters of one."""
MAX_INSTRUCTIONS = 4_000
"""Of one, as re2 compiles it; `[a-z]{1,1000}` has about 2,000."""
MAX_ALL_INSTRUCTIONS = 20_000
"""Of all together, enough for five hundred usual ones. They decide what a name of 255 octets may cost at the worst: printed by
`make bench-lists`."""
MAX_MEMORY = 16 << 20
"""Octets that re2 may use for all of them: a part for the program, the rest for the states it remembers. Far more than the
instructions above need, so that it never has to give up."""


def _options(memory: int) -> "re2.Options":
    options = re2.Options()
    options.max_mem = memory
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    options.log_errors = False
    return options


def measure(pattern: str) -> int:
    """Its instructions. Raises ValueError, in words for the user, if it cannot be used."""
    if not pattern.isascii():
        raise ValueError("a name has ASCII characters only: write the xn-- form")
    if len(pattern) > MAX_LENGTH:
        raise ValueError(f"has more than {MAX_LENGTH} characters")
    try:
        instructions: int = re2.compile(pattern.encode(), _options(MAX_MEMORY)).programsize
    except re2.error as error:
        raise ValueError(_explain(error)) from None
    if instructions > MAX_INSTRUCTIONS:
        raise ValueError(f"costs {instructions} instructions of at most {MAX_INSTRUCTIONS}")
    return instructions


def _explain(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    text = told.decode("latin-1") if isinstance(told, bytes) else str(told)
    hint = ": there is no look-around here" if text.startswith("invalid perl operator: (?") else ""
    hint = hint or (": there is no back reference here" if text.startswith("invalid escape sequence: \\") else "")
    return f"{text}{hint}"


class PatternSet:
    """Many regular expressions, asked at once. Letter case does not count."""

    __slots__ = ("_all", "_count")

    def __init__(self, patterns: Sequence[str]) -> None:
        """Raises Malformed if they do not compile, or are too many."""
        if len(patterns) > MAX_PATTERNS or any(len(pattern) > MAX_LENGTH for pattern in patterns):
            raise Malformed("too many patterns, or too long ones")
        self._count = len(patterns)
        try:
            self._all = re2.Set.SearchSet(_options(MAX_MEMORY))
            for pattern in patterns:
                self._all.Add(pattern.encode())
            self._all.Add(b"")  # always matches: where it is missing, re2 gave up
            self._all.Compile()
        except re2.error as error:
            raise Malformed(f"pattern does not compile: {_explain(error)}") from None

    def matches(self, name: bytes) -> list[int]:
        """The places of the patterns that match somewhere in a name's text without its last dot, in ascending order. Raises
        Malformed if re2 ran out of memory, which `measure` and the bounds above keep from happening."""
        found: list[int] = self._all.Match(show_name(name)[:-1].encode())
        if self._count not in found:
            raise Malformed("patterns need too much memory")
        return sorted(place for place in found if place < self._count)
