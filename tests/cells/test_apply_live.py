"""`anchorhold apply` against the real service: what is pushed comes, and goes by itself unless it is confirmed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.forwarder import root_server
from kit.peers import free_ports, open_folder
from kit.service import Running, config_text, started

from resolver.iterate.verdict import RRset
from wire.dns.codes import RecordType

PATIENCE = 60.0


@contextmanager
def service(folder: Path) -> Iterator[tuple[Running, Path, int]]:
    """By a configuration that works; its file and the port of its upstream."""
    org = RRset(b"\3org\0", RecordType.SOA, 60, (b"\0\0" + bytes(20),))
    with root_server(org) as upstream:
        config = folder / "anchorhold.toml"
        (port,) = free_ports(1)
        config.write_text(config_text(folder, port, server=f"udp://127.0.0.1:{upstream}", profile="opportunistic"))
        with started(config) as running:
            running.wait_for("serving on")
            yield running, config, upstream


@contextmanager
def applying(config: Path, file: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    control = config.parent / "control.sock"
    process = subprocess.Popen(
        [sys.executable, "-m", "anchorhold", "apply", str(file), "--control", str(control), *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def said(process: subprocess.Popen[str]) -> tuple[int, str]:
    text, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, text


def read_until(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if wanted in line:
            return
    raise AssertionError(f"no {wanted!r}")


def better(config: Path) -> Path:
    """Another configuration that works as well."""
    file = config.with_name("new.toml")
    file.write_text(config.read_text() + "[limits]\nrate = 1000\n")
    return file


def broken(config: Path, upstream: int) -> Path:
    """One whose upstream answers nobody."""
    file = config.with_name("broken.toml")
    (port,) = free_ports(1)
    file.write_text(config.read_text().replace(f"udp://127.0.0.1:{upstream}", f"udp://127.0.0.1:{port}"))
    return file


def resolves(config: Path) -> bool:
    control = config.parent / "control.sock"
    asked = [sys.executable, "-m", "anchorhold", "ask", "org", "SOA", "--control", str(control)]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def test_what_is_confirmed_stays_and_takes_the_place_of_the_file(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, _):
        former, new = config.read_text(), better(config)
        with applying(config, new, "--yes") as process:
            code, text = said(process)
        assert (0, True) == (code, "confirmed" in text), text
        assert (new.read_text(), former) == (config.read_text(), (tmp_path / "anchorhold.toml.before").read_text())
        running.wait_for("the configuration on trial is confirmed")
        assert [] == [name for name in os.listdir(tmp_path) if name.startswith(".anchorhold")]
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 3 is in force")
        assert running.end() == 0


def test_a_broken_upstream_is_taken_back_as_soon_as_the_trial_question_fails(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, upstream):
        former = config.read_text()
        start = time.monotonic()
        with applying(config, broken(config, upstream), "--yes", "--within", "60") as process:
            code, text = said(process)
        assert (1, True) == (code, "the former configuration is in force again" in text), text
        assert "bad" in text
        assert resolves(config)
        assert time.monotonic() - start < 60
        assert former == config.read_text()
        running.wait_for("configuration 1 comes back: it was not wanted")


@pytest.mark.parametrize(
    ("lines", "code", "expected"),
    [
        ("0.0.0.0 ads.example\n0.0.0.0 more.example\n", 0, "good    list mine: in force, 2 entries"),
        ("nothing of use here\n", 1, "bad     list mine: no line of it is an entry"),
    ],
)
def test_lists_are_in_force_before_a_configuration_is_good(lines: str, code: int, expected: str) -> None:
    with open_folder() as folder, service(folder) as (_, config, _):
        former, file, new = config.read_text(), folder / "mine.hosts", folder / "new.toml"
        file.write_text(lines)
        file.chmod(0o644)
        new.write_text(former + f'[lists.mine]\nfile = "{file}"\nformat = "hosts"\n')
        with applying(config, new, "--yes") as process:
            ended, text = said(process)
        assert (code, True) == (ended, expected in text), text
        assert config.read_text() == (new.read_text() if code == 0 else former)


def test_what_nobody_confirms_goes_by_itself_in_time(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, _):
        start = time.monotonic()
        with applying(config, better(config), "--within", "5") as process:
            code, text = said(process)
        assert (1, True) == (code, "it was not confirmed within 5 s" in text), text
        assert 4.5 < time.monotonic() - start < 30
        assert resolves(config)
        running.wait_for("configuration 1 is in force")


def test_a_killed_command_takes_its_configuration_with_it(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, _):
        with applying(config, better(config)) as process:
            read_until(process, "anchorhold apply --confirm")
            process.send_signal(signal.SIGKILL)
            running.wait_for("configuration 1 comes back: the command that asked for it is gone")
        running.wait_for("configuration 1 is in force")
        assert resolves(config)


def test_a_confirmation_may_come_from_another_terminal(tmp_path: Path) -> None:
    with service(tmp_path) as (_, config, _upstream):
        new = better(config)
        with applying(config, new) as process:
            read_until(process, "anchorhold apply --confirm")
            control = tmp_path / "control.sock"
            other = [sys.executable, "-m", "anchorhold", "apply", "--confirm", "--control", str(control)]
            assert subprocess.run(other, check=False, capture_output=True).returncode == 0
            code, _ = said(process)
        assert (0, new.read_text()) == (code, config.read_text())


@pytest.mark.parametrize("name", ["front", "resolver"])
def test_a_cell_that_dies_under_it_ends_the_trial(tmp_path: Path, name: str) -> None:
    with service(tmp_path) as (running, config, _):
        with applying(config, better(config)) as process:
            read_until(process, "anchorhold apply --confirm")
            os.kill(running.cell(name), signal.SIGKILL)
            code, text = said(process)
        assert (1, True) == (code, f"{name} ended: signal SIGKILL" in text), text
        assert resolves(config)


def test_a_reload_ends_the_trial_and_the_file_counts(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, _):
        with applying(config, better(config)) as process:
            read_until(process, "anchorhold apply --confirm")
            running.signal(signal.SIGHUP)
            code, text = said(process)
        assert (1, True) == (code, "the configuration is read again" in text), text
        running.wait_for("configuration 3 is in force")
        assert resolves(config)


def test_a_service_that_ends_meanwhile_starts_by_the_former_file(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, _):
        former = config.read_text()
        with applying(config, better(config)) as process:
            read_until(process, "anchorhold apply --confirm")
            assert running.end() == 0
            code, text = said(process)
        assert (1, True) == (code, "it starts by its file" in text), text
        assert former == config.read_text()


def test_only_one_is_on_trial_at_a_time_and_errors_change_nothing(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, _):
        wrong = tmp_path / "wrong.toml"
        wrong.write_text("[listn]\n")
        with applying(config, wrong) as process:
            code, text = said(process)
        assert (2, True) == (code, f"{wrong}:1: listn: unknown key" in text), text
        running.wait_for("configuration 1 stays in force")
        with applying(config, better(config)) as first:
            read_until(first, "anchorhold apply --confirm")
            with applying(config, better(config)) as second:
                code, text = said(second)
            assert (1, True) == (code, "another configuration is on trial" in text), text
        with applying(config, config) as process:
            assert said(process)[0] == 2


def test_without_a_service_nothing_is_applied(tmp_path: Path) -> None:
    config = tmp_path / "anchorhold.toml"
    config.write_text(config_text(tmp_path))
    with applying(config, config) as process:
        code, text = said(process)
    assert (4, True) == (code, "no service takes a configuration" in text), text


def test_nothing_is_confirmed_that_is_not_on_trial(tmp_path: Path) -> None:
    with service(tmp_path) as (_, config, _upstream):
        other = [sys.executable, "-m", "anchorhold", "apply", "--confirm", "--control", str(tmp_path / "control.sock")]
        done = subprocess.run(other, check=False, capture_output=True, text=True)
        assert (1, True) == (done.returncode, "no configuration on trial" in done.stderr)
        assert config.exists()
