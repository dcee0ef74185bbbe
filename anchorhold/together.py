"""What several resolvers say of themselves, as one: each has the names of some sites, and all of them the same settings."""

from collections.abc import Callable, Iterable

from anchorhold.control_client import Answer
from anchorhold.link import kind_of

Rows = list[Answer]


def resolvers_in(cells: dict[str, Answer]) -> dict[str, Answer]:
    """What each of them said, by its name."""
    return {name: line for name, line in cells.items() if kind_of(name) == "resolver"}


def together(cells: dict[str, Answer]) -> Answer:
    """What all that answered have counted, put together; all else as the first says it. Nothing if none answered."""
    said = [*resolvers_in(cells).values()]
    lines = [line for line in said if "error" not in line] or said[:1]
    return _joined(lines) if lines else {}


def _joined(lines: list[Answer]) -> Answer:
    found = dict(lines[0])
    if len(lines) == 1:
        return found
    for field in lines[0]:
        rows = [row for line in lines for row in _rows(line.get(field))]
        inner = [one for line in lines if isinstance(one := line.get(field), dict)]
        if field in JOIN and rows:
            found[field] = JOIN[field](rows)
        elif field in WHOLE and inner:
            found[field] = WHOLE[field](inner)
        elif field in LATEST:
            found[field] = max((_number(line.get(field)) for line in lines), default=0)
    return found


def _rows(value: object) -> Rows:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


def _same(rows: Rows, *fields: str) -> list[Rows]:
    """Rows that are of the same thing, which these fields name."""
    found: dict[tuple[object, ...], Rows] = {}
    for row in rows:
        found.setdefault(tuple(row.get(field) for field in fields), []).append(row)
    return list(found.values())


def _sum(rows: Iterable[Answer], field: str) -> float:
    return sum(_number(row.get(field)) for row in rows)


def _upstreams(rows: Rows) -> Rows:
    return [_upstream(same) for same in _same(rows, "group", "upstream")]


def _upstream(rows: Rows) -> Answer:
    """Its state as each sees it, once; how long it takes as an average of all exchanges."""
    heard = [row for row in rows if isinstance(row.get("latency_ms"), int | float)]
    exchanges = _sum(heard, "exchanges")
    spent = sum(_number(row["latency_ms"]) * _number(row.get("exchanges")) for row in heard)
    failures: dict[str, float] = {}
    for row in rows:
        counted = row.get("failures")
        for why, count in counted.items() if isinstance(counted, dict) else ():
            failures[why] = failures.get(why, 0) + _number(count)
    return rows[0] | {
        "state": ", ".join(dict.fromkeys(str(row.get("state")) for row in rows)),
        "exchanges": _sum(rows, "exchanges"),
        "failures": failures,
        "latency_ms": round(spent / exchanges, 2) if exchanges else None,
    }


def _operators(rows: Rows) -> Rows:
    """A site is asked for by one resolver, so their numbers of sites add up."""
    queries, sites = max(_sum(rows, "queries"), 1), max(_sum(rows, "sites_estimate"), 1)
    found = []
    for same in sorted(_same(rows, "operator"), key=lambda same: str(same[0].get("operator"))):
        asked, seen = _sum(same, "queries"), _sum(same, "sites_estimate")
        shares = {"share": round(asked / queries, 4), "site_share": round(seen / sites, 4)}
        found.append(same[0] | {"queries": asked, "sites_estimate": seen} | shares)
    return found


def _labels(rows: Rows) -> Rows:
    return [same[0] | {"questions": _sum(same, "questions")} for same in _same(rows, "servers_of", "labels")]


def _iterations(rows: Rows) -> Rows:
    every = _same(rows, "iteration", "zone")
    return [same[0] | {"learned": _sum(same, "learned"), "octets": _sum(same, "octets")} for same in every]


def _paused(rows: Rows) -> Rows:
    return [max(same, key=lambda row: _number(row.get("left"))) for same in _same(rows, "group")]


def _blocked(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: _number(row.get("last_s")))


def _clock(rows: Rows) -> Answer:
    """Each finds out for itself that it is wrong: as who does not believe it, if there is one, says."""
    return min(rows, key=lambda row: bool(row.get("believed")))


JOIN: dict[str, Callable[[Rows], Rows]] = {
    "upstreams": _upstreams,
    "operators": _operators,
    "labels_shown": _labels,
    "iterations": _iterations,
    "paused": _paused,
    "blocked": _blocked,
}
WHOLE: dict[str, Callable[[Rows], Answer]] = {"policy": _joined, "clock": _clock}
LATEST = ("until_s", "watched")
"""Seconds that something goes on: as long as it does anywhere."""
