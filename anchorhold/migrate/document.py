"""TOML and YAML of other programs as one tree, in which every value knows its line and is accounted for."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml  # type: ignore[import-untyped] # its stubs are not in the lock

from anchorhold.config.lines import line_index
from anchorhold.migrate.reading import Unreadable
from anchorhold.migrate.report import Report

Way = tuple[str | int, ...]
"""Keys and, in lists, numbers."""

MAX_YAML = 4 * 1024**2
MAX_DEPTH = 24
MAX_VALUES = 300_000
MAX_KEYS = 200
"""Dots between the parts of one key of TOML, whose reader needs the square of that in time; a domain name has 126 at most."""
_PIECE = re.compile(r"[^=,\[\]{}\n]+")
_DOT = re.compile(r"""[\w"'-]\s*\.(?=\s*[\w"'-])""")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
_WORDS: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass
class Document:
    """One file. `tree` is made of dicts, lists and scalars; `places` has the report's place of each leaf."""

    file: str
    tree: object
    report: Report
    places: dict[Way, int] = field(default_factory=dict)

    def get(self, *way: str | int, default: object = None) -> object:
        """The value there, `default` if there is none."""
        here = self.tree
        for part in way:
            inside = isinstance(part, int) and 0 <= part < len(here) if isinstance(here, list) else False
            if not inside and not (isinstance(here, dict) and part in here):
                return default
            here = here[part]  # type: ignore[index] # one of the two, as just seen
        return here

    def text(self, *way: str | int) -> str:
        """The value there as text, without blanks around it; empty if there is none, or it is no scalar."""
        value = self.get(*way)
        if isinstance(value, bool):
            return str(value).lower()
        return str(value).strip() if isinstance(value, str | int | float) else ""

    def flag(self, *way: str | int, default: bool = False) -> bool:
        """The value there if it is true or false, else `default`."""
        value = self.get(*way)
        return value if isinstance(value, bool) else default

    def number(self, *way: str | int) -> int | None:
        """The value there if it is a whole number."""
        value = self.get(*way)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def each(self, *way: str | int) -> list[Way]:
        """The ways to the elements of the list there."""
        value = self.get(*way)
        return [(*way, number) for number in range(len(value))] if isinstance(value, list) else []

    def keys(self, *way: str | int) -> list[str]:
        """The keys of the table there."""
        value = self.get(*way)
        return [str(key) for key in value] if isinstance(value, dict) else []

    def place(self, *way: str | int) -> int | None:
        """The report's place of the first leaf at or below."""
        return next(self.below(*way), None)

    def below(self, *way: str | int) -> Iterator[int]:
        """The report's places of all leaves at or below."""
        if way in self.places:
            yield self.places[way]
            return
        value = self.get(*way)
        parts: list[str | int] = []
        if isinstance(value, dict):
            parts = list(value)
        elif isinstance(value, list):
            parts = list(range(len(value)))
        for part in parts:
            yield from self.below(*way, part)

    def kept(self, way: Way, where: str = "", reason: str = "") -> None:
        """All at or below `way` does the same here."""
        for place in self.below(*way):
            self.report.kept(place, where, reason)

    def changed(self, way: Way, reason: str, where: str = "") -> None:
        """All at or below `way` is there, but `reason`."""
        for place in self.below(*way):
            self.report.changed(place, reason, where)

    def dropped(self, way: Way, reason: str) -> None:
        """All at or below `way` is not there, for `reason`."""
        for place in self.below(*way):
            self.report.dropped(place, reason)

    def is_said(self, way: Way) -> bool:
        """Whether every leaf at or below has its verdict."""
        return all(self.report.lines[place].verdict is not None for place in self.below(*way))

    def drop_the_rest(self, reason: str, *way: str | int) -> None:
        """What nothing was said of yet."""
        for place in self.below(*way):
            if self.report.lines[place].verdict is None:
                self.report.dropped(place, reason)


def show_way(way: Way) -> str:
    """`dns.upstreams[0]`."""
    text = ""
    for part in way:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def toml_document(text: str, file: str, report: Report) -> Document:
    """Raises Unreadable."""
    for piece in _PIECE.finditer(text):
        found = piece[0]
        if found.count(".") > MAX_KEYS and len(_DOT.findall(found)) > MAX_KEYS:
            raise Unreadable(file, text.count("\n", 0, piece.start()) + 1, f"has a key of more than {MAX_KEYS} parts")
    try:
        tree = tomllib.loads(text)
        lines = line_index(text)
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise Unreadable(file, 0, f"is no TOML: {error}") from None
    except RecursionError:
        raise Unreadable(file, 0, "is nested too deeply") from None
    return _document(tree, lines, text, file, report)


def yaml_document(text: str, file: str, report: Report) -> Document:
    """Plain YAML: anchors, aliases and tags are refused, for nobody's settings need them and they can grow without bound.
    Raises Unreadable.
    """
    if len(text) > MAX_YAML:
        raise Unreadable(file, 0, f"is larger than {MAX_YAML} octets")
    builder = _YamlTree(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "a character that YAML does not have"
        raise Unreadable(file, mark.line + 1 if mark is not None else 0, f"is no YAML: {what}") from None
    except (ValueError, RecursionError, OverflowError) as error:
        raise Unreadable(file, 0, f"is no YAML: {error}") from None
    return _document(builder.root, builder.lines, text, file, report)


class _YamlTree:
    """Events of the YAML reader to a tree, without recursion."""

    def __init__(self, file: str) -> None:
        self.root: object = None
        self.lines: dict[Way, int] = {}
        self._file = file
        self._open: list[tuple[Way, dict[str, object] | list[object]]] = []
        self._key: list[str | None] = []
        self._values = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable(self._file, line, "has an anchor or alias, which AdGuard Home never writes; write it out")
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise Unreadable(self._file, line, "has a second document")
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._key.pop()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._collection(event, line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if self._open and isinstance(self._open[-1][1], dict) and self._key[-1] is None:
            self._key[-1] = event.value
            return
        plain = event.implicit[0] and event.style in (None, "")
        self._put(_scalar(event.value) if plain else event.value, line)

    def _collection(self, event: yaml.CollectionStartEvent, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise Unreadable(self._file, line, f"is nested more than {MAX_DEPTH} deep")
        if self._open and isinstance(self._open[-1][1], dict) and self._key[-1] is None:
            raise Unreadable(self._file, line, "has a key that is no text")
        made: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
        way = self._put(made, line)
        self._open.append((way, made))
        self._key.append(None)

    def _put(self, value: object, line: int) -> Way:
        self._values += 1
        if self._values > MAX_VALUES:
            raise Unreadable(self._file, line, f"has more than {MAX_VALUES} values")
        if not self._open:
            self.root = value
            return ()
        around, holder = self._open[-1]
        if isinstance(holder, list):
            way: Way = (*around, len(holder))
            holder.append(value)
        else:
            key = self._key[-1] or ""
            self._key[-1] = None
            if key in holder:
                raise Unreadable(self._file, line, f"has the key {key[:80]!r} twice")
            way = (*around, key)
            holder[key] = value
        self.lines[way] = line
        return way


def _scalar(text: str) -> object:
    """What a plain scalar means (YAML 1.2's core schema, as Go's reader has it)."""
    folded = text.lower()
    if folded in _WORDS and text in (folded, folded.upper(), folded.title()):
        return _WORDS[folded]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _document(tree: object, lines: dict[Way, int], text: str, file: str, report: Report) -> Document:
    document = Document(file, tree, report)
    report.files.append(file)
    used: set[int] = set()
    for way, value in _leaves(tree, ()):
        line = _line(lines, way)
        used.add(line)
        shown = json.dumps(value, ensure_ascii=False, default=str) if value is not None else ""
        document.places[way] = report.add(file, line, f"{show_way(way)} = {shown}" if way else shown)
    report.blank += max(0, len(text.splitlines()) - len(used))
    return document


def _line(lines: dict[Way, int], way: Way) -> int:
    while way and way not in lines:
        way = way[:-1]
    return lines.get(way, 1)


def _leaves(tree: object, way: Way) -> Iterator[tuple[Way, object]]:
    """Scalars and empty collections, in order; deep ones are no recursion of ours."""
    waiting: list[tuple[Way, object]] = [(way, tree)]
    while waiting:
        here, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [((*here, key), inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list) and value:
            waiting += [((*here, number), inner) for number, inner in reversed(list(enumerate(value)))]
        else:
            yield here, value
