"""What `anchorhold cells` reads and says, from a /proc of files and a supervisor's list."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.procfs import write_process

from anchorhold.cli import main
from anchorhold.commands.cells import as_data, notes, summary
from anchorhold.control_client import ControlFailed
from anchorhold.isolation import Isolation, Said, of_roster
from anchorhold.processes import capabilities, read_process
from anchorhold.restarts import Restarts
from anchorhold.roster import roster
from anchorhold.roster import said as told
from anchorhold.sandbox import Standing

SUPERVISOR, FRONT, RESOLVER = 4_000_001, 4_000_002, 4_000_003


class Listed:
    def __init__(self, name: str, pid: int, due: float | None = None, sealed: str = "", rests: int = 0) -> None:
        self.name, self.pid, self.due, self.ready, self.sealed = name, pid, due, int(pid > 0), sealed
        self.rests = rests
        self.restarts = Restarts()


def said(*missing: str) -> str:
    return told(Standing("front", "anchorhold-front", calls=12, landlock=7, missing=missing))


def isolation(proc: Path, *cells: Listed) -> Isolation:
    return of_roster(roster(SUPERVISOR, cells), proc)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    write_process(tmp_path, SUPERVISOR, user=0, capabilities=0b1110_0000, sealed=False, name="supervisor")
    write_process(tmp_path, FRONT, SUPERVISOR, user=901, namespaces=("net", "ipc"))
    write_process(tmp_path, RESOLVER, SUPERVISOR, user=902, proportional=7_000, name="resolver")
    return tmp_path


def test_a_process_is_read_whole(proc: Path) -> None:
    found = read_process(FRONT, SUPERVISOR, proc)
    assert found is not None
    assert (found.user, found.capabilities, found.no_new_privileges) == (901, (), True)
    assert (found.seccomp, found.filters, found.threads, found.descriptors) == (2, 1, 1, 3)
    assert (found.resident, found.proportional, found.own) == (20_000 * 1_024, 5_000 * 1_024, ("net", "ipc"))


def test_what_is_gone_or_hidden_is_nothing(proc: Path) -> None:
    assert read_process(1, SUPERVISOR, proc) is None
    lone = read_process(FRONT, 1, proc)
    assert lone is not None
    assert lone.own is None


def test_capabilities_have_their_names() -> None:
    assert capabilities(0b1110_0000) == ("kill", "setgid", "setuid")
    assert capabilities(1 << 10 | 1 << 21 | 1 << 40 | 1 << 45) == (
        *("net_bind_service", "sys_admin", "checkpoint_restore", "45"),
    )


def test_a_service_with_nothing_missing_says_so(proc: Path) -> None:
    found = isolation(proc, Listed("front", FRONT, sealed=said()), Listed("resolver", RESOLVER, sealed=said()))
    assert [cell.name for cell in found.cells] == ["supervisor", "front", "resolver"]
    assert (found.absent, found.rights, found.shared, found.missing, found.unread) == ((), (), (), (), ())
    in_force = "2 of 2 cells behind a filter of system calls, 2 in Landlock 7, 1 in namespaces of their own"
    assert summary(found) == [f"Isolation: {in_force}; nothing is missing"]
    assert notes(found) == [
        "PSS together: 16.6 MiB",
        "Capabilities of supervisor: kill setgid setuid",
    ]


def test_what_a_cell_may_and_should_not_is_told(proc: Path) -> None:
    write_process(proc, 77, SUPERVISOR, user=0, capabilities=1 << 21, sealed=False)
    found = isolation(proc, Listed("lists", 77))
    assert found.rights == (
        ("lists", "it is root"),
        ("lists", "it has capabilities"),
        ("lists", "it may gain rights by a program that it starts"),
        ("lists", "it has no filter of system calls of its own"),
    )


def test_the_filter_of_a_service_manager_is_none_of_the_cells_own(proc: Path) -> None:
    """It lies on the supervisor too, and on all that it starts."""
    write_process(proc, 70, 1, user=0, filters=1, name="supervisor")
    write_process(proc, 71, 70, filters=2)
    write_process(proc, 72, 70, user=902, filters=1)
    found = of_roster(roster(70, [Listed("front", 71), Listed("resolver", 72)]), proc)
    assert found.rights == (("resolver", "it has no filter of system calls of its own"),)
    head, *missing = summary(found)
    assert head.startswith("Isolation: 1 of 2 cells behind a filter of system calls, no Landlock")
    assert missing == ["  resolver: it has no filter of system calls of its own"]


def test_one_account_for_several_is_told_and_why(proc: Path) -> None:
    write_process(proc, 78, SUPERVISOR, user=901)
    rooted = isolation(proc, Listed("front", FRONT), Listed("keeper", 78))
    assert rooted.shared == (("901", ("front", "keeper")),)
    assert "One user for front, keeper: 901; there is no account for each (docs/guide/isolation.md)" in notes(rooted)
    plain = of_roster(roster(RESOLVER, [Listed("front", FRONT), Listed("keeper", 78)]), proc)
    assert "One user for front, keeper: 901; the service was not started by root" in notes(plain)


def test_what_is_missing_in_several_is_told_once(proc: Path) -> None:
    old = "Landlock for TCP ports: this kernel has ABI 2, and ports need 4"
    cells = (Listed("front", FRONT, sealed=said(old)), Listed("resolver", RESOLVER, sealed=said(old, "scopes")))
    found = isolation(proc, *cells)
    assert found.missing == (("front resolver", old), ("resolver", "scopes"))
    assert f"Missing in front resolver: {old}" in notes(found)
    assert summary(found)[1:] == [f"  Missing in front resolver: {old}", "  Missing in resolver: scopes"]


def test_what_may_not_be_read_is_named(proc: Path) -> None:
    write_process(proc, 79, SUPERVISOR, user=903, proportional=None)
    found = isolation(proc, Listed("keeper", 79), Listed("lists", 80))
    assert found.unread == ("keeper", "lists")
    assert notes(found)[0] == "PSS together: 4.9 MiB (without keeper, lists: only root may read it)"


def test_a_cell_that_waits_for_its_start_is_absent_and_one_that_nobody_wants_is_not_listed(proc: Path) -> None:
    found = isolation(proc, Listed("front", 0, due=3.0), Listed("dhcp", 0), Listed("resolver", RESOLVER))
    assert found.absent == ("front",)
    assert "  front does not run (it may be starting again)" in summary(found)
    assert [cell.name for cell in found.sealed] == ["front", "resolver"]


def test_a_cell_that_rests_is_not_missed(proc: Path) -> None:
    cells = Listed("front", FRONT, sealed=said()), Listed("lists", 0, due=9.0, sealed=said(), rests=2)
    found = isolation(proc, *cells)
    assert (found.absent, found.unread, found.resting) == ((), (), ("lists",))
    rows = json.loads(roster(1, cells))["cells"]
    assert [(row["generation"], row["rests"]) for row in rows] == [(1, False), (2, True)]
    assert [line.partition(",")[0] for line in summary(found)] == [
        "Isolation: 1 of 1 cells behind a filter of system calls"
    ]
    assert any(line.startswith("lists rests: it has nothing to do") for line in notes(found))


def test_for_programs_nothing_is_lost(proc: Path) -> None:
    data = as_data(isolation(proc, Listed("front", FRONT, sealed=said("x"))))
    cells = data["cells"]
    assert isinstance(cells, list)
    wanted = {
        "cell": "front",
        "pid": FRONT,
        "restarts": 0,
        "rests": False,
        "user": "901",
        "uid": 901,
        "capabilities": [],
    }
    wanted |= {"no_new_privileges": True, "seccomp": 2, "filters": 1, "namespaces": ["net", "ipc"], "threads": 1}
    wanted |= {"descriptors": 3, "rss": 20_000 * 1_024, "pss": 5_000 * 1_024}
    told_of = list(Standing("front", "anchorhold-front", calls=12, landlock=7).in_force)
    assert cells[1] == wanted | {"calls": 12, "landlock": 7, "in_force": told_of, "missing": ["x"]}
    assert data["missing"] == [{"cells": ["front"], "what": "x"}]
    json.dumps(data)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x", "cells": []}', '{"pid": 1, "cells": [{}]}'])
def test_a_list_that_does_not_read_is_an_error_with_a_text(text: str, tmp_path: Path) -> None:
    with pytest.raises(ControlFailed, match="does not read"):
        of_roster(text, tmp_path)


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", '{"in_force": 7, "missing": []}'])
def test_a_cell_that_talks_nonsense_is_read_from_the_kernel_all_the_same(text: str, proc: Path) -> None:
    found = isolation(proc, Listed("front", FRONT, sealed=text)).cells[1]
    assert (found.said, found.process is not None) == (Said(), True)


def test_without_a_service_the_command_says_how_to_start_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["cells", "--control", str(tmp_path / "none.sock")])
    assert (result.exit_code, "start it with: anchorhold run" in result.output) == (4, True)
