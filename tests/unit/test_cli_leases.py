"""`anchorhold leases`, as a user runs it: beside a fake service, and on a folder where none runs."""

import gzip
import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kit.control import Script, fake_service
from kit.leases import folder, lease, saved
from kit.miniature import Miniature
from kit.peers import need_root

from anchorhold.cli import main
from dhcp.edge.clock import read_boot, read_clocks
from dhcp.edge.store import SqliteStore
from dhcp.identity import Identifier, hardware_octets, tag
from dhcp.values import LeaseChange
from wire.units import Epoch

MAC = "02:00:5e:10:00:01"
OCTETS = bytes.fromhex(MAC.replace(":", ""))


def run(*arguments: str | Path, text: str = "") -> Result:
    result = CliRunner().invoke(main, ["leases", *(str(argument) for argument in arguments)], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def places(tmp_path: Path) -> list[str | Path]:
    """A state directory, and a control socket where nobody answers."""
    return ["--state", tmp_path / "state", "--control", tmp_path / "control.sock"]


def dnsmasq_file(path: Path, *more: str) -> Path:
    end = int(read_clocks("").wall) + 3_600
    path.write_text("\n".join((f"{end} {MAC} 192.0.2.20 laptop *", f"{end} 02:00:5e:10:00:02 192.0.2.21 tv *", *more)))
    return path


# Where no service runs.


def test_a_file_is_taken_over_before_the_first_start(tmp_path: Path, places: list[str | Path]) -> None:
    file = dnsmasq_file(tmp_path / "dnsmasq.leases", "nonsense")
    dry = run("import", file, "--dry-run", *places)
    assert (1, False) == (dry.exit_code, (tmp_path / "state").exists())
    assert "2 leases; nothing was changed" in dry.stdout
    result = run("import", file, *places)
    assert 1 == result.exit_code
    assert "2 leases; 2 taken" in result.stdout
    assert "dnsmasq.leases:3: 1 fields, not 5" in result.stderr
    assert 0o700 == stat.S_IMODE((tmp_path / "state/leases").stat().st_mode)
    assert {0o600} == {stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "state/leases").iterdir()}
    listed = run("list", *places)
    rows = [line.split() for line in listed.stdout.splitlines()[2:]]
    assert [("192.0.2.20", "laptop", "bound"), ("192.0.2.21", "tv", "bound")] == [tuple(row[:3]) for row in rows]
    # Again: all is here already, and that is no failure.
    again = run("import", dnsmasq_file(tmp_path / "again"), "--json", *places)
    assert (0, 0) == (again.exit_code, json.loads(again.stdout)["taken"])


def test_the_server_knows_an_imported_device_at_its_start(tmp_path: Path, places: list[str | Path]) -> None:
    run("import", dnsmasq_file(tmp_path / "file"), *places)
    with folder(tmp_path / "state/leases") as files:
        key, made = files.key()
        store = SqliteStore(files, key)
        loaded = store.load()
        store.close()
    assert (False, ()) == (made, loaded.problems)
    assert tag(key, Identifier.HARDWARE, hardware_octets(OCTETS)) in {one.client for one in loaded.leases}


def test_a_device_is_shown_released_and_missed(tmp_path: Path, places: list[str | Path]) -> None:
    run("import", dnsmasq_file(tmp_path / "file"), *places)
    shown = run("show", MAC, *places)
    assert (0, True) == (shown.exit_code, "laptop" in shown.stdout)
    assert "192.0.2.20" == json.loads(run("show", "laptop", "--json", *places).stdout)["leases"][0]["address"]
    assert 0 == run("release", "192.0.2.20", *places).exit_code
    missed = run("show", MAC, *places)
    assert (1, True) == (missed.exit_code, f"{MAC} has no lease" in missed.stderr)


def test_what_is_no_device_and_what_is_no_file_are_said(tmp_path: Path, places: list[str | Path]) -> None:
    run("import", dnsmasq_file(tmp_path / "file"), *places)
    assert "names no device" in run("show", "a b", *places).stderr
    missing = run("import", tmp_path / "missing", *places)
    assert (2, True) == (missing.exit_code, "No such file" in missing.stderr)
    (tmp_path / "other").write_text("address,what\n")
    other = run("import", tmp_path / "other", *places)
    assert (2, True) == (other.exit_code, "no first line of Kea's" in other.stderr)


