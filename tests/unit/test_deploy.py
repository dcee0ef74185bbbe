"""What ships beside the program is read here as its reader would."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from anchorhold.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/anchorhold.service"
CONTAINER = ROOT / "deploy/Containerfile"

DIRECTIVES = {
    "Unit": {"Description", "Documentation", "After", "Before", "Wants", "Requires", "Conflicts"},
    "Service": {
        *("Type", "NotifyAccess", "ExecStart", "ExecStartPre", "ExecReload", "Restart", "RestartSec"),
        *("RestartPreventExitStatus", "TimeoutStartSec", "TimeoutStopSec", "DynamicUser", "User", "Group", "UMask"),
        *("AmbientCapabilities", "CapabilityBoundingSet", "NoNewPrivileges", "StateDirectory", "StateDirectoryMode"),
        *("RuntimeDirectory", "RuntimeDirectoryMode", "ConfigurationDirectory", "ProtectSystem", "ProtectHome"),
        *("PrivateTmp", "PrivateDevices", "ProtectClock", "ProtectHostname", "ProtectKernelLogs", "ProtectProc"),
        *("ProtectKernelModules", "ProtectKernelTunables", "ProtectControlGroups", "ProcSubset", "RemoveIPC"),
        *("RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "KeyringMode"),
        *("LockPersonality", "SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber", "LimitNOFILE"),
        *("LimitCORE", "MemoryMax", "TasksMax"),
    },
    "Install": {"WantedBy"},
}
"""Spelled as systemd.unit(5), systemd.service(5), systemd.exec(5) and systemd.resource-control(5) have them."""


def unit() -> dict[str, list[tuple[str, str]]]:
    """Section → (directive, value), in order; a directive may come twice."""
    sections: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in UNIT.read_text().splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            current = sections.setdefault(header[1], [])
        elif line and not line.startswith(("#", ";")):
            name, equals, value = line.partition("=")
            assert equals, line
            current.append((name, value))
    return sections


def value(name: str) -> str:
    return dict(unit()["Service"])[name]


def test_the_unit_holds_no_directive_that_does_not_exist() -> None:
    unknown = [name for section, lines in unit().items() for name, _ in lines if name not in DIRECTIVES[section]]
    assert unknown == []


@pytest.mark.parametrize("directive", ["ExecStart", "ExecStartPre"])
def test_what_the_unit_starts_is_a_command_we_have(directive: str) -> None:
    program, command, *arguments = value(directive).split()
    assert (Path(program).is_absolute(), Path(program).name, command in COMMANDS) == (True, "anchorhold", True)
    options = {word for word in arguments if word.startswith("--")}
    help_text = CliRunner().invoke(main, [command, "--help"]).output
    assert {option for option in options if option not in help_text} == set()


def test_the_unit_reloads_by_the_signal_we_take_and_waits_for_our_word() -> None:
    assert (value("ExecReload"), value("Type"), value("NotifyAccess")) == ("/bin/kill -HUP $MAINPID", "notify", "main")


def test_the_unit_gives_one_right_and_no_more() -> None:
    assert value("AmbientCapabilities") == value("CapabilityBoundingSet") == "CAP_NET_BIND_SERVICE"
    assert {value(name) for name in ("DynamicUser", "NoNewPrivileges", "ProtectHome", "PrivateTmp")} == {"yes"}
    assert value("RestrictAddressFamilies").split() == ["AF_INET", "AF_INET6", "AF_UNIX"]


def test_the_unit_leaves_what_the_program_needs() -> None:
    """memfd_create and capset are in @system-service; a ban on writable code would break libffi."""
    lines = unit()["Service"]
    assert ("SystemCallFilter", "@system-service") in lines
    assert [name for name, _ in lines if name in ("MemoryDenyWriteExecute", "PrivateNetwork", "PrivateUsers")] == []
    assert (value("StateDirectory"), value("RuntimeDirectory")) == ("anchorhold", "anchorhold")


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
    rooms = {"wire/", "privacy/", "resolver/", "net/", "anchorhold/", "trust-anchors/"}
    assert rooms <= {name for names in copies for name in names}


def test_the_image_runs_as_somebody_without_rights() -> None:
    user = arguments("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    last = max(number for number, (name, _) in enumerate(instructions()) if name == "RUN")
    assert last < [name for name, _ in instructions()].index("USER")


def test_the_image_starts_the_service() -> None:
    assert arguments("ENTRYPOINT") == ['["anchorhold"]']
    assert arguments("CMD") == ['["run", "--config", "/etc/anchorhold/anchorhold.toml"]']
