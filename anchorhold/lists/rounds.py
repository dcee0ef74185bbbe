"""The rounds of the lists cell: each list is asked for when it is due, judged, taken or held; the image is made anew when
anything in it changed, and handed on. One process apart works at a time, and few fetch."""

import asyncio
import errno
import os
from collections.abc import Callable
from typing import TypeVar

import msgspec

from anchorhold.lists.apart import WorkFailed
from anchorhold.lists.asking import NoAddress
from anchorhold.lists.fetch import Fetcher, FetchFailed, Given, Wanted
from anchorhold.lists.index import Built, Copy, Index, Kept
from anchorhold.lists.jobs import Begin, Comparing, Job, Judging, Making, fork
from anchorhold.lists.library import (
    Library,
    Shelf,
    arrived,
    asked,
    changed,
    confirmed,
    failed,
    refused,
    undone,
    without,
)
from anchorhold.lists.pauses import pause_of
from anchorhold.lists.settings import ListsSettings
from anchorhold.lists.store import IMAGE, TEXT, Damaged, Draft, Store
from anchorhold.lists.workshop import Arrival, Compared, Judged, Made, Part, line_of
from anchorhold.mistakes import tell_loop
from anchorhold.snapshot import new_memfd, seal_bytes, seal_memfd
from net.clock import date, now
from privacy.lists.minisign import MAX_SIGNATURE

T = TypeVar("T")

AT_ONCE = 3
"""Lists that are fetched at the same time."""
GATHER = 20.0
"""Seconds for which an image waits for lists that are just being fetched, so that they come in together."""
TRY_AGAIN = 300.0
"""Seconds until an image that could not be made, or what the disk did not take, is tried again, if nothing changes before."""
NOT_KEPT = "what is known of lists is not on disk"
Hand = Callable[[int, str], None]
"""Takes a sealed image (a descriptor, now its own) and its digest."""


