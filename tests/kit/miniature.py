"""A DHCP server in miniature over the real store: it gives out addresses, says so after the commit, and may die at any
moment.

    python tests/kit/miniature.py FOLDER STEPS SEED          what it says goes to standard output

It says in records of 17 octets, little-endian: kind u8, address u32, client u32, true time u32, span u32. A record that
it is about to do something is written before the commit (INTENDED), one that a client was told of it after (TOLD): who
reads them knows what must be on disk. True time is what clients count by; the server has its lease clock only.
"""

import os
import random
import struct
import sys
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from kit.leases import BOOT, DATE, KEY, YEAR  # noqa: E402

from dhcp.clock import Reading, start_clock  # noqa: E402
from dhcp.edge import schema  # noqa: E402
from dhcp.edge.folder import LeaseFolder  # noqa: E402
from dhcp.edge.store import SqliteStore  # noqa: E402
from dhcp.owed import FROM_MEMORY, Owed, goes_on, held_over  # noqa: E402
from dhcp.store import StoreDamaged, StoreFailed  # noqa: E402
from dhcp.values import Kind, Lease, LeaseChange, State  # noqa: E402
from wire.units import Epoch, Instant  # noqa: E402

RECORD = struct.Struct("<BIIII")
POOL = 96
CLIENTS = 128
SPANS = (60, 600, 3_600)
JUMPS = (3_600, -3_600, 10 * YEAR, -10 * YEAR, -DATE)
STEP = 9
"""Seconds of true time between two commits."""


class Said(IntEnum):
    """Kinds of records. Of the last six only the kind counts: what the server is at, for the statistics."""

    INTENDED = 1
    """`address` is to be `client`'s for `span` seconds from `time`. Client 0: nobody's, for its client gave it back
    (span 1), or its time is over (span 0).
    """
    TOLD = 2
    """The same, and the client knows it."""
    LOADING = 10
    COMMITTING = 11
    TIDYING = 12
    REBUILDING = 13
    IDLE = 14
    FAILED = 15
    """The disk did not take it."""


class Word(NamedTuple):
    """One record."""

    kind: Said
    address: int = 0
    client: int = 0
    time: int = 0
    span: int = 0


def read_words(data: bytes) -> Iterator[Word]:
    """All whole records."""
    for at in range(0, len(data) - len(data) % RECORD.size, RECORD.size):
        kind, *rest = RECORD.unpack_from(data, at)
        yield Word(Said(kind), *rest)


def tag_of(client: int) -> bytes:
    """What stands for a client here."""
    return client.to_bytes(4, "big") * 4


def client_of(lease: Lease) -> int:
    """Whose it is."""
    return int.from_bytes(lease.client[:4], "big")


