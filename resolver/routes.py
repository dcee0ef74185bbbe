"""Which upstream group a question goes to: longest suffix first, then the client group's own route before everybody's."""

from collections.abc import Sequence

from resolver.settings import Route
from wire.dns.names import ROOT, closest_in, parent

EVERYBODY = -1


class Routes:
    """A table of routes, looked up by walking the name towards the root."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._table = {(route.suffix, route.client_group): route for route in routes}
        self._suffixes = {route.suffix for route in routes}

    def find(self, name: bytes, client_group: int) -> Route | None:
        """The route for a folded `name`; None if not even the root has one."""
        while suffix := closest_in(name, self._suffixes):
            found = self._table.get((suffix, client_group)) or self._table.get((suffix, EVERYBODY))
            if found is not None or suffix == ROOT:
                return found
            name = parent(suffix)
        return None
