"""dnsmasq's plain settings: where it listens, its cache, DNSSEC, rebinding, kinds of records that are taken out."""

from anchorhold.migrate.dnsmasq_file import Option
from anchorhold.migrate.dnsmasq_run import WEEK, Run, Useless, read_address, read_number
from anchorhold.migrate.words import show_address

EVERY_4 = "0.0.0.0"  # noqa: S104 # what dnsmasq listens on
WILDCARDS = (EVERY_4, "[::]")


class SettingFamily:
    """Every plain keyword. Nothing of it depends on another family."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._report = run.report

    def all(self) -> None:
        """Write them."""
        self._listen()
        self._cache()
        self._trust()
        self._rebinding()
        each = self._run.each
        each(self._payload, "edns-packet-max")
        each(self._user, "user")
        each(lambda option: self._report.kept(option.place, reason="such names never leave (RFC 6303)"), "bogus-priv")

    def last_rules(self) -> None:
        """Rules for all names: behind those for some, for the first that matches counts."""
        self._run.each(self._filter, "filter-A", "filter-AAAA", "filter-rr")
        self._run.each(self._domain_needed, "domain-needed")

    # Where clients ask.

    def _listen(self) -> None:
        self._port = 53
        self._run.each(self._read_port, "port")
        listen = self._run.draft.table("listen")
        addresses: list[tuple[str, int | None]] = []
        for option in self._run.reading.of("listen-address"):
            for part in option.parts():
                try:
                    address = read_address(part.partition("%")[0])
                except Useless as useless:
                    self._report.dropped(option.place, str(useless))
                    continue
                addresses.append((show_address(address), option.place))
                self._report.kept(option.place, "listen.addresses")
        if addresses and (self._run.has("interface") or any(one.startswith("127.") for one, _ in addresses)):
            addresses.append(("127.0.0.1", None))
        if not addresses:
            addresses = [(one, None) for one in (WILDCARDS if self._port else ("127.0.0.1",))]
        said = set[str]()
        for shown, place in addresses:
            if shown not in said:
                said.add(shown)
                listen.add("addresses", f"{shown}:{self._port or 5300}", place)
        self._run.each(self._interface, "interface", "except-interface")
        self._run.each(self._no_dhcp, "no-dhcp-interface", "no-dhcpv4-interface", "no-dhcpv6-interface")
        self._run.each(self._bind, "bind-interfaces", "bind-dynamic")
        self._run.each(self._service_only, "local-service")

    def _read_port(self, option: Option) -> None:
        self._port = read_number(option.value, 65_535)
        if self._port:
            self._report.kept(option.place, "listen.addresses")
            return
        self._report.changed(
            option.place, "DNS is not turned off here; it listens on 127.0.0.1:5300 alone", "listen.addresses"
        )
        self._run.report.advise(
            "port=0 (no DNS): devices are told of no resolver; say which with options = { dns-servers = ... } in [dhcp]"
        )

    def _interface(self, option: Option) -> None:
        listed = self._run.draft.table("listen").values("addresses")
        if any(str(one).startswith(EVERY_4) for one in listed):
            named = "all but these are" if option.keyword == "except-interface" else "only these are"
            self._report.changed(
                option.place,
                f"{named} meant: here it is addresses that are listened on, so for now every address, and [access] says who is "
                "answered; write the interface's own address instead",
                "listen.addresses",
            )
        else:
            self._report.kept(option.place, "listen.addresses", "listen-address says it by addresses")

    def _no_dhcp(self, option: Option) -> None:
        self._report.kept(
            option.place, reason="addresses are given out only where a [[dhcp.subnet]] names the interface"
        )

    def _bind(self, option: Option) -> None:
        if option.keyword == "bind-interfaces":
            self._report.kept(option.place, "listen.addresses", "each address is bound by itself")
        else:
            self._report.changed(option.place, "addresses that come later are listened on only by 0.0.0.0 and [::]")

    def _service_only(self, option: Option) -> None:
        self._report.kept(option.place, "access.allow", "loopback and private networks may ask, others get no answer")

    # Memory.

    def _cache(self) -> None:
        for keyword, key, most in (
            ("min-cache-ttl", "minimum_ttl", 3_600),
            ("max-cache-ttl", "maximum_ttl", WEEK),
            ("max-ttl", "maximum_ttl", WEEK),
        ):
            self._run.each(lambda option, key=key, most=most: self._ttl(option, key, most), keyword)  # type: ignore[misc]
        self._run.each(self._cache_size, "cache-size")
        self._run.each(self._no_negative, "no-negcache")
        self._run.each(self._stale, "use-stale-cache")
        self._run.each(self._negative, "neg-ttl")

    def _ttl(self, option: Option, key: str, most: int) -> None:
        seconds = read_number(option.value)
        where = self._run.draft.table("cache").set(key, min(seconds, most), option.place)
        if seconds > most:
            self._report.changed(option.place, f"at most {most} seconds", where)
        elif option.keyword == "max-ttl":
            self._report.changed(option.place, "it bounds what is kept, and so what is given out", where)
        else:
            self._report.kept(option.place, where)

    def _cache_size(self, option: Option) -> None:
        if read_number(option.value or "0"):
            self._report.changed(option.place, "the cache is bounded by octets, not by entries; the default is larger")
            return
        self._report.kept(option.place, self._run.draft.table("cache").set("maximum_ttl", 0, option.place))

    def _no_negative(self, option: Option) -> None:
        self._report.kept(option.place, self._run.draft.table("cache").set("negative_ttl", 0, option.place))

    def _negative(self, option: Option) -> None:
        self._report.dropped(option.place, "an answer without SOA is not kept (RFC 2308 section 5)")

    def _stale(self, option: Option) -> None:
        seconds = min(read_number(option.value or "86400") or WEEK, WEEK)
        cache = self._run.draft.table("cache")
        cache.set("stale", True, option.place)
        where = cache.set("stale_for", seconds, option.place)
        self._report.changed(option.place, "stale answers are given while no upstream answers, not always first", where)

    # What is believed.

    def _trust(self) -> None:
        said = "every answer is validated; the root's keys come with the program and follow RFC 5011"
        for option in self._run.reading.of("dnssec", "proxy-dnssec", "dnssec-check-unsigned"):
            if option.keyword == "proxy-dnssec" or option.value == "no":
                self._report.changed(option.place, f"the word of an upstream is not enough: {said}")
            else:
                self._report.kept(option.place, "dnssec", said)
        self._run.each(self._anchor, "trust-anchor")

    def _anchor(self, option: Option) -> None:
        parts = option.parts()
        if len(parts) == 6:
            del parts[1]  # the class
        if len(parts) != 5:
            raise Useless("it is no trust anchor: name, tag, algorithm, kind and digest")
        name, tag, algorithm, kind, digest = parts
        if name == ".":
            self._report.changed(option.place, "the root's keys come with the program and follow RFC 5011", "dnssec")
            return
        record = f"{name.rstrip('.')}. DS {tag} {algorithm} {kind} {digest.replace(' ', '').upper()}"
        where = self._run.draft.table("dnssec").add("trust_anchors", record, option.place)
        self._report.kept(option.place, where)

    def _rebinding(self) -> None:
        for option in self._run.reading.of("stop-dns-rebind"):
            where = self._run.draft.table("rebinding").set("protect", True, option.place)
            self._report.kept(option.place, where)
        self._run.each(self._may_lead_inside, "rebind-domain-ok")
        for option in self._run.reading.of("rebind-localhost-ok"):
            self._report.dropped(
                option.place, "name the domains that may: allow = [...] in [rebinding] (block lists by DNS do)"
            )

    def _may_lead_inside(self, option: Option) -> None:
        names = [part.strip(".") for part in option.parts("/") if part.strip(".")]
        if not names:
            raise Useless("it names no domain")
        for name in names:
            self._report.kept(option.place, self._run.draft.table("rebinding").add("allow", name, option.place))

    # Kinds of records.

    def _filter(self, option: Option) -> None:
        kinds = option.parts() if option.keyword == "filter-rr" else [option.keyword.removeprefix("filter-")]
        if "ANY" in kinds:
            self._report.changed(option.place, "ANY gets one record of those there are (RFC 8482)")
            kinds.remove("ANY")
        if not kinds:
            return
        rule = self._run.draft.append("rule", option.place)
        rule.set("action", "block")
        rule.set("name", option.keyword)
        rule.set("domains", ["."])
        rule.set("types", list(kinds))
        rule.set("answer", "nodata")
        self._report.changed(option.place, "the question is not sent on; local names are not touched", rule.path)

    def _domain_needed(self, option: Option) -> None:
        rule = self._run.draft.append("rule", option.place, "Names without a dot are not asked for outside.")
        rule.set("action", "block")
        rule.set("name", "domain-needed")
        rule.set("patterns", ["^[^.]+$"])
        rule.set("types", ["A", "AAAA"])
        rule.set("answer", "nxdomain")
        self._report.kept(option.place, rule.path)

    def _payload(self, option: Option) -> None:
        size = read_number(option.value, 65_535)
        where = self._run.draft.table("listen").set("payload", max(512, min(size, 4_096)), option.place)
        self._report.changed(option.place, "it is what clients get; upstreams are told 1232 always", where)

    def _user(self, option: Option) -> None:
        if option.value in ("", "root", "dnsmasq"):
            self._report.changed(option.place, "the processes become nobody, or what user in [service] says")
            return
        self._report.changed(option.place, "the processes become nobody; write user in [service] for another")
