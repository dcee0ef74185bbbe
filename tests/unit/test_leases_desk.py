"""An operator's questions, answered beside a real store."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.leases import DATE, HOUR, KEY, contents, folder, lease, saved

from anchorhold.leases.desk import Holdings, answer
from anchorhold.leases.device import BadDevice, read_device
from anchorhold.leases.rows import Times, rehomed
from dhcp.book import LeaseBook
from dhcp.clock import LeaseClock, Reading
from dhcp.edge.store import SqliteStore
from dhcp.identity import Identifier, hardware_octets, tag
from dhcp.settings import Delegation, DhcpSettings, Subnet
from dhcp.store import StoreFailed
from dhcp.values import Kind, Lease, LeaseChange, State
from wire.units import Epoch, Instant

MAC = bytes.fromhex("02005e10ca01")
AHEAD = 10_000
"""Seconds that the wall clock is ahead of the lease clock."""
TIMES = Times(LeaseClock(DATE - 1_000, "boot"), Reading(Instant(1_000), "boot", Epoch(DATE + AHEAD)))
SETTINGS = DhcpSettings(
    1,
    subnets=(
        Subnet("192.0.2.0/24", bytes((192, 0, 2, 0)), 24, lease_time=7_200),
        Subnet(
            "2001:db8::/64",
            b"\x20\1\x0d\xb8" + bytes(12),
            64,
            delegations=(Delegation(b"\x20\1\x0d\xb8\0\1" + bytes(10), 48, 56),),
        ),
    ),
    own_names=("gateway",),
)


def known(number: int, mac: bytes, **more: object) -> Lease:
    who = tag(KEY, Identifier.HARDWARE, hardware_octets(mac))
    return lease(number, client=0, **{"hardware": who, "name": f"device-{number}", **more})._replace(client=who)


class Service:
    """What the dhcp cell does with the desk."""

    def __init__(self, holdings: Holdings) -> None:
        self.holdings = holdings
        self.full = ""

    def ask(self, **request: object) -> dict[str, object]:
        answered = answer(json.dumps(request).encode(), self.holdings)
        self.holdings.book.apply(answered.changes)
        if self.full:
            self.holdings.book.undo(answered.changes)
        else:
            self.holdings.store.commit(answered.changes, saved())
        (line,) = answered.conclude(self.full)
        assert "dhcp" == line.pop("cell")
        json.dumps(line)
        return line


@contextmanager
def service(path: Path, *leases: Lease, settings: DhcpSettings | None = SETTINGS) -> Iterator[Service]:
    with folder(path) as files:
        store = SqliteStore(files, KEY)
        store.load()
        store.commit([LeaseChange(None, one) for one in leases], saved())
        try:
            yield Service(Holdings(LeaseBook(KEY, leases), store, files, settings, TIMES))
        finally:
            store.close()


HOUSEHOLD = (known(1, MAC), known(2, bytes.fromhex("02005e10ca02")), lease(3, state=State.QUARANTINED))


def addresses(line: dict[str, object]) -> list[str]:
    rows = line["leases"]
    assert isinstance(rows, list)
    return [row["address"] for row in rows]


def test_a_list_comes_in_pages_in_the_order_of_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anchorhold.leases.desk.PAGE", 2)
    with service(tmp_path, *reversed(HOUSEHOLD)) as one:
        first = one.ask(do="list")
        second = one.ask(do="list", after=first["next"])
    assert (["10.0.0.1", "10.0.0.2"], ["10.0.0.3"], None) == (addresses(first), addresses(second), second["next"])


def test_a_row_says_dates_of_the_wall_clock_and_no_identifier_that_is_not_stored(tmp_path: Path) -> None:
    with service(tmp_path, HOUSEHOLD[0]) as one:
        (row,) = one.ask(do="show", device="device-1")["leases"]  # type: ignore[misc, attr-defined]
    assert DATE + HOUR + AHEAD == row["until"]
    assert (None, "bound", "address4") == (row["identifier"], row["state"], row["kind"])
    assert HOUSEHOLD[0].client.hex() == row["client"]


@pytest.mark.parametrize(
    "spelling",
    [
        "02:00:5e:10:ca:01",
        "02-00-5E-10-CA-01",
        "0200.5e10.ca01",
        "02005e10ca01",
        "01:02:00:5e:10:ca:01",
        "10.0.0.1",
        "device-1",
    ],
)
def test_a_device_is_found_by_whatever_it_is_called(tmp_path: Path, spelling: str) -> None:
    with service(tmp_path, *HOUSEHOLD) as one:
        assert ["10.0.0.1"] == addresses(one.ask(do="show", device=spelling))


def test_a_duid_is_found_by_itself_and_by_the_address_in_it(tmp_path: Path) -> None:
    duid = b"\0\3\0\1" + MAC
    who = tag(KEY, Identifier.DUID, duid)
    six = lease(9, kind=Kind.ADDRESS6, address=b"\x20\1" + bytes(14), length=128, hardware=b"")._replace(client=who)
    with service(tmp_path, six) as one:
        for spelling in (duid.hex(":"), MAC.hex(":")):
            assert ["2001::"] == addresses(one.ask(do="show", device=spelling))


@pytest.mark.parametrize("text", ["", "a b", "02:00", "x" * 64, "..", "10.0.0"])
def test_what_names_no_device_is_said(text: str) -> None:
    with pytest.raises(BadDevice, match="names no device"):
        read_device(text)


def test_a_release_ends_leases_here_and_on_disk(tmp_path: Path) -> None:
    with service(tmp_path, *HOUSEHOLD) as one:
        assert ["10.0.0.1"] == addresses(one.ask(do="release", device="10.0.0.1"))
        assert [] == one.ask(do="release", device="10.0.0.1")["leases"]
        assert HOUSEHOLD[1:] == one.holdings.store.load().leases


def test_a_disk_that_does_not_take_it_is_said_and_nothing_changes(tmp_path: Path) -> None:
    with service(tmp_path, *HOUSEHOLD) as one:
        one.full = "the disk is full"
        assert "nothing was changed" in str(one.ask(do="release", device="10.0.0.1")["error"])
        assert "the disk is full" in str(one.ask(do="forget", device="10.0.0.1")["error"])
        assert 3 == len(one.holdings.book)


@pytest.mark.parametrize(
    "request_",
    [b"", b"{", b"[]", b'{"do": "x"}', b'{"do": "show"}', b'{"do": "list", "after": "x"}', b'{"do": "list", "y": 1}'],
)
def test_a_bad_request_gets_an_error_and_no_exception(tmp_path: Path, request_: bytes) -> None:
    with service(tmp_path) as one:
        answered = answer(request_, one.holdings)
    (line,) = answered.conclude("")
    assert ((), True) == (answered.changes, bool(line["error"]))


# Import.


def foreign(address: str, **more: object) -> dict[str, object]:
    kind = "address6" if ":" in address else "address4"
    return {
        "kind": kind,
        "address": address,
        "until": DATE + AHEAD + HOUR,
        "hardware": MAC.hex(),
        "where": "f:1",
        **more,
    }


def test_a_lease_of_another_server_becomes_ours_with_tags_for_identifiers(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        leases = [foreign("192.0.2.20", client_id="0102005e10ca01", name="Laptop.home.arpa", duration=600)]
        line = one.ask(do="import", leases=leases)
        (made,) = one.holdings.store.load().leases
    assert {"taken": 1, "refused": []} == line
    client = tag(KEY, Identifier.CLIENT, bytes.fromhex("0102005e10ca01"))
    hardware = tag(KEY, Identifier.HARDWARE, hardware_octets(MAC))
    assert (client, hardware, "laptop", 600, "192.0.2.0/24") == (
        made.client,
        made.hardware,
        made.name,
        made.duration,
        made.subnet,
    )
    assert (Epoch(DATE + HOUR), True, b"") == (made.until, made.changing, made.identifier)
    assert MAC not in contents(tmp_path)


def test_ipv6_leases_and_prefixes_find_their_subnets(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        duid = (b"\0\3\0\1" + MAC).hex()
        six = [
            foreign("2001:db8::5", duid=duid, iaid=7),
            foreign("2001:db8:1::", duid=duid, iaid=9, kind="prefix6", length=56),
        ]
        assert 2 == one.ask(do="import", leases=six)["taken"]
        made = one.holdings.store.load().leases
    assert [("2001:db8::/64", 128, 7), ("2001:db8::/64", 56, 9)] == [(m.subnet, m.length, m.iaid) for m in made]
    assert {tag(KEY, Identifier.DUID, bytes.fromhex(duid))} == {m.client for m in made}


@pytest.mark.parametrize(
    ("row", "why", "harmless"),
    [
        (foreign("198.51.100.1"), "no [[dhcp.subnet]]", False),
        (foreign("192.0.2.1", until=DATE + AHEAD), "it has ended", True),
        (foreign("192.0.2.1", hardware=""), "neither a hardware address nor", False),
        (foreign("192.0.2.1", hardware="zz"), "non-hexadecimal", False),
        (foreign("2001:db8::1"), "no DUID", False),
        (foreign("192.0.2.1", kind="prefix6"), "no DUID", False),
        (foreign("192.0.2.1", kind="x"), "no such kind", False),
        (foreign("192.0.2"), "IPv4", False),
        (foreign("192.0.2.1", client_tag="ab", key="x"), "that of another key", False),
        (foreign("192.0.2.77"), "another client has this address", False),
        (foreign("192.0.2.78"), "it is here already", True),
        (foreign("192.0.2.79"), "quarantine", False),
    ],
)
def test_what_cannot_be_taken_is_told_with_the_reason(
    tmp_path: Path, row: dict[str, object], why: str, harmless: bool
) -> None:
    held = (
        known(1, bytes(5) + b"\7", address=bytes((192, 0, 2, 77))),
        known(2, MAC, address=bytes((192, 0, 2, 78))),
        known(3, MAC, address=bytes((192, 0, 2, 79)), state=State.QUARANTINED),
    )
    with service(tmp_path, *held) as one:
        line = one.ask(do="import", leases=[row])
    (refused,) = line["refused"]  # type: ignore[misc, attr-defined]
    assert (0, 0, harmless, "f:1") == (line["taken"], refused["row"], refused["harmless"], refused["where"])
    assert why in refused["why"]


def test_names_go_to_the_first_of_a_family_and_never_what_is_ours(tmp_path: Path) -> None:
    macs = [f"02005e10cb{number:02x}" for number in range(7)]
    names = ["tv", "tv", "gateway", "wpad", "a b", "x_y", "dns"]
    leases = [foreign(f"192.0.2.{n + 1}", hardware=macs[n], name=names[n]) for n in range(7)]
    leases.append(foreign("2001:db8::1", duid="0003000102005e10cb00", name="tv"))
    with service(tmp_path) as one:
        assert 8 == one.ask(do="import", leases=leases)["taken"]
        assert ["tv", "", "", "", "", "", "", "tv"] == [each.name for each in one.holdings.store.load().leases]


def test_without_settings_the_subnet_is_left_open_and_found_at_the_next_start(tmp_path: Path) -> None:
    with service(tmp_path, settings=None) as one:
        one.ask(do="import", leases=[foreign("192.0.2.1", until=0), foreign("198.51.100.1", hardware="02005e10cb00")])
        made = one.holdings.store.load().leases
    assert ["", ""] == [each.subnet for each in made]
    assert ["192.0.2.0/24", ""] == [each.subnet for each in rehomed(made, SETTINGS)]
    assert 43_200 == made[0].duration


def test_our_own_export_comes_back_by_its_tags(tmp_path: Path) -> None:
    with service(tmp_path, HOUSEHOLD[0], settings=None) as one:
        key = one.ask(do="list")["key"]
        one.ask(do="release", device="10.0.0.1")
        row = foreign("10.0.0.1", hardware="", client_tag=HOUSEHOLD[0].client.hex(), hardware_tag="", key=key)
        assert 1 == one.ask(do="import", leases=[row])["taken"]
        assert ["10.0.0.1"] == addresses(one.ask(do="show", device=MAC.hex()))


def test_a_stored_identifier_is_shown_with_its_kind(tmp_path: Path) -> None:
    settings = DhcpSettings(1, subnets=SETTINGS.subnets, store_identifiers=True)
    with service(tmp_path, settings=settings) as one:
        rows = [
            foreign("192.0.2.1", client_id="0102005e10ca01"),
            foreign("192.0.2.2", hardware="02005e10ca02"),
            foreign("2001:db8::1", duid="0003000102005e10ca03"),
        ]
        one.ask(do="import", leases=rows)
        shown = [row["identifier"] for row in one.ask(do="list")["leases"]]  # type: ignore[attr-defined]
    assert [
        {"kind": "client", "octets": "0102005e10ca01"},
        {"kind": "hardware", "octets": "02005e10ca02"},
        {"kind": "duid", "octets": "0003000102005e10ca03"},
    ] == shown


# Forget.


def test_a_device_is_forgotten_and_its_absence_is_proved(tmp_path: Path) -> None:
    stored = known(1, MAC, identifier=MAC)
    with service(tmp_path, stored, HOUSEHOLD[1]) as one:
        assert MAC in contents(tmp_path)
        (tmp_path / "leases.db.damaged-20270101T000000Z").write_bytes(MAC)
        line = one.ask(do="forget", device="device-1")
        octets = contents(tmp_path)
    assert ["10.0.0.1"] == addresses(line)
    assert ([], {"leases.db", "leases.db-wal"}) == (line["found"], {f["file"] for f in line["scanned"]})  # type: ignore[attr-defined]
    kinds = {row["what"].partition(",")[0] for row in line["looked_for"]}  # type: ignore[attr-defined]
    assert {"identifier", "hardware address", "tag", "name"} == kinds
    assert (False, False, True) == (MAC in octets, stored.client in octets, HOUSEHOLD[1].client in octets)


def test_what_is_left_is_found(tmp_path: Path) -> None:
    """A file that is none of ours is looked through as well, and not touched."""
    for number, spelling in enumerate([MAC, MAC.hex(":").upper().encode(), b"x" * 100 + MAC.hex("-").encode()]):
        (tmp_path / f"note-{number}").write_bytes(spelling)
    with service(tmp_path, HOUSEHOLD[0]) as one:
        found = one.ask(do="forget", device=MAC.hex(":"))["found"]
    assert [f"note-{number}: " for number in range(3)] == sorted({line[:8] for line in found})  # type: ignore[attr-defined]


def test_a_cell_that_cannot_list_its_folder_looks_through_what_whoever_asks_sees_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with service(tmp_path, HOUSEHOLD[0]) as one:
        one.holdings.folder.settle()
        (tmp_path / "copy").write_bytes(MAC)
        assert [] == one.ask(do="forget", device=MAC.hex(":"))["found"]
        line = one.ask(do="forget", device=MAC.hex(":"), names=[*os.listdir(tmp_path), "gone", ".."])
    assert {"copy"} == {found.partition(":")[0] for found in line["found"]}  # type: ignore[attr-defined]
    assert {"copy", "leases.db", "leases.db-wal"} == {f["file"] for f in line["scanned"]}  # type: ignore[attr-defined]


def test_a_row_that_the_book_does_not_know_is_removed_too(tmp_path: Path) -> None:
    with service(tmp_path, *HOUSEHOLD) as one:
        one.holdings.book.apply([LeaseChange(HOUSEHOLD[0], None)])
        assert ([], []) == ((line := one.ask(do="forget", device=MAC.hex()))["leases"], line["found"])
        assert HOUSEHOLD[1:] == one.holdings.store.load().leases


def test_a_disk_that_fails_while_forgetting_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreFailed("the disk is tired")

    with service(tmp_path, *HOUSEHOLD) as one:
        monkeypatch.setattr(one.holdings.store, "forget", fail)
        assert "the disk is tired; try again" in str(one.ask(do="forget", device="10.0.0.1")["error"])
