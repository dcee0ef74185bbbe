"""What several resolvers say, put together."""

from anchorhold.together import resolvers_in, together


def upstream(exchanges: int, latency: float | None, state: str = "good", **failures: int) -> dict[str, object]:
    return {
        "group": "default",
        "upstream": "tls://a",
        "operator": "a",
        "state": state,
        "exchanges": exchanges,
        "failures": failures,
        "latency_ms": latency,
    }


def operator(name: str, queries: int, sites: int) -> dict[str, object]:
    return {"operator": name, "queries": queries, "share": 1.0, "sites_estimate": sites, "site_share": 1.0}


def test_one_is_what_it_says() -> None:
    line = {"pid": 7, "operators": [operator("a", 1, 1)]}
    assert together({"front": {"pid": 1}, "resolver": line}) == line


def test_without_any_there_is_nothing_and_an_error_is_told_where_there_is_nothing_else() -> None:
    assert together({"front": {"pid": 1}}) == {}
    assert together({"resolver": {"error": "gone"}}) == {"error": "gone"}
    assert together({"resolver": {"error": "gone"}, "resolver-2": {"pid": 8}}) == {"pid": 8}
    assert set(resolvers_in({"front": {}, "resolver": {}, "resolver-3": {}})) == {"resolver", "resolver-3"}


def test_what_was_asked_of_an_upstream_is_added_up() -> None:
    lines = [
        [upstream(300, 10.0, timeout=1)],
        [upstream(100, 20.0, "resting", timeout=2, refused=1)],
        [upstream(0, None)],
    ]
    found = together({f"resolver-{at}": {"upstreams": rows} for at, rows in enumerate(lines, 2)})
    assert found == {"upstreams": [upstream(400, 12.5, "good, resting", timeout=3, refused=1)]}
    assert together({"resolver": {"upstreams": lines[2]}, "resolver-2": {"upstreams": lines[2]}}) == {
        "upstreams": lines[2]
    }


def test_shares_of_operators_are_those_of_all_together() -> None:
    found = together(
        {
            "resolver": {"operators": [operator("b", 30, 3), operator("a", 30, 3)]},
            "resolver-2": {"operators": [operator("b", 40, 4)]},
        }
    )
    assert found["operators"] == [
        operator("a", 30, 3) | {"share": 0.3, "site_share": 0.3},
        operator("b", 70, 7) | {"share": 0.7, "site_share": 0.7},
    ]


def test_ledgers_and_memories_are_added_up() -> None:
    first = {
        "labels_shown": [{"servers_of": "root", "labels": 1, "questions": 2}],
        "iterations": [{"iteration": "iterate", "zone": ".", "learned": 5, "octets": 50, "local_root": None}],
    }
    second = {
        "labels_shown": [
            {"servers_of": "root", "labels": 1, "questions": 3},
            {"servers_of": "top", "labels": 1, "questions": 4},
        ],
        "iterations": [{"iteration": "iterate", "zone": ".", "learned": 7, "octets": 70, "local_root": None}],
    }
    assert together({"resolver": first, "resolver-2": second}) == {
        "labels_shown": [
            {"servers_of": "root", "labels": 1, "questions": 5},
            {"servers_of": "top", "labels": 1, "questions": 4},
        ],
        "iterations": [{"iteration": "iterate", "zone": ".", "learned": 12, "octets": 120, "local_root": None}],
    }


def test_what_is_paused_or_watched_anywhere_is_said() -> None:
    first = {"policy": {"rules": 3, "paused": [{"group": "kids", "left": 10.0}], "watched": None}}
    second = {
        "policy": {"rules": 3, "paused": [{"group": "kids", "left": 9.9}, {"group": "", "left": 5.0}], "watched": 7.0}
    }
    assert together({"resolver": first, "resolver-2": second})["policy"] == {
        "rules": 3,
        "paused": [{"group": "kids", "left": 10.0}, {"group": "", "left": 5.0}],
        "watched": 7.0,
    }


def test_a_clock_that_one_of_them_does_not_believe_is_wrong() -> None:
    lines = {"resolver": {"clock": {"believed": True}}, "resolver-2": {"clock": {"believed": False, "not_before": 7}}}
    assert together(lines) == {"clock": {"believed": False, "not_before": 7}}


def test_nonsense_of_one_that_went_wrong_is_no_end_of_a_command() -> None:
    row = upstream(1, 10.0) | {"failures": ["timeout"]}
    lines = {name: {"policy": 3, "clock": [], "upstreams": [row]} for name in ("resolver", "resolver-2")}
    assert together(lines) == {"policy": 3, "clock": [], "upstreams": [upstream(2, 10.0)]}


def test_what_was_blocked_last_stands_first_whoever_saw_it() -> None:
    first = {"until_s": 60.0, "blocked": [{"name": "b.", "last_s": 2.0}, {"name": "c.", "last_s": 9.0}]}
    second = {"until_s": 59.9, "blocked": [{"name": "a.", "last_s": 1.0}]}
    found = together({"resolver": first, "resolver-2": second})
    assert (found["until_s"], [row["name"] for row in found["blocked"]]) == (60.0, ["a.", "b.", "c."])  # type: ignore[attr-defined]
