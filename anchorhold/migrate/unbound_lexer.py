"""unbound.conf to clauses of statements, as unbound's own reader takes it apart: several on a line, quotes, includes."""

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path

from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.report import Report
from anchorhold.migrate.unbound_keywords import ARGUMENTS, CLAUSES, KEYWORDS

MAX_INCLUDES = 12
"""Includes within includes."""
MAX_STATEMENTS = 500_000
MAGIC = re.compile(r"[*?\[{]")

_SKIP = re.compile(r"(?:[ \t\r]+|#[^\n]*)*")
_KEYWORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*):")
_VALUE = re.compile(r"\"((?:[^\"\n\r\\]|\\.)*)\"|'((?:[^'\n\r\\]|\\.)*)'|((?:[^'\"\n\r \t\\]|\\.)+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A keyword and its arguments, and the place of its line in the report."""

    keyword: str
    values: tuple[str, ...]
    place: int

    @property
    def value(self) -> str:
        """The first argument."""
        return self.values[0]

    @property
    def is_yes(self) -> bool:
        """Whether the first argument is `yes`."""
        return self.value.lower() == "yes"


@dataclass
class Clause:
    """`server:`, `forward-zone:` and so on, with what stands in it."""

    kind: str
    place: int
    statements: list[Statement] = field(default_factory=list)

    def all(self, keyword: str) -> list[Statement]:
        """Every statement of that keyword."""
        return [one for one in self.statements if one.keyword == keyword]

    def last(self, keyword: str) -> Statement | None:
        """The one that counts where only one can."""
        return next((one for one in reversed(self.statements) if one.keyword == keyword), None)

    def is_yes(self, keyword: str) -> bool:
        """Whether the last one of that keyword says yes."""
        one = self.last(keyword)
        return one is not None and one.is_yes


class Lexer:
    """Reads files; `clauses` fills."""

    def __init__(self, reader: Reader, report: Report) -> None:
        self.clauses: list[Clause] = []
        self._reader, self._report = reader, report
        self._count = 0
        self._base: Path | None = None

    def read(self, path: Path) -> None:
        """Read a file with all that it includes. Raises Unreadable if it cannot be read itself."""
        self._base = path.parent
        self._file(path, ())

    def server(self) -> Clause:
        """All `server:` clauses as one."""
        found = Clause("server", -1)
        for clause in self.clauses:
            if clause.kind == "server":
                found.statements += clause.statements
        return found

    def _file(self, path: Path, around: tuple[Path, ...]) -> None:
        text = self._reader.text(path)
        if "\0" in text:
            raise Unreadable(str(path), 0, "is no text")
        self._report.files.append(str(path))
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if lines and not lines[-1]:
            lines.pop()
        waiting: tuple[str, int, int] | None = None
        values: list[str] = []
        for number, line in enumerate(lines, 1):
            at = _after(line, 0)
            if at >= len(line):
                self._report.blank += 1
            while at < len(line):
                if waiting is None:
                    waiting, at = self._keyword(path, number, line, at)
                    values = []
                else:
                    found = _VALUE.match(line, at)
                    if found is None:
                        self._report.dropped(waiting[2], "a quote has no end")
                        waiting, at = None, len(line)
                        continue
                    values.append(next(part for part in found.groups() if part is not None))
                    at = _after(line, found.end())
                if waiting is not None and len(values) == waiting[1]:
                    self._statement(waiting[0], tuple(values), waiting[2], path, around)
                    waiting = None
        if waiting is not None:
            self._report.dropped(waiting[2], "the file ends before its value")

    def _keyword(self, path: Path, number: int, line: str, at: int) -> tuple[tuple[str, int, int] | None, int]:
        """The keyword there with how many values it has and its place; None if it is none or has none."""
        self._count += 1
        if self._count > MAX_STATEMENTS:
            raise Unreadable(str(path), number, f"more than {MAX_STATEMENTS} statements")
        found = _KEYWORD.match(line, at)
        if found is None or (found[1] not in KEYWORDS and found[1] not in ("include", "include-toplevel")):
            place = self._report.add(str(path), number, line[at:].strip())
            self._report.dropped(place, "is no keyword of unbound's that is known here")
            return None, len(line)
        after = _after(line, found.end())
        keyword = found[1]
        place = self._report.add(str(path), number, _statement_text(line, at, keyword))
        if keyword in CLAUSES:
            self.clauses.append(Clause(keyword, place))
            self._report.kept(place)
            return None, after
        return (keyword, ARGUMENTS.get(keyword, 1), place), after

    def _statement(
        self, keyword: str, values: tuple[str, ...], place: int, path: Path, around: tuple[Path, ...]
    ) -> None:
        if keyword in ("include", "include-toplevel"):
            self._include(values[0], place, path, around)
        elif not self.clauses:
            self._report.dropped(place, "stands in no clause: unbound refuses it")
        else:
            self.clauses[-1].statements.append(Statement(keyword, values, place))

    def _include(self, named: str, place: int, path: Path, around: tuple[Path, ...]) -> None:
        within = (*around, path)
        if len(within) > MAX_INCLUDES:
            self._report.dropped(place, f"more than {MAX_INCLUDES} includes within each other")
            return
        found = self._matching(named, place)
        for one in found:
            if one in within:
                self._report.dropped(place, f"{one} includes itself")
                continue
            try:
                self._file(one, within)
            except Unreadable as error:
                if "files" in error.what or "larger" in error.what or "statements" in error.what:
                    raise
                self._report.dropped(place, str(error))
        self._report.kept(place, reason=f"{len(found)} files read")

    def _matching(self, named: str, place: int) -> list[Path]:
        path = self._reader.place(named, self._base)
        if not MAGIC.search(named):
            return [path]
        if MAGIC.search(str(path.parent)):
            self._report.dropped(place, "a pattern for folders is not followed; give the files one by one")
            return []
        try:
            names = self._reader.folder(path.parent)
        except Unreadable as error:
            self._report.dropped(place, str(error))
            return []
        return [
            path.parent / name for name in names if fnmatch.fnmatchcase(name, path.name) and not name.startswith(".")
        ]


def named_path(named: str, server: Clause, reader: Reader) -> Path:
    """Where a file lies that a statement names."""
    directory = server.last("directory")
    return reader.place(named, Path(directory.value) if directory else Path("/etc/unbound"))


def _after(line: str, at: int) -> int:
    found = _SKIP.match(line, at)
    return found.end() if found else at


def _statement_text(line: str, at: int, keyword: str) -> str:
    """The statement's part of a line: up to the next keyword behind its values."""
    end = at + len(keyword) + 1
    for _ in range(ARGUMENTS.get(keyword, 1) if keyword not in CLAUSES else 0):
        found = _VALUE.match(line, _after(line, end))
        if found is None:
            break
        end = found.end()
    return line[at:end]
