"""`anchorhold init` and `anchorhold check`: files made and judged by the real loader."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchorhold.cli import main
from anchorhold.first_config import Answers, config_text, suggest_strategy
from anchorhold.operators import read_services
from anchorhold.settings_file import read_settings
from dhcp.values import Link, Own

SERVICES = read_services()
SERVER = "tls://dns.example@192.0.2.1"


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def init(tmp_path: Path, *arguments: str) -> tuple[Result, Path]:
    path = tmp_path / "anchorhold.toml"
    return run("init", "--output", path, *arguments), path


def test_by_flags_a_file_is_written_that_loads_for_its_owner_only(tmp_path: Path) -> None:
    result, path = init(
        tmp_path,
        "--upstream",
        SERVER,
        "--listen",
        "127.0.0.1:5300",
        "--listen",
        "[::1]:5300",
        "--access",
        "127.0.0.0/8",
    )
    assert result.exit_code == 0, result.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = tomllib.loads(path.read_text())
    assert written["listen"]["addresses"] == ["127.0.0.1:5300", "[::1]:5300"]
    assert written["access"]["allow"] == ["127.0.0.0/8"]
    assert written["upstreams"]["default"]["servers"] == [SERVER]
    assert [entry.name for entry in tmp_path.iterdir()] == ["anchorhold.toml"]


@pytest.mark.parametrize("arguments", [(), ("--upstream", ""), ("--upstream", "  ")])
def test_without_an_upstream_the_operators_are_listed_and_nobody_is_chosen(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result, path = init(tmp_path, *arguments)
    assert (result.exit_code, path.exists()) == (2, False)
    for service in SERVICES:
        assert service.operator in result.stdout
        assert service.policy in result.stdout
        assert all(url in result.stdout for url in service.urls.values())
    assert "anchorhold init --iterate" in result.stdout
    assert "make run ITERATE=1" in result.stdout


@pytest.mark.parametrize("arguments", [("--iterate",), ("--iterate", "--upstream", ""), ("--upstream", "iterate")])
def test_who_wants_to_iterate_gets_a_file_that_does_and_names_no_upstream(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result, path = init(tmp_path, *arguments)
    assert result.exit_code == 0, result.stderr
    written = tomllib.loads(path.read_text())
    assert written["resolve"] == {"mode": "iterate", "minimise": "relaxed", "family": "any"}
    assert "upstreams" not in written
    assert [one.name for one in read_settings(path).resolver.iterations] == ["iterate"]
    assert "in clear text" in result.stdout


@pytest.mark.parametrize("arguments", [("--upstream", SERVER), ("--upstream", "quad9"), ("--strategy", "spread")])
def test_iterating_and_forwarding_are_not_mixed_by_flags(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result, _ = init(tmp_path, "--iterate", *arguments)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "iterate" in result.stderr


def test_if_missing_a_kept_file_that_does_not_iterate_is_named(tmp_path: Path) -> None:
    (tmp_path / "anchorhold.toml").write_text("mine")
    result, _ = init(tmp_path, "--iterate", "--if-missing")
    assert (result.exit_code, "not in it: iterate" in result.stderr) == (0, True)


@pytest.mark.parametrize(("said", "way"), [("iterate", "resolve"), ("quad9", "upstreams")])
def test_on_a_terminal_the_choice_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, way: str
) -> None:
    monkeypatch.setattr("anchorhold.commands.init._asks_a_person", lambda: True)
    path = tmp_path / "a.toml"
    result = CliRunner().invoke(main, ["init", "--output", str(path)], input=f"{said}\n127.0.0.1:5300\n\n")
    assert result.exit_code == 0, result.output
    assert way in tomllib.loads(path.read_text())


def test_a_name_of_the_list_stands_for_its_url_and_several_operators_are_spread(tmp_path: Path) -> None:
    result, path = init(tmp_path, "--upstream", "quad9 switch")
    assert result.exit_code == 0, result.stderr
    group = tomllib.loads(path.read_text())["upstreams"]["default"]
    assert [server["operator"] for server in group["servers"]] == ["Quad9", "SWITCH"]
    assert group["strategy"] == "spread"


def test_every_service_of_the_list_makes_a_file_that_loads(tmp_path: Path) -> None:
    urls = tuple(url for service in SERVICES for url in service.urls.values())
    path = tmp_path / "all.toml"
    path.write_text(config_text(Answers(urls, ("127.0.0.1:5300",)), SERVICES))
    read_settings(path)


def test_two_services_of_one_operator_are_one_party() -> None:
    quad9 = tuple(service.url for service in SERVICES if service.operator == "Quad9")
    assert len(quad9) == 2
    assert suggest_strategy(quad9, SERVICES) == "failover"
    assert suggest_strategy((quad9[0], SERVER), SERVICES) == "spread"


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "anchorhold.toml").write_text("mine")
    result, path = init(tmp_path, "--upstream", SERVER)
    assert (result.exit_code, path.read_text()) == (2, "mine")
    assert "--force" in result.stderr


def test_if_missing_an_existing_file_is_kept_and_a_server_not_in_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "anchorhold.toml").write_text("mine")
    result, path = init(tmp_path, "--upstream", SERVER, "--if-missing")
    assert (result.exit_code, path.read_text()) == (0, "mine")
    assert f"not in it: {SERVER}" in result.stderr


def test_if_missing_a_name_of_the_list_is_known_by_its_url(tmp_path: Path) -> None:
    init(tmp_path, "--upstream", "quad9")
    result, _ = init(tmp_path, "--upstream", "quad9", "--if-missing")
    assert (0, "") == (result.exit_code, result.stderr)


def test_the_list_is_data_for_programs_too(tmp_path: Path) -> None:
    result, path = init(tmp_path, "--json")
    assert (2, False) == (result.exit_code, path.exists())
    told = json.loads(result.stdout)
    assert [(s.name, s.urls, s.collected.isoformat()) for s in SERVICES] == [
        (row["name"], row["urls"], row["collected"]) for row in told
    ]


def test_what_was_written_is_data_for_programs_too(tmp_path: Path) -> None:
    for arguments, written in (((), True), (("--if-missing",), False)):
        result, path = init(tmp_path, "--upstream", SERVER, "--json", *arguments)
        told = json.loads(result.stdout)
        assert (0, str(path), written) == (result.exit_code, told["file"], told["written"])


def at_a_terminal(path: Path, answers: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`anchorhold init` whose standard input is a terminal at which `answers` were typed."""
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, answers.encode())
        command = [sys.executable, "-m", "anchorhold", "init", "--output", str(path), *arguments]
        return subprocess.run(command, stdin=terminal, capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_at_a_terminal_the_file_is_made_by_questions_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "anchorhold.toml"
    done = at_a_terminal(path, "switch\n127.0.0.1:5355\n192.168.7.0/24\n")
    assert 0 == done.returncode, done.stderr
    written = tomllib.loads(path.read_text())
    assert (["127.0.0.1:5355"], ["192.168.7.0/24"]) == (written["listen"]["addresses"], written["access"]["allow"])
    assert "dns.switch.ch" in written["upstreams"]["default"]["servers"][0]["url"]
    assert "Quad9" in done.stdout


def test_what_make_run_passes_is_not_questioned_at_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "anchorhold.toml"
    done = at_a_terminal(path, "switch\n\n\n", "--if-missing", "--upstream", "")
    assert (2, False) == (done.returncode, path.exists())


def test_force_overwrites(tmp_path: Path) -> None:
    (tmp_path / "anchorhold.toml").write_text("mine")
    result, path = init(tmp_path, "--upstream", SERVER, "--force")
    assert result.exit_code == 0
    assert SERVER in path.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--upstream", "nonsense"),
        ("--upstream", "gopher://dns.example@192.0.2.1"),
        ("--upstream", "tls://dns.example"),
        ("--upstream", "udp://192.0.2.1"),
        ("--upstream", SERVER, "--listen", "somewhere"),
        ("--upstream", SERVER, "--access", "10.0.0.0/99"),
        ("--upstream", 'tls://a"b@192.0.2.1'),
    ],
)
def test_a_wrong_value_is_an_error_and_leaves_no_file(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result, _ = init(tmp_path, *arguments)
    assert result.exit_code == 2
    assert "Error" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_clear_text_is_written_only_for_who_says_opportunistic(tmp_path: Path) -> None:
    assert init(tmp_path, "--upstream", "udp://192.0.2.1", "--profile", "opportunistic")[0].exit_code == 0


def test_a_directory_that_is_not_there_is_an_error_with_a_text(tmp_path: Path) -> None:
    result = run("init", "--upstream", SERVER, "--output", tmp_path / "none" / "a.toml")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


GOOD = f"""
[listen]
addresses = ["127.0.0.1:5300"]
[clients.kids]
networks = ["192.168.1.64/27"]
[[route]]
domains = ["corp.example"]
clients = "kids"
upstreams = "office"
[upstreams.default]
servers = ["{SERVER}"]
[upstreams.office]
profile = "opportunistic"
servers = ["udp://192.0.2.53"]
"""

BAD = """
[listen]
addresses = ["nowhere"]
[access]
allow = ["10.0.0.0/99"]
[upstreams.default]
servers = ["gopher://a@192.0.2.1", "udp://192.0.2.1"]
"""


def test_a_good_file_is_summarised_as_what_goes_where(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(GOOD)
    result = run("check", path)
    assert result.exit_code == 0, result.stderr
    assert "corp.example." in result.stdout
    assert "tls://dns.example:853" in result.stdout
    assert "warning" in result.stderr


def test_iterations_and_fallbacks_are_summarised(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        '[listen]\naddresses = ["127.0.0.1:5300"]\n[resolve]\nmode = "iterate"\n[dns64]\nprefixes = ["64:ff9b::/96"]\n'
        '[[route]]\ndomains = ["corp.example"]\nauthorities = ["10.0.0.53"]\nfallback = "iterate"\n'
    )
    said = run("check", path).stdout
    words = ("stub:corp.example.", "10.0.0.53", "198.41.0.4", "and 23 more", "64:ff9b::/96", "relaxed")
    assert [word for word in words if word not in said] == []
    document = json.loads(run("check", path, "--json").stdout)
    assert [one["name"] for one in document["iterations"]] == ["iterate", "stub:corp.example."]
    assert (document["routes"][0]["fallback"], document["upstreams"]) == ("iterate", [])


def test_all_errors_of_a_file_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(BAD)
    result = run("check", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(wrong in result.stderr for wrong in ("nowhere", "10.0.0.0/99", "gopher", "udp"))


def test_a_check_as_json_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(GOOD)
    document = json.loads(run("check", path, "--json").stdout)
    assert document["errors"] == []
    assert document["routes"][0]["upstreams"] == "office"
    path.write_text(BAD)
    assert len(json.loads(run("check", path, "--json").stdout)["errors"]) >= 3


@pytest.mark.parametrize("content", [b"", b"[listen", b"\xff\xfe", b"[listen]\naddresses = 5\n"])
def test_what_is_no_configuration_is_an_error_with_a_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    result = run("check", path)
    assert result.exit_code == 2
    assert "Error" in result.stderr


def test_a_file_that_is_not_there_is_an_error_with_a_text(tmp_path: Path) -> None:
    assert run("check", tmp_path / "none.toml").exit_code == 2


HOME = Link(2, "lan0", bytes(6), (Own(bytes((192, 168, 7, 5)), 24),))
POINT = Link(3, "ppp0", bytes(6), (Own(bytes((192, 168, 8, 1)), 30),))
BARE = Link(4, "bare0", bytes(6), ())


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anchorhold.commands.init.read_links", lambda: {one.number: one for one in (HOME, POINT, BARE)})


@pytest.mark.usefixtures("links")
def test_an_interface_is_named_and_its_devices_get_addresses_and_the_resolver(tmp_path: Path) -> None:
    result, path = init(tmp_path, "--upstream", SERVER, "--dhcp", "lan0")
    assert result.exit_code == 0, result.stderr
    settings = read_settings(path)
    assert settings.dhcp is not None
    (subnet,) = settings.dhcp.subnets
    assert ("192.168.7.0/24", "lan0") == (subnet.name, subnet.interface)
    assert [(bytes((192, 168, 7, 100)), bytes((192, 168, 7, 199)))] == [(one.first, one.last) for one in subnet.pools]
    assert (bytes((192, 168, 7, 5)),) == settings.dhcp.resolver.addresses[:1]


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("name", ["none0", "ppp0", "bare0"])
def test_where_no_addresses_can_be_given_out_nothing_is_written(name: str, tmp_path: Path) -> None:
    result, path = init(tmp_path, "--upstream", SERVER, "--dhcp", name)
    assert (2, False) == (result.exit_code, path.exists())
    assert name in result.stderr


def test_without_an_interface_the_section_is_there_to_be_taken_out_of_its_comment(tmp_path: Path) -> None:
    _, path = init(tmp_path, "--upstream", SERVER)
    assert read_settings(path).dhcp is None
    lines = path.read_text().splitlines()
    start = lines.index("# [dhcp]")
    # A machine with that network may use it as it is.
    text = "\n".join([*lines[:start], *(line.removeprefix("# ") for line in lines[start : start + 5])])
    path.write_text(text)
    assert read_settings(path).dhcp is not None
