"""The lease folder: its key, what is set aside, and that it can be used by who may not walk to it."""

import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kit.leases import KEY, begun, folder, lease, saved, store
from kit.peers import need_root

from anchorhold.sandbox import SandboxProfile, enter
from dhcp.edge.folder import KEY_NAME, FolderRefused, LeaseFolder, make_ours
from dhcp.edge.store import SqliteStore

NOBODY = 65_534


def test_a_key_is_made_once_whole_and_only_for_us(tmp_path: Path) -> None:
    with folder(tmp_path) as one:
        key, made = one.key()
        assert (32, True) == (len(key), made)
        assert (key, False) == one.key()
    found = (tmp_path / KEY_NAME).stat()
    assert (0o600, 32) == (stat.S_IMODE(found.st_mode), found.st_size)
    assert [KEY_NAME] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("data", "mode", "text"), [(KEY, 0o640, "can be read by others"), (KEY[:31], 0o600, "31 octets")]
)
def test_a_key_that_cannot_be_right_is_refused_and_left_alone(
    tmp_path: Path, data: bytes, mode: int, text: str
) -> None:
    (tmp_path / KEY_NAME).write_bytes(data)
    (tmp_path / KEY_NAME).chmod(mode)
    with folder(tmp_path) as one, pytest.raises(FolderRefused, match=text):
        one.key()
    assert data == (tmp_path / KEY_NAME).read_bytes()


def test_a_link_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(KEY)
    (tmp_path / KEY_NAME).symlink_to("elsewhere")
    with folder(tmp_path) as one, pytest.raises(FolderRefused, match="owner and permissions"):
        one.key()


def test_what_is_set_aside_goes_after_a_day_or_when_the_clock_has_jumped(tmp_path: Path) -> None:
    (tmp_path / "leases.db").write_bytes(b"damaged")
    with folder(tmp_path) as one:
        name = one.set_aside("leases.db")
        assert name.startswith("leases.db.damaged-20")
        assert "" == one.set_aside("leases.db")
        one.drop_aside()
        assert [name] == one.names()
    for moved in (-90_000, 90_000):
        other = f"leases.db.damaged-{datetime.fromtimestamp(time.time() + moved, UTC):%Y%m%dT%H%M%SZ}"
        (tmp_path / other).write_bytes(b"damaged")
    with folder(tmp_path) as one:
        one.drop_aside()
        assert [name] == one.names()
        one.drop_aside(everything=True)
        assert [] == one.names()


def test_who_is_in_the_folder_for_good_knows_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "before").write_bytes(b"1")
    with folder(tmp_path) as one:
        one.settle()
        one.make("ours")
        (tmp_path / "ours-wal").write_bytes(b"as SQLite does")
        (tmp_path / "later").write_bytes(b"by somebody else")
        one.rename("before", "after")
        one.set_aside("after")
        assert ["after.damaged", "ours", "ours-wal"] == [found.partition("-2")[0] for found in one.names()]
        (tmp_path / "lost").touch()
        (tmp_path / "lost").unlink()
        one.notice(["later", "lost", "", ".", "..", "../later", "/etc/passwd", "a\0b", "x" * 4_096])
        assert ["after.damaged", "later", "ours", "ours-wal"] == [name.partition("-2")[0] for name in one.names()]
        assert f"{tmp_path}/ours" == one.path("ours")
        one.remove("ours")
        one.drop_aside(everything=True)
        assert ["later", "ours-wal"] == one.names()
    assert {"later", "ours-wal"} == {file.name for file in tmp_path.iterdir()}


def test_a_file_is_read_in_pieces_that_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhcp.edge.folder._PIECE", 4)
    (tmp_path / "file").write_bytes(b"0123456789")
    with folder(tmp_path) as one:
        assert [b"0123", b"234567", b"6789"] == list(one.pieces("file", 2))
        assert [b"0123", b"4567", b"89"] == list(one.pieces("file", 0))


def test_the_store_works_for_another_user_below_a_directory_that_only_root_may_search(tmp_path: Path) -> None:
    """As the dhcp cell does it: descriptor from the supervisor, shut in, then another user."""
    need_root("becoming another user")
    private = tmp_path / "state"
    (private / "leases").mkdir(parents=True)
    private.chmod(0o700)
    with store(private / "leases", as_made(private / "leases")) as root_s:
        root_s.load()
        root_s.commit(begun(lease(1)), saved())
    (private / "mine").write_bytes(b"root's")
    os.link(private / "mine", private / "leases" / "second-name")
    os.chown(private / "leases", NOBODY, NOBODY)
    descriptor = os.open(private / "leases", os.O_RDONLY | os.O_DIRECTORY)
    child = os.fork()
    if child == 0:
        os._exit(as_nobody(descriptor))
    os.close(descriptor)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert 0 == (private / "mine").stat().st_uid
    (private / "leases" / "second-name").unlink()
    assert {NOBODY} == {file.stat().st_uid for file in (private / "leases").iterdir()}
    with store(private / "leases", (private / "leases" / KEY_NAME).read_bytes()) as root_s:
        assert (lease(1), lease(2)) == root_s.load().leases


def as_made(path: Path) -> bytes:
    """The key of a folder, made if need be."""
    with folder(path) as one:
        return one.key()[0]


def as_nobody(descriptor: int) -> int:
    """0 if all of it worked; whatever else happens must not come back into pytest."""
    try:
        enter(SandboxProfile("test", "nobody", folder=True), lambda: make_ours(descriptor), folder=descriptor)
        own = LeaseFolder(descriptor)
        first = SqliteStore(own, own.key()[0])
        kept = first.load().leases
        first.tidy(saved().now)
        first.rebuild(kept, saved())
        first.commit(begun(lease(2)), saved())
        first.close()
        again = SqliteStore(own, own.key()[0]).load()
        outside = os.path.exists("/etc") or os.path.exists("../state")
        return 0 if again.leases == (lease(1), lease(2)) and not outside else 3
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
        return 2


def test_who_is_not_root_hands_nothing_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1_000)
    monkeypatch.setattr("os.chown", None)
    (tmp_path / "file").touch()
    with folder(tmp_path):
        make_ours(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))
