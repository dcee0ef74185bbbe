"""The supervisor's side of certificates: when runs are started, with runs that are faked."""

import os
import socket
from pathlib import Path

import pytest

from anchorhold import renewals
from anchorhold.certificates.settings import AcmeSettings, Challenge, Kind, RenewSettings
from anchorhold.renewals import EVERY, Renewals

HOME = RenewSettings(Kind.PRIVATE, ("dns.home.arpa",))


class Run:
    """A process that ends when it is told to."""

    def __init__(self, settings: RenewSettings, answer: int) -> None:
        self.settings = settings
        self.answer = answer
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.code = -9

    def wait(self) -> int:
        assert self.code is not None
        return self.code


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    started: list[Run] = []

    def start(settings: RenewSettings, folder: int, environment: dict[str, str], answer: int) -> Run:
        assert os.fstat(folder).st_mode & 0o777 == 0o700
        started.append(Run(settings, answer))
        return started[-1]

    monkeypatch.setattr(renewals, "start_renewal", start)
    return started


@pytest.fixture
def side(tmp_path: Path) -> Renewals:
    return Renewals(tmp_path, {}, None)


def test_there_is_a_run_at_the_start_and_every_hour_and_never_two(side: Renewals, runs: list[Run]) -> None:
    side.look(5.0)
    assert runs == []
    side.use(HOME)
    assert side.running
    side.look(10.0)
    assert not side.look(10.0 + 2 * EVERY)
    assert len(runs) == 1
    runs[0].code = 0
    assert side.look(10.5)
    assert not side.running
    side.look(9.0 + EVERY)
    assert len(runs) == 1
    side.look(10.0 + EVERY)
    assert len(runs) == 2


def test_other_wishes_are_seen_to_at_once_and_the_same_are_no_news(side: Renewals, runs: list[Run]) -> None:
    side.use(HOME)
    side.look(10.0)
    runs[0].code = 0
    side.use(RenewSettings(Kind.PRIVATE, ("dns.home.arpa",)))
    side.look(11.0)
    assert len(runs) == 1
    side.use(RenewSettings(Kind.PRIVATE, ("dns.example",)))
    side.look(12.0)
    assert [one.settings.names for one in runs] == [("dns.home.arpa",), ("dns.example",)]
    runs[1].code = 0
    side.use(None)
    side.look(12.0 + 2 * EVERY)
    assert len(runs) == 2


def test_a_run_ends_with_the_service(side: Renewals, runs: list[Run]) -> None:
    side.use(HOME)
    side.look(10.0)
    side.close()
    assert runs[0].code == -9


@pytest.mark.parametrize(("challenge", "opened"), [(Challenge.HTTP, True), (Challenge.DNS, False)])
def test_the_port_for_http_01_is_open_during_a_run_only(
    side: Renewals, runs: list[Run], monkeypatch: pytest.MonkeyPatch, challenge: Challenge, opened: bool
) -> None:
    monkeypatch.setattr(renewals, "HTTP_PORT", 0)
    side.use(RenewSettings(Kind.ACME, ("dns.example",), acme=AcmeSettings("https://a/", challenge=challenge)))
    side.look(10.0)
    assert (runs[0].answer >= 0) is opened
    answer = socket.socket(fileno=os.dup(runs[0].answer)) if opened else None
    runs[0].code = 0
    side.look(11.0)
    if answer is not None:
        assert answer.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        answer.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(runs[0].answer)


def test_a_port_that_somebody_else_has_is_left_to_the_run_to_complain_of(
    side: Renewals, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as four:
        port = four.getsockname()[1]
        with socket.create_server(("::", port), family=socket.AF_INET6):
            monkeypatch.setattr(renewals, "HTTP_PORT", port)
            side.use(RenewSettings(Kind.ACME, ("dns.example",), acme=AcmeSettings("https://a/")))
            side.look(10.0)
    assert runs[0].answer == -1


def test_a_folder_that_cannot_be_is_said_once(tmp_path: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(renewals, "log", lambda name, text: said.append(text))
    (tmp_path / "certificates").write_text("a file")
    side = Renewals(tmp_path, {}, None)
    side.use(HOME)
    for hour in range(3):
        side.look(10.0 + hour * EVERY)
    assert runs == []
    assert len(said) == 1
    assert "correct its owner" in said[0]
