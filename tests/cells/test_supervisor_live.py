"""The real supervisor with cells that only tell what they are given."""

import os
import re
import signal
import socket
import stat
import time
from pathlib import Path

import dns.message
import pytest
import trustme
from kit.service import FAKES, PATIENCE, Running, config_text, started

AS_ROOT = os.geteuid() == 0


def told(running: Running) -> dict[str, list[tuple[str, ...]]]:
    """What each fake cell was given, by process id: (kind, body, descriptors)."""
    given: dict[str, list[tuple[str, ...]]] = {}
    for line in running.lines:
        if line.startswith("fake "):
            _, pid, *rest = line.split(" ")
            given.setdefault(pid, []).append(tuple(rest))
    return given


def kinds(messages: list[tuple[str, ...]]) -> list[str]:
    """Of what it was given; pings come as they like."""
    return [message[0] for message in messages if message[0] != "PING"]


def cell_pids(running: Running) -> tuple[int, int]:
    """The newest front and the newest resolver."""
    fronts = [pid for pid, messages in told(running).items() if "CONTROL" in kinds(messages)]
    resolvers = [pid for pid, messages in told(running).items() if "CONTROL" not in kinds(messages)]
    return int(fronts[-1]), int(resolvers[-1])


def test_each_cell_is_given_what_it_needs_and_nothing_else(config: Path) -> None:
    with started(config, *FAKES) as running:
        running.wait_for("serving on 127.0.0.1:")
        front, resolver = cell_pids(running)
        given = told(running)
        assert kinds(given[str(front)]) == ["UDP", "TCP", "CONTROL", "SECRET", "SETTINGS", "PEER", "START"]
        assert kinds(given[str(resolver)]) == ["SECRET", "SETTINGS", "PEER", "KEEPER", "START"]
        assert given[str(front)][-1] == ("START", "00000000", "0")
        secret = (config.parent / "state/spread.key").read_bytes()
        assert ("SECRET", secret.hex(), "1") == given[str(resolver)][0]
        assert ("SECRET", secret.hex(), "1") not in given[str(front)]
        assert running.end() == 0


def test_files_are_private_and_the_control_socket_goes_with_the_service(config: Path) -> None:
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        control, key = config.parent / "control.sock", config.parent / "state/spread.key"
        assert (stat.S_IMODE(control.stat().st_mode), stat.S_IMODE(key.stat().st_mode)) == (0o600, 0o600)
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
        assert running.end() == 0
        assert (control.exists(), key.exists()) == (False, True)


@pytest.mark.parametrize("which", [0, 1], ids=["front", "resolver"])
def test_a_killed_cell_is_back_within_a_second_and_both_get_a_new_pair(config: Path, which: int) -> None:
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        pids = cell_pids(running)
        start = time.monotonic()
        os.kill(pids[which], signal.SIGKILL)
        running.wait_for("fake", "START", count=3)
        assert time.monotonic() - start < 1.0
        running.wait_for("signal SIGKILL", "at once")
        running.wait_for("fake", str(pids[1 - which]), "PEER", count=2)
        assert cell_pids(running)[which] != pids[which]
        assert cell_pids(running)[1 - which] == pids[1 - which]


def test_a_crash_loop_is_slowed_down_and_its_reason_is_logged(config: Path) -> None:
    with started(config, FAKES[0], "kit.dying_cell") as running:
        for what in ("at once", "in 0.1 s", "in 0.2 s", "in 0.4 s"):
            running.wait_for("resolver (pid", "exit code 7", what)
        assert running.end() == 0


def test_a_service_that_never_becomes_ready_gives_up(config: Path) -> None:
    with started(config, "kit.dying_cell", FAKES[1]) as running:
        running.wait_for("front ended 6 times before it was ready; giving up")
        assert running.ended() == 3


