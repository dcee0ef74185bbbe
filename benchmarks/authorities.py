"""All the authoritative servers of a synthetic tree in one process: UDP port 53 of every address in 10.0.0.0/8.

python benchmarks/authorities.py --zones N, in a network namespace where 10.0.0.0/8 is local. A line with a number on standard
input sets the delay of answers to so many milliseconds, and is answered by the counts since the line before, as JSON:
queries by whom they reached (root, top, zone, below), refused ones, and those that repeat an earlier question.

Each answer is worked out once and kept. None is longer than 512 octets, so there is no TCP.
"""

import argparse
import heapq
import itertools
import json
import select
import socket
import struct
import sys
import time
from collections import Counter
from typing import NamedTuple

from kit import encode
from tree import CNAME, NS, SOA, A, Server, Tree, Zone, ancestors, below, build

IP_PKTINFO, SO_RCVBUFFORCE = 8, 33
LEVELS = ("root", "top", "zone", "below")
CLASS_IN, OPT, TTL = 1, 41, 86_400
AUTHORITATIVE, REFUSED, NO_NAME = 0x0400, 5, 3
MAX_ANSWER = 512
BATCH = 64
"""Queries taken from the socket in one go."""


class Prepared(NamedTuple):
    """Everything of an answer but id and question; `level` is an index into LEVELS, -1 for a refusal."""

    plain: bytes
    edns: bytes
    rest: bytes
    level: int


OPT_RECORD = b"\0" + struct.pack("!HHIH", OPT, 1232, 0, 0)


def record(owner: bytes, rrtype: int, rdata: bytes, qname: bytes) -> bytes:
    """Owner and names in RDATA are compressed against the question's name (RFC 1035 §4.1.4)."""
    if rrtype in (NS, CNAME):
        rdata = shorten(rdata, qname)
    return shorten(owner, qname) + struct.pack("!HHIH", rrtype, CLASS_IN, TTL, len(rdata)) + rdata


def shorten(name: bytes, qname: bytes) -> bytes:
    known = {suffix: 12 + len(qname) - len(suffix) for suffix in ancestors(qname) if suffix != b"\0"}
    at = 0
    for suffix in ancestors(name):
        if suffix in known:
            return name[:at] + struct.pack("!H", 0xC000 | known[suffix])
        at += 1 + suffix[0]
    return name


def prepare(tree: Tree, address: bytes, qname: bytes, qtype: int) -> Prepared:
    """What the server at `address` says about `qname` (folded): RFC 1034 §4.3.2 without wildcards."""
    hosted = tree.hosted.get(address, {})
    zone = next((hosted[name] for name in ancestors(qname) if name in hosted), None)
    if zone is None:
        return finish(REFUSED, ([], [], []), -1)
    cut = next((name for name in ancestors(qname) if name in zone.cuts), None)
    if cut is not None:
        servers, glue = zone.cuts[cut].servers, zone.cuts[cut].glue
        authority = [record(cut, NS, server.name, qname) for server in servers]
        return finish(
            0, ([], authority, [record(server.name, A, server.address, qname) for server in glue]), zone.level
        )
    return authoritative(zone, qname, qtype)


def authoritative(zone: Zone, qname: bytes, qtype: int) -> Prepared:
    node = zone.records.get(qname, {})
    found = qtype if qtype in node else CNAME
    answer = [record(qname, found, rdata, qname) for rdata in node.get(found, ())]
    if answer:
        glue = [record(server.name, A, server.address, qname) for server in inside(zone)] if qtype == NS else []
        return finish(AUTHORITATIVE, (answer, [], glue), zone.level)
    rcode = 0 if qname in zone.names else NO_NAME
    soa = [record(zone.name, SOA, rdata, qname) for rdata in zone.records[zone.name][SOA]]
    return finish(AUTHORITATIVE | rcode, ([], soa, []), zone.level)


