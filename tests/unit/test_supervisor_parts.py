"""The parts the supervisor is made of, one by one."""

import os
import socket
import stat
from pathlib import Path

import pytest
import trustme
from kit.configured import MINIMAL
from kit.peers import open_folder

from anchorhold import facts
from anchorhold.cell_environment import cell_environment
from anchorhold.cell_process import GONE_PATIENCE, MAX_SILENT_PINGS, PING_INTERVAL, START_PATIENCE, CellProcess
from anchorhold.config import loader, request
from anchorhold.config.master import MAX_RECORDS
from anchorhold.config.request import LoaderRun, Refused, Snapshot, read_named
from anchorhold.config.service import ListenAddress
from anchorhold.forking import describe_exit
from anchorhold.listeners import CannotListen, open_changed, open_control, open_listener
from anchorhold.restarts import CALM, Restarts
from anchorhold.sandbox import USER_VARIABLE
from anchorhold.secret import LENGTH, take_secret
from anchorhold.snapshot import MAX_SIZE, read_sealed
from anchorhold.state import StateRefused, open_state, spread_key
from net.datagram import omit_path_mtu
from privacy.memory import Retention

LOOPBACK = ListenAddress("127.0.0.1", 0)


def test_a_crash_loop_slows_down_to_five_seconds() -> None:
    restarts = Restarts()
    assert [round(restarts.delay_after(0.0), 3) for _ in range(9)] == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert restarts.count == 9


def test_who_served_starts_at_once_however_often_it_is_ended() -> None:
    restarts = Restarts()
    for _ in range(6):
        restarts.delay_after(0.5)
    assert [restarts.delay_after(served) for served in (1.0, 1.0, 1.5, 0.0, 0.0)] == [0.0, 0.0, 0.0, 0.0, 0.1]


def test_who_served_for_a_moment_is_kept_waiting_from_the_fourth_time_on() -> None:
    restarts = Restarts()
    assert [round(restarts.delay_after(0.4), 3) for _ in range(6)] == [0, 0, 0, 0.1, 0.2, 0.4]
    assert [restarts.delay_after(served) for served in (1.0, 0.4, 0.4, 0.0)] == [0, 0, 0, 0.2]


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    open_state(tmp_path / "a/state")
    key = take_secret(spread_key(tmp_path / "a/state"))
    assert (len(key), take_secret(spread_key(tmp_path / "a/state"))) == (LENGTH, key)
    assert stat.S_IMODE((tmp_path / "a/state/spread.key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "a/state") == ["spread.key"]


@pytest.mark.parametrize(("mode", "size"), [(0o640, 32), (0o604, 32), (0o600, 31), (0o600, 33)])
def test_a_key_that_is_not_private_or_not_whole_is_refused(tmp_path: Path, mode: int, size: int) -> None:
    path = tmp_path / "spread.key"
    path.write_bytes(bytes(size))
    path.chmod(mode)
    with pytest.raises(StateRefused, match=r"spread\.key"):
        spread_key(tmp_path)


def test_a_key_that_is_a_link_or_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(bytes(32))
    (tmp_path / "spread.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateRefused):
        spread_key(tmp_path)


def test_a_state_directory_that_others_may_write_into_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o770)
    with pytest.raises(StateRefused, match="chmod 700"):
        open_state(tmp_path / "state")
    (tmp_path / "file").write_text("")
    with pytest.raises(StateRefused, match="File exists"):
        open_state(tmp_path / "file")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_udp_and_tcp_share_a_free_port(host: str) -> None:
    listener = open_listener(ListenAddress(host, 0))
    assert listener.udp.getsockname()[1] == listener.tcp.getsockname()[1] == listener.place.port
    assert (listener.wildcard, listener.udp.getblocking()) == (False, False)
    listener.close()


def test_only_a_wildcard_asks_for_the_address_that_was_asked() -> None:
    for host, wanted in (("0.0.0.0", 1), ("127.0.0.1", 0)):
        listener = open_listener(ListenAddress(host, 0))
        assert (listener.wildcard, listener.udp.getsockopt(socket.IPPROTO_IP, 8)) == (bool(wanted), wanted)
        listener.close()


@pytest.mark.parametrize(
    ("host", "level", "option"), [("127.0.0.1", 0, 10), ("0.0.0.0", 0, 10), ("::1", 41, 23), ("::", 41, 23)]
)
def test_path_mtu_news_does_not_make_fragments_where_the_kernel_can(host: str, level: int, option: int) -> None:
    listener = open_listener(ListenAddress(host, 0))
    try:
        assert (5 == listener.udp.getsockopt(level, option)) == omit_path_mtu(listener.udp)
    finally:
        listener.close()


def test_an_ipv6_wildcard_leaves_ipv4_alone() -> None:
    listener = open_listener(ListenAddress("::", 0))
    assert listener.udp.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    assert listener.udp.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) == 1
    listener.close()


def test_a_taken_port_is_named_with_its_transport() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port} \(TCP\): the port is in use"):
            open_listener(ListenAddress("127.0.0.1", port))


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1:0 \(UDP\): no interface"):
        open_listener(ListenAddress("192.0.2.1", 0))


