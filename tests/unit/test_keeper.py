"""The keeper's mind and its files, with a fake date and real files."""

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kit.keyset import ENTRY, REVOKED, ROOT, SPAN, TTL, keyset, record
from kit.signing import DATE, DAY

from anchorhold.keeper.files import (
    Damaged,
    GivenAnchors,
    GivenKey,
    as_time,
    read_clock,
    read_given,
    read_points,
    show_record,
    write_clock,
    write_given,
    write_points,
)
from anchorhold.keeper.folder import MAX_OCTETS, Folder, Unreadable
from anchorhold.keeper.keeper import NO_FOLDER, UNANSWERED, Keeper
from anchorhold.keeper.packaged import built_date
from resolver.dnssec.anchors import TrustAnchor
from resolver.dnssec.rollover import HOUR, KeyState, Source, TrackedKey, TrustPoint, plant
from wire.units import Epoch

A, B, C = record(1), record(2), record(3)
BUILT = Epoch(DATE - 100 * DAY)
CORP = b"\4corp\0"
PACKAGED = TrustAnchor(ROOT, (A,))


def day(number: float) -> Epoch:
    return Epoch(DATE + number * DAY)


@dataclass
class Home:
    """A folder on disk, and keepers that come and go in it."""

    path: Path
    said: list[str] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def folder(self) -> Folder:
        self.descriptors.append(os.open(self.path, os.O_RDONLY | os.O_DIRECTORY))
        return Folder(self.descriptors[-1])

    def keeper(
        self, date: Epoch = DATE, *, follow: tuple[TrustAnchor, ...] = (), folder: Folder | None = None
    ) -> Keeper:
        keeper = Keeper(folder or self.folder(), (A,), BUILT, lambda text, _: self.said.append(text))
        keeper.open(date)
        keeper.follow((PACKAGED, *follow), date)
        return keeper

    def files(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / "keeper")
    found.path.mkdir(mode=0o700)
    yield found
    for descriptor in found.descriptors:
        os.close(descriptor)


def hear(keeper: Keeper, date: Epoch, members: dict[int, int], by: dict[int, int]) -> None:
    keeper.heard(ROOT, keyset(members, by, date), date)


def records(keeper: Keeper) -> tuple[object, ...]:
    return keeper.told()[0].point.records


# Files.

POINT = TrustPoint(
    CORP,
    (
        TrackedKey(A, KeyState.MISSING, DATE),
        TrackedKey(B, KeyState.ADD_PENDING, DATE, Source.LEARNED, 3600.5, 45.0 * DAY),
        TrackedKey(C, KeyState.REVOKED, DATE),
    ),
    DATE,
    day(1),
    TTL,
    SPAN,
)


def test_trust_points_are_read_back_as_they_were() -> None:
    points = (plant(ROOT, (A, B), DATE), POINT)
    assert points == read_points(write_points(points))


def test_the_file_is_text_that_people_can_read() -> None:
    text = write_points((POINT,)).decode()
    assert text.startswith("anchorhold anchors 1 sha256 ")
    for word in ('"corp."', show_record(B), '"add-pending"', '"rfc5011"', '"2027-01-15T08:00:00Z"'):
        assert word in text


def test_any_changed_octet_is_seen() -> None:
    good = write_points((POINT,))
    for at in range(0, len(good), 7):
        with pytest.raises(Damaged):
            read_points(good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :])
    for end in (0, 10, len(good) - 1):
        with pytest.raises(Damaged):
            read_points(good[:end])


def resealed(data: bytes, old: str, new: str) -> bytes:
    """A file that says something else, with the right digest."""
    import hashlib

    head, _, body = data.partition(b"\n")
    body = body.replace(old.encode(), new.encode())
    assert old.encode() in data
    words = head.split(b" ")
    return b" ".join((*words[:4], hashlib.sha256(body).hexdigest().encode())) + b"\n" + body


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"missing"', '"gone"'),
        ('"missing"', '"start"'),
        ('"given"', '"found"'),
        ('"corp."', '"a..b."'),
        ('"corp."', "5"),
        (show_record(A), "1 8 2 ABCD"),
        (show_record(A), ""),
        ("3600.5", "-1"),
        ("3600.5", "1e300"),
        ("172800", "-5"),
        ('"2027-01-15T08:00:00Z"', '"2027-01-15T08:00:00"'),
        ('"keys"', '"kees"'),
    ],
)
def test_a_file_with_the_right_digest_is_still_read_strictly(old: str, new: str) -> None:
    with pytest.raises(Damaged):
        read_points(resealed(write_points((POINT,)), old, new))


