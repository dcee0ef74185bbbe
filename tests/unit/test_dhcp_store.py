"""Leases in SQLite: kept, forgotten, repaired."""

import os
import random
import sqlite3
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.leases import DATE, DAY, HOUR, KEY, begun, contents, ended, lease, saved, store

from dhcp.book import LeaseBook
from dhcp.clock import Reading, Saved, start_clock
from dhcp.edge import schema
from dhcp.edge.store import DRAFT, LOG_FOR, NAME, REBUILT
from dhcp.identity import Identifier, hardware_octets
from dhcp.record import COLUMNS, row_of
from dhcp.store import Loaded, StoreDamaged, StoreFailed
from dhcp.values import Lease, LeaseChange, State
from wire.units import Epoch, Instant

HOUSEHOLD = tuple(lease(number, name=f"device-{number}" if number % 3 else "") for number in range(1, 1_001))


def kept(path: Path) -> Loaded:
    with store(path) as again:
        return again.load()


def fill(path: Path) -> None:
    with store(path) as one:
        one.load()
        one.commit(begun(*HOUSEHOLD), saved())


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path / NAME)


# Kept.


def test_an_empty_folder_is_an_empty_store(tmp_path: Path) -> None:
    assert Loaded((), None, ()) == kept(tmp_path)
    assert [NAME] == [file.name for file in tmp_path.iterdir()]
    assert 0o600 == (tmp_path / NAME).stat().st_mode & 0o777


def test_what_is_committed_is_there_again_with_the_clock(tmp_path: Path) -> None:
    fill(tmp_path)
    assert Loaded(HOUSEHOLD, saved(), ()) == kept(tmp_path)


def test_it_is_on_disk_when_commit_returns_and_not_only_when_the_store_is_closed(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with store(tmp_path / "original") as one:
        one.load()
        one.commit(begun(lease(1)), saved())
        for file in (tmp_path / "original").iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
    assert (lease(1),) == kept(copy).leases


def test_a_commit_is_what_counts_in_the_end_for_each_address(tmp_path: Path) -> None:
    later = lease(1, until=Epoch(DATE + 2 * HOUR))
    moved = LeaseChange(lease(1), later)
    with store(tmp_path) as one:
        one.load()
        one.commit([*begun(lease(1), lease(2)), moved, *ended(lease(2)), *begun(lease(3)), *ended(lease(3))], saved())
        one.commit([], saved(5))
    assert Loaded((later,), saved(5), ()) == kept(tmp_path)


def test_an_offer_is_not_kept_and_takes_the_place_of_nothing(tmp_path: Path) -> None:
    offer = lease(1, client=9, state=State.OFFERED)
    with store(tmp_path) as one:
        one.load()
        one.commit([*begun(lease(1), lease(2)), LeaseChange(lease(2), lease(2, state=State.OFFERED))], saved())
        one.commit([LeaseChange(None, offer)], saved())
    assert (lease(1),) == kept(tmp_path).leases


def test_the_settings_that_durability_rests_on_are_in_force(tmp_path: Path) -> None:
    with store(tmp_path) as one:
        one.load()
        connection = one._opened()
        names = (
            "journal_mode",
            "synchronous",
            "secure_delete",
            "auto_vacuum",
            "locking_mode",
            "temp_store",
            "user_version",
        )
        found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
        one.commit(begun(lease(1)), saved())
    with store(tmp_path) as one:
        one.commit(begun(lease(2)), saved())
        assert {NAME, f"{NAME}-wal"} == {file.name for file in tmp_path.iterdir()}  # no shared memory file
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "auto_vacuum": 2,
        "locking_mode": "exclusive",
    }
    assert wanted | {"temp_store": 2, "user_version": len(schema.MIGRATIONS)} == found


