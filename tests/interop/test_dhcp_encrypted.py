"""DNR (RFC 9463) of the real service, as a client and tshark see it: told while the encrypted way in is up, taken back when its
certificate is no use any more; and the name of a lease, answered there."""

import os
import signal
from pathlib import Path

from kit.certificates import authority
from kit.dhcp_clients import Udhcpc
from kit.dhcp_house import HOUSE4, HOUSE6, house
from kit.pcap import tshark
from kit.peers import peer, until

NAME = "dns.home.arpa"
TABLES = """
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "lan0"
pools = ["192.0.2.100-192.0.2.109"]
[[dhcp.advertise]]
interface = "lan0"
interval = [3, 4]
[secure]
name = "{name}"
listen = ["tls://{four}", "tls://[{six}]"]
certificate = "files"
chain = "{folder}/chain.pem"
key = "{folder}/key.pem"
"""


def write(folder: Path, *, expired: bool) -> None:
    made = authority().issue(NAME, HOUSE4, HOUSE6, expired=expired)
    for name, data in (("key.pem", made.key), ("chain.pem", made.certificate)):
        (folder / "new").write_bytes(data)
        (folder / "new").chmod(0o600)
        os.replace(folder / "new", folder / name)


def test_the_encrypted_way_in_is_told_and_taken_back(tmp_path: Path) -> None:
    write(tmp_path, expired=False)
    capture = tmp_path / "told.pcapng"
    tables = TABLES.format(name=NAME, four=HOUSE4, six=HOUSE6, folder=tmp_path)
    with house(tables, kept=capture) as here:
        here.running.wait_for("secure", "serves")
        client = Udhcpc(here.lan.device("lan0"), tmp_path / "client", options=("-O", "162"))
        try:

            def told() -> str:
                return client.renew().get("opt162", "")

            client.get()
            until(lambda: b"\3dot" in bytes.fromhex(told()), "the offer")
            data = bytes.fromhex(told())
            assert data[4:] == b"\x0f\3dns\4home\4arpa\0\4" + bytes(map(int, HOUSE4.split("."))) + b"\0\1\0\4\3dot"
            write(tmp_path, expired=True)
            here.running.wait_for("the certificate has run out")
            until(lambda: told() == "", "the end of the offer")
        finally:
            client.end()
    assert "(144)" in tshark(capture, "-Y", "icmpv6.type == 134", "-V")


def test_the_name_of_a_lease_is_answered_over_tls_and_by_the_next_process_too(tmp_path: Path) -> None:
    write(tmp_path, expired=False)
    (tmp_path / "ca.pem").write_text(authority().pem)
    tables = TABLES.format(name=NAME, four=HOUSE4, six=HOUSE6, folder=tmp_path)
    with house(tables) as here:
        here.running.wait_for("secure", "serves")
        place = here.lan.device("lan0")
        client = Udhcpc(place, tmp_path / "client", options=("-x", "hostname:laptop"))
        proved = (f"+tls-ca={tmp_path}/ca.pem", f"+tls-hostname={NAME}")

        def asked() -> list[str]:
            return place.run(peer("kdig"), f"@{HOUSE4}", *proved, "+short", "laptop.home.arpa").split()

        try:
            address = client.get()["ip"]
            until(lambda: asked() == [address], "the name of the lease")
            former = here.running.cell("secure")
            os.kill(former, signal.SIGKILL)
            until(lambda: here.running.cell("secure") not in (0, former), "the next process")
            until(lambda: asked() == [address], "the name of the lease")
        finally:
            client.end()