def test_a_zone_twice_and_too_many_keys_are_refused() -> None:
    with pytest.raises(Damaged, match="twice"):
        read_points(write_points((POINT, POINT)))
    many = TrustPoint(ROOT, tuple(TrackedKey(record(seed), KeyState.VALID, DATE) for seed in range(1, 19)))
    with pytest.raises(Damaged, match="18 keys"):
        read_points(write_points((many,)))


GIVEN = GivenAnchors("root-anchors.xml", as_time(DATE), (GivenKey(show_record(B), as_time(DATE), as_time(day(10))),))


def test_given_anchors_and_the_clock_are_read_back_and_damage_is_seen() -> None:
    assert (GIVEN, DATE) == (read_given(write_given(GIVEN)), read_clock(write_clock(DATE)))
    assert [(), (B,), ()] == [GIVEN.valid_at(day(at)) for at in (-1, 0, 10)]
    with pytest.raises(Damaged, match="no file 'given'"):
        read_given(write_clock(DATE))
    with pytest.raises(Damaged, match="no key"):
        read_given(write_given(GivenAnchors("x", as_time(DATE), ())))
    with pytest.raises(Damaged):
        read_clock(resealed(write_clock(DATE), "Z", ""))


def test_a_file_is_private_and_replaced_whole(home: Home) -> None:
    folder = home.folder()
    folder.write("a", b"one")
    (home.path / ".a.new").write_text("left behind by a crash")
    folder.write("a", b"two")
    assert (b"two", None, ["a"]) == (folder.read("a"), folder.read("b"), home.files())
    assert stat.S_IMODE((home.path / "a").stat().st_mode) == 0o600


def test_a_link_a_directory_and_a_giant_are_not_read(home: Home) -> None:
    (home.path / "target").write_text("x")
    (home.path / "link").symlink_to("target")
    (home.path / "directory").mkdir()
    (home.path / "giant").write_bytes(bytes(MAX_OCTETS + 1))
    os.mkfifo(home.path / "pipe")
    for name in ("link", "directory", "giant", "pipe"):
        with pytest.raises(Unreadable, match=name):
            home.folder().read(name)


def test_a_write_that_fails_leaves_the_old_file(home: Home) -> None:
    folder = home.folder()
    folder.write("a", b"one")
    (home.path / "directory").mkdir()
    (home.path / "directory/x").touch()
    with pytest.raises(OSError):  # any
        folder.write("directory", b"two")
    assert (b"one", ["a", "directory"]) == (folder.read("a"), home.files())


# The keeper.


def test_a_first_start_believes_what_is_packaged_and_looks_at_once(home: Home) -> None:
    keeper = home.keeper()
    assert ((A,), [ROOT], 0.0) == (records(keeper), keeper.due(DATE), keeper.pause(DATE))
    assert (["anchors"], "") == (home.files(), keeper.told()[0].storage)


def test_a_rollover_goes_on_over_restarts(home: Home) -> None:
    for at in range(31):
        keeper = home.keeper(day(at))
        assert (A,) == records(keeper)
        hear(keeper, day(at), {1: ENTRY, 2: ENTRY}, {1: ENTRY})
    assert (A, B) == records(keeper) == records(home.keeper(day(31)))
    said = [line for line in home.said if "valid" in line]
    assert [f"key {B.tag} of the root is valid now; it was add-pending"] == said


def test_a_revocation_is_for_ever_whatever_is_packaged(home: Home) -> None:
    hear(home.keeper(), DATE, {1: REVOKED}, {1: REVOKED})
    keeper = home.keeper(day(1))
    assert () == records(keeper)
    assert "every key of the root is revoked: it is no trust anchor any more" in home.said


