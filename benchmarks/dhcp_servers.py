"""The DHCP servers side by side: one /16, leases of an hour, no conflict check, leases kept on disk as each does by default.

`command(folder, held)` writes its files, among them `held` leases in the form the server reads, and returns the command line;
`kept` are the files with leases. Clients 0 to `held` - 1 of `dhcp_load.hardware` have the leases.
"""

import ipaddress
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dhcp_load import hardware

FIRST, LAST = "10.77.1.0", "10.77.200.255"
LEASE = 3_600


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    program: str
    command: Callable[[Path, int], list[str]]
    kept: str
    """Pattern of the files with leases, below the folder."""
    slow: bool = False
    """One measurement of it takes as long as all of the others."""


def address(number: int) -> str:
    return str(ipaddress.IPv4Address(FIRST) + number)


def mac(number: int) -> str:
    return hardware(number).hex(":")


def dnsmasq(folder: Path, held: int) -> list[str]:
    until = int(time.time()) + LEASE
    lines = [f"{until} {mac(number)} {address(number)} * 01:{mac(number)}\n" for number in range(held)]
    (folder / "dnsmasq.leases").write_text("".join(lines))
    return [
        *("dnsmasq", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--port=0", "--interface=s0", "--no-ping"),
        *("--bind-interfaces", "--except-interface=lo", f"--dhcp-range={FIRST},{LAST},255.255.0.0,{LEASE}"),
        *(f"--dhcp-leasefile={folder}/dnsmasq.leases", "--dhcp-lease-max=60000", "--dhcp-authoritative"),
        *("--dhcp-option=option:dns-server,10.77.0.1", "--user=root", "--keep-in-foreground"),
        *(f"--log-facility={folder}/dnsmasq.log", f"--pid-file={folder}/dnsmasq.pid"),
    ]


KEA_HEAD = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"


def kea(folder: Path, held: int) -> list[str]:
    until = int(time.time()) + LEASE
    rows = [f"{address(number)},{mac(number)},01:{mac(number)},{LEASE},{until},1,0,0,,0,\n" for number in range(held)]
    (folder / "kea.csv").write_text(KEA_HEAD + "".join(rows))
    data = [
        {"name": "domain-name-servers", "data": "10.77.0.1"},
        {"name": "routers", "data": "10.77.0.1"},
    ]
    settings = {
        "interfaces-config": {"interfaces": ["s0"], "dhcp-socket-type": "raw"},
        "lease-database": {"type": "memfile", "persist": True, "name": f"{folder}/kea.csv", "lfc-interval": 0},
        "valid-lifetime": LEASE,
        "option-data": data,
        "subnet4": [{"id": 1, "subnet": "10.77.0.0/16", "pools": [{"pool": f"{FIRST} - {LAST}"}]}],
        "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": f"{folder}/kea.log"}], "severity": "WARN"}],
    }
    (folder / "kea.json").write_text(json.dumps({"Dhcp4": settings}))
    places = [f"KEA_PIDFILE_DIR={folder}", f"KEA_LOCKFILE_DIR={folder}"]
    return ["/usr/bin/env", *places, "/usr/sbin/kea-dhcp4", "-c", f"{folder}/kea.json"]


def anchorhold(folder: Path, held: int) -> list[str]:
    path = folder / "anchorhold.toml"
    path.write_text(f"""[listen]
addresses = ["10.77.0.1:53"]
control = "{folder}/control.sock"
[service]
state = "{folder}/state"
[resolve]
mode = "iterate"
[dhcp]
relays = ["10.77.0.2"]
conflict_check = false
rate = 10000
interface_rate = 1000000
lease_time = {LEASE}
[[dhcp.subnet]]
prefix = "10.77.0.0/16"
interface = "s0"
pools = ["{FIRST}-{LAST}"]
""")
    program = str(Path(sys.executable).parent / "anchorhold")
    if held:
        until = int(time.time()) + LEASE
        lines = [f"{until} {mac(number)} {address(number)} * 01:{mac(number)}\n" for number in range(held)]
        (folder / "to-import.leases").write_text("".join(lines))
        command = [
            program,
            "leases",
            "import",
            "--state",
            f"{folder}/state",
            "--control",
            f"{folder}/control.sock",
            str(folder / "to-import.leases"),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [program, "run", "--config", str(path)]


SERVERS = (
    Server("anchorhold", "python3", anchorhold, "state/leases/*"),
    Server("dnsmasq", "dnsmasq", dnsmasq, "dnsmasq.leases", slow=True),
    Server("kea-dhcp4", "kea-dhcp4", kea, "kea.csv*"),
)
