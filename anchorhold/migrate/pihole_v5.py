"""Pi-hole 5: setupVars.conf, pihole-FTL.conf, custom.list and the files of dnsmasq.d, as if they were keys of pihole.toml.

Each value keeps the place of its own line in the report.
"""

import re
from dataclasses import dataclass, field

from anchorhold.migrate.document import Document, Way
from anchorhold.migrate.report import Report

_PAIR = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_TRUE = {"true", "1", "yes", "on", "enabled"}
_FALSE = {"false", "0", "no", "off", "disabled"}
REVERSE = ("REV_SERVER", "REV_SERVER_CIDR", "REV_SERVER_TARGET", "REV_SERVER_DOMAIN")

SETUP: dict[str, str] = {
    "PIHOLE_INTERFACE": "dns.interface",
    "QUERY_LOGGING": "dns.queryLogging",
    "BLOCKING_ENABLED": "dns.blocking.active",
    "DNS_FQDN_REQUIRED": "dns.domainNeeded",
    "DNS_BOGUS_PRIV": "dns.bogusPriv",
    "DNSSEC": "dns.dnssec",
    "DNSMASQ_LISTENING": "dns.listeningMode",
    "HOSTRECORD": "dns.hostRecord",
    "PIHOLE_DOMAIN": "dns.domain.name",
    "CACHE_SIZE": "dns.cache.size",
    "DHCP_ACTIVE": "dhcp.active",
    "DHCP_START": "dhcp.start",
    "DHCP_END": "dhcp.end",
    "DHCP_ROUTER": "dhcp.router",
    "DHCP_LEASETIME": "dhcp.leaseTime",
    "DHCP_IPv6": "dhcp.ipv6",
    "DHCP_RAPID_COMMIT": "dhcp.rapidCommit",
    "WEBPASSWORD": "webserver.api.pwhash",
    "WEBTHEME": "webserver.interface.theme",
    "WEBUIBOXEDLAYOUT": "webserver.interface.boxed",
    "WEB_PORTS": "webserver.port",
    "TEMPERATURE_LIMIT": "webserver.api.temp.limit",
    "TEMPERATUREUNIT": "webserver.api.temp.unit",
    "GRAVITY_TMPDIR": "files.gravity_tmp",
    "API_EXCLUDE_DOMAINS": "webserver.api.excludeDomains",
    "API_EXCLUDE_CLIENTS": "webserver.api.excludeClients",
    "API_QUERY_LOG_SHOW": "webserver.api.queryLog",
    "INSTALL_WEB_SERVER": "webserver.install",
    "INSTALL_WEB_INTERFACE": "webserver.interface.install",
    "LIGHTTPD_ENABLED": "webserver.lighttpd",
    "ADMIN_EMAIL": "webserver.email",
    "IPV4_ADDRESS": "dns.reply.host.IPv4",
    "IPV6_ADDRESS": "dns.reply.host.IPv6",
}
"""Key of setupVars.conf → key of pihole.toml (a few are made up, in tables that are not carried over)."""

FTL: dict[str, str] = {
    "BLOCKINGMODE": "dns.blocking.mode",
    "CNAME_DEEP_INSPECT": "dns.CNAMEdeepInspect",
    "BLOCK_ESNI": "dns.blockESNI",
    "EDNS0_ECS": "dns.EDNS0ECS",
    "RATE_LIMIT": "dns.rateLimit",
    "LOCAL_IPV4": "dns.reply.host.IPv4",
    "LOCAL_IPV6": "dns.reply.host.IPv6",
    "BLOCK_IPV4": "dns.reply.blocking.IPv4",
    "BLOCK_IPV6": "dns.reply.blocking.IPv6",
    "MOZILLA_CANARY": "dns.specialDomains.mozillaCanary",
    "BLOCK_ICLOUD_PR": "dns.specialDomains.iCloudPrivateRelay",
    "PIHOLE_PTR": "dns.piholePTR",
    "REPLY_WHEN_BUSY": "dns.replyWhenBusy",
    "BLOCK_TTL": "dns.blockTTL",
    "IGNORE_LOCALHOST": "dns.ignoreLocalhost",
    "SHOW_DNSSEC": "dns.showDNSSEC",
    "ANALYZE_ONLY_A_AND_AAAA": "dns.analyzeOnlyAandAAAA",
    "PRIVACYLEVEL": "misc.privacylevel",
    "DELAY_STARTUP": "misc.delay_startup",
    "NICE": "misc.nice",
    "MAXDBDAYS": "database.maxDBdays",
    "DBINTERVAL": "database.DBinterval",
    "DBIMPORT": "database.DBimport",
    "DBFILE": "files.database",
    "MAXNETAGE": "database.network.expire",
    "PARSE_ARP_CACHE": "database.network.parseARPcache",
    "RESOLVE_IPV4": "resolver.resolveIPv4",
    "RESOLVE_IPV6": "resolver.resolveIPv6",
    "NAMES_FROM_NETDB": "resolver.networkNames",
    "REFRESH_HOSTNAMES": "resolver.refreshNames",
    "SOCKET_LISTENING": "misc.socket",
    "MAXLOGAGE": "misc.maxlogage",
    "LOGFILE": "files.log.ftl",
    "PIDFILE": "files.pid",
    "MACVENDORDB": "files.macvendor",
    "GRAVITYDB": "files.gravity",
    "CHECK_LOAD": "misc.check.load",
    "CHECK_SHMEM": "misc.check.shmem",
    "CHECK_DISK": "misc.check.disk",
    "ADDR2LINE": "misc.addr2line",
    "WEBROOT": "webserver.paths.webroot",
    "WEBHOME": "webserver.paths.webhome",
    "WEBPORT": "webserver.port",
    "WEBACL": "webserver.acl",
    "WEBDOMAIN": "webserver.domain",
    "API_SESSION_TIMEOUT": "webserver.session.timeout",
    "API_PRETTY_JSON": "webserver.api.prettyJSON",
    "API_INFO_LOG": "files.log.webserver",
}
"""Key of pihole-FTL.conf → key of pihole.toml."""


