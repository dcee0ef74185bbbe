"""Lines of dnsmasq's that a user of Pi-hole added: records and fixed fates as dnsmasq's own migrator has them."""

import re
from pathlib import Path

from anchorhold.migrate import Migration
from anchorhold.migrate.dnsmasq_file import Option, Reading, Refused, plain, split_line
from anchorhold.migrate.dnsmasq_keywords import DROPPED, KEPT
from anchorhold.migrate.dnsmasq_records import RecordFamily
from anchorhold.migrate.dnsmasq_run import Run
from anchorhold.migrate.dnsmasq_zones import Zones
from anchorhold.migrate.local_names import LocalNames, host_name
from anchorhold.migrate.reading import Reader
from anchorhold.migrate.upstreams import Groups, Server, is_private, plain_server
from anchorhold.migrate.words import domain, word

RECORDS = frozenset(
    ["host-record", "cname", "mx-host", "srv-host", "ptr-record", "txt-record", "naptr-record", "caa-record", "dns-rr"]
)
_OPTION = re.compile(r"(?:option:([a-z-]+)|(\d{1,3})),(.+)")
ELSE = "give its file to anchorhold migrate dnsmasq to see what it is here"


class _Names(Zones):
    """Where records go: to the tables of this migration."""

    def __init__(self, run: Run, local: LocalNames) -> None:
        super().__init__(run)
        self._local = local

    def record(self, name: str, text: str, place: int) -> str:
        """Put it where the name belongs."""
        return self._local.record(host_name(name) or name.rstrip(".").lower(), text, place)


def carry_lines(migration: Migration, lines: list[tuple[int, str]], groups: Groups, local: LocalNames) -> None:
    """Every line gets its verdict."""
    reading = Reading(Reader(), migration.report)
    for place, line in lines:
        try:
            name, value = split_line(line)
        except Refused as refused:
            migration.report.dropped(place, f"dnsmasq itself refuses it: {refused}")
            continue
        if name in RECORDS and value:
            reading.options.append(Option(name, value, place, Path()))
        elif name in ("server", "local", "address") and value:
            _names(migration, place, f"{name}={plain(value).replace(' ', '')}", groups)
        elif name == "dhcp-option" and value:
            _option(migration, place, plain(value).replace(" ", ""))
        elif name in DROPPED:
            migration.report.dropped(place, DROPPED[name])
        elif name in KEPT:
            migration.report.kept(place, reason=KEPT[name])
        else:
            migration.report.dropped(place, f"a line of dnsmasq's: {ELSE}")
    run = Run(migration, reading)
    RecordFamily(run, _Names(run, local)).all()
    for option in reading.options:
        if migration.report.lines[option.place].verdict is None:
            migration.report.dropped(option.place, f"a record that is not read: {ELSE}")


def _names(migration: Migration, place: int, line: str, groups: Groups) -> None:
    report, draft = migration.report, migration.draft
    server = re.fullmatch(r"server=/([^/#]+)/([^/]+)", line)
    hidden = re.fullmatch(r"(?:address|local|server)=/([^/#]+)/([0-9a-fA-F:.]*|#)", line)
    if server and (url := plain_server(server[2])) and domain(server[1]):
        group = word("router", groups.made, "router")
        if groups.add(group, [Server(url, (place,))]):
            route = draft.append("route", place)
            route.set("domains", [domain(server[1])])
            route.set("upstreams", group)
            report.kept(place, route.path, "" if is_private(url) else "its answers are validated")
    elif hidden and domain(hidden[1]):
        rule = draft.append("rule", place)
        is_own = bool(hidden[2]) and hidden[2] not in ("#", "0.0.0.0", "::")  # noqa: S104 # addresses in answers
        rule.set("action", "rewrite" if is_own else "block")
        rule.set("domains", [domain(hidden[1])])
        if is_own:
            rule.set("to", [hidden[2]])
        elif not hidden[2]:
            rule.set("answer", "nxdomain")
        report.kept(place, rule.path)
    else:
        report.dropped(place, f"a line of dnsmasq's: {ELSE}")


def _option(migration: Migration, place: int, value: str) -> None:
    found = _OPTION.fullmatch(value)
    dhcp = migration.draft.items.get("dhcp")
    if found is None or dhcp is None:
        migration.report.dropped(place, f"an option for devices: {ELSE}" if dhcp else "no addresses are given out")
        return
    options = migration.draft.table("dhcp").table("options")
    name = {"dns-server": "dns-servers", "ntp-server": "ntp-servers", "router": "routers"}.get(found[1] or "", found[1])
    migration.report.kept(place, options.set(name or found[2], found[3].replace(",", ", "), place))
