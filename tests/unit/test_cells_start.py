"""A cell that raises what nobody expected says where, and not what about; one whose loop finds no memory ends."""

import asyncio
import contextlib
import selectors

import pytest
from kit.children import ended

from anchorhold.cells.lists import ListsCell
from anchorhold.cells.loops import run_loop
from anchorhold.cells.start import EXIT_MEMORY, EXIT_MISTAKE, run_guarded
from anchorhold.lists.asking import ResolverLine
from anchorhold.lists.settings import ListsSettings

SECRET = "annas-phone"


def stumble() -> int:
    try:
        return {}[SECRET]  # type: ignore[no-any-return]
    except KeyError:
        raise ValueError(f"{SECRET} at 192.0.2.7") from None


def trip() -> int:
    try:
        return stumble()
    except ValueError as error:
        raise RuntimeError(SECRET) from error


@pytest.mark.parametrize(("body", "kinds"), [(stumble, ["ValueError"]), (trip, ["RuntimeError", "ValueError"])])
def test_no_word_of_an_exception_is_logged(body: object, kinds: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run_guarded("dhcp", body)  # type: ignore[arg-type]
    said = capfd.readouterr().err
    assert end.value.code == EXIT_MISTAKE
    assert all(f"{kind} at test_cells_start.py:" in said for kind in kinds)
    assert SECRET not in said
    assert "192.0.2.7" not in said


class NoMore(selectors.DefaultSelector):
    """What once finds no memory for the list of what came."""

    found = True

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.found:
            self.found = False
            raise MemoryError
        return super().select(timeout)


async def never_done(lives: asyncio.Event) -> None:
    """A task that does not end when it is told to: at every step it finds no memory, and tries again."""
    while True:
        with contextlib.suppress(asyncio.CancelledError, MemoryError):
            await lives.wait()


@pytest.mark.parametrize("cell", ["resolver", "lists"])
def test_a_loop_that_finds_no_memory_itself_ends_the_cell_at_once(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by closing the loop, which waits for all tasks. Whether it waits or ends is seen without a clock: `ended` stops it."""
    monkeypatch.setenv("ANCHORHOLD_LOOP", "asyncio")

    async def life() -> int:
        loop = asyncio.get_running_loop()
        tasks = {loop.create_task(never_done(asyncio.Event()))}
        await asyncio.sleep(0)
        loop._selector = NoMore()  # type: ignore[attr-defined]
        await asyncio.Event().wait()
        return len(tasks)

    def body() -> None:
        monkeypatch.setattr(ListsCell, "_live", lambda _self, _fetcher: life())
        if cell == "resolver":
            run_loop("resolver", life)
        else:
            made = ListsCell.__new__(ListsCell)
            made._settings, made._folder, made._resolver = ListsSettings(1, ()), 0, ResolverLine()
            monkeypatch.setattr("anchorhold.cells.lists.receive_until_start", lambda _link, _take: 0)
            monkeypatch.setattr("anchorhold.cells.lists.warm_up", lambda: None)
            made._link, made._take = None, None  # type: ignore[assignment, method-assign]
            made.serve()

    assert EXIT_MEMORY == ended(body, 10.0)
