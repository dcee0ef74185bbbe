"""Leases that clients were told of survive whatever happens to the process, the power and the disk. Short runs; `make
durability` is the long one (docs/durability.md).
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from faults import cuts, kills
from kit.miniature import Said, Witness, Word
from kit.peers import unshared

HERE = Path(__file__).parent
WELL = {"lost": [], "twice": [], "problems": []}


def judged(result: dict[str, object]) -> dict[str, object]:
    return {name: result[name] for name in WELL}


def test_kills_at_any_moment_lose_nothing() -> None:
    """Three hundred times kill -9, at reading, committing, emptying the log, giving pages back and writing anew."""
    done = subprocess.run(
        [sys.executable, HERE / "kills.py", "--kills", "300"], capture_output=True, text=True, check=True, timeout=100
    )
    result = json.loads(done.stdout)
    assert WELL == judged(result)
    assert 300 == result["kills"] == sum(result["at"].values())
    assert {"loading", "committing", "tidying"} <= set(result["at"])
    assert result["acknowledged"] > 500


def test_power_cuts_at_every_call_lose_nothing() -> None:
    result = cuts.run(steps=40, each=1, seed=3)
    assert (WELL, "") == (judged(result), result["errors"])
    assert isinstance(result["states"], int)
    assert result["states"] > 800


@pytest.mark.parametrize(
    "inject",
    ["fdatasync:error=EIO:when=20+3", "pwrite64:error=ENOSPC:when=60+9", "pwrite64:error=EIO:when=60+41"],
)
def test_calls_that_fail_and_then_a_power_cut_lose_nothing(inject: str) -> None:
    """What a failed sync left behind may be gone for ever, and was read meanwhile as if it were there."""
    result = cuts.run(steps=30, each=2, seed=4, inject=(inject,))
    assert (WELL, "") == (judged(result), result["errors"])
    assert isinstance(result["failures"], int)
    assert result["failures"] > 3


def test_without_a_sync_at_every_commit_the_cuts_would_lose_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIATURE_SYNCHRONOUS", "NORMAL")
    assert cuts.run(steps=20, each=4, seed=3)["lost"] != []


def test_a_full_disk_refuses_newcomers_only_and_recovers_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [*unshared("--mount"), sys.executable, HERE / "full_disk.py", tmp_path],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    result = json.loads(done.stdout)
    full, after = result["full"], result["after"]
    assert (0, [], True) == (full["newcomers"], full["lost"], full["told"] > 0 and full["failures"] > 0)
    assert (0, [], True) == (after["failures"], after["lost"], after["newcomers"] > 0)
    assert (True, []) == (result["same"], result["twice"])


# The witness itself.


def test_the_witness_finds_an_address_that_was_given_twice() -> None:
    witness = Witness()
    witness.hear(iter([Word(Said.TOLD, 1, 7, 100, 60), Word(Said.TOLD, 1, 7, 130, 60), Word(Said.TOLD, 1, 8, 189, 60)]))
    assert 1 == len(witness.twice)
    fair = Witness()
    fair.hear(iter([Word(Said.TOLD, 1, 7, 100, 60), Word(Said.TOLD, 1, 8, 160, 60)]))
    assert [] == fair.twice


def test_the_witness_misses_a_lease_that_is_lost_and_none_that_was_given_back() -> None:
    witness = Witness()
    witness.hear(iter([Word(Said.TOLD, 1, 7, 100, 60), Word(Said.TOLD, 2, 9, 100, 60)]))
    assert 2 == len(witness.lost({}, 159))
    assert 0 == len(witness.lost({}, 160))
    witness.hear(iter([Word(Said.INTENDED, 1, 0, 120, 1), Word(Said.INTENDED, 2, 0, 120, 0)]))
    assert 1 == len(witness.lost({}, 159))


def test_the_kills_can_be_run_in_another_folder(tmp_path: Path) -> None:
    assert WELL == judged(kills.run(5, 2, str(tmp_path)))
