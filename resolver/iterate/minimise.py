"""How much of a name the servers of a zone are shown (RFC 9156)."""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from resolver.cache.rrsets import Failed
from resolver.iterate.failures import NOBODY, NOT_ASKED
from resolver.iterate.verdict import Negative, Verdict
from resolver.settings import Minimisation
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, count_labels

MAX_MINIMISE_COUNT = 10
"""Questions with a shortened name on the way to one goal (RFC 9156 §2.3)."""

MINIMISE_ONE_LAB = 4
"""How many of them add one label only (RFC 9156 §2.3)."""


_A, _DS = int(RecordType.A), int(RecordType.DS)


class Trouble(Enum):
    """What came of a question for a shortened name, if not an answer. DENIED: there is no such name; ERRED: servers say
    something that is no answer; SILENT: nobody says anything. The values are counters."""

    DENIED = "minimise-denied"
    ERRED = "minimise-erred"
    SILENT = "minimise-silent"


class Question(NamedTuple):
    """What a zone is asked. `whole`: the goal itself, not a shortened name on the way; `hasty`: such a one that is passed
    over if there is trouble with it."""

    name: bytes
    rrtype: int
    whole: bool
    hasty: bool = False


@dataclass(slots=True)
class Way:
    """One way down to `goal` (folded) and `rrtype`: what is asked next, and what trouble on the way has taught.

    `known` is the deepest name at or above `goal` that is known to exist or was passed over, at first the zone cut; `start`
    the zone where all begins; `asked` how many questions this way has taken.
    """

    goal: bytes
    rrtype: int
    known: bytes
    mode: Minimisation
    start: bytes
    asked: int = 0
    _zone: bytes = field(init=False)
    _troubles: int = 0

    def __post_init__(self) -> None:
        self._zone = self.known
        if self.rrtype == _DS and self.mode is Minimisation.OFF:
            self.mode = Minimisation.RELAXED  # or the child's servers might be asked for what is their parent's

    def question(self) -> Question:
        """What to ask for next."""
        shown = self.goal if self._troubles > 1 else next_name(self.goal, self.known, self.asked, self.mode)
        if shown == self.goal:
            return Question(shown, self.rrtype, True)
        return Question(shown, _A, False, self.mode is Minimisation.RELAXED and not is_top(self._zone, self.start))

    def trouble(self, question: Question, verdict: Verdict | Failed) -> Trouble | None:
        """Whether what came of a question for a shortened name is not to be relied on.

        Servers that deny names in between, or err on them, are not rare. Where a denial comes with what proves it (NSEC,
        NSEC3) it was made by software that knows what is below, and others rely on it too (RFC 8020, RFC 8198): then it is
        believed. Strict minimisation believes everybody.
        """
        if question.whole or self.mode is Minimisation.STRICT:
            return None
        match verdict:
            case Negative(absent=True, soa=soa, proof=proof) if question.hasty:
                return None if soa is not None and proof else Trouble.DENIED
            case Failed() if verdict == NOBODY and question.hasty:
                return Trouble.SILENT
            case Failed() if verdict != NOBODY and verdict not in NOT_ASKED and self._zone != ROOT:
                return Trouble.ERRED
            case _:
                return None

    def enter(self, zone: bytes) -> None:
        """A delegation: its servers have not been in trouble yet."""
        self.known = self._zone = zone
        self._troubles = 0

    def passed(self, name: bytes) -> None:
        """`name` exists."""
        self.known = name

    def passed_over(self, name: bytes, trouble: Trouble) -> None:
        """What a zone's servers say of `name` is not believed. They are shown one label more, for there may be a delegation
        right below it; then all. Silence takes so long that they are shown all at once."""
        self.known = name
        self._troubles += 2 if trouble is Trouble.SILENT else 1


def is_top(zone: bytes, start: bytes) -> bool:
    """Whether `zone` is the root's or a top-level domain's, on a way that began at `start`.

    Their servers know what is below: what they deny, a typo or a name that was given up, is not to be shown to them whole.
    """
    return start == ROOT and count_labels(zone) < 2


def next_name(goal: bytes, known: bytes, asked: int, mode: Minimisation) -> bytes:
    """The next name to ask for on the way to `goal` (folded).

    `known` is the deepest name at or above `goal` that is known to exist, at first the zone cut; `asked` how many
    questions this way has taken. Gives `goal` once the limit is reached.
    """
    if mode is Minimisation.OFF or asked >= MAX_MINIMISE_COUNT:
        return goal
    rest = count_labels(goal) - count_labels(known)
    step = 1
    if asked >= MINIMISE_ONE_LAB:
        # > the remaining labels are divided over the remaining queries
        step = -(-rest // (MAX_MINIMISE_COUNT - asked))
    return _without(goal, rest - step)


def _without(name: bytes, labels: int) -> bytes:
    """`name` without its first `labels` labels; the name itself for none or fewer."""
    for _ in range(labels):
        name = name[1 + name[0] :]
    return name
