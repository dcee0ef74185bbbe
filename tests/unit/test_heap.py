"""Where memory comes from, at its ceiling and under the filter: a MemoryError, and not the end by a call that nobody may make."""

import os
import platform
import resource
import subprocess
import sys
from typing import NamedTuple

import pytest
from kit.processes import data_of

from anchorhold.cells.heap import fill_holes, keep_to_heap
from anchorhold.cells.rules import GROWTH, HEAP
from anchorhold.sandbox import rights, seccomp
from anchorhold.sandbox.profile import Rule, calls
from net import apart

ROOM = 8 * 1024 * 1024
"""Octets below the ceiling."""
NO_MEMORY = 7
"""Exit code."""


class Way(NamedTuple):
    """What memory may be had with, and whether there is a thread: with one the C library would try a second heap."""

    allowed: tuple[Rule, ...]
    thread: bool


WAYS = {"with threads": Way((*HEAP, *calls("futex")), thread=True), "alone": Way(GROWTH, thread=False)}


def take_all(name: str, octets: int) -> None:
    way = WAYS[name]
    assert keep_to_heap()
    if way.thread:
        apart.start()
    held: list[object] = [None] * (ROOM // octets + 1_000_000)
    resource.setrlimit(resource.RLIMIT_DATA, (data_of(os.getpid()) + ROOM,) * 2)
    allowed = (*way.allowed, *calls("write", "exit_group"))
    rights.no_new_privileges()  # without them an ordinary user may put no filter in force
    seccomp.install(seccomp.pack(seccomp.assemble(allowed, seccomp.here())))
    try:
        for number in range(len(held)):
            held[number] = bytes(octets)
    except MemoryError:
        os._exit(NO_MEMORY)


@pytest.mark.parametrize("octets", [64, 60_000, 3_000_000])
@pytest.mark.parametrize("name", WAYS)
def test_no_memory_is_an_error_and_no_forbidden_call(name: str, octets: int) -> None:
    # A process of its own: how this one has used its memory, and threads, is not to count.
    ours = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, __file__, name, str(octets)], env=ours, capture_output=True, timeout=60)
    assert (NO_MEMORY, b"") == (done.returncode, done.stderr)


def make_holes() -> None:
    pieces = [bytes(size) for size in range(600, 3_000)]
    del pieces[::2]
    print(fill_holes(), fill_holes(), len(pieces))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_holes_are_filled_once() -> None:
    ours = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, __file__], env=ours, capture_output=True, timeout=60, check=True)
    first, second, _ = map(int, done.stdout.split())
    assert first > 100_000
    assert second < first // 10


if __name__ == "__main__":
    if sys.argv[1:]:
        take_all(sys.argv[1], int(sys.argv[2]))
    else:
        make_holes()
