"""The rules, in order; each line says why it stands where it does."""

from collections.abc import Callable

from resolver.policy import special_names
from resolver.policy.dns64 import Translator
from resolver.policy.verdict import Say
from resolver.routes import Routes
from resolver.values import Query

Rule = Callable[[Query, Routes], Say | None]

RULES: tuple[tuple[str, Rule], ...] = (
    # First: what must never leave must not depend on any other rule.
    ("special-names", special_names.judge),
)


def decide(query: Query, routes: Routes, dns64: Translator | None = None) -> Say | None:
    """The first rule's verdict; None: resolve it."""
    # Before them all: a prefix of the network's own may lie below a special name (`d.f.ip6.arpa`), and what its
    # addresses stand for is known here only. Nothing leaves by this rule; where it points is judged by the others.
    said = None if dns64 is None else dns64.judge(query)
    if said is not None:
        return said
    for _, rule in RULES:
        said = rule(query, routes)
        if said is not None:
            return said
    return None
