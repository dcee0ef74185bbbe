"""Servers that another program asked, to groups of ours."""

import ipaddress
import re
from dataclasses import dataclass, field

from anchorhold.config.errors import Wrong
from anchorhold.config.servers import CLEAR, read_server
from anchorhold.config.stamped import stamp_url
from anchorhold.migrate.draft import Table
from anchorhold.migrate.report import Report
from anchorhold.migrate.words import address, show_address

BOOTSTRAP = "bootstrap"
"""The group that looks names of servers up."""

IN_CLEAR = "asked in clear text, as before: whoever is on the line reads the names"
WEAKER = "it is in clear text beside encrypted ones; in one group with them none would have to prove who it is, so it is left out"


@dataclass(frozen=True, slots=True)
class Server:
    """A server's URL as we write it, and the report's places of where it comes from."""

    url: str
    places: tuple[int, ...] = ()

    @property
    def scheme(self) -> str:
        """In small letters; that of a stamp is the one inside it."""
        text = self.url
        if text.startswith("sdns:"):
            try:
                text = stamp_url(text)
            except Wrong:
                return "sdns"
        return text.partition("://")[0].lower()


def plain_server(text: str, mark: str = "#") -> str:
    """`192.0.2.1#5353`, `192.0.2.1:5353`, `[2001:db8::1]:53` to the URL of a server in clear text; empty for a name."""
    host, _, port = text.strip().partition(mark)
    if not port and (found := re.fullmatch(r"(\[[^\]]+\]|[0-9.]+):(\d{1,5})", host)):
        host, port = found[1], found[2]
    literal = address(host.partition("%")[0])
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else None
    if literal is None or (port and not number):
        return ""
    return f"udp://{show_address(literal, number if number != 53 else None)}"


def is_private(url: str) -> bool:
    """Whether all addresses of the server are inside a network of one's own."""
    try:
        spec = read_server(url, "")
    except Wrong:
        return False
    return bool(spec.addresses) and not any(ipaddress.ip_address(one).is_global for one in spec.addresses)


@dataclass
class Groups:
    """Upstream groups of a draft. `bootstrap` tells whether there is a group of that name to look names up through."""

    draft: Table
    report: Report
    bootstrap: bool = False
    made: dict[str, list[Server]] = field(default_factory=dict)

    def add(self, name: str, servers: list[Server], strategy: str = "failover") -> bool:
        """Write the group `name`; False if none of its servers can be asked. Every place gets its verdict."""
        usable = [server for server in servers if self._is_usable(server, name)]
        encrypted = [server for server in usable if server.scheme not in CLEAR]
        if encrypted:
            for server in usable:
                if server not in encrypted:
                    self._drop(server, WEAKER)
            usable = encrypted
        if not usable:
            return False
        table = self.draft.table("upstreams").table(name)
        if not encrypted:
            table.set("profile", "opportunistic", comment=IN_CLEAR)
        if len({server.url for server in usable}) > 1 and strategy != "failover":
            table.set("strategy", strategy)
        for server in usable:
            self._write(table, server, clear=not encrypted)
        self.made[name] = usable
        return True

    def _write(self, table: Table, server: Server, clear: bool) -> None:
        value: dict[str, object] | str = server.url
        if self._needs_bootstrap(server):
            value = {"url": server.url, "bootstrap": BOOTSTRAP}
        where = ""
        for place in server.places or (None,):
            where = table.add("servers", value, place)
        for place in server.places:
            self.report.kept(place, where, IN_CLEAR if clear else "")

    def _is_usable(self, server: Server, group: str) -> bool:
        bootstrap = BOOTSTRAP if self.bootstrap and group != BOOTSTRAP and self._needs_bootstrap(server) else ""
        try:
            read_server(server.url, bootstrap)
        except Wrong as wrong:
            self._drop(server, f"{wrong.what}; {wrong.hint}")
            return False
        return True

    def _needs_bootstrap(self, server: Server) -> bool:
        try:
            read_server(server.url, BOOTSTRAP)
        except Wrong:
            return False
        return True

    def _drop(self, server: Server, reason: str) -> None:
        for place in server.places:
            self.report.dropped(place, reason)
