"""Play the scenarios of `../shared/rpl` against the real service, and say how that compares with what is expected.

    play.py [--verbose] [PATTERN ...]        such as 'unbound/iter_*'

Exit code 0 if every failure is one that docs/conformance.md explains (a table row that begins with the scenario's name),
or if `../shared` is not there; 1 if not; 2 if something needed is missing.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHARED = ROOT.parent / "shared"
TOOLS, SCENARIOS = SHARED / "tools", SHARED / "rpl"
DOCUMENT = ROOT / "docs/conformance.md"
LISTS = {"auth-zone", "local-zones", "rpz", "trust-anchor-rollover", "unbound-modules"}
"""Categories of the player's that are about local data, lists and views,"""

LIST_FEATURES = {"local-zones", "private-address", "respip", "rpz"}
"""and features of that kind that scenarios of other categories need."""

PROGRAMS = {"unshare": "util-linux", "ip": "iproute2", "mount": "mount"}


@dataclass(frozen=True)
class Group:
    """What is counted together."""

    title: str
    names: list[str]


def main(arguments: list[str]) -> int:
    if not (TOOLS / "rplplay").is_dir() or not SCENARIOS.is_dir():
        print("conformance: there is no ../shared with the scenarios and their player; nothing to play")
        return 0
    if missing := missing_packages():
        print(f"conformance: not installed: {missing}. On Debian or Ubuntu: apt-get install {missing}")
        return 2
    patterns = [argument for argument in arguments if not argument.startswith("-")]
    verbose = ["--verbose"] if {"-v", "--verbose"} & set(arguments) else []
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        play([*patterns, *verbose, "--out", file.name])
        results = json.loads(Path(file.name).read_text() or "{}")
    return judge(results, whole=not patterns)


def missing_packages() -> str:
    needed = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    if not glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"):
        needed.add("faketime")
    return " ".join(sorted(needed))


def play(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "rplplay", "run", "--adapter", str(HERE / "adapter.py"), *arguments]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(TOOLS)}, check=False)


def judge(results: dict[str, dict[str, str]], whole: bool) -> int:
    """Print the figures; the exit code."""
    easy = {line.split("#")[0].strip() for line in (TOOLS / "rplplay/floor.txt").read_text().splitlines()}
    for group in groups(list(results)):
        print(figures(group, results, easy))
    failed = [name for name, result in results.items() if result["result"] in ("FAIL", "ERROR")]
    explained = explanations()
    if surprises := sorted(set(failed) - explained):
        print(f"not explained in {DOCUMENT.relative_to(ROOT)}: {', '.join(surprises)}")
    if whole and (gone := sorted(explained & {name for name, r in results.items() if r["result"] == "PASS"})):
        print(f"explained as failing, but passed: {', '.join(gone)}")
    return 1 if surprises else 0


def groups(names: list[str]) -> list[Group]:
    """By what a scenario is about, as the player and the adapter classify it."""
    sys.path[:0] = [str(TOOLS), str(HERE)]
    from adapter import needs_validator
    from rplplay import rpl, runner, settings

    found = runner.find({"unbound": str(SCENARIOS / "unbound"), "deckard": str(SCENARIOS / "deckard")})
    anchored = "all that have a trust anchor (some are counted above)"
    members: dict[str, list[str]] = {
        "resolution": [],
        "local data, lists and views": [],
        "validation": [],
        anchored: [],
    }
    for name in names:
        scenario = rpl.load(*found[name])
        read = settings.settings(scenario)
        if read.trust_anchors and read.validate:
            members[anchored].append(name)
        if needs_validator(read, scenario):
            members["validation"].append(name)
        elif settings.category(scenario, read) in LISTS or read.needs & LIST_FEATURES:
            members["local data, lists and views"].append(name)
        else:
            members["resolution"].append(name)
    return [Group(title, inside) for title, inside in members.items() if inside]


def figures(group: Group, results: dict[str, dict[str, str]], easy: set[str]) -> str:
    count = Counter(results[name]["result"] for name in group.names)
    passed, skipped = count["PASS"], count["SKIP"]
    played = len(group.names) - skipped
    hard = [results[name]["result"] for name in group.names if name not in easy and results[name]["result"] != "SKIP"]
    able = hard.count("PASS")
    return (
        f"{group.title}: {len(group.names)} scenarios, {passed} passed, {played - passed} failed, "
        f"{skipped} skipped ({_percent(skipped, len(group.names))}); {_percent(passed, played)} of those played pass; "
        f"of those that ask for more than failures {able} of {len(hard)} ({_percent(able, len(hard))})"
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def explanations() -> set[str]:
    """The scenarios that the document's table of failures names."""
    if not DOCUMENT.exists():
        return set()
    rows = DOCUMENT.read_text().partition("## Failures")[2].partition("\n## ")[0].splitlines()
    return {row.split("|")[1].strip(" `") for row in rows if row.startswith("| `")}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