def inside(zone: Zone) -> list[Server]:
    return [server for server in zone.servers if below(server.name, zone.name)]


def finish(flags: int, sections: tuple[list[bytes], list[bytes], list[bytes]], level: int) -> Prepared:
    counts = [len(section) for section in sections]
    plain = struct.pack("!5H", 0x8000 | flags, 1, *counts)
    counts[2] += 1
    return Prepared(plain, struct.pack("!5H", 0x8000 | flags, 1, *counts), b"".join(itertools.chain(*sections)), level)


class Responder:
    """The loop, the heap of answers that are due, and the counts."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.prepared: dict[bytes, Prepared] = {}
        self.delay = 0.0
        self.due: list[tuple[float, int, bytes, bytes, tuple[str, int]]] = []
        self.order = itertools.count()
        self.counts: Counter[str] = Counter()
        self.asked: set[bytes] = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.socket.setblocking(False)
        self.socket.bind(("", 53))

    def run(self) -> None:
        """Until standard input ends."""
        while True:
            wait = max(self.due[0][0] - time.monotonic(), 0) if self.due else None
            readable, _, _ = select.select([self.socket, sys.stdin], [], [], wait)
            if sys.stdin in readable and not self.obey():
                return
            if self.socket in readable:
                self.receive()
            while self.due and self.due[0][0] <= time.monotonic():
                _, _, answer, address, client = heapq.heappop(self.due)
                self.send(answer, address, client)

    def obey(self) -> bool:
        line = sys.stdin.readline()
        if not line:
            return False
        self.delay = float(line) / 1000
        print(json.dumps(self.counts), flush=True)
        self.counts.clear()
        self.asked.clear()
        return True

    def receive(self) -> None:
        for _ in range(BATCH):
            try:
                data, ancillary, _, client = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            address = ancillary[0][2][8:12]
            answer = self.answer(data, address)
            if self.delay:
                heapq.heappush(self.due, (time.monotonic() + self.delay, next(self.order), answer, address, client))
            else:
                self.send(answer, address, client)

    def send(self, answer: bytes, address: bytes, client: tuple[str, int]) -> None:
        """From the address that was asked."""
        information = bytes(4) + address + bytes(4)
        self.socket.sendmsg([answer], [(socket.IPPROTO_IP, IP_PKTINFO, information)], 0, client)

    def answer(self, query: bytes, address: bytes) -> bytes:
        end = query.index(0, 12) + 5
        question = query[12:end]
        folded = question.lower()
        key = address + folded
        prepared = self.prepared.get(key)
        if prepared is None:
            qtype = int.from_bytes(question[-4:-2], "big")
            prepared = self.prepared[key] = prepare(self.tree, address, folded[:-4], qtype)
        self.count(prepared.level, folded)
        if query[10:12] == b"\0\0":
            return query[:2] + prepared.plain + question + prepared.rest
        return query[:2] + prepared.edns + question + prepared.rest + OPT_RECORD

    def count(self, level: int, folded: bytes) -> None:
        self.counts[LEVELS[level] if level >= 0 else "refused"] += 1
        if folded in self.asked:
            self.counts["repeated"] += 1
        else:
            self.asked.add(folded)


def check(tree: Tree) -> None:
    """No referral and no answer to a question needs TCP."""
    for zone in tree.zones.values():
        for server in zone.servers:
            for name in [zone.name, *zone.cuts]:
                prepared = prepare(tree, server.address, name, NS)
                assert 12 + len(name) + 4 + len(prepared.rest) <= MAX_ANSWER
    for question in tree.questions:
        name = encode(question.name)
        zone = next(tree.zones[above] for above in ancestors(name) if above in tree.zones)
        assert authoritative(zone, name, A).level == zone.level


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zones", type=int, required=True)
    options = parser.parse_args()
    tree = build(options.zones)
    check(tree)
    Responder(tree).run()


if __name__ == "__main__":
    main()
