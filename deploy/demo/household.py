"""A household in network namespaces: a device joins it with a real DHCP client, gets an address and the resolver from us, and
resolves a name through it; another device finds it by its own name.

Needs root on Linux. `unshare --net python -m demo.household FOLDER` is the house: the small Internet on its loopback, the
service, and one end of a cable; the device at the other end is a namespace of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.reversename

from demo.internet import Internet
from demo.service import Service

HOUSE, PREFIX, FIRST, LAST = "192.168.77.1", "192.168.77.0/24", "192.168.77.100", "192.168.77.199"
CABLE, PLUG = "house0", "device0"
DEVICE = "kitchen"
SITE, SITE_ADDRESS = "www.harbour.example.", "192.0.2.10"
PATIENCE = 30.0

TABLES = f"""
[[dhcp.subnet]]
prefix = "{PREFIX}"
interface = "{CABLE}"
pools = ["{FIRST}-{LAST}"]
"""

SCRIPT = """#!/bin/sh
# What the client got becomes the namespace's network, and nothing else is touched.
if [ "$1" = bound ]; then
    {ip} address replace "$ip/$mask" dev "$interface"
    printf '%s\\n' "$ip" "$dns" "$router" "$domain" "$lease" >{told}
fi
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What the client was told, as its script saw it."""

    address: str
    resolver: str
    router: str
    domain: str
    lease: str


def find(program: str) -> str | None:
    """Debian keeps some in /usr/sbin."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def missing() -> str:
    """Why this part cannot be shown here; empty if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "making network namespaces needs root on Linux"
    lacking = [program for program in ("unshare", "nsenter", "ip", "udhcpc") if not find(program)]
    if lacking:
        return f"{', '.join(lacking)} not found; on Debian: apt-get install udhcpc iproute2 util-linux"
    able = subprocess.run([str(find("unshare")), "--net", "true"], capture_output=True)
    return "" if able.returncode == 0 else "this machine lets nobody make network namespaces"


def show(folder: Path) -> list[str]:
    """Run it and print it; what was not as expected."""
    print("\nA device joins the household:")
    if why := missing():
        print(f"  not shown: {why}")
        return []
    place = folder / "household"
    place.mkdir(mode=0o711)
    command = [str(find("unshare")), "--net", sys.executable, "-m", "demo.household", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode not in (0, 1) or not done.stdout:
        return [f"household: {done.stderr[-2_000:]}"]
    report = json.loads(done.stdout)
    for line in report["lines"]:
        print(f"  {line}")
    return [f"household: {fault}" for fault in report["faults"]]


class Device:
    """A namespace at the other end of the cable."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen([str(find("unshare")), "--net", "sleep", "300"])
        self._wait_for_namespace()
        ip = str(find("ip"))
        for arguments in (
            "link set lo up",
            f"link add {CABLE} type veth peer name {PLUG} netns {self._process.pid}",
            f"address add {HOUSE}/24 dev {CABLE}",
            f"link set {CABLE} up",
        ):
            subprocess.run([ip, *arguments.split()], check=True)
        # Not a random one: those get short leases first.
        self.run(ip, "link", "set", PLUG, "address", "00:00:5e:00:53:07")
        self.run(ip, "link", "set", PLUG, "up")

    def _wait_for_namespace(self) -> None:
        ours, end = os.readlink("/proc/self/ns/net"), time.monotonic() + 5
        while os.readlink(f"/proc/{self._process.pid}/ns/net") == ours:
            if time.monotonic() > end:
                raise SystemExit("the device's namespace did not come up")
            time.sleep(0.01)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command inside it. Raises CalledProcessError."""
        inside = [str(find("nsenter")), "--target", str(self._process.pid), "--net", *command]
        return subprocess.run(inside, check=True, capture_output=True, text=True, timeout=PATIENCE)

    def join(self) -> Told:
        """Let the client get a lease."""
        told, script = self._folder / "told", self._folder / "script"
        script.write_text(SCRIPT.format(ip=find("ip"), told=told))
        script.chmod(0o755)
        self.run(
            *(str(find("udhcpc")), "-i", PLUG, "-n", "-q", "-f", "-s", str(script), "-t", "10", "-T", "1"),
            *("-x", f"hostname:{DEVICE}"),
        )
        return Told(*told.read_text().splitlines()[:5])

    def ask(self, resolver: str, name: str, rrtype: str) -> str:
        """One question of the device's: the answers, or the response code."""
        return self.run(sys.executable, "-m", "demo.household", "ask", resolver, name, rrtype).stdout.strip()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def house(folder: Path) -> Iterator[Device]:
    """The Internet, the device's cable, the service."""
    device = Device(folder)
    try:
        with Internet(folder) as internet, Service(internet, folder, 5300, (f"{HOUSE}:53",), TABLES):
            yield device
    finally:
        device.close()


def ask(resolver: str, name: str, rrtype: str) -> str:
    """Over UDP, from where we are."""
    response = dns.query.udp(dns.message.make_query(name, rrtype), resolver, timeout=8)
    answers = [item.to_text() for rrset in response.answer for item in rrset]
    return ", ".join(answers) or dns.rcode.to_text(response.rcode())


def visit(folder: Path) -> dict[str, list[str]]:
    """The whole visit: `lines` to print, `faults`."""
    faults: list[str] = []
    with house(folder) as device:
        told = device.join()
        reverse = dns.reversename.from_address(told.address).to_text()
        own = f"{DEVICE}.{told.domain}."
        asked = {
            (SITE, "A"): SITE_ADDRESS,
            (own, "A"): told.address,
            (reverse, "PTR"): own,
            (f"wpad.{told.domain}.", "A"): "NXDOMAIN",
        }
        answers = {question: device.ask(told.resolver, *question) for question in asked}
    if told.resolver != HOUSE or told.router != HOUSE:
        faults.append(f"the device was told resolver {told.resolver} and router {told.router}, expected {HOUSE}")
    faults += [f"{' '.join(q)}: {answers[q]}, expected {asked[q]}" for q in asked if answers[q] != asked[q]]
    lines = [
        f"udhcpc, {told.address} for {int(told.lease) // 3600} hours, resolver {told.resolver}, domain {told.domain}",
        *(f"{name} {rrtype}: {answers[name, rrtype]}" for name, rrtype in asked),
        "its address and name stay between the dhcp and front cells; what went outside is the first question alone",
    ]
    return {"lines": lines, "faults": faults}


def main() -> None:
    """`FOLDER`: the house, its report as JSON. `ask RESOLVER NAME TYPE`: the device's question."""
    match sys.argv[1:]:
        case ["ask", resolver, name, rrtype]:
            print(ask(resolver, name, rrtype))
        case [folder]:
            report = visit(Path(folder))
            print(json.dumps(report))
            sys.exit(1 if report["faults"] else 0)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
