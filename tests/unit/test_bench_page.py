"""What `make bench` makes of figures, with made-up ones: the table with its ratios, the targets, the picture, what is kept."""

import math
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # at the end: some of its modules have the names of folders here

import figures  # noqa: E402
import picture  # noqa: E402
import targets  # noqa: E402
from figures import FLOOR, OURS, PLAIN, Done, Table  # noqa: E402

sys.path.remove(str(BENCHMARKS))  # `kit` there is a file, which comes before our folder of that name

SVG = "{http://www.w3.org/2000/svg}"


def table(**costs: float) -> Table:
    """Cached answers over UDP; each server has three rounds around its cost."""
    made = Table("cached")
    for server, cost in costs.items():
        for turn in (-0.1, 0.0, 0.2):
            made.add(server.replace("_", "-"), {"cpu": cost + turn, "rate": 100_000.0, "lost": 0.0})
    return made


def test_a_row_has_median_spread_and_ratio_to_the_best_peer() -> None:
    made = table(anchorhold=6.0, unbound=5.0, dnsmasq=8.0)
    lines = figures.lines_of(made)
    assert lines[0].startswith("| server | CPU µs each | ÷ best peer | answers/s |")
    assert lines[2].startswith("| anchorhold | 6.0 (5.9 to 6.2) | 1.20 | 100,000 (100,000 to 100,000) |")
    assert "| dnsmasq | 8.0 (7.9 to 8.2) | 1.60 |" in lines[4]


def test_neither_ours_nor_the_floor_is_a_peer() -> None:
    made = table(anchorhold=3.0, unbound=5.0)
    made.add(PLAIN, {"cpu": 2.0})
    made.add(FLOOR, {"cpu": 1.0})
    assert ("unbound", 5.0) == made.best_peer("cpu")


def test_who_loses_answers_is_not_the_best_whatever_the_others_cost() -> None:
    made = table(unbound=5.0, dnsdist=2.0)
    made.rows["dnsdist"]["lost"] = [11.0, 11.0, 11.0]
    assert ("unbound", 5.0) == made.best_peer("cpu")
    assert not made.stalls("dnsdist")
    made.rows["dnsdist"]["rate"] = [6.0, 6.0, 6.0]
    assert made.stalls("dnsdist")
    assert "| dnsdist | stalls | – |" in "\n".join(figures.lines_of(made))


def test_who_lacks_a_mode_is_named_with_the_reason() -> None:
    made = table(unbound=5.0)
    made.missing = {"dnsmasq": "does not serve it", FLOOR: "no C compiler"}
    assert f"Not here: dnsmasq (does not serve it); {FLOOR} (no C compiler)." in figures.lines_of(made)


def test_waits_of_what_was_lost_are_told_as_such() -> None:
    made = Table("waits")
    made.add("unbound", {"p50": 50.0, "p99.9": math.inf})
    made.add("dnsmasq", {"p50": 50.0, "p99.9": math.nan})
    lines = figures.lines_of(made)
    assert "inf" in lines[2]
    assert "| stalls | – |" in lines[3]


def test_a_part_is_kept_as_it_was(tmp_path: Path) -> None:
    made = table(unbound=5.0)
    made.add("dnsmasq", {"p99": math.inf})
    done = Done("udp", "abc", "2026-11-27 12:00", 1.5, 0.2, "", [made])
    figures.save(tmp_path / "kept", done)
    assert done == figures.load(tmp_path / "kept", "udp")
    assert figures.load(tmp_path / "kept", "tcp") is None


def test_a_part_had_as_many_rounds_as_it_has_figures() -> None:
    """And not as many as were asked for: a part that is a program of its own may have others."""
    assert 3 == Done("udp", tables=[table(unbound=5.0)]).rounds
    assert 1 == Done("profile", tables=[Table("steps", {"loop": {"share": [40.0]}})]).rounds
    assert 0 == Done("tcp", failure="nothing answers").rounds