def test_without_service_and_leases_there_is_nothing_to_ask(places: list[str | Path]) -> None:
    result = run("list", *places)
    assert (4, True) == (result.exit_code, "there are no leases in" in result.stderr)


def test_json_goes_out_and_in_and_other_servers_need_identifiers(tmp_path: Path, places: list[str | Path]) -> None:
    run("import", dnsmasq_file(tmp_path / "file"), *places)
    out = tmp_path / "out.json"
    assert 0 == run("export", "--output", out, *places[2:], *places[:2]).exit_code
    assert 0o600 == stat.S_IMODE(out.stat().st_mode)
    refused = run("export", "--format", "dnsmasq", *places)
    assert (1, "", True) == (refused.exit_code, refused.stdout, "identifier is not stored here" in refused.stderr)
    run("release", "192.0.2.20", *places)
    assert "1 taken" in run("import", out, *places).stdout
    # A store with another key knows nobody by these tags.
    foreign = run("import", out, "--state", tmp_path / "another", *places[2:])
    assert (1, True) == (foreign.exit_code, "that of another key" in foreign.stderr)


def test_kea_s_numbers_are_read_or_refused(tmp_path: Path, places: list[str | Path]) -> None:
    run("import", dnsmasq_file(tmp_path / "file"), *places)
    result = run("export", "--format", "kea4", "--kea-subnet", "192.0.2.0/24", *places)
    assert (2, True) == (result.exit_code, "give PREFIX=ID" in result.stderr)


def test_a_device_is_forgotten_and_logs_are_looked_through(tmp_path: Path, places: list[str | Path]) -> None:
    run("import", dnsmasq_file(tmp_path / "file"), *places)
    clean, dirty, packed = tmp_path / "clean.log", tmp_path / "dirty.log", tmp_path / "old.log.gz"
    clean.write_text("nothing in here")
    dirty.write_text(f"DHCPACK to {MAC.upper()}")
    packed.write_bytes(gzip.compress(OCTETS))
    asked = run("forget", MAC, *places, text="n\n")
    assert (1, True) == (asked.exit_code, "nothing was changed" in asked.stderr)
    done = run("forget", MAC, "--log", clean, *places, text="y\n")
    assert 0 == done.exit_code, done.stderr
    assert "no trace of it was found" in done.stdout
    assert {"leases.db", "identifiers.key", str(clean)} <= set(done.stdout.split())
    found = run(
        "forget", MAC, "--yes", "--json", "--log", dirty, "--log", packed, "--log", tmp_path / "no.log", *places
    )
    assert 1 == found.exit_code
    told = json.loads(found.stdout)["found"]
    assert f"{dirty}: identifier, in hexadecimal" in told
    assert f"{packed}: identifier, as octets" in told
    assert f"{tmp_path / 'no.log'} cannot be read: No such file or directory" in told
    piped = run("forget", MAC, "--yes", "--log", "-", *places, text=f"x {MAC} y")
    assert (1, True) == (piped.exit_code, "-: identifier, in hexadecimal" in piped.stderr)


def test_a_name_alone_says_that_the_address_is_not_looked_for(tmp_path: Path, places: list[str | Path]) -> None:
    run("import", dnsmasq_file(tmp_path / "file"), *places)
    result = run("forget", "tv", "--yes", *places)
    assert (0, True) == (result.exit_code, "its hardware address is not known here" in result.stderr)
    again = run("forget", "tv", "--yes", *places)
    assert "nothing: all it was called is shorter than 4 octets" in again.stdout


def test_files_that_root_makes_are_the_owner_s_of_the_folder(tmp_path: Path, places: list[str | Path]) -> None:
    need_root("giving files away")
    (tmp_path / "state").mkdir(mode=0o700)
    os.chown(tmp_path / "state", 4_321, 4_321)
    assert 0 == run("import", dnsmasq_file(tmp_path / "file"), *places).exit_code
    made = tmp_path / "state/leases"
    assert {4_321} == {one.stat().st_uid for one in (made, *made.iterdir())}


