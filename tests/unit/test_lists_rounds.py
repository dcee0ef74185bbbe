"""The rounds of the lists cell with a server that is played."""

import asyncio
import errno
import hashlib
import os
from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from anchorhold.lists.fetch import FetchFailed, Given, Wanted
from anchorhold.lists.index import Built, Index, Kept, write_index
from anchorhold.lists.leisure import is_idle, seconds_until_due
from anchorhold.lists.rounds import TRY_AGAIN, Rounds
from anchorhold.lists.settings import ListSource, ListsSettings
from anchorhold.lists.store import Store
from anchorhold.snapshot import sealed_size
from wire.units import Epoch

PATIENCE = 60.0


class Played:
    """Gives what the test wants: a text, what is raised, or what comes of doing something meanwhile."""

    def __init__(self, *answers: bytes | Exception | Callable[[], bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[Wanted] = []

    async def fetch(self, wanted: Wanted, take: Callable[[bytes], None]) -> Given:
        self.asked.append(wanted)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        take(answer() if callable(answer) else answer)
        return Given(False, f'"{len(self.asked)}"')


class Going:
    """Rounds over a folder. `images` are the sizes and digests of what was handed on."""

    def __init__(self, folder: Path, played: Played, *sources: ListSource) -> None:
        self.images: list[tuple[int, str]] = []
        self.said: list[str] = []
        self.changed = asyncio.Event()
        self.sources = sources
        store = Store(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
        self.rounds = Rounds(store, played, self.hand, self.said.append)  # type: ignore[arg-type]

    def hand(self, image: int, digest: str) -> None:
        self.images.append((sealed_size(image), digest))
        os.close(image)
        self.changed.set()

    async def run(self, until: Callable[["Going"], bool]) -> None:
        self.rounds.open()
        self.rounds.use(ListsSettings(1, self.sources))
        await self.go_on(until)

    async def go_on(self, until: Callable[["Going"], bool]) -> None:
        task = asyncio.get_running_loop().create_task(self.rounds.run())
        try:
            async with asyncio.timeout(PATIENCE):
                while not until(self):
                    await asyncio.sleep(0)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def kept(self) -> Kept:
        return self.rounds.library.shelves["ads"].kept


ADS = ListSource("ads", "https://lists.example/ads.txt")
FULL = OSError(errno.ENOSPC, "No space left on device")


def text(mark: str, count: int = 20) -> bytes:
    return b"".join(b"0.0.0.0 %s%d.example\n" % (mark.encode(), number) for number in range(count))


def test_a_list_is_fetched_and_what_is_kept_is_handed_on_at_the_next_start(tmp_path: Path) -> None:
    async def go() -> None:
        first = Going(tmp_path, Played(text("a")), ADS)
        await first.run(lambda one: one.rounds.image is not None and "ads" in one.rounds.image.lists)
        later = Going(tmp_path, Played(FetchFailed("no connection")), ADS)
        later.rounds.open()
        later.rounds.use(ListsSettings(2, (ADS,)))
        assert first.images[-1:] == later.images
        # It came a moment ago, so nobody is asked.
        assert [] == later.said

    asyncio.run(go())


def test_what_is_asked_for_is_under_way_at_once(tmp_path: Path) -> None:
    """A command looks again until nothing is, and may look before the loop comes to it."""

    async def go() -> None:
        going = Going(tmp_path, Played(text("a")), ADS)
        await going.run(lambda one: one.rounds.image is not None and "ads" in one.rounds.image.lists)
        going.rounds.update(["ads"])
        assert "waiting" == going.rounds.library.shelves["ads"].busy
        await going.go_on(lambda one: not one.rounds.library.shelves["ads"].busy)

    asyncio.run(go())


@pytest.mark.parametrize("data", [b"ahlists\0" + bytes(200), b""])
def test_an_image_of_another_version_is_made_anew(tmp_path: Path, data: bytes) -> None:
    """After an update of the program: it is whole, and must not end the cell again and again."""
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / f"{digest}.image").write_bytes(data)
    (tmp_path / "index.json").write_bytes(write_index(Index({}, Built(digest, len(data), "key"))))

    async def go() -> None:
        going = Going(tmp_path, Played(text("a")), ADS)
        await going.run(lambda going: bool(going.images))
        assert [digest] != [one for _, one in going.images]
        assert going.said[0].startswith(f"{digest}.image: ")

    asyncio.run(go())


def test_an_index_that_is_nested_without_end_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(b'{"lists":{"a":' + b'{"b":' * 200_000)
    store = Store(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))
    index, problem = store.load(Epoch(0.0))
    assert (index, "is damaged" in problem) == (Index(), True)


def test_a_million_lines_of_a_hosts_file_fit_if_nothing_is_said(tmp_path: Path) -> None:
    """Such as `0.0.0.0 NAME`, with names of 50 letters."""

    async def go() -> None:
        played = Played(text("a"))
        await Going(tmp_path, played, ADS).run(lambda one: one.kept.current is not None)
        assert played.asked[0].most >= 1_000_000 * len(f"0.0.0.0 {'x' * 50}\n")

    asyncio.run(go())


def test_a_full_disk_is_reported_and_what_is_in_force_stays(tmp_path: Path) -> None:
    async def go() -> None:
        going = Going(tmp_path, Played(text("a"), FULL), ADS)
        await going.run(
            lambda one: bool(one.images) and one.rounds.image is not None and "ads" in one.rounds.image.lists
        )
        before = list(going.images)
        going.rounds.update(["ads"])
        await going.go_on(lambda one: bool(one.said))
        assert ["list ads: the disk is full; the lists in force stay"] == going.said
        assert before == going.images
        assert going.rounds.library.shelves["ads"].kept.current is not None

    asyncio.run(go())


@pytest.mark.parametrize(
    "error", [FetchFailed("the server says 500"), KeyError("a library's")], ids=["said", "mistake"]
)
def test_what_fails_is_tried_again_later_and_not_at_once(tmp_path: Path, error: Exception) -> None:
    async def go() -> None:
        played = Played(error)
        going = Going(tmp_path, played, ADS)
        await going.run(lambda one: bool(one.said))
        await going.go_on(lambda one: not one.rounds.library.shelves["ads"].busy)
        assert (1, 1) == (len(played.asked), going.rounds.library.shelves["ads"].kept.failures)
        assert going.rounds.library.shelves["ads"].due > asyncio.get_running_loop().time() + 40

    asyncio.run(go())


def test_a_list_that_failed_is_tried_soon_after_the_next_start(tmp_path: Path) -> None:
    async def go() -> None:
        going = Going(tmp_path, Played(FetchFailed("no connection")), ADS)
        await going.run(lambda one: bool(one.said) and not one.rounds.library.shelves["ads"].busy)
        later = Going(tmp_path, Played(text("a")), ADS)
        later.rounds.open()
        later.rounds.use(ListsSettings(1, (ADS,)))
        assert 40 < later.rounds.library.shelves["ads"].due - asyncio.get_running_loop().time() < 80

    asyncio.run(go())


def test_what_an_operator_does_while_a_list_is_fetched_stays(tmp_path: Path) -> None:
    async def go() -> None:
        played = Played(text("a"), text("b"))
        going = Going(tmp_path, played, ListSource("ads", ADS.url, fuse=0.0))
        await going.run(lambda one: one.kept.current is not None)
        going.rounds.update(["ads"])
        await going.go_on(lambda one: one.kept.former is not None)

        def undo() -> bytes:
            going.rounds.use(ListsSettings(2, (ListSource("ads", ADS.url, fuse=0.0, refresh=9_000),)))
            assert going.rounds.undo("ads")
            return text("b")

        played.answers = [undo]
        going.rounds.update(["ads"])
        await going.go_on(lambda one: one.kept.held is not None)
        kept = going.kept
        assert kept.current is not None
        assert kept.held is not None
        digests = [hashlib.sha256(text(mark)).hexdigest() for mark in "ab"]
        assert digests == [kept.current.digest, kept.held.digest]

    asyncio.run(go())


def test_nothing_in_the_log_is_a_strangers_word(tmp_path: Path) -> None:
    async def go() -> None:
        going = Going(tmp_path, Played(KeyError("evil.example")), ADS)
        await going.run(lambda one: bool(one.said))
        assert ["list ads: a mistake of ours: KeyError"] == going.said

    asyncio.run(go())


def test_local_texts_need_no_disk(tmp_path: Path) -> None:
    async def go() -> None:
        going = Going(tmp_path, Played(FULL), ListSource("mine", text=text("m")))
        await going.run(lambda one: bool(one.images))
        image = going.rounds.image
        assert image is not None
        assert 20 == image.lists["mine"].entries
        assert "0.0.0.0 m3.example" == going.rounds.line("mine", 4)

    asyncio.run(go())


def test_an_image_that_is_being_made_is_swept_by_nobody(tmp_path: Path) -> None:
    """A list may be done with while another process writes the image: what the index does not name yet stays."""

    async def go() -> None:
        going = Going(tmp_path, Played(text("a")), ADS)
        going.rounds.open()
        going.rounds.use(ListsSettings(1, (ADS,)))
        file = tmp_path / f"{'0' * 64}.image"
        file.write_bytes(b"new")
        going.rounds._store.knows(file.name)
        going.rounds.building = "compiling"
        going.rounds.confirm("ads")
        going.rounds._keep()  # what every change of a list ends with
        assert file.exists()
        going.rounds.building = ""
        going.rounds._keep()
        assert not file.exists()

    asyncio.run(go())


# leisure


def made(one: Going) -> bool:
    return (
        one.rounds.image is not None and "ads" in one.rounds.image.lists and not one.rounds.library.shelves["ads"].busy
    )


def test_lists_that_are_in_force_leave_nothing_to_do_until_one_is_due(tmp_path: Path) -> None:
    async def go() -> None:
        going = Going(tmp_path, Played(text("a")), ADS)
        going.rounds.open()
        await going.run(made)
        assert is_idle(going.rounds)
        assert TRY_AGAIN < seconds_until_due(going.rounds) < 2 * ADS.refresh
        going.rounds.update(["ads"])
        assert not is_idle(going.rounds), "it is under way"

    asyncio.run(go())


def test_an_image_to_be_made_and_a_list_that_failed_are_something_to_do(tmp_path: Path) -> None:
    async def go() -> None:
        going = Going(tmp_path, Played(FetchFailed("no connection")), ADS)
        await going.run(lambda one: bool(one.kept.error))
        assert not is_idle(going.rounds)

    asyncio.run(go())


def test_local_lists_are_never_due(tmp_path: Path) -> None:
    async def go() -> None:
        going = Going(tmp_path, Played(FULL), ListSource("mine", text=text("m")))
        assert inf == seconds_until_due(going.rounds)
        await going.run(lambda one: bool(one.images) and one.rounds.image is not None)
        assert inf == seconds_until_due(going.rounds)
        assert is_idle(going.rounds)

    asyncio.run(go())
