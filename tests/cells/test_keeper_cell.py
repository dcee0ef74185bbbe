"""The keeper as a real process: what it is given, what it says to the resolver, and what it can do besides: nothing."""

import contextlib
import gc
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.message
import pytest
from kit.keyset import ENTRY, ROOT, keyset, record
from kit.peers import free_ports, need_root
from kit.processes import (
    allow,
    data_of,
    descriptors,
    internet_sockets,
    is_folder,
    state,
    unbound_internet_sockets,
)
from kit.service import config_text, started

from anchorhold import ceilings, snapshot
from anchorhold.cell_environment import cell_environment
from anchorhold.cell_process import CellProcess
from anchorhold.cells import keeper as keeper_module
from anchorhold.cells.resolver import KEEPER_PATIENCE
from anchorhold.cells.start import EXIT_MEMORY
from anchorhold.ipc import Inbox, Message, MessageType, build_message
from anchorhold.keeper.exceptions import Wanted
from anchorhold.keeper.files import GivenAnchors, GivenKey, as_time, read_clock, read_points, show_record, write_given
from anchorhold.keeper.keeper import NO_FOLDER
from anchorhold.keeper.messages import NOTHING, Found, InForce, Told, pack, unpack
from anchorhold.keeper.packaged import built_date, packaged_root
from anchorhold.link import LinkMessage, LinkType, PairName
from anchorhold.state import StateRefused, open_folder
from resolver.dnssec.rollover import KeyState
from resolver.iterate.verdict import RRset
from resolver.settings import Anchor, KeeperSettings
from wire.dns.signing import build_ds
from wire.units import Epoch

PATIENCE = 60.0
ROOTED = os.geteuid() == 0


def owner() -> tuple[int, int] | None:
    entry = pwd.getpwnam("nobody")
    return (entry.pw_uid, entry.pw_gid) if ROOTED else None


@dataclass
class Kept:
    """A keeper and the resolver's end of the pair to it."""

    cell: CellProcess
    pair: socket.socket
    heard: list[Message] = field(default_factory=list)
    inbox: Inbox = field(default_factory=Inbox)

    def next(self, kind: MessageType) -> Message:
        """The next message of this kind; others before it are passed over."""
        while True:
            while self.heard:
                message = self.heard.pop(0)
                if message.type is kind:
                    return message
            try:
                data = self.pair.recv(65_536)
            except ConnectionError:
                data = b""
            assert data, f"the keeper hung up: {self.how_it_ended()}"
            self.heard += self.inbox.feed(data)

    def how_it_ended(self) -> str | None:
        self.cell.wait(PATIENCE)
        return self.cell.reap(0.0)

    def told(self) -> Told:
        return unpack(self.next(MessageType.ANCHORS), Told)

    def answer(self, rrset: RRset) -> None:
        found = Found(rrset.owner, rrset.ttl, rrset.rdatas, rrset.signatures)
        self.pair.sendall(build_message(MessageType.KEYS, 0, pack(found)))

    def link_message(self) -> LinkType:
        return self.said().type

    def said(self) -> LinkMessage:
        """To the supervisor."""
        assert self.cell.link is not None
        self.cell.link.settimeout(PATIENCE)
        while (message := self.cell.receive()) is not None:
            if message.type not in (LinkType.LOG, LinkType.SEALED):
                return message
        raise AssertionError("the keeper is gone")

    def use(self, generation: int, *seeds: int, times: int = 1) -> None:
        records = tuple(map(record, seeds)) or packaged_root()
        settings = KeeperSettings(generation, times * tuple(Anchor(ROOT, build_ds(one)) for one in records))
        descriptor = snapshot.seal(settings)
        self.cell.send(LinkType.SETTINGS, generation.to_bytes(4, "little"), (descriptor,))
        os.close(descriptor)

    def renew(self) -> None:
        self.pair.close()
        self.pair, theirs = socket.socketpair()
        self.pair.settimeout(PATIENCE)
        self.cell.send(LinkType.KEEPER, b"", (theirs.fileno(),))
        theirs.close()
        self.heard, self.inbox = [], Inbox()

    @contextmanager
    def another(self) -> Iterator["Kept"]:
        """A further resolver's end."""
        ours, theirs = socket.socketpair()
        with ours:
            ours.settimeout(PATIENCE)
            self.cell.send(LinkType.KEEPER, b"\1", (theirs.fileno(),))
            theirs.close()
            yield Kept(self.cell, ours)

    def end(self) -> None:
        self.cell.dismiss()
        assert self.cell.wait(PATIENCE)