def test_a_folder_that_is_in_use_is_left_alone(
    tmp_path: Path, places: list[str | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service runs, and was asked at the wrong place."""
    monkeypatch.setattr("dhcp.edge.store.PATIENCE", 0.0)
    (tmp_path / "state/leases").mkdir(parents=True)
    with open(os.devnull, "w") as nowhere:
        server = Miniature(tmp_path / "state/leases", nowhere.fileno(), 1_000)
        result = run("list", *places)
        server.close()
    assert (1, True) == (result.exit_code, "is the service running?" in result.stderr)


# Where one runs.


def script(*lines: dict[str, object]) -> Script:
    return {"leases": [{"cell": "dhcp", **line} for line in lines]}


def test_the_service_is_asked_where_one_runs(tmp_path: Path) -> None:
    row = {"address": "192.0.2.20", "kind": "address4", "name": None, "state": "bound", "until": 1, "subnet": "s"}
    line = {"leases": [{**row, "client": "ab" * 16, "identifier": None}], "next": None, "key": "k"}
    with fake_service(tmp_path, script(line)) as service:
        result = run("list", "--control", service.path, "--state", tmp_path)
    assert (0, "") == (result.exit_code, result.stderr)
    assert ["192.0.2.20", "-", "bound", "1970-01-01T00:00:01Z", "tag", "abababab", "s"] == result.stdout.split()[-7:]
    assert [{"do": "list", "after": "9 "}, {"do": "list", "after": ""}] == [one["request"] for one in service.requests]


def test_an_import_goes_in_pages_that_the_socket_takes(tmp_path: Path) -> None:
    end = int(read_clocks("").wall) + 3_600
    lines = [f"{end} 02:00:5e:10:{n >> 8:02x}:{n & 255:02x} 10.0.{n >> 8}.{n & 255} name-{n} *" for n in range(1_200)]
    (tmp_path / "file").write_text("\n".join(lines))
    with fake_service(tmp_path, script({"taken": 7, "refused": []})) as service:
        result = run("import", tmp_path / "file", "--control", service.path)
    pages = [one["request"]["leases"] for one in service.requests[1:]]  # type: ignore[index]
    assert (0, 1_200) == (result.exit_code, sum(map(len, pages)))
    assert f"{7 * len(pages)} taken" in result.stdout
    assert all(len(json.dumps(one)) < 64 * 1_024 for one in service.requests)


def test_a_no_of_the_service_is_told(tmp_path: Path) -> None:
    with fake_service(tmp_path, {"leases": [{"error": "there is no dhcp cell"}]}) as service:
        result = run("list", "--control", service.path)
    assert (1, True) == (result.exit_code, "there is no dhcp cell" in result.stderr)


def test_a_store_that_was_damaged_is_told(tmp_path: Path, places: list[str | Path]) -> None:
    run("import", dnsmasq_file(tmp_path / "file"), *places)
    (tmp_path / "state/leases/leases.db").write_bytes(b"x" * 9_000)
    result = run("list", *places)
    assert (0, True) == (result.exit_code, "warning: leases.db is damaged" in result.stderr)


def test_an_identifier_that_is_stored_is_shown_and_can_be_exported(tmp_path: Path, places: list[str | Path]) -> None:
    with folder((tmp_path / "state/leases").parent) as _, folder(tmp_path / "state/leases") as files:
        key, _made = files.key()
        store = SqliteStore(files, key)
        store.load()
        client = tag(key, Identifier.HARDWARE, hardware_octets(OCTETS))
        until = Epoch(saved().now + 900)
        store.commit([LeaseChange(None, lease(1, until=until, identifier=OCTETS)._replace(client=client))], saved())
        store.close()
    assert f"hardware {MAC}" in run("list", *places).stdout
    exported = run("export", "--format", "dnsmasq", *places)
    assert (0, [MAC, "10.0.0.1", "*", "*"]) == (exported.exit_code, exported.stdout.split()[1:])
    kea = run("export", "--format", "kea4", "--kea-subnet", "10.0.0.0/8=3", *places)
    assert f"10.0.0.1,{MAC},,3600," in kea.stdout
    assert read_boot() not in exported.stdout
