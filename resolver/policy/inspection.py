"""What is looked at once more when the answer is there, for this client group: the outermost step, whatever way the answer
came."""

from collections.abc import Callable

from resolver.policy.rebinding import inspect_rebinding
from resolver.policy.verdict import Ground
from resolver.values import Origin, Query, Reply

Inspection = Callable[[Query, Reply, Ground], Reply | None]

INSPECTIONS: tuple[tuple[str, Inspection], ...] = (
    # Last: what it takes out of an answer no other can see any more.
    ("rebinding", inspect_rebinding),
)


def inspect(query: Query, reply: Reply, ground: Ground) -> Reply:
    """What the client gets of `reply`. A failure stays one, BOGUS data are never seen here; and what is said here was judged
    before."""
    if reply.origin is Origin.FAILURE or reply.origin is Origin.LOCAL:
        return reply
    for _, inspection in INSPECTIONS:
        found = inspection(query, reply, ground)
        if found is not None:
            reply = found
    return reply