def test_a_revocation_outlives_a_time_in_which_the_zone_is_not_followed(home: Home) -> None:
    """As with a negative anchor for the root, which is taken away again; over a restart, too."""
    keeper = home.keeper()
    hear(keeper, DATE, {1: REVOKED}, {1: REVOKED})
    keeper.follow((), day(1))
    assert () == keeper.told()
    keeper.follow((PACKAGED,), day(2))
    assert () == records(keeper)
    keeper.follow((), day(3))
    assert () == records(home.keeper(day(4)))


def test_what_is_due_follows_the_signatures_and_failures_come_sooner(home: Home) -> None:
    keeper = home.keeper()
    hear(keeper, DATE, {1: ENTRY}, {1: ENTRY})
    assert ([], 1.0 * DAY) == (keeper.due(DATE), keeper.pause(DATE))
    assert [ROOT] == keeper.due(day(1))
    keeper.heard(ROOT, None, day(1))
    assert (TTL / 10, UNANSWERED) == (keeper.pause(day(1)), keeper.told()[0].problem)
    hear(keeper, day(2), {1: ENTRY, 3: ENTRY}, {3: ENTRY})
    assert "no key of the zone fits the signature" == keeper.told()[0].problem
    hear(keeper, day(3), {1: ENTRY}, {1: ENTRY})
    assert "" == keeper.told()[0].problem


def test_a_failure_is_logged_once_not_at_every_try(home: Home) -> None:
    keeper = home.keeper()
    for at in range(5):
        keeper.heard(ROOT, None, day(at))
    assert 1 == len([line for line in home.said if UNANSWERED in line])


def test_a_look_set_too_late_by_a_clock_that_was_ahead_is_due_at_once(home: Home) -> None:
    keeper = home.keeper(day(500))
    keeper.heard(ROOT, None, day(500))
    assert [ROOT] == keeper.due(DATE)


def test_a_zone_that_is_not_followed_is_of_no_interest(home: Home) -> None:
    keeper = home.keeper()
    keeper.heard(CORP, keyset({1: ENTRY}, {1: ENTRY}, DATE, zone="corp."), DATE)
    assert [ROOT] == [told.point.zone for told in keeper.told()]


def test_configured_zones_are_followed_as_long_as_they_are_configured(home: Home) -> None:
    anchor = TrustAnchor(CORP, (record(5, "corp."),))
    keeper = home.keeper(follow=(anchor,))
    rrset = keyset({5: ENTRY, 6: ENTRY}, {5: ENTRY}, DATE, zone="corp.")
    keeper.heard(CORP, rrset, DATE)
    states = {key.record: key.state for key in keeper.told()[1].point.keys}
    assert {record(5, "corp."): KeyState.VALID, record(6, "corp."): KeyState.ADD_PENDING} == states
    again = home.keeper(follow=(anchor,))
    assert keeper.told()[1].point.keys == again.told()[1].point.keys
    again.follow((PACKAGED,), DATE)
    assert [ROOT] == [told.point.zone for told in again.told()]
    # No name of a private zone is in a text; it goes beside it, and the log decides.
    assert not any("corp" in line for line in home.said)


# What the administrator gives.


def test_given_anchors_take_the_place_of_the_packaged_ones_for_their_time(home: Home) -> None:
    (home.path / "given").write_bytes(write_given(GIVEN))
    keeper = home.keeper()
    assert (B,) == records(keeper)
    hear(keeper, day(9), {2: ENTRY}, {2: ENTRY})
    assert (B,) == records(keeper)
    hear(keeper, day(10), {2: ENTRY}, {2: ENTRY})
    assert () == records(keeper)


def test_given_anchors_are_read_again_on_a_reload(home: Home) -> None:
    keeper = home.keeper()
    (home.path / "given").write_bytes(write_given(GIVEN))
    keeper.follow((PACKAGED,), DATE)
    assert (B,) == records(keeper)


