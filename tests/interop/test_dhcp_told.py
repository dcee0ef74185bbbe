"""What Debian's clients are told by the real service, by what they say of themselves and where they are: classes, shared
networks, changed ranges, captive portals, the prefix of a translator."""

import signal
from pathlib import Path

import pytest
from kit.dhcp_clients import Client, Dhclient, Udhcpc
from kit.dhcp_house import House, house
from kit.pcap import tshark
from kit.peers import until

LAN = """
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "lan0"
"""
PORTAL = "https://portal.example/api"


# --- router advertisements -----------------------------------------------------------------------------------------------

TRANSLATED = f"""
[[dhcp.advertise]]
interface = "lan0"
interval = [3, 4]
nat64 = ["64:ff9b::/96"]
captive_portal = "{PORTAL}"
"""
PREF64, CAPTIVE_PORTAL = 38, 37
"""Options of a router advertisement (RFC 8781 §4, RFC 8910 §2.3)."""


def test_a_router_advertisement_tells_the_translators_prefix_and_the_portal(tmp_path: Path) -> None:
    capture = tmp_path / "told.pcapng"
    with house(TRANSLATED, kept=capture) as here:
        shown = here.lan.device("lan0").run("rdisc6", "-1", "-w", "20000", "port0")
        assert "from fe80::" in shown, shown
    said = tshark(capture, "-Y", "icmpv6.type == 134", "-V").split("Internet Control Message Protocol v6")[1]
    assert f"({PREF64})" in said, said
    assert "64:ff9b::" in said, said
    assert f"({CAPTIVE_PORTAL})" in said, said
    assert PORTAL in said, said


def test_a_client_is_told_of_the_captive_portal(tmp_path: Path) -> None:
    """RFC 8910 §2.1."""
    capture = tmp_path / "told.pcapng"
    table = f'{LAN}pools = ["192.0.2.100-192.0.2.109"]\noptions = {{ captive-portal = "{PORTAL}" }}\n'
    with house(table, kept=capture) as here:
        client = Udhcpc(here.lan.device("lan0"), tmp_path / "client", options=("-O", "114"))
        try:
            assert PORTAL == bytes.fromhex(client.get()["opt114"]).decode()
        finally:
            client.end()
    said = tshark(capture, "-Y", "dhcp.option.dhcp == 5", "-V")
    assert "Option: (114)" in said
    assert PORTAL in said


# --- classes -------------------------------------------------------------------------------------------------------------

CLASSES = f"""
{LAN}pools = [
    "192.0.2.100-192.0.2.109",
    {{ range = "192.0.2.120-192.0.2.129", classes = ["phones"] }},
    {{ range = "192.0.2.140-192.0.2.149", classes = ["kiosks"] }},
]
[dhcp.classes.phones]
vendor = ["Desk-Phone"]
options = {{ ntp-servers = "192.0.2.7" }}
lease_time = "20m"
[dhcp.classes.kiosks]
user = ["kiosk"]
options = {{ ntp-servers = "192.0.2.8" }}
"""


class PhoneOfIsc(Dhclient):
    settings = (
        f'{Dhclient.settings}send vendor-class-identifier "Desk-Phone/7";\n'
        "request subnet-mask, domain-name-servers, ntp-servers;\n"
    )


class KioskOfIsc(Dhclient):
    """One user class with its length, as RFC 3004 §4 has it."""

    settings = (
        f'{Dhclient.settings}send user-class "\\005kiosk";\nrequest subnet-mask, domain-name-servers, ntp-servers;\n'
    )


