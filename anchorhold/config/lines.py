"""On which line of a TOML file a key path stands.

The text was read by `tomllib` before, so it is known to be well-formed; this scanner only finds places. It steps over
values character by character and knows just as much TOML as that needs.
"""

from anchorhold.config.errors import Path

_QUOTES = ('"""', "'''", '"', "'")
_BLANK = " \t\r\n,"


def line_index(text: str) -> dict[Path, int]:
    """Every key path of `text` (tables, keys, array elements) and its line, counted from 1."""
    return _Scanner(text).scan()


def line_of(index: dict[Path, int], path: Path) -> int:
    """The line of `path`, or of the nearest enclosing value that has one; 0 if there is none."""
    while path:
        if path in index:
            return index[path]
        path = path[:-1]
    return 0


class _Scanner:
    """A cursor over the text; `_found` fills as it goes."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._counted = 0
        self._found: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip(_BLANK):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _note(self, path: Path) -> None:
        # Places are noted in the order of the text; counting goes on from the last one.
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        line = self._line
        for length in range(1, len(path) + 1):
            self._found.setdefault(path[:length], line)

    def _skip(self, blanks: str) -> bool:
        """To the next character that is neither blank nor comment; False at the end of the text."""
        text = self._text
        while self._at < len(text):
            if text[self._at] == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            elif text[self._at] in blanks:
                self._at += 1
            else:
                return True
        return False

    def _header(self) -> Path:
        many = self._text.startswith("[[", self._at)
        self._at += 2 if many else 1
        path = self._resolve(self._keys("]"))
        if many:
            count = self._counts.get(path, 0)
            self._counts[path] = count + 1
            path = (*path, count)
        self._note(path)
        self._at += 2 if many else 1
        return path

    def _resolve(self, keys: Path) -> Path:
        """`[a.b]` after `[[a]]` means the last element of `a`."""
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            if path in self._counts and position < len(keys) - 1:
                path = (*path, self._counts[path] - 1)
        return path

    def _keys(self, end: str) -> Path:
        keys: list[str] = []
        while self._skip(" \t.") and self._text[self._at] != end:
            start = self._at
            if self._text[start] in "\"'":
                self._string()
                keys.append(_unquoted(self._text[start : self._at]))
            else:
                while self._text[self._at] not in " \t.=]":
                    self._at += 1
                keys.append(self._text[start : self._at])
        return tuple(keys)

    def _pair(self, table: Path) -> None:
        start = self._at
        path = (*table, *self._keys("="))
        end, self._at = self._at, start
        self._note(path)
        self._at = end + 1
        self._skip(" \t")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._note(path)
        opening = self._text[self._at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._at += 1
            while self._skip(_BLANK) and self._text[self._at] != "}":
                self._pair(path)
            self._at += 1
        elif opening in "\"'":
            self._string()
        else:
            while self._at < len(self._text) and self._text[self._at] not in "\n,]}#":
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        position = 0
        while self._skip(_BLANK) and self._text[self._at] != "]":
            self._value((*path, position))
            position += 1
        self._at += 1

    def _string(self) -> None:
        quote = next(quote for quote in _QUOTES if self._text.startswith(quote, self._at))
        self._at += len(quote)
        while not self._text.startswith(quote, self._at):
            self._at += 2 if quote[0] == '"' and self._text[self._at] == "\\" else 1
        self._at += len(quote)
        # Up to two quotes may stand directly before the closing three (TOML 1.0, String).
        while len(quote) == 3 and self._text.startswith(quote[0], self._at):
            self._at += 1


def _unquoted(text: str) -> str:
    """A quoted key's content; escapes stay as written, which only blurs a place."""
    return text[1:-1]
