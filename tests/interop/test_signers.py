"""Zones signed by BIND, Knot and ldns, with every algorithm and kind of denial, before the pure validator: what it finds is
what the signers meant. No sockets: the zones are answered from in this process."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.rdatatype
import pytest
from kit.internet import Internet
from kit.peers import peer
from kit.signed import read_signed
from kit.world import play
from lab.keys import Vouch, ds_of
from lab.sealed import ALGORITHMS, DENIALS, MATRIX_RECORDS, TOPS, fits, matrix_zone
from lab.signers import Signer, Unsigned, sign_all
from lab.zones import build

from resolver.cache.rrsets import Failed, RRsetMemory
from resolver.dnssec.anchors import TrustAnchor, anchors_of
from resolver.dnssec.budget import Validation
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.nsec3 import MAX_ITERATIONS
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.validate import Claim, Validator
from resolver.iterate.budget import Budget
from resolver.iterate.resolve import Iterator, Resolved
from resolver.iterate.servers import Servers
from resolver.settings import CacheSettings
from wire.dns.codes import ExtendedError
from wire.dns.names import read_name
from wire.dns.signing import parse_ds
from wire.units import Epoch, Instant

ROOT, SITE = "192.0.2.253", "192.0.2.254"
CHILDREN = "\nu NS ns1.u\ns NS ns1.s\ns DS 1 13 2 " + "00" * 32 + "\n"

DATA = (
    *("@ A", "@ SOA", "@ DNSKEY", "www A", "www AAAA", "mixed.case A", "WWW A", "alias A", "x.old A", "*.wild A"),
    *("a.b.c.d.e.f.g.h.i.j.k.l TXT", "long TXT", "s DS", "@ NS"),
)
"""Nothing has to be shown but the records themselves."""

AT_NAMES = ("www MX", "@ TXT", "b.ent A", "ent TXT", "real.wild A", "*.wild MX", "new A", "l A", "old A")
"""The record of absence at the name shows it."""

BETWEEN = (
    *(
        "nowhere A",
        "a.b.nowhere AAAA",
        "x.b.ent A",
        "x.real.wild A",
        "z.x.new A",
        "y.old A",
        "0 A",
        "zzzz A",
        "_tcp A",
        "lost A",
    ),
    *("any.wild A", "any.wild MX", "a.b.wild A", "x.star A", "nowhere DS", "z.a.b.c.d.e.f.g.h.i.j.k.l A"),
)
"""A range shows it that no name lies in: if it opts out, nothing is secure (RFC 5155 §9.2)."""


def expected(question: str, denial: str, signer: Signer) -> Security:
    how = DENIALS[denial]
    if question in DATA:
        return Security.SECURE
    if (how.iterations or 0) > MAX_ITERATIONS:
        return Security.INSECURE
    # ldns lists delegations without DS although it opts out.
    covered = question in BETWEEN or (question == "u DS" and signer is not Signer.LDNS)
    return Security.INSECURE if how.opt_out and covered else Security.SECURE


def is_explained(checked: Checked, denial: str) -> bool:
    """EDE 27 where iterations are too many, and nowhere else (RFC 9276 §3.2)."""
    told = checked.explanation is not None and checked.explanation.code is ExtendedError.UNSUPPORTED_NSEC3_ITERATIONS
    too_many = (DENIALS[denial].iterations or 0) > MAX_ITERATIONS and checked.security is Security.INSECURE
    return told is too_many


@dataclass
class Served:
    """One signed zone, its servers, and a validator that trusts its key."""

    origin: str
    vouch: Vouch
    internet: Internet
    date: Epoch
    memory: TrustMemory = field(default_factory=TrustMemory)

    def __post_init__(self) -> None:
        self.iterator = Iterator(self.internet.iteration(), RRsetMemory(CacheSettings()), Servers())
        anchor = TrustAnchor(read_name(self.origin), (parse_ds(ds_of(self.origin, self.vouch).to_wire()),))
        self.validator = Validator(anchors_of((anchor,)), self.memory)

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        budget = Budget(Instant(self.internet.now() + 10))
        return await self.iterator.answer(name, rrtype, self.internet, budget, lambda _: True)

    def now(self) -> Instant:
        return self.internet.now()

    async def _check(self, question: str) -> Checked:
        label, kind = question.split()
        name = read_name(self.origin if label == "@" else f"{label}.{self.origin}")
        rrtype = int(dns.rdatatype.from_text(kind))
        found = await self.ask(name, rrtype)
        assert isinstance(found, Resolved), (question, found)
        return await self.validator.check(Claim(name, rrtype, found, Port(self), Validation()))

    def check(self, question: str) -> Checked:
        return play(self._check(question))


@dataclass
class Port:
    served: Served

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        return await self.served.ask(name, rrtype)

    def now(self) -> Instant:
        return self.served.now()

    def date(self) -> Epoch:
        return self.served.date


def served(origin: str, vouch: Vouch, text: str, date: Epoch) -> Served:
    internet = Internet()
    internet.serve(".", {"a.root.": ROOT})
    internet.delegate(origin, {f"ns1.{origin}": SITE})
    internet.place(read_signed(origin, text), SITE)
    return Served(origin, vouch, internet, date)


@pytest.mark.peer("dnssec-signzone, kzonesign, keymgr, ldns-signzone")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("signer", Signer)
def test_zones_of_every_signer_algorithm_and_denial_are_what_they_should_be(
    signer: Signer, algorithm: str, tmp_path: Path
) -> None:
    for program in (signer.value, *(("keymgr",) if signer is Signer.KNOT else ())):
        peer(program)
    inside = "\n".join(line for line in MATRIX_RECORDS.splitlines() if not line.endswith(".")) + CHILDREN
    zones = {}
    for number, (denial, how) in enumerate(DENIALS.items()):
        if fits(ALGORITHMS[algorithm], how):
            zones[denial] = replace(matrix_zone(signer, algorithm, denial, number), records=inside)
    contents = build((TOPS[0], *zones.values()), 0)
    texts = sign_all([Unsigned(z.origin, contents[z.origin].text, z.seal) for z in zones.values() if z.seal], tmp_path)
    wrong = {}
    for denial, zone in zones.items():
        house = served(zone.origin, zone.vouched[0], texts[zone.origin], Epoch(time.time()))
        for question in (*DATA, *AT_NAMES, *BETWEEN, "u DS"):
            checked = house.check(question)
            wanted = expected(question, denial, signer)
            if checked.security is not wanted or not is_explained(checked, denial):
                wrong[denial, question] = (checked.security, checked.explanation)
    assert {} == wrong