@contextmanager
def keeper(folder: int | None, *seeds: int) -> Iterator[Kept]:
    """With the packaged anchors of the root, or those of the keys of these seeds."""
    cell = CellProcess("keeper", keeper_module.__name__)
    # It is a copy of this process, which may hold more by now than a keeper may have.
    keeper_module.KEEPER = ceilings.KEEPER + data_of(os.getpid())
    # As the supervisor does before it forks one: what tests before this one left is not to be collected by the cell, which is
    # sealed then, and ended by what that may call.
    gc.freeze()
    cell.start(cell_environment(os.environ, "nobody" if ROOTED else ""), 0.0)
    gc.unfreeze()
    keeper_module.KEEPER = ceilings.KEEPER
    kept = Kept(cell, socket.socket())
    try:
        if folder is not None:
            cell.send(LinkType.FOLDER, b"", (folder,))
        kept.use(1, *seeds)
        kept.renew()
        cell.send(LinkType.START, bytes(4))
        assert kept.link_message() is LinkType.READY
        yield kept
    finally:
        cell.kill()
        cell.wait(PATIENCE)
        cell.hang_up()
        kept.pair.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    descriptor = open_folder(tmp_path, owner())
    yield tmp_path / "keeper", descriptor
    os.close(descriptor)


def give(folder: Path, *seeds: int) -> None:
    """The root's anchors of a test, as `anchorhold anchors update` leaves them."""
    keys = tuple(GivenKey(show_record(record(seed)), as_time(Epoch(0.0)), None) for seed in seeds)
    folder.joinpath("given").write_bytes(write_given(GivenAnchors("a test", as_time(Epoch(0.0)), keys)))
    folder.joinpath("given").chmod(0o644)


def test_it_tells_what_is_in_force_and_asks_at_once(home: tuple[Path, int]) -> None:
    with keeper(home[1]) as kept:
        told = kept.told()
        assert (ROOT, packaged_root(), "", built_date()) == (
            told.point.zone,
            told.point.records,
            told.storage,
            told.floor,
        )
        assert ROOT == kept.next(MessageType.LOOK).body


def test_keys_are_verified_advanced_saved_and_told(home: tuple[Path, int]) -> None:
    give(home[0], 1)
    with keeper(home[1]) as kept:
        assert (record(1),) == kept.told().point.records
        kept.next(MessageType.LOOK)
        now = time.time()
        kept.answer(keyset({1: ENTRY, 2: ENTRY}, {1: ENTRY}, now))
        told = kept.told()
        states = {key.record: key.state for key in told.point.keys}
        assert ({record(1): KeyState.VALID, record(2): KeyState.ADD_PENDING}, "") == (states, told.problem)
        kept.end()
    (saved,) = read_points((home[0] / "anchors").read_bytes())
    assert told.point.keys[0].record == saved.keys[0].record
    assert now - 1 <= read_clock((home[0] / "clock").read_bytes()) <= time.time()
    modes = {entry.name: entry.stat().st_mode & 0o777 for entry in home[0].iterdir()}
    assert {"anchors": 0o600, "clock": 0o600, "given": 0o644} == modes


def test_forged_keys_change_nothing_and_say_why(home: tuple[Path, int]) -> None:
    give(home[0], 1)
    with keeper(home[1]) as kept:
        kept.told()
        kept.next(MessageType.LOOK)
        kept.answer(keyset({1: ENTRY, 3: ENTRY}, {3: ENTRY}, time.time()))
        told = kept.told()
        assert ((record(1),), "no key of the zone fits the signature") == (told.point.records, told.problem)
        assert not (home[0] / "clock").exists()


def test_a_resolver_without_an_answer_is_no_harm(home: tuple[Path, int]) -> None:
    with keeper(home[1]) as kept:
        kept.told()
        kept.next(MessageType.LOOK)
        kept.pair.sendall(build_message(MessageType.KEYS, 0, ROOT, flags=NOTHING))
        assert "the keys could not be had" == kept.told().problem


