"""A cell that raises what nobody expected says where, and not what about; and how long its turns on a processor are."""

import ctypes
import os
import struct

import pytest
from kit.children import ended
from kit.profiles import LINUX

from anchorhold.cells.start import EXIT_MISTAKE, SHORT_TURN, run_guarded, take_short_turns
from anchorhold.sandbox.libc import system_call

SECRET = "annas-phone"


def stumble() -> int:
    try:
        return {}[SECRET]  # type: ignore[no-any-return]
    except KeyError:
        raise ValueError(f"{SECRET} at 192.0.2.7") from None


def trip() -> int:
    try:
        return stumble()
    except ValueError as error:
        raise RuntimeError(SECRET) from error


@pytest.mark.parametrize(("body", "kinds"), [(stumble, ["ValueError"]), (trip, ["RuntimeError", "ValueError"])])
def test_no_word_of_an_exception_is_logged(body: object, kinds: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_guarded("dhcp", body)  # type: ignore[arg-type]
    said = capfd.readouterr().err
    assert ended.value.code == EXIT_MISTAKE
    assert all(f"{kind} at test_cells_start.py:" in said for kind in kinds)
    assert SECRET not in said
    assert "192.0.2.7" not in said


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
