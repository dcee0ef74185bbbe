"""dnsmasq's own names: `address`, domains that stay at home, and what becomes zones, rules and lists of ours.

dnsmasq takes the longest domain that matches, whatever it says. Here local zones are looked at before rules, and the longest
zone counts; so what blocks is a rule where nothing lies below it that is resolved otherwise, and a zone where something does.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from anchorhold.config.names import overlap
from anchorhold.migrate import words
from anchorhold.migrate.dhcp_hosts import subnets
from anchorhold.migrate.dnsmasq_file import Option, plain
from anchorhold.migrate.dnsmasq_records import RecordFamily
from anchorhold.migrate.dnsmasq_run import WEEK, Run, Useless, read_address, read_network, read_number
from anchorhold.migrate.dnsmasq_zones import Zones

NOWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 # nothing is bound
LOOPBACK = frozenset({"127.0.0.1", "::1"})
BULK = 500
"""Blocking lines in a file that holds nothing else, from which on the file itself becomes a list of ours."""
SAME = 20
"""Domains with one and the same address, from which on they are one rule instead of a zone each."""


def read_domains(value: str) -> tuple[list[str], str]:
    """`/a/b/rest` → (["a", "b"], "rest"); without slashes all is rest. "" is names without a dot, "#" every name. Raises
    Useless."""
    if not value.startswith("/"):
        return [], plain(value.strip())
    _, *domains, rest = value.split("/")
    found = []
    for domain in domains:
        name = plain(domain.strip()).lower().rstrip(".")
        name = name if name.startswith("*") else name.lstrip(".")
        if name != "#" and not all(letter.isalnum() or letter in "-_.*" for letter in name):
            raise Useless(f"{name!r} is no domain")
        found.append(name)
    if not found:
        raise Useless("a slash too few")
    return found, plain(rest.strip())


@dataclass
class Said:
    """What the lines say of one domain."""

    addresses: dict[str, int] = field(default_factory=dict)
    null: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    """It ends here, by `address=/domain/`."""
    home: list[int] = field(default_factory=list)
    """It ends here, by `local=/domain/`, and names of ours may be in it."""

    def places(self) -> list[int]:
        """All lines."""
        return list(dict.fromkeys((*self.addresses.values(), *self.null, *self.absent, *self.home)))

    def blocks(self) -> bool:
        """Whether nothing but a refusal is said."""
        return not self.home and bool(self.null or self.absent or self.addresses) and self.refusal() != ""

    def refusal(self) -> str:
        """How a rule would answer; empty if the addresses are somebody's."""
        if self.null:
            return "null"
        if self.addresses:
            given = set(self.addresses)
            if given <= NOWHERE:
                return "null"
            return ", ".join(sorted(given)) if given <= NOWHERE | LOOPBACK else ""
        return "nxdomain"


