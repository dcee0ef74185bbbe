"""A disk that takes nothing while clients renew, and then the process dies: nobody gets an address that another was told."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from kit.dhcp_loop import HERE, SETTINGS, SUBNET, House, house
from kit.leases import BOOT, DATE, HOUR, KEY

from dhcp.book import LeaseBook
from dhcp.clock import Reading, Saved, start_clock
from dhcp.edge import ledger as ledger_module
from dhcp.edge.folder import LeaseFolder
from dhcp.edge.ledger import Ledger
from dhcp.edge.store import SqliteStore
from dhcp.owed import FROM_MEMORY
from dhcp.settings import Pool
from dhcp.store import StoreFailed
from dhcp.values import LeaseChange
from wire.dhcp.codes4 import MessageType4
from wire.units import Instant

ONE = Pool(HERE[:1] + b"\7\0\1", HERE[:1] + b"\7\0\1")
TIGHT = replace(SETTINGS, subnets=(replace(SUBNET, pools=(ONE,), lease_time=HOUR),))
HOLDER, NEWCOMER = 1, 2


class Moody(SqliteStore):
    """The real store, on a disk that takes nothing when told to."""

    refuses = False

    def commit(self, changes: Iterable[LeaseChange], clock: Saved) -> None:
        if self.refuses:
            raise StoreFailed("no space left on the device")
        super().commit(changes, clock)


@dataclass
class Machine:
    """Runs servers, one after another, on one folder. `uptime` is what CLOCK_BOOTTIME says."""

    folder: int
    uptime: float = 1_000.0

    @contextmanager
    def started(self, refuses: bool = False) -> Iterator[tuple[House, Moody]]:
        """As the cell starts. When the block is left it has died: nothing more is written."""
        store = Moody(LeaseFolder(self.folder), KEY)
        loaded = store.load()
        store.refuses = refuses
        clock = start_clock(loaded.clock, loaded.leases, Reading(Instant(self.uptime), BOOT, DATE))
        kept = Ledger(LeaseBook(KEY, loaded.leases), store, clock, lambda _: None)
        kept.hold_over()
        with house(kept, TIGHT) as home:
            yield home, store
            store.refuses = True


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    made = Machine(descriptor)
    monkeypatch.setattr(ledger_module, "boottime", lambda: Instant(made.uptime))
    yield made
    os.close(descriptor)


def join(home: House, client: int) -> bytes:
    """The address that a client is acknowledged; empty: none is."""
    for kind in (MessageType4.DISCOVER, MessageType4.REQUEST):
        home.say(kind, client)
        home.server.turn(0.1)
        if [(kind + 1 if kind is MessageType4.DISCOVER else MessageType4.ACK, client)] != home.heard():
            return b""
    return home.offered[client]


def renewed(home: House, address: bytes) -> int:
    """Seconds the holder is told; 0: it hears nothing."""
    home.times.clear()
    home.renew(HOLDER, address)
    home.server.turn(0.1)
    home.heard()
    return home.times.get(HOLDER, 0)


def test_who_renewed_from_memory_keeps_its_address_over_a_crash(machine: Machine) -> None:
    with machine.started() as (home, store):
        address = join(home, HOLDER)
        assert HOUR == home.times[HOLDER]
        store.refuses = True
        machine.uptime += HOUR / 2
        # The very first renewal that the disk refuses is answered, and not for longer than it was before.
        assert HOUR // 2 == renewed(home, address)
        machine.uptime += HOUR / 2 - 60
        assert FROM_MEMORY == renewed(home, address)
        machine.uptime += FROM_MEMORY / 2
        assert FROM_MEMORY == renewed(home, address)
        told_until = machine.uptime + FROM_MEMORY
    with machine.started() as (home, _):
        # By the disk that lease has ended some minutes ago.
        while machine.uptime < told_until:
            assert b"" == join(home, NEWCOMER)
            machine.uptime += 100
        machine.uptime += FROM_MEMORY
        home.server.turn(0.1)
        assert address == join(home, NEWCOMER)


def test_a_disk_that_takes_nothing_for_days_ends_no_lease_that_is_renewed(machine: Machine) -> None:
    """Over crashes too: what is told from memory is short, and a start waits for as long."""
    with machine.started() as (home, store):
        address = join(home, HOLDER)
        store.refuses = True
    for _ in range(4):
        with machine.started(refuses=True) as (home, _):
            for _ in range(10):
                machine.uptime += FROM_MEMORY / 2
                assert FROM_MEMORY <= renewed(home, address) <= HOUR
                assert b"" == join(home, NEWCOMER)


def test_when_the_disk_is_well_again_leases_are_as_long_as_ever(machine: Machine) -> None:
    with machine.started() as (home, store):
        address = join(home, HOLDER)
        store.refuses = True
        machine.uptime += HOUR - 60
        assert FROM_MEMORY == renewed(home, address)
        store.refuses = False
        assert FROM_MEMORY == renewed(home, address), "by the disk's last word"
        assert HOUR == renewed(home, address)
