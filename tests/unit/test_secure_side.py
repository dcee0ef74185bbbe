"""The supervisor's side of `secure`: which files it takes, and when it tries them again. The trial is a real process."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from kit.certificates import identity

from anchorhold.cell_environment import cell_environment
from anchorhold.certificates.settings import CHAIN, FOLDER_NAME, KEY, Kind, RenewSettings
from anchorhold.config.service import SecureService
from anchorhold.secure_side import LOOK_EVERY, TRY_AGAIN, SecureSide

NOW = 1_000.0


class Side:
    """One with the files of `chain` and `key`, that listens nowhere and starts no cell."""

    def __init__(self, state: Path, folder: Path, *, named: bool) -> None:
        made = identity("good")
        self.chain, self.key = folder / CHAIN, folder / KEY
        self.chain.write_bytes(made.certificate)
        self.key.write_bytes(made.key)
        self.key.chmod(0o600)
        paths = {"chain": str(self.chain), "key": str(self.key)} if named else {}
        self.service = SecureService((), RenewSettings(Kind.FILES), **paths)
        self.side = SecureSide(state, cell_environment(os.environ, ""), None)
        self.side._renewals.look = lambda _now: False  # type: ignore[method-assign] # what it runs is tested elsewhere
        snapshot = SimpleNamespace(service=SimpleNamespace(secure=self.service))
        self.side.prepare(snapshot)  # type: ignore[arg-type]
        self.side.use(snapshot, NOW)  # type: ignore[arg-type]
        self.side._renewals._due = NOW
        self.look(NOW)

    def look(self, now: float) -> None:
        self.side.look(now)

    def judged(self, now: float) -> bool:
        """Whether the files can be used, when the trial has ended."""
        assert self.side._trial is not None
        self.side._trial.process.wait()
        self.look(now)
        return self.side._files is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / FOLDER_NAME
    made.mkdir()
    return made


@pytest.fixture
def side(tmp_path: Path, folder: Path) -> Iterator[Side]:
    made = Side(tmp_path, folder, named=True)
    yield made
    made.side.close()


def test_a_trial_that_was_killed_says_nothing_of_the_files_and_is_made_again(side: Side) -> None:
    assert side.side._trial is not None
    side.side._trial.process.kill()
    assert not side.judged(NOW + 1)
    side.look(NOW + 1 + LOOK_EVERY)
    assert side.side._trial is None
    side.look(NOW + 1 + TRY_AGAIN)
    assert side.judged(NOW + 2 + TRY_AGAIN)


def test_rights_that_were_corrected_as_the_log_said_are_seen(tmp_path: Path, folder: Path) -> None:
    (folder / KEY).touch(0o644)
    made = Side(tmp_path, folder, named=True)
    made.side._trial.close()  # type: ignore[union-attr]
    made.side._trial, made.side._tried, made.side._look_at = None, (), 0.0
    made.key.chmod(0o644)
    made.look(NOW)
    assert made.side._trial is None
    made.key.chmod(0o600)
    made.look(NOW + LOOK_EVERY)
    assert made.judged(NOW + LOOK_EVERY + 1)
    made.side.close()


def test_files_that_were_tried_are_looked_at_when_they_change_and_not_before(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    real = side.side._mark
    monkeypatch.setattr(side.side, "_mark", lambda: looks.append(now) or real())
    now = NOW + 1
    assert side.judged(now)
    assert looks == [now]
    for now in (NOW + 10, NOW + 20):
        side.look(now)
    assert looks == [NOW + 1]
    side.key.write_bytes(side.key.read_bytes() + b"\n")
    for now in (NOW + 30, NOW + 40):
        side.look(now)
    assert (looks, side.side._trial is not None) == ([NOW + 1, NOW + 30, NOW + 40], True)


def test_after_the_run_of_every_hour_they_are_looked_at_whoever_tells_of_changes(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert side.judged(NOW + 1)
    monkeypatch.setattr(side.side._watch, "came", lambda: False)
    side.key.write_bytes(side.key.read_bytes() + b"\n")
    side.look(NOW + 10)
    side.side._renewals.look = lambda _now: True  # type: ignore[method-assign]
    side.look(NOW + 20)
    side.look(NOW + 30)
    assert side.side._trial is not None


@pytest.mark.parametrize(("named", "taken"), [(True, True), (False, False)])
def test_a_link_is_followed_where_the_operator_named_it_and_not_in_our_own_folder(
    tmp_path: Path, folder: Path, named: bool, taken: bool
) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    (folder / KEY).symlink_to(tmp_path / "elsewhere")
    made = Side(tmp_path, folder, named=named)
    assert (made.side._trial is not None) is taken
    made.side.close()
