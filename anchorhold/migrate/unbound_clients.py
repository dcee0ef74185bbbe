"""access-control and its kin: who may ask, and the groups of clients that views and tags make."""

from dataclasses import dataclass, field

from anchorhold.config.names import Network
from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Table
from anchorhold.migrate.unbound_lexer import Clause, Statement
from anchorhold.migrate.words import network, without, word

ALLOWING = frozenset({"allow", "allow_snoop", "allow_setrd", "allow_cookie"})
LOCAL_ONLY = frozenset({"deny_non_local", "refuse_non_local"})
REFUSING = frozenset({"deny", "refuse"})


@dataclass
class Block:
    """A network of clients and what is said of it."""

    action: str = "allow"
    view: str = ""
    tags: frozenset[str] = frozenset()
    actions: dict[str, str] = field(default_factory=dict)
    data: dict[str, list[str]] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)

    def key(self) -> tuple[object, ...]:
        """Clients whose blocks have the same are one group."""
        data = tuple(sorted((tag, tuple(lines)) for tag, lines in self.data.items()))
        return self.view, self.tags, self.action in LOCAL_ONLY, tuple(sorted(self.actions.items())), data


_PLAIN = Block().key()


@dataclass
class Audience:
    """`groups`: name → the block that says what its clients have. Whoever is in none is in `default`."""

    migration: Migration
    groups: dict[str, Block] = field(default_factory=dict)

    def with_view(self, view: str) -> tuple[str, ...]:
        """The groups that have that view."""
        return tuple(name for name, block in self.groups.items() if block.view == view)

    def of_global(self, cut_off: set[str]) -> tuple[str, ...]:
        """Who gets a zone of the `server:` clause: all (empty) but those whose view is in `cut_off`."""
        found = [name for name, block in self.groups.items() if block.view not in cut_off]
        return () if len(found) == len(self.groups) else ("default", *found)

    def tagged(self, tags: frozenset[str], cut_off: set[str]) -> dict[str, Block]:
        """The groups that have one of these tags."""
        return {name: block for name, block in self.groups.items() if block.tags & tags and block.view not in cut_off}


def read_clients(server: Clause, views: set[str], migration: Migration) -> Audience:
    """Write `[access]` and `[clients.NAME]`."""
    blocks: dict[Network, Block] = {}
    report = migration.report
    defined = {tag for one in server.all("define-tag") for tag in one.value.split()}
    for one in server.all("define-tag"):
        report.kept(one.place, "clients")
    for one in server.statements:
        if one.keyword.startswith("access-control"):
            net = network(one.value)
            if net is None:
                report.dropped(one.place, f"{one.value[:60]!r} is no network")
            else:
                _note(blocks.setdefault(net, Block()), one, defined, views, migration)
    audience = Audience(migration)
    _write_access(blocks, migration)
    _write_groups(blocks, audience)
    return audience


def _note(block: Block, one: Statement, defined: set[str], views: set[str], migration: Migration) -> None:
    report = migration.report
    match one.keyword:
        case "access-control":
            block.action = one.values[1].lower()
        case "access-control-view":
            if one.values[1] not in views:
                report.dropped(one.place, "there is no such view")
                return
            block.view = one.values[1]
        case "access-control-tag":
            block.tags |= frozenset(one.values[1].split()) & defined
        case "access-control-tag-action":
            block.actions[one.values[1]] = one.values[2].lower()
        case _:
            block.data.setdefault(one.values[1], []).append(one.values[2])
    if one.keyword == "access-control" and block.action not in ALLOWING | LOCAL_ONLY | REFUSING:
        report.dropped(one.place, f"{block.action[:40]!r} is no action that is known here, so nobody there may ask")
        block.action = "refuse"
        return
    block.places.append(one.place)


def _write_access(blocks: dict[Network, Block], migration: Migration) -> None:
    report, access = migration.report, migration.draft.table("access")
    for text in ("127.0.0.0/8", "::1/128"):
        net = network(text)
        assert net is not None  # noqa: S101 # as written
        blocks.setdefault(net, Block(places=[]))
    refused = [net for net, block in blocks.items() if block.action in REFUSING]
    for net, block in blocks.items():
        if block.action in REFUSING:
            for place in block.places:
                if block.action == "deny" or net.prefixlen == 0:
                    report.kept(place, "access.allow", "whoever is not named there gets no answer")
                else:
                    report.changed(
                        place, "whoever is not allowed gets no answer at all, not even a refusal", "access.allow"
                    )
            continue
        for part in without([net], [hole for hole in refused if hole != net]):
            _add_all(access, "allow", str(part), block.places)
        if net.prefixlen == 0:
            access.set("everybody", True)
            report.advise(
                f"{net} may ask, as before: an open resolver, which others will misuse for attacks; see [access]"
            )
        for place in block.places:
            report.kept(place, "access.allow")


def _write_groups(blocks: dict[Network, Block], audience: Audience) -> None:
    migration = audience.migration
    special = {net: block for net, block in blocks.items() if block.key() != _PLAIN and block.action not in REFUSING}
    names: dict[tuple[object, ...], str] = {}
    for net, block in blocks.items():
        inside = any(net != outer and net.version == outer.version and net.subnet_of(outer) for outer in special)  # type: ignore[arg-type]
        if block.action in REFUSING or (net not in special and not inside):
            continue
        key = block.key()
        if key not in names:
            title = (
                block.view or "-".join(sorted(block.tags)) or ("local-only" if block.action in LOCAL_ONLY else "plain")
            )
            names[key] = word(title, ["default", *names.values()], "group")
            audience.groups[names[key]] = block
        table = migration.draft.table("clients").table(names[key])
        _add_all(table, "networks", str(net), block.places)
        for place in block.places:
            migration.report.kept(place, table.where("networks"))
    _write_local_only(audience)


def _add_all(table: Table, key: str, value: str, places: list[int]) -> None:
    table.add(key, value, places[0] if places else None)
    for place in places[1:]:
        table.add(key, value, place)


def _write_local_only(audience: Audience) -> None:
    for name, block in audience.groups.items():
        if block.action in LOCAL_ONLY:
            rule = audience.migration.draft.append("rule", block.places[0] if block.places else None)
            rule.set("action", "block")
            rule.set("name", f"{name}-get-local-names-only")
            rule.set("domains", ["."])
            rule.set("clients", [name])
            rule.set("answer", "refused")
