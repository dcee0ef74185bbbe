"""Lists that Pi-hole fetched, to `[lists.NAME]`."""

import re

from anchorhold.migrate import Migration
from anchorhold.migrate.words import word

NO_ROAD = "lists are fetched over https:// alone; this one was asked for over another road"


def write_list(migration: Migration, address: str, name: str, place: int, answer: str, allow: bool = False) -> str:
    """A `[lists.NAME]` for the address of a list; empty, and told, if it cannot be one. `name` may be any text."""
    report = migration.report
    if not re.fullmatch(r"(https?|file)://\S+|/\S+", address):
        report.dropped(place, "is neither https://… nor a file")
        return ""
    if re.match(r"https?://[^/]*@", address):
        report.dropped(place, "has a password in it; that would go to whoever reads the configuration")
        return ""
    lists = migration.draft.table("lists")
    key = word(name or _short(address), lists.items, "list")
    table = lists.table(key, place)
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
    return key


def _short(address: str) -> str:
    """`https://lists.example.org/ads/hosts.txt` → `lists-example-org-hosts`."""
    host, _, path = address.partition("://")[2].partition("/")
    last = path.rstrip("/").rpartition("/")[2].partition("?")[0].rpartition(".")
    return f"{host.removeprefix('www.')}-{last[0] or last[2]}"


def carry_adlists(text: str, file: str, migration: Migration, answer: str) -> None:
    """adlists.list of Pi-hole 4 and 5: an address a line."""
    migration.report.files.append(file)
    seen: set[str] = set()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            migration.report.blank += 1
            continue
        place = migration.report.add(file, number, line)
        if line in seen:
            migration.report.dropped(place, "it is there twice")
            continue
        seen.add(line)
        write_list(migration, line, "", place, answer)