def test_keys_that_nobody_asked_for_are_not_looked_at(home: tuple[Path, int]) -> None:
    give(home[0], 1)
    with keeper(home[1]) as kept:
        kept.told()
        kept.next(MessageType.LOOK)
        good = keyset({1: ENTRY}, {1: ENTRY}, time.time())
        kept.answer(good)
        kept.told()
        kept.answer(keyset({1: ENTRY, 2: ENTRY}, {1: ENTRY}, time.time()))
        kept.renew()
        assert [record(1)] == [key.record for key in kept.told().point.keys]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff" * 24,
        build_message(MessageType.QUERY, 1, b"\0\0\1\0\1"),
        build_message(MessageType.KEYS, 0, b"\xc1"),
        build_message(MessageType.KEYS, 0, b"\x80"),
    ],
    ids=["header", "type", "msgpack", "shape"],
)
def test_nonsense_accuses_the_resolver_and_the_next_is_welcome(home: tuple[Path, int], nonsense: bytes) -> None:
    with keeper(home[1]) as kept:
        kept.told()
        kept.pair.sendall(nonsense)
        assert kept.link_message() is LinkType.ACCUSE
        kept.renew()
        assert packaged_root() == kept.told().point.records


def test_without_a_folder_it_works_and_says_so() -> None:
    with keeper(None) as kept:
        assert NO_FOLDER == kept.told().storage


def test_it_has_no_way_out_but_its_folder_and_two_sockets(home: tuple[Path, int]) -> None:
    with keeper(home[1]) as kept:
        kept.told()
        pid = kept.cell.pid
        assert ([], []) == (internet_sockets(pid), unbound_internet_sockets(pid))
        links = {number: link for number, link in descriptors(pid).items() if number > 2}
        others = [number for number, link in links.items() if not re.match(r"socket:|anon_inode:\[eventpoll\]", link)]
        assert [True] == [is_folder(pid, f"fd/{number}", home[0]) for number in others]
        # And both ends of what it is ended by (`anchorhold/leash.py`).
        assert len([link for link in links.values() if link.startswith("socket:")]) == 2 + 2


def test_it_is_nobody(home: tuple[Path, int]) -> None:
    need_root("giving up rights")
    with keeper(home[1]) as kept:
        status = state(kept.cell.pid)
        assert "0" not in status["Uid"].split() + status["Gid"].split()
        assert (status["Groups"], status["NoNewPrivs"], int(status["CapPrm"], 16)) == ("", "1", 0)


def test_a_folder_that_is_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keeper").symlink_to(tmp_path)
    with pytest.raises(StateRefused, match="keeper"):
        open_folder(tmp_path, None)
    (tmp_path / "keeper").unlink()
    (tmp_path / "keeper").touch()
    with pytest.raises(StateRefused, match="keeper"):
        open_folder(tmp_path, None)


def test_a_new_configuration_is_followed_at_once(home: tuple[Path, int]) -> None:
    with keeper(home[1], 1) as kept:
        assert (record(1),) == kept.told().point.records
        kept.use(2, 3)
        assert kept.link_message() is LinkType.READY
        assert (2, (record(3),)) == (kept.cell.ready, kept.told().point.records)


def at_its_ceiling(place: Path) -> str:
    """How it ends."""
    folder = open_folder(place, owner())
    with keeper(folder) as kept:
        kept.told()
        allow(kept.cell.pid, "data", data_of(kept.cell.pid))
        kept.use(2, times=20_000)
        assert kept.cell.wait(PATIENCE)
        return str(kept.cell.reap(0.0))


def test_at_its_ceiling_of_memory_it_ends_and_says_so(tmp_path: Path) -> None:
    # Forked off a process with no thread, as in the service: with one the C library has its heaps already.
    ours = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)], env=ours, capture_output=True, text=True, timeout=60
    )
    assert f"exit code {EXIT_MEMORY} " in done.stdout, done.stderr


# In the service.


def test_the_service_starts_it_again_and_front_does_not_notice(tmp_path: Path) -> None:
    config = tmp_path / "anchorhold.toml"
    config.write_text(config_text(tmp_path))
    with started(config, "kit.fake_cell", "anchorhold.cells.resolver") as running:
        running.wait_for("serving on")
        os.kill(running.cell("keeper"), signal.SIGKILL)
        running.wait_for("keeper (pid", "serves again")
        assert len([line for line in running.lines if " PEER " in line]) == 1
        assert running.end() == 0
        assert not [line for line in running.lines if "resolver (pid" in line]


def test_a_service_whose_folder_cannot_be_used_serves_and_says_so(tmp_path: Path) -> None:
    config = tmp_path / "anchorhold.toml"
    config.write_text(config_text(tmp_path))
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state/keeper").touch()
    with started(config) as running:
        running.wait_for("trust anchors and the time are not kept", "keeper")
        running.wait_for("serving on")
        assert running.end() == 0


