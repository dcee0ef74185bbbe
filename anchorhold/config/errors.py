"""What is wrong with a configuration: every problem with its place and what to do about it."""

from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Where in the TOML: keys and, in arrays, indices."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `line` counts from 1 (0: the file as a whole)."""

    line: int
    path: str
    what: str
    hint: str

    def text(self, file: str) -> str:
        """`FILE:LINE: path: what is wrong; what to do`."""
        place = f"{file}:{self.line}" if self.line else file
        return ": ".join(part for part in (place, self.path, f"{self.what}; {self.hint}") if part)


class SettingsError(Exception):
    """The configuration cannot be used. `problems` holds all that was found, in the order of the file."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(problem.text(file) for problem in self.problems))


class Wrong(ValueError):
    """A value that cannot be used: what is wrong, what to do. It is a `Problem` as soon as its path is known."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}; {hint}")
        self.what = what
        self.hint = hint


def show_path(path: Path) -> str:
    """`("upstreams", "a", "servers", 0)` → `upstreams.a.servers[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
