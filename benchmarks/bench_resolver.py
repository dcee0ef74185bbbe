"""The resolver's own share of a miss: in process, with an upstream that answers at once. CPU µs for each question.

python benchmarks/bench_resolver.py [--mode unsigned|signed|rsa|absent] [--profile]

`signed`: answers signed with ECDSA P-256, whose key is known; `rsa`: with RSA-2048; `absent`: NXDOMAIN, each in a range of its
own (NSEC); `unsigned`: nothing is validated.
"""

import argparse
import asyncio
import cProfile
import gc
import os
import pstats
import struct
import time
from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from anchorhold import compiled  # before what it may load in the other form
from anchorhold.cells.start import COLLECT_EVERY
from anchorhold.sites import Sites
from net.clock import now
from net.tls import TlsFactory
from privacy.channel import Channel, Kind
from resolver.dnssec.canonical import canonical_records
from resolver.edge.resolve import Resolver
from resolver.edge.upstream.port import Ended, Tools, UpstreamFailed, Why
from resolver.edge.world import ForwardingWorld
from resolver.settings import (
    Anchor,
    CacheSettings,
    Dnssec,
    NegativeTrustAnchor,
    ResolverSettings,
    Route,
    UpstreamGroup,
    UpstreamSpec,
)
from resolver.values import Query, QueryFlag, Reply
from wire.dns.message import ResourceRecord, build_response
from wire.dns.names import count_labels, read_name
from wire.dns.signing import DelegationSigner, build_ds, key_tag
from wire.units import Instant

BATCH = 50
ZONE = read_name("bench.example")
TTL = 3_600
RD = int(QueryFlag.RD)


