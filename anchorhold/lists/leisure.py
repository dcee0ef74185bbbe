"""Whether the lists cell has anything to do, and when it has again."""

from math import inf

from anchorhold.lists.rounds import Rounds
from net.clock import now


def is_idle(rounds: Rounds) -> bool:
    """Whether nothing is under way, and nothing failed that is tried again: what was said of that only this process knows."""
    if rounds.pending or rounds.building or rounds.problem:
        return False
    return not any(shelf.busy or shelf.kept.error for shelf in rounds.library.shelves.values())


def seconds_until_due(rounds: Rounds) -> float:
    """Until a list is to be asked for; infinite if none is ever."""
    return min((shelf.due - now() for shelf in rounds.library.shelves.values() if shelf.source.url), default=inf)
