"""One generation of settings, with its tables built: what a running question holds on to. Never changes."""

from resolver.policy.dns64 import Translator
from resolver.routes import Routes
from resolver.settings import ResolverSettings, Route
from resolver.values import Query


class Snapshot:
    """Settings and what is looked up in them."""

    __slots__ = ("dns64", "generation", "routes", "settings")

    def __init__(self, settings: ResolverSettings) -> None:
        self.settings = settings
        self.generation = settings.generation
        self.routes = Routes(settings.routes)
        self.dns64 = None if settings.dns64 is None else Translator(settings.dns64)

    def translator(self, query: Query) -> Translator | None:
        """Who judges the answer to `query` again, if anybody does."""
        return self.dns64 if self.dns64 is not None and self.dns64.acts_on(query) else None

    @property
    def places(self) -> tuple[object, ...]:
        """What the indices in routes stand for."""
        return self.settings.upstream_groups, self.settings.iterations

    def route(self, query: Query) -> Route | None:
        """Where `query` goes."""
        return self.routes.find(query.name, query.group)
