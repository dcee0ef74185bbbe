"""Our own responder: answers rightly from its zones, and then does one thing wrong. Which one, its address tells.

`python -m lab.odd DIRECTORY`: serves the hosts of `lab.plan.ODDITIES` from the master files DIRECTORY/HOST/*.zone.
"""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from kit.authority import Answering, Zone
from lab.compact import compact
from lab.plan import HOSTS, PORT, Host, Software

Message = dns.message.Message
Packets = list[bytes]
"""What goes back for one query, in order."""

NEW_TYPES = frozenset(map(dns.rdatatype.from_text, ("HTTPS", "SVCB", "CAA", "TLSA")))


def honest(query: Message, zones: list[Zone]) -> Message:
    return Answering(query, zones, query.edns >= 0).answer()


def _code(rcode: str, query: Message, zones: list[Zone]) -> Message:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.from_text(rcode))
    return response


def _with_edns(query: Message, zones: list[Zone], rcode: str) -> Message:
    """An error without OPT if there was one, else the answer."""
    if query.edns < 0:
        return honest(query, zones)
    response = _code(rcode, query, zones)
    response.use_edns(False)
    return response


def _refers(owner: str, server: str, query: Message, zones: list[Zone]) -> Message:
    response = dns.message.make_response(query)
    response.authority.append(dns.rrset.from_text(owner, 3_600, "IN", "NS", server))
    return response


def _edited(edit: Callable[[Message, list[Zone]], None], query: Message, zones: list[Zone]) -> Message:
    response = honest(query, zones)
    edit(response, zones)
    return response


def _is_empty_non_terminal(query: Message, zones: list[Zone]) -> bool:
    name = query.question[0].name
    return any(zone.has(name) and name not in zone.nodes for zone in zones)


def _at_empty(instead: str, query: Message, zones: list[Zone]) -> Message | None:
    if not _is_empty_non_terminal(query, zones):
        return honest(query, zones)
    return None if instead == "drop" else _code(instead, query, zones)


def _nxdomain_at_empty(query: Message, zones: list[Zone]) -> Message:
    response = honest(query, zones)
    if _is_empty_non_terminal(query, zones):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


def _new_types(instead: str, query: Message, zones: list[Zone]) -> Message | None:
    if query.question[0].rdtype not in NEW_TYPES:
        return honest(query, zones)
    return None if instead == "drop" else _code(instead, query, zones)


# What is done to an honest response


def _not_authoritative(response: Message, zones: list[Zone]) -> None:
    response.flags &= ~dns.flags.AA


def _no_soa(response: Message, zones: list[Zone]) -> None:
    response.authority = [rrset for rrset in response.authority if rrset.rdtype != dns.rdatatype.SOA]


def _own_ns_for_soa(response: Message, zones: list[Zone]) -> None:
    _no_soa(response, zones)
    if not response.answer:
        response.authority.append(dns.rrset.from_text(zones[0].origin, 3_600, "IN", "NS", f"ns1.{zones[0].origin}"))


def _soa_above(response: Message, zones: list[Zone]) -> None:
    for at, rrset in enumerate(response.authority):
        if rrset.rdtype == dns.rdatatype.SOA:
            response.authority[at] = dns.rrset.from_text("odd.", 3_600, "IN", "SOA", "a.nic.odd. h.odd. 1 2 3 4 300")


def _extra_answer(response: Message, zones: list[Zone]) -> None:
    if response.answer:
        response.answer.append(dns.rrset.from_text("www.apple.alpha.", 3_600, "IN", "A", "192.0.2.66"))


def _extra_glue(response: Message, zones: list[Zone]) -> None:
    response.additional.append(dns.rrset.from_text("dns1.hosting.net.", 3_600, "IN", "A", "192.0.2.66"))


def _double_cname(response: Message, zones: list[Zone]) -> None:
    for rrset in list(response.answer):
        if rrset.rdtype == dns.rdatatype.CNAME:
            response.answer.append(rrset)


def _reversed_chain(response: Message, zones: list[Zone]) -> None:
    response.answer.reverse()


def _nxdomain_for_aliases(response: Message, zones: list[Zone]) -> None:
    if any(rrset.rdtype == dns.rdatatype.CNAME for rrset in response.answer):
        response.set_rcode(dns.rcode.NXDOMAIN)


def _no_opt(response: Message, zones: list[Zone]) -> None:
    response.use_edns(False)


def _no_ns(response: Message, zones: list[Zone]) -> None:
    if response.question[0].rdtype == dns.rdatatype.NS:
        response.answer.clear()


