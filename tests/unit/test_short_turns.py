"""How long the turns on a processor are of a process that answers clients, and who gives way to it."""

import ctypes
import errno
import os
import struct

import pytest
from kit.children import ended
from kit.profiles import LINUX

from anchorhold.cells.start import COURTESY, SHORT_TURN, give_way, take_short_turns
from anchorhold.sandbox.libc import system_call


def attributes() -> tuple[int, ...]:
    """Policy, nice and turn (0 before Linux 6.12) of this process."""
    memory = ctypes.create_string_buffer(48)
    system_call("sched_getattr", 0, memory, 48, 0)  # type: ignore[arg-type] # to be written to
    _, policy, _, nice, _, turn, _, _ = struct.unpack("=IIQiIQQQ", memory.raw)
    return policy, nice, turn


@LINUX
def test_a_turn_is_short_and_nothing_else_changes() -> None:
    def body() -> None:
        os.nice(3)
        policy, nice, turn = attributes()
        take_short_turns()
        assert (policy, nice, SHORT_TURN if turn else 0) == attributes()
        assert turn != SHORT_TURN

    assert 0 == ended(body)


@LINUX
def test_who_runs_by_another_policy_keeps_its_turns() -> None:
    def body() -> None:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        before = attributes()
        take_short_turns()
        assert before == attributes()

    assert 0 == ended(body)


@LINUX
@pytest.mark.parametrize("call", ["sched_getscheduler", "getpriority"])
def test_who_may_not_even_ask_serves_all_the_same(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit's filter says EPERM, the C library musl ENOSYS."""

    def refuse(*_: int) -> int:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(os, call, refuse)
    before = attributes()
    take_short_turns()
    assert before == attributes()


@LINUX
def test_who_gives_way_is_nicer_and_nothing_else_changes() -> None:
    def body() -> None:
        policy, nice, turn = attributes()
        give_way()
        assert (policy, nice + COURTESY, turn) == attributes()

    assert 0 == ended(body)


def test_who_may_not_give_way_serves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(os, "nice", refuse)
    give_way()
