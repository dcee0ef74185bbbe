"""Keys of pihole.toml, each to what it is here."""

from anchorhold.migrate import Migration
from anchorhold.migrate.document import Document, Way
from anchorhold.migrate.local_names import LocalNames, host_name, rdata_text
from anchorhold.migrate.pihole_dhcp import carry_dhcp
from anchorhold.migrate.pihole_fixed import FIXED
from anchorhold.migrate.pihole_lines import carry_lines
from anchorhold.migrate.products import BY_NAME, NO_PAUSE, group_of, iterate_instead, say_fixed
from anchorhold.migrate.upstreams import Groups, Server, plain_server
from anchorhold.migrate.words import address, domain, network, reverse_zones

RELAYS = ("mask.icloud.com", "mask-h2.icloud.com")
CANARY = "use-application-dns.net"
MODES = {"NULL": "null", "NXDOMAIN": "nxdomain", "NODATA": "nodata", "IP": "", "IP-NODATA-AAAA": ""}
PLAIN_NAME = r"^[^.]+$"
MAX_REVERSE = 64


class PiholeSettings:
    """Writes what one document says. `others` are lines of dnsmasq's in files of the user's own."""

    def __init__(self, document: Document, migration: Migration, others: list[tuple[int, str]]) -> None:
        self.document = document
        self.migration = migration
        self.draft, self.report = migration.draft, migration.report
        self.others = others
        self.answer = "null"
        self.own_domain = ""
        self.known_addresses: dict[str, str] = {}
        """Hardware addresses and names (small letters) → IP addresses, as the configuration itself ties them together."""
        self.groups = Groups(self.draft, self.report)
        self.local = LocalNames(self.draft)

    def carry(self) -> None:
        """Everything."""
        self._listen()
        self._upstreams()
        self._domain()
        self._reverse_servers()
        self._hosts()
        self._cnames()
        self._blocking()
        self._special_domains()
        self._names()
        self._cache()
        self._rate()
        carry_dhcp(self.document, self.draft, self.known_addresses)
        self._own_lines()
        say_fixed(self.document, FIXED, "is no key of Pi-hole's that is known here")

    def _listen(self) -> None:
        port = self.document.number("dns", "port")
        where = ""
        for host in ("0.0.0.0", "[::]"):  # noqa: S104 # what Pi-hole does as well
            where = self.draft.table("listen").add("addresses", f"{host}:{53 if port is None else port}")
        self.document.kept(("dns", "port"), where)
        mode = self.document.text("dns", "listeningMode").upper()
        way: Way = ("dns", "listeningMode")
        if mode in ("", "LOCAL"):
            self.document.kept(way, "access.allow", "loopback and private networks may ask")
        elif mode == "ALL":
            self.document.changed(
                way, "loopback and private networks may ask, nobody else; others go into allow of [access]"
            )
        else:
            self.document.changed(
                way,
                "every address of this machine is listened at, and private networks may ask: see [listen] and [access]",
            )

    def _upstreams(self) -> None:
        servers = []
        for way in self.document.each("dns", "upstreams"):
            text = self.document.text(*way)
            url = text if "://" in text else plain_server(text)
            if not url:
                self.document.dropped(way, BY_NAME)
                continue
            if url in ("udp://127.0.0.1:5335", "udp://[::1]:5335"):
                self.report.advise(
                    f'{url} is mostly an unbound of your own; mode = "iterate" in [resolve] does its work without it'
                )
            servers.append(Server(url, tuple(self.document.below(*way))))
        if not servers or not self.groups.add("default", servers, "fastest"):
            iterate_instead(self.draft, self.report)

    def _domain(self) -> None:
        for way in (("dns", "domain", "name"), ("dns", "domain")):
            text = self.document.text(*way)
            name = domain(text) if text else ""
            if not text or not name or name == ".":
                continue
            self.own_domain = name
            servers = [self.document.text(*one).split(",") for one in self.document.each("dns", "revServers")]
            is_routed = any(server[3:4] == [name] for server in servers)
            if self.document.flag("dns", "domain", "local", default=True) and not is_routed:
                self.local.closed.append(name)
                table = self.local.table(name, place=self.document.place(*way))
                self.document.kept(way, table.path, "nothing in it goes outside")
            else:
                self.document.changed(way, "its names go where a route or [upstreams.default] leads")
            self.document.kept(("dns", "domain", "local"))
            return

    def _reverse_servers(self) -> None:
        for way in self.document.each("dns", "revServers"):
            active, net_text, target, name, *_ = (*self.document.text(*way).split(","), "", "", "", "")
            net, url = network(net_text), plain_server(target)
            if active.strip().lower() not in ("true", "1"):
                self.document.dropped(way, "it is turned off there")
            elif net is None or not url:
                self.document.dropped(way, "it is not fully written: true,NETWORK,SERVER[,DOMAIN]")
            else:
                self._reverse_server(
                    way, url, [*reverse_zones(net)[:MAX_REVERSE], domain(name) if name.strip() else ""]
                )

    def _reverse_server(self, way: Way, url: str, domains: list[str]) -> None:
        routed = {value for route in self.draft.tables("route") for value in route.values("domains")}
        place = self.document.place(*way)
        fresh = [one for one in domains if one and one != "." and one not in routed]
        if not fresh:
            self.document.dropped(way, "another one above has the same network and domain")
            return
        group = group_of(self.groups, "router", [Server(url, tuple(self.document.below(*way)))])
        if group:
            route = self.draft.append("route", place)
            route.set("domains", list(fresh))
            route.set("upstreams", group)
            self.document.kept(way, route.path)

    def _hosts(self) -> None:
        for way in self.document.each("dns", "hosts"):
            text = self.document.text(*way).partition("#")[0]
            literal, *names = text.split() or [""]
            self._host(way, literal, names)
        record = self.document.text("dns", "hostRecord")
        if record:
            parts = [part.strip() for part in record.split(",")]
            literals = [part for part in parts if address(part) is not None]
            names = [part for part in parts if address(part) is None and not part.isdigit()]
            for literal in literals or [""]:
                self._host(("dns", "hostRecord"), literal, names)
        elif self.document.get("dns", "hostRecord") is not None:
            self.document.kept(("dns", "hostRecord"))

    def _host(self, way: Way, literal: str, names: list[str]) -> None:
        found = address(literal)
        if found is None or not names:
            self.document.dropped(way, "it is not ADDRESS NAME")
            return
        expand = self.document.flag("dns", "expandHosts") and bool(self.own_domain)
        for text in names:
            name = host_name(text)
            if not name:
                self.document.dropped(way, f"{text[:80]!r} is no name of a host")
                continue
            kind = "A" if found.version == 4 else "AAAA"
            where = self.local.record(name, f"{kind} {found}", self.document.place(*way))
            self.known_addresses.setdefault(name, str(found))
            if expand and "." not in name:
                self.local.record(f"{name}.{self.own_domain}", f"{kind} {found}", self.document.place(*way))
            self.document.kept(way, where)

    def _cnames(self) -> None:
        for way in self.document.each("dns", "cnameRecords"):
            parts = [part.strip() for part in self.document.text(*way).split(",")]
            ttl = parts.pop() if len(parts) > 2 and parts[-1].isdigit() else ""
            names, target = [host_name(part) for part in parts[:-1]], host_name(parts[-1])
            if not names or not all(names) or not target:
                self.document.dropped(way, "it is not NAME,TARGET")
                continue
            try:
                data = f"CNAME {rdata_text('CNAME', target + '.')}"
            except ValueError as error:
                self.document.dropped(way, str(error))
                continue
            for name in names:
                where = self.local.record(
                    name, f"{min(int(ttl[:7]), 604_800)} {data}" if ttl else data, self.document.place(*way)
                )
                self.document.kept(way, where)

    def _blocking(self) -> None:
        active: Way = ("dns", "blocking", "active")
        if self.document.flag(*active, default=True):
            self.document.kept(active)
        else:
            self.document.changed(active, NO_PAUSE)
        way: Way = ("dns", "blocking", "mode")
        mode = self.document.text(*way).upper() or "NULL"
        self.answer = MODES.get(mode, "null")
        if self.answer:
            self.document.kept(way, "lists.NAME.answer")
            return
        own = [self.document.text("dns", "reply", "blocking", key) for key in ("IPv4", "IPv6")]
        literals = [text for text in own if address(text) is not None and not address(text).is_unspecified]  # type: ignore[union-attr]
        if mode == "IP-NODATA-AAAA":
            literals = [text for text in literals if ":" not in text]
        self.answer = ", ".join(literals) or "null"
        if literals:
            self.document.kept(way, "lists.NAME.answer")
            self.document.kept(("dns", "reply", "blocking"), "lists.NAME.answer")
        else:
            self.document.changed(way, "blocked names get 0.0.0.0 and ::, for there is no page here that would say so")

    def _special_domains(self) -> None:
        for key, names in (("mozillaCanary", (CANARY,)), ("iCloudPrivateRelay", RELAYS)):
            way: Way = ("dns", "specialDomains", key)
            if not self.document.flag(*way, default=True):
                self.document.kept(way)
                continue
            rule = self.draft.append("rule", self.document.place(*way))
            rule.set("action", "block")
            rule.set("name", "firefox-canary" if key == "mozillaCanary" else "icloud-private-relay")
            rule.set("domains", [f"={name}" for name in names])
            rule.set("answer", "nxdomain")
            self.document.kept(way, rule.path)

    def _names(self) -> None:
        way: Way = ("dns", "domainNeeded")
        if self.document.flag(*way):
            rule = self.draft.append("rule", self.document.place(*way))
            rule.set("action", "block")
            rule.set("name", "plain-names")
            rule.set("patterns", [PLAIN_NAME])
            rule.set("types", ["A", "AAAA"])
            rule.set("answer", "nxdomain")
            self.document.changed(
                way, "addresses of names without a dot are not asked for outside; other types are", rule.path
            )
        else:
            self.document.kept(way)
        self.document.kept(("dns", "expandHosts"))
        for key, reason in (
            ("dnssec", "every answer is validated here; zones that may not be go into [[dnssec.negative]]"),
            ("bogusPriv", "reverse names of private networks never go outside, unless a route says where"),
            ("CNAMEdeepInspect", "the targets of aliases are always looked at"),
        ):
            if self.document.flag("dns", key, default=True):
                self.document.kept(("dns", key), reason=reason)
            else:
                self.document.changed(("dns", key), reason)

    def _cache(self) -> None:
        size, stale = self.document.number("dns", "cache", "size"), self.document.number("dns", "cache", "optimizer")
        if size == 0:
            self.document.kept(
                ("dns", "cache", "size"),
                self.draft.table("cache").set("maximum_ttl", 0, self.document.place("dns", "cache", "size")),
            )
        else:
            self.document.changed(
                ("dns", "cache", "size"), "the cache is measured in octets, not entries: memory in [cache]"
            )
        if stale is None:
            return
        way: Way = ("dns", "cache", "optimizer")
        cache, place = self.draft.table("cache"), self.document.place(*way)
        where = cache.set("stale", stale >= 0, place)
        if stale >= 0:
            cache.set("stale_for", min(stale, 604_800) or 604_800)
            cache.set("stale_after", 0)
        self.document.kept(way, where)

    def _rate(self) -> None:
        count, span = (self.document.number("dns", "rateLimit", key) for key in ("count", "interval"))
        if count is None or span is None:
            return
        limits, place = self.draft.table("limits"), self.document.place("dns", "rateLimit")
        rate = round(min(count / span, 1_000_000), 3) if count > 0 and span > 0 else 0
        where = limits.set("rate", rate, place)
        limits.set("burst", max(0, min(count, 10_000_000)) if rate else 0)
        self.document.kept(("dns", "rateLimit"), where)

    def _own_lines(self) -> None:
        """Lines of dnsmasq's, in pihole.toml or files: those of which dnsmasq's migrator knows what to make are left to it."""
        for way in self.document.each("misc", "dnsmasq_lines"):
            self.others.append((self.document.place(*way) or 0, self.document.text(*way)))
        carry_lines(self.migration, self.others, self.groups, self.local)
        self.document.kept(("misc", "etc_dnsmasq_d"), reason="files of dnsmasq.d that were given are read")
