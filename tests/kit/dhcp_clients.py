"""The DHCP clients of Debian as a test drives them: each in a place of its own, with a script that notes what it was told and
sets the address, and touches nothing else."""

import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from kit.lan import PATIENCE, Place
from kit.peers import peer as find
from kit.peers import until

SCRIPT = r"""#!/bin/sh
# $1: udhcpc's reason; dhclient and dhcpcd have theirs in the environment.
why=${{reason:-$1}}
link=$interface
case $why in
BOUND | RENEW | REBIND | REBOOT | bound | renew | INFORM | STATELESS)
    address=${{new_ip_address:-$ip}}
    mask=${{new_subnet_mask:-${{mask:-24}}}}
    [ -z "$address" ] || {ip} address replace "$address/$mask" dev "$link"
    ;;
BOUND6 | RENEW6 | REBIND6 | REBOOT6)
    [ -z "$new_ip6_address" ] || {ip} address replace "$new_ip6_address/128" dev "$link"
    ;;
EXPIRE | FAIL | RELEASE | STOP | deconfig)
    {ip} -4 address flush dev "$link"
    ;;
RELEASE6 | EXPIRE6 | DEPREF6)
    [ -z "$old_ip6_address" ] || {ip} address del "$old_ip6_address/128" dev "$link" 2>/dev/null
    ;;
esac
{{ printf 'why=%s\n' "$why"; env; printf '\n'; }} >>{told}
exit 0
"""

Told = dict[str, str]
"""The variables of one call of the script; `why` is its reason, in the client's own words."""


@dataclass
class Client:
    """One client program on `link` of `place`; its files are in `folder`."""

    place: Place
    folder: Path
    link: str = "port0"
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.script = self.folder / "script"
        self.script.write_text(SCRIPT.format(ip=find("ip"), told=self.folder / "told"))
        self.script.chmod(0o755)

    @property
    def told(self) -> list[Told]:
        """Every call of the script so far."""
        path = self.folder / "told"
        # What has no end yet is still being written.
        blocks = path.read_text().split("\n\n")[:-1] if path.exists() else []
        return [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def wait_for(self, *reasons: str, after: int = 0) -> Told:
        """What it was told at the first call with such a reason, not counting the first `after` calls."""
        until = time.monotonic() + PATIENCE
        while True:
            for told in self.told[after:]:
                if told["why"] in reasons:
                    return told
            assert time.monotonic() < until, f"never {reasons}: {[told['why'] for told in self.told]}\n{self.log}"
            time.sleep(0.05)

    def _start(self, *command: str) -> None:
        with (self.folder / "log").open("ab") as output:
            self.process = subprocess.Popen(
                self.place.inside(*command), stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )

    def signal(self, number: int) -> None:
        """To the client itself: `nsenter` has become it."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        """Without a word to the server."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Udhcpc(Client):
    """BusyBox. Reasons: bound, renew, deconfig, nak, leasefail."""

    def start(self) -> None:
        """In the foreground, for as long as wanted."""
        self._start(
            *("udhcpc", "-i", self.link, "-f", "-s", str(self.script), "-t", "5", "-T", "1", "-A", "1"), *self.options
        )

    def get(self) -> Told:
        """Its lease."""
        self.start()
        return self.wait_for("bound")

    def renew(self) -> Told:
        """At once."""
        before = len(self.told)
        self.signal(signal.SIGUSR1)
        return self.wait_for("renew", "bound", after=before)

    def release(self) -> None:
        """And wait until it has."""
        before = len(self.told)
        self.signal(signal.SIGUSR2)
        self.wait_for("deconfig", after=before)


class Dhclient(Client):
    """ISC. `family` "-4" or "-6". Reasons: BOUND, RENEW, REBIND, REBOOT, BOUND6 …"""

    family = "-4"
    settings = "timeout 60;\nretry 1;\nreboot 20;\ninitial-interval 1;\nselect-timeout 0;\nbackoff-cutoff 2;\n"

    def _command(self, *more: str) -> tuple[str, ...]:
        (self.folder / "conf").write_text(self.settings)
        files = {"-lf": "leases", "-pf": "pid", "-cf": "conf", "-sf": "script"}
        paths = [part for flag, name in files.items() for part in (flag, str(self.folder / name))]
        return ("dhclient", self.family, "-d", *paths, *self.options, *more, self.link)

    def start(self) -> None:
        self._start(*self._command())

    def get(self) -> Told:
        """A lease: a new one, or the one in its file confirmed."""
        before = len(self.told)
        self.start()
        told = self.wait_for("BOUND", "REBOOT", "BOUND6", "REBIND6", after=before)
        if address := told.get("new_ip_address"):
            # It writes that down when the script has ended, and whoever ends it before takes the lease from it.
            until(lambda: f"fixed-address {address};" in self._leases(), "the lease in its file")
        return told

    def _leases(self) -> str:
        path = self.folder / "leases"
        return path.read_text() if path.exists() else ""

    def release(self) -> None:
        """With the lease in its file."""
        self.end()
        self.place.run(*self._command("-r"), check=False)


class Dhclient6(Dhclient):
    family = "-6"
    settings = ""


class Dhcpcd(Client):
    """Roy Marples'. Reasons: BOUND, RENEW, REBIND, REBOOT, BOUND6, ROUTERADVERT …; it sets addresses itself."""

    settings = "duid\noption domain_name_servers, routers, domain_name, host_name\nrequire dhcp_server_identifier\n"

    def _command(self, *more: str) -> tuple[str, ...]:
        (self.folder / "conf").write_text(self.settings)
        paths = ("-f", str(self.folder / "conf"), "-c", str(self.script))
        return ("dhcpcd", *paths, *self.options, *more, self.link)

    def start(self) -> None:
        self._prepare()
        self._start(*self._command("-B", "-d"))

    def _prepare(self) -> None:
        """Its own folders are on the place's private /var/lib and /run."""
        self.place.run("mkdir", "-p", "/var/lib/dhcpcd", "/run/dhcpcd")

    def get(self, *reasons: str) -> Told:
        before = len(self.told)
        self.start()
        return self.wait_for(*(reasons or ("BOUND", "REBOOT")), after=before)

    def renew(self, *reasons: str) -> Told:
        before = len(self.told)
        self.place.run(*self._command("-n"), check=False)
        return self.wait_for(*(reasons or ("RENEW", "REBIND", "BOUND", "REBOOT")), after=before)

    def release(self) -> None:
        self.place.run(*self._command("-k"), check=False)