class LocalFamily:
    """Zones, blocking rules, lists, and the records in zones."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._report = run.report
        self._said: dict[str, Said] = defaultdict(Said)
        self._excepted: dict[str, int] = {}
        self._bulk: set[int] = set()
        self._allowed: set[str] = set()
        self._ranks: dict[str, tuple[int, str]] = {}
        self._rules: dict[tuple[int, str], list[tuple[str, Said]]] = defaultdict(list)
        self.zones = Zones(run)

    def stays(self, domain: str, place: int) -> None:
        """The domain is answered at home or not at all."""
        self._said[domain].home.append(place)

    def excepted(self, domain: str, place: int) -> None:
        """The domain is resolved outside, whatever a shorter one says."""
        self._excepted[domain] = place

    def all(self) -> None:
        """Read the rest of the lines, then write everything."""
        self._run.each(self._address, "address")
        self._run.each(self._domain, "domain", "domain-suffix")
        self._hosts()
        self._ttl()
        self._settle_same()
        for domain, said in sorted(self._said.items(), key=lambda item: (item[0] != "#", item[0].count("."), item[0])):
            self._write(domain, said)
        for (_, answer), blocked in sorted(self._rules.items(), key=lambda item: -item[0][0]):
            self._write_rule(answer, blocked)
        for domain, place in self._excepted.items():
            self.zones.reopen(domain, place)
            if self._bulk:
                self._allow(domain)
        RecordFamily(self._run, self.zones).all()

    # Lines.

    def find_bulk(self) -> None:
        """Files with very many blocking lines become lists, for which this service has its own way; their other lines count as
        ever."""
        by_file: dict[str, list[Option]] = defaultdict(list)
        for option in self._run.reading.options:
            by_file[self._report.lines[option.place].file].append(option)
        for file, options in by_file.items():
            pure = all(_is_blocking(option) for option in options)
            blocking = [one for one in options if _is_blocking(one) and (pure or one.keyword == "address")]
            if len(blocking) < BULK:
                continue
            name = f"dnsmasq-{len(self._run.draft.table('lists').items) + 1}"
            table = self._run.draft.table("lists").table(name, blocking[0].place)
            table.set("file", str(Path(file).absolute()))
            table.set("format", "dnsmasq")
            for option in blocking:
                self._bulk.add(option.place)
                self._report.kept(option.place, f"lists.{name}")

    def is_bulk(self, place: int) -> bool:
        """Whether a list has that line."""
        return place in self._bulk

    def _address(self, option: Option) -> None:
        if option.place in self._bulk:
            return
        domains, rest = read_domains(option.value)
        if not domains:
            raise Useless("it names no domain")
        address = "" if rest in ("", "#") else str(read_address(rest))
        for domain in domains:
            said = self._said[domain]
            if address:
                said.addresses.setdefault(address, option.place)
            else:
                (said.null if rest else said.absent).append(option.place)

    def _domain(self, option: Option) -> None:
        name, *rest = option.parts()
        name = name.strip(".").lower()
        if name == "#":
            raise Useless("the domain of /etc/resolv.conf is not read; write it: domain = ... in [dhcp]")
        if not name:
            raise Useless("it names no domain")
        if rest and rest[-1] == "local":
            self._said[name].home.append(option.place)
            for zone in words.reverse_zones(read_network(rest[0])) if "/" in rest[0] else ():
                self._said[zone].home.append(option.place)
        if not rest and name != self._run.domain():
            raise Useless("a later line names another domain")
        if rest and self._subnet_domain(name, rest[0], option.place):
            return
        if not rest and "dhcp" in self._run.draft:
            self._report.kept(option.place, self._run.draft.table("dhcp").set("domain", name, option.place))
        elif not rest:
            self._report.changed(
                option.place, "no addresses are given out; it is for names in [hosts] alone", "hosts.domain"
            )
        elif rest[-1] != "local":
            raise Useless("it is the domain of no subnet here")

    def _subnet_domain(self, name: str, network: str, place: int) -> bool:
        """Give the subnets in `network` (a prefix, one address, or an interface) their domain; True if there are any."""
        found = False
        meant = words.network(network)
        for prefix, subnet in subnets(self._run.draft):
            if network == subnet.get("interface") or (meant is not None and overlap(meant, prefix)):
                self._report.kept(place, subnet.set("domain", name, place))
                found = True
        return found

    def _hosts(self) -> None:
        """Files of names."""
        reader = self._run.reading.reader
        hosts = self._run.draft.table("hosts")
        if self._run.has("no-hosts"):
            for option in self._run.reading.of("no-hosts"):
                self._report.kept(option.place, reason="/etc/hosts is not named in [hosts]")
        elif reader.place("/etc/hosts").is_file():
            hosts.add("files", str(reader.place("/etc/hosts")), None, "dnsmasq reads it unless told otherwise.")
        self._run.each(self._hosts_file, "addn-hosts", "hostsdir")
        for option in self._run.reading.of("expand-hosts"):
            if self._run.domain():
                self._report.kept(option.place, hosts.set("domain", self._run.domain(), option.place))
            else:
                self._report.dropped(option.place, "there is no domain= to expand names with")
        if not hosts.items:
            del self._run.draft.items["hosts"]

    def _hosts_file(self, option: Option) -> None:
        reader = self._run.reading.reader
        path = reader.place(plain(option.value), option.folder)
        files = [path]
        if path.is_dir():
            names = [name for name in reader.folder(path) if not name.startswith(".") and not name.endswith("~")]
            files = [path / name for name in names if (path / name).is_file()]
            self._report.changed(option.place, "files that come into the folder later must be named here")
        elif not path.is_file():
            raise Useless(f"there is no file {path}")
        for file in files:
            where = self._run.draft.table("hosts").add("files", str(file.absolute()), option.place)
            self._report.kept(option.place, where)

    def _ttl(self) -> None:
        def read(option: Option) -> None:
            self.zones.ttl = min(read_number(option.value), WEEK)
            if "hosts" in self._run.draft:
                self._run.draft.table("hosts").set("ttl", self.zones.ttl, option.place)
            self._report.kept(option.place, "local")

        self._run.each(read, "local-ttl")

    # What is written.

    def _settle_same(self) -> None:
        """Addresses that very many domains have are no machine's of theirs, but where blocked names lead."""
        count: dict[str, int] = defaultdict(int)
        for said in self._said.values():
            count[", ".join(said.addresses)] += 1
        self._sinks = {addresses for addresses, number in count.items() if addresses and number > SAME}

    def _refusal(self, said: Said) -> str:
        if said.home:
            return ""
        shared = ", ".join(said.addresses)
        return shared if not said.null and shared in self._sinks else said.refusal()

    def _write(self, domain: str, said: Said) -> None:
        refusal = self._refusal(said)
        routed = domain in self._excepted
        if routed and not said.addresses and not said.null:
            for line in said.places():
                self._report.changed(line, "a server is named for the same domain, which goes first")
            return
        below = [other for other in self._excepted if other != domain and _is_below(other, domain)]
        if domain in ("", "#") or domain.startswith("*") or (refusal and not below):
            answer = refusal or ", ".join(said.addresses) or "nxdomain"
            self._rules[self._rank(domain, answer), answer].append((domain, said))
            if domain == "#" and below:
                for other in below:
                    self._allow(other)
            return
        zone = self.zones.whole(domain, said.places())
        if routed:
            # The route has what is not written here.
            zone.set("transparent", True)
        given = list(said.addresses) or (sorted(NOWHERE) if said.null else [])
        for address in given:
            place = said.addresses.get(address)
            self.zones.everywhere(domain, "AAAA" if ":" in address else "A", address, place)
        for place in said.places():
            if given and place in said.addresses.values():
                self._report.changed(
                    place,
                    "other kinds of records went to the upstream, which saw the name; now there are none",
                    zone.path,
                )
            else:
                self._report.kept(place, zone.path)

    def _rank(self, domain: str, answer: str) -> int:
        """The first rule that matches counts, so what a longer domain answers otherwise stands before: by one rank more than the
        domain around it. Call it for the shorter ones first."""
        labels = domain.split(".")
        above = [".".join(labels[at:]) for at in range(1, len(labels))]
        names = (*(name for one in above for name in (f"*.{one}", one)), "#")
        around = next((self._ranks[name] for name in names if name in self._ranks), None)
        rank = 0 if around is None else around[0] + (around[1] != answer)
        self._ranks[domain] = rank, answer
        return rank

    def _allow(self, domain: str) -> None:
        """Let a domain that is resolved elsewhere through rules and lists for shorter ones."""
        if domain in self._allowed:
            return
        self._allowed.add(domain)
        rule = self._run.draft.append("rule", self._excepted[domain])
        rule.set("action", "allow")
        rule.set("domains", [domain])

    def _write_rule(self, answer: str, blocked: list[tuple[str, Said]]) -> None:
        rule = self._run.draft.append("rule")
        rule.set("action", "block")
        rule.set("answer", answer)
        item = self._run.draft.item("rule")
        for domain, said in blocked:
            key, value = _matching(domain)
            rule.extend(key, value, said.places())
            for place in said.places():
                self._tell_blocked(place, said, answer, rule.path)
        item.places = list(dict.fromkeys(place for _, said in blocked for place in said.places()))

    def _tell_blocked(self, place: int, said: Said, answer: str, where: str) -> None:
        if place in said.addresses.values():
            both = "and the other kind of address is refused too" if answer == "null" else "other kinds have no data"
            self._report.changed(
                place, f"only that kind of address was answered, the rest went out; now nothing does, {both}", where
            )
        else:
            self._report.kept(place, where)


def _matching(domain: str) -> tuple[str, str]:
    """Key and value of a rule that matches what dnsmasq's `domain` does."""
    if domain == "":
        return "patterns", "^[^.]+$"
    if domain == "#":
        return "domains", "."
    if domain.startswith("*."):
        return "domains", domain
    if domain.startswith("*"):
        return "patterns", domain[1:].replace(".", "[.]") + "$"
    return "domains", domain


def _is_below(name: str, domain: str) -> bool:
    return domain == "#" or name.endswith(f".{domain}")


def _is_blocking(option: Option) -> bool:
    if option.keyword not in ("address", "server", "local") or not option.value.startswith("/"):
        return False
    rest = option.value.rpartition("/")[2]
    return rest == "" or (option.keyword == "address" and (rest == "#" or rest in NOWHERE | LOOPBACK))
