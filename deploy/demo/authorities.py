"""Three authoritative servers on loopback, a root, a top-level domain and a zone, over UDP with dnspython; each records what
it is shown."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset

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

RECORDS = {
    ("www.cove.island.", "A"): ("203.0.113.80",),
    ("a.deep.cove.island.", "AAAA"): ("2001:db8::80",),
    (".", "NS"): ("root.nic.island.",),
}
TTL = 600


class Authoritative(asyncio.DatagramProtocol):
    """One server's socket."""

    def __init__(self, authority: Authority, log: list[Seen]) -> None:
        self._authority = authority
        self._log = log

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        """Note it down, and answer."""
        query = dns.message.from_wire(data)
        self._log.append(seen(self._authority.title, "UDP", data, query))
        self._transport.sendto(answer(self._authority, query).to_wire(), sender)  # type: ignore[attr-defined]


def answer(authority: Authority, query: dns.message.Message) -> dns.message.Message:
    """Data, a referral to the child, an empty non-terminal, or NXDOMAIN."""
    response = dns.message.make_response(query)
    name = query.question[0].name
    text, rrtype = name.to_text().lower(), dns.rdatatype.to_text(query.question[0].rdtype)
    child = next((a for a in AUTHORITIES if a.zone == authority.child), None)
    if child is not None and name.is_subdomain(dns.name.from_text(child.zone)):
        server = f"ns.{child.zone}"
        response.authority.append(dns.rrset.from_text(child.zone, TTL, "IN", "NS", server))
        response.additional.append(dns.rrset.from_text(server, TTL, "IN", "A", child.address))
        return response
    response.flags |= dns.flags.AA
    found = RECORDS.get((text, rrtype))
    if found:
        response.answer.append(dns.rrset.from_text(name, TTL, "IN", rrtype, *found))
        return response
    soa = f"ns.{authority.zone} hostmaster.{authority.zone} 1 7200 900 1209600 300".replace("..", ".")
    response.authority.append(dns.rrset.from_text(authority.zone, TTL, "IN", "SOA", soa))
    if not any(known == text or known.endswith("." + text) for known, _ in RECORDS):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


async def listen(log: list[Seen]) -> tuple[list[asyncio.DatagramTransport], int]:
    """All three, on one port."""
    loop = asyncio.get_running_loop()
    for _ in range(20):
        opened: list[asyncio.DatagramTransport] = []
        port = 0
        try:
            for authority in AUTHORITIES:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda authority=authority: Authoritative(authority, log),  # type: ignore[misc]
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
