"""Routes: which names of which clients go where, and where else if nothing can be had there."""

import ipaddress
from collections.abc import Iterator

from anchorhold.config.errors import Path
from anchorhold.config.iterations import ITERATE, ROOT, IterationReader
from anchorhold.config.names import read_domain
from anchorhold.config.notes import Notes
from anchorhold.config.schema import ConfigFile, ResolveMode, RouteTable, Validate
from anchorhold.config.servers import CLEAR
from resolver.settings import Profile, Route, UpstreamGroup

DEFAULT = "default"
"""The client group of whoever no other names, and the upstream group of whatever no route names."""

WAYS = 'upstreams = "GROUP", iterate = true or authorities = ["ADDRESS"]'
"""What a route has exactly one of."""


class RouteReader:
    """Reads the routes of one configuration; says what is wrong through `notes`.

    A way is an index among `upstreams` and, behind them, the iterations that `iterations` makes; -1 is a wrong one.
    """

    def __init__(
        self,
        config: ConfigFile,
        notes: Notes,
        clients: tuple[str, ...],
        upstreams: tuple[UpstreamGroup, ...],
        iterations: IterationReader,
    ) -> None:
        self._config = config
        self._notes = notes
        self._clients = clients
        self._upstreams = upstreams
        self._names = [group.name for group in upstreams]
        self._iterations = iterations

    def routes(self) -> tuple[Route, ...]:
        """Every route; the last one is for all that no other takes."""
        routes: dict[tuple[bytes, int], Route] = {}
        for number, table in enumerate(self._config.route):
            for place, route in self._table(("route", number), table):
                key = route.suffix, route.client_group
                if key in routes:
                    self._notes.note(place, "another route above has the same domain and clients", "drop one of them")
                routes.setdefault(key, route)
                if key == (ROOT, -1):
                    self._check_mode(place, table)
        if (ROOT, -1) not in routes:
            way = self._way_of_the_rest()
            if way is not None:
                routes[ROOT, -1] = Route(ROOT, -1, way)
        return tuple(routes.values())

    def _table(self, path: Path, table: RouteTable) -> Iterator[tuple[Path, Route]]:
        """A route for each domain, with the domain's path."""
        of = -1
        if table.clients:
            of = self._notes.known((*path, "clients"), table.clients, self._clients, "client group")
        fallback = self._fallback(path, table)
        has_way = self._has_one_way(path, table)
        servers = self._iterations.authorities((*path, "authorities"), table.authorities)
        if not table.domains:
            self._notes.note(
                (*path, "domains"), "no domain, so nothing", 'write domains = ["corp.example"], or drop the line'
            )
        for place, suffix in self._notes.each((*path, "domains"), table.domains, read_domain):
            way = self._way(table, suffix, servers) if has_way else -1
            private = self._is_private(path, table, suffix, servers)
            if of >= 0 or not table.clients:
                yield place, Route(suffix, of, way, fallback, private)

    def _is_private(self, path: Path, table: RouteTable, suffix: bytes, servers: tuple[str, ...]) -> bool:
        """Whether these names are the servers' own. Only what stands in the configuration decides."""
        if table.validate is Validate.NEVER and suffix == ROOT:
            self._notes.note(
                (*path, "validate"),
                "this would believe anything about every name",
                'name the domains, or add [[dnssec.negative]] with zone = "." and a reason',
            )
        if table.validate is not Validate.AUTO or suffix == ROOT:
            return table.validate is Validate.NEVER
        group = next((group for group in self._upstreams if group.name == table.upstreams), None)
        if group is not None:
            return has_private_servers(group)
        return bool(servers) and not any(_is_public(address) for address in servers)

    def _has_one_way(self, path: Path, table: RouteTable) -> bool:
        given = [key for key in ("upstreams", "iterate", "authorities") if getattr(table, key)]
        if not given:
            self._notes.note(path, "this route leads nowhere", f"add {WAYS}")
        for key in given[1:]:
            self._notes.note((*path, key), f"{given[0]} is there too, but a route has one way", "drop one of them")
        if table.upstreams:
            group = self._notes.known((*path, "upstreams"), table.upstreams, self._names, "upstream group")
            return len(given) == 1 and group >= 0
        return len(given) == 1

    def _way(self, table: RouteTable, suffix: bytes, servers: tuple[str, ...]) -> int:
        if table.upstreams:
            return self._names.index(table.upstreams)
        if table.iterate:
            return len(self._names) + self._iterations.root()
        return len(self._names) + self._iterations.stub(suffix, servers)

    def _fallback(self, path: Path, table: RouteTable) -> int:
        if not table.fallback:
            return -1
        place: Path = (*path, "fallback")
        if table.fallback in (table.upstreams, ITERATE if table.iterate else ""):
            self._notes.note(place, "it falls back to itself", "name another group, or drop the line")
            return -1
        way = self._notes.known(place, table.fallback, [*self._names, ITERATE], "upstream group")
        self._check_strict(place, table, way)
        return len(self._names) + self._iterations.root() if way == len(self._names) else way

    def _check_strict(self, place: Path, table: RouteTable, way: int) -> None:
        """Strict means that nothing leaves in clear text, whatever fails (RFC 8310 §5)."""
        first = next((group for group in self._upstreams if group.name == table.upstreams), None)
        if first is None or first.profile is not Profile.STRICT or way < 0:
            return
        if table.fallback == ITERATE:
            why = "iteration asks in clear text"
        elif _is_clear(self._upstreams[way]):
            why = f"{table.fallback} may ask in clear text"
        else:
            return
        self._notes.note(
            place,
            f"{first.name} is strict, and {why}",
            f'drop it, or write profile = "opportunistic" in [upstreams.{first.name}] if names may leave in clear text',
            ("upstreams", first.name, "profile"),
        )

    def _check_mode(self, place: Path, table: RouteTable) -> None:
        if self._config.resolve.mode is ResolveMode.ITERATE and (table.upstreams or table.authorities):
            self._notes.note(
                place,
                "this route sends every name elsewhere, so mode in [resolve] means nothing",
                'drop the route, or mode = "iterate"',
            )

    def _root_way(self) -> int:
        return len(self._names) + self._iterations.root()

    def _way_of_the_rest(self) -> int | None:
        """Where names go that no route takes; None, and noted, if nowhere."""
        mode: Path = ("resolve", "mode")
        if self._config.resolve.mode is ResolveMode.ITERATE:
            return self._root_way()
        if not self._names:
            self._notes.note(
                ("upstreams",),
                "there is nobody to ask",
                'add [upstreams.default] with servers = ["tls://NAME@ADDRESS"] (`anchorhold init` lists operators), '
                'or resolve from the root by yourself: mode = "iterate" in [resolve]',
                mode,
            )
            return None
        if DEFAULT not in self._names and len(self._names) > 1:
            self._notes.note(
                ("upstreams",),
                "no group is named default, so most names have no way",
                f'rename one of {", ".join(self._names)} to default, or write mode = "iterate" in [resolve]',
                mode,
            )
        return self._names.index(DEFAULT) if DEFAULT in self._names else 0


def has_private_servers(group: UpstreamGroup) -> bool:
    """Whether all its servers are known to be of this network."""
    named = any(not server.addresses or server.target for server in group.servers)
    addresses = [address for server in group.servers for address in server.addresses]
    return bool(addresses) and not named and not any(_is_public(address) for address in addresses)


def _is_public(text: str) -> bool:
    """Of `ADDRESS` or `ADDRESS@PORT`: whether anybody on the Internet may have it."""
    return ipaddress.ip_address(text.partition("@")[0]).is_global


def _is_clear(group: UpstreamGroup) -> bool:
    return group.profile is Profile.OPPORTUNISTIC or any(server.scheme in CLEAR for server in group.servers)