def test_what_did_not_change_stays_open() -> None:
    first = open_changed((LOOPBACK, LOOPBACK), ())
    second = open_changed((LOOPBACK, ListenAddress("127.0.0.2", 0), LOOPBACK), first)
    assert (second[0], second[2]) == first
    with pytest.raises(CannotListen):
        open_changed((LOOPBACK, ListenAddress("192.0.2.1", 0)), second)
    assert second[1].udp.fileno() >= 0
    for listener in second:
        listener.close()


def test_a_control_socket_is_private_and_a_path_too_long_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run/control.sock"
    open_control(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    open_control(path).close()  # nobody answers on the one left behind
    with pytest.raises(CannotListen, match="too long"):
        open_control(tmp_path / ("x" * 120))


def test_a_control_socket_somebody_answers_on_is_left_alone(tmp_path: Path) -> None:
    with open_control(tmp_path / "c"), pytest.raises(CannotListen, match="another instance"):
        open_control(tmp_path / "c")


def test_a_file_in_the_way_of_the_control_socket_stays(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("mine")
    with pytest.raises(CannotListen, match="in use"):
        open_control(tmp_path / "c")
    assert (tmp_path / "c").read_text() == "mine"


def test_an_exit_is_described_by_code_or_signal() -> None:
    said = [describe_exit(code) for code in (0, 70, -9, -200)]
    assert said == ["exit code 0", "exit code 70", "signal SIGKILL", "signal 200"]
    assert describe_exit(-31) == "a system call that its profile does not allow (dmesg names it)"


def test_a_cell_gets_no_secret_of_the_environment() -> None:
    given = {"LANG": "C", "AWS_SECRET": "x", "ANCHORHOLD_LOOP": "asyncio", "NOTIFY_SOCKET": "/x", "LD_PRELOAD": "x"}
    assert cell_environment(given, "nobody") == {"LANG": "C", "ANCHORHOLD_LOOP": "asyncio", USER_VARIABLE: "nobody"}


@pytest.fixture
def by_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service was started as root: its loader may read less than it may itself. As an ordinary user it may read the same."""
    monkeypatch.setattr(request.os, "geteuid", lambda: 0)


@pytest.mark.usefixtures("by_root")
@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("; hints\n\n$TTL 5\n.  3600000  NS  A.ROOT-SERVERS.NET.\n", True),
        ("A.ROOT-SERVERS.NET. 3600000 IN A 198.41.0.4\n", True),
        (".\t86400\tIN\tSOA\ta.root-servers.net. n. 1 2 3 4 5\n", True),
        ("root:*:19000:0:99999:7:::\n", False),
        ("; a comment, then a secret\nhunter2\n", False),
        ("secret.example. 5 IN TXT x\n", False),
        ("", False),
    ],
)
def test_master_files_are_handed_to_the_loader_if_they_are_of_the_root(tmp_path: Path, text: str, given: bool) -> None:
    (tmp_path / "file").write_text(text)
    if given:
        assert read_named(str(tmp_path / "file")) == text.encode()
    else:
        with pytest.raises(OSError, match="records of the root"):
            read_named(str(tmp_path / "file"))


def test_the_packaged_hints_would_be_handed_to_the_loader() -> None:
    assert read_named(str(Path(__file__).parents[2] / "trust-anchors/root.hints"))


@pytest.mark.usefixtures("by_root")
def test_other_files_are_not_handed_to_the_loader(tmp_path: Path) -> None:
    authority = trustme.CA()
    files = {
        "ca.pem": authority.cert_pem.bytes(),
        "both.pem": authority.private_key_pem.bytes() + authority.cert_pem.bytes(),
    }
    for name, data in {**files, "other": b"root:x:0:0"}.items():
        (tmp_path / name).write_bytes(data)
    assert read_named(str(tmp_path / "ca.pem")) == files["ca.pem"]
    for name in ("both.pem", "other", "gone", "."):
        with pytest.raises(OSError):  # any of several
            read_named(str(tmp_path / name))


def test_a_file_that_is_no_file_is_not_loaded(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        LoaderRun(tmp_path / "pipe", 1, {})


def test_a_loader_that_cannot_run_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.toml").write_text("")
    monkeypatch.setattr(loader, "run", lambda *given: 1)
    outcome = LoaderRun(tmp_path / "a.toml", 1, {}).wait()
    assert isinstance(outcome, Refused)
    assert "without a result: exit code 1" in outcome.text


def test_files_beside_a_configuration_are_found_by_whatever_path_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.toml").write_text(
        '[listen]\naddresses = ["127.0.0.1:5300"]\n'
        '[upstreams.default]\nservers = [{ url = "tls://192.0.2.1", ca_file = "there.pem" }]\n'
        '[upstreams.other]\nservers = [{ url = "tls://192.0.2.2", ca_file = "gone.pem" }]\n'
    )
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "there.pem"))
    monkeypatch.chdir(tmp_path)
    for path in (Path("a.toml"), tmp_path / "a.toml"):
        outcome = LoaderRun(path, 1, {}).wait()
        assert isinstance(outcome, Refused)
        assert [
            f"{path}:6: upstreams.other.servers[0].ca_file: cannot read {tmp_path}/gone.pem: No such file or directory"
        ] == [line.partition(";")[0] for line in outcome.text.splitlines()]


def test_as_many_records_as_may_be_are_loaded_in_the_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the loader's CPU_SECONDS; by the clock it may take long on a machine that has much else to do."""
    monkeypatch.setattr(request, "PATIENCE", 600.0)
    records = "".join(f"n{number} IN A 192.0.2.1\n" for number in range(MAX_RECORDS))
    with open_folder() as folder:
        (folder / "zone").write_text(f"$ORIGIN home.example.\n$TTL 60\n{records}")
        (folder / "zone").chmod(0o644)
        table = f'[[local]]\nzone = "home.example"\nfile = "{folder}/zone"\nptr = false\n'
        (folder / "a.toml").write_text(MINIMAL + table)
        outcome = LoaderRun(folder / "a.toml", 1, {}).wait()
    assert isinstance(outcome, Snapshot), outcome
    assert len(read_sealed(outcome.resolver, MAX_SIZE)) > 10 * MAX_RECORDS
    outcome.close()


def test_a_cell_that_is_silent_for_three_pings_is_ended() -> None:
    cell = CellProcess("x", "kit.fake_cell")
    cell.start({}, 0.0)
    cell.ready = 1
    said = [cell.watch(PING_INTERVAL * turn) for turn in range(1, MAX_SILENT_PINGS + 2)]
    assert said == [None, None, None, "no answer to 3 pings"]
    assert cell.watch(PING_INTERVAL * (MAX_SILENT_PINGS + 1.5)) is None, "it is said already"
    assert cell.wait(60)
    assert cell.reap(100.0) == "signal SIGKILL after 100.0 s; starting again at once"
    assert (cell.pid, cell.due, cell.link) == (0, 100.0, None)


def test_a_cell_that_closed_its_link_serves_no_more_before_it_has_ended() -> None:
    """Else the service manager would get a sign of life between the two."""
    cell = CellProcess("x", "kit.deaf_cell")
    cell.start({}, 0.0)
    assert cell.link is not None
    cell.ready = 1
    cell.link.setblocking(True)
    assert cell.receive() is None
    assert (cell.ready, cell.pid == 0) == (0, False)
    cell.kill()
    assert cell.wait(60)


def test_a_cell_that_closed_its_link_is_ended_if_it_has_not_ended_in_a_moment() -> None:
    cell = CellProcess("x", "kit.deaf_cell")
    cell.start({}, 0.0)
    assert cell.link is not None
    cell.link.setblocking(True)
    assert cell.receive() is None
    assert (cell.link, cell.reap(1.0)) == (None, None)
    assert [cell.watch(1.0), cell.watch(1.0 + GONE_PATIENCE)] == [None, "its link is closed"]
    assert cell.wait(60)
    assert cell.reap(3.0) == "signal SIGKILL after 3.0 s; starting again at once"


def test_a_cell_that_is_wanted_again_while_it_ends_is_started_once_it_has() -> None:
    cell = CellProcess("x", "kit.fake_cell")
    cell.start({}, 0.0)
    cell.end(1.0)
    cell.want(1.5)
    assert cell.due is None
    assert cell.wait(60)
    assert cell.reap(2.0) == "exit code 0 after 2.0 s, as it was told"
    assert cell.due == 2.0
    cell.want(3.0)
    assert cell.due == 3.0


@pytest.mark.parametrize(("sent", "due"), [(1, 900.0), (2, 12.0)])
def test_a_cell_with_nothing_to_do_rests_unless_there_are_new_settings(sent: int, due: float) -> None:
    cell = CellProcess("x", "kit.fake_cell")
    cell.start({}, 0.0)
    cell.ready, cell.sent = 1, sent
    cell.rest(11.0, 900.0)
    cell.dismiss()
    assert cell.wait(60)
    assert cell.reap(12.0) == "exit code 0 after 12.0 s, for it has nothing to do"
    assert (cell.rests, cell.due, cell.restarts.count) == (1, due, 0)
    cell.want(13.0)
    assert cell.due == 13.0


def test_a_cell_that_is_wanted_while_it_goes_to_rest_is_started_at_once() -> None:
    cell = CellProcess("x", "kit.fake_cell")
    cell.start({}, 0.0)
    cell.ready = cell.sent = 1
    cell.rest(11.0, 900.0)
    cell.want(11.5)
    cell.dismiss()
    assert cell.wait(60)
    cell.reap(12.0)
    assert cell.due == 12.0


def test_a_cell_that_would_rest_before_it_has_served_is_kept_waiting_like_any_other() -> None:
    cell = CellProcess("x", "kit.fake_cell")
    cell.start({}, 0.0)
    for ready, now in ((0, 5.0), (1, CALM / 2)):
        cell.ready = ready
        cell.rest(now, 900.0)
        assert cell.rests == 0
    cell.dismiss()
    assert cell.wait(60)
    assert cell.reap(0.6) == "exit code 0 after 0.6 s; starting again at once"
    assert cell.restarts.count == 1


def test_a_cell_that_never_becomes_ready_is_ended() -> None:
    cell = CellProcess("x", "kit.fake_cell")
    cell.start({}, 0.0)
    said = [cell.watch(now) for now in (1.0, START_PATIENCE, START_PATIENCE + PING_INTERVAL / 2)]
    assert said == [None, "not ready after 20 s", None]
    assert cell.wait(60)
    cell.hang_up()


def test_a_log_line_is_one_line_whatever_is_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    facts.log("front", "a\nb\x1b[31m\udc80" + "x" * 5_000)
    line = capfd.readouterr().err
    assert (line.count("\n"), line.startswith("front: a?b?[31m?xxx"), len(line) < 1_100) == (1, True, True)


def test_a_log_line_holds_a_name_only_if_the_user_allowed_it(capfd: pytest.CaptureFixture[str]) -> None:
    facts.log("resolver", "no answer", "www.example")
    facts.log("resolver", "no answer", "www.example", Retention(names=True))
    assert capfd.readouterr().err == "resolver: no answer\nresolver: no answer: www.example\n"
