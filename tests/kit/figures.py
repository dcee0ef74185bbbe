"""What attack tests measured, in one place: `tests/attacks/report.py` prints it as a table."""

from typing import NamedTuple


class Figure(NamedTuple):
    """`measured` is the worst that was seen; `limit` what must hold."""

    attack: str
    what: str
    measured: float
    limit: float


FIGURES: list[Figure] = []


def holds(attack: str, what: str, measured: float, limit: float) -> bool:
    """Note the figure down; whether it is within its limit."""
    FIGURES.append(Figure(attack, what, measured, limit))
    return measured <= limit
