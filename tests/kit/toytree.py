"""A signed toy tree and a validator over it: root (P-256), `example.` (RSA), `org.` (P-384), and zones below them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import dns.rdatatype
from kit.authority import Zone
from kit.internet import Internet
from kit.signed import Hashed, Signed, sign
from kit.signing import DATE, Signer
from kit.world import play

from resolver.cache.rrsets import Failed, RRsetMemory
from resolver.dnssec.anchors import Anchors, NegativeAnchor, TrustAnchor, anchors_of
from resolver.dnssec.budget import Validation
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked
from resolver.dnssec.validate import Claim, Validator
from resolver.iterate.budget import Budget
from resolver.iterate.resolve import Iterator, Resolved
from resolver.iterate.servers import Servers
from resolver.settings import CacheSettings
from wire.dns.names import read_name, show_name
from wire.dns.signing import parse_ds
from wire.units import Epoch, Instant

NETWORK = "192.0.2."
ROOT, TLD, ORG, SHOP, BANK, PLAIN = (f"{NETWORK}{n}" for n in range(1, 7))

HASHED = Hashed()
SHOP_RECORDS = """
    www A 192.0.2.80
    www A 192.0.2.81
    alias CNAME www
    away CNAME www.bank.org.
    cheap CNAME www.plain.example.
    lost CNAME missing
    old DNAME new
    x.new A 192.0.2.82
    *.wild A 192.0.2.83
    real.wild A 192.0.2.84
    *.star CNAME www
    a.b.deep TXT "deep"
"""


@dataclass
class Tree:
    internet: Internet = field(default_factory=Internet)
    date: Epoch = DATE
    signed: dict[str, Signed] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    memory: TrustMemory = field(default_factory=TrustMemory)
    negative: tuple[NegativeAnchor, ...] = ()
    edits: dict[str, Callable[[Resolved], Resolved | Failed]] = field(default_factory=dict)
    network: str = NETWORK

    def build(self, tld: Hashed | None = HASHED, shop: Signer | None = None, **more: object) -> "Tree":
        net = self.internet
        root, tld_at, org, shop_at, bank, plain = (f"{self.network}{n}" for n in range(1, 7))
        net.serve(".", {"a.root.": root})
        net.serve("example.", {"ns.example.": tld_at}, "direct A 192.0.2.90")
        net.serve("org.", {"ns.org.": org})
        net.serve("shop.example.", {"ns.shop.example.": shop_at}, SHOP_RECORDS)
        net.serve("bank.org.", {"ns.bank.org.": bank}, "www A 192.0.2.100\n*.wild A 192.0.2.101")
        net.serve("plain.example.", {"ns.plain.example.": plain}, "www A 192.0.2.110\nback CNAME www.shop.example.")
        hashed = more.get("shop_hashed")
        assert hashed is None or isinstance(hashed, Hashed)
        self.signed["shop.example."] = sign(net, "shop.example.", shop, hashed, ds=bool(more.get("ds", True)))
        self.signed["bank.org."] = sign(net, "bank.org.", Signer("bank.org.", 15))
        self.signed["example."] = sign(net, "example.", Signer("example.", 8), tld)
        self.signed["org."] = sign(net, "org.", Signer("org.", 14))
        self.signed["."] = sign(net, ".", Signer(".", 13))
        self.start()
        return self

    def start(self) -> None:
        self.iterator = Iterator(self.internet.iteration(), RRsetMemory(CacheSettings()), Servers())

    def zone(self, origin: str) -> Zone:
        return self.internet.zone(origin)

    def anchors(self) -> Anchors:
        root = self.signed["."].signer.ds().to_wire()
        return anchors_of((TrustAnchor(b"\0", (parse_ds(root),)),), self.negative)

    # the port

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        question = f"{show_name(name)} {dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rrtype))}"
        self.asked.append(question)
        return await self.resolve(name, rrtype, question)

    async def resolve(self, name: bytes, rrtype: int, question: str) -> Resolved | Failed:
        budget = Budget(Instant(self.internet.now() + 10))
        found = await self.iterator.answer(name, rrtype, self.internet, budget, lambda _: True)
        edit = self.edits.get(question)
        return found if edit is None or isinstance(found, Failed) else edit(found)

    def now(self) -> Instant:
        return self.internet.now()

    # what tests say

    async def _check(self, name: str, kind: str, budget: Validation) -> Checked:
        wire, rrtype = read_name(name), int(dns.rdatatype.from_text(kind))
        found = await self.resolve(wire, rrtype, f"{name} {kind}")
        assert isinstance(found, Resolved), found
        validator = Validator(self.anchors(), self.memory)
        return await validator.check(Claim(wire, rrtype, found, Port(self), budget))

    def check(self, name: str, kind: str = "A", budget: Validation | None = None) -> Checked:
        return play(self._check(name, kind, budget or Validation()))


@dataclass
class Port:
    tree: Tree

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        return await self.tree.ask(name, rrtype)

    def now(self) -> Instant:
        return self.tree.now()

    def date(self) -> Epoch:
        return self.tree.date
