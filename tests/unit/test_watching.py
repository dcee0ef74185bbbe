"""Files that are watched by their folders: what makes a name another file is told, and nothing else has to be."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.profiles import LINUX

from anchorhold import watching
from anchorhold.watching import Inotify, Watch, folders_of, watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With `live/a.pem`, a link to `archive/a1.pem` by a folder that is a link too."""
    for name in ("archive", "live"):
        (tmp_path / name).mkdir()
    (tmp_path / "archive/a1.pem").write_text("1")
    (tmp_path / "archive/a2.pem").write_text("2")
    (tmp_path / "data").symlink_to("archive")
    (tmp_path / "live/a.pem").symlink_to("../data/a1.pem")
    return tmp_path


@pytest.fixture
def over(folder: Path) -> Iterator[Watch]:
    made = watch([folder / "live/a.pem"])
    assert isinstance(made, Inotify)
    yield made
    made.close()


def test_folders_of_links_are_watched_and_the_file_s_own(folder: Path) -> None:
    mine = {place for place in folders_of(folder / "live/a.pem") if place.is_relative_to(folder)}
    assert mine == {folder / "live", folder, folder / "archive"}
    assert folders_of(folder / "none/at/all") == {folder / "none/at"}


def test_a_link_that_leads_to_itself_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    assert tmp_path in folders_of(tmp_path / "round")


@LINUX
def test_nothing_comes_of_itself(over: Watch) -> None:
    assert not over.came()


@LINUX
@pytest.mark.parametrize("change", ["written", "replaced", "linked", "folder", "mode", "removed"])
def test_what_makes_it_another_file_is_told_once(folder: Path, over: Watch, change: str) -> None:
    file, link, whole = folder / "archive/a1.pem", folder / "live/a.pem", folder / "data"
    match change:
        case "written":
            file.write_text("3")
        case "replaced":
            (folder / "archive/a2.pem").rename(file)
        case "linked":
            (folder / "live/new").symlink_to("../data/a2.pem")
            (folder / "live/new").rename(link)
        case "folder":
            (folder / "new").symlink_to("live")
            (folder / "new").rename(whole)
        case "mode":
            file.chmod(0o600)
        case _:
            link.unlink()
    assert over.came()
    assert not over.came()


@LINUX
def test_to_read_it_is_no_change(folder: Path, over: Watch) -> None:
    (folder / "live/a.pem").read_text()
    assert not over.came()


@LINUX
def test_a_folder_far_above_that_is_replaced_is_told_and_nothing_beside_it(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name / "in/its").mkdir(parents=True)
        (tmp_path / name / "in/its/a.pem").write_text(name)
    made = watch([tmp_path / "old/in/its/a.pem"])
    (tmp_path / "old/other.pem").write_text("")
    assert not made.came()
    (tmp_path / "old").rename(tmp_path / "former")
    (tmp_path / "new").rename(tmp_path / "old")
    assert made.came()
    made.close()


def test_where_nobody_tells_anything_may_have_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(0, "there is no inotify_init1() here")

    monkeypatch.setattr(watching, "call", refuse)
    made = watch([tmp_path / "a"])
    assert made.came()
    made.close()


def test_a_folder_that_is_not_there_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with pytest.raises(OSError):  # whichever: there is nothing to watch
        Inotify([tmp_path / "none/at/all"])
    assert before == (len(os.listdir("/proc/self/fd")) if before else 0)
