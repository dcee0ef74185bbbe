"""With a Python that lacks what only Linux has: what a stub needs is imported, starts, answers, and says what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.manager import managed
from kit.peers import free_ports
from kit.service import config_text

from anchorhold.cli import COMMANDS, main

MODULES = ("supervisor", "cells.front", "cells.resolver", "cells.keeper", "config.loader", "secure_side", "dhcp_side")
SYSTEMS = {"compare"}
"""Commands that load a library of the system itself, and so could not be imported there from here."""
IMPORTED = [*MODULES, *(f"commands.{name}" for name in COMMANDS if name not in SYSTEMS)]
TESTS = Path(__file__).parents[1]
WITH_KIT = {"PYTHONPATH": str(TESTS)}
LESSER = "from kit.elsewhere import become; become(); "


def lesser(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **WITH_KIT}
    return subprocess.run(
        [sys.executable, "-c", f"{LESSER}{code}"], env=environment, capture_output=True, text=True, timeout=60
    )


def test_what_is_taken_away_is_gone() -> None:
    told = lesser(
        "import os, socket; print(hasattr(os, 'memfd_create'), hasattr(socket, 'AF_PACKET'), os.uname().sysname)"
    )
    assert told.stdout == "False False Darwin\n"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit code and words of each process that imported one of IMPORTED and nothing else of ours."""
    folder = tmp_path_factory.mktemp("imported")
    done = lesser(f"from kit.elsewhere import import_each; import_each({IMPORTED}, {str(folder)!r})")
    assert (done.returncode, done.stderr) == (0, "")
    codes = dict(line.split() for line in done.stdout.splitlines())
    return {module: (int(code), (folder / module).read_text()) for module, code in codes.items()}


@pytest.mark.parametrize("module", IMPORTED)
def test_it_is_imported(module: str, imported: dict[str, tuple[int, str]]) -> None:
    assert imported[module] == (0, "")


def test_it_serves_with_what_there_is_and_names_what_is_missing(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    config = tmp_path / "anchorhold.toml"
    text = config_text(tmp_path, port).replace("[service]\n", '[service]\nsandbox = "best-effort"\n')
    config.write_text(text)
    with managed(config, environment=WITH_KIT, before=LESSER) as running:
        running.wait_for("serving on 127.0.0.1:")
        running.wait_for("anchorhold apply will not work", "Protocol not supported")
        for cell in ("supervisor", "front", "resolver", "keeper"):
            running.wait_for(f"{cell}: is shut in less than it should be; missing: ", "a filter of system calls")
        result = CliRunner().invoke(main, ["ask", "localhost", "--control", str(tmp_path / "control.sock")])
        assert (result.exit_code, "127.0.0.1" in result.output) == (0, True)
        assert running.end() == 0


def test_without_a_filter_it_refuses_unless_it_is_told_to_do_what_it_can(tmp_path: Path) -> None:
    config = tmp_path / "anchorhold.toml"
    config.write_text(config_text(tmp_path))
    with managed(config, environment=WITH_KIT, before=LESSER) as running:
        running.wait_for("supervisor: seccomp: there is no table of system calls", 'sandbox = "best-effort"')
        assert running.ended() == 3
