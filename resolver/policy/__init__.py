"""The rules, in order; each line says why it stands where it does."""

from collections.abc import Callable

from resolver.policy import special_names
from resolver.policy.verdict import Say
from resolver.routes import Routes
from resolver.values import Query

Rule = Callable[[Query, Routes], Say | None]

RULES: tuple[tuple[str, Rule], ...] = (
    # First: what must never leave must not depend on any other rule.
    ("special-names", special_names.judge),
)


def decide(query: Query, routes: Routes) -> Say | None:
    """The first rule's verdict; None: resolve it."""
    for _, rule in RULES:
        said = rule(query, routes)
        if said is not None:
            return said
    return None
