"""What ships beside the program is read here as its reader would."""

import os
import plistlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.peers import peer
from kit.unit_file import UNITS, analyze, call_names, exposure, installed, read_unit

from anchorhold.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
UNIT = UNITS / "anchorhold.service"
SOCKET = UNITS / "anchorhold.socket"
UNPRIVILEGED = UNITS / "unprivileged.conf"
CONTAINER = ROOT / "deploy/Containerfile"

CELLS = ("front", "secure", "resolver", "dhcp", "keeper", "lists")
EXPOSED = {"": 3.7, "unprivileged.conf": 2.6}
"""Of ten, as `systemd-analyze security` counts, by drop-in. Most of it is what the cells shut themselves in by: namespaces,
mounts, other users. It counts what the whole unit may, and cannot see that each process gives it up."""


def value(name: str) -> str:
    (found,) = read_unit(UNIT)["Service"][name]
    return found


def words(name: str, *more: Path) -> list[str]:
    return " ".join(read_unit(UNIT, *more)["Service"][name]).split()


@pytest.mark.parametrize("dropin", ["", "unprivileged.conf"])
def test_systemd_has_nothing_to_say_against_the_units(dropin: str) -> None:
    """A directive that it does not know is one thing it would say."""
    with installed("anchorhold.service", "anchorhold.socket", dropin=dropin) as folder:
        assert analyze(folder, "verify", "--man=no", "./anchorhold.service", "./anchorhold.socket") == ""


def test_systemd_would_say_it(tmp_path: Path) -> None:
    """Else the test above could not fail."""
    (tmp_path / "anchorhold.service").write_text("[Service]\nExecStart=/bin/true\nProtectEverything=yes\n")
    assert "ProtectEverything" in analyze(tmp_path, "verify", "--man=no", "./anchorhold.service")


@pytest.mark.parametrize(("dropin", "most"), EXPOSED.items())
def test_the_exposure_that_systemd_counts_is_bounded(dropin: str, most: float) -> None:
    with installed("anchorhold.service", dropin=dropin) as folder:
        found = exposure(folder)
    print(f"exposure of anchorhold.service {dropin}: {found}")
    assert found <= most


def test_what_the_unit_starts_is_a_command_we_have() -> None:
    program, command, *arguments = value("ExecStart").split()
    assert (Path(program).is_absolute(), Path(program).name, command in COMMANDS) == (True, "anchorhold", True)
    options = {word for word in arguments if word.startswith("--")}
    help_text = CliRunner().invoke(main, [command, "--help"]).output
    assert {option for option in options if option not in help_text} == set()


def test_the_unit_reloads_by_the_signal_we_take_and_waits_for_our_word() -> None:
    assert (value("ExecReload"), value("Type"), value("NotifyAccess")) == ("/bin/kill -HUP $MAINPID", "notify", "main")
    assert int(value("WatchdogSec")) >= 10


def test_an_error_in_the_configuration_is_not_tried_again_and_a_fall_is_for_ever() -> None:
    unit = read_unit(UNIT)["Unit"]
    assert value("RestartPreventExitStatus") == "2"
    starts = int(unit["StartLimitIntervalSec"][0]) / float(value("RestartSec"))
    assert starts <= int(unit["StartLimitBurst"][0])


def test_the_cells_are_ended_by_the_supervisor_and_one_without_memory_is_no_end_of_all() -> None:
    assert (value("KillMode"), value("OOMPolicy")) == ("mixed", "continue")


def test_the_drop_in_gives_one_right_and_no_root() -> None:
    assert words("AmbientCapabilities", UNPRIVILEGED) == words("CapabilityBoundingSet", UNPRIVILEGED)
    assert words("CapabilityBoundingSet", UNPRIVILEGED) == ["CAP_NET_BIND_SERVICE"]
    assert words("DynamicUser", UNPRIVILEGED) == ["yes"]
    assert set(words("RestrictNamespaces", UNPRIVILEGED)) - set(words("RestrictNamespaces")) == {"user"}


