"""A cell's folder goes to another account with what is in it; only root can give."""

import os
from pathlib import Path

import pytest
from kit.peers import need_root

from anchorhold.state import open_folder

FORMER, LATTER = (4_001, 4_001), (4_002, 4_003)


def owners(folder: Path) -> dict[str, tuple[int, int]]:
    found = {path.name: path.lstat() for path in folder.iterdir()} | {".": folder.stat()}
    return {name: (status.st_uid, status.st_gid) for name, status in found.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    need_root("giving files to others")
    os.close(open_folder(tmp_path, FORMER, "kept"))
    path = tmp_path / "kept"
    for name in ("database", "journal"):
        (path / name).write_bytes(b"x")
        os.chown(path / name, *FORMER)
    return path


def test_the_files_go_with_the_folder(folder: Path) -> None:
    os.close(open_folder(folder.parent, LATTER, "kept"))
    assert owners(folder) == {".": LATTER, "database": LATTER, "journal": LATTER}


def test_nothing_that_is_anothers_goes_along(folder: Path) -> None:
    """The former owner could have put there what leads to files of others."""
    secret = folder.parent / "secret"
    secret.write_bytes(b"x")
    os.link(secret, folder / "hard")
    (folder / "soft").symlink_to(secret)
    os.link(folder / "database", folder.parent / "elsewhere")
    (folder / "root's").write_bytes(b"x")
    os.mkfifo(folder / "pipe")
    os.close(open_folder(folder.parent, LATTER, "kept"))
    found = owners(folder)
    assert {name for name, owner in found.items() if owner == LATTER} == {".", "journal"}
    assert secret.stat().st_uid == 0


def test_a_folder_that_stays_where_it_is_is_left_alone(folder: Path) -> None:
    os.chown(folder / "journal", *LATTER)
    os.close(open_folder(folder.parent, FORMER, "kept"))
    assert owners(folder)["journal"] == LATTER
