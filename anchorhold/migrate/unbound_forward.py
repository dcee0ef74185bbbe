"""forward-zone, stub-zone, auth-zone and rpz to upstream groups, routes, the root's copy and lists."""

import re

from anchorhold.config.errors import Wrong
from anchorhold.config.iterations import read_authority
from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Table
from anchorhold.migrate.products import BY_NAME, NOT_IN_CLEAR, group_of, is_clear
from anchorhold.migrate.reading import Reader
from anchorhold.migrate.report import Verdict
from anchorhold.migrate.unbound_lexer import Clause, Statement, named_path
from anchorhold.migrate.upstreams import Groups, Server
from anchorhold.migrate.words import address, domain, is_host_name, show_address, word

_FORWARD = re.compile(r"([^@#\s]+)(?:@(\d{1,5}))?(?:#(\S+))?")
OVERRIDES = {"nxdomain": "nxdomain", "nodata": "nodata", "drop": "refused"}
TRANSFER = "zones are not transferred here"
UNLIKE = {
    "forward-no-cache": (Verdict.DROPPED, "answers are kept as long as they say"),
    "stub-no-cache": (Verdict.DROPPED, "answers are kept as long as they say"),
    "forward-first": (Verdict.DROPPED, NOT_IN_CLEAR),
    "stub-prime": (Verdict.CHANGED, "the servers named here are asked as they are"),
    "stub-tcp-upstream": (Verdict.CHANGED, "asked over UDP first"),
}
"""What a route does not do that says yes to these."""
UNLIKE_NO = {
    "for-downstream": (Verdict.CHANGED, "clients are answered from it as well"),
    "for-upstream": (Verdict.CHANGED, "it is looked at for every name"),
}
"""What a zone of ours does although these say no; the copy of the root does not."""
NO_FALLBACK = Verdict.DROPPED, "what is not in a zone of yours does not exist"
MOVED = frozenset({"primary", "master", "url", "allow-notify"})
"""Where a copy of a zone comes from, as far as nothing was made of it."""
ROOT_COPY = "resolve"
KEPT = Verdict.KEPT, ""


