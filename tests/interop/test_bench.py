"""Two parts of `make bench` in a form so short that no figure says anything: ours and another server are measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from kit.peers import peer

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.peer("unbound, dnsperf")
def test_two_short_parts_measure_ours_and_a_peer(tmp_path: Path) -> None:
    peer("unbound")
    peer("dnsperf")
    command = [
        sys.executable,
        str(BENCHMARKS / "bench.py"),
        "--only",
        "udp",
        "miss-dot",
        "--servers",
        "anchorhold",
        "unbound",
    ]
    short = ["--rounds", "1", "--seconds", "0.1", "--kept", str(tmp_path / "kept")]
    done = subprocess.run([*command, *short], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "≤ 1 × unbound" in done.stdout
    for part in ("udp", "miss-dot"):
        (table,) = json.loads((tmp_path / "kept" / f"{part}.json").read_text())["tables"]
        assert {"anchorhold", "unbound"} == set(table["rows"])
        assert all(row["cpu"][0] > 0 and row["rate"][0] > 0 for row in table["rows"].values()), table
