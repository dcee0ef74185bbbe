"""What all migrators share: the report, the draft, its text, and what happens to what our own loader refuses."""

import os
import tomllib
from pathlib import Path

import pytest

from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Table
from anchorhold.migrate.reading import MAX_FILE, Reader, Unreadable
from anchorhold.migrate.report import Report, Verdict, masked
from anchorhold.migrate.settle import settled
from anchorhold.migrate.write import config_text, write_file


def basic() -> Migration:
    migration = Migration()
    migration.draft.table("listen").add("addresses", "127.0.0.1:5300")
    migration.draft.table("resolve").set("mode", "iterate")
    return migration


def test_of_two_things_said_of_a_line_the_worse_counts() -> None:
    report = Report()
    place = report.add("a.conf", 3, "server=192.0.2.1")
    report.changed(place, "in clear text", "upstreams.default")
    report.kept(place, "route[0]")
    assert report.lines[place].verdict is Verdict.CHANGED
    assert report.lines[place].where == "upstreams.default; route[0]"
    report.dropped(place, "no")
    assert report.counts() == {"kept": 0, "changed": 0, "dropped": 1, "blank": 0}


def test_a_secret_is_not_repeated() -> None:
    assert "hunter2" not in masked("web_password = hunter2")
    assert "AbCd" not in masked('tsig-key: "name:AbCd=="')
    report = Report()
    report.dropped(report.add("a", 1, "server=x"), "no server: https://me:hunter2@dns.example, password=hunter2")
    assert "hunter2" not in report.lines[0].reason
    assert masked("\x1b[2J") == "?[2J"
    assert len(masked("x" * 9_999)) < 500


def test_the_text_is_toml_with_the_lines_it_came_from() -> None:
    report, draft = Report(), Table()
    place = report.add("a.conf", 7, "x")
    draft.table("listen").add("addresses", "127.0.0.1:53", place)
    zone = draft.append("local", place, "a zone")
    zone.set("zone", 'ho"me')
    zone.add("records", "nas A 192.0.2.1", place)
    zone.add("records", "nas AAAA 2001:db8::1", place)
    subnet = draft.table("dhcp").append("subnet", place)
    subnet.set("prefix", "192.0.2.0/24")
    subnet.table("options").set("43", "hex:01", place)
    draft.table("upstreams").table("default").add("servers", {"url": "udp://192.0.2.1", "pins": ["a"]})
    text = config_text(draft, report, "made")
    assert "# a.conf:7" in text
    assert tomllib.loads(text) == {
        "listen": {"addresses": ["127.0.0.1:53"]},
        "upstreams": {"default": {"servers": [{"url": "udp://192.0.2.1", "pins": ["a"]}]}},
        "local": [{"zone": 'ho"me', "records": ["nas A 192.0.2.1", "nas AAAA 2001:db8::1"]}],
        "dhcp": {"subnet": [{"prefix": "192.0.2.0/24", "options": {"43": "hex:01"}}]},
    }


def test_what_our_loader_refuses_goes_out_and_is_told(tmp_path: Path) -> None:
    migration = basic()
    good = migration.report.add("a.conf", 1, "good")
    bad = migration.report.add("a.conf", 2, "bad")
    migration.report.kept(good)
    migration.report.kept(bad)
    dhcp = migration.draft.table("dhcp")
    for place, prefix in ((good, "192.168.1.0/24"), (bad, "192.168.1.0/33")):
        subnet = dhcp.append("subnet", place)
        subnet.set("prefix", prefix)
        subnet.set("interface", "eth0")
    text = settled(migration, tmp_path / "anchorhold.toml", "made")
    loaded = load(text, str(tmp_path / "anchorhold.toml"))
    assert loaded.dhcp is not None
    assert len(loaded.dhcp.subnets) == 1
    assert migration.report.lines[good].verdict is Verdict.KEPT
    assert migration.report.lines[bad].verdict is Verdict.DROPPED
    assert "/33" in migration.report.lines[bad].reason


def test_a_draft_that_can_never_be_loaded_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        settled(Migration(), tmp_path / "anchorhold.toml", "")


def test_a_file_is_written_whole_private_and_not_over_another(tmp_path: Path) -> None:
    path = tmp_path / "anchorhold.toml"
    write_file(path, "a", False)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_file(path, "b", False)
    assert path.read_text() == "a"
    write_file(path, "b", True)
    assert path.read_text() == "b"
    assert [one.name for one in tmp_path.iterdir()] == ["anchorhold.toml"]


def test_only_regular_files_of_a_sensible_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable, match="no regular file"):
        Reader().text(tmp_path / "pipe")
    with pytest.raises(Unreadable, match="cannot be read"):
        Reader().text(tmp_path / "none")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_FILE + 1)
    with pytest.raises(Unreadable, match="larger"):
        Reader().text(tmp_path / "large")


def test_absolute_paths_are_looked_for_below_the_root(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    assert reader.place("/etc/hosts") == tmp_path / "etc/hosts"
    assert reader.place("hosts", Path("/x")) == Path("/x/hosts")
