"""Lists, rules, rewrites, services, safe search and schedules of AdGuard Home."""

from anchorhold.config.bundles import services
from anchorhold.migrate import Migration
from anchorhold.migrate.adguardhome_clients import Clients
from anchorhold.migrate.adguardhome_dns import go_span
from anchorhold.migrate.adguardhome_rules import Unfit, read_rule
from anchorhold.migrate.document import Document, Way
from anchorhold.migrate.draft import Table
from anchorhold.migrate.products import NO_PAUSE, write_list
from anchorhold.migrate.rule_book import RuleBook, Wish, fresh_name
from anchorhold.migrate.words import address, domain, word

MODES = {"default": "null", "null_ip": "null", "": "null", "refused": "refused", "nxdomain": "nxdomain"}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ENGINES = ("google", "bing", "duckduckgo", "youtube", "pixabay")
SERVICES = {
    "twitter": "x",
    "amazon_streaming": "primevideo",
    "epic_games": "epicgames",
    "riot_games": "riotgames",
    "leagueoflegends": "riotgames",
    "valorant": "riotgames",
    "blizzard_entertainment": "blizzard",
    "battle_net": "blizzard",
    "electronic_arts": "ea",
    "origin": "ea",
    "xboxlive": "xbox",
}
"""What a service is called there → here, where that differs."""
DAY = 86_400
REWRITES = (
    "lists that are fetched only block here: where you want $dnsrewrite of one to be followed, write redirect = true"
    " (docs/guide/lists.md)"
)
OFF = "filtering was turned off there (filtering_enabled), so lists and rules are left out"


