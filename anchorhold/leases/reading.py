"""What the readers of lease files share: nothing is lost silently."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from anchorhold.leases.rows import Foreign

_OCTETS = re.compile(r"[0-9a-f]{2}(?:[:-]?[0-9a-f]{2})*", re.IGNORECASE)
MAX_NUMBER = 2**63 - 1


class Unusable(Exception):
    """A line is no lease that could be taken; the text says why."""


@dataclass
class Found:
    """What a file held: leases, lines that are none, and how many were ended by the file itself."""

    name: str
    leases: list[Foreign] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """`FILE:LINE: why`."""
    ended: int = 0
    """Entries that the file itself takes back or replaces later."""

    @contextmanager
    def line(self, number: int) -> Iterator[None]:
        """What is unusable in here goes to `wrong`, under this line."""
        try:
            yield
        except Unusable as why:
            self.wrong.append(f"{self.name}:{number}: {why}")


def octets(text: str, what: str) -> str:
    """Octets in hexadecimal without signs between. Raises Unusable."""
    if not _OCTETS.fullmatch(text):
        raise Unusable(f"{what} {text!r} is not octets in hexadecimal")
    return re.sub("[:-]", "", text).lower()


def whole(text: str, what: str) -> int:
    """A number that is not negative. Raises Unusable."""
    if not text.isascii() or not text.isdigit() or int(text) > MAX_NUMBER:
        raise Unusable(f"{what} {text!r} is no number")
    return int(text)
