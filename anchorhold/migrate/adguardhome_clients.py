"""Persistent clients of AdGuard Home to groups of clients: only who has settings of its own needs one."""

import re
from dataclasses import dataclass, field

from anchorhold.migrate import Migration
from anchorhold.migrate.document import Document, Way
from anchorhold.migrate.words import network, word

NEEDLESS = "it has no settings of its own; a group would only tell the resolver process which device asks"
HOW = "write an address into networks of its [clients.NAME]; [[dhcp.host]] gives a device an address of its own"


@dataclass
class Client:
    """One with a group. `way` is where it stands in the file."""

    group: str
    way: Way
    own_settings: bool
    own_services: bool


@dataclass
class Clients:
    """`groups` fills. `known` ties hardware addresses (octets in hexadecimal) to addresses."""

    document: Document
    migration: Migration
    known: dict[str, str]
    groups: list[Client] = field(default_factory=list)
    labels: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    """Client identifiers on encrypted ways → group and place."""
    names: dict[str, str] = field(default_factory=dict)
    """What people call a client, and each of its identifiers → group."""

    def carry(self) -> None:
        """Write `[clients.NAME]`."""
        for way in self.document.each("clients", "persistent"):
            if isinstance(self.document.get(*way), dict):
                self._client(way)

    def _client(self, way: Way) -> None:
        document, name = self.document, self.document.text(*way, "name")
        settings = not document.flag(*way, "use_global_settings", default=True)
        services = not document.flag(*way, "use_global_blocked_services", default=True)
        if not (settings or services or document.get(*way, "upstreams")):
            document.dropped(way, NEEDLESS)
            return
        ids = [(one, document.text(*one)) for one in document.each(*way, "ids")]
        found = [(one, self._network(text)) for one, text in ids]
        if not any(net for _, net in found):
            document.dropped(way, f"none of its ids leads to an address: {HOW}")
            return
        group = word(name, ["default", *(one.group for one in self.groups)], "client")
        table = self.migration.draft.table("clients").table(group, document.place(*way, "name"))
        for (one, net), (_, text) in zip(found, ids, strict=True):
            self.names[text.lower()] = group
            if net:
                document.kept(one, table.add("networks", net, document.place(*one)))
            elif _octets(text):
                document.dropped(one, f"no address is tied to this hardware address: {HOW}")
            else:
                self.labels[text.lower()] = group, document.place(*one)
                document.kept(one, "secure.clients")
        self.names[name.lower()] = group
        self.groups.append(Client(group, way, settings, services))
        document.kept((*way, "name"), table.path)
        for key in ("use_global_settings", "use_global_blocked_services"):
            document.kept((*way, key), table.path)
        for key in (
            "uid",
            "tags",
            "ignore_querylog",
            "ignore_statistics",
            "upstreams_cache_size",
            "upstreams_cache_enabled",
        ):
            document.dropped((*way, key), "there is nothing like it for a group of clients")
        for key in ("parental_enabled", "safebrowsing_enabled"):
            document.dropped((*way, key), "every name that is asked would be shown, in part, to a third party")

    def _network(self, text: str) -> str:
        net = network(self.known.get(_octets(text), text))
        if net is None:
            return ""
        return str(net.network_address) if net.num_addresses == 1 else str(net)

    def common(self, own: str) -> tuple[str, ...]:
        """Who has the settings of all: everybody (empty), or all but the groups of which `own` (a field of Client) is true."""
        rest = [client.group for client in self.groups if not getattr(client, own)]
        return () if len(rest) == len(self.groups) else ("default", *rest)

    def filtered(self) -> tuple[str, ...]:
        """Who gets lists and rules: all but those that turned them off for themselves."""
        off = {
            client.group
            for client in self.groups
            if client.own_settings and not self.document.flag(*client.way, "filtering_enabled")
        }
        rest = [client.group for client in self.groups if client.group not in off]
        return ("default", *rest) if off else ()


def _octets(text: str) -> str:
    """A hardware address without its marks; empty for anything else."""
    plain = re.sub("[:.-]", "", text.lower())
    is_one = re.fullmatch("[0-9a-f]{12}", plain) and len(plain) < len(text) and network(text) is None
    return plain if is_one else ""