class Filters:
    """Writes them. Clients with settings of their own have rules of their own."""

    def __init__(self, document: Document, migration: Migration, clients: Clients) -> None:
        self.document, self.migration, self.clients = document, migration, clients
        self.draft, self.report = migration.draft, migration.report
        self.rules = RuleBook(self.draft)
        self.answer = "null"
        self.is_on = document.flag("filtering", "filtering_enabled", default=True)

    def carry(self) -> None:
        """Everything."""
        self._mode()
        self._lists("filters", allow=False)
        self._lists("whitelist_filters", allow=True)
        self._user_rules()
        self._rewrites()
        common = self.clients.common("own_services")
        self._services(("filtering", "blocked_services"), common)
        self._safe_search(("filtering", "safe_search"), self.clients.common("own_settings"))
        for client in self.clients.groups:
            if client.own_services:
                self._services((*client.way, "blocked_services"), (client.group,))
            else:
                self.document.kept((*client.way, "blocked_services"), reason="those of all count")
            if client.own_settings:
                self._safe_search((*client.way, "safe_search"), (client.group,))
            else:
                self.document.kept((*client.way, "safe_search"), reason="that of all counts")
            self.document.kept((*client.way, "filtering_enabled"), f"clients.{client.group}")

    def _mode(self) -> None:
        way: Way = ("filtering", "blocking_mode")
        mode = self.document.text(*way)
        if mode == "custom_ip":
            own = [address(self.document.text("filtering", key)) for key in ("blocking_ipv4", "blocking_ipv6")]
            self.answer = ", ".join(str(one) for one in own if one is not None) or "null"
        else:
            self.answer = MODES.get(mode, "null")
        for key in ("blocking_mode", "blocking_ipv4", "blocking_ipv6"):
            self.document.kept(("filtering", key), "lists.NAME.answer")
        on: Way = ("filtering", "protection_enabled")
        if self.document.flag(*on, default=True):
            self.document.kept(on)
        else:
            self.document.changed(on, NO_PAUSE)
        self.document.kept(("filtering", "filtering_enabled"))

    def _lists(self, key: str, allow: bool) -> None:
        hours = self.document.number("filtering", "filters_update_interval")
        for way in self.document.each(key):
            url, place = self.document.text(*way, "url"), self.document.place(*way, "url")
            if not self.is_on:
                self.document.dropped(way, OFF)
            elif not self.document.flag(*way, "enabled", default=True):
                self.document.dropped(way, "it is turned off there")
            elif place is None:
                self.document.dropped(way, "it has no address")
            else:
                table = write_list(self.migration, url, self.document.text(*way, "name"), place, self.answer, allow)
                if table is not None:
                    self._finish_list(way, table, hours)
                    self.migration.report.advise(REWRITES)
                else:
                    self.document.dropped(way, "see its url")
        if hours is not None:
            interval: Way = ("filtering", "filters_update_interval")
            self.document.kept(interval, "lists.NAME.refresh") if hours else self.document.changed(
                interval, "lists are fetched once a day; 0 there meant never"
            )

    def _finish_list(self, way: Way, table: Table, hours: int | None) -> None:
        if hours and hours != 24:
            table.set("refresh", f"{min(8_760, hours)}h")
        names = self.clients.filtered()
        if names:
            table.set("clients", list(names))
        for key in ("name", "enabled", "id"):
            self.document.kept((*way, key), table.path)
        self.document.drop_the_rest("is no key of a list that is known here", *way)

    def _user_rules(self) -> None:
        common = self.clients.filtered()
        for way in self.document.each("user_rules"):
            text, place = self.document.text(*way), self.document.place(*way)
            try:
                read = read_rule(text, self.answer, common, self.clients.names)
            except Unfit as error:
                self.document.dropped(way, str(error))
                continue
            if read is None:
                self.document.kept(way, reason="a comment")
            elif not self.is_on:
                self.document.dropped(way, OFF)
            else:
                where = [self.rules.put(read.wish, read.key, value, place) for value in read.values]
                if not any(where):
                    self.document.dropped(way, "it is there twice")
                elif read.note:
                    self.document.changed(way, read.note, where[0])
                else:
                    self.document.kept(way, where[0])

    def _rewrites(self) -> None:
        found: dict[str, list[tuple[Way, str]]] = {}
        enabled = self.document.flag("filtering", "rewrites_enabled", default=True)
        for way in self.document.each("filtering", "rewrites"):
            text, answer = self.document.text(*way, "domain").lower(), self.document.text(*way, "answer")
            name = domain(text.removeprefix("*."))
            if not (enabled and self.document.flag(*way, "enabled", default=True)):
                self.document.dropped(way, "it is turned off there")
            elif not name or name == "." or not answer:
                self.document.dropped(way, "is no name with an answer")
            else:
                found.setdefault(f"*.{name}" if text.startswith("*.") else f"={name}", []).append((way, answer))
        addresses = {shown: _literals(answers) for shown, answers in found.items()}
        # There the most particular counts, here the first.
        for shown, answers in sorted(found.items(), key=lambda item: _width(item[0])):
            self._rewrite(shown, answers, addresses)

    def _rewrite(self, shown: str, answers: list[tuple[Way, str]], addresses: dict[str, list[str]]) -> None:
        ways = [way for way, _ in answers]
        literals = _literals(answers)
        names = [name for _, text in answers if address(text) is None and (name := domain(text))]
        place = self.document.place(*ways[0])
        own = shown.lstrip("=*.")
        if any(text in ("A", "AAAA") or domain(text) == own for _, text in answers):
            if shown.startswith("*."):
                self.document.dropped(ways[0], "an exception for all names below another is none here")
                return
            # A name that is rewritten to itself is resolved.
            where = self.rules.put(Wish("rewrite", to=(own,)), "domains", shown, place)
            for way in ways:
                self.document.kept(way, where)
            return
        # An alias is resolved outside; where its target is rewritten as well, that one's addresses are given out at once.
        followed = addresses.get(f"={names[0]}", []) if names and not literals else []
        to = tuple(dict.fromkeys(literals or followed)) or tuple(names[:1])
        if not to:
            self.document.dropped(ways[0], "its answer is neither an address nor a name")
            return
        where = self.rules.put(Wish("rewrite", to=to, order=_width(shown)), "domains", shown, place)
        for way, text in answers:
            target = str(address(text)) if address(text) is not None else domain(text)
            if followed:
                self.document.changed(way, f"the addresses of {target} are given out at once, without the alias", where)
            elif target in to:
                self.document.kept(way, where)
            else:
                self.document.dropped(way, "a name that has addresses already is no alias")

    def _services(self, way: Way, clients: tuple[str, ...]) -> None:
        schedule = self._schedule((*way, "schedule"))
        # Older versions had the list itself there.
        ids = self.document.each(*way, "ids") or self.document.each(*way)
        for one in ids:
            service = SERVICES.get(self.document.text(*one), self.document.text(*one))
            if service not in services():
                self.document.dropped(one, "this bundle of domains is not among ours: anchorhold lists services")
                continue
            wish = Wish("block", "services", self.answer, (), clients, schedule=schedule)
            where = self.rules.put(wish, "services", service, self.document.place(*one))
            self.document.kept(one, where)
        if not ids:
            self.document.kept((*way, "ids"))

    def _schedule(self, way: Way) -> str:
        """The name of a schedule that counts when that one, which is one of pauses, does not; empty for always."""
        pauses = {day: (self._moment((*way, day, "start")), self._moment((*way, day, "end"))) for day in DAYS}
        if not any(end > start for start, end in pauses.values()) or not self.document.each(*way[:-1], "ids"):
            self.document.kept(way)
            return ""
        schedules = self.draft.table("schedules")
        name = word("services", schedules.items, "services")
        table = schedules.table(name, self.document.place(*way))
        zone = self.document.text(*way, "time_zone")
        reason = "" if "/" in zone or zone == "UTC" else "the time zone is UTC: write yours into zone"
        if not reason:
            table.set("zone", zone)
        windows = [f"{day} {window}" for day, pause in pauses.items() for window in _around(*pause)]
        table.set("windows", list(windows))
        self.document.changed(way, reason, table.path) if reason else self.document.kept(
            way, table.path, "turned round: there it says when services may be used, here when not"
        )
        return name

    def _moment(self, way: Way) -> int:
        """Minutes since midnight."""
        value = self.document.get(*way)
        if isinstance(value, int):
            # Older versions wrote milliseconds.
            return max(0, min(DAY, value // 1_000)) // 60
        span = go_span(self.document.text(*way))
        return int(max(0.0, min(float(DAY), span or 0.0))) // 60

    def _safe_search(self, way: Way, clients: tuple[str, ...]) -> None:
        enabled = self.document.flag(*way, "enabled")
        rule = None
        for key in self.document.keys(*way):
            one: Way = (*way, key)
            if key == "enabled":
                continue
            if not enabled or not self.document.flag(*one):
                self.document.kept(one)
            elif key not in ENGINES:
                self.document.dropped(one, "how this engine is made safe is not known here")
            else:
                if rule is None:
                    rule = self.draft.append("rule", self.document.place(*way))
                    rule.set("action", "rewrite")
                    rule.set("name", fresh_name(self.draft, "safe-search"))
                    if clients:
                        rule.set("clients", list(clients))
                self.document.kept(one, rule.add("safe_search", key, self.document.place(*one)))
        self.document.kept((*way, "enabled"), rule.path if rule is not None else "")


def _width(shown: str) -> int:
    """0 for a name alone; the fewer labels a wildcard has, the more."""
    return 0 if shown.startswith("=") else 128 - shown.count(".")


def _literals(answers: list[tuple[Way, str]]) -> list[str]:
    return [str(one) for _, text in answers if (one := address(text)) is not None]


def _around(start: int, end: int) -> list[str]:
    """The rest of a day, in minutes, around a pause."""
    if end <= start:
        return ["00:00-00:00"]
    parts = [(0, start), (end, DAY // 60)]
    return [f"{_clock(one)}-{_clock(other)}" for one, other in parts if other > one]


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
