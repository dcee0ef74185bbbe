"""Exceptions from validation: made, kept, over. With a fake date."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.signing import DATE, DAY

from anchorhold.keeper.exceptions import LONGEST, MAX_REASON, MOST, Excepted, Exceptions, Refused, Wanted
from anchorhold.keeper.files import Damaged, read_exceptions, write_exceptions
from anchorhold.keeper.folder import Folder
from anchorhold.keeper.keeper import Keeper
from wire.dns.names import ROOT, read_name
from wire.units import Epoch

BROKEN, OTHER = read_name("broken.example"), read_name("other.example")
HOUR = 3_600


class Kept:
    """What was saved and said."""

    def __init__(self) -> None:
        self.saved: list[tuple[Excepted, ...]] = []
        self.said: list[tuple[str, str]] = []
        self.exceptions = Exceptions(self.saved.append, lambda text, zone: self.said.append((text, zone)))

    def want(self, zone: bytes = BROKEN, seconds: int = HOUR, reason: str = "lost keys", now: float = DATE) -> None:
        self.exceptions.change(Wanted(zone, seconds, reason), Epoch(now))


def test_one_is_in_force_until_its_end_and_then_over_by_itself() -> None:
    kept = Kept()
    kept.want()
    one = Excepted(BROKEN, "lost keys", DATE, Epoch(DATE + HOUR))
    assert ((one,), HOUR) == (kept.exceptions.all(), kept.exceptions.pause(DATE))
    assert not kept.exceptions.expire(Epoch(DATE + HOUR - 1))
    assert kept.exceptions.expire(Epoch(DATE + HOUR))
    assert ([(one,), ()], LONGEST) == (kept.saved, kept.exceptions.pause(DATE))
    assert ["broken.example.", "broken.example."] == [zone for _, zone in kept.said]


def test_it_can_be_changed_and_taken_back() -> None:
    kept = Kept()
    kept.want()
    kept.want(seconds=2 * HOUR, reason="still lost")
    (one,) = kept.exceptions.all()
    assert ("still lost", DATE + 2 * HOUR) == (one.reason, one.until)
    kept.want(seconds=0, reason="")
    assert () == kept.exceptions.all()


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Wanted(BROKEN, LONGEST + 1, "x"), "up to 30 days"),
        (Wanted(BROKEN, -1, "x"), "up to 30 days"),
        (Wanted(ROOT, HOUR, "x"), "root"),
        (Wanted(BROKEN, HOUR, " "), "a reason"),
        (Wanted(BROKEN, HOUR, "x" * (MAX_REASON + 1)), "a reason"),
        (Wanted(BROKEN, HOUR, "x\ny"), "a reason"),
        (Wanted(BROKEN, 0, ""), "there is no exception"),
        (Wanted(b"", HOUR, "x"), "no domain name"),
        (Wanted(b"\6BROKEN\0", HOUR, "x"), "no domain name"),
        (Wanted(BROKEN + b"\0", HOUR, "x"), "no domain name"),
        (Wanted(b"\xc0\0", HOUR, "x"), "no domain name"),
    ],
)
def test_what_may_not_be_is_refused_and_changes_nothing(wanted: Wanted, why: str) -> None:
    kept = Kept()
    with pytest.raises(Refused, match=why):
        kept.exceptions.change(wanted, DATE)
    assert ((), [], []) == (kept.exceptions.all(), kept.saved, kept.said)


def test_there_are_only_so_many() -> None:
    kept = Kept()
    for number in range(MOST):
        kept.want(read_name(f"z{number}.example"))
    with pytest.raises(Refused, match="already"):
        kept.want(OTHER)
    kept.want(read_name("z0.example"), seconds=2 * HOUR)
    assert MOST == len(kept.exceptions.all())


def test_what_was_kept_is_taken_up_as_far_as_it_is_not_over_and_for_30_days_at_most() -> None:
    over = Excepted(BROKEN, "a", Epoch(DATE - DAY), Epoch(DATE - 1))
    # The clock was ten years ahead when it was made.
    ahead = Excepted(OTHER, "b", Epoch(DATE + 3_650 * DAY), Epoch(DATE + 3_651 * DAY))
    kept = Kept()
    kept.exceptions.open((over, ahead), DATE)
    assert [(OTHER, DATE + LONGEST)] == [(one.zone, one.until) for one in kept.exceptions.all()]


# The file.


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield Folder(descriptor)
    os.close(descriptor)


def keeper(folder: Folder, said: list[str]) -> Keeper:
    found = Keeper(folder, (), Epoch(DATE - DAY), lambda text, _: said.append(text))
    found.open(DATE)
    return found


def test_they_outlive_the_keeper_and_a_damaged_file_is_set_aside(folder: Folder, tmp_path: Path) -> None:
    said: list[str] = []
    first = keeper(folder, said)
    done = first.change_exception(Wanted(BROKEN, HOUR, "lost keys"), DATE)
    assert ("", True, [BROKEN]) == (done.refused, done.kept, [one.zone for one in done.exceptions])
    assert done.exceptions == keeper(folder, said).in_force().exceptions
    refused = first.change_exception(Wanted(ROOT, HOUR, "everything"), DATE)
    assert (True, done.exceptions) == ("root" in refused.refused, refused.exceptions)
    path = tmp_path / "exceptions"
    path.write_bytes(path.read_bytes().replace(b"broken", b"br0ken"))
    assert () == keeper(folder, said).in_force().exceptions
    assert "the file exceptions is damaged" in said[-1]


def test_without_a_folder_it_is_said_that_nothing_is_kept() -> None:
    found = Keeper(None, (), Epoch(DATE - DAY), lambda text, zone: None)
    found.open(DATE)
    assert not found.change_exception(Wanted(BROKEN, HOUR, "lost keys"), DATE).kept


def test_the_file_is_read_as_it_was_written_and_nothing_else() -> None:
    some = (Excepted(BROKEN, "lost keys", DATE, Epoch(DATE + HOUR)), Excepted(OTHER, "é", DATE, Epoch(DATE + 1)))
    assert some == read_exceptions(write_exceptions(some))
    many = tuple(Excepted(read_name(f"z{n}.example"), "x", DATE, DATE) for n in range(MOST + 1))
    for data in (b"", write_exceptions(some)[:-2], write_exceptions(many)):
        with pytest.raises(Damaged):
            read_exceptions(data)