MAKERS: dict[str, Callable[[Message, list[Zone]], Message | None]] = {
    "compact": compact,
    "refuses": partial(_code, "REFUSED"),
    "fails": partial(_code, "SERVFAIL"),
    "formerr": partial(_code, "FORMERR"),
    "notimp": partial(_code, "NOTIMP"),
    "silent": lambda query, zones: None,
    "not-authoritative": partial(_edited, _not_authoritative),
    "upward": partial(_refers, ".", "a.root-servers.net."),
    "sideways": partial(_refers, "apple.alpha.", "ns1.apple.alpha."),
    "no-edns-formerr": partial(_with_edns, rcode="FORMERR"),
    "no-edns-notimp": partial(_with_edns, rcode="NOTIMP"),
    "no-edns-badvers": partial(_with_edns, rcode="FORMERR"),
    "no-edns-drops": lambda query, zones: honest(query, zones) if query.edns < 0 else None,
    "no-edns-ignores": partial(_edited, _no_opt),
    "ent-nxdomain": _nxdomain_at_empty,
    "ent-refuses": partial(_at_empty, "REFUSED"),
    "ent-servfail": partial(_at_empty, "SERVFAIL"),
    "ent-drops": partial(_at_empty, "drop"),
    "no-soa": partial(_edited, _no_soa),
    "answers-referral": partial(_edited, _own_ns_for_soa),
    "extra-answer": partial(_edited, _extra_answer),
    "extra-glue": partial(_edited, _extra_glue),
    "other-chain": partial(_edited, _reversed_chain),
    "ns-nodata": partial(_edited, _no_ns),
    "unknown-types-notimp": partial(_new_types, "NOTIMP"),
    "unknown-types-drops": partial(_new_types, "drop"),
    "soa-above": partial(_edited, _soa_above),
    "double-cname": partial(_edited, _double_cname),
    "nxdomain-cname": partial(_edited, _nxdomain_for_aliases),
}
"""Oddities of the message; whatever is not here is honest, or an oddity of its packets below."""


def packets(oddity: str, data: bytes, zones: list[Zone], stream: bool) -> Packets:
    """The packets for one query."""
    query = dns.message.from_wire(data)
    response = MAKERS.get(oddity, honest)(query, zones)
    if response is None or (stream and oddity == "truncates-no-tcp"):
        return []
    limit = 65_535 if stream else max(query.payload if query.edns >= 0 else 512, 512)
    wire = _fitted(response, query, limit, cut=not stream and oddity.startswith("truncates"))
    match oddity:
        case "no-edns-formerr-bare" if query.edns >= 0:
            return [data[:2] + b"\x80\x01" + bytes(8)]
        case "header-only":
            return [data[:2] + b"\x84\x00" + bytes(8)]
        case "lower-case":
            end = 12 + len(query.question[0].name.to_wire())
            return [wire[:12] + wire[12:end].lower() + wire[end:]]
        case "wrong-question":
            return [wire[:12] + bytes([wire[12]]) + bytes(wire[12]).replace(b"\0", b"x") + wire[13 + wire[12] :]]
        case "wrong-id-first" if not stream:
            return [bytes([data[0] ^ 0x55]) + wire[1:], wire]
    return [wire]


def _fitted(response: Message, query: Message, limit: int, *, cut: bool) -> bytes:
    wire = response.to_wire(max_size=65_535)
    if len(wire) <= limit and not cut:
        return bytes(wire)
    short = dns.message.make_response(query)
    short.flags |= dns.flags.TC | dns.flags.AA
    return bytes(short.to_wire())


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, host: Host, zones: list[Zone]) -> None:
        self._host = host
        self._zones = zones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        for packet in packets(self._host.oddity, data, self._zones, stream=False):
            self._transport.sendto(packet, sender)  # type: ignore[attr-defined]


async def serve(host: Host, zones: list[Zone]) -> None:
    loop = asyncio.get_running_loop()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                found = packets(host.oddity, await reader.readexactly(length), zones, stream=True)
                if not found:
                    break
                writer.write(b"".join(len(packet).to_bytes(2, "big") + packet for packet in found))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    for address in host.addresses:
        await loop.create_datagram_endpoint(lambda: Datagrams(host, zones), (address, PORT))
        await asyncio.start_server(stream, address, PORT)


async def main(folder: Path) -> None:
    for host in HOSTS.values():
        if host.software is Software.ODD:
            files = sorted((folder / host.name).glob("*.zone"))
            await serve(host, [_read(file) for file in files])
    print("ready", flush=True)
    await asyncio.Event().wait()


def _read(file: Path) -> Zone:
    """The first line of a file is a comment with the origin."""
    text = file.read_text()
    origin = dns.name.from_text(text.partition("\n")[0].removeprefix("; "))
    return Zone(origin.to_text(), text)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