def test_a_bad_file_is_reported_whole_and_the_old_configuration_stays(config: Path) -> None:
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        config.write_text('[listn]\n[listen]\naddresses = ["x"]\n')
        running.signal(signal.SIGHUP)
        running.wait_for(f"{config}:1: listn: unknown key; did you mean 'listen'?")
        running.wait_for(f"{config}:3: listen.addresses[0]:")
        running.wait_for("configuration 1 stays in force")
        assert {"SETTINGS": kinds(told(running)[str(cell_pids(running)[0])]).count("SETTINGS")} == {"SETTINGS": 1}


def test_a_reload_gives_the_resolver_the_new_generation_first(config: Path) -> None:
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        front, resolver = cell_pids(running)
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 2 is in force")
        lines = [line.split()[1] for line in running.lines if "SETTINGS 02000000" in line]
        assert [str(resolver), str(front)] == lines
        assert "WITHDRAW" not in kinds(told(running)[str(front)])


def test_changed_addresses_are_handed_over_anew(config: Path, tmp_path: Path) -> None:
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        config.write_text(config_text(tmp_path).replace('["127.0.0.1:0"]', '["127.0.0.1:0", "127.0.0.2:0"]'))
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 2 is in force")
        given = kinds(told(running)[str(cell_pids(running)[0])])
        assert given[7:12] == ["WITHDRAW", "UDP", "TCP", "UDP", "TCP"]


def test_a_port_in_use_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        config = tmp_path / "anchorhold.toml"
        config.write_text(config_text(tmp_path, port))
        with started(config, *FAKES) as running:
            running.wait_for(f"cannot listen on 127.0.0.1:{port} (UDP): the port is in use", "ss -lptun")
            assert running.ended() == 3


def test_a_second_instance_is_refused_and_a_stale_socket_is_not(config: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(config.parent / "control.sock"))
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        with started(config, *FAKES) as second:
            second.wait_for("another instance answers on")
            assert second.ended() == 3
        assert running.process.poll() is None


def test_errors_at_the_start_end_it_with_code_2(tmp_path: Path) -> None:
    config = tmp_path / "anchorhold.toml"
    with started(config) as running:
        running.wait_for("No such file", "anchorhold init")
        assert running.ended() == 2
    config.write_text("[listen\n")
    with started(config) as running:
        running.wait_for(f"{config}:1: this is no TOML")
        assert running.ended() == 2


def test_a_key_that_others_may_read_stops_the_start(config: Path) -> None:
    state = config.parent / "state"
    state.mkdir(mode=0o700)
    key = state / "spread.key"
    key.write_bytes(bytes(32))
    key.chmod(0o640)
    with started(config, *FAKES) as running:
        running.wait_for("spread.key can be read by others", "chmod 600")
        assert running.ended() == 3


def test_a_new_key_is_used_after_a_reload(config: Path) -> None:
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        key = config.parent / "state/spread.key"
        key.write_bytes(bytes(range(32)))
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 2 is in force")
        resolver = cell_pids(running)[1]
        assert ("SECRET", bytes(range(32)).hex(), "1") in told(running)[str(resolver)]


def is_answered(port: int) -> bool:
    """Both cells work: `localhost.` is asked of front and answered by the resolver, or by front's memory of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.05)
        client.sendto(dns.message.make_query(f"a{time.monotonic_ns()}.localhost", "A").to_wire(), ("127.0.0.1", port))
        try:
            return bool(dns.message.from_wire(client.recv(4_096)).answer)
        except TimeoutError:
            return False


def until_answered(port: int) -> float:
    """Seconds until a question is answered; each try waits for its answer, so this polls without sleeping."""
    start = time.monotonic()
    while not is_answered(port):
        assert time.monotonic() - start < 20, "no answer"
    return time.monotonic() - start


def kill_and_wait(running: Running, name: str, death: int) -> float:
    """Seconds from the cell's end to its READY."""
    killed = running.cell(name)
    start = time.monotonic()
    os.kill(killed, signal.SIGKILL)
    running.wait_for(f"{name} (pid", "serves again", count=death)
    assert running.cell(name) not in (0, killed)
    return time.monotonic() - start


