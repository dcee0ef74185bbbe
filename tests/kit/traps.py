"""A place for zones made to keep a validator busy: `evil.example.`, whose owner signs what he likes, below an honest root and
`example.`; and what such zones are made of. The traps themselves are in `kit.trapzones`.
"""

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataset
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY as Dnskey
from dns.rdtypes.ANY.RRSIG import RRSIG as Rrsig
from kit.authority import IN, RRSIG, Zone
from kit.internet import Internet
from kit.signed import DNSKEY, Hashed, sign
from kit.signing import ENTRY_KEY, Signer, private_key
from kit.toytree import Port, Tree
from kit.world import play

from resolver.cache.rrsets import Failed
from resolver.dnssec.algorithms import Algorithm
from resolver.dnssec.budget import Validation
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked
from resolver.dnssec.signature import verify_now
from resolver.dnssec.validate import Claim, Validator
from resolver.iterate.budget import Budget
from resolver.iterate.port import Ask, Heard, Outside, Silent
from resolver.iterate.resolve import Resolved
from wire.dns.message import parse_message
from wire.dns.names import read_name
from wire.dns.signing import Key, key_tag
from wire.units import Instant

T = TypeVar("T")
EVIL, GOOD = "evil.example.", "good.example."
_ADDRESSES = {".": "192.0.2.1", "example.": "192.0.2.2", GOOD: "192.0.2.3", EVIL: "192.0.2.4"}
_SIZES = {5: 256, 8: 256, 13: 64, 14: 96, 15: 64, 16: 114}
"""Octets of a signature."""

REAL_KEYS = 24
"""Of many keys so many are points on the curve; what is behind is never reached."""


