"""What became of every line of another program's configuration: kept, changed or dropped, why, and where it went."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

MAX_TEXT = 400
"""Letters of a line that the report repeats."""

_SECRET = re.compile(
    r"""(?ix) ( (?<![a-z])(?:(?:web)?pass(?:word|wd)?|pwhash|app_pwhash|secret|api[_-]?key|token|tsig[\w-]*|private[_-]?key)
        [\w-]* ["']? \s* [:=,] \s* ) ( .+ )"""
)


_CREDENTIALS = re.compile(r"//[^/@\s]*:[^/@\s]*@")
"""User and password in a URL."""


class Verdict(Enum):
    """What happened to a line. Of several things said of one line the last of these counts."""

    KEPT = "kept"
    """It does here what it did there."""
    CHANGED = "changed"
    """It is there, but not quite the same; the reason says what differs."""
    DROPPED = "dropped"
    """It is not in the new configuration; the reason says why."""


ORDER = list(Verdict)


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `where` is a key of our configuration, `dhcp.subnet[0].pools`; empty if nothing was written for it."""

    file: str
    number: int
    text: str
    verdict: Verdict | None = None
    reason: str = ""
    where: str = ""

    def shown(self) -> str:
        """`FILE:LINE: verdict: text`, and below it why and where."""
        verdict = self.verdict.value if self.verdict else "unknown"
        said = "; ".join(part for part in (self.reason, f"now {self.where}" if self.where else "") if part)
        return f"{self.file}:{self.number}: {verdict}: {self.text}" + (f"\n    {said}" if said else "")


@dataclass
class Report:
    """All lines, in the order of reading. Comments and blank lines are counted only."""

    lines: list[Line] = field(default_factory=list)
    blank: int = 0
    files: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    """What is left to do by hand, and what is worth knowing, a sentence each."""

    def add(self, file: str, number: int, text: str) -> int:
        """Note that there is this line. Returns its place, for `say`. Secrets in `text` are not kept."""
        self.lines.append(Line(file, number, masked(text)))
        return len(self.lines) - 1

    def say(self, place: int, verdict: Verdict, reason: str = "", where: str = "") -> None:
        """What became of the line; what is said of one line several times adds up. Secrets in `reason` are not kept."""
        line = self.lines[place]
        worst = verdict if line.verdict is None else max(line.verdict, verdict, key=ORDER.index)
        said = _joined(line.reason, _without_secrets(reason))
        self.lines[place] = replace(line, verdict=worst, reason=said, where=_joined(line.where, where))

    def kept(self, place: int, where: str = "", reason: str = "") -> None:
        """It does the same here."""
        self.say(place, Verdict.KEPT, reason, where)

    def changed(self, place: int, reason: str, where: str = "") -> None:
        """It is there, but `reason`."""
        self.say(place, Verdict.CHANGED, reason, where)

    def dropped(self, place: int, reason: str) -> None:
        """It is not there, for `reason`."""
        self.say(place, Verdict.DROPPED, reason)

    def lost(self, place: int, reason: str) -> None:
        """What was written for the line had to be taken out again."""
        line = self.lines[place]
        self.lines[place] = replace(line, verdict=Verdict.DROPPED, reason=_joined(line.reason, reason), where="")

    def advise(self, text: str) -> None:
        """Add to `advice`, once."""
        if text not in self.advice:
            self.advice.append(text)

    def unsaid(self) -> list[int]:
        """Places of which nothing was said: a migrator's mistake."""
        return [place for place, line in enumerate(self.lines) if line.verdict is None]

    def counts(self) -> dict[str, int]:
        """How many of each verdict, and how many lines say nothing."""
        found = Counter(line.verdict for line in self.lines)
        return {verdict.value: found[verdict] for verdict in Verdict} | {"blank": self.blank}

    def origin(self, place: int) -> str:
        """`FILE:LINE`."""
        line = self.lines[place]
        return f"{line.file}:{line.number}"

    def text(self) -> str:
        """For people: the sum, what to do, then every line."""
        counts = ", ".join(f"{number} {name}" for name, number in self.counts().items())
        parts = [f"{len(self.lines) + self.blank} lines in {len(self.files)} files: {counts}"]
        parts += [f"* {advice}" for advice in self.advice]
        return "\n".join((*parts, "", *(line.shown() for line in self.lines))) + "\n"

    def data(self) -> dict[str, object]:
        """For programs."""
        return {
            "files": self.files,
            "counts": self.counts(),
            "advice": self.advice,
            "lines": [
                {
                    "file": line.file,
                    "line": line.number,
                    "text": line.text,
                    "verdict": line.verdict.value if line.verdict else "",
                    "reason": line.reason,
                    "where": line.where,
                }
                for line in self.lines
            ],
        }


def masked(text: str) -> str:
    """One line without control characters and without what looks like a secret; long ones are cut."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: MAX_TEXT + 1])
    shown = _without_secrets(shown)
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}…"


def _without_secrets(text: str) -> str:
    return _SECRET.sub(lambda found: f"{found[1]}(not shown)", _CREDENTIALS.sub("//(not shown)@", text))


def _joined(before: str, after: str) -> str:
    parts: Iterable[str] = (part for part in (before, after) if part)
    return "; ".join(dict.fromkeys(parts))
