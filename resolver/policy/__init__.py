"""The rules, in order; each line says why it stands where it does."""

from resolver.policy import lists, local_data, rules, special_names
from resolver.policy.dns64 import Translator
from resolver.policy.verdict import Ground, Judge, Say
from resolver.values import Query

FIXED: tuple[tuple[str, Judge], ...] = (
    # First: what must never leave must not depend on any other rule.
    ("special-names", special_names.judge),
    # What the household writes of its names itself, no other rule and no list has a say in.
    (local_data.RULE, local_data.judge),
)
"""Rules whose word does not depend on the time, and on the client group only where the answer memory keeps that group apart:
so what an alias of others leads to may be decided by them, and remembered."""

RULES: tuple[tuple[str, Judge], ...] = (
    *FIXED,
    # The user's own, before what strangers wrote; among themselves by `table.ORDER`. Behind local data, which are his own too,
    # and closer: answers for names, not wishes about them.
    ("rules", rules.judge),
    # Last: nobody who writes lists knows this household.
    ("lists", lists.judge),
)
"""All of them."""


_FIXED = tuple(judge for _, judge in FIXED)


def judges_for(ground: Ground) -> tuple[Judge, ...]:
    """The rules without those that could never say anything: what nobody asked for costs nothing."""
    book = ground.book
    idle: set[Judge] = set()
    policy = book.ledger.policy
    if not policy.local:
        idle.add(local_data.judge)
    if not policy.rules:
        idle.add(rules.judge)
    if book.image is None or not policy.lists:
        idle.add(lists.judge)
    return tuple(judge for _, judge in RULES if judge not in idle)


def decide(query: Query, ground: Ground, dns64: Translator | None = None) -> Say | None:
    """The first rule's verdict for a client's question; None: resolve it."""
    return _first(query, ground, dns64, ground.judges)


def decide_for_all(query: Query, ground: Ground, dns64: Translator | None = None) -> Say | None:
    """The same by the fixed rules alone: for a name that somebody else's alias leads to, or that we ask for ourselves."""
    return _first(query, ground, dns64, _FIXED)


def _first(query: Query, ground: Ground, dns64: Translator | None, judges: tuple[Judge, ...]) -> Say | None:
    # Before them all: a prefix of the network's own may lie below a special name (`d.f.ip6.arpa`), and what its
    # addresses stand for is known here only. Nothing leaves by this rule; where it points is judged by the others.
    said = None if dns64 is None else dns64.judge(query)
    if said is not None:
        return said
    for judge in judges:
        said = judge(query, ground)
        if said is not None:
            return said
    return None