@dataclass
class Field(Tree):
    """`verified` holds the algorithm of each signature that was verified, `asked` what validation asked for."""

    verified: list[int] = field(default_factory=list)
    outside: Outside = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.outside = self.internet

    def plant(self, trap: "Trap") -> "Field":
        net = self.internet
        for origin, address in _ADDRESSES.items():
            net.serve(origin, {f"ns.{origin}".replace("..", "."): address}, "www A 192.0.2.80")
        self.signed[GOOD] = sign(net, GOOD, Signer(GOOD))
        if trap.fill is not None:
            trap.fill(self)
        evil = trap.signer or Signer(EVIL)
        self.signed[EVIL] = sign(net, EVIL, evil, trap.hashed)
        if trap.parents is not None:
            trap.parents(self)
        self.signed["example."] = sign(net, "example.", Signer("example."), Hashed())
        self.signed["."] = sign(net, ".", Signer("."))
        if trap.spoil is not None:
            trap.spoil(self)
        self.prepare()
        return self

    def verify(self, algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> None:
        self.verified.append(algorithm.number)
        verify_now(algorithm, key, signature, data)

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        self.asked.append((name, rrtype))  # type: ignore[arg-type]
        return await self.find(name, rrtype)

    async def find(self, name: bytes, rrtype: int) -> Resolved | Failed:
        until = Instant(self.now() + 10)
        return await self.iterator.answer(name, rrtype, self.outside, Budget(until), lambda _: True)

    def spring(self, trap: "Trap", budget: Validation) -> Checked | Failed:
        """Ask for what the trap is about, with nothing remembered."""
        name, kind = trap.question.split()
        self.prepare()
        return play(self.answer(read_name(name), int(dns.rdatatype.from_text(kind)), budget))

    async def answer(self, name: bytes, rrtype: int, budget: Validation) -> Checked | Failed:
        found = await self.find(name, rrtype)
        if isinstance(found, Failed):
            return found
        return await self.validator.check(Claim(name, rrtype, found, Port(self), budget))

    def prepare(self) -> None:
        """Nothing is remembered, nothing has been counted."""
        self.memory = TrustMemory()
        self.validator = Validator(self.anchors(), self.memory, verifier=self.verify)
        self.start()
        self.internet.forget()
        self.asked.clear()
        self.verified.clear()

    def below(self, *labels: str) -> Iterator[tuple[str, Zone]]:
        """Zones below the evil one, served by its server: sign them yourself, the deepest first."""
        for label in labels:
            origin = f"{label}.{EVIL}"
            yield origin, self.internet.serve(origin, {f"ns.{origin}": _ADDRESSES[EVIL]}, "www A 192.0.2.80")


class Replay:
    """The same responses again, parsed anew: what is measured beside it is ours alone, and not a server's in Python."""

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        self.responses: dict[object, Heard | Silent] = {}

    async def ask(self, ask: Ask) -> Heard | Silent:
        key = (ask.endpoint, ask.question, ask.edns, ask.stream)
        if key not in self.responses:
            self.responses[key] = await self.internet.ask(ask)
        found = self.responses[key]
        if isinstance(found, Silent):
            return found
        return found._replace(ask=ask, message=parse_message(found.message.data))

    async def once(self, key: object, work: Callable[[], Awaitable[T]], until: float) -> T | None:
        return await work()

    def now(self) -> Instant:
        return self.internet.now()

    def chance(self) -> int:
        return 1


@dataclass(frozen=True)
class Trap:
    """`fill` before the zone is signed, `parents` before its parents are, `spoil` when all is signed."""

    name: str
    question: str = f"www.{EVIL} A"
    fill: Callable[[Field], None] | None = None
    parents: Callable[[Field], None] | None = None
    spoil: Callable[[Field], None] | None = None
    signer: Signer | None = None
    hashed: Hashed | None = None


# -- what traps are made of


def colliding(like: Dnskey, count: int) -> list[Dnskey]:
    """Keys of the same algorithm and tag. The flags are two octets of which one bit has to be set and one clear: the others
    make any key have any tag."""
    wanted = dns.dnssec.key_id(like)
    found: list[Dnskey] = []
    for key in _keys(int(like.algorithm)):
        head = key.to_wire()[2:]
        flags = next((f for f in flags_for(wanted - key_tag(b"\0\0" + head)) if key_tag(f + head) == wanted), None)
        if flags is not None and key.key != like.key:
            found.append(key.replace(flags=int.from_bytes(flags, "big")))
        if len(found) == count:
            break
    return found


def flags_for(difference: int) -> Iterator[bytes]:
    for carry in (-1, 0, 1):
        flags = (difference + carry) % 65_536
        if flags & 0x0180 == 0x0100:
            yield flags.to_bytes(2, "big")


def _keys(algorithm: int) -> Iterator[Dnskey]:
    chance = random.Random(algorithm)
    for seed in range(100, 100 + 4 * REAL_KEYS) if algorithm in (13, 14, 15, 16) else ():
        yield dns.dnssec.make_dnskey(private_key(algorithm, seed).public_key(), algorithm, ENTRY_KEY)  # type: ignore[attr-defined]
    like = dns.dnssec.make_dnskey(private_key(algorithm).public_key(), algorithm, ENTRY_KEY)  # type: ignore[attr-defined]
    while True:
        # For RSA any odd number is a modulus as good as any, for whoever need not sign.
        yield like.replace(key=like.key[:4] + chance.randbytes(len(like.key) - 5) + b"\1")


def long_rsa(bits: int = 4096) -> Dnskey:
    """An RSA key that is as dear as one may be."""
    exponent, modulus = (2**35 - 1).to_bytes(5, "big"), random.Random(8).getrandbits(bits) | 1 << bits - 1 | 1
    return Dnskey(IN, DNSKEY, ENTRY_KEY, 3, 8, b"\5" + exponent + modulus.to_bytes(bits // 8, "big"))


def junk(signature: Rrsig, count: int, **changes: object) -> list[Rrsig]:
    """Signatures that look like it and are wrong."""
    chance = random.Random(count)
    size = _SIZES[int(changes.get("algorithm", signature.algorithm))]  # type: ignore[call-overload]
    # The first octet of each half is zero: within the range of every curve.
    half = size // 2 - 1
    return [
        signature.replace(signature=b"\0" + chance.randbytes(half) + b"\0" + chance.randbytes(half), **changes)
        for _ in range(count)
    ]


def signatures(zone: Zone, owner: str | dns.name.Name, kind: dns.rdatatype.RdataType) -> list[Rrsig]:
    owner = dns.name.from_text(owner, zone.origin) if isinstance(owner, str) else owner
    found = zone.get(owner, RRSIG, kind)
    assert found is not None, (owner, kind)
    return list(found)


def put_signatures(zone: Zone, owner: str | dns.name.Name, kind: dns.rdatatype.RdataType, rdatas: list[Rrsig]) -> None:
    """In the place of those that are there."""
    owner = dns.name.from_text(owner, zone.origin) if isinstance(owner, str) else owner
    node = zone.nodes[owner]
    node.delete_rdataset(IN, RRSIG, kind)
    rdataset = dns.rdataset.from_rdata_list(3600, rdatas)
    node.rdatasets.append(rdataset)
