"""The tables of system calls beside each cell, counted."""

import sys
from itertools import product
from pathlib import Path

import pytest
from kit.profiles import FILTERED

from anchorhold.cells.front import FrontCell
from anchorhold.lists.urls import HTTPS_PORT
from anchorhold.sandbox import Network, seccomp
from anchorhold.sandbox.clock import READABLE, SOURCE, calls_for_time
from anchorhold.sandbox.library import calls_for_library, library
from anchorhold.sandbox.numbers import Architecture
from anchorhold.sandbox.profile import calls
from resolver.edge.listen.batched import RECEIVE, SEND

GOALS = {
    "front": 12,
    "front in batches": 12,
    "secure": 18,
    "dhcp": 18,
    "resolver": 24,
    "keeper": 28,
    "lists": 28,
    "workshop": 18,
    "loader": 20,
    "reader": 16,
    "certificates": 20,
}
FACING = ("front", "secure", "dhcp", "resolver", "lists")
"""Cells that hear strangers."""
ALL_TOGETHER = 32
MESSAGES = {"recvmsg": "recvmmsg", "sendmsg": "sendmmsg"}
"""By which calls messages come and go one by one, and by which in batches."""
FORMS = tuple(product(("front", "front in batches"), ("resolver", "resolver on uvloop")))
"""As cells run, by what is installed."""
OF_HELPER = 2
"""More in the processes that `lists` has for what strangers wrote: mremap, for much memory, and write, for what came of it."""

NEVER = {
    "execve",
    "execveat",
    "fork",
    "vfork",
    "clone",
    "clone3",
    "kill",
    "tkill",
    "tgkill",
    "ptrace",
    "prctl",
    "mprotect",
}
"""Not even with tests of arguments."""


def names(profile: str) -> set[str]:
    return {rule.call for rule in FILTERED[profile].calls}


@pytest.mark.parametrize("cell", GOALS)
def test_a_cell_serves_with_few_system_calls(cell: str) -> None:
    print(f"{cell}: {len(names(cell))} of at most {GOALS[cell]}: {', '.join(sorted(names(cell)))}")
    assert len(names(cell)) <= GOALS[cell]


@pytest.mark.parametrize(("front", "resolver"), FORMS)
def test_cells_that_hear_strangers_have_few_together(front: str, resolver: str) -> None:
    facing = (front, resolver, *(cell for cell in FACING if cell not in ("front", "resolver")))
    # All receive and send by the ones or by the others.
    batched = "recvmmsg" in names(front)
    as_here = {one: many if batched else one for one, many in MESSAGES.items()}
    as_here |= {many: many if batched else one for one, many in MESSAGES.items()}
    together = {as_here.get(call, call) for cell in facing for call in names(cell)}
    print(f"{' + '.join(facing)}: {len(together)} of at most {ALL_TOGETHER}: {', '.join(sorted(together))}")
    assert len(together) <= ALL_TOGETHER
    helper = {as_here.get(call, call) for call in names("workshop")} - together
    print(f"with the helper of lists: {len(together | helper)}, {', '.join(sorted(helper))} besides")
    assert len(helper) <= OF_HELPER


def test_nobody_makes_processes_or_ends_them() -> None:
    assert {} == {cell: names(cell) & NEVER for cell in FILTERED if names(cell) & NEVER}


def test_the_resolver_alone_may_connect_anywhere_and_lists_to_one_port() -> None:
    """All others are in a network without an interface, whatever they may call."""
    outside = {name for name, profile in FILTERED.items() if profile.network is Network.OUTSIDE}
    assert {"resolver", "resolver on uvloop", "lists", "reader"} == outside
    assert not names("reader") & {"socket", "connect", "bind", "sendmmsg"}
    ports = {name: FILTERED[name].connect for name in outside if "connect" in names(name)}
    assert {"resolver": None, "resolver on uvloop": None, "lists": (HTTPS_PORT,)} == ports


def test_what_reads_lists_makes_no_socket_and_sends_no_descriptor() -> None:
    """What strangers wrote is read there; the cell that asked for it hears its lines."""
    assert not names("workshop") & {"socket", "connect", "sendto", "sendmsg", "socketpair", "memfd_create"}


def test_what_is_installed_here_is_what_was_counted() -> None:
    made = {rule.call for rule in FrontCell.profile.calls}
    others = set[str]().union(*map(names, (*FACING[1:], "resolver on uvloop", "workshop")))
    assert {RECEIVE, SEND} == made & MESSAGES.keys() | made & {*MESSAGES.values()}
    assert {RECEIVE, SEND} == others & MESSAGES.keys() | others & {*MESSAGES.values()}


@pytest.mark.parametrize("cell", ["front", "front in batches", "secure"])
@pytest.mark.parametrize("architecture", Architecture)
def test_the_cells_that_know_clients_start_nothing_and_open_nothing(cell: str, architecture: Architecture) -> None:
    assert not names(cell) & (
        NEVER | {"socket", "connect", "bind", "openat", "open", "ioctl", "fcntl", "setsockopt", "write"}
    )
    assert seccomp.assemble(FILTERED[cell].calls, architecture)


def test_where_the_kernel_cannot_tell_the_time_in_our_memory_it_may_be_asked(tmp_path: Path) -> None:
    source = tmp_path / "current"
    for name in READABLE:
        source.write_text(f"{name}\n")
        assert () == calls_for_time(source)
    for name in ("hpet", "acpi_pm", ""):
        source.write_text(f"{name}\n")
        assert ["clock_gettime", "gettimeofday"] == [rule.call for rule in calls_for_time(source)]
    assert 2 == len(calls_for_time(tmp_path / "none"))
    assert not SOURCE.exists() or len(calls_for_time()) == 2 * (SOURCE.read_text().strip() not in READABLE)


def test_another_c_library_asks_about_open_files_by_another_call() -> None:
    asking, others = calls("read", "newfstatat"), calls("read", "openat")
    for version in ("glibc 2.33", "glibc 2.36", "glibc 2.38"):
        assert () == calls_for_library(asking, version)
    for version in ("glibc 2.31", "glibc 2.39", "glibc 2.41", "glibc 3.33", "musl", ""):
        assert calls("fstat") == calls_for_library(asking, version)
        assert () == calls_for_library(others, version)
    assert sys.platform != "linux" or library()