class ForwardWriter:
    """Writes them into the draft. `known` are names whose addresses local-data tell, for servers named by name."""

    def __init__(self, migration: Migration, server: Clause, reader: Reader, known: dict[str, list[str]]) -> None:
        self.migration, self.report, self.draft = migration, migration.report, migration.draft
        self.server, self.reader, self.known = server, reader, known
        self.groups = Groups(self.draft, self.report)
        self.routed: set[str] = set()
        self._copied: set[str] = set()
        self._encrypts = server.is_yes("tls-upstream") or server.is_yes("ssl-upstream")

    def write(self, clauses: list[Clause]) -> None:
        """All clauses."""
        for clause in clauses:
            match clause.kind:
                case "forward-zone":
                    self._forward(clause)
                case "stub-zone":
                    self._stub(clause)
                case "auth-zone":
                    self._auth(clause)
        if "default" not in self.groups.made:
            self.draft.table("resolve").set("mode", "iterate")

    def _zone(self, clause: Clause, taken: set[str]) -> str:
        """Its name; empty, and told, if it has none or the name is taken."""
        named = clause.last("name")
        zone = domain(named.value) if named else ""
        if not zone:
            self._drop(clause, "has no name that is a domain")
        elif zone in taken:
            self._drop(clause, f"{zone} is there twice")
            return ""
        return zone

    def _drop(self, clause: Clause, reason: str) -> None:
        for one in clause.statements:
            if self.report.lines[one.place].verdict is None:
                self.report.dropped(one.place, reason)

    # Servers that are asked for everything below a name.

    def _forward(self, clause: Clause) -> None:
        zone = self._zone(clause, self.routed)
        if not zone:
            return
        named = clause.last("name")
        place = named.place if named else None
        tls = self._encrypts or clause.is_yes("forward-tls-upstream") or clause.is_yes("forward-ssl-upstream")
        tcp = self.server.is_yes("tcp-upstream") or clause.is_yes("forward-tcp-upstream")
        servers: list[Server] = []
        for one in clause.all("forward-addr") + clause.all("forward-host"):
            servers += self._servers(one, "tls" if tls else "tcp" if tcp else "udp")
        self.routed.add(zone)
        if zone == ".":
            self._default(clause, servers)
        elif not servers:
            route = self.draft.append("route", place)
            route.set("domains", [zone])
            route.set("iterate", True)
            self._said(clause, route.path)
        else:
            group = group_of(self.groups, zone, servers, "fastest")
            if group:
                route = self.draft.append("route", place)
                route.set("domains", [zone])
                route.set("upstreams", group)
                self._first(clause, route, group)
                self._said(clause, route.path)
        self._drop(clause, "none of its servers can be asked")

    def _default(self, clause: Clause, servers: list[Server]) -> None:
        if servers and self.groups.add("default", servers, "fastest"):
            if clause.is_yes("forward-first") and is_clear(self.groups.made["default"]):
                route = self.draft.append("route")
                route.set("domains", ["."])
                route.set("upstreams", "default")
                self._first(clause, route, "default")
            self._said(clause, "upstreams.default")
        elif not servers:
            self._said(clause, "resolve.mode")

    def _first(self, clause: Clause, route: Table, group: str) -> None:
        one = clause.last("forward-first")
        if one is None or not one.is_yes:
            return
        if is_clear(self.groups.made[group]):
            route.set("fallback", "iterate", one.place)
            self.report.kept(one.place)
        else:
            self.report.dropped(one.place, NOT_IN_CLEAR)

    def _said(self, clause: Clause, where: str) -> None:
        """What is left of a clause whose route was written."""
        for one in clause.statements:
            if self.report.lines[one.place].verdict is None:
                verdict, reason = _verdict(one, where)
                self.report.say(one.place, verdict, reason, where if verdict is not Verdict.DROPPED else "")

    def _servers(self, one: Statement, scheme: str) -> list[Server]:
        found = _FORWARD.fullmatch(one.value)
        if found is None:
            self.report.dropped(one.place, "is not ADDRESS[@PORT][#NAME]")
            return []
        host, port, name = found.groups()
        number = int(port) if port else None
        number = None if number == {"tls": 853, "udp": 53, "tcp": 53}[scheme] else number
        literals = [host] if address(host) is not None else self.known.get(domain(host), [])
        if not literals:
            self.report.dropped(one.place, BY_NAME)
            return []
        if scheme != "tls":
            return [Server(f"{scheme}://{_shown(text, number)}", (one.place,)) for text in literals]
        who = name or ("" if address(host) is not None else host.rstrip("."))
        if who and not is_host_name(who):
            self.report.dropped(one.place, f"{who[:60]!r} is no name of a server")
            return []
        if not who:
            self.report.changed(
                one.place, "unbound takes any certificate there; here it must prove that address: write NAME@"
            )
        return [
            Server(f"tls://{who}@{_shown(text, number)}" if who else f"tls://{_shown(text, number)}", (one.place,))
            for text in literals
        ]

    # Authoritative servers.

    def _stub(self, clause: Clause) -> None:
        zone = self._zone(clause, self.routed)
        if not zone:
            return
        self.routed.add(zone)
        servers: list[tuple[str, int]] = []
        for one in clause.all("stub-addr") + clause.all("stub-host"):
            host, at, port = one.value.partition("#")[0].partition("@")
            literals = [host] if address(host) is not None else self.known.get(domain(host), [])
            for text in literals:
                try:
                    servers.append((read_authority(f"{text}@{port}" if at else text), one.place))
                except Wrong as wrong:
                    self.report.dropped(one.place, f"{wrong.what}; {wrong.hint}")
            if not literals:
                self.report.dropped(one.place, BY_NAME)
        for keyword in ("stub-tls-upstream", "stub-ssl-upstream"):
            one_said = clause.last(keyword)
            if one_said is not None and one_said.is_yes:
                self.report.changed(one_said.place, "asked over TLS only where probe_encryption in [resolve] finds it")
        if not servers:
            self._drop(clause, "none of its servers can be asked")
            return
        named = clause.last("name")
        route = self.draft.append("route", named.place if named else None)
        route.set("domains", [zone])
        for text, place in servers:
            self.report.kept(place, route.add("authorities", text, place))
        first = clause.last("stub-first")
        if first is not None and first.is_yes:
            route.set("fallback", "iterate", first.place)
            self.report.kept(first.place, route.path)
        self._said(clause, route.path)

    # Copies of zones.

    def _auth(self, clause: Clause) -> None:
        zone = self._zone(clause, self._copied)
        if not zone:
            return
        self._copied.add(zone)
        file = clause.last("zonefile")
        primaries = clause.all("primary") + clause.all("master")
        literals = [one for one in primaries if address(one.value.partition("@")[0].partition("#")[0]) is not None]
        if zone == ".":
            self._root(clause, file, literals)
        elif file is not None and not primaries and not clause.all("url"):
            table = self.draft.append("local", file.place)
            table.set("zone", zone)
            table.set("file", str(named_path(file.value, self.server, self.reader)), file.place)
            table.set("ptr", False)
            self.report.changed(file.place, "answered as names of yours, without signatures", table.path)
            self._said(clause, table.path)
        elif literals and zone not in self.routed:
            self.routed.add(zone)
            route = self.draft.append("route", literals[0].place)
            route.set("domains", [zone])
            for one in literals:
                route.add("authorities", one.value.partition("#")[0], one.place)
                self.report.changed(one.place, f"{TRANSFER}: its servers are asked for each name", route.path)
            self._drop(clause, TRANSFER)
        self._drop(
            clause,
            f"{TRANSFER}; a zone file alone is read by [[local]] file, servers are asked by [[route]] authorities",
        )

    def _root(self, clause: Clause, file: Statement | None, literals: list[Statement]) -> None:
        resolve = self.draft.table("resolve")
        if literals:
            for one in literals:
                text = one.value.partition("#")[0]
                self.report.kept(one.place, resolve.add("local_root_servers", text, one.place))
        elif file is not None:
            self.report.kept(
                file.place, resolve.set("local_root", str(named_path(file.value, self.server, self.reader)), file.place)
            )
        if literals or file is not None:
            self._said(clause, ROOT_COPY)

    # Lists.

    def lists(self, clauses: list[Clause], groups_of: dict[frozenset[str], tuple[str, ...]]) -> None:
        """rpz clauses. `groups_of`: tags → groups of clients that have one of them."""
        for clause in clauses:
            if clause.kind == "rpz":
                self._rpz(clause, groups_of)

    def _rpz(self, clause: Clause, groups_of: dict[frozenset[str], tuple[str, ...]]) -> None:
        file, url, named = clause.last("zonefile"), clause.last("url"), clause.last("name")
        override = clause.last("rpz-action-override")
        action = override.value.lower() if override else ""
        if action == "disabled":
            self._drop(clause, "it was turned off there")
            return
        https = url is not None and url.value.startswith("https://")
        if file is None and not https:
            self._drop(clause, f"{TRANSFER}; a list in this format is fetched over https:// or read from a file")
            return
        lists = self.draft.table("lists")
        table = lists.table(word(named.value if named else "rpz", lists.items, "rpz"), named.place if named else None)
        if https and url is not None:
            where = table.set("url", url.value, url.place)
            if override is None:
                self.report.changed(url.place, "records of its own only block; redirect = true gives them out", where)
            else:
                self.report.kept(url.place, where)
        elif file is not None:
            self.report.kept(
                file.place, table.set("file", str(named_path(file.value, self.server, self.reader)), file.place)
            )
        table.set("format", "rpz")
        if override is not None:
            self._override(override, action, table)
        tagged = clause.last("tags")
        if tagged is not None:
            found = groups_of.get(frozenset(tagged.value.split()), ())
            if found:
                self.report.kept(tagged.place, table.set("clients", list(found), tagged.place))
            else:
                self.report.dropped(tagged.place, "no client has these tags, so the list counts for all")
        for one in clause.statements:
            if one.keyword.startswith("rpz-log") or one.keyword == "rpz-signal-nxdomain-ra":
                self.report.dropped(one.place, "anchorhold blocked shows what was blocked, for a while")
            elif one.keyword == "rpz-cname-override":
                self.report.dropped(one.place, "entries do what the list says")
        self._said(clause, table.path)

    def _override(self, override: Statement, action: str, table: Table) -> None:
        if action == "passthru":
            self.report.kept(override.place, table.set("allow", True, override.place))
        elif action in OVERRIDES:
            where = table.set("answer", OVERRIDES[action], override.place)
            self.report.changed(override.place, "it counts for entries that say nothing themselves", where)
        else:
            self.report.dropped(override.place, "entries do what the list says")


def _verdict(one: Statement, where: str) -> tuple[Verdict, str]:
    """Of a line that nothing else was made of than what the whole clause became, at `where`."""
    if one.keyword in MOVED:
        return Verdict.DROPPED, TRANSFER
    if where != ROOT_COPY and one.keyword == "fallback-enabled" and one.is_yes:
        return NO_FALLBACK
    if one.is_yes:
        return UNLIKE.get(one.keyword, KEPT)
    return KEPT if where == ROOT_COPY else UNLIKE_NO.get(one.keyword, KEPT)


def _shown(text: str, port: int | None) -> str:
    literal = address(text)
    return show_address(literal, port) if literal is not None else text