def verdicts_of(**tables: Table) -> dict[tuple[str, str, str], targets.Verdict]:
    found = targets.judge({name.replace("_", "-"): one for name, one in tables.items()})
    return {(one.target.part, one.target.of, one.target.column): one for one in found}


def test_a_target_that_is_missed_says_by_how_much() -> None:
    udp = table(anchorhold=6.0, unbound=5.0)
    udp.add(FLOOR, {"cpu": 5.5})
    found = verdicts_of(udp=udp)
    best = found["udp", targets.BEST, "cpu"]
    assert ("unbound", 5.0, "**missed by 41 %**") == (best.reference, best.against, best.said)
    floor = found["udp", FLOOR, "cpu"]
    assert "met" == floor.said
    plain = found["udp", "unbound", "cpu"]
    assert plain.target.row == PLAIN
    assert "**missed by 14 %**" == plain.said  # 6.0 / 5.0 / 1.05; nothing is compiled, so ours is the plain one
    assert "not measured" == found["dot", "unbound", "cpu"].said
    assert "**missed by 14 %** |" in "\n".join(targets.lines_of(list(found.values())))


def test_a_target_may_be_another_part_of_ours() -> None:
    found = verdicts_of(miss_dot=table(anchorhold=100.0), miss_doh=table(anchorhold=120.0))
    assert "met" == found["miss-doh", f"miss-dot/{OURS}", "cpu"].said
    assert "our own miss-dot" == found["miss-doh", f"miss-dot/{OURS}", "cpu"].reference


def test_a_target_may_be_a_figure() -> None:
    cells = Table("start", {OURS: {"first": [0.5, 0.66, 0.9]}})
    assert "**missed by 10 %**" == verdicts_of(cells=cells)["cells", "", "first"].said


def drawing() -> ElementTree.Element:
    udp = table(anchorhold=6.0, unbound=5.0, dnsmasq=8.0)
    udp.add(FLOOR, {"cpu": 4.0})
    return ElementTree.fromstring(
        picture.draw({"udp": udp, "miss-dot": table(anchorhold=120.0, unbound=26.0)}, "today")
    )


def test_the_picture_can_be_read_without_seeing_it() -> None:
    root = drawing()
    names = [root.find(f"{SVG}{kind}") for kind in ("title", "desc")]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == " ".join(one.get("id", "") for one in names if one is not None)
    assert names[1] is not None
    assert f"cached, UDP: anchorhold 6.0, unbound 5.0, dnsmasq 8.0, {FLOOR} 4.0." in str(names[1].text)
    assert "prefers-color-scheme: dark" in str(root.findtext(f"{SVG}style"))


def test_bars_are_as_long_as_their_figures_and_within_the_picture() -> None:
    root = drawing()
    bars = [one for one in root.iter(f"{SVG}rect") if one.get("class") != "paper"]
    assert ["ours", "peer", "peer", "floor", "ours", "peer"] == [one.get("class") for one in bars]
    wide = [float(one.get("width", 0)) for one in bars]
    assert wide[0] / wide[2] == pytest.approx(6 / 8, abs=0.01)
    assert wide[5] / wide[4] == pytest.approx(26 / 120, abs=0.01)
    right = [float(one.get("x", 0)) + length for one, length in zip(bars, wide, strict=True)]
    assert max(right) <= picture.WIDTH - picture.MARGIN - picture.FIGURES
    lowest = max(float(one.get("y", 0)) for one in root.iter(f"{SVG}text"))
    assert lowest < float(root.get("height", 0))


def test_every_target_and_every_panel_is_of_a_part_and_a_column_there_is() -> None:
    wide = {**os.environ, "COLUMNS": "10000"}  # names with hyphens are broken where a line ends
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "bench.py"), "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=wide,
    )
    parts = set(done.stdout.split())
    assert {one.part for one in targets.TARGETS} | set(picture.LEFT) | set(picture.RIGHT) <= parts
    assert {one.column for one in targets.TARGETS} <= set(figures.COLUMNS)
