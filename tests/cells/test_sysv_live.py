"""The script for System V's init, with Debian's own start-stop-daemon."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.peers import peer, until
from kit.service import config_text
from kit.unit_file import DEPLOY

from anchorhold.cli import main


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    """The script with the paths of a test, as a file in /etc/default would set them."""
    peer("start-stop-daemon")
    (tmp_path / "anchorhold.toml").write_text(config_text(tmp_path))
    given = tmp_path / "default"
    program = Path(sys.executable).parent / "anchorhold"
    given.write_text(
        f"PROGRAM={program}\nCONFIG={tmp_path}/anchorhold.toml\nPIDFILE={tmp_path}/pid\nLOG={tmp_path}/log\n"
    )
    path = tmp_path / "anchorhold"
    path.write_text((DEPLOY / "sysv/anchorhold").read_text().replace("/etc/default/anchorhold", str(given)))
    try:
        yield path
    finally:
        run(path, "stop")


def run(script: Path, verb: str) -> subprocess.CompletedProcess[str]:
    # The service has the streams of who starts it until start-stop-daemon takes them away: no pipe that it would hold open.
    with (script.parent / "said").open("w+") as said:
        done = subprocess.run(["sh", str(script), verb], stdout=said, stderr=said, text=True, timeout=60)
        said.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, said.read())


def answers(script: Path) -> bool:
    control = str(script.parent / "control.sock")
    return CliRunner().invoke(main, ["ask", "localhost", "--control", control]).exit_code == 0


def test_it_is_started_reloaded_looked_at_and_stopped(script: Path) -> None:
    assert run(script, "status").returncode == 3
    assert run(script, "start").returncode == 0
    until(lambda: answers(script), "an answer")
    log = script.parent / "log"
    assert (run(script, "status").returncode, run(script, "start").returncode) == (0, 0)
    assert run(script, "reload").returncode == 0
    until(lambda: "configuration 2 is in force" in log.read_text(), "a reload")
    # As logrotate does with `copytruncate`: what comes is at the beginning then.
    os.truncate(log, 0)
    assert run(script, "reload").returncode == 0
    until(lambda: "configuration 3 is in force" in log.read_text(), "a line in the log that was turned over")
    assert not log.read_bytes().startswith(b"\0")
    assert run(script, "stop").returncode == 0
    assert (run(script, "status").returncode, answers(script)) == (3, False)
    assert not (script.parent / "pid").exists()


def test_an_error_in_the_configuration_starts_nothing(script: Path) -> None:
    (script.parent / "anchorhold.toml").write_text("[listen]\naddress = 7\n")
    done = run(script, "start")
    assert (done.returncode, "address" in done.stdout) == (6, True)
    assert not (script.parent / "pid").exists()