@pytest.mark.parametrize(
    ("client", "options", "pool", "time_server", "lease"),
    [
        (Udhcpc, ("-O", "ntpsrv"), 100, None, "600"),
        (Udhcpc, ("-O", "ntpsrv", "-V", "Desk-Phone/7"), 120, "192.0.2.7", "1200"),
        (Udhcpc, ("-O", "ntpsrv", "-x", "77:056b696f736b"), 140, "192.0.2.8", "600"),
        (PhoneOfIsc, (), 120, "192.0.2.7", "1200"),
        (KioskOfIsc, (), 140, "192.0.2.8", "600"),
    ],
)
def test_what_a_client_says_it_is_chooses_its_pool_and_its_options(
    client: type[Client], options: tuple[str, ...], pool: int, time_server: str | None, lease: str, tmp_path: Path
) -> None:
    with house(CLASSES, 'lease_time = "10m"') as here:
        made = client(here.lan.device("lan0"), tmp_path, options=options)
        try:
            made.start()  # type: ignore[attr-defined]
            told = made.wait_for("bound", "BOUND")
            address = told.get("new_ip_address") or told["ip"]
            assert pool <= int(address.rpartition(".")[2]) <= pool + 9
            assert time_server == (told.get("new_ntp_servers") or told.get("ntpsrv"))
            assert lease == (told.get("new_dhcp_lease_time") or told["lease"])
        finally:
            made.end()


# --- shared networks -----------------------------------------------------------------------------------------------------

SHARED = f"""
{LAN}shared = "house"
pools = ["192.0.2.100-192.0.2.101"]
[[dhcp.subnet]]
prefix = "198.51.100.0/24"
shared = "house"
pools = ["198.51.100.100-198.51.100.109"]
routers = ["198.51.100.1"]
"""


def test_a_full_subnet_of_a_shared_network_is_continued_in_the_next(tmp_path: Path) -> None:
    """Both are on one cable; who got an address of the second renews it there by unicast."""
    with house(SHARED) as here:
        here.lan.server.ip("address add 198.51.100.1/24 dev lan0")
        clients = [Udhcpc(here.lan.device("lan0"), tmp_path / str(number)) for number in range(3)]
        try:
            told = [client.get() for client in clients]
            prefixes = sorted(one["ip"].rpartition(".")[0] for one in told)
            assert ["192.0.2", "192.0.2", "198.51.100"] == prefixes
            last = next(at for at, one in enumerate(told) if one["ip"].startswith("198."))
            assert "198.51.100.1" == told[last]["router"]
            assert told[last]["ip"] == clients[last].renew()["ip"]
            assert here.counters()["renewed"] == 1
        finally:
            for client in clients:
                client.end()


# --- changed ranges ------------------------------------------------------------------------------------------------------


def change(here: House, old: str, new: str, generation: int) -> None:
    """Another configuration, at a reload."""
    file = here.folder / "anchorhold.toml"
    file.write_text(file.read_text().replace(old, new))
    here.running.signal(signal.SIGHUP)
    # That is said when names are answered by it.
    here.running.all_serve(here.folder / "control.sock", generation)


def test_a_range_that_was_changed_at_a_reload_counts_from_then_on(tmp_path: Path) -> None:
    """Who has an address outside of the new range is told no at its next renewal and gets one inside; one that is in both
    is kept; an old address is free for whoever it is reserved for."""
    with house(f'{LAN}pools = ["192.0.2.100-192.0.2.109"]\n') as here:
        client = Udhcpc(here.lan.device("lan0", "00:16:3e:00:00:07"), tmp_path / "one")
        other = Udhcpc(here.lan.device("lan0", "00:16:3e:00:00:08"), tmp_path / "other")
        try:
            old = client.get()["ip"]
            change(here, "192.0.2.100-192.0.2.109", "192.0.2.100-192.0.2.129", 2)
            assert old == client.renew()["ip"]
            change(here, "192.0.2.100-192.0.2.129", "192.0.2.120-192.0.2.129", 3)
            before = len(client.told)
            client.signal(signal.SIGUSR1)
            new = client.wait_for("bound", after=before)["ip"]
            assert 120 <= int(new.rpartition(".")[2]) <= 129
            assert here.counters()["wrong-address"] >= 1
            table = f'\n[[dhcp.host]]\nhardware = ["00:16:3e:00:00:08"]\naddresses = ["{old}"]\n'
            change(here, "[[dhcp.subnet]]", f"{table}[[dhcp.subnet]]", 4)
            client.release()
            until(lambda: new not in here.addresses(), "the end of the lease")
            assert other.get()["ip"].startswith("192.0.2.")
        finally:
            client.end()
            other.end()
