"""`anchorhold cells` beside the running service: what it says is what the kernel says."""

import json
import os
import signal
from pathlib import Path

from click.testing import CliRunner, Result
from kit.processes import descriptors, state
from kit.service import Running, started

from anchorhold.cells.start import COURTESY
from anchorhold.cli import main

CELLS = ("front", "resolver", "keeper")


def asked(config: Path, *more: str, command: str = "cells") -> Result:
    return CliRunner().invoke(main, [command, "--control", str(config.parent / "control.sock"), *more])


def read(config: Path) -> dict[str, dict[str, object]]:
    return {line["cell"]: line for line in json.loads(asked(config, "--json").stdout)["cells"]}


def check(line: dict[str, object], pid: int) -> None:
    status = state(pid)
    assert line["pid"] == pid
    assert line["uid"] == int(status["Uid"].split()[1])
    assert line["no_new_privileges"] == (status["NoNewPrivs"] == "1")
    assert (line["seccomp"], line["filters"]) == (int(status["Seccomp"]), int(status["Seccomp_filters"]))
    assert bool(line["capabilities"]) == bool(int(status["CapEff"], 16))


def test_each_process_is_told_as_the_kernel_sees_it(config: Path) -> None:
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        found = read(config)
        check(found["supervisor"], running.process.pid)
        for name in CELLS:
            check(found[name], running.cell(name))
            assert (found[name]["capabilities"], found[name]["no_new_privileges"]) == ([], True)
            assert found[name]["restarts"] == 0
        if os.geteuid() == 0:
            assert found["front"]["descriptors"] == len(descriptors(running.cell("front")))
            assert all(isinstance(line["pss"], int) for line in found.values())


def test_who_makes_answers_gives_way_to_those_who_give_them_out(config: Path) -> None:
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        nice = {name: os.getpriority(os.PRIO_PROCESS, running.cell(name)) for name in CELLS}
        ours = os.getpriority(os.PRIO_PROCESS, running.process.pid)
        assert {"front": ours, "resolver": min(ours + COURTESY, 19), "keeper": ours} == nice


def test_a_cell_that_came_back_is_told_with_its_restart(config: Path) -> None:
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        former = running.cell("keeper")
        os.kill(former, signal.SIGKILL)
        running.wait_for("keeper", "serves again")
        found = read(config)["keeper"]
        assert (found["restarts"], found["pid"]) == (1, running.cell("keeper"))
        assert found["pid"] != former


def test_the_table_and_the_line_of_status_say_what_is_there(config: Path) -> None:
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        table = asked(config).stdout
        rows = {line.split()[0]: line.split() for line in table.splitlines() if line.startswith("  ")}
        assert {"supervisor", *CELLS} <= set(rows)
        assert rows["front"][1] == str(running.cell("front"))
        assert "PSS together: " in table
        assert "cells behind a filter of system calls" in asked(config, command="status").stdout


def test_who_stops_the_supervisor_answering_gets_an_error_with_a_text(config: Path) -> None:
    """The list is the supervisor's alone to tell: of a service that ended there is none."""
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        assert running.end() == 0
        result = asked(config)
        assert (result.exit_code, "no service" in result.output) == (4, True)


def test_the_running_service_is_asked_over_a_connection_like_any(config: Path) -> None:
    """A list is no trial: one that is under way goes on, and as many lists can be had as anybody wants."""

    def lists(running: Running) -> list[int]:
        return [len(read(config)) for _ in range(10)]

    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        assert lists(running) == [1 + len(CELLS)] * 10
