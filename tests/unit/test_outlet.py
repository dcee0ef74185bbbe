"""Standard error that is gone, full, or comes back: lines are lost, counted and told of, and nobody waits."""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from kit.profiles import LINUX

from anchorhold import outlet
from anchorhold.outlet import Outlet

F_SETPIPE_SZ = 1_031
LINE = b"front: a line"
MANY = 10_000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A few pages long; both ends wait."""
    reading, writing = os.pipe()
    if sys.platform == "linux":
        fcntl.fcntl(writing, F_SETPIPE_SZ, 16_384)
    yield reading, writing
    for end in (reading, writing):
        with contextlib.suppress(OSError):  # closed by the test
            os.close(end)


def test_lines_go_out_whole_and_as_they_are(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    one = Outlet(writing).open()
    one.write(LINE)
    one.write("front: ä".encode())
    assert os.read(reading, 4_096) == LINE + "\nfront: ä\n".encode()
    assert one.lost == 0


def test_nobody_waits_for_a_reader_that_does_not_read_and_what_was_lost_is_told(pipe: tuple[int, int]) -> None:
    """EAGAIN, as it would be: the pipe is not told not to wait, for others write there too."""
    reading, writing = pipe
    one = Outlet(writing).open()
    for _ in range(MANY):
        one.write(LINE)
    assert 0 < one.lost < MANY
    held = os.read(reading, 1 << 20)
    one.write(b"front: again")
    one.write(b"front: and again")
    assert held == (LINE + b"\n") * (MANY - one.lost)
    told = f"supervisor: lines of the log that were lost here: {one.lost}\n".encode()
    assert os.read(reading, 1 << 20) == told + b"front: again\nfront: and again\n"


@pytest.mark.parametrize("error", [errno.EPIPE, errno.ENOSPC, errno.EAGAIN, errno.EIO, errno.EBADF, errno.EDQUOT])
def test_an_error_loses_the_line_and_the_next_one_says_so(
    error: int, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = pipe
    one = Outlet(writing).open()

    def refuse(_descriptor: int, _data: bytes) -> int:
        raise OSError(error, "no")

    with monkeypatch.context() as broken:
        broken.setattr(outlet.os, "write", refuse)
        one.write(LINE)
        one.write(LINE)
    one.write(LINE)
    assert one.lost == 2
    assert os.read(reading, 4_096) == b"supervisor: lines of the log that were lost here: 2\n" + LINE + b"\n"


def test_a_disk_that_fills_up_within_a_line_leaves_no_line_that_two_are_in(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = pipe
    one, write = Outlet(writing).open(), os.write
    with monkeypatch.context() as full:
        full.setattr(outlet.os, "write", lambda descriptor, data: write(descriptor, data[:5]))
        one.write(LINE)
    one.write(LINE)
    told = b"\nsupervisor: lines of the log that were lost here: 1\n"
    assert os.read(reading, 4_096) == LINE[:5] + told + LINE + b"\n"


def test_a_reader_that_is_gone_is_no_end(pipe: tuple[int, int]) -> None:
    """The real thing: EPIPE, and SIGPIPE that nobody is ended by."""
    reading, writing = pipe
    os.close(reading)
    one = Outlet(writing).open()
    for _ in range(3):
        one.write(LINE)
    assert one.lost == 3


@LINUX
def test_a_full_disk_is_no_end() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    one = Outlet(descriptor).open()
    one.write(LINE)
    os.close(descriptor)
    one.write(LINE)
    assert one.lost == 2


HOLD = """
import os, socket
from anchorhold.start import hold_standard_descriptors
hold_standard_descriptors()
made = socket.socket()
os._exit(0 if made.fileno() > 2 and all(os.fstat(number) for number in range(3)) else 1)
"""


@pytest.mark.parametrize("closed", [(), (2,), (0, 1, 2)])
def test_what_is_opened_later_never_takes_the_place_of_standard_error(closed: tuple[int, ...]) -> None:
    shut = " ".join(f"{number}>&-" for number in closed)
    assert 0 == subprocess.run(["sh", "-c", f'exec "$0" -c "$1" {shut}', sys.executable, HOLD]).returncode
