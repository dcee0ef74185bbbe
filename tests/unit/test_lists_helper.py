"""Work of the lists cell in a process that the supervisor forks for it: the cell's end, with a helper that the test plays; the
supervisor's side, with processes that do nothing; and the real one between the two."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from kit.linked import LinkedCell

from anchorhold.cell_environment import cell_environment
from anchorhold.forking import Child, fork
from anchorhold.helpers import AT_ONCE, EVERY, PATIENCE, Helpers
from anchorhold.link import LinkMessage, LinkType
from anchorhold.lists.apart import UnderWay, WorkFailed
from anchorhold.lists.helper import Task, Workshop
from anchorhold.lists.index import Spared
from anchorhold.lists.jobs import Making
from anchorhold.lists.workshop import Made, Part, digest_of

NOW = 1_000.0
MINE = b"0.0.0.0 mine.example\n"
JOB = Making((Part("mine", digest_of(MINE), "hosts"), Part("theirs", "0" * 64, "hosts")), Spared())
LOCAL = {digest_of(MINE): MINE, "1" * 64: b"of another list"}


class Played:
    """A workshop, what it asked the supervisor for, and both ends of the pair to a helper. `running` is what was begun."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.workshop = Workshop(self.asked.append)
        self.ours, self.theirs = socket.socketpair()
        self.image = os.memfd_create("test")
        self.running: UnderWay = self.workshop.begin(JOB, self.image, LOCAL)

    def read(self) -> tuple[Task, bytes, int]:
        """What the helper is told: the task, the texts that follow, how many descriptors."""
        head, descriptors, _, _ = socket.recv_fds(self.theirs, 4, 4)
        task = msgspec.msgpack.decode(self.theirs.recv(int.from_bytes(head, "little")), type=Task)
        for descriptor in descriptors:
            os.close(descriptor)
        return task, self.theirs.recv(65_536), len(descriptors)

    def close(self) -> None:
        for end in (self.ours, self.theirs):
            end.close()
        os.close(self.image)


def played(talk: Callable[[Played], Coroutine[None, None, object]]) -> object:
    async def conversation() -> object:
        made = Played()
        try:
            async with asyncio.timeout(60):
                return await talk(made)
        finally:
            made.close()

    return asyncio.run(conversation())


def test_the_helper_is_told_the_work_and_its_local_texts_and_says_what_came_of_it() -> None:
    async def talk(made: Played) -> object:
        said: list[object] = []
        result = asyncio.create_task(made.running.result(said.append))
        await asyncio.sleep(0)
        assert [True] == made.asked
        made.workshop.take(made.ours)
        task, texts, descriptors = made.read()
        assert (JOB, MINE, 1) == (task.job, texts, descriptors)
        made.theirs.sendall(b'p{"entries": 1}\nr{"digest": "d"}\nhalf a li')
        made.theirs.close()
        # Whatever comes first to be heard, its end or its words.
        made.workshop.end(0)
        return await result, said

    assert ({"digest": "d"}, [{"entries": 1}]) == played(talk)


@pytest.mark.parametrize(("code", "words"), [(-9, "SIGKILL"), (1, "said nothing"), (None, "no process")])
def test_a_helper_that_comes_to_nothing_keeps_nobody_waiting(code: int | None, words: str) -> None:
    async def talk(made: Played) -> object:
        result = asyncio.create_task(made.running.result())
        if code is not None:
            made.workshop.take(made.ours)
        made.workshop.end(code)
        with pytest.raises(WorkFailed, match=words):
            await result
        made.workshop.begin(JOB, made.image, LOCAL)
        return made.asked

    assert [True, True] == played(talk)


def test_work_that_nobody_wants_any_more_is_ended_and_waited_for() -> None:
    async def talk(made: Played) -> object:
        result = asyncio.create_task(made.running.result())
        await asyncio.sleep(0)
        result.cancel()
        await asyncio.sleep(0)
        assert [True, False] == made.asked
        # The supervisor had just started one. It is told nothing: the image's descriptor is not ours any more.
        made.workshop.take(made.ours)
        assert b"" == made.theirs.recv(1)
        with pytest.raises(OSError, match="other work"):
            made.workshop.begin(JOB, made.image, LOCAL)
        assert not result.done()
        made.workshop.end(-9)
        with pytest.raises(asyncio.CancelledError):
            await result
        return made.asked

    assert [True, False] == played(talk)


# the supervisor


class Cell(LinkedCell):
    """One that is there; `heard` is what it is told."""

    def __init__(self) -> None:
        super().__init__("lists")
        self.become(1)

    def become(self, pid: int) -> None:
        self._process = SimpleNamespace(pid=pid)  # type: ignore[assignment]


class Idle(Helpers):
    """Its processes wait until somebody ends them, or their pair."""

    made: list[Child]

    def _fork(self, endpoint: int, folder: int) -> Child:
        def live() -> None:
            with socket.socket(fileno=endpoint) as cell:
                cell.recv(1)

        self.made.append(child := fork("idle", live, (endpoint,)))
        return child


Side = tuple[Idle, Cell]


