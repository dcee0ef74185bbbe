"""The Internet of the long runs (`soak.py`, `kills.py`, `overload.py`): authoritative servers on port 53 of every address in
10.0.0.0/8, and a resolver that answers over TLS, all in one process.

    python benchmarks/far_end.py CHAIN KEY PORT [--evil]

in a namespace where 10.0.0.0/8 is local. Prints one JSON line when it serves: the root's DS record. Ends with standard input.

Zones are those of the tests' kit, signed as of now. Names that differ in a number of eight digits only have the same answer; it
is made once. `--evil`: zones made to keep resolvers busy are there too (`far_end_evil.py`).
"""

import argparse
import asyncio
import json
import re
import socket
import ssl
import sys
import time
from pathlib import Path
from types import SimpleNamespace

# The kit of the tests, not the one beside this file.
HERE = Path(__file__).parent
sys.path[:1] = [str(HERE.parent), str(HERE.parent / "tests")]

import dns.message  # noqa: E402
import dns.rdatatype  # noqa: E402
from kit.authority import Answering  # noqa: E402
from kit.internet import Internet, endpoint_of  # noqa: E402
from kit.liar import question_end  # noqa: E402
from kit.lies import recursive  # noqa: E402
from kit.signed import sign  # noqa: E402
from kit.signing import DAY, Signer  # noqa: E402

NUMBER = re.compile(rb"[0-9]{8}")
IP_PKTINFO, SO_RCVBUFFORCE = 8, 33
BATCH = 64
LARGEST, LARGEST_WITHOUT_EDNS = 1232, 512
WIDTH = 16
"""Each zone has so many wildcards with an address of their own."""

ROOT, TOP, PLAIN, SIGNED, FAR = "10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2", "10.0.1.3"
TTL = 300


def signer(zone: str, algorithm: int = 13) -> Signer:
    """A key whose signatures are good from yesterday to next week."""
    now = int(time.time())
    return Signer(zone, algorithm, inception=now - DAY, expiration=now + 7 * DAY)


def wildcards() -> str:
    lines = [f"*.w{number:02} {TTL} A 203.0.113.{number + 1}" for number in range(WIDTH)]
    return "\n".join([*lines, f'there.no {TTL} TXT "x"', f"*.alias {TTL} CNAME n.w07"])


def build(evil: bool) -> Internet:
    """`plain.example.` and `far.example.` are proved to be unsigned."""
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    for zone, address in (("plain", PLAIN), ("signed", SIGNED), ("far", FAR)):
        made.serve(f"{zone}.example.", {f"ns.{zone}.example.": address}, wildcards())
    sign(made, "signed.example.", signer("signed.example."))
    if evil:
        from benchmarks import far_end_evil

        far_end_evil.add(made)
    sign(made, "example.", signer("example."))
    sign(made, ".", signer("."))
    return made


class Responder:
    """What a server at an address says; `""` is the resolver. Answers are kept with their number taken out."""

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        self.tree = SimpleNamespace(internet=internet)
        self.known: dict[tuple[str, bytes, bytes, bool], bytes] = {}

    def answer(self, where: str, data: bytes, over_udp: bool) -> bytes | None:
        end = question_end(data)
        question = data[12:end]
        folded = NUMBER.sub(b"00000000", question.lower())
        key = (where, folded, b"1" if len(data) > end else b"", over_udp)
        if key not in self.known:
            made = self.make(where, data[:12] + folded + data[end:], over_udp)
            if made is None:
                return None
            self.known[key] = made
        made = self.known[key]
        return data[:2] + made[2:12] + question + made[end:]

    def make(self, where: str, data: bytes, over_udp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        if not where:
            response = recursive(self.tree, query)  # type: ignore[arg-type]
        else:
            zones = self.internet.zones.get(endpoint_of(where))
            if not zones:
                return None
            response = Answering(query, zones, query.edns >= 0).answer()
        most = (LARGEST if query.edns >= 0 else LARGEST_WITHOUT_EDNS) if over_udp else 65_535
        wire = response.to_wire(max_size=65_535, want_shuffle=False)
        if len(wire) <= most:
            return wire
        cut = dns.message.make_response(query)
        cut.flags |= dns.flags.TC | (response.flags & dns.flags.AA)
        return cut.to_wire()


class Datagrams:
    """Port 53 over UDP, from the address that was asked."""

    def __init__(self, responder: Responder) -> None:
        self.responder = responder
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.socket.setblocking(False)
        self.socket.bind(("", 53))

    def ready(self) -> None:
        for _ in range(BATCH):
            try:
                data, ancillary, _, client = self.socket.recvmsg(4096, 64)
            except BlockingIOError:
                return
            address = ancillary[0][2][8:12]
            answer = self.responder.answer(socket.inet_ntoa(address), data, True)
            if answer is not None:
                source = [(socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + address + bytes(4))]
                self.socket.sendmsg([answer], source, 0, client)


async def converse(
    responder: Responder, resolver: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    where = "" if resolver else writer.get_extra_info("sockname")[0]
    try:
        while True:
            length = int.from_bytes(await reader.readexactly(2), "big")
            answer = responder.answer(where, await reader.readexactly(length), False)
            if answer is not None:
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        writer.close()


async def serve(options: argparse.Namespace) -> None:
    responder = Responder(build(options.evil))
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.chain, options.key)
    context.set_alpn_protocols(["dot"])
    datagrams = Datagrams(responder)
    loop.add_reader(datagrams.socket, datagrams.ready)
    await asyncio.start_server(lambda r, w: converse(responder, False, r, w), "0.0.0.0", 53, backlog=1024)
    await asyncio.start_server(
        lambda r, w: converse(responder, True, r, w), "127.0.0.1", options.port, ssl=context, backlog=1024
    )
    print(json.dumps({"anchor": f". 3600 IN DS {signer('.').ds()}"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chain")
    parser.add_argument("key")
    parser.add_argument("port", type=int)
    parser.add_argument("--evil", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
