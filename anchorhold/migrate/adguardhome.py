"""AdGuard Home: AdGuardHome.yaml, and the leases in data/leases.json beside it."""

import itertools
from pathlib import Path

from anchorhold.leases import adguardhome as leases
from anchorhold.migrate import Migration
from anchorhold.migrate.adguardhome_clients import Clients
from anchorhold.migrate.adguardhome_dhcp import carry_dhcp
from anchorhold.migrate.adguardhome_dns import DnsSettings
from anchorhold.migrate.adguardhome_filters import Filters
from anchorhold.migrate.adguardhome_fixed import FIXED
from anchorhold.migrate.adguardhome_secure import carry_tls
from anchorhold.migrate.document import Document, Way, yaml_document
from anchorhold.migrate.products import say_fixed, tell_leases
from anchorhold.migrate.reading import Reader, Unreadable

NAME = "AdGuardHome.yaml"
FILTERING = frozenset(
    """
    blocking_mode blocking_ipv4 blocking_ipv6 blocked_response_ttl blocked_services protection_enabled
    protection_disabled_until filtering_enabled filters_update_interval parental_enabled safebrowsing_enabled safe_search
    safesearch_enabled rewrites parental_block_host safebrowsing_block_host safebrowsing_cache_size safesearch_cache_size
    parental_cache_size cache_time
    """.split()  # noqa: SIM905 # a list of words is easier to read so
)
"""Keys that older versions had in `dns`."""


def migrate(paths: tuple[Path, ...], reader: Reader) -> Migration:
    """Read the first file of settings, and leases among the other files or beside it. Raises Unreadable."""
    migration = Migration()
    settings, others = _settings_file(paths)
    document = yaml_document(reader.text(settings), str(settings), migration.report)
    if not isinstance(document.tree, dict) or not {"dns", "http", "schema_version"} & document.tree.keys():
        raise Unreadable(str(settings), 0, "is no configuration of AdGuard Home: it has no dns")
    _modernise(document)
    found = [_lease_file(path, reader) for path in others] or _leases_beside(settings, reader)
    held = [leases.read(text, name) for name, text in found]
    known = {lease.hardware: lease.address for one in held for lease in (*one.leases, *one.fixed)}
    clients = Clients(document, migration, known)
    clients.carry()
    DnsSettings(document, migration, clients).carry()
    Filters(document, migration, clients).carry()
    carry_tls(document, migration.draft, clients)
    carry_dhcp(document, migration.draft, [lease for one in held for lease in one.fixed])
    say_fixed(document, FIXED, "is no key of AdGuard Home's that is known here")
    for one in held:
        tell_leases(one, migration)
    return migration


def _settings_file(paths: tuple[Path, ...]) -> tuple[Path, list[Path]]:
    files = [path / NAME if path.is_dir() else path for path in paths]
    settings = next((path for path in files if path.suffix in (".yaml", ".yml")), files[0])
    return settings, [path for path in files if path != settings]


def _lease_file(path: Path, reader: Reader) -> tuple[str, str]:
    if path.suffix != ".json":
        raise Unreadable(str(path), 0, f"is neither {NAME} nor leases.json")
    return str(path), reader.text(path)


def _leases_beside(settings: Path, reader: Reader) -> list[tuple[str, str]]:
    beside = settings.parent / "data" / "leases.json"
    return [(str(beside), reader.text(beside))] if beside.is_file() else []


def _modernise(document: Document) -> None:
    """Move what older versions had elsewhere to where it is now; each value keeps its line."""
    for key in [key for key in document.keys("dns") if key in FILTERING]:
        _move(document, ("dns", key), ("filtering", key))
    if isinstance(document.get("clients"), list):
        _move(document, ("clients",), ("clients", "persistent"))
    if isinstance(document.get("filtering", "blocked_services"), list):
        _move(document, ("filtering", "blocked_services"), ("filtering", "blocked_services", "ids"))
    if "bind_host" in document.keys("dns"):
        _move(document, ("dns", "bind_host"), ("dns", "bind_hosts", 0))


def _move(document: Document, old: Way, new: Way) -> None:
    """Where the new place is taken already, that one counts."""
    ways = [way for way in document.places if way[: len(old)] == old]
    value = document.get(*old[:-1]).pop(old[-1])  # type: ignore[attr-defined] # it was found there
    target = document.tree
    for part, after in itertools.pairwise(new):
        assert isinstance(target, dict)  # noqa: S101 # tables of ours
        made: object = [] if isinstance(after, int) else {}
        target = target.setdefault(part, made)
    if isinstance(target, list) and not target:
        target.append(value)
    elif isinstance(target, dict) and new[-1] not in target:
        target[new[-1]] = value
    else:
        for way in ways:
            document.report.dropped(document.places[way], "it is there in its new place as well")
        return
    for way in ways:
        document.places[(*new, *way[len(old) :])] = document.places.pop(way)