@pytest.fixture
def side() -> Iterator[Side]:
    cell = Cell()
    made = Idle(cell, {})
    made.made = []
    yield made, cell
    made.close()
    for message in cell.heard():
        for descriptor in message.descriptors:
            os.close(descriptor)
    cell.hang_up()
    cell.theirs.close()


def ended(made: Idle, cell: Cell, now: float) -> list[LinkMessage]:
    """What the cell hears when its helper has ended, having said goodbye."""
    for message in cell.heard():
        for descriptor in message.descriptors:
            os.close(descriptor)
    made.made[-1].wait()
    made.look(-1, now)
    return cell.heard()


def test_a_process_is_there_while_there_is_work_and_the_cell_is_told_of_its_end(side: Side) -> None:
    made, cell = side
    made.look(-1, NOW)
    assert [] == made.made
    made.ask(True)
    made.look(-1, NOW)
    assert made.made[0].poll() is None
    assert [LinkMessage(LinkType.WORK, bytes(2), ())] == ended(made, cell, NOW + 1)
    made.look(-1, NOW + 2)
    assert 1 == len(made.made)


def test_one_that_is_wanted_no_more_or_takes_too_long_is_ended(side: Side) -> None:
    made, cell = side
    killed = [LinkMessage(LinkType.WORK, (-signal.SIGKILL).to_bytes(2, "little", signed=True), ())]
    made.ask(True)
    made.look(-1, NOW)
    held = cell.heard()
    made.ask(False)
    assert killed == ended(made, cell, NOW + 1)
    made.ask(True)
    made.look(-1, NOW + 2)
    held += cell.heard()
    made.look(-1, NOW + 2 + PATIENCE)
    assert killed == ended(made, cell, NOW + 3 + PATIENCE)
    # Nor is there one for who takes it back before.
    made.ask(True)
    made.ask(False)
    made.look(-1, NOW + 4 + PATIENCE)
    assert [LinkMessage(LinkType.WORK, b"", ())] == cell.heard()
    assert 2 == len(made.made)
    for message in held:
        os.close(message.descriptors[0])


def test_a_cell_that_asks_without_end_has_few_in_a_row_and_then_one_a_second(side: Side) -> None:
    made, cell = side

    def ask(now: float) -> None:
        made.ask(True)
        made.look(-1, now)
        if made._process is not None:
            ended(made, cell, now)

    for _ in range(3 * AT_ONCE):
        ask(NOW)
    assert AT_ONCE == len(made.made)
    for turn in range(10):
        ask(NOW + EVERY + turn * EVERY / 5)
    assert AT_ONCE + 2 == len(made.made)


def test_what_was_done_for_a_cell_that_is_no_more_ends_and_the_next_one_hears_nothing_of_it(side: Side) -> None:
    made, cell = side
    made.ask(True)
    made.look(-1, NOW)
    held = cell.heard()
    cell.become(0)
    made.forget()
    cell.become(2)
    made.ask(True)
    made.made[0].wait()
    made.look(-1, NOW + 1)
    found = cell.heard()
    assert [1] == [len(message.descriptors) for message in found]
    assert (2, -signal.SIGKILL) == (len(made.made), made.made[0].returncode)
    for message in (*held, *found):
        os.close(message.descriptors[0])


# the real one


def test_the_real_one_makes_an_image_of_local_texts_and_of_those_in_the_folder(tmp_path: Path) -> None:
    """As root it becomes nobody, whose folder that is to be."""
    theirs = b"0.0.0.0 theirs.example\n"
    (tmp_path / f"{digest_of(theirs)}.list").write_bytes(theirs)
    if os.geteuid() == 0:
        os.chown(tmp_path, 65_534, 65_534)
        os.chmod(tmp_path / f"{digest_of(theirs)}.list", 0o644)
    parts = (Part("mine", digest_of(MINE), "hosts"), Part("theirs", digest_of(theirs), "hosts"))
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)

    async def conversation() -> Made:
        cell = Cell()
        helpers = Helpers(cell, cell_environment(os.environ, "nobody"))
        workshop = Workshop(helpers.ask)
        image = os.memfd_create("image")
        running = workshop.begin(Making(parts, Spared()), image, LOCAL)
        helpers.look(folder, NOW)
        (message,) = cell.heard()
        result = asyncio.create_task(running.result())
        workshop.take(socket.socket(fileno=message.descriptors[0]))
        assert helpers._process is not None
        # It says little, and that has room in the pair.
        helpers._process.wait()
        helpers.look(folder, NOW + 1)
        (message,) = cell.heard()
        workshop.end(int.from_bytes(message.body, "little", signed=True))
        made = msgspec.convert(await result, Made)
        assert made.octets == os.stat(image).st_size
        os.close(image)
        cell.hang_up()
        cell.theirs.close()
        return made

    made = asyncio.run(conversation())
    os.close(folder)
    assert ({"mine": 1, "theirs": 1}, "") == ({name: one.entries for name, one in made.lists.items()}, made.kept)
    assert (tmp_path / f"{made.digest}.image").exists()