def test_two_programs_cannot_have_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhcp.edge.store.PATIENCE", 0.0)
    with store(tmp_path) as one, store(tmp_path) as other:
        one.load()
        with pytest.raises(StoreFailed, match="open in another program"):
            other.load()
        one.close()
        assert () == other.load().leases


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    with raw(tmp_path) as newer:
        newer.execute("PRAGMA user_version = 7")
    newer.close()
    before = (tmp_path / NAME).read_bytes()
    with store(tmp_path) as one, pytest.raises(StoreFailed, match=r"newer Anchorhold \(version 7 of its tables"):
        one.load()
    assert before == (tmp_path / NAME).read_bytes()


def test_a_file_of_an_older_version_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    added = (*schema.MIGRATIONS, ("CREATE TABLE further (id BIGINT PRIMARY KEY)",))
    monkeypatch.setattr(schema, "MIGRATIONS", added)
    assert Loaded(HOUSEHOLD, saved(), ()) == kept(tmp_path)
    with raw(tmp_path) as now:
        assert (len(added),) == now.execute("PRAGMA user_version").fetchone()
    now.close()


def fill_version_1(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the household, and the time."""
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        with store(folder) as one:
            connection = one._opened()
            rows = [row_of(each, one._seal, False) for each in HOUSEHOLD]
            connection.executemany(f"INSERT INTO lease VALUES ({', '.join('?' * len(rows[0]))})", rows)
            one._write(connection, [], [], saved())


def damage_pages(file: Path, octets: bytes, *numbers: int) -> None:
    """`octets` in the place of pages, counted from 0."""
    with file.open("r+b") as opened:
        for number in numbers:
            opened.seek(number * len(octets))
            opened.write(octets)


def test_leases_of_version_1_are_all_there_and_can_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There they lay by their addresses."""
    fill_version_1(tmp_path, monkeypatch)
    assert HOUSEHOLD == kept(tmp_path).leases
    with store(tmp_path) as one:
        one.commit([*ended(*HOUSEHOLD[10:]), *begun(lease(5_000))], saved())
    assert {*HOUSEHOLD[:10], lease(5_000)} == set(kept(tmp_path).leases)


@pytest.mark.parametrize("octets", [bytes(4_096), random.Random(2).randbytes(4_096)], ids=["zeros", "nonsense"])
def test_of_a_damaged_file_of_version_1_all_else_is_kept(
    octets: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_version_1(tmp_path, monkeypatch)
    damage_pages(tmp_path / NAME, octets, 12, 30)
    loaded = kept(tmp_path)
    assert "damaged" in loaded.problems[0]
    assert set(HOUSEHOLD) > set(loaded.leases)
    assert 900 < len(loaded.leases) == len(kept(tmp_path).leases)
    assert saved() == loaded.clock


def test_what_begins_together_lies_together_wherever_its_addresses_are(tmp_path: Path) -> None:
    """So a commit writes few pages, however many leases there are."""
    new = [lease(number) for number in random.Random(1).sample(range(2_000, 60_000), 320)]
    with store(tmp_path) as one:
        one.load()
        one.commit(begun(*HOUSEHOLD), saved())
        one.tidy(Epoch(saved().now + LOG_FOR))
        for at in range(0, 160, 16):
            one.commit(begun(*new[at : at + 16]), saved())
        assert (tmp_path / f"{NAME}-wal").stat().st_size < 10 * 5 * 4_120
        one.tidy(Epoch(saved().now + 2 * LOG_FOR))
        size = (tmp_path / NAME).stat().st_size
        # In the places of those that end.
        one.commit(ended(*new[:160]), saved())
        one.commit(begun(*new[160:]), saved())
        one.tidy(Epoch(saved().now + 4 * LOG_FOR))
        assert size + 4_096 >= (tmp_path / NAME).stat().st_size
    assert {*HOUSEHOLD, *new[160:]} == set(kept(tmp_path).leases)


def test_two_records_of_one_address_are_damage(tmp_path: Path) -> None:
    fill(tmp_path)
    with raw(tmp_path) as other:
        other.execute("UPDATE lease SET slot = 7000 WHERE slot = 7")
        names = ", ".join(name for name, _ in COLUMNS)
        other.execute(f"INSERT INTO lease (slot, {names}) SELECT 8000, {names} FROM lease WHERE slot = 7000")
    other.close()
    loaded = kept(tmp_path)
    assert "two records are of one address" in loaded.problems[0]
    assert Loaded(HOUSEHOLD, saved(), ()) == kept(tmp_path)


def test_a_key_that_was_replaced_is_told_once_and_frees_no_address(tmp_path: Path) -> None:
    fill(tmp_path)
    with store(tmp_path, bytes(32)) as one:
        loaded = one.load()
        assert tuple(each._replace(name="") for each in HOUSEHOLD) == loaded.leases
        (problem,) = loaded.problems
        assert "identifiers.key is not the one" in problem
        one.close()
        assert () == one.load().problems


# Forgotten.


def test_no_tag_of_an_ended_lease_is_in_any_file_within_the_hour(tmp_path: Path) -> None:
    """A day of coming and going, then one call a minute for an hour."""
    draw = random.Random(5)
    held: dict[int, Lease | None] = {}
    gone: list[bytes] = []
    with store(tmp_path) as one:
        one.load()
        for step in range(2_000):
            number = draw.randrange(1, 400)
            before = held.get(number)
            stays = before is None or draw.random() < 0.6
            until = Epoch(DATE + DAY)
            after = lease(number, client=10_000 + step, name=f"n{step}", until=until) if stays else None
            held[number] = after
            one.commit([LeaseChange(before, after)], saved(step))
            if before is not None:
                gone.append(before.client)
        for minute in range(61):
            while one.tidy(Epoch(DATE + 2_000 + 60 * minute)):
                pass
        octets = contents(tmp_path)
        live = [each.client for each in held.values() if each is not None]
        assert (0, len(live)) == (sum(tag in octets for tag in gone), sum(tag in octets for tag in live))
        assert len(gone) > 1_000


def day_of(path: Path, tidied: bool, commits: int, devices: int) -> Iterator[bool]:
    """Two hours of a server that works on: so many commits a minute, each with new devices that leave after twenty minutes, and
    one call of `tidy`. Gives each ten minutes whether a file holds one of those who left more than an hour ago."""
    held: deque[list[Lease]] = deque()
    gone: dict[bytes, int] = {}
    with store(path) as one:
        one.load()
        for step in range(121 * commits):
            second = 60 * step // commits
            held.append([coming(step * devices + number) for number in range(devices)])
            leaving = held.popleft() if len(held) > 20 * commits else []
            one.commit([*begun(*held[-1]), *ended(*leaving)], saved(second))
            gone |= {each.client: second for each in leaving[:1]}
            if step % commits:
                continue
            while tidied and one.tidy(Epoch(DATE + second)):
                pass
            if second % 600 == 0:
                octets = contents(path)
                yield any(client in octets for client, since in gone.items() if since < second - HOUR)


def coming(number: int) -> Lease:
    """A device that is new, at one of a hundred thousand addresses."""
    return lease(1 + number * 7_919 % 100_003, client=1_000_000 + number, name=f"n{number}", until=Epoch(DATE + DAY))


@pytest.mark.parametrize(("commits", "devices"), [(1, 1), (2, 40)])
def test_a_server_that_works_on_forgets_within_the_hour(tmp_path: Path, commits: int, devices: int) -> None:
    """Be the log never full enough to be written into the file, or again and again."""
    assert not any(day_of(tmp_path, True, commits, devices))


def test_a_log_that_nobody_empties_would_be_found(tmp_path: Path) -> None:
    assert any(day_of(tmp_path, False, 1, 1))


def test_a_client_is_forgotten_where_a_long_log_was_written_into_the_file_before(tmp_path: Path) -> None:
    """What was written into the file stays in the log until something else comes to its place."""
    with store(tmp_path) as one:
        one.load()
        one.commit(begun(lease(7, name="seven")), saved())
        number = 0
        while lease(7).client not in (tmp_path / NAME).read_bytes():
            one.commit(begun(*map(coming, range(number, number + 20))), saved())
            number += 20
        assert lease(7).client in (tmp_path / f"{NAME}-wal").read_bytes()
        one.forget([lease(7).client, lease(7).hardware], saved().now)
        octets = contents(tmp_path)
        assert (False, False) == (lease(7).client in octets, lease(7).hardware in octets)


def test_a_lease_that_nobody_ended_goes_by_itself_and_the_file_shrinks(tmp_path: Path) -> None:
    with store(tmp_path) as one:
        one.load()
        one.commit(begun(*HOUSEHOLD), saved())
        one.tidy(Epoch(DATE + 1))
        full = len(contents(tmp_path))
        calls = 1
        while one.tidy(Epoch(DATE + HOUR)):
            calls += 1
        assert calls > 2  # in pieces
        one.tidy(Epoch(DATE + HOUR + LOG_FOR))
        octets = contents(tmp_path)
        assert not any(each.client in octets for each in HOUSEHOLD)
        assert len(octets) < full / 4


def test_without_secure_delete_the_test_above_would_find_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pragmas = tuple(one.replace("secure_delete = ON", "secure_delete = OFF") for one in schema.PRAGMAS)
    monkeypatch.setattr(schema, "PRAGMAS", pragmas)
    with store(tmp_path) as one:
        one.load()
        one.commit(begun(*HOUSEHOLD), saved())
        one.commit(ended(*HOUSEHOLD[::2]), saved(1))
        one.tidy(Epoch(DATE + LOG_FOR))
        octets = contents(tmp_path)
        assert any(each.client in octets for each in HOUSEHOLD[::2])


def test_a_client_is_forgotten_at_once_and_wherever_it_was(tmp_path: Path) -> None:
    other = lease(2_000, client=1, hardware=lease(7).hardware)
    (tmp_path / f"{NAME}.damaged-20270101T000000Z").write_bytes(lease(7).client)
    with store(tmp_path) as one:
        one.load()
        one.commit(begun(*HOUSEHOLD, other), saved())
        one.forget([lease(7).client, lease(7).hardware], saved().now)
        octets = contents(tmp_path)
        assert (False, False) == (lease(7).client in octets, lease(7).hardware in octets)
    assert set(HOUSEHOLD) - {lease(7)._replace(name="device-7")} == set(kept(tmp_path).leases)


MARK, NAME_MARK = bytes.fromhex("02cafe42"), "canary-"


def spelled(octets: bytes) -> bool:
    """Whether a marked hardware address or name is in there, however it is written."""
    ways = (MARK.hex(), MARK.hex(":"), MARK.hex("-"), MARK.hex(".", 2), NAME_MARK)
    return MARK in octets or any(way.encode() in octets.lower() for way in ways)


def marked(book: LeaseBook, number: int, **more: object) -> Lease:
    """A device whose address and name begin with the mark, as the server makes its lease."""
    mac = MARK + number.to_bytes(2, "big")
    client = book.tag(Identifier.CLIENT, b"\1" + mac)
    hardware = book.tag(Identifier.HARDWARE, hardware_octets(mac))
    name = f"{NAME_MARK}{number}"
    return lease(number, hardware=hardware, name=name, changing=True, **more)._replace(client=client)


def test_no_file_holds_a_marked_address_or_name(tmp_path: Path) -> None:
    """The canary: 1,000 devices come, renew, and half of them leave."""
    book = LeaseBook(KEY)
    with store(tmp_path) as one:
        one.load()
        made = [marked(book, number) for number in range(1, 1_001)]
        for at in range(0, 1_000, 16):
            one.commit(begun(*made[at : at + 16]), saved(at))
        one.commit([LeaseChange(each, each._replace(until=Epoch(DATE + DAY))) for each in made], saved(1_001))
        one.commit(ended(*made[::2]), saved(1_002))
        (tmp_path / NAME).with_name("log").write_bytes((tmp_path / f"{NAME}-wal").read_bytes())
        assert not spelled(contents(tmp_path))
        one.tidy(Epoch(DATE + 2_000))
        damage(tmp_path, 5)
    with store(tmp_path) as again:
        kept = again.load().leases
        assert not spelled(contents(tmp_path))
    assert all(spelled(each.name.encode()) for each in kept)
    assert len(kept) > 400


def test_the_canary_would_be_heard(tmp_path: Path) -> None:
    book = LeaseBook(KEY)
    for folder, clear, more in (("a", True, {}), ("b", False, {"identifier": MARK + b"\0\7"})):
        with store(tmp_path / folder, names_in_clear=clear) as one:
            one.load()
            one.commit(begun(marked(book, 7, **more)), saved())
            assert spelled(contents(tmp_path / folder))


def test_leases_outlive_a_jump_of_the_clock_over_a_restart(tmp_path: Path) -> None:
    """A start in 1970 and one ten years ahead: all are there, all last as long as their clients think, and so over
    again.
    """
    with store(tmp_path) as one:
        one.load()
        one.commit(begun(*HOUSEHOLD), saved())
    for number, wall in enumerate([0, DATE + 10 * 365 * DAY, DATE - HOUR, DATE + HOUR]):
        with store(tmp_path) as again:
            loaded = again.load()
            reading = Reading(Instant(30), f"boot {number}", Epoch(wall))
            clock = start_clock(loaded.clock, loaded.leases, reading)
            book = LeaseBook(KEY, loaded.leases)
            assert () == book.expire(clock.at(Instant(30)))
            again.tidy(clock.at(Instant(30)))
            again.commit([], clock.saved(Instant(60)))
    # Each start ran for a minute that counts.
    assert Loaded(HOUSEHOLD, Saved(Epoch(DATE + 240), Instant(60), "boot 3"), ()) == kept(tmp_path)


# Repaired.


def damage(path: Path, page: int) -> None:
    with (path / NAME).open("r+b") as file:
        file.seek(4_096 * page)
        file.write(b"\xa5" * 4_096)


def test_a_damaged_page_costs_its_leases_and_no_others(tmp_path: Path) -> None:
    fill(tmp_path)
    damage(tmp_path, 11)
    damage(tmp_path, 17)
    damaged = (tmp_path / NAME).read_bytes()
    with store(tmp_path) as one:
        loaded = one.load()
        assert 900 < len(loaded.leases) < 1_000
        assert set(loaded.leases) < set(HOUSEHOLD)
        assert saved() == loaded.clock
        (problem,) = loaded.problems
        assert f"{len(loaded.leases)} leases could be read" in problem
        (aside,) = [file for file in tmp_path.iterdir() if ".damaged-" in file.name]
        assert damaged == aside.read_bytes()
        assert aside.name in problem
        one.commit(begun(lease(5_000)), saved(1))
    assert {*loaded.leases, lease(5_000)} == set(kept(tmp_path).leases)


def test_whichever_page_is_damaged_costs_the_leases_in_it_and_below_it_at_most(tmp_path: Path) -> None:
    """The root of the table, and thirty that hold the leases."""
    fill(tmp_path / "whole")
    octets = (tmp_path / "whole" / NAME).read_bytes()
    (tmp_path / "damaged").mkdir()
    found = []
    for page in range(1, len(octets) // 4_096):
        for file in (tmp_path / "damaged").iterdir():
            file.unlink()
        (tmp_path / "damaged" / NAME).write_bytes(octets)
        damage(tmp_path / "damaged", page)
        loaded = kept(tmp_path / "damaged")
        assert 1 == len(loaded.problems)
        assert set(HOUSEHOLD) >= set(loaded.leases)
        found.append(len(loaded.leases))
    assert 1 == sum(count < 960 for count in found)
    assert sum(960 <= count < 1_000 for count in found) > 25


def test_an_octet_that_changed_inside_a_row_is_found_by_its_checksum(tmp_path: Path) -> None:
    fill(tmp_path)
    octets = (tmp_path / NAME).read_bytes()
    at = octets.index(lease(500).client)
    (tmp_path / NAME).write_bytes(octets[:at] + b"!" + octets[at + 1 :])
    loaded = kept(tmp_path)
    assert set(HOUSEHOLD) - set(loaded.leases) == {HOUSEHOLD[499]}
    assert "1 records do not fit their checksum" in loaded.problems[0]


@pytest.mark.parametrize("octets", [b"", b"this is no database at all" * 400, b"SQLite format 3\0" + bytes(5_000)])
def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / NAME).write_bytes(octets)
    with store(tmp_path) as one:
        loaded = one.load()
        assert (0, bool(octets)) == (len(loaded.leases), bool(loaded.problems))
        one.commit(begun(lease(1)), saved())
    assert Loaded((lease(1),), saved(), ()) == kept(tmp_path)


def test_tables_that_are_gone_are_damage_too(tmp_path: Path) -> None:
    fill(tmp_path)
    with raw(tmp_path) as other:
        other.execute("DROP TABLE lease")
    other.close()
    with store(tmp_path) as one:
        assert "no such table" in one.load().problems[0]
        one.commit(begun(lease(1)), saved())
    assert (lease(1),) == kept(tmp_path).leases


def test_a_running_server_writes_a_damaged_file_anew_from_memory(tmp_path: Path) -> None:
    with store(tmp_path) as one:
        one.load()
        one.commit(begun(*HOUSEHOLD), saved())
        one.close()
        one.commit([], saved(1))  # opens it again
        with (tmp_path / NAME).open("r+b") as file:
            file.write(b"\xa5" * 400_000)
        one._opened().execute("PRAGMA cache_size = 0")
        with pytest.raises(StoreDamaged):
            one.commit([LeaseChange(each, None) for each in HOUSEHOLD[::7]], saved(2))
        aside = one.rebuild(HOUSEHOLD, saved(2))
        assert (tmp_path / aside).exists()
    assert Loaded(HOUSEHOLD, saved(2), ()) == kept(tmp_path)


def test_a_file_that_somebody_removed_is_noticed_and_written_anew(tmp_path: Path) -> None:
    with store(tmp_path) as one:
        one.load()
        one.commit(begun(lease(1)), saved())
        (tmp_path / NAME).unlink()
        for attempt in (lambda: one.tidy(saved(60).now), lambda: one.commit([], saved(60))):
            # Nothing is added to a new file that lacks the leases of the old one.
            with pytest.raises(StoreDamaged, match="removed or replaced"):
                attempt()
        assert not (tmp_path / NAME).exists()
        one.rebuild([lease(1)], saved(60))
    assert (lease(1),) == kept(tmp_path).leases


@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_a_rebuild_that_a_crash_broke_off_is_finished_at_the_next_start(tmp_path: Path, left: int) -> None:
    """With `left` of its last steps not done."""
    fill(tmp_path)
    with store(tmp_path) as one:
        one.rebuild([lease(1)], saved(9))
    # As it was before the last steps: log set aside, file set aside, rebuilt file renamed.
    (tmp_path / NAME).rename(tmp_path / (REBUILT if left else NAME))
    if left > 1:
        (aside,) = [file for file in tmp_path.iterdir() if ".damaged-" in file.name]
        aside.rename(tmp_path / NAME)
    if left > 2:
        (tmp_path / f"{NAME}-wal").write_bytes(b"a log of the damaged file")
    assert Loaded((lease(1),), saved(9), ()) == kept(tmp_path)
    assert not (tmp_path / REBUILT).exists()


def test_a_rebuild_that_was_not_whole_counts_for_nothing(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / DRAFT).write_bytes(b"half a database")
    (tmp_path / f"{DRAFT}-wal").write_bytes(b"half a log")
    with store(tmp_path) as one:
        assert Loaded(HOUSEHOLD, saved(), ()) == one.load()
        one.rebuild(HOUSEHOLD, saved())
    assert Loaded(HOUSEHOLD, saved(), ()) == kept(tmp_path)


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with store(tmp_path) as one:
        for attempt in (one.load, lambda: one.commit([], saved()), lambda: one.tidy(saved().now)):
            with pytest.raises(StoreFailed, match=NAME):
                attempt()
        (tmp_path / NAME).rmdir()
        assert () == one.load().leases


def test_the_key_is_not_in_the_database(tmp_path: Path) -> None:
    fill(tmp_path)
    assert KEY not in contents(tmp_path)
    assert os.listdir(tmp_path) == [NAME]
