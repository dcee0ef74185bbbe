"""Households that serve oblivious DNS, as real services: each with a name, a certificate of the test authority and its ports."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
from kit.certificates import authority
from kit.peers import free_ports
from kit.service import UNSIGNED, Running, started

PATIENCE = 60.0


@dataclass
class Household:
    """One of them. `port` is that of HTTPS, `clear` that of plain DNS."""

    name: str
    folder: Path
    port: int
    clear: int
    address: str = "127.0.0.1"
    running: Running | None = None

    @property
    def target(self) -> str:
        """As the upstream of somebody."""
        return f"odoh://{self.name}:{self.port}/odoh"

    @property
    def relay(self) -> str:
        return f"https://{self.name}@{self.address}:{self.port}/relay"

    @property
    def place(self) -> str:
        """As a target of somebody's relay."""
        return f"https://{self.name}@{self.address}:{self.port}/odoh"

    @property
    def authority(self) -> str:
        return f"{self.folder}/ca.pem"

    def ask(self, name: str, source: str | None = None) -> dns.message.Message:
        query = dns.message.make_query(name, "A", use_edns=0)
        return dns.query.udp(query, self.address, timeout=PATIENCE, port=self.clear, source=source)

    def told(self, *command: str) -> list[str]:
        """What a command of ours says of it, line by line."""
        arguments = [sys.executable, "-m", "anchorhold", *command, "--control", f"{self.folder}/control.sock"]
        return subprocess.run(arguments, capture_output=True, text=True, check=False).stdout.splitlines()

    @contextmanager
    def started(self, upstream: str, odoh: str) -> Iterator["Household"]:
        """Serve, with this upstream server (a TOML value) and these lines in [secure.odoh]."""
        config = self.folder / "anchorhold.toml"
        config.write_text(
            f'[service]\nstate = "{self.folder}/state"\n[listen]\naddresses = ["{self.address}:{self.clear}"]\n'
            f'control = "{self.folder}/control.sock"\n{UNSIGNED}[upstreams.default]\nservers = [{upstream}]\n'
            f'[secure]\nname = "{self.name}"\nlisten = ["https://{self.address}:{self.port}"]\ncertificate = "files"\n'
            f'chain = "{self.folder}/chain.pem"\nkey = "{self.folder}/key.pem"\n[secure.odoh]\n{odoh}\n'
        )
        with started(config) as self.running:
            self.running.wait_for("serving on")
            yield self


def settle(folder: Path, *names: str) -> list[Household]:
    """Households with these names, below `folder`, not started."""
    ports = free_ports(2 * len(names))
    found = []
    for place, name in enumerate(names):
        own = folder / name
        own.mkdir(mode=0o755)
        identity = authority().issue(name)
        (own / "chain.pem").write_bytes(identity.certificate)
        (own / "key.pem").touch(mode=0o600)
        (own / "key.pem").write_bytes(identity.key)
        (own / "ca.pem").write_text(authority().pem)
        found.append(Household(name, own, *ports[2 * place : 2 * place + 2]))
    return found
