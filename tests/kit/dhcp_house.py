"""The real service as DHCP server of a small network, and what it says of its leases."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.lan import Lan, captured, lan
from kit.pcap import tshark
from kit.peers import open_folder
from kit.service import Running, config_text, started

ANCHORHOLD = str(Path(sys.executable).parent / "anchorhold")

HOUSE4, HOUSE6 = "192.0.2.1", "2001:db8:7::1"
ACCESS = '[access]\nallow = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8:7::/64"]\n'
SUBNETS = """
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "lan0"
pools = ["192.0.2.100-192.0.2.199"]

[[dhcp.subnet]]
prefix = "2001:db8:7::/64"
interface = "lan0"
pools = ["2001:db8:7::1000-2001:db8:7::ffff"]
delegations = [{ prefix = "2001:db8:100::/48", length = 56 }]

[[dhcp.advertise]]
interface = "lan0"
managed = true
interval = [3, 4]
"""


@dataclass
class House:
    """A network with the service in its server's namespace."""

    lan: Lan
    folder: Path
    running: Running

    def leases(self) -> list[dict[str, object]]:
        """As `anchorhold leases list --json` tells them."""
        told = json.loads(self.command("leases", "list", "--json"))
        leases: list[dict[str, object]] = told["leases"] if isinstance(told, dict) else told
        return leases

    def addresses(self) -> set[str]:
        """Of all leases."""
        return {str(lease["address"]) for lease in self.leases()}

    def counters(self) -> dict[str, int]:
        """Of the dhcp cell."""
        cells = json.loads(self.command("status", "--json"))
        found: dict[str, int] = cells["dhcp"]["counters"]
        return found

    def command(self, *arguments: str) -> str:
        """An `anchorhold` command in the house."""
        return self.lan.server.run(ANCHORHOLD, *arguments, "--control", str(self.folder / "control.sock"))

    def ask(self, place: str, name: str, rrtype: str) -> str:
        """What `dig +short` says in the server's namespace."""
        return self.lan.server.run("dig", "+short", "+tries=2", "+time=10", f"@{place}", name, rrtype).strip()


@contextmanager
def serving(net: Lan, folder: Path, text: str, modules: tuple[str, ...] = ()) -> Iterator[Running]:
    """The service in the server's namespace, ready to answer; `modules` as `started` has them."""
    config = folder / "anchorhold.toml"
    config.write_text(text)
    with started(config, *modules, within=net.server) as running:
        running.all_serve(folder / "control.sock")
        yield running


@contextmanager
def house(tables: str = SUBNETS, general: str = "", least: int = 1, kept: Path | None = None) -> Iterator[House]:
    """Ready to serve on `lan0`; `general` is put below [dhcp]. At the end tshark has read everything we sent without a warning:
    `least` messages, so that nobody takes an empty capture for a good one. `kept`: the capture, to be read after the end."""
    with open_folder() as folder, lan() as network:
        network.bridge("lan0", f"{HOUSE4}/24", f"{HOUSE6}/64")
        text = config_text(folder, extra=f"{ACCESS}[dhcp]\n{general}\n{tables}")
        text = text.replace('"127.0.0.1:0"', f'"{HOUSE4}:53", "[{HOUSE6}]:53"')
        with (
            captured(network.server, "lan0", kept or folder / "lan0.pcapng") as capture,
            serving(network, folder, text) as running,
        ):
            yield House(network, folder, running)
            if running.process.poll() is None:
                assert running.end() == 0
        assert expert_warnings(capture) == []
        assert len(tshark(capture, "-Y", OURS).splitlines()) >= least


WARNING = 0x600000
"""PI_WARN of Wireshark (epan/proto.h)."""

OURS = "(dhcp && dhcp.type == 2) || (dhcpv6 && udp.srcport == 547) || icmpv6.type == 134"


def expert_warnings(capture: Path) -> list[str]:
    """What tshark finds wrong with messages of ours: every expert item of the severity "warning" or worse."""
    wrong = f"({OURS}) && _ws.expert.severity >= {WARNING}"
    return tshark(capture, "-Y", wrong, "-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message").splitlines()
