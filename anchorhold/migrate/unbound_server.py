"""Statements of unbound's `server:` clause that are one setting here."""

import re
from dataclasses import dataclass

from anchorhold.config.names import Network
from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Scalar
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.unbound_keywords import BUILT_IN
from anchorhold.migrate.unbound_lexer import Clause, Statement, named_path
from anchorhold.migrate.words import address, domain, network, show_address
from resolver.addresses import is_inside_v4, is_inside_v6

_SIZE = re.compile(r"(\d{1,15})([bkmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_KEY = re.compile(r"\s*(\S+)\s+(?:\d+\s+)?(?:IN\s+)?(DS|DNSKEY)\s+([^;]+)", re.IGNORECASE)
MAX_MEMORY = 64 * 1024**3


@dataclass(frozen=True, slots=True)
class _Number:
    """A whole number to a key here: least and most; `by` divides it (milliseconds to seconds); `zero` is what 0 means."""

    table: str
    key: str
    least: float
    most: float
    by: int = 1
    zero: int | None = None


NUMBERS = {
    "cache-max-ttl": _Number("cache", "maximum_ttl", 0, 604_800),
    "cache-min-ttl": _Number("cache", "minimum_ttl", 0, 3_600),
    "cache-max-negative-ttl": _Number("cache", "negative_ttl", 0, 10_800),
    "val-bogus-ttl": _Number("cache", "failure_ttl", 1, 300),
    "serve-expired-ttl": _Number("cache", "stale_for", 0, 604_800, zero=604_800),
    "serve-expired-reply-ttl": _Number("cache", "stale_ttl", 1, 300),
    "serve-expired-client-timeout": _Number("cache", "stale_after", 0, 10, by=1_000),
    "max-udp-size": _Number("listen", "payload", 512, 4_096),
    "ip-ratelimit": _Number("limits", "rate", 0, 1_000_000),
    "incoming-num-tcp": _Number("limits", "tcp_clients", 1, 65_535),
    "tcp-idle-timeout": _Number("limits", "tcp_idle", 1, 600, by=1_000),
}
FLAGS = {"prefetch": "prefetch", "serve-expired": "stale"}


class ServerWriter:
    """Writes what the merged `server:` clause says, but for clients, zones and servers."""

    def __init__(self, server: Clause, migration: Migration, reader: Reader) -> None:
        self.server, self.migration, self.reader = server, migration, reader
        self.draft, self.report = migration.draft, migration.report

    def write(self) -> None:
        """Everything."""
        self._listen()
        self._iteration()
        self._memory()
        self._rebinding()
        self._dnssec()
        self._dns64()
        for one in self.server.statements:
            if self.report.lines[one.place].verdict is None:
                self._simple(one)

    def _simple(self, one: Statement) -> None:
        if one.keyword in NUMBERS:
            self._number(one, NUMBERS[one.keyword])
        elif one.keyword in FLAGS:
            self.report.kept(one.place, self.draft.table("cache").set(FLAGS[one.keyword], one.is_yes, one.place))
        elif one.keyword in BUILT_IN:
            if one.value.lower() == BUILT_IN[one.keyword]:
                self.report.kept(one.place, reason="so it is here, without a setting")
            else:
                self.report.changed(one.place, f"here it is always as if it were {BUILT_IN[one.keyword]}")
        elif one.keyword == "username":
            if one.value:
                self.report.changed(one.place, "the processes become nobody, or whom user in [service] names")
            else:
                self.report.dropped(one.place, "started as root, the processes become somebody else: user in [service]")

    def _number(self, one: Statement, what: _Number) -> None:
        if not re.fullmatch(r"\d{1,15}", one.value):
            self.report.dropped(one.place, f"{one.value[:40]!r} is no number")
            return
        meant: float = int(one.value) / what.by
        if what.zero is not None and not meant:
            meant = what.zero
        written = min(what.most, max(what.least, meant))
        shown: Scalar = int(written) if written == int(written) else written
        where = self.draft.table(what.table).set(what.key, shown, one.place)
        if what.key == "rate":
            self.draft.table("limits").set("burst", max(200, int(written)) if written else 0)
        if written == meant:
            self.report.kept(one.place, where)
        else:
            self.report.changed(one.place, f"from {what.least} to {what.most} is allowed here", where)

    # Where clients ask.

    def _listen(self) -> None:
        number = self._port("port", "", 53)
        served = {self._port("tls-port", "ssl-port", 853): "tls", self._port("https-port", "", 443): "https"}
        served.setdefault(self._port("quic-port", "", 853), "quic")
        has_key = self._certificate()
        automatic = self.server.last("interface-automatic")
        listed = [one for one in self.server.statements if one.keyword in ("interface", "ip-address")]
        for one in listed:
            self._interface(one, number, served, has_key)
        listen = self.draft.table("listen")
        if not listen.values("addresses"):
            hosts = ("0.0.0.0", "[::]") if automatic is not None and automatic.is_yes else ("127.0.0.1", "[::1]")  # noqa: S104 # as it was
            for host in hosts:
                listen.add("addresses", f"{host}:{number}")
        for keyword in ("port", "interface-automatic", "tls-port", "ssl-port", "https-port", "quic-port"):
            for one in self.server.all(keyword):
                self.report.kept(
                    one.place, "listen.addresses" if keyword in ("port", "interface-automatic") else "secure.listen"
                )

    def _port(self, keyword: str, other: str, otherwise: int) -> int:
        one = self.server.last(keyword) or (self.server.last(other) if other else None)
        return int(one.value) if one is not None and re.fullmatch(r"\d{1,5}", one.value) else otherwise

    def _interface(self, one: Statement, port: int, served: dict[int, str], has_key: bool) -> None:
        host, _, own = one.value.partition("@")
        literal = address(host.partition("%")[0])
        number = int(own) if re.fullmatch(r"\d{1,5}", own) else port
        if literal is None:
            self.report.dropped(one.place, "an interface by name: write its address into addresses of [listen]")
        elif number in served and number != port and has_key:
            url = f"{served[number]}://{show_address(literal, number)}"
            self.report.kept(one.place, self.draft.table("secure").add("listen", url, one.place))
        elif number in served and number != port:
            self.report.dropped(one.place, "encrypted, but there is no tls-service-key and tls-service-pem")
        else:
            self.report.kept(
                one.place, self.draft.table("listen").add("addresses", show_address(literal, number), one.place)
            )

    def _certificate(self) -> bool:
        key = self.server.last("tls-service-key") or self.server.last("ssl-service-key")
        chain = self.server.last("tls-service-pem") or self.server.last("ssl-service-pem")
        if key is None or chain is None or not key.value or not chain.value:
            for lone in (key, chain):
                if lone is not None:
                    self.report.dropped(lone.place, "key and certificate belong together, and one of them is missing")
            return False
        secure = self.draft.table("secure")
        secure.set("certificate", "files")
        self.report.kept(key.place, secure.set("key", str(named_path(key.value, self.server, self.reader)), key.place))
        self.report.kept(
            chain.place, secure.set("chain", str(named_path(chain.value, self.server, self.reader)), chain.place)
        )
        self.migration.report.advise(
            "write into [secure] name the name that the certificate is for, so that devices can know it"
        )
        path = self.server.last("http-endpoint")
        if path is not None:
            self.report.kept(path.place, secure.set("path", path.value, path.place))
        return True

    # How names are found.

    def _iteration(self) -> None:
        families = {"do-ip4": "only-ipv6", "do-ip6": "only-ipv4"}
        for keyword, family in families.items():
            for one in self.server.all(keyword):
                if one.is_yes:
                    self.report.kept(one.place)
                else:
                    where = self.draft.table("resolve").set("family", family, one.place)
                    self.report.changed(
                        one.place, "it counts for servers that are asked, not for where clients ask", where
                    )
        for keyword, family in (("prefer-ip4", "prefer-ipv4"), ("prefer-ip6", "prefer-ipv6")):
            for one in self.server.all(keyword):
                if one.is_yes and "family" not in self.draft.table("resolve"):
                    self.draft.table("resolve").set("family", family, one.place)
                self.report.kept(one.place, "resolve.family" if one.is_yes else "")
        self._minimisation()
        hints = self.server.last("root-hints")
        if hints is not None:
            where = self.draft.table("resolve").set(
                "root_hints", str(named_path(hints.value, self.server, self.reader)), hints.place
            )
            self.report.kept(hints.place, where)
        for keyword in ("directory", "chroot"):
            for one in self.server.all(keyword):
                self.report.kept(one.place, reason="relative paths are read from there")

    def _minimisation(self) -> None:
        plain, strict = self.server.last("qname-minimisation"), self.server.last("qname-minimisation-strict")
        if plain is not None and not plain.is_yes:
            self.report.kept(plain.place, self.draft.table("resolve").set("minimise", "off", plain.place))
        elif plain is not None:
            self.report.kept(plain.place, "resolve.minimise")
        if strict is not None and strict.is_yes and (plain is None or plain.is_yes):
            self.report.kept(strict.place, self.draft.table("resolve").set("minimise", "strict", strict.place))
        elif strict is not None:
            self.report.kept(strict.place)

    def _memory(self) -> None:
        found = []
        for one in self.server.all("msg-cache-size") + self.server.all("rrset-cache-size"):
            size = _SIZE.fullmatch(one.value.replace(" ", ""))
            if size is None:
                self.report.dropped(one.place, f"{one.value[:40]!r} is no size")
                continue
            found.append((one.place, int(size[1]) * _UNITS[size[2].lower()]))
        if found:
            total = min(MAX_MEMORY, max(1024**2, sum(size for _, size in found)))
            text = f"{total // 1024**2} MiB" if not total % 1024**2 else total
            for place, _ in found:
                where = self.draft.table("cache").set("memory", text, place)
                self.report.changed(place, "one ceiling for all of the cache, of each process", where)
            self.draft.table("cache").items["memory"].places[:] = [place for place, _ in found]

    def _rebinding(self) -> None:
        for one in self.server.all("private-address"):
            net = network(one.value)
            if net is None:
                self.report.dropped(one.place, f"{one.value[:40]!r} is no network")
            elif _is_taken_out(net):
                self.report.kept(
                    one.place, "rebinding.protect", "private networks are taken out of answers from outside"
                )
            else:
                self.report.dropped(one.place, "private networks alone are taken out of answers")
        for one in self.server.all("private-domain"):
            name = domain(one.value)
            if name:
                self.report.kept(one.place, self.draft.table("rebinding").add("allow", name, one.place))
            else:
                self.report.dropped(one.place, f"{one.value[:40]!r} is no domain")
        if not self.server.all("private-address"):
            self.report.advise(
                "addresses of private networks are now taken out of answers from outside: see [rebinding]"
            )

    # What is believed.

    def _dnssec(self) -> None:
        for one in self.server.all("module-config"):
            if "validator" in one.value:
                self.report.kept(one.place)
            else:
                self.report.changed(
                    one.place, "every answer is validated here; zones that may not be go into [[dnssec.negative]]"
                )
        for one in self.server.all("domain-insecure"):
            name = domain(one.value)
            if not name:
                self.report.dropped(one.place, f"{one.value[:40]!r} is no domain")
                continue
            table = self.draft.table("dnssec").append("negative", one.place)
            table.set("zone", name)
            table.set("reason", "domain-insecure in unbound.conf")
            self.report.kept(one.place, table.path)
        for one in self.server.all("trust-anchor"):
            self._anchor(one.value, one.place)
        for one in self.server.all("trust-anchor-file") + self.server.all("auto-trust-anchor-file"):
            self._anchor_file(one)

    def _anchor(self, text: str, place: int) -> None:
        found = _KEY.fullmatch(text)
        if found is None:
            self.report.dropped(place, "is no DS or DNSKEY record")
        elif found[1] == ".":
            self.report.kept(place, reason="the root's keys come with this program, which follows them")
        else:
            record = f"{found[1].rstrip('.')}. {found[2].upper()} {found[3].strip()}"
            self.report.kept(place, self.draft.table("dnssec").add("trust_anchors", record, place))

    def _anchor_file(self, one: Statement) -> None:
        try:
            text = self.reader.text(named_path(one.value, self.server, self.reader))
        except Unreadable as error:
            if "root" in one.value:
                self.report.kept(one.place, reason="the root's keys come with this program, which follows them")
            else:
                self.report.dropped(one.place, str(error))
            return
        self.report.kept(
            one.place, reason="the root's keys come with this program, which follows them; others are carried over"
        )
        for line in text.splitlines():
            if _KEY.fullmatch(line.partition(";")[0]) and not line.startswith(". "):
                self._anchor(line.partition(";")[0], one.place)

    def _dns64(self) -> None:
        prefix = self.server.last("dns64-prefix")
        is_used = any("dns64" in one.value for one in self.server.all("module-config"))
        if is_used:
            table = self.draft.table("dns64")
            table.set("prefixes", [prefix.value if prefix else "64:ff9b::/96"], prefix.place if prefix else None)
        if prefix is not None and is_used:
            self.report.kept(prefix.place, "dns64.prefixes")
        elif prefix is not None:
            self.report.dropped(prefix.place, "module-config has no dns64, so it does nothing there")
        for one in self.server.all("dns64-ignore-aaaa"):
            self.report.dropped(one.place, "AAAA records are ignored by their addresses here: ignore in [dns64]")
        wanted, nat64 = self.server.is_yes("do-nat64"), self.server.last("nat64-prefix")
        for one in self.server.all("do-nat64") + self.server.all("nat64-prefix"):
            self.report.kept(one.place, "resolve.nat64" if wanted else "")
        if wanted:
            self.draft.table("resolve").set(
                "nat64", nat64.value if nat64 else "64:ff9b::/96", nat64.place if nat64 else None
            )


def _is_taken_out(net: Network) -> bool:
    """Whether these addresses are taken out of answers here as well. No network but the widest has both its ends inside and
    something else between."""
    is_inside = is_inside_v4 if net.version == 4 else is_inside_v6
    return net.prefixlen > 1 and all(is_inside(one.packed) for one in (net.network_address, net.broadcast_address))