@pytest.mark.parametrize("name", ["front", "resolver"])
def test_the_real_cells_are_back_and_answer_after_a_kill(config: Path, name: str) -> None:
    with started(config) as running:
        port = running.port()
        until_answered(port)
        times = [kill_and_wait(running, name, death) for death in (1, 2, 3)]
        # The best of three: other tests may keep the machine busy.
        assert min(times) < 1.0
        until_answered(port)
        assert running.end() == 0


def test_the_real_cells_keep_answering_through_reloads_good_and_bad(config: Path) -> None:
    with started(config) as running:
        port = running.port()
        good = config.read_text()
        config.write_text("[listen]\naddresses = 5\n")
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 1 stays in force")
        until_answered(port)
        config.write_text(good.replace(":0", f":{port}", 1))
        running.signal(signal.SIGHUP)
        running.wait_for("the port is in use")  # our own: the address is written differently, so it is another one
        until_answered(port)
        config.write_text(good + "[limits]\nrate = 1000\n")
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 2 is in force")
        until_answered(port)
        assert running.end() == 0


def test_a_file_of_authorities_only_we_may_read_is_loaded(config: Path) -> None:
    """The loader has no rights; the supervisor opens for it what the configuration names."""
    authority = config.parent / "ca.pem"
    authority.write_bytes(trustme.CA().cert_pem.bytes())
    authority.chmod(0o600)
    server = '{ url = "tls://dns.example@127.0.0.1:9", ca_file = "ca.pem" }'
    config.write_text(config.read_text().replace('"tls://dns.example@127.0.0.1:9"', server))
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        authority.write_bytes(trustme.CA().private_key_pem.bytes())
        running.signal(signal.SIGHUP)
        # As an ordinary user the loader reads them itself, and says what it makes of them.
        running.wait_for(
            "ca.pem: it must hold certificates in PEM form and no key" if AS_ROOT else "ca.pem holds no certificate"
        )
        running.wait_for("configuration 1 stays in force")


def test_root_hints_only_we_may_read_are_loaded(config: Path) -> None:
    hints = config.parent / "hints"
    hints.write_text(". 5 NS a.root.test.\na.root.test. 5 A 127.0.0.1\n")
    hints.chmod(0o600)
    config.write_text(config.read_text() + '[resolve]\nmode = "iterate"\nroot_hints = "hints"\n')
    with started(config, *FAKES) as running:
        running.wait_for("serving on")
        hints.write_text("root:*:19000:0:99999:7:::\n")
        running.signal(signal.SIGHUP)
        refused = (
            "it must hold certificates in PEM form and no key, or records of the root" if AS_ROOT else "near line 2"
        )
        running.wait_for(f"hints: {refused}")
        running.wait_for("configuration 1 stays in force")


def test_a_hundred_errors_are_reported_whole(config: Path) -> None:
    config.write_text("[cache]\n" + "".join(f"unknown_{number} = 1\n" for number in range(100)))
    with started(config) as running:
        assert running.ended() == 2
        assert len([line for line in running.lines if "unknown key" in line]) == 100


def test_the_service_manager_hears_of_start_reload_and_end(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(PATIENCE)
        manager.bind(str(config.parent / "n"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(config.parent / "n"))
        with started(config, *FAKES) as running:
            assert re.fullmatch(rb"READY=1\nSTATUS=serving on 127.*; configuration 1", manager.recv(400))
            before = time.monotonic_ns() // 1_000
            running.signal(signal.SIGHUP)
            reloading = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", manager.recv(400))
            assert reloading is not None
            assert before <= int(reloading[1]) <= time.monotonic_ns() // 1_000
            assert re.fullmatch(rb"READY=1\nSTATUS=serving on 127.*; configuration 2", manager.recv(400))
            assert running.end() == 0
            assert manager.recv(100) == b"STOPPING=1"
