"""One generation of settings, with its tables built: what a running question holds on to. Never changes."""

from resolver.routes import Routes
from resolver.settings import ResolverSettings, Route
from resolver.values import Query


class Snapshot:
    """Settings and what is looked up in them."""

    __slots__ = ("generation", "routes", "settings")

    def __init__(self, settings: ResolverSettings) -> None:
        self.settings = settings
        self.generation = settings.generation
        self.routes = Routes(settings.routes)

    def route(self, query: Query) -> Route | None:
        """Where `query` goes."""
        return self.routes.find(query.name, query.group)
