"""Lists that Pi-hole fetched, to `[lists.NAME]`."""

from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Table
from anchorhold.migrate.pihole_v5 import told_lines
from anchorhold.migrate.products import write_list


def write_adlist(migration: Migration, address: str, place: int, answer: str, allow: bool = False) -> Table | None:
    """A `[lists.NAME]`; None, and told, if it cannot be one."""
    table = write_list(migration, address, "", place, answer, allow)
    if table is not None and "file" in table and not allow:
        # Addresses in a list are nothing to Pi-hole, wherever it lies; here a file could give its own out.
        table.set("redirect", False)
    return table


def carry_adlists(text: str, file: str, migration: Migration, answer: str) -> None:
    """adlists.list of Pi-hole 4 and 5: an address a line."""
    seen: set[str] = set()
    for place, line in told_lines(text, file, migration.report):
        if line in seen:
            migration.report.dropped(place, "it is there twice")
            continue
        seen.add(line)
        write_adlist(migration, line, place, answer)
