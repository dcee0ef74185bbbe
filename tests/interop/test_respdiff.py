"""Our answers beside those of unbound and Knot Resolver, over a network of NSD, Knot and BIND with everything that can be
wrong in it (`tests/lab/`): 198 zones, a root, signed and unsigned, IPv4 and IPv6, 37 ways for a server to err.

Where the two peers differ, ours must equal one of them; where it equals none, a row below says why.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit.peers import peer

ROOT = Path(__file__).parents[2]
LEAST = 2_000

CONTRADICTING = (
    *("no-soa", "answers-referral", "soa-above", "ns-nodata", "nxdomain-cname"),
    *("ent-nxdomain", "ent-refuses", "ent-servfail", "extra-answer", "double-cname", "other-chain"),
)
"""Oddities of `tests/lab/odd.py` that make a server say something else than its neighbour."""

Row = dict[str, Any]
EXPLAINED: dict[str, Callable[[Row], bool]] = {
    # The parent names a server that works, the child only servers that do not. We keep asking the parent's too.
    "we know the servers of both sides": lambda row: (
        row["question"]["zone"] == "differs4.delta." and row["said"]["ours"][0] in ("NOERROR", "NXDOMAIN")
    ),
    # Of two servers of a zone one is right and one denies, or signs a denial with nothing or with another's SOA. Which one
    # is asked first is a matter of chance, for us and for them; what we say is what one of the two says.
    "two servers of a zone that contradict each other": lambda row: (
        any(row["question"]["name"].lower().endswith(f"half-{oddity}.odd.") for oddity in CONTRADICTING)
        and row["said"]["ours"][0] in ("NOERROR", "NXDOMAIN")
    ),
    # The glue is another address than the child has; both have the zone's data, and we ask both.
    "we ask at the glue as well": lambda row: (
        row["question"]["zone"] == "stale-glue.alpha." and row["said"]["ours"][0] in ("NOERROR", "NXDOMAIN")
    ),
    # Silence, drops and TCP that is refused cost time; which of us has any left for the other server is a matter of chance.
    "a server that is silent at times": lambda row: (
        any(word in row["question"]["name"] for word in ("drops", "silent", "truncates-no-tcp", "vanished"))
        and any(said in (["SERVFAIL"], ["no answer"]) for said in row["said"].values())
    ),
}


@pytest.mark.timeout(300)
def test_our_answers_equal_unbounds_or_knots_or_it_is_known_why(tmp_path: Path) -> None:
    for program in ("nsd", "knotd", "named", "unbound", "kresd", "ip", "unshare"):
        peer(program)
    if os.geteuid() != 0:
        pytest.skip("a network namespace with addresses of its own needs root")
    output = tmp_path / "differences.json"
    command = ["unshare", "--net", sys.executable, "-m", "lab.run", "compare", str(output)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert output.exists(), done.stderr[-3_000:]
    found = json.loads(output.read_text())
    unexplained = [row for row in found["differences"] if not any(explains(row) for explains in EXPLAINED.values())]
    print(
        f"{found['asked']} questions, {len(found['differences'])} differences, {found['peers_differ']} among the peers"
    )
    assert unexplained == []
    assert found["asked"] >= LEAST
    assert found["rcodes"]["ours"].get("no answer", 0) == 0
    assert found["rcodes"]["ours"]["NOERROR"] > 0.8 * found["asked"]
