"""Files like /etc/hosts, and lists of domains: the former are read as `[hosts]`, the latter as `[lists.NAME]`."""

from collections import Counter
from pathlib import Path

from anchorhold.config.master import MAX_RECORDS
from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Item
from anchorhold.migrate.local_names import LocalNames, host_name
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.report import Report
from anchorhold.migrate.settle import TOO_MANY
from anchorhold.migrate.words import address, domain, word
from privacy.lists.formats.hosts import SYSTEM_NAMES
from privacy.lists.formats.text import NOWHERE

OWN = SYSTEM_NAMES | {"0.0.0.0"}  # noqa: S104 # as one such list has it
"""Names of the machine itself that stand in every such file."""


def migrate(paths: tuple[Path, ...], reader: Reader) -> Migration:
    """Read all of it. Raises Unreadable."""
    migration = Migration()
    for path in paths:
        _carry(path, reader, migration)
    report = migration.report
    if "listen" not in migration.draft:
        migration.draft.table("listen").set("addresses", ["127.0.0.1:53", "[::1]:53"])
        migration.draft.table("resolve").set(
            "mode", "iterate", comment="nobody is named to ask: see docs/guide/configuration.md"
        )
        report.advise("nobody is named to be asked: names are resolved from the root on, in clear text; see [resolve]")
    return migration


def _carry(path: Path, reader: Reader, migration: Migration) -> None:
    text = reader.text(path)
    if "\0" in text:
        raise Unreadable(str(path), 0, "is no text")
    lines = [(number, line.partition("#")[0].split()) for number, line in enumerate(text.splitlines(), 1)]
    said = [(number, words) for number, words in lines if words]
    migration.report.blank += len(lines) - len(said)
    migration.report.files.append(str(path))
    kind = kind_of([words for _, words in said])
    records = {(words[0], name) for _, words in said for name in words[1:] if name not in OWN}
    if kind == "names" and len(records) > MAX_RECORDS:
        raise Unreadable(str(path), 0, TOO_MANY)
    places = [migration.report.add(str(path), number, " ".join(words)) for number, words in said]
    good = [
        (place, words)
        for place, (_, words) in zip(places, said, strict=True)
        if _is_good(words, kind, place, migration.report)
    ]
    if kind == "names" and len(good) < len(said):
        # Our reader of such files takes them whole or not at all, so the good lines are written out.
        local = LocalNames(migration.draft)
        for place, words in good:
            _write_out(words, place, local, migration.report)
        return
    where, item = _write(path, kind, migration)
    item.places = [place for place, _ in good]
    for place, _ in good:
        migration.report.kept(place, where)


def _write_out(words: list[str], place: int, local: LocalNames, report: Report) -> None:
    literal = address(words[0].partition("%")[0])
    assert literal is not None  # noqa: S101 # a good line
    for text in words[1:]:
        name = host_name(text)
        if text in OWN:
            continue
        if name:
            kind = "A" if literal.version == 4 else "AAAA"
            report.kept(place, local.record(name, f"{kind} {literal}", place))
        else:
            report.changed(place, f"{text[:60]!r} is left out")


def kind_of(lines: list[list[str]]) -> str:
    """`names`: addresses of one's own and their names. `hosts`: such a file whose names are to be blocked. `domains`: a domain
    on each line. Most lines decide.
    """
    kinds = Counter(_kind(words) for words in lines[:10_000])
    if kinds["domains"] > kinds["names"] + kinds["hosts"]:
        return "domains"
    return "hosts" if kinds["hosts"] > kinds["names"] else "names"


def _kind(words: list[str]) -> str:
    if len(words) == 1 and address(words[0]) is None:
        return "domains"
    if all(word in OWN for word in words[1:]):
        return "own"
    return "hosts" if words[0] in NOWHERE else "names"


def _write(path: Path, kind: str, migration: Migration) -> tuple[str, Item]:
    """Refer to the file. Returns where, and what there learns of its lines."""
    place = str(path.absolute())
    migration.report.advise(
        f"{place} is read where it is: keep it, or move it and correct the path in the configuration"
    )
    if kind == "names":
        hosts = migration.draft.table("hosts")
        where = hosts.add("files", place)
        files = hosts.items["files"].value
        assert isinstance(files, list)  # noqa: S101 # as just made
        return where, files[-1]
    lists = migration.draft.table("lists")
    key = word(path.stem, lists.items, "list")
    table = lists.table(key)
    table.set("file", place)
    table.set("format", kind)
    return table.path, lists.items[key]


def _is_good(words: list[str], kind: str, place: int, report: Report) -> bool:
    """False, and told, for lines that are passed over."""
    literal, *names = words if kind != "domains" or len(words) > 1 else ["", *words]
    bad = next((name for name in names if not domain(name) or address(name) is not None), "")
    if kind != "domains" and (address(literal.partition("%")[0]) is None or not names):
        report.dropped(place, "it is not ADDRESS NAME, so it is passed over")
    elif kind == "domains" and literal:
        report.dropped(place, "it is not one domain, so it is passed over")
    elif bad and bad not in OWN:
        report.dropped(place, f"{bad[:80]!r} is no name, so it is passed over")
    elif kind == "names" and names and all(name in OWN for name in names):
        report.kept(place, reason="names of the machine itself, which need no line")
        # It is as good as any other for the file as a whole.
        return "%" not in literal
    else:
        return kind != "names" or "%" not in literal or _without_interface(place, report)
    return False


def _without_interface(place: int, report: Report) -> bool:
    report.dropped(place, "an address of one link alone, which is no answer for others")
    return False
