"""`anchorhold migrate` as it is called: exit codes, files, what is told."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchorhold.cli import main
from anchorhold.config.master import MAX_RECORDS
from anchorhold.migrate import MIGRATORS, migrator
from anchorhold.settings_file import read_settings

NET = "no-hosts\ninterface=lan0\ndhcp-range=192.168.7.100,192.168.7.150,255.255.255.0,12h\n"


def call(folder: Path, text: str, *arguments: str) -> Result:
    (folder / "dnsmasq.conf").write_text(text)
    given = ["migrate", "dnsmasq", str(folder / "dnsmasq.conf"), "-o", str(folder / "anchorhold.toml"), *arguments]
    return CliRunner().invoke(main, given)


def test_all_lines_kept_is_0_and_the_file_is_private_and_loads(tmp_path: Path) -> None:
    result = call(tmp_path, "no-hosts\nbogus-priv\n")
    assert (0, "") == (result.exit_code, result.stderr)
    assert "2 kept" in result.stdout
    assert (tmp_path / "anchorhold.toml").stat().st_mode & 0o777 == 0o600
    read_settings(tmp_path / "anchorhold.toml")


def test_a_dropped_line_is_1_and_told(tmp_path: Path) -> None:
    result = call(tmp_path, "no-hosts\nlog-queries\n", "--report", str(tmp_path / "report.txt"))
    assert result.exit_code == 1
    assert "dnsmasq.conf:2: dropped: log-queries" in result.stdout
    assert "dnsmasq.conf:1: kept: no-hosts" in (tmp_path / "report.txt").read_text()
    read_settings(tmp_path / "anchorhold.toml")


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    (tmp_path / "anchorhold.toml").write_text("mine")
    assert call(tmp_path, "no-hosts\n").exit_code == 2
    assert (tmp_path / "anchorhold.toml").read_text() == "mine"
    assert call(tmp_path, "no-hosts\n", "--force").exit_code == 0
    assert (tmp_path / "anchorhold.toml").read_text() != "mine"


def test_a_file_that_cannot_be_read_is_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["migrate", "dnsmasq", str(tmp_path / "none"), "-o", str(tmp_path / "a.toml")])
    assert result.exit_code == 2
    assert "none" in result.stderr
    assert not (tmp_path / "a.toml").exists()


def test_json_has_every_line(tmp_path: Path) -> None:
    told = json.loads(call(tmp_path, "# so\nno-hosts\nlog-queries\n", "--json").stdout)
    assert told["counts"] == {"kept": 1, "changed": 0, "dropped": 1, "blank": 1}
    assert [line["line"] for line in told["lines"]] == [2, 3]


def test_leases_are_looked_through(tmp_path: Path) -> None:
    leases = tmp_path / "dnsmasq.leases"
    mac = "02:00:5e:10:00:01"
    leases.write_text(f"1800000000 {mac} 192.168.7.100 tv *\n1800000000 {mac} 10.0.0.9 tv *\nnonsense\n")
    result = call(tmp_path, NET, "--leases", str(leases))
    assert result.exit_code == 1
    assert f"anchorhold leases import {leases}" in result.stdout
    assert "dnsmasq.leases:2: dropped: lease of 10.0.0.9" in result.stdout
    assert "dnsmasq.leases:3: dropped" in result.stdout


def test_leases_of_another_program_are_looked_through_as_well(tmp_path: Path) -> None:
    leases = tmp_path / "leases.json"
    row = {"ip": "192.168.7.100", "mac": "02:00:5e:10:00:01", "hostname": "tv", "expires": "2027-01-15T08:00:00Z"}
    leases.write_text(json.dumps({"version": 1, "leases": [row]}))
    result = call(tmp_path, NET, "--leases", str(leases), "--report", str(tmp_path / "report.txt"))
    assert result.exit_code == 0
    assert "leases.json:1: kept: lease of 192.168.7.100" in (tmp_path / "report.txt").read_text()


@pytest.mark.parametrize("program", ["hosts", "dnsmasq"])
def test_more_names_than_a_configuration_holds_are_told_as_that(tmp_path: Path, program: str) -> None:
    hosts = tmp_path / "names.hosts"
    hosts.write_text("".join(f"192.168.7.{number % 250 + 1} h{number}.lan\n" for number in range(MAX_RECORDS + 1)))
    (tmp_path / "dnsmasq.conf").write_text(f"no-hosts\naddn-hosts={hosts}\n")
    file = hosts if program == "hosts" else tmp_path / "dnsmasq.conf"
    result = CliRunner().invoke(main, ["migrate", program, str(file), "-o", str(tmp_path / "a.toml")])
    assert result.exit_code == 2
    assert "more than 100,000 records of names" in result.stderr
    assert "report that" not in result.stderr
    assert not (tmp_path / "a.toml").exists()


def test_paths_begin_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "disk/etc").mkdir(parents=True)
    (tmp_path / "disk/etc/more.conf").write_text("log-dhcp\n")
    result = call(tmp_path, "no-hosts\nconf-file=/etc/more.conf\n", "--root", str(tmp_path / "disk"))
    assert "more.conf:1: dropped: log-dhcp" in result.stdout


@pytest.mark.parametrize("name", sorted(MIGRATORS))
def test_every_migrator_is_there(name: str) -> None:
    assert callable(migrator(name))
