"""The tables of `schema.py` to settings: everything two values can be wrong about together."""

from collections.abc import Mapping
from dataclasses import replace

from anchorhold.config import schema
from anchorhold.config.announcing import announced, announcement
from anchorhold.config.carried import read_carried, served
from anchorhold.config.devices import with_devices
from anchorhold.config.dhcp import DhcpReader
from anchorhold.config.errors import Path, show_path
from anchorhold.config.groups import UpstreamReader, bootstrap_cycles
from anchorhold.config.iterations import ITERATE, IterationReader
from anchorhold.config.kinds import ALL_CORES, MOST_CORES
from anchorhold.config.lease_names import lease_names
from anchorhold.config.list_sources import read_sources
from anchorhold.config.names import Network, overlap, read_network
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places, read_listen
from anchorhold.config.policy import read_policy
from anchorhold.config.prefixes import EXAMPLE, read_network_6, read_translation_prefix
from anchorhold.config.routes import DEFAULT, RouteReader
from anchorhold.config.secure import SecureReader
from anchorhold.config.service import ListenAddress, Loaded, ServiceSettings, served_links, share
from anchorhold.config.trust import followed_anchors, read_trust
from dhcp.settings import DhcpSettings
from resolver.settings import (
    CacheSettings,
    CarriedTarget,
    ClientGroup,
    Dns64,
    FrontSettings,
    KeeperSettings,
    ResolverSettings,
    UpstreamGroup,
)

MAX_GROUPS = 1_000
"""Client groups travel as 16 bits."""


