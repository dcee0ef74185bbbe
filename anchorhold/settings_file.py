"""A configuration file for the commands: checked by the loader's own code, and looked over for what is unwise."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from anchorhold.config.errors import Problem, SettingsError
from anchorhold.config.limits import MAX_FILE
from anchorhold.config.load import load
from anchorhold.config.places import DNS_PORT, read_named_file
from anchorhold.config.service import Loaded
from anchorhold.dhcp_warnings import dhcp_warnings
from anchorhold.text import show_name
from dhcp.edge.links import read_links
from dhcp.values import Link
from resolver.settings import Minimisation, Profile, ResolverSettings, Strategy, UpstreamGroup


class SettingsRefused(Exception):
    """The file cannot be used; `problems` is all that is wrong with it, the text is all of them, one a line."""

    def __init__(self, file: Path, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(problem.text(str(file)) for problem in problems))
        self.problems = problems


def read_settings(path: Path) -> Loaded:
    """The settings in `path`. Raises SettingsRefused, also if it cannot be read."""
    try:
        text = read_named_file(str(path), MAX_FILE).decode("utf-8")
        return load(text, str(path))
    except OSError as error:
        problem = Problem(0, "", f"cannot read it: {error.strerror}", "make one with: anchorhold init")
        raise SettingsRefused(path, (problem,)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = Problem(line, "", "it is not UTF-8", "save it as UTF-8 text")
        raise SettingsRefused(path, (problem,)) from None
    except SettingsError as error:
        raise SettingsRefused(path, error.problems) from None


@dataclass(frozen=True, slots=True)
class ShownRoute:
    """Which names of which clients go to which upstream group or iteration, and to which one after it ("" for none)."""

    domain: str
    clients: str
    upstreams: str
    fallback: str


def shown_routes(loaded: Loaded) -> list[ShownRoute]:
    """Every route, the most particular first."""
    resolver = loaded.resolver
    ordered = sorted(resolver.routes, key=lambda route: (-len(route.suffix), route.client_group < 0))
    return [
        ShownRoute(
            show_name(route.suffix),
            "all" if route.client_group < 0 else resolver.client_groups[route.client_group],
            way_name(resolver, route.upstream_group),
            way_name(resolver, route.fallback) if route.fallback >= 0 else "",
        )
        for route in ordered
    ]


def way_name(resolver: ResolverSettings, way: int) -> str:
    """The name of an upstream group or, behind these, of an iteration."""
    return [*(group.name for group in resolver.upstream_groups), *(one.name for one in resolver.iterations)][way]


def warnings(loaded: Loaded) -> list[str]:
    """What is allowed and works, but shows more, or serves worse, than its author may think."""
    return [
        *dhcp_warnings(loaded, _links() if loaded.dhcp is not None else {}),
        *_listen_warnings(loaded),
        *_announced_warnings(loaded),
        *_client_warnings(loaded),
        *_upstream_warnings(loaded),
        *_iteration_warnings(loaded),
    ]


def _links() -> dict[int, Link]:
    """The interfaces of this machine, as far as the kernel tells."""
    try:
        return read_links()
    except OSError:
        return {}


def _listen_warnings(loaded: Loaded) -> Iterator[str]:
    for address in loaded.service.listen:
        if ip_address(address.host.partition("%")[0]).is_unspecified:
            yield f"listen: {address.text()} is every address of this machine, also one on the Internet"
    if any(ip_network(network).prefixlen == 0 for network in loaded.front.allow):
        yield "access: the whole Internet may ask; open resolvers are misused for attacks"
    if loaded.resolver.log_names:
        yield "privacy: log_names writes what people ask for into the log"


def _announced_warnings(loaded: Loaded) -> Iterator[str]:
    said = loaded.front.announcement
    for one in said.endpoints if said is not None and said.name else ():
        if not one.addresses:
            yield (
                f"secure: {one.served.value}:// at port {one.port} is served at every address of this machine, and devices are"
                ' told none; write addresses = ["192.168.1.1"], your own, in [secure]'
            )


def _client_warnings(loaded: Loaded) -> Iterator[str]:
    for group in loaded.front.client_groups:
        if len(group.networks) == 1 and ip_network(group.networks[0]).num_addresses == 1:
            yield f"clients.{group.name}: one device; the group identifies it to the resolver process"


def _upstream_warnings(loaded: Loaded) -> Iterator[str]:
    resolver = loaded.resolver
    ways = {way for route in resolver.routes for way in (route.upstream_group, route.fallback) if way >= 0}
    used = {way_name(resolver, way) for way in ways}
    used |= {server.bootstrap for group in resolver.upstream_groups for server in group.servers}
    for group in resolver.upstream_groups:
        place = f"upstreams.{group.name}"
        if group.name not in used:
            yield f"{place}: no route leads here"
        if group.profile is Profile.OPPORTUNISTIC:
            yield f"{place}: opportunistic, so names may leave in clear text and servers need not prove who they are"
        yield from _strategy_warnings(place, group)


def _iteration_warnings(loaded: Loaded) -> Iterator[str]:
    for one in loaded.resolver.iterations:
        if one.prime:
            yield "resolve: authoritative servers are asked in clear text; whoever listens on the line reads the names"
        if one.minimisation is Minimisation.OFF:
            yield f"resolve: minimise = off, so every server on the way of {one.name} gets the whole name"
        if one.prime and one.private_servers:
            yield "resolve: private_servers lets anybody's delegation send questions into your own network"
        if one.port != DNS_PORT:
            yield f"resolve: no server of the public Internet answers at port {one.port}"


def _strategy_warnings(place: str, group: UpstreamGroup) -> Iterator[str]:
    operators = Counter(server.operator for server in group.servers)
    if group.strategy is Strategy.SPREAD and len(operators) == 1:
        yield f"{place}: spread over one operator, {group.servers[0].operator}, is no spread"
    if group.strategy in (Strategy.RANDOM, Strategy.RACE) and len(operators) > 1:
        yield f"{place}: {group.strategy.value} shows every site to all {len(operators)} operators in time"