def test_without_a_keeper_the_service_starts_all_the_same_and_answers_nobody_before_it_has_waited(
    tmp_path: Path,
) -> None:
    config = tmp_path / "anchorhold.toml"
    (port,) = free_ports(1)
    # With lists one more pair comes to the resolver while it waits.
    config.write_text(config_text(tmp_path, port, extra='[lists]\nads = { url = "https://127.0.0.1:9/" }\n'))
    with started(config, "anchorhold.cells.front", "anchorhold.cells.resolver", "kit.dying_cell") as running:
        assert ask_until_answered(port) > KEEPER_PATIENCE
        running.wait_for("resolver: the keeper says nothing")
        running.wait_for("serving on")
        assert running.end() == 0


def ask_until_answered(port: int) -> float:
    """From the first moment on, until there is an address; how many seconds it took."""
    query = dns.message.make_query("localhost.", "A").to_wire()
    start = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.02)
        client.connect(("127.0.0.1", port))
        while time.monotonic() < start + PATIENCE:
            # Nobody listens there yet, or nobody answers.
            with contextlib.suppress(OSError):
                client.send(query)
                if client.recv(4_096)[6:8] == b"\0\1":
                    return time.monotonic() - start
    raise AssertionError("no answer")


if __name__ == "__main__":
    print(at_its_ceiling(Path(sys.argv[1])))


# -- several resolvers


def test_all_resolvers_are_told_and_the_first_is_asked(home: tuple[Path, int]) -> None:
    give(home[0], 1)
    with keeper(home[1]) as kept, kept.another() as other:
        assert (record(1),) == kept.told().point.records == other.told().point.records
        kept.next(MessageType.LOOK)
        kept.answer(keyset({1: ENTRY, 2: ENTRY}, {1: ENTRY}, time.time()))
        assert {record(1), record(2)} == {key.record for key in other.told().point.keys}
        # Nobody outside is to be asked twice.
        assert [] == [message for message in other.heard if message.type is MessageType.LOOK]


def test_when_the_first_is_gone_the_next_is_asked(home: tuple[Path, int]) -> None:
    with keeper(home[1]) as kept, kept.another() as other:
        other.told()
        kept.next(MessageType.LOOK)
        kept.pair.close()
        assert ROOT == other.next(MessageType.LOOK).body
        kept.renew()
        kept.told()
        # What the other was asked for is its to answer.
        other.pair.sendall(build_message(MessageType.KEYS, 0, ROOT, flags=NOTHING))
        assert ["the keys could not be had"] * 2 == [kept.told().problem, other.told().problem]


def test_keys_count_from_who_was_asked_for_them_only(home: tuple[Path, int]) -> None:
    give(home[0], 1)
    with keeper(home[1]) as kept, kept.another() as other:
        kept.told()
        other.told()
        kept.next(MessageType.LOOK)
        # One that went wrong cannot keep them from the others.
        other.pair.sendall(build_message(MessageType.KEYS, 0, ROOT, flags=NOTHING))
        other.pair.sendall(build_message(MessageType.EXCEPT, 7, pack(Wanted(b"\3bad\0", 60, "broken"))))
        while other.next(MessageType.EXCEPTIONS).handle != 7:
            pass
        kept.answer(keyset({1: ENTRY, 2: ENTRY}, {1: ENTRY}, time.time()))
        told = kept.told()
        assert ({record(1), record(2)}, "") == ({key.record for key in told.point.keys}, told.problem)


def test_an_exception_is_told_to_all_and_a_refusal_to_who_wanted_it(home: tuple[Path, int]) -> None:
    with keeper(home[1]) as kept, kept.another() as other:
        for one in (kept, other):
            assert () == unpack(one.next(MessageType.EXCEPTIONS), InForce).exceptions
        other.pair.sendall(build_message(MessageType.EXCEPT, 7, pack(Wanted(b"\3bad\0", 60, "broken"))))
        told = [one.next(MessageType.EXCEPTIONS) for one in (kept, other)]
        assert [0, 7] == [message.handle for message in told]
        assert [b"\3bad\0"] * 2 == [unpack(message, InForce).exceptions[0].zone for message in told]


def test_who_talks_nonsense_is_accused_and_the_others_go_on(home: tuple[Path, int]) -> None:
    with keeper(home[1]) as kept, kept.another() as other:
        kept.told()
        other.told()
        other.pair.sendall(build_message(MessageType.QUERY, 0))
        assert PairName(LinkType.KEEPER, 1).octets == kept.said().body
        kept.next(MessageType.LOOK)
        kept.pair.sendall(build_message(MessageType.KEYS, 0, ROOT, flags=NOTHING))
        assert "the keys could not be had" == kept.told().problem
