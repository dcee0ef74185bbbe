"""Pages of files that are let go: none that was written to, and a process goes on as before."""

import hashlib
import mmap

import pytest
from kit.children import ended
from kit.profiles import LINUX

from anchorhold.sandbox import pages

SMAPS = b"""\
55d0a0000000-55d0a0001000 r--p 00000000 fe:00 17 /usr/lib/library.so.1
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me
55d0a0001000-55d0a0005000 r-xp 00001000 fe:00 17 /usr/lib/library.so.1
Anonymous:             0 kB
Swap:                  0 kB
55d0a0005000-55d0a0007000 r--p 00005000 fe:00 17 /usr/lib/library.so.1
Anonymous:             8 kB
Swap:                  0 kB
55d0a0007000-55d0a0008000 rw-p 00007000 fe:00 17 /usr/lib/library.so.1
Anonymous:             0 kB
Swap:                  0 kB
55d0a0008000-55d0a0009000 r--s 00000000 00:01 9 /memfd:settings (deleted)
Anonymous:             0 kB
Swap:                  0 kB
55d0a0008800-55d0a0009000 r--p 00007000 fe:00 17 /usr/lib/library.so.1
Anonymous:             0 kB
Swap:                  4 kB
55d0a0009000-55d0a000a000 ---p 00000000 fe:00 17 /usr/lib/library.so.1
Anonymous:             0 kB
Swap:                  0 kB
55d0a000a000-55d0a000b000 r--p 00000000 fe:00 18 /usr/lib/locale/locale-archive
Anonymous:             0 kB
Swap:                  0 kB
7f0000000000-7f0000002000 r--p 00000000 00:00 0 [vvar]
Anonymous:             0 kB
Swap:                  0 kB
7f0000002000-7f0000003000 r-xp 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
"""


def test_only_what_nobody_has_written_to_is_let_go() -> None:
    found = list(pages.unwritten(SMAPS.splitlines(keepends=True)))
    assert [(0x55D0A0000000, 0x1000), (0x55D0A0001000, 0x4000)] == found


def test_what_lies_one_behind_the_other_is_one_piece() -> None:
    assert [(0x1000, 0x3000), (0x5000, 0x1000)] == list(
        pages.joined([(0x1000, 0x1000), (0x2000, 0x2000), (0x5000, 0x1000)])
    )
    assert [] == list(pages.joined([]))


@LINUX
def test_a_process_has_less_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_found", [])
    pages.look_up()
    before, expected = _resident(), hashlib.sha256(b"an octet").digest()
    pages.let_go()
    assert _resident() < before
    assert expected == hashlib.sha256(b"an octet").digest()


@LINUX
def test_a_copy_lets_go_of_the_same_without_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_found", [])
    pages.look_up()
    monkeypatch.setattr(pages, "_opened", None)

    def copy() -> None:
        expected = hashlib.sha256(b"an octet").digest()
        # What nobody has looked at stays, wherever it is.
        own = mmap.mmap(-1, mmap.PAGESIZE)
        own[:4] = b"mine"
        before = _resident()
        pages.let_go()
        assert _resident() < before
        assert (b"mine", expected) == (own[:4], hashlib.sha256(b"an octet").digest())

    assert 0 == ended(copy)


def _resident() -> int:
    """KiB of files, of ours."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssFile:"))
