"""What no list may block: `[protect]`, the upstreams, the hosts of the lists, the names by which devices find out whether they
are online."""

from collections.abc import Iterator

from anchorhold.config.bundles import portals
from anchorhold.config.names import read_domain, read_domain_if_any
from anchorhold.config.notes import Notes
from anchorhold.config.schema import ConfigFile
from anchorhold.lists.urls import is_literal
from resolver.settings import UpstreamGroup, UpstreamSpec


def protected_names(config: ConfigFile, notes: Notes, upstreams: tuple[UpstreamGroup, ...]) -> tuple[bytes, ...]:
    """Folded names; they and what is below them is protected."""
    own = notes.each(("protect", "domains"), config.protect.domains, read_domain)
    found = [name for _, name in own]
    hosts = [host for group in upstreams for server in group.servers for host in _hosts(server)]
    hosts += [_host_of(table.url) for table in config.lists.values() if table.url]
    found += filter(None, (read_domain_if_any(host) for host in hosts if not is_literal(host)))
    return tuple(dict.fromkeys((*found, *(portals() if config.protect.portals else ()))))


def _hosts(server: UpstreamSpec) -> Iterator[str]:
    yield server.name
    if server.target is not None:
        yield _without_port(server.target.host)
        for source in server.target.sources:
            yield source.name


def _host_of(url: str) -> str:
    return _without_port(url.partition("://")[2].partition("/")[0].rpartition("@")[2])


def _without_port(text: str) -> str:
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
