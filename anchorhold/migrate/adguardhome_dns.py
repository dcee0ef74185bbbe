"""`dns` of AdGuard Home: where clients ask, whom we ask, what is kept."""

import re

from anchorhold.config.names import Network
from anchorhold.config.schema import AccessTable
from anchorhold.migrate import Migration
from anchorhold.migrate.adguardhome_clients import Clients
from anchorhold.migrate.document import Document, Way
from anchorhold.migrate.draft import Scalar
from anchorhold.migrate.products import NOT_IN_CLEAR, group_of, is_clear, iterate_instead
from anchorhold.migrate.rule_book import RuleBook, Wish
from anchorhold.migrate.upstreams import BOOTSTRAP, Groups, Server, plain_server
from anchorhold.migrate.words import address, domain, network, reverse_zones, show_address, without

MODES = {"load_balance": "fastest", "parallel": "race", "fastest_addr": "race", "": "fastest"}
ENCRYPTED = ("tls://", "https://", "quic://", "h3://", "sdns://")
INSIDE = [net for text in AccessTable().allow if (net := network(text))]
LOOPBACK, PRIVATE = ([net for net in INSIDE if net.is_loopback is wanted] for wanted in (True, False))
SPECIAL = frozenset({"version.bind", "id.server", "hostname.bind"})
_PARTED = re.compile(r"\[/([^\]]*)/\](.*)")
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}
MAX_REVERSE = 40