class Miniature:
    """One run of the server. `start` is the true time, `boot` and `uptime` what CLOCK_BOOTTIME counts from and says."""

    def __init__(self, path: Path, out: int, start: int, boot: str = BOOT, uptime: int | None = None) -> None:
        self._out = out
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self._store = SqliteStore(LeaseFolder(self._descriptor), KEY)
        self._owed = Owed()
        self.time = start
        self._ahead = start - (start if uptime is None else uptime)
        self.say(Word(Said.LOADING))
        loaded = self._store.load()
        self.problems = loaded.problems
        self._book = {int.from_bytes(each.address, "big"): each for each in loaded.leases}
        # What the wall clock says is another thing at every start, and never the truth.
        reading = Reading(self._boottime(), boot, Epoch(DATE + start + JUMPS[start % len(JUMPS)]))
        self._clock = start_clock(loaded.clock, loaded.leases, reading)
        self._failing = False
        self._hold_over()

    def _hold_over(self) -> None:
        """As the cell does it."""
        changes = held_over(self._book.values(), self._now())
        for change in changes:
            self._take(change)
        try:
            self._store.commit(changes, self._clock.saved(self._boottime()))
        except StoreFailed:
            self._failing = True
            self._owed.failed(changes, self._now())

    def say(self, *words: Word) -> None:
        """In one write, so that it is said whole or not."""
        os.write(self._out, b"".join(RECORD.pack(*word) for word in words))

    def run(self, draw: random.Random, steps: int) -> None:
        """So many commits, and what comes between them."""
        for _ in range(steps):
            self.step(draw)
        self.say(Word(Said.IDLE))

    def step(self, draw: random.Random) -> None:
        """A few clients, one commit; now and then tidying or a rebuild."""
        self.time += STEP
        now = self._now()
        changes = [LeaseChange(held, None) for held in self._book.values() if held.until <= now]
        for change in changes:
            self._take(change)
        for client in draw.sample(range(1, CLIENTS), draw.randrange(1, 9)):
            change = self._serve(client, draw, now)
            if change is not None:
                changes.append(change)
                self._take(change)
        self._commit(changes, draw)
        if draw.random() < 0.5:
            self._guarded(Said.TIDYING, lambda: self._store.tidy(self._now()))
        if draw.random() < 0.01:
            self._rebuild()

    def _serve(self, client: int, draw: random.Random, now: Epoch) -> LeaseChange | None:
        held = next((each for each in self._book.values() if each.client == tag_of(client)), None)
        if held is not None and draw.random() < 0.3:
            return LeaseChange(held, None)
        span = draw.choice(SPANS)
        if held is not None:
            span = min(span, FROM_MEMORY) if self._failing else span
            # Never earlier than before: should the answer get lost, the client counts on what it was told last.
            return LeaseChange(held, held._replace(seen=now, until=max(held.until, Epoch(now + span)), duration=span))
        free = [number for number in range(1, POOL + 1) if 10 << 24 | number not in self._book]
        if not free:
            return None
        address = (10 << 24 | draw.choice(free)).to_bytes(4, "big")
        name = f"device-{client}" if client % 3 else ""
        until = Epoch(now + span)
        tag = tag_of(client)
        return LeaseChange(
            None, Lease(Kind.ADDRESS4, address, 32, tag, tag, 0, "s", State.BOUND, now, now, until, span, name=name)
        )

    def _commit(self, changes: list[LeaseChange], draw: random.Random) -> None:
        """As the cell does it: what is owed too; renewals go on from memory, newcomers get no answer."""
        self.say(Word(Said.COMMITTING), *(self._word(Said.INTENDED, change) for change in changes))
        saved = self._clock.saved(self._boottime())
        try:
            self._store.commit(self._owed.due(changes), saved)
        except StoreFailed as failed:
            self.say(Word(Said.FAILED))
            self._failing = True
            for change in reversed(self._owed.failed(changes, self._now())):
                self._take(LeaseChange(change.after, change.before))
            self._mend(failed)
            changes = [change for change in changes if goes_on(change, self._now())]
        else:
            self._failing = False
            self._owed.paid()
        self.say(*(self._word(Said.TOLD, change) for change in changes))

    def _mend(self, failed: StoreFailed) -> None:
        if isinstance(failed, StoreDamaged):
            self._rebuild()

    def _rebuild(self) -> None:
        leases = list(self._book.values())

        def again() -> None:
            self._store.rebuild(leases, self._clock.saved(self._boottime()))
            self._owed.paid()

        self._guarded(Said.REBUILDING, again)

    def _guarded(self, what: Said, act: Callable[[], object]) -> None:
        self.say(Word(what))
        try:
            act()
        except StoreFailed as failed:
            self.say(Word(Said.FAILED))
            if what is not Said.REBUILDING:
                self._mend(failed)

    def _take(self, change: LeaseChange) -> None:
        lease = change.after or change.before
        assert lease is not None
        number = int.from_bytes(lease.address, "big")
        if change.after is None:
            self._book.pop(number, None)
        else:
            self._book[number] = change.after

    def _word(self, kind: Said, change: LeaseChange) -> Word:
        lease = change.after or change.before
        assert lease is not None
        number = int.from_bytes(lease.address, "big")
        if change.after is None:
            return Word(kind, number, 0, self.time, int(lease.until > self._now()))
        return Word(kind, number, client_of(lease), self.time, lease.duration)

    def leases(self) -> list[Lease]:
        """What it has in memory."""
        return list(self._book.values())

    def _boottime(self) -> Instant:
        return Instant(float(self.time - self._ahead))

    def _now(self) -> Epoch:
        return Epoch(float(int(self._clock.at(self._boottime()))))

    def close(self) -> None:
        """An orderly end."""
        self._store.close()
        os.close(self._descriptor)


class Witness:
    """All clients together: what they were told, and whether a server and its disk stand by it."""

    def __init__(self) -> None:
        self.told: dict[int, tuple[int, int]] = {}
        """Address: who was told that it has it, and until when, in true time."""
        self.twice: list[str] = []
        self.acknowledged = 0
        self.failures = 0

    def hear(self, words: Iterator[Word]) -> Said:
        """Take in what a server said; what it was at last."""
        last = Said.IDLE
        for word in words:
            match word.kind:
                case Said.INTENDED if not word.client and word.span:
                    # Who gives it back does not use it any more, whether the server lives to hear of it or not.
                    self.told.pop(word.address, None)
                case Said.TOLD if word.client:
                    self._hear_told(word)
                case Said.FAILED:
                    self.failures += 1
                case Said.INTENDED | Said.TOLD:
                    pass
                case _:
                    last = word.kind
        return last

    def _hear_told(self, word: Word) -> None:
        self.acknowledged += 1
        client, until = self.told.get(word.address, (0, 0))
        if client not in (0, word.client) and until > word.time:
            number = word.address - (10 << 24)
            self.twice.append(f"{number}: {client} has it until {until}, and at {word.time} {word.client} was told so")
        self.told[word.address] = (word.client, word.time + word.span)

    def lost(self, leases: dict[int, Lease], time: int) -> list[str]:
        """Leases that clients have at `time` and the disk does not."""
        found = []
        for address, (client, until) in self.told.items():
            held = leases.get(address)
            having = 0 if held is None else client_of(held)
            if until > time and having != client:
                found.append(f"{address - (10 << 24)}: {client} has it until {until}, the disk says {having}")
        return found


def main() -> None:
    """A run from the command line."""
    folder, steps, seed = sys.argv[1:]
    # For the test that the tests can fail.
    way = os.environ.get("MINIATURE_SYNCHRONOUS", "FULL")
    schema.PRAGMAS = tuple(one.replace("synchronous = FULL", f"synchronous = {way}") for one in schema.PRAGMAS)
    # Often, so that kills hit it.
    schema.PRAGMAS = tuple(one.replace("autocheckpoint = 2000", "autocheckpoint = 250") for one in schema.PRAGMAS)
    server = Miniature(Path(folder), 1, 1_000)
    server.run(random.Random(int(seed)), int(steps))
    server.close()


if __name__ == "__main__":
    main()