def test_the_unit_leaves_the_calls_by_which_cells_shut_themselves_in() -> None:
    allowed = call_names(read_unit(UNIT)["Service"]["SystemCallFilter"])
    wanted = {"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "unshare", "mount"}
    wanted |= {"pivot_root", "umount2", "chroot", "setresuid", "setresgid", "setgroups", "prctl", "capset", "setrlimit"}
    assert wanted - allowed == set()
    assert {
        "ptrace",
        "bpf",
        "kexec_load",
        "init_module",
        "reboot",
        "swapon",
        "iopl",
        "perf_event_open",
    } & allowed == set()
    fights = {"PrivateNetwork", "PrivateUsers", "RootDirectory", "User", "ProcSubset"}
    assert fights & set(read_unit(UNIT)["Service"]) == set()


def test_the_folders_are_where_the_program_looks() -> None:
    assert (value("StateDirectory"), value("RuntimeDirectory")) == ("anchorhold", "anchorhold")


def test_every_cell_has_its_account_and_none_can_log_in(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    subprocess.run(
        [peer("systemd-sysusers"), f"--root={tmp_path}", str(UNITS / "anchorhold.sysusers")], check=True, timeout=60
    )
    rows = [line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()]
    assert {row[0] for row in rows} == {"anchorhold", *(f"anchorhold-{cell}" for cell in CELLS)}
    assert {(row[5], row[6].rpartition("/")[2]) for row in rows} == {("/", "nologin")}
    assert len({row[2] for row in rows}) == len({row[3] for row in rows}) == len(rows)
    assert "0" not in {row[2] for row in rows}


def test_the_sockets_are_such_as_we_take() -> None:
    found = read_unit(SOCKET)["Socket"]
    assert found["ListenDatagram"] == found["ListenStream"]
    assert found["BindIPv6Only"] == ["ipv6-only"]
    assert {"Accept", "ReusePort"} & set(found) == set()


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Containerfile, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", CONTAINER.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    pairs = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return [(pair[0], pair[1]) for pair in pairs]


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def test_the_image_holds_instructions_only() -> None:
    known = {"FROM", "WORKDIR", "RUN", "COPY", "ENV", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    assert {instruction for instruction, _ in instructions()} <= known


def test_the_image_is_built_in_two_stages_from_images_without_an_address() -> None:
    images = [rest.split()[0] for rest in arguments("FROM")]
    assert len(images) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim", image) for image in images)
    assert "://" not in CONTAINER.read_text()


def test_the_image_installs_by_hash_and_fetches_nothing_else() -> None:
    installs = [step for rest in arguments("RUN") for step in rest.split("&&") if "/pip " in step]
    assert installs
    assert [step for step in installs if "--require-hashes" not in step and "--no-deps" not in step] == []


def test_everything_the_image_copies_is_there() -> None:
    copies = [rest.split()[:-1] for rest in arguments("COPY") if not rest.startswith("--from")]
    missing = [name for names in copies for name in names if not (ROOT / name).exists()]
    assert missing == []
    assert "trust-anchors/" in {name for names in copies for name in names}


def test_a_wheel_of_what_the_image_copies_holds_every_room(tmp_path: Path) -> None:
    for name in {name for rest in arguments("COPY") if not rest.startswith("--from") for name in rest.split()[:-1]}:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "built"))
        else:
            shutil.copy(source, tmp_path)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    # As in the image, which has no compiler.
    subprocess.run(build, cwd=tmp_path, env=os.environ | {"CC": "/nonexistent"}, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        rooms = {name.split("/")[0] for name in archive.namelist() if ".dist-info" not in name}
    assert rooms == set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"])


def test_the_image_runs_as_somebody_without_rights() -> None:
    user = arguments("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    last = max(number for number, (name, _) in enumerate(instructions()) if name == "RUN")
    assert last < [name for name, _ in instructions()].index("USER")


def test_the_image_starts_the_service() -> None:
    assert arguments("ENTRYPOINT") == ['["anchorhold"]']
    assert arguments("CMD") == ['["run", "--config", "/etc/anchorhold/anchorhold.toml"]']


# Without systemd


@pytest.mark.parametrize("script", ["sysv/anchorhold", "openrc/anchorhold"])
def test_the_scripts_are_plain_shell(script: str) -> None:
    path = ROOT / "deploy" / script
    assert subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True).stderr == ""
    assert path.stat().st_mode & 0o111


def test_what_openrc_starts_is_a_command_we_have() -> None:
    """The file is shell, so shell reads it."""
    path = ROOT / "deploy/openrc/anchorhold"
    told = subprocess.run(
        ["sh", "-euc", f'. {path}; echo "$command $command_args"; depend() {{ :; }}; type start_pre reload >/dev/null'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert started_by(told.split())


def started_by(words: list[str]) -> bool:
    program, command, option, config = words
    return (Path(program).name, command in COMMANDS, option, Path(config).suffix) == (
        "anchorhold",
        True,
        "--config",
        ".toml",
    )


def test_what_launchd_starts_is_a_command_we_have_and_only_a_fall_is_started_again() -> None:
    job = plistlib.loads((ROOT / "deploy/launchd/anchorhold.plist").read_bytes())
    assert started_by(job["ProgramArguments"])
    assert (job["Label"], job["KeepAlive"], job["Umask"]) == ("anchorhold", {"SuccessfulExit": False}, 0o077)
