"""The two commands of the README: what `make demo` runs, and that it fails when an answer is not the expected one."""

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dns.message
import pytest
from demo.__main__ import Asked, check_sites, faults
from demo.questions import QUESTIONS, Question
from demo.zone import Seen, answer

ROOT = Path(__file__).parents[2]
FIRST = QUESTIONS[0]
PLAN = {"upstream_group": "default", "order": [{"upstream": "tls://dns.north.example:853"}]}


def run_demo(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "deploy"), "TMPDIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_demo_gets_every_answer_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run_demo(tmp_path)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    assert f"All {len(QUESTIONS)} answers were as expected." == done.stdout.splitlines()[-1]
    assert [] == list(tmp_path.iterdir())


def asked(question: Question = FIRST, *seen: Seen, **plan: object) -> Asked:
    response = answer(dns.message.make_query(question.name, question.rrtype))
    return Asked(question, response, "UDP", seen, PLAN | plan, 1.0)


def sighting(**changes: object) -> Seen:
    return replace(Seen("North", "DoT", FIRST.name, "A", 128, (12,), 7), **changes)  # type: ignore[arg-type]


def test_what_is_as_expected_is_no_fault() -> None:
    assert [] == faults(asked(FIRST, sighting()))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (asked(FIRST), "seen by nobody"),
        (asked(FIRST, sighting(operator="Impostor")), "seen by ['Impostor']"),
        (asked(FIRST, sighting(octets=97)), "no multiple of 128"),
        (asked(FIRST, sighting(options=(12, 8))), "EDNS options"),
        (asked(FIRST, sighting(transport="DoH")), "which the plan did not name"),
        (asked(FIRST, sighting(), upstream_group="office"), "explained as group"),
        (asked(replace(FIRST, answer=frozenset({"203.0.113.1"})), sighting()), "expected ['203.0.113.1']"),
        (asked(replace(FIRST, rcode="NXDOMAIN"), sighting()), "response code NOERROR"),
    ],
)
def test_every_kind_of_fault_is_seen(wrong: Asked, words: str) -> None:
    assert any(words in fault for fault in faults(wrong))


def test_a_site_that_two_operators_saw_is_a_fault() -> None:
    assert ["site harbour.example. was shown to ['North', 'South']"] == check_sites(
        [asked(FIRST, sighting()), asked(FIRST, sighting(operator="South"))]
    )


def test_ci_calls_exactly_make_test() -> None:
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    assert ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "exec make test"] == lines


def made(*arguments: str) -> list[list[str]]:
    """The commands of a verb but for the set-up, as the shell takes them apart."""
    shown = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [shlex.split(line)[1:] for line in shown.splitlines() if line.startswith(".venv/bin/anchorhold")]


def test_run_asks_nothing_and_starts_what_is_written(tmp_path: Path) -> None:
    """An empty --upstream: `init` then lists the choices and ends with 2, at a terminal too."""
    config = f"{tmp_path}/a.toml"
    for upstream in ("", "tls://dns.example@192.0.2.1"):
        first, second = made("run", f"CONFIG={config}", f"UPSTREAM={upstream}", "LISTEN=127.0.0.1:5300")
        written = ["init", "--if-missing", "--output", config, "--listen", "127.0.0.1:5300", "--upstream", upstream]
        assert (written, ["run", "--config", config]) == (first, second)


def test_every_verb_has_its_line_of_help() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"demo", "test", "check", "bench", "fuzz", "run"} <= {line.split()[1] for line in shown.splitlines()}
