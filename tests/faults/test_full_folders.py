"""The folders of the keeper and of the lists cell on a disk that is full, read-only or broken: at whatever call it fails, what
was there stays, whole; it is told, and tried again."""

import asyncio
import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.broken_disk import BrokenDisk
from kit.keyset import ENTRY, keyset, record
from kit.peers import need_root
from kit.signing import DATE, DAY
from kit.virtual import run_virtually

from anchorhold.keeper import folder as folder_module
from anchorhold.keeper.files import ANCHORS, CLOCK, read_clock, read_points
from anchorhold.keeper.folder import Folder
from anchorhold.keeper.keeper import Keeper
from anchorhold.lists import rounds as rounds_module
from anchorhold.lists import store as store_module
from anchorhold.lists.index import Index
from anchorhold.lists.rounds import NOT_KEPT, TRY_AGAIN, Rounds
from anchorhold.lists.store import Store
from resolver.dnssec.anchors import TrustAnchor
from wire.dns.names import ROOT
from wire.units import Epoch

HERE = Path(__file__).parent
ERRORS = (errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT)
errors = pytest.mark.parametrize("error", ERRORS, ids=lambda error: errno.errorcode[error])
MOST_CALLS = 20


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def at_every_call(disk: BrokenDisk, work: Callable[[], object]) -> Iterator[int]:
    """Run `work` on a disk that fails at its first call, its second, and so on, until none fails any more."""
    for at in range(1, MOST_CALLS):
        disk.at, disk.calls = at, 0
        failed = False
        try:
            work()
        except OSError:
            failed = True
        disk.mend()
        if not failed:
            return
        yield at
    raise AssertionError("it never came to an end")


@errors
def test_a_file_is_the_former_one_or_the_next_one(
    error: int, opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = BrokenDisk(error)
    monkeypatch.setattr(folder_module, "os", disk)
    folder = Folder(opened)
    folder.write("file", b"former")
    failed = 0
    for at in at_every_call(disk, lambda: folder.write("file", b"next" * 100)):
        assert folder.read("file") in (b"former", b"next" * 100), f"call {at}"
        failed += 1
    assert failed >= 4
    folder.write("file", b"after")
    assert ([b"after"], ["file"]) == ([folder.read("file")], os.listdir(tmp_path))


def keeper_in(opened: int, said: list[str]) -> Keeper:
    keeper = Keeper(Folder(opened), (record(1),), Epoch(DATE - 100 * DAY), lambda text, _: said.append(text))
    keeper.open(DATE)
    keeper.follow((TrustAnchor(ROOT, (record(1),)),), DATE)
    return keeper


def hear(keeper: Keeper, date: float, *seeds: int) -> None:
    """The root's keys, signed by the first."""
    keeper.heard(ROOT, keyset(dict.fromkeys(seeds, ENTRY), {seeds[0]: ENTRY}, date), Epoch(date))


@errors
def test_what_the_keeper_cannot_write_is_told_and_written_when_it_can(
    error: int, opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = BrokenDisk(error)
    monkeypatch.setattr(folder_module, "os", disk)
    said: list[str] = []
    keeper = keeper_in(opened, said)
    hear(keeper, DATE, 1)
    before = (tmp_path / ANCHORS).read_bytes()
    disk.at, disk.calls = 1, 0
    hear(keeper, DATE + DAY, 1, 2)
    keeper.keep_time(Epoch(DATE + DAY))
    assert os.strerror(error) in keeper.told()[0].storage
    assert 1 == len([line for line in said if ANCHORS in line])
    assert before == (tmp_path / ANCHORS).read_bytes()
    disk.mend()
    keeper.keep_time(Epoch(DATE + DAY + 60))
    assert "" == keeper.told()[0].storage
    (point,) = read_points((tmp_path / ANCHORS).read_bytes())
    assert 2 == len(point.keys), "the key that was new while nothing could be written"
    assert Epoch(DATE + DAY + 60) == read_clock((tmp_path / CLOCK).read_bytes())


@errors
def test_an_image_of_lists_is_whole_or_not_there(
    error: int, opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = BrokenDisk(error)
    monkeypatch.setattr(folder_module, "os", disk)
    store = Store(opened)
    store.save(Index())
    data = b"image" * 100
    digest = hashlib.sha256(data).hexdigest()
    for _ in at_every_call(disk, lambda: store.keep_image(data, digest)):
        named = [name for name in os.listdir(tmp_path) if name.endswith(".image")]
        assert all((tmp_path / name).read_bytes() == data for name in named)
        assert (Index(), "") == store.load(Epoch(0.0))


@errors
def test_a_text_of_a_list_has_its_name_only_when_it_is_whole(
    error: int, opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = BrokenDisk(error)
    monkeypatch.setattr(store_module, "os", disk)
    store = Store(opened)

    def fetch() -> None:
        draft = store.draft()
        try:
            draft.add(b"0.0.0.0 ads.example\n" * 10)
            draft.finish()
        finally:
            draft.drop()

    failed = 0
    for _ in at_every_call(disk, fetch):
        failed += 1
        named = [name for name in os.listdir(tmp_path) if not name.startswith(".")]
        assert all(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() + ".list" == name for name in named)
    assert failed >= 3
    store.clear_drafts()
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


def test_an_index_the_disk_did_not_take_is_written_when_it_does_and_the_complaint_ends(
    opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = BrokenDisk()
    monkeypatch.setattr(folder_module, "os", disk)
    said: list[str] = []

    async def go() -> None:
        going = Rounds(Store(opened), None, lambda *_: None, said.append)  # type: ignore[arg-type] # nothing is fetched
        disk.at = 1
        for _ in range(5):
            going._keep()
        assert ([f"{NOT_KEPT}: {os.strerror(errno.ENOSPC)}"], said[0]) == (said, going.problem)
        await asyncio.sleep(TRY_AGAIN + 1)
        assert not (tmp_path / "index.json").exists()
        disk.mend()
        calls = disk.calls
        await asyncio.sleep(TRY_AGAIN + 1)
        assert ("", True) == (going.problem, (tmp_path / "index.json").exists())
        assert 0 < disk.calls - calls < MOST_CALLS, "one of the five tries again, and no more than once"

    monkeypatch.setattr(rounds_module, "fork", None)
    run_virtually(go())


def test_a_file_system_that_is_really_full_or_read_only(tmp_path: Path) -> None:
    need_root("a mount namespace")
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, str(HERE / "full_folders.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert ("anchors: No space left on device", True) == (said["full"]["storage"], said["full"]["former"])
    assert ("anchors: Read-only file system", True) == (said["read_only"]["storage"], said["read_only"]["former"])
    assert {"storage": "", "keys": 2, "files": ["anchors", "clock"]} == said["after"]