class Rounds:
    """All that goes on. Call `use` with each new settings, `run` once."""

    def __init__(
        self, store: Store, fetcher: Fetcher, hand: Hand, report: Callable[[str], None], begin: Begin | None = None
    ) -> None:
        """`begin` starts work elsewhere; without it a process is forked for each."""
        self._begin = begin
        self.library = Library()
        self.image: Built | None = None
        """What was handed on last."""
        self.problem = ""
        """What the disk, or the compiler, has against us."""
        self.building = ""
        self._store = store
        self._fetcher = fetcher
        self._hand = hand
        self._report = report
        self._said: dict[str, str] = {}
        self._again: asyncio.TimerHandle | None = None
        self._fetching = asyncio.Semaphore(AT_ONCE)
        self._apart = asyncio.Lock()
        self._news = asyncio.Event()
        self._wanted = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._index = Index()

    @property
    def pending(self) -> bool:
        """Whether an image is to be made."""
        return self._wanted.is_set()

    # settings

    def open(self) -> None:
        """Read what is kept, and hand the image on that was in force last."""
        try:
            self._store.clear_drafts()
        except OSError as error:
            self._complain(f"the folder cannot be read: {error.strerror}")
        self._index, problem = self._store.load(date())
        if problem:
            self._complain(problem)

    def use(self, settings: ListsSettings) -> None:
        """Take over settings; what is fetched already stays."""
        self.library.use(settings, self._index)
        if self.image is None and (built := self._index.image) is not None:
            self._hand_stored(built)
        for shelf in self.library.shelves.values():
            if shelf.source.url and not shelf.busy:
                first = shelf.kept.current is None and not shelf.kept.failures
                shelf.due = now() if first else _due(shelf)
        if self.image is None or self.image.key != self.library.key():
            self._wanted.set()
        self._news.set()

    def _hand_stored(self, built: Built) -> None:
        try:
            data = self._store.image(built.digest)
        except Damaged as error:
            self._complain(f"{error}; it is made anew")
            return
        self.image = built
        self._hand(seal_bytes(data, len(data)), built.digest)

    # the loop

    async def run(self) -> None:
        """Until cancelled."""
        builder = asyncio.get_running_loop().create_task(self._build_again_and_again())
        builder.add_done_callback(tell_loop)
        try:
            while True:
                self._news.clear()
                self._start_due()
                waits = [
                    shelf.due - now() for shelf in self.library.shelves.values() if shelf.source.url and not shelf.busy
                ]
                try:
                    async with asyncio.timeout(max(0.0, min([*waits, 3_600.0]))):
                        await self._news.wait()
                except TimeoutError:
                    continue
        finally:
            for task in (builder, *self._tasks.values()):
                task.cancel()
            await asyncio.gather(builder, *self._tasks.values(), return_exceptions=True)

    def _start_due(self) -> None:
        for name, shelf in self.library.shelves.items():
            if shelf.source.url and not shelf.busy and shelf.due <= now() and name not in self._tasks:
                shelf.busy = "waiting"
                task = asyncio.get_running_loop().create_task(self._tend(shelf))
                self._tasks[name] = task
                task.add_done_callback(lambda done, name=name: self._tended(name, done))  # type: ignore[misc]

    def _tended(self, name: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(name, None)
        shelf = self.library.shelves.get(name)
        if shelf is not None:
            shelf.busy = ""
        self._news.set()
        tell_loop(task)

    async def _tend(self, shelf: Shelf) -> None:
        """Ask for one list, and see what came."""
        name = shelf.source.name
        told = 0.0
        try:
            async with self._fetching:
                shelf.busy = "fetching"
                await self._ask(shelf)
        except (FetchFailed, NoAddress, WorkFailed) as error:
            told = error.after if isinstance(error, FetchFailed) else 0.0
            shelf.kept = failed(shelf.kept, int(date()), str(error))
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            why = "the disk is full" if full else error.strerror or "it cannot be written"
            shelf.kept = failed(shelf.kept, int(date()), f"{why}; the lists in force stay")
        except MemoryError:
            raise
        except Exception as error:
            # Our own, or a library's, mistake with what one stranger sent: the other lists go on.
            shelf.kept = failed(shelf.kept, int(date()), f"a mistake of ours: {type(error).__name__}")
        kept = shelf.kept
        shelf.due = _due(shelf, told)
        self._say(name, kept.error or (f"held back: {kept.why}" if kept.held is not None else ""))
        self._keep()
        if self.image is None or self.image.key != self.library.key():
            self._wanted.set()

    async def _ask(self, shelf: Shelf) -> None:
        source, kept = shelf.source, shelf.kept
        draft = self._store.draft()

        def take(piece: bytes) -> None:
            draft.add(piece)
            shelf.octets = draft.octets

        try:
            known = (kept.etag, kept.modified) if kept.current is not None else ("", "")
            given = await self._fetcher.fetch(Wanted(source.url, source.max_size, source.private, *known), take)
            if given.unchanged:
                shelf.kept = asked(shelf.kept, int(date()), given)
                return
            signature = await self._signature(shelf)
            await self._look_at(shelf, draft, given, signature)
        finally:
            draft.drop()
            self._store.fresh.discard(draft.digest)

    async def _signature(self, shelf: Shelf) -> bytes:
        source = shelf.source
        if not source.public_key:
            return b""
        pieces: list[bytes] = []
        try:
            await self._fetcher.fetch(Wanted(source.signature_url, MAX_SIGNATURE, source.private), pieces.append)
        except (FetchFailed, NoAddress) as error:
            raise FetchFailed(f"its signature: {error}") from None
        return b"".join(pieces)

    async def _look_at(self, shelf: Shelf, draft: Draft, given: Given, signature: bytes) -> None:
        """Judge a text that came; it stays on disk if it is a list. Against what is in force when that is done: an operator may
        have changed it meanwhile."""
        source = shelf.source
        octets, digest = draft.octets, draft.finish()
        self._store.fresh.add(digest)
        shelf.busy, shelf.entries = "checking", 0
        when = int(date())
        while True:
            current = shelf.digest
            arrival = Arrival(digest, source.format, current, source.public_key, signature)
            judged = await self._apart_from(Judged, Judging(arrival), shelf)
            if shelf.digest == current:
                break
        if judged.refused:
            shelf.kept = refused(shelf.kept, when, judged.refused)
            return
        counts = (judged.entries, judged.skipped, judged.came, judged.gone, judged.comment)
        copy = Copy(digest, octets, when, judged.format, *counts)
        shelf.kept = arrived(asked(shelf.kept, when, given), copy, judged, source.fuse)

    # the image

    async def _build_again_and_again(self) -> None:
        while True:
            await self._wanted.wait()
            await self._gather()
            self._wanted.clear()
            try:
                await self._build()
            except (WorkFailed, OSError, msgspec.MsgspecError) as error:
                self._complain(f"the image of all lists cannot be made: {error}; the former one stays")
                asyncio.get_running_loop().call_later(TRY_AGAIN, self._wanted.set)

    async def _gather(self) -> None:
        until = now() + GATHER
        while now() < until and self._tasks:
            await asyncio.wait(
                self._tasks.values(), timeout=max(0.0, until - now()), return_when=asyncio.FIRST_COMPLETED
            )
            await asyncio.sleep(0)

    async def _build(self) -> None:
        parts, key, spared = self.library.parts(), self.library.key(), self.library.spared()
        if self.image is not None and self.image.key == key:
            return
        image = new_memfd()
        try:
            self.building = "compiling"
            made = await self._apart_from(Made, Making(parts, spared), None, image)
            self._store.knows(made.digest + IMAGE)
            self.building = ""
            if made.damaged:
                self._set_aside(made.damaged)
            if not made.damaged or not any(part.digest not in made.damaged for part in self.library.parts()):
                self._take(made, key, image)
                image = -1
        finally:
            self.building = ""
            if image >= 0:
                os.close(image)

    def _take(self, made: Made, key: str, image: int) -> None:
        self.image = Built(made.digest, made.octets, key, made.lists, made.instructions)
        self._hand(seal_memfd(image), made.digest)
        self._complain(f"the image is not on disk: {made.kept}" if made.kept else "")
        for name, counted in made.lists.items():
            if counted.tried:
                self._report(f"list {name} would block {counted.tried} protected names; they are not blocked")
        self._keep()

    def _set_aside(self, damaged: tuple[str, ...]) -> None:
        """Texts that are not what they were: the former ones take their place, and they are fetched anew."""
        for digest in damaged:
            self._store.set_aside(digest + TEXT, date())
        for name, shelf in self.library.shelves.items():
            kept = without(shelf.kept, damaged)
            if kept is not shelf.kept:
                shelf.kept, shelf.due = kept, now()
                self._say(name, "a copy on disk was damaged; it is set aside, and fetched again")
        self._wanted.set()
        self._news.set()

    # what operators want

    def update(self, names: list[str]) -> None:
        """Ask for these now. They are under way when this returns: who looks next must not take it for done."""
        for name in names:
            shelf = self.library.shelves[name]
            if shelf.source.url and not shelf.busy:
                shelf.due = now()
        self._start_due()
        self._news.set()

    def confirm(self, name: str) -> bool:
        """Take what is held; False if nothing is."""
        return self._change(name, confirmed)

    def undo(self, name: str) -> bool:
        """Take the former text back; False if there is none."""
        return self._change(name, undone)

    def _change(self, name: str, change: Callable[[Kept], Kept]) -> bool:
        shelf = self.library.shelves[name]
        kept = change(shelf.kept)
        if kept is shelf.kept:
            return False
        shelf.kept = changed(kept, error="")
        self._say(name, "")
        self._keep()
        self._wanted.set()
        return True

    async def difference(self, old: Part, new: Part) -> Compared:
        """Raises WorkFailed."""
        return await self._apart_from(Compared, Comparing(old, new))

    def line(self, name: str, number: int) -> str:
        """A line of the text in force; "" if it cannot be had."""
        shelf = self.library.shelves.get(name)
        if shelf is None or not shelf.digest:
            return ""
        try:
            return line_of(self._texts()(shelf.digest), number)
        except Damaged:
            return ""

    # between

    def _texts(self) -> Callable[[str], bytes]:
        local, store = self.library.texts, self._store
        return lambda digest: local[digest] if digest in local else store.text(digest)

    async def _apart_from(self, kind: type[T], job: Job, shelf: Shelf | None = None, image: int = -1) -> T:
        """Raises WorkFailed."""

        def heard(said: object) -> None:
            if not isinstance(said, dict):
                return
            if shelf is not None:
                shelf.entries = int(said.get("entries", 0))
            elif "list" in said:
                self.building = f"compiling {said['list']}: {said['entries']}"

        async with self._apart:
            try:
                if self._begin is None:
                    apart = fork(job, image, self._store, self._texts())
                else:
                    apart = self._begin(job, image, self.library.texts)
            except OSError as error:
                raise WorkFailed(f"no process for it: {error.strerror}") from None
            return msgspec.convert(await apart.result(heard), kind)

    def _keep(self) -> None:
        """Write the index, and remove what it does not name. If the disk is full, memory knows better, until it takes it."""
        if self._again is not None:
            self._again.cancel()
        self._again, self._index = None, Index(self.library.lists(), self.image)
        try:
            self._store.save(self._index)
            image = None if self.building else self.image.digest if self.image is not None else ""
            self._store.sweep(self.library.digests() | self._store.fresh, image)
        except OSError as error:
            self._complain(f"{NOT_KEPT}: {error.strerror}")
            self._again = asyncio.get_running_loop().call_later(TRY_AGAIN, self._keep)
            return
        if self.problem.startswith(NOT_KEPT):
            self.problem = ""

    def _say(self, name: str, text: str) -> None:
        """Once for each list, until it changes."""
        if text and self._said.get(name) != text:
            self._report(f"list {name}: {text}")
        self._said[name] = text

    def _complain(self, text: str) -> None:
        if text and text != self.problem:
            self._report(text)
        self.problem = text


def _due(shelf: Shelf, told: float = 0.0) -> float:
    """When it is asked for next, monotonic seconds; `told`: the server wants to be left alone for so long."""
    return now() + pause_of(shelf.kept, shelf.source.refresh, date(), told)