class InstantUpstream:
    """Answers every question in the next turn of the loop; what its answers are is made before."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers

    def channel(self) -> Channel:
        return Channel(Kind.TLS, True, True)

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        await asyncio.sleep(0)
        return self._answer(query)

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], None]:
        asyncio.get_running_loop().call_soon(ended, self._answer(query))
        return lambda: None

    def _answer(self, query: bytes) -> bytes:
        at = 12
        while query[at]:
            at += 1 + query[at]
        return self._answers[query[12 : at + 5]]

    async def close(self) -> None:
        pass


Sign = Callable[[bytes], bytes]
"""Octets → signature, as an RRSIG has it."""


def p256() -> tuple[int, bytes, Sign]:
    """Algorithm, public key as a DNSKEY has it, and how it signs: RFC 6605."""
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return 13, numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big"), sign


def rsa2048() -> tuple[int, bytes, Sign]:
    """The same by RFC 5702."""
    private = rsa.generate_private_key(65_537, 2_048)
    modulus = private.public_key().public_numbers().n
    return 8, b"\3\1\0\1" + modulus.to_bytes(256, "big"), lambda data: private.sign(data, PKCS1v15(), SHA256())


class Signer:
    """The zone `ZONE` with one key: its anchor and its records, signed (RFC 4034 §3.1.8.1)."""

    def __init__(self, algorithm: int, public: bytes, sign: Sign) -> None:
        self._algorithm = algorithm
        self._sign = sign
        self.key = b"\1\1\3" + bytes((algorithm,)) + public
        self.tag = key_tag(self.key)
        digest = sha256(ZONE + self.key).digest()
        self.anchor = Anchor(ZONE, build_ds(DelegationSigner(self.tag, algorithm, 2, digest)))

    def signed(self, owner: bytes, rrtype: int, rdata: bytes) -> list[ResourceRecord]:
        """A record and its signature."""
        now = int(time.time())
        labels = count_labels(owner)
        fields = rrtype, self._algorithm, labels, TTL, now + 86_400, now - 3_600, self.tag
        head = struct.pack("!HBBIIIH", *fields) + ZONE
        signature = head + self._sign(head + canonical_records(owner, rrtype, TTL, [rdata]))
        return [ResourceRecord(owner, rrtype, 1, TTL, rdata), ResourceRecord(owner, 46, 1, TTL, signature)]


def answers(mode: str, keys: list[bytes], signer: Signer) -> dict[bytes, bytes]:
    """The message that answers each question; for `denied`, the range between its name and the next."""
    soa = signer.signed(ZONE, 6, b"\0\0" + struct.pack("!5I", 1, 7200, 900, 86_400, 900))
    apex = signer.signed(ZONE, 47, b"\1m" + ZONE + b"\0\7\x22\0\0\0\0\3\x80")
    found = {ZONE + b"\0\x30\0\1": signer.signed(ZONE, 48, signer.key)}
    made = {key: build_response(key, 0x0180, 0, records).message for key, records in found.items()}
    for key in keys:
        name = key[:-4]
        if mode == "absent":
            before, after = (bytes((name[0],)) + name[1 : name[0]] + end + name[1 + name[0] :] for end in (b"a", b"z"))
            span = signer.signed(before, 47, after + b"\0\6\x40\0\0\0\0\3")
            made[key] = build_response(key, 0x0180, 3, (), [*soa, *apex, *span]).message
        else:
            records = signer.signed(name, 1, b"\xc0\0\2\1")
            made[key] = build_response(key, 0x0180, 0, records[:1] if mode == "unsigned" else records).message
    return made


async def no_lookup(name: str) -> tuple[str, ...]:
    raise UpstreamFailed(Why.NO_ADDRESS)


def build(mode: str, signer: Signer, upstream: InstantUpstream) -> Resolver:
    spec = UpstreamSpec("tls", "dns.bench.example", ("127.0.0.1",), 853, "bench")
    nothing = NegativeTrustAnchor(b"\0", "nothing is signed here")
    settings = ResolverSettings(
        1,
        ("default",),
        (UpstreamGroup("default", (spec,)),),
        (Route(b"\0", -1, 0),),
        CacheSettings(),
        dnssec=Dnssec(negative=(nothing,)) if mode == "unsigned" else Dnssec(anchors=(signer.anchor,)),
    )
    tools = Tools(now=now, entropy=os.urandom, lookup=no_lookup, count=lambda what: None, tls=TlsFactory())
    resolver = Resolver(settings, ForwardingWorld(tools, bytes(32), Sites()), print)
    for group in resolver.world.groups:
        for server in group.servers:
            server.upstream = upstream
    return resolver


async def run(mode: str, questions: int, profile: cProfile.Profile | None) -> float:
    signer = Signer(*(rsa2048() if mode == "rsa" else p256()))
    keys = [read_name(f"m{n}m.bench.example") + b"\0\1\0\1" for n in range(questions)]
    resolver = build(mode, signer, InstantUpstream(answers(mode, keys, signer)))
    left = 0
    done = asyncio.Event()

    def answered(reply: Reply) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    async def ask(batch: list[bytes]) -> None:
        nonlocal left
        left = len(batch)
        done.clear()
        for key in batch:
            resolver.ask(Query(key, RD, 0, 1), key, answered)
        await done.wait()

    await ask(keys[:1])  # the zone's key is known then
    start = time.process_time()
    if profile is not None:
        profile.enable()
    for at in range(1, questions, BATCH):
        await ask(keys[at : at + BATCH])
    if profile is not None:
        profile.disable()
    spent = time.process_time() - start
    # A measurement of failures would look good.
    if failed := questions - resolver.counters["later-upstream"]:
        raise SystemExit(f"{failed} questions failed: {resolver.counters} {resolver.world.counters}")
    return 1e6 * spent / questions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["unsigned", "signed", "rsa", "absent"], default="unsigned")
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    profile = cProfile.Profile() if options.profile else None
    gc.set_threshold(COLLECT_EVERY)
    spent = asyncio.run(run(options.mode, options.questions, profile))
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(60)
    print(f"{spent:.1f} µs a miss ({options.mode}; {compiled.FORM})")


if __name__ == "__main__":
    main()