class Checker:
    """One pass over a configuration. `notes` fill as the parts are made; the parts are of use if they stay empty."""

    def __init__(self, config: schema.ConfigFile, lines: dict[Path, int], places: Places) -> None:
        self.notes = Notes(lines)
        self._note, self._each, self._known = self.notes.note, self.notes.each, self.notes.known
        self._config = config
        self._places = places

    def loaded(self, generation: int) -> Loaded:
        """The settings of all cells."""
        clients = self._client_groups()
        upstreams = self._upstream_groups()
        cache = self._cache()
        allow = self._allow()
        self._check_reach(clients, allow)
        self._check_limits()
        carried = self._carried()
        resolver = replace(self._resolver(generation, clients, upstreams, cache), carried=carried)
        service = self._service()
        dhcp = self._dhcp(generation, service.listen, allow)
        front = self._front(generation, clients, allow, cache)
        front = replace(front, client_groups=with_devices(clients, self._config, dhcp, self.notes))
        if dhcp is not None:
            front = replace(front, leases=lease_names(dhcp, resolver.routes, resolver.policy.local))
        secure = None
        if self._config.secure is not None:
            if self._cores() > 1 and self._config.secure.odoh is not None and self._config.secure.odoh.target:
                hint = "write cores = 1, or serve the target by a service of its own"
                self._note(("service", "cores"), "an oblivious target has its keys in one process", hint)
            reader = SecureReader(self._config.secure, self.notes, self._places)
            ways = reader.service(service.listen)
            secure = served(reader.settings(front, self._cores()), self._config.secure, carried, self._note)
            said = announcement(self._config.secure, secure, (ways.listen, service.listen), resolver, self.notes)
            front = replace(front, announcement=said)
            secure, service = replace(secure, front=front), replace(service, secure=ways)
            if dhcp is not None and said.name:
                dhcp = replace(dhcp, resolver=replace(dhcp.resolver, encrypted=announced(said, ways.listen)))
        return Loaded(
            front,
            resolver,
            KeeperSettings(generation, followed_anchors(resolver.dnssec)),
            replace(service, links=() if dhcp is None else served_links(dhcp)),
            dhcp,
            secure,
            read_sources(self._config, self.notes, self._places, generation, resolver.policy.protected),
        )

    def _carried(self) -> tuple[CarriedTarget, ...]:
        """The targets of the oblivious relay."""
        table = self._config.secure
        if table is None or table.odoh is None:
            return ()
        for position, target in enumerate(table.odoh.targets):
            if target.bootstrap:
                path: Path = ("secure", "odoh", "targets", position)
                self._known(path, target.bootstrap, self._config.upstreams, "upstream group")
        return read_carried(table, self._note, UpstreamReader(self._note, self._places).direct)

    def _dhcp(self, generation: int, listen: tuple[ListenAddress, ...], allow: list[Network]) -> DhcpSettings | None:
        if self._config.dhcp is None:
            return None
        made = DhcpReader(self._config.dhcp, self.notes).settings(generation, listen, self._places.host, allow)
        return replace(made, cores=self._cores())

    # What front gets.

    def _front(
        self, generation: int, clients: tuple[ClientGroup, ...], allow: list[Network], cache: CacheSettings
    ) -> FrontSettings:
        listen, limits = self._config.listen, self._config.limits
        return FrontSettings(
            generation=generation,
            client_groups=clients,
            allow=tuple(map(str, allow)),
            cache=cache,
            payload=listen.payload,
            cookies=listen.cookies,
            rate=limits.rate,
            burst=limits.burst,
            tcp_clients=share(limits.tcp_clients, self._cores()),
            tcp_clients_per_address=limits.tcp_clients_per_address,
            tcp_pipeline=limits.tcp_pipeline,
            tcp_idle=limits.tcp_idle,
            deadline=limits.deadline,
            lists=bool(self._config.lists),
        )

    def _client_groups(self) -> tuple[ClientGroup, ...]:
        default = self._config.clients.get(DEFAULT, schema.ClientsTable())
        groups = [ClientGroup(DEFAULT, lease_names=default.lease_names)]
        owners: dict[Network, str] = {}
        self._check_names("clients", self._config.clients)
        for name, table in self._config.clients.items():
            path: Path = ("clients", name, "networks")
            networks = self._each(path, table.networks, read_network)
            if name == DEFAULT and table.networks:
                self._note(
                    path, "the default group has no networks", "it takes whoever no other group names; drop the line"
                )
            elif name != DEFAULT:
                if not table.networks and not table.devices:
                    self._note(path, "a group without networks holds nobody", 'write networks = ["192.168.1.0/28"]')
                groups.append(ClientGroup(name, tuple(str(network) for _, network in networks), table.lease_names))
            for place, network in networks:
                owner = owners.setdefault(network, show_path(place))
                if owner != show_path(place):
                    self._note(place, f"{network} is named twice, also at {owner}", "leave it in one group")
        return tuple(groups)

    def _check_names(self, table: str, names: Mapping[str, object]) -> None:
        for name in names:
            self.notes.word((table, name), name, "group")
        if len(names) > MAX_GROUPS:
            self._note((table,), f"{len(names)} groups", f"at most {MAX_GROUPS}")

    def _allow(self) -> list[Network]:
        access = self._config.access
        path: Path = ("access", "allow")
        allow = self._each(path, access.allow, read_network)
        if not access.allow:
            self._note(path, "nobody may ask", "name your networks, or drop the line for loopback and private ones")
        for place, network in allow:
            if network.prefixlen == 0 and not access.everybody:
                self._note(
                    place,
                    f"{network} lets the whole Internet ask; open resolvers are misused for attacks",
                    "name your networks, or write everybody = true in [access]",
                )
        seen: set[Network] = set()
        for place, network in allow:
            if network in seen:
                self._note(place, f"{network} is there twice", "drop one")
            seen.add(network)
        return [network for _, network in allow]

    def _check_reach(self, clients: tuple[ClientGroup, ...], allow: list[Network]) -> None:
        """A group whose clients are never answered is a mistake."""
        for group in clients:
            for position, text in enumerate(group.networks):
                network = read_network(text)
                if not any(overlap(network, allowed) for allowed in allow):
                    path: Path = ("clients", group.name, "networks", position)
                    self._note(path, f"nobody in {network} may ask", "add it to allow in [access]")

    # What the resolver gets.

    def _resolver(
        self,
        generation: int,
        clients: tuple[ClientGroup, ...],
        upstreams: tuple[UpstreamGroup, ...],
        cache: CacheSettings,
    ) -> ResolverSettings:
        names = tuple(group.name for group in clients)
        iterations = IterationReader(self._config.resolve, self.notes, self._places)
        routes = RouteReader(self._config, self.notes, names, upstreams, iterations).routes()
        policy = read_policy(self._config, self.notes, self._places, names, upstreams, iterations)
        return ResolverSettings(
            generation=generation,
            client_groups=names,
            upstream_groups=upstreams,
            routes=routes,
            cache=cache,
            deadline=self._config.limits.deadline,
            log_names=self._config.privacy.log_names,
            iterations=tuple(iterations.made),
            dns64=self._dns64(names),
            dnssec=read_trust(self._config.dnssec, self.notes),
            policy=policy,
            cores=self._cores(),
        )

    def _upstream_groups(self) -> tuple[UpstreamGroup, ...]:
        tables = self._config.upstreams
        self._check_names("upstreams", tables)
        if ITERATE in tables:
            self._note(("upstreams", ITERATE), f"{ITERATE!r} means asking from the root on", "name the group otherwise")
        reader = UpstreamReader(self._note, self._places)
        groups = tuple(reader.group(name, table) for name, table in tables.items())
        for name, table in tables.items():
            for position, server in enumerate(table.servers):
                if server.bootstrap:
                    self._known(("upstreams", name, "servers", position), server.bootstrap, tables, "upstream group")
        for cycle in bootstrap_cycles(tables):
            self._note(
                ("upstreams", cycle[0], "servers"),
                f"bootstrap goes in a circle: {' → '.join((*cycle, cycle[0]))}",
                "give a server of one of these groups its address: NAME@ADDRESS",
            )
        return groups

    def _dns64(self, clients: tuple[str, ...]) -> Dns64 | None:
        table = self._config.dns64
        if table is None:
            return None
        path: Path = ("dns64", "prefixes")
        prefixes = self._each(path, table.prefixes, read_translation_prefix)
        if not table.prefixes:
            self._note(("dns64",), "no prefix, so nothing is made", f"{EXAMPLE}, or drop [dns64]")
        for position, (place, prefix) in enumerate(prefixes):
            for _, other in prefixes[:position]:
                if prefix.overlaps(other):
                    self._note(place, f"{prefix} and {other} overlap", "drop one of them")
        groups = self.notes.groups(("dns64", "clients"), table.clients, clients)
        ignore = self._each(("dns64", "ignore"), table.ignore, read_network_6)
        return Dns64(
            tuple(str(prefix) for _, prefix in prefixes),
            groups,
            tuple(str(network) for _, network in ignore),
        )

    # What both get, and what the supervisor gets.

    def _cache(self) -> CacheSettings:
        table = self._config.cache
        if table.minimum_ttl > table.maximum_ttl:
            self._note(("cache", "minimum_ttl"), "it is above maximum_ttl", "lower it")
        if table.stale and table.stale_after >= self._config.limits.deadline:
            self._note(("cache", "stale_after"), "stale answers would come after the deadline in [limits]", "lower it")
        return CacheSettings(**{name: getattr(table, name) for name in CacheSettings.__slots__})

    def _check_limits(self) -> None:
        limits = self._config.limits
        if 0 < limits.burst < 1:
            self._note(("limits", "burst"), "below 1 no query is ever answered", "write 1 or more, or 0 for no limit")
        if limits.tcp_clients_per_address > limits.tcp_clients:
            self._note(
                ("limits", "tcp_clients_per_address"), "it is above tcp_clients", "lower it or raise tcp_clients"
            )

    def _service(self) -> ServiceSettings:
        listen, service = self._config.listen, self._config.service
        path: Path = ("listen", "addresses")
        addresses = self._each(path, listen.addresses, read_listen)
        if not listen.addresses:
            self._note(path, "there is nowhere to listen", 'write addresses = ["127.0.0.1:5300"]')
        seen: set[ListenAddress] = set()
        for place, address in addresses:
            if address in seen and address.port:
                self._note(place, f"{address.text()} is there twice", "drop one")
            seen.add(address)
        return ServiceSettings(
            tuple(address for _, address in addresses),
            self._places.absolute(listen.control),
            self._places.absolute(service.state),
            service.user,
            sandbox=service.sandbox,
            cores=self._cores(),
        )

    def _cores(self) -> int:
        """How many cells of each kind that knows clients, and how many resolvers."""
        wanted = self._config.service.cores
        return min(self._places.processors, MOST_CORES) if wanted == ALL_CORES else wanted
