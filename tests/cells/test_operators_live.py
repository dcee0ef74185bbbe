"""What operators ask of rules, over the real cells: a pause, what was blocked, why."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.forwarder import root_server
from kit.peers import free_ports
from kit.service import config_text, started

from resolver.iterate.verdict import RRset
from wire.dns.codes import RecordType

RULES = """
[[rule]]
name = "no adverts"
action = "block"
domains = ["ads.example"]
answer = "nxdomain"
[clients.kids]
networks = ["127.0.0.9/32"]
"""


@contextmanager
def service(folder: Path) -> Iterator[int]:
    """Its port; the upstream has an address for the name that is blocked."""
    (port,) = free_ports(1, beside=True)
    config = folder / "anchorhold.toml"
    with root_server(RRset(b"\3ads\7example\0", RecordType.A, 60, (bytes((192, 0, 2, 1)),))) as upstream:
        text = config_text(folder, port, server=f"udp://127.0.0.1:{upstream}", profile="opportunistic", extra=RULES)
        config.write_text(text)
        with started(config) as running:
            running.wait_for("serving on")
            yield port


def call(folder: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "anchorhold", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ANCHORHOLD_CONTROL": str(folder / "control.sock")},
    )
    return done.returncode, done.stdout + done.stderr


def test_a_household_finds_out_what_broke_its_site(tmp_path: Path) -> None:
    with service(tmp_path):
        assert "nothing is remembered" in call(tmp_path, "blocked")[1]
        assert call(tmp_path, "ask", "ads.example")[0] == 1
        assert "nothing was blocked yet" in call(tmp_path, "blocked", "--for", "15m")[1]
        assert "what is blocked is being remembered" in call(tmp_path, "status")[1]
        assert call(tmp_path, "ask", "ads.example")[0] == 1
        code, text = call(tmp_path, "blocked", "--json")
        (row,) = json.loads(text)["blocked"]
        assert (0, "ads.example.", 1, "default", "no adverts") == (
            code,
            row["name"],
            row["type"],
            row["group"],
            row["rule"],
        ), row
        code, text = call(tmp_path, "explain", "ads.example")
        assert (0, True) == (code, "no adverts (block ads.example.): decides" in text), text
        assert call(tmp_path, "pause", "default", "10m")[0] == 0
        assert "paused: nothing is blocked for group default" in call(tmp_path, "status")[1]
        assert "no adverts (block ads.example.): paused" in call(tmp_path, "explain", "ads.example")[1]
        assert call(tmp_path, "ask", "ads.example")[0] == 0
        assert call(tmp_path, "pause", "--end")[0] == 0
        assert call(tmp_path, "ask", "ads.example")[0] == 1
        assert "nothing is remembered" in call(tmp_path, "blocked", "--stop")[1]
        assert call(tmp_path, "pause", "nobody", "1m")[0] == 1


def test_a_new_service_is_compared_with_the_old_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    with service(old) as first, service(new) as second:
        places = ("--old", f"127.0.0.1:{first}", "--new", f"127.0.0.1:{second}")
        names = tmp_path / "names"
        names.write_text("ads.example\nlocalhost\nwhatever.example\n")
        code, text = call(tmp_path, "compare", *places, "--names", str(names))
        assert (0, True) == (code, "6 questions to both" in text), text
        assert call(old, "pause", "10m")[0] == 0
        code, text = call(tmp_path, "compare", *places, "--names", str(names), "--json")
        assert (1, [("ads.example. A", "rcode"), ("ads.example. AAAA", "rcode")]) == (
            code,
            [
                (row["question"], row["difference"])
                for row in json.loads(text.rsplit("}", 1)[0] + "}")["differences"]
                if not row["explained"]
            ],
        ), text