@dataclass
class OldFiles:
    """Grows into one document."""

    report: Report
    tree: dict[str, object] = field(default_factory=dict)
    places: dict[Way, int] = field(default_factory=dict)
    _reverse: dict[str, tuple[str, int]] = field(default_factory=dict)

    def document(self) -> Document:
        """All that was read."""
        self._put_reverse()
        return Document("", self.tree, self.report, self.places)

    def settings(self, text: str, file: str, known: dict[str, str]) -> None:
        """`KEY=VALUE` lines."""
        for place, line in told_lines(text, file, self.report):
            found = _PAIR.fullmatch(line)
            key, value = (found[1], found[2].strip('"')) if found else ("", "")
            if known is SETUP and (key in REVERSE):
                if key in self._reverse:
                    self.report.dropped(self._reverse[key][1], "a later line says it again")
                self._reverse[key] = value, place
            elif known is SETUP and re.fullmatch(r"PIHOLE_DNS_\d{1,3}", key):
                self._append(("dns", "upstreams"), value, place)
            elif key == "RATE_LIMIT":
                self._rate(value, place)
            elif key == "DHCP_LEASETIME":
                # Hours, unlike in pihole.toml; 0 is for ever.
                span = "infinite" if value == "0" else f"{value}h" if value.isdigit() else value
                self._put(("dhcp", "leaseTime"), span, place)
            elif key in known:
                self._put(tuple(known[key].split(".")), _value(value), place)
            elif key.startswith("DEBUG_"):
                self._put(("debug", key.lower()), value, place)
            else:
                self.report.dropped(place, "is no setting of Pi-hole 5 that is known here")

    def hosts(self, text: str, file: str) -> None:
        """custom.list: `ADDRESS NAME` lines."""
        for place, line in told_lines(text, file, self.report):
            self._append(("dns", "hosts"), line, place)

    def directives(self, text: str, file: str) -> list[tuple[int, str]]:
        """A file of dnsmasq.d: `cname=` and `dhcp-host=` as Pi-hole writes them; all other lines come back."""
        others = []
        for place, line in told_lines(text, file, self.report):
            key, _, value = line.partition("=")
            match key.strip():
                case "cname":
                    self._append(("dns", "cnameRecords"), value.strip(), place)
                case "dhcp-host":
                    self._append(("dhcp", "hosts"), value.strip(), place)
                case _:
                    others.append((place, line))
        return others

    def _put(self, way: tuple[str, ...], value: object, place: int) -> None:
        here = self.tree
        for part in way[:-1]:
            inner = here.setdefault(part, {})
            if not isinstance(inner, dict):
                self.report.dropped(place, "another line says it otherwise")
                return
            here = inner
        if way in self.places:
            self.report.dropped(self.places[way], "a later line says it again")
        here[way[-1]] = value
        self.places[way] = place

    def _append(self, way: tuple[str, str], value: str, place: int) -> None:
        table = self.tree.setdefault(way[0], {})
        listed = table.setdefault(way[1], []) if isinstance(table, dict) else None
        if not isinstance(listed, list):
            self.report.dropped(place, "another line says it otherwise")
            return
        self.places[(*way, len(listed))] = place
        listed.append(value)

    def _rate(self, value: str, place: int) -> None:
        count, _, interval = value.partition("/")
        self._put(("dns", "rateLimit", "count"), _value(count), place)
        self._put(("dns", "rateLimit", "interval"), _value(interval or "60"), place)

    def _put_reverse(self) -> None:
        """The four keys of one reverse server, as pihole.toml has them in one."""
        if not self._reverse:
            return
        said = [self._reverse.get(key, ("", -1))[0] for key in REVERSE]
        places = [place for _, place in self._reverse.values()]
        active = str(said[0].lower() in _TRUE).lower()
        self._append(("dns", "revServers"), ",".join((active, *said[1:])), places[0])
        for place in places[1:]:
            self.report.kept(place, reason=f"see {self.report.origin(places[0])}")


def told_lines(text: str, file: str, report: Report) -> list[tuple[int, str]]:
    """Each line's place in the report, and the line; comments and blank ones are counted."""
    report.files.append(file)
    lines = [(number, line) for number, raw in enumerate(text.splitlines(), 1) if (line := raw.strip())]
    said = [(report.add(file, number, line), line) for number, line in lines if not line.startswith("#")]
    report.blank += len(text.splitlines()) - len(said)
    return said


def _value(text: str) -> object:
    folded = text.lower()
    if re.fullmatch(r"-?[0-9]{1,12}", text):
        return int(text)
    if folded in _TRUE:
        return True
    return False if folded in _FALSE else text