def test_anchors_of_the_root_in_the_configuration_go_before_both(home: Home) -> None:
    (home.path / "given").write_bytes(write_given(GIVEN))
    keeper = home.keeper()
    keeper.follow((TrustAnchor(ROOT, (C,)),), DATE)
    assert (C,) == records(keeper)


# What is damaged.


@pytest.mark.parametrize("name", ["anchors", "given", "clock"])
def test_a_damaged_file_is_set_aside_reported_and_done_without(home: Home, name: str) -> None:
    (home.path / name).write_bytes(b"\0" * 100)
    keeper = home.keeper()
    assert (A,) == records(keeper)
    aside = f"{name}.damaged-20270115T080000Z"
    assert b"\0" * 100 == (home.path / aside).read_bytes()
    assert any(f"the file {name} is damaged" in line and aside in line for line in home.said)


def test_without_a_folder_everything_works_and_nothing_is_kept() -> None:
    said: list[str] = []
    keeper = Keeper(None, (A,), BUILT, lambda text, _: said.append(text))
    keeper.open(DATE)
    keeper.follow((PACKAGED,), DATE)
    hear(keeper, DATE, {1: ENTRY, 2: ENTRY}, {1: ENTRY})
    keeper.keep_time(DATE)
    assert ((A,), NO_FOLDER, BUILT) == (records(keeper), keeper.told()[0].storage, keeper.floor)


class Full(Folder):
    """A disk without room."""

    full = True

    def write(self, name: str, data: bytes) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().write(name, data)


def test_a_full_disk_is_said_and_tried_again(home: Home) -> None:
    folder = Full(os.open(home.path, os.O_RDONLY))
    keeper = home.keeper(folder=folder)
    assert "anchors: No space left on device" == keeper.told()[0].storage
    hear(keeper, DATE, {1: ENTRY}, {1: ENTRY})
    assert 1 == len([line for line in home.said if "No space" in line])
    folder.full = False
    hear(keeper, day(1), {1: ENTRY}, {1: ENTRY})
    assert ("", ["anchors"]) == (keeper.told()[0].storage, home.files())


def test_a_file_that_cannot_be_read_is_never_written_over(home: Home) -> None:
    (home.path / "anchors").symlink_to("elsewhere")
    keeper = home.keeper()
    hear(keeper, DATE, {1: ENTRY}, {1: ENTRY})
    assert (home.path / "anchors").is_symlink()
    assert "anchors: " in keeper.told()[0].storage


# The time.


def test_the_time_is_saved_once_a_signature_of_the_root_was_seen(home: Home) -> None:
    keeper = home.keeper()
    keeper.keep_time(day(1))
    assert BUILT == keeper.floor
    hear(keeper, DATE, {1: ENTRY}, {1: ENTRY})
    keeper.keep_time(Epoch(DATE + HOUR))
    assert DATE + HOUR == keeper.floor == home.keeper().floor


def test_a_clock_that_leaps_ahead_is_saved_no_further_than_the_signatures_end(home: Home) -> None:
    keeper = home.keeper()
    hear(keeper, DATE, {1: ENTRY}, {1: ENTRY})
    keeper.keep_time(day(3_000))
    assert DATE + SPAN == keeper.floor


def test_a_clock_that_goes_back_saves_nothing_and_is_not_believed(home: Home) -> None:
    keeper = home.keeper()
    hear(keeper, DATE, {1: ENTRY}, {1: ENTRY})
    keeper.keep_time(DATE)
    again = home.keeper(Epoch(0.0))
    again.keep_time(Epoch(0.0))
    assert (DATE, DATE, DATE + 5) == (again.floor, again.date(Epoch(5.0)), again.date(Epoch(DATE + 5)))


def test_no_clock_is_believed_that_shows_a_time_before_the_program_was_made(home: Home) -> None:
    assert BUILT == home.keeper().date(Epoch(0.0))


def test_the_day_of_this_release_is_over_and_after_the_newest_key_was_published() -> None:
    assert date_of("2024-07-18") < built_date() <= time.time()
    assert 0 == built_date() % DAY


def date_of(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
