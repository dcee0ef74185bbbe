r"""Master files (RFC 1035 §5), as much of them as response policy zones need: `$TTL`, `$ORIGIN`, relative names, parentheses,
quotes, escapes, comments. `$INCLUDE` and `$GENERATE` are reported and not followed: the one would open files for a stranger, the
other writes lines that nobody can count.

Our own, not dnspython's: this runs on a stranger's text in a room that imports no library, line by line, and must say of every
line that it leaves out which and why; dnspython gives up at the first.
"""

import re
from typing import NamedTuple

from privacy.lists.entry import Skipped
from privacy.lists.formats.records import TYPES, place_below, read_target, read_type
from privacy.lists.formats.text import MAX_LINE, Unused, quick_name
from wire.dns.names import ROOT, WILDCARD

MAX_WORDS = 1_024
"""Of one record, over all lines within its parentheses."""

MAX_TTL = 2**31 - 1

_CLASSES = {"IN", "CH", "HS", "CS", "NONE", "ANY"}
_UNITS = {"S": 1, "M": 60, "H": 3_600, "D": 86_400, "W": 604_800, "": 1}
# A number without a unit may stand only last: else a line of digits could be cut into numbers in more ways than time allows.
_TTL = re.compile(r"(?=[0-9])(?:[0-9]{1,10}[smhdw])*(?:[0-9]{1,10})?", re.IGNORECASE)
_SPECIAL = re.compile(r'[();"\\\0-\x08\x0b-\x1f\x7f\udc00-\udfff]')
_TOKEN = re.compile(r'\s+|;.*|([()])|"((?:[^"\\]|\\.)*)"|((?:[^\s();"\\]|\\.)+)')


class Row(NamedTuple):
    """One record. `words` are those of its data, escapes still in them; `origin` is what relative names in it are below.
    `ttl` -1: none was given."""

    line: int
    owner: bytes
    ttl: int
    rrtype: int
    words: tuple[str, ...]
    origin: bytes


class Rows:
    """Makes rows of lines, one for each record of class IN. `origin` is what relative names are below: what `$ORIGIN` says, else
    the owner of the SOA, or the root until it comes; `owner` that of the last record, which a line without one takes up;
    `is_between`: no record is open."""

    def __init__(self) -> None:
        self.owner = ROOT
        self.is_between = True
        self._origin: bytes | None = None
        self._ttl = -1
        self._line = 0
        self._is_indented = self._is_broken = False
        self._words: list[str] = []

    @property
    def origin(self) -> bytes:
        """What relative names are below."""
        return self._origin or ROOT

    def feed(self, number: int, line: str) -> Row | Skipped | None:
        """The record that ends with this line, or what is wrong with it; None if it is a part of one, a directive or nothing."""
        if self.is_between:
            self._line, self._is_indented, self._is_broken = number, line[:1] in (" ", "\t"), False
            self._words = []
        try:
            words, self.is_between = _split(line, self.is_between)
            self._words += words
            if len(self._words) > MAX_WORDS:
                raise Unused(f"a record of more than {MAX_WORDS:,} words")
            if self.is_between and self._words and not self._is_broken:
                number = self._line
                return self._read(tuple(self._words))
        except Unused as odd:
            was_broken, self._is_broken, self._words = self._is_broken, True, []
            return None if was_broken else Skipped(number, str(odd))
        return None

    def finish(self) -> Skipped | None:
        """What is wrong after the last line."""
        if self.is_between:
            return None
        return Skipped(self._line, "a parenthesis that is never closed: nothing behind it could be read")

    def _read(self, words: tuple[str, ...]) -> Row | None:
        if words[0].startswith("$") and not self._is_indented:
            self._direct(words)
            return None
        at = 0
        if not self._is_indented:
            # Its owner counts for those that follow, even if this line is not used.
            self.owner = _read_owner(words[0], self.origin)
            at = 1
        ttl, at = self._read_ttl_and_class(words, at)
        if at >= len(words):
            raise Unused("a record without a type")
        rrtype = TYPES["CNAME"] if words[at] == "CNAME" else read_type(words[at])
        if rrtype == TYPES["SOA"] and self._origin is None:
            self._origin = self.owner
        return Row(self._line, self.owner, ttl, rrtype, words[at + 1 :], self.origin)

    def _read_ttl_and_class(self, words: tuple[str, ...], at: int) -> tuple[int, int]:
        ttl = self._ttl
        for _ in range(2):
            if at < len(words) and words[at].upper() in _CLASSES:
                if words[at].upper() != "IN":
                    raise Unused("a record of another class than IN")
                at += 1
            elif at < len(words) and words[at][0].isdigit():
                ttl = read_ttl(words[at])
                at += 1
        return ttl, at

    def _direct(self, words: tuple[str, ...]) -> None:
        match words:
            case ("$ORIGIN" | "$origin", name):
                self._origin = read_target(name, self._origin or ROOT).lower()
            case ("$TTL" | "$ttl", ttl):
                self._ttl = read_ttl(ttl)
            case _:
                raise Unused("a directive other than $ORIGIN and $TTL: put what it stands for into the file")


def read_ttl(text: str) -> int:
    """Seconds, or numbers with units: `1h30m`. Raises Unused."""
    if not _TTL.fullmatch(text):
        raise Unused("not a TTL")
    total = sum(int(number) * _UNITS[unit.upper()] for number, unit in re.findall(r"([0-9]+)([a-zA-Z]?)", text))
    if total > MAX_TTL:
        raise Unused("a TTL beyond 2147483647")
    return total


def _read_owner(text: str, origin: bytes) -> bytes:
    wildcard = text.startswith("*.")
    name = quick_name(text[2:] if wildcard else text)
    if name is None:
        return read_target(text, origin).lower()
    return place_below((WILDCARD if wildcard else b"") + name, origin)


def _split(line: str, is_between: bool) -> tuple[list[str], bool]:
    """The words of a line, and whether no parenthesis is open after it. Raises Unused."""
    if len(line) > MAX_LINE:
        raise Unused(f"longer than {MAX_LINE:,} characters")
    if not _SPECIAL.search(line):
        return line.split(), is_between
    words, at, depth = [], 0, 0 if is_between else 1
    while at < len(line):
        found = _TOKEN.match(line, at)
        if found is None:
            raise Unused("a quote that is not closed, or a backslash with nothing behind it")
        bracket, quoted, plain = found.groups()
        depth += {"(": 1, ")": -1}.get(bracket or "", 0)
        if depth not in (0, 1):
            raise Unused("parentheses that do not fit")
        if quoted is not None or plain is not None:
            words.append(plain or quoted or "")
        at = found.end()
    if re.search("[\0-\x08\x0b-\x1f\x7f\udc00-\udfff]", line):
        raise Unused("a control character in it, or not UTF-8")
    return words, depth == 0
