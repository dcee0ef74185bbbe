"""A configuration on trial: the file that follows, and what the supervisor does in corners that no live test reaches."""

import os
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchorhold.applying import MAX_CONNECTIONS, Applying, Begin, Said, TakeBack, Told, place_for
from anchorhold.config.request import Snapshot
from anchorhold.config.service import ServiceSettings
from anchorhold.trial import Successor, Trial, TrialLost

NOW = 100.0


def snapshot(generation: int) -> Snapshot:
    """Without descriptors: nothing is given to anybody here."""
    return Snapshot(generation, -1, -1, -1, ServiceSettings((), "", "", ""))


class Site:
    """The supervisor's part over its real socket, and who comes."""

    def __init__(self, folder: Path) -> None:
        self.selector = selectors.DefaultSelector()
        self.control = folder / "control.sock"
        self.applying = Applying(folder / "anchorhold.toml", self.control, self.selector, lambda: "")
        self.applying.open()
        self.clients: list[socket.socket] = []

    def hear(self) -> Begin | TakeBack | None:
        """Whatever can be read; the last wish."""
        wish = None
        for key, _ in self.selector.select(0):
            wish = self.applying.hear(key.fileobj) or wish
        return wish

    def come(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.settimeout(5)
        client.connect(str(place_for(self.control)))
        self.clients.append(client)
        self.hear()
        return client

    def begin(self, client: socket.socket, seconds: int = 60) -> Begin | TakeBack | None:
        descriptor = os.open("/dev/null", os.O_RDONLY)
        socket.send_fds(client, [bytes((Said.BEGIN,)) + seconds.to_bytes(4, "little")], [descriptor])
        os.close(descriptor)
        wish = self.hear()
        if isinstance(wish, Begin):
            os.close(wish.descriptor)
        return wish

    def on_trial(self, seconds: int = 60) -> socket.socket:
        client = self.come()
        assert isinstance(self.begin(client, seconds), Begin)
        self.applying.hold(snapshot(1), NOW)
        self.applying.in_force()
        assert [Told.PLACE, Told.IN_FORCE] == told(client)
        return client


def told(client: socket.socket) -> list[Told]:
    """What came so far."""
    client.setblocking(False)
    found = []
    try:
        while data := client.recv(70_000):
            found.append(Told(data[0]))
    except BlockingIOError:
        pass
    return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    for client in one.clients:
        client.close()
    one.applying.close()
    one.selector.close()
    assert not place_for(one.control).exists()


def test_the_path_of_the_file_is_told_first(site: Site) -> None:
    client = site.come()
    assert (bytes((Told.PLACE,)) + os.fsencode(site.control.parent / "anchorhold.toml")) == client.recv(4_096)


def test_a_trial_ends_at_its_time_and_not_before(site: Site) -> None:
    client = site.on_trial(30)
    assert (None, TakeBack("it was not confirmed within 30 s")) == (
        site.applying.look(NOW + 29.9),
        site.applying.look(NOW + 30),
    )
    site.applying.taken_back("it was not confirmed within 30 s")
    assert [] == told(client)
    site.applying.in_force()
    assert ([Told.BACK], None) == (told(client), site.applying.due)


@pytest.mark.parametrize(("asked", "given"), [(0, 5), (4_000_000, 3_600)])
def test_a_trial_is_neither_too_short_nor_too_long(site: Site, asked: int, given: int) -> None:
    site.on_trial(asked)
    assert NOW + given == site.applying.due


def test_what_cannot_come_back_is_tried_again(site: Site) -> None:
    client = site.on_trial()
    site.applying.put_off("front ended", NOW)
    assert (None, TakeBack("front ended")) == (site.applying.look(NOW + 0.9), site.applying.look(NOW + 1.0))
    site.applying.supersede()
    site.applying.in_force()
    assert ([Told.BACK], None) == (told(client), site.applying.look(NOW + 500))


def test_who_did_not_begin_can_confirm_but_not_undo(site: Site) -> None:
    client, other = site.on_trial(), site.come()
    other.send(bytes((Said.UNDO,)))
    assert site.hear() is None  # but its connection is ended
    another = site.come()
    another.send(bytes((Said.CONFIRM,)))
    assert site.hear() is None
    assert ([Told.PLACE, Told.CONFIRMED], [Told.CONFIRMED], None) == (told(another), told(client), site.applying.due)


def test_nothing_is_confirmed_before_it_is_in_force(site: Site) -> None:
    client = site.come()
    site.begin(client)
    site.applying.hold(snapshot(1), NOW)
    client.send(bytes((Said.CONFIRM,)))
    site.hear()
    assert [Told.PLACE, Told.NOT_NOW] == told(client)
    assert site.applying.former is not None


def test_what_came_back_can_be_followed_by_another(site: Site) -> None:
    client = site.on_trial()
    client.close()
    assert TakeBack("the command that asked for it is gone") == site.hear()
    site.applying.taken_back("gone")
    site.applying.in_force()
    site.on_trial()


def test_a_busy_loader_and_a_refusal_leave_room_for_the_next(site: Site) -> None:
    client = site.come()
    site.begin(client)
    site.applying.not_now("busy")
    assert isinstance(site.begin(client), Begin)
    site.applying.refused("line 1")
    assert isinstance(site.begin(client), Begin)
    assert [Told.PLACE, Told.NOT_NOW, Told.REFUSED] == told(client)


@pytest.mark.parametrize("data", [b"\0", b"\1", b"\1\0\0\0\0", b"\2\0", b"x" * 100])
def test_who_talks_nonsense_is_hung_up_on(site: Site, data: bytes) -> None:
    client = site.come()
    client.send(data)
    assert site.hear() is None
    assert [Told.PLACE] == told(client)
    client.setblocking(True)
    assert b"" == client.recv(10)


def test_few_can_come_at_once(site: Site) -> None:
    clients = [site.come() for _ in range(MAX_CONNECTIONS + 1)]
    assert b"" == clients[-1].recv(10)


def test_without_a_place_for_the_socket_the_service_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    applying = Applying(tmp_path / "c", tmp_path / ("x" * 120), selectors.DefaultSelector(), lambda: "")
    applying.open()
    applying.close()
    assert "anchorhold apply will not work" in capfd.readouterr().err


def test_a_service_that_hangs_up_is_lost(site: Site) -> None:
    thread_free = site.come()
    thread_free.close()
    site.hear()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.bind(str(site.control.parent / "x.apply"))
        other.listen()
        first = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        first.connect(str(site.control.parent / "x.apply"))
        theirs, _ = other.accept()
        trial = Trial.__new__(Trial)
        trial._link = first
        theirs.close()
        with pytest.raises(TrialLost):
            trial.wait(1)
        with pytest.raises(TrialLost):
            trial.confirm()
        trial.close()


def test_the_former_file_is_kept_with_its_rights_and_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    successor = Successor(link, b"new")
    assert "old" == real.read_text()
    successor.replace()
    successor.discard()
    assert ("new", "old", True) == (real.read_text(), (tmp_path / "real.toml.before").read_text(), link.is_symlink())
    assert [0o640, 0o640] == [path.stat().st_mode & 0o777 for path in (real, tmp_path / "real.toml.before")]
    assert ["link.toml", "real.toml", "real.toml.before"] == sorted(os.listdir(tmp_path))


def test_a_file_that_is_gone_is_no_place_for_another(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Successor(tmp_path / "none.toml", b"new")
    assert [] == os.listdir(tmp_path)
    (tmp_path / "c.toml").write_text("old")
    successor = Successor(tmp_path / "c.toml", b"new")
    (tmp_path / "c.toml").unlink()
    with pytest.raises(OSError, match="No such file"):
        successor.replace()
    successor.discard()
    assert [] == os.listdir(tmp_path)
