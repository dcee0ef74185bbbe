"""Three authoritative servers on loopback, of the root, a top-level domain and a zone, over UDP with dnspython; each records
what it is shown."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.name

from demo.lookup import Zones, answer_as_server
from demo.signing import Zone
from demo.zone import Seen, seen


@dataclass(frozen=True, slots=True)
class Authority:
    """A server of one zone. `labels`: the most of a name that it needs to be shown (RFC 9156)."""

    title: str
    zone: str
    address: str
    child: str
    labels: int


ROOT = Authority("Root", ".", "127.0.0.6", "island.", 1)
TOP = Authority("Island", "island.", "127.0.0.7", "cove.island.", 2)
COVE = Authority("Cove", "cove.island.", "127.0.0.8", "", 4)
AUTHORITIES = (ROOT, TOP, COVE)
BY_TITLE = {authority.title: authority for authority in AUTHORITIES}


class Authoritative(asyncio.DatagramProtocol):
    """One server's socket."""

    def __init__(self, authority: Authority, zone: Zone, log: list[Seen]) -> None:
        self._authority = authority
        self._zone = zone
        self._log = log

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        """Note it down, and answer."""
        query = dns.message.from_wire(data)
        self._log.append(seen(self._authority.title, "UDP", data, query))
        self._transport.sendto(answer_as_server(self._zone, query).to_wire(), sender)  # type: ignore[attr-defined]


async def listen(zones: Zones, log: list[Seen]) -> tuple[list[asyncio.DatagramTransport], int]:
    """All three, on one port."""
    loop = asyncio.get_running_loop()
    for _ in range(20):
        opened: list[asyncio.DatagramTransport] = []
        port = 0
        try:
            for authority in AUTHORITIES:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda authority=authority: Authoritative(
                        authority, zones[dns.name.from_text(authority.zone)], log
                    ),  # type: ignore[misc]
                    (authority.address, port),
                )
                opened.append(transport)
                port = transport.get_extra_info("sockname")[1]
        except OSError:
            for transport in opened:
                transport.close()
            continue
        return opened, port
    raise SystemExit("no port is free on 127.0.0.6, 127.0.0.7 and 127.0.0.8 alike")


def write_hints(folder: Path) -> Path:
    """The root hints of this small Internet."""
    path = folder / "root.hints"
    path.write_text(f". 3600000 IN NS root.nic.island.\nroot.nic.island. 3600000 IN A {ROOT.address}\n")
    return path
