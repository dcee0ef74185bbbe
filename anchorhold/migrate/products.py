"""What the migrators of Pi-hole, AdGuard Home and unbound have in common."""

import re
from collections.abc import Iterable

from anchorhold.config.servers import CLEAR
from anchorhold.leases.reading import Found
from anchorhold.migrate import Migration
from anchorhold.migrate.document import Document
from anchorhold.migrate.draft import Table
from anchorhold.migrate.leases import check_leases
from anchorhold.migrate.report import Report, Verdict, masked
from anchorhold.migrate.upstreams import BOOTSTRAP, Groups, Server
from anchorhold.migrate.words import word
from privacy.lists.patterns import measure

BY_NAME = "a server by name: nothing is looked up behind your back; write its address"
NOT_IN_CLEAR = "what is asked over encrypted ways does not go on in clear text when they fail"
NO_PAUSE = "lists and rules count here from the start: anchorhold pause stops them for a while"


def say_fixed(document: Document, fates: tuple[tuple[str, Verdict, str], ...], unknown: str) -> None:
    """Of every value that nothing was said of: its fate by the first prefix of its way that fits, else `unknown`."""
    report = document.report
    for prefix, verdict, reason in fates:
        for place in document.below(*prefix.split(".")):
            if report.lines[place].verdict is None:
                report.say(place, verdict, reason)
    for place in document.places.values():
        if report.lines[place].verdict is None:
            report.dropped(place, unknown)


def tell_leases(found: Found, migration: Migration) -> None:
    """Say of every lease whether it can come along; it can where the draft gives out addresses."""
    if "dhcp" in migration.draft:
        migration.leases.append(found.name)
    check_leases(found, migration)


# Servers.


def is_clear(servers: Iterable[Server]) -> bool:
    """Whether all are asked in clear text."""
    return all(server.scheme in CLEAR for server in servers)


def group_of(groups: Groups, title: str, servers: list[Server], strategy: str = "failover") -> str:
    """The group of just these servers, made if there is none; empty if none of them can be asked."""
    urls = {server.url for server in servers}
    for name, made in groups.made.items():
        if urls == {one.url for one in made}:
            for server in servers:
                for place in server.places:
                    groups.report.kept(place, f"upstreams.{name}.servers")
            return name
    name = word(title, ["default", BOOTSTRAP, *groups.made], "group")
    return name if groups.add(name, servers, strategy) else ""


def iterate_instead(draft: Table, report: Report) -> None:
    """Without an upstream."""
    draft.table("resolve").set("mode", "iterate", comment="no upstream was named that can be asked")
    report.advise("no upstream came along: names are resolved from the root on, in clear text; see [resolve]")


# Lists and patterns.


def write_list(
    migration: Migration, address: str, name: str, place: int, answer: str, allow: bool = False
) -> Table | None:
    """A `[lists.NAME]` for the address of a list; None, and told, if it cannot be one. `name` may be any text."""
    report = migration.report
    if not re.fullmatch(r"(https?|file)://\S+|/\S+", address):
        report.dropped(place, "is neither https://… nor a file")
        return None
    if re.match(r"https?://[^/]*@", address):
        report.dropped(place, "has a password in it; that would go to whoever reads the configuration")
        return None
    lists = migration.draft.table("lists")
    table = lists.table(word(name or _short(address), lists.items, "list"), place)
    if address.startswith(("file://", "/")):
        table.set("file", address.removeprefix("file://"))
        report.kept(place, table.path)
    elif address.startswith("http://"):
        table.set("url", f"https://{address[7:]}")
        report.changed(
            place, "asked for over https:// instead of clear text, which anybody on the line could change", table.path
        )
    else:
        table.set("url", address)
        report.kept(place, table.path)
    if allow:
        table.set("allow", True)
    elif answer != "null":
        table.set("answer", answer)
    return table


def _short(address: str) -> str:
    """`https://lists.example.org/ads/hosts.txt` → `lists-example-org-hosts`."""
    host, _, path = address.partition("://")[2].partition("/")
    last = path.rstrip("/").rpartition("/")[2].partition("?")[0].rpartition(".")
    return f"{host.removeprefix('www.')}-{last[0] or last[2]}"


def readable(pattern: str) -> str:
    """A pattern that rules take. Raises ValueError with the reason."""
    # TRE knows \< and \> for the edges of words.
    shown = re.sub(r"\\[<>]", r"\\b", pattern)
    if not shown:
        raise ValueError("is no pattern")
    try:
        measure(shown)
    except ValueError as error:
        raise ValueError(f"patterns here are RE2's, and this is none: {masked(str(error)[:120])}") from None
    return shown
