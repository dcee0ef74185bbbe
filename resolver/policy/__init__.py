"""The rules, in order; each line says why it stands where it does."""

from collections.abc import Callable

from resolver.policy import lists, local_data, rules, special_names
from resolver.policy.dns64 import Translator
from resolver.policy.verdict import Ground, Say
from resolver.values import Query

Judge = Callable[[Query, Ground], Say | None]

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
    # The user's own, before what strangers wrote; among themselves by `table.ORDER`. Behind local data, which are answers of
    # his own too
    # and closer ones: names, not wishes about names.
    ("rules", rules.judge),
    # Last: nobody who writes lists knows this household.
    ("lists", lists.judge),
)
"""All of them."""


def decide(query: Query, ground: Ground, dns64: Translator | None = None) -> Say | None:
    """The first rule's verdict for a client's question; None: resolve it."""
    return _first(query, ground, dns64, RULES)


def decide_for_all(query: Query, ground: Ground, dns64: Translator | None = None) -> Say | None:
    """The same by the fixed rules alone: for a name that somebody else's alias leads to, or that we ask for ourselves."""
    return _first(query, ground, dns64, FIXED)


def _first(query: Query, ground: Ground, dns64: Translator | None, rules: tuple[tuple[str, Judge], ...]) -> Say | None:
    # Before them all: a prefix of the network's own may lie below a special name (`d.f.ip6.arpa`), and what its
    # addresses stand for is known here only. Nothing leaves by this rule; where it points is judged by the others.
    said = None if dns64 is None else dns64.judge(query)
    if said is not None:
        return said
    for _, rule in rules:
        said = rule(query, ground)
        if said is not None:
            return said
    return None