def go_span(text: str) -> float | None:
    """Seconds of `1h30m0s` or `10s`; None if it is none."""
    parts = _SPAN.findall(text)
    if "".join(number + unit for number, unit in parts) != text or not parts:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class DnsSettings:
    """Writes what the document says of it."""

    def __init__(self, document: Document, migration: Migration, clients: Clients) -> None:
        self.document, self.migration, self.clients = document, migration, clients
        self.draft, self.report = migration.draft, migration.report
        self.groups = Groups(self.draft, self.report)
        self.rules = RuleBook(self.draft)

    def carry(self) -> None:
        """Everything."""
        self._listen()
        self._bootstrap()
        self._upstreams()
        self._reverse()
        self._client_upstreams()
        self._access()
        self._cache()
        self._limits()
        self._answers()

    def _listen(self) -> None:
        port = self.document.number("dns", "port") or 53
        plain: Way = ("dns", "serve_plain_dns")
        listen = self.draft.table("listen")
        if self.document.flag(*plain, default=True):
            self.document.kept(plain)
            for way in self.document.each("dns", "bind_hosts"):
                literal = address(self.document.text(*way))
                if literal is None:
                    self.document.dropped(way, "is no address")
                else:
                    self.document.kept(
                        way, listen.add("addresses", show_address(literal, port), self.document.place(*way))
                    )
        else:
            self.document.changed(plain, "clear text is heard on this machine alone", "listen.addresses")
            listen.add("addresses", "127.0.0.1:53", self.document.place(*plain))
            self.document.kept(("dns", "bind_hosts"), "secure.listen")
        if not listen.values("addresses"):
            for host in ("0.0.0.0", "[::]"):  # noqa: S104 # what no bind_hosts means there
                listen.add("addresses", f"{host}:{port}")
        self.document.kept(("dns", "port"), "listen.addresses")
        if self.document.flag("dns", "hostsfile_enabled"):
            way = ("dns", "hostsfile_enabled")
            self.document.kept(way, self.draft.table("hosts").add("files", "/etc/hosts", self.document.place(*way)))
        else:
            self.document.kept(("dns", "hostsfile_enabled"))

    # Whom we ask.

    def _server(self, way: Way, text: str) -> Server | None:
        """One server as AdGuard Home writes it. None, and told, if it is of no use."""
        url = text
        if text.startswith(("udp://", "tcp://")):
            plain = plain_server(text[6:])
            url = text[:3] + plain[3:] if plain else ""
        elif not text.startswith(ENCRYPTED):
            url = plain_server(text)
        if not url:
            self.document.dropped(
                way, f"{text[:80]!r} has no address, and in clear text nothing is looked up behind your back"
            )
            return None
        return Server(url, tuple(self.document.below(*way)))

    def _bootstrap(self) -> None:
        ways = self.document.each("dns", "bootstrap_dns")
        made = [server for way in ways if (server := self._server(way, self.document.text(*way)))]
        named = [self.document.text(*way) for way in self.document.each("dns", "upstream_dns")]
        if any("://" in text and not re.search(r"://(\[|\d+\.)|sdns:", text) for text in named) and made:
            self.groups.bootstrap = self.groups.add(BOOTSTRAP, made)
        for way in ways:
            if not self.groups.bootstrap and not self.document.is_said(way):
                self.document.kept(way, reason="no server's name has to be looked up")

    def _upstreams(self) -> None:
        common: list[Server] = []
        parted: list[tuple[Way, str, str]] = []
        for way in self.document.each("dns", "upstream_dns"):
            text = self.document.text(*way)
            found = _PARTED.fullmatch(text)
            if not text or text.startswith("#"):
                self.document.kept(way, reason="a comment")
            elif found:
                parted.append((way, found[1], found[2].strip()))
            elif (server := self._server(way, text)) is not None:
                common.append(server)
        file = self.document.text("dns", "upstream_dns_file")
        if file:
            self.document.dropped(
                ("dns", "upstream_dns_file"), "its lines belong into upstream_dns: put them there and try again"
            )
        mode: Way = ("dns", "upstream_mode")
        strategy = MODES.get(self.document.text(*mode), "fastest")
        if self.document.flag("dns", "all_servers") or self.document.flag("dns", "fastest_addr"):
            strategy = "race"
        if not common or not self.groups.add("default", common, strategy):
            iterate_instead(self.draft, self.report)
        if strategy == "race" and len({server.url for server in common}) > 1:
            for key in ("upstream_mode", "all_servers", "fastest_addr"):
                self.document.changed(
                    ("dns", key), "several are asked at once, and the first answer counts", "upstreams.default.strategy"
                )
        else:
            for key in ("upstream_mode", "all_servers", "fastest_addr"):
                self.document.kept(("dns", key), "upstreams.default.strategy")
        self._fallback()
        for way, domains, servers in parted:
            self._parted(way, domains, servers, "")
        http3: Way = ("dns", "use_http3_upstreams")
        if self.document.flag(*http3) and any(one.scheme == "https" for one in self.groups.made.get("default", [])):
            table = self.draft.table("upstreams").table("default")
            self.document.kept(http3, table.set("http3", True, self.document.place(*http3)))
        else:
            self.document.kept(http3)

    def _fallback(self) -> None:
        ways = self.document.each("dns", "fallback_dns")
        made = [server for way in ways if (server := self._server(way, self.document.text(*way)))]
        if not made or "default" not in self.groups.made:
            for way in ways:
                if not self.document.is_said(way):
                    self.document.dropped(way, "there is nothing that it could stand in for")
            return
        if not is_clear(self.groups.made["default"]) and any(is_clear([server]) for server in made):
            for place in (place for server in made for place in server.places):
                self.report.dropped(place, NOT_IN_CLEAR)
            return
        if self.groups.add("fallback", made):
            route = self.draft.append("route")
            route.set("domains", ["."])
            route.set("upstreams", "default")
            route.set("fallback", "fallback")

    def _parted(self, way: Way, domains: str, servers: str, clients: str) -> None:
        """`[/a.example/b.example/]SERVER SERVER`, or `#` for the common ones."""
        wild = any(part.startswith("*.") for part in domains.split("/"))
        names = [domain(part.removeprefix("*.")) for part in domains.split("/") if part]
        taken = {
            value
            for route in self.draft.tables("route")
            for value in route.values("domains")
            if str(route.get("clients") or "") == clients
        }
        names = [name for name in dict.fromkeys(names) if name and name not in taken]
        if not names:
            self.document.dropped(way, "names without a dot, or no domain that is not there already")
            return
        if servers in ("#", ""):
            group = "default" if "default" in self.groups.made else ""
        else:
            made = [server for text in servers.split() if (server := self._server(way, text))]
            group = group_of(self.groups, names[0], made)
        if not group and servers not in ("#", ""):
            self.document.dropped(way, "none of its servers can be asked")
            return
        route = self.draft.append("route", self.document.place(*way))
        route.set("domains", list(names))
        route.set("upstreams" if group else "iterate", group or True)
        if clients:
            route.set("clients", clients)
        if wild:
            self.document.changed(way, "it counts for the domain itself as well", route.path)
        else:
            self.document.kept(way, route.path)

    def _reverse(self) -> None:
        ways = self.document.each("dns", "local_ptr_upstreams")
        if not self.document.flag("dns", "use_private_ptr_resolvers", default=bool(ways)):
            for way in ways:
                self.document.dropped(way, "it is turned off there")
            return
        made = [server for way in ways if (server := self._server(way, self.document.text(*way)))]
        if not made:
            return
        own = [
            net for way in self.document.each("dns", "private_networks") if (net := network(self.document.text(*way)))
        ]
        zones = [zone for net in own or PRIVATE for zone in reverse_zones(net)[:MAX_REVERSE]][: MAX_REVERSE * 4]
        group = group_of(self.groups, "private-reverse", made)
        if group:
            route = self.draft.append("route", made[0].places[0] if made[0].places else None)
            route.set("domains", list(dict.fromkeys(zones)))
            route.set("upstreams", group)
            self.document.kept(("dns", "private_networks"), route.path)

    def _client_upstreams(self) -> None:
        for client in self.clients.groups:
            common: list[Server] = []
            ways = self.document.each(*client.way, "upstreams")
            for way in ways:
                text = self.document.text(*way)
                found = _PARTED.fullmatch(text)
                if found:
                    self._parted(way, found[1], found[2].strip(), client.group)
                elif (server := self._server(way, text)) is not None:
                    common.append(server)
            group = group_of(self.groups, client.group, common)
            if group:
                route = self.draft.append("route", self.document.place(*ways[0]))
                route.set("clients", client.group)
                route.set("upstreams", group)
                for server in common:
                    for place in server.places:
                        self.report.kept(place, route.path)

    # Who may ask, and how much.

    def _access(self) -> None:
        allowed, refused = (self._networks(key) for key in ("allowed_clients", "disallowed_clients"))
        access = self.draft.table("access")
        if allowed or refused:
            for net, place in [*((net, None) for net in LOOPBACK), *(allowed or [(net, None) for net in PRIVATE])]:
                for part in without([net], [hole for hole, _ in refused]):
                    access.add("allow", str(part), place)
        else:
            self.report.advise("loopback and private networks may ask; there, anybody could: see [access]")

    def _networks(self, key: str) -> list[tuple[Network, int | None]]:
        found: list[tuple[Network, int | None]] = []
        for way in self.document.each("dns", key):
            net = network(self.document.text(*way))
            if net is None:
                self.document.dropped(way, "a client is let in or not by its address alone")
            elif not net.prefixlen:
                self.document.dropped(way, "the whole Internet may not ask; name your networks in [access]")
            else:
                found.append((net, self.document.place(*way)))
                self.document.kept(way, "access.allow")
        return found

    def _cache(self) -> None:
        size = self.document.number("dns", "cache_size")
        if size:
            self._set(("dns", "cache_size"), "memory", min(64 * 1024**3, max(1024**2, size)), size)
        elif size is not None:
            self.document.changed(("dns", "cache_size"), "answers are kept; maximum_ttl = 0 in [cache] keeps none")
        for key, name, most in (("cache_ttl_min", "minimum_ttl", 3_600), ("cache_ttl_max", "maximum_ttl", 604_800)):
            value = self.document.number("dns", key)
            if value:
                self._set(("dns", key), name, max(0, min(most, value)), value)
            else:
                self.document.kept(("dns", key))
        if self.document.flag("dns", "cache_optimistic"):
            self._set(("dns", "cache_optimistic"), "stale", True, True)
            self.draft.table("cache").set("stale_after", 0)
            for key, name, least, most in (
                ("cache_optimistic_answer_ttl", "stale_ttl", 1, 300),
                ("cache_optimistic_max_age", "stale_for", 0, 604_800),
            ):
                seconds = go_span(self.document.text("dns", key))
                if seconds is not None:
                    self._set(("dns", key), name, int(min(most, max(least, seconds))), int(seconds))
        else:
            for key in ("cache_optimistic", "cache_optimistic_answer_ttl", "cache_optimistic_max_age"):
                self.document.kept(("dns", key), reason="stale answers are given out only while no upstream answers")

    def _set(self, way: Way, key: str, value: Scalar, meant: Scalar) -> None:
        where = self.draft.table("cache").set(key, value, self.document.place(*way))
        if value == meant:
            self.document.kept(way, where)
        else:
            self.document.changed(way, f"{value} is the nearest that is allowed here", where)

    def _limits(self) -> None:
        limits, way = self.draft.table("limits"), ("dns", "ratelimit")
        rate = self.document.number(*way)
        if rate is not None:
            rate = max(0, min(rate, 1_000_000))
            self.document.kept(way, limits.set("rate", rate, self.document.place(*way)))
            limits.set("burst", rate)
        span = go_span(self.document.text("dns", "upstream_timeout"))
        if span is not None:
            deadline = min(30.0, max(0.5, span))
            where = limits.set("deadline", deadline, self.document.place("dns", "upstream_timeout"))
            self.document.changed(("dns", "upstream_timeout"), "it is the time for a question in all", where)

    # What is answered.

    def _answers(self) -> None:
        way: Way = ("dns", "enable_dnssec")
        reason = "every answer is validated here"
        self.document.kept(way, "", reason) if self.document.flag(*way) else self.document.changed(way, reason)
        way = ("dns", "aaaa_disabled")
        if self.document.flag(*way):
            wish = Wish("block", "no-ipv6-addresses", "nodata", ("AAAA",))
            self.document.kept(way, self.rules.put(wish, "domains", ".", self.document.place(*way)))
        else:
            self.document.kept(way)
        for one in self.document.each("dns", "blocked_hosts"):
            text = self.document.text(*one).lower()
            name = domain(text.removeprefix("||").removesuffix("^"))
            if name in SPECIAL:
                self.document.kept(one, reason="nothing is told of this server")
            elif not name:
                self.document.dropped(one, "is no domain")
            else:
                shown = name if text.startswith("||") else f"={name}"
                wish = Wish("block", "blocked-hosts", "refused")
                self.document.kept(one, self.rules.put(wish, "domains", shown, self.document.place(*one)))
        self._dns64()

    def _dns64(self) -> None:
        way: Way = ("dns", "use_dns64")
        prefixes = [self.document.text(*one) for one in self.document.each("dns", "dns64_prefixes")]
        if self.document.flag(*way):
            where = self.draft.table("dns64").set(
                "prefixes", list(prefixes or ["64:ff9b::/96"]), self.document.place(*way)
            )
            self.document.kept(way, where)
            self.document.kept(("dns", "dns64_prefixes"), where)
        else:
            self.document.kept(way)
