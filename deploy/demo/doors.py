"""The encrypted ways in: a certificate of an authority of our own, a listener of each kind, and clients that ask there."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dns.message
import dns.query

from anchorhold.direct import Trust, ask_directly, read_url
from demo.questions import NOBODY, UNTOLD, Question
from resolver.policy.discovery import ALPN_OF
from resolver.settings import Served
from wire.dns.codes import QueryFlag
from wire.dns.names import read_name

NAME = "dns.home.arpa"
HERE = "127.0.0.1"
SCHEMES = {"DoT": "tls", "DoH": "https", "DoH3": "h3", "DoQ": "quic"}
REPLY_BLOCK = 468
"""Octets whose multiples answers on encrypted ways have (RFC 8467 §4.1)."""

ASKED = Question("www.harbour.example.", "A", frozenset({"192.0.2.10"}), goes=NOBODY)
"""What front has been asked before: so nobody outside hears of it again."""

OURS = ("DoH", "DoH3")
"""Asked by our own client, which asks for no AD."""

PLAIN: dict[str, Any] = {"sets": "", "worth": UNTOLD}

TOLD = Question("_dns.resolver.arpa.", "SVCB", frozenset(), goes=NOBODY, group="", worth=UNTOLD)


@dataclass(frozen=True, slots=True)
class Doors:
    """The ports of the encrypted ways in, by what they speak, in `folder` of the service."""

    folder: Path
    ports: dict[str, int]

    @property
    def authority(self) -> Path:
        """What devices would be given, so that they believe the certificate."""
        return self.folder / "state" / "certificates" / "authority.pem"

    def tables(self) -> str:
        """Their part of the configuration."""
        places = ", ".join(f'"{SCHEMES[over]}://{HERE}:{port}"' for over, port in self.ports.items())
        return f'\n[secure]\nname = "{NAME}"\nlisten = [{places}]\naddresses = ["{HERE}"]\n'

    def certify(self, config: Path) -> None:
        """Make the authority and the certificate, as a user would."""
        command = [str(Path(sys.executable).parent / "anchorhold"), "certs", "init", "--config", str(config)]
        made = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if made.returncode:
            raise SystemExit(f"anchorhold certs init failed:\n{made.stdout}{made.stderr}")

    def questions(self) -> tuple[Question, ...]:
        """One for each way in, and the one by which devices find them (DDR, RFC 9462)."""
        asked = [replace(ASKED, over=over, **(PLAIN if over in OURS else {})) for over in self.ports]
        return *asked, replace(TOLD, answer=frozenset(ALPN_OF[Served(SCHEMES[over])] for over in self.ports))

    def ask(self, query: dns.message.Message, over: str) -> dns.message.Message:
        """Ask along one of them, the certificate proved by our authority. DoT and DoQ by dnspython, DoH by our own client."""
        port, authority = self.ports[over], str(self.authority)
        query.pad = 128
        match over:
            case "DoT":
                return dns.query.tls(query, HERE, 8, port, server_hostname=NAME, verify=authority)
            case "DoQ":
                query.id = 0
                return dns.query.quic(query, HERE, 8, port, server_hostname=NAME, verify=authority)
            case _:
                spec = read_url(f"{SCHEMES[over]}://{NAME}@{HERE}:{port}", Trust(self.authority.read_text()), tcp=False)
                question = query.question[0]
                key = read_name(question.name.to_text()) + question.rdtype.to_bytes(2, "big") + b"\0\1"
                return dns.message.from_wire(ask_directly(spec, key, QueryFlag.RD))


def unpadded(over: str, response: dns.message.Message) -> list[str]:
    """What is wrong with the size of an answer."""
    octets = len(response.wire or b"")
    return [f"{octets} octets over {over} are no multiple of {REPLY_BLOCK}"] if octets % REPLY_BLOCK else []
