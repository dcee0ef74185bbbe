"""dnsmasq.conf as text: one option a line, quotes, comments, and the files that it includes.

    keyword[=value]     spaces round `=` mean nothing; the keyword is exact
    # comment           at the start of a line, or behind white space
    "…"                 inside, `, : . # = /` separate nothing; backslash escapes " t n b r e \\
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from anchorhold.migrate.dnsmasq_keywords import FLAGS, KEYWORDS, ONCE, OPTIONAL
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.report import Report

MAX_DEPTH = 32
"""Of files that include files."""
MAX_OPTIONS = 200_000
MAX_LINE = 1_024
"""Octets of a line that dnsmasq reads as one (MAXDNAME)."""

_HIDDEN = 0xE000
"""Private use: where separators in quotes are kept until a value is taken apart."""
_ESCAPES = {"\\": "\\", '"': '"', "t": "\t", "n": "\n", "b": "\b", "r": "\r", "e": "\x1b"}
_INCLUDES = {"conf-file": "", "dhcp-hostsfile": "dhcp-host", "dhcp-optsfile": "dhcp-option", "servers-file": ""}
"""Keywords that name one more file, and what its lines are without a keyword."""
_FOLDERS = {"conf-dir": "", "dhcp-hostsdir": "dhcp-host", "dhcp-optsdir": "dhcp-option"}


class Refused(Exception):
    """A line that dnsmasq itself would not take."""


@dataclass(frozen=True, slots=True)
class Option:
    """One line. `value` may hold hidden separators: take it apart first, then `plain` the parts. `place` is its place in the
    report; `folder` where its file is."""

    keyword: str
    value: str
    place: int
    folder: Path

    def parts(self, separator: str = ",") -> list[str]:
        """The value taken apart, each part without spaces around and with what was quoted shown again."""
        return [plain(part.strip()) for part in self.value.split(separator)]


def plain(text: str) -> str:
    """With separators that were hidden by quotes."""
    return "".join(chr(ord(letter) - _HIDDEN) if 0 <= ord(letter) - _HIDDEN < 128 else letter for letter in text)


def is_quoted(text: str) -> bool:
    """True if a part of a value had a separator, or an end, inside quotes."""
    return any(0 <= ord(letter) - _HIDDEN < 128 for letter in text)


def split_line(line: str) -> tuple[str, str | None]:
    """Keyword and value (None without `=`) of one line; ("", None) if it says nothing. Raises Refused."""
    text = _unquoted(line).strip()
    if not text:
        return "", None
    keyword, equals, value = text.partition("=")
    return keyword.strip(), value.strip() if equals else None


def _unquoted(line: str) -> str:
    """Without comment and quotes; what separates is hidden in quotes."""
    made: list[str] = []
    white, at = True, 0
    while at < len(line):
        letter = line[at]
        if letter == '"':
            at = _quoted(line, at + 1, made)
            white = False
            continue
        if letter.isspace():
            letter, white = " ", True
        elif white and letter == "#":
            break
        else:
            white = False
        made.append(letter)
        at += 1
    return "".join(made)


def _quoted(line: str, at: int, made: list[str]) -> int:
    """Append what is inside quotes; returns the position behind them."""
    while at < len(line) and line[at] != '"':
        letter = line[at]
        if letter == "\\" and line[at + 1 : at + 2] in _ESCAPES and at + 1 < len(line):
            at += 1
            letter = _ESCAPES[line[at]]
        made.append(chr(ord(letter) + _HIDDEN) if letter in ",:.#=/ @" else letter)
        at += 1
    if at >= len(line):
        raise Refused('a quote (") is not closed')
    return at + 1


@dataclass
class Reading:
    """One run over a configuration and all that it includes, in the order of dnsmasq."""

    reader: Reader
    report: Report
    options: list[Option] = field(default_factory=list)
    once: set[str] = field(default_factory=set)
    bulk: list[tuple[Path, list[int]]] = field(default_factory=list)

    def file(self, path: Path, keyword: str = "", depth: int = 0) -> None:
        """Read a file. `keyword` stands before each line that has none. Raises Unreadable."""
        if self.reader.was_read(path):
            return
        if depth > MAX_DEPTH:
            raise Unreadable(str(path), 0, f"more than {MAX_DEPTH} files include one another")
        text = self.reader.text(path)
        if "\0" in text:
            raise Unreadable(str(path), text.count("\n", 0, text.index("\0")) + 1, "has an octet 0: it is no text")
        self.report.files.append(str(path))
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                self._line(path, number, line.rstrip("\r"), keyword, depth)
            elif line or number <= text.count("\n"):
                self.report.blank += 1

    def _line(self, path: Path, number: int, line: str, keyword: str, depth: int) -> None:
        if len(self.options) >= MAX_OPTIONS:
            raise Unreadable(str(path), number, f"there are more than {MAX_OPTIONS} lines")
        place = self.report.add(str(path), number, line.strip())
        try:
            option = self._option(line, keyword, place, path.parent)
        except Refused as refused:
            self.report.dropped(place, f"dnsmasq itself refuses it: {refused}")
            return
        self.options.append(option)
        if option.keyword in _INCLUDES or option.keyword in _FOLDERS:
            self._include(option, depth)

    def _option(self, line: str, keyword: str, place: int, folder: Path) -> Option:
        if len(line.encode("utf-8", "replace")) > MAX_LINE:
            raise Refused(f"it is longer than {MAX_LINE} octets, and read as two")
        name, value = split_line(f"{keyword}={line.strip()}" if keyword else line)
        if name.startswith("--"):
            raise Refused("in a file options have no dashes before them")
        if name not in KEYWORDS:
            raise Refused("there is no such option")
        if name in FLAGS and value is not None:
            raise Refused("it takes no value")
        if not value and name not in FLAGS and name not in OPTIONAL:
            raise Refused("its value is missing")
        if name in ONCE and name in self.once:
            raise Refused("it may be there once, and is again")
        self.once.add(name)
        return Option(name, value or "", place, folder)

    # Included files.

    def _include(self, option: Option, depth: int) -> None:
        try:
            if option.keyword in _FOLDERS:
                names = self._folder(option)
                inner = _FOLDERS[option.keyword]
            else:
                inner = _INCLUDES[option.keyword]
                names = [self._named(plain(option.value), option)] if option.value else []
            for path in names:
                self.file(path, inner, depth + 1)
        except Unreadable as error:
            if error.line or "more than" in error.what:
                raise
            self.report.dropped(option.place, f"{error.file} {error.what}")
            return
        self.report.kept(option.place, reason="what is in there is part of this" if names else "names no file")

    def _named(self, name: str, option: Option) -> Path:
        if name == "-":
            raise Unreadable("-", 0, "is standard input, which is not read")
        return self.reader.place(name, option.folder)

    def _folder(self, option: Option) -> list[Path]:
        """Files that count: not hidden, no back-ups; with `*.x` only such, with `.x` all but such."""
        name, *filters = option.parts()
        folder = self.reader.place(name, option.folder)
        taken = [one[1:] for one in filters if one.startswith("*") and len(one) > 1]
        left = [one for one in filters if not one.startswith("*") and one]
        found = []
        for entry in self.reader.folder(folder):
            if entry.startswith(".") or entry.endswith("~") or (entry.startswith("#") and entry.endswith("#")):
                continue
            if any(entry.endswith(one) for one in left) or (taken and not any(entry.endswith(one) for one in taken)):
                continue
            if (folder / entry).is_file():
                found.append(folder / entry)
        return found

    def of(self, *keywords: str) -> Iterator[Option]:
        """The options with one of these keywords, in their order."""
        return (option for option in self.options if option.keyword in keywords)

    def first(self, keyword: str) -> Option | None:
        """The first option with the keyword, if there is one."""
        return next(self.of(keyword), None)
