"""How much of a name the servers of a zone are shown (RFC 9156)."""

from resolver.settings import Minimisation
from wire.dns.names import count_labels

MAX_MINIMISE_COUNT = 10
"""Questions with a shortened name on the way to one goal (RFC 9156 §2.3)."""

MINIMISE_ONE_LAB = 4
"""How many of them add one label only (RFC 9156 §2.3)."""


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
