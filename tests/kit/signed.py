"""Zones of the small Internet, signed: keys and DS, NSEC or NSEC3, and a signature over everything that is the zone's own."""

from dataclasses import dataclass, field

import dns.dnssec
import dns.name
import dns.node
import dns.rdata
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.NSEC3
import dns.rrset
import dns.zone
from dns.rdtypes.util import Bitmap
from kit.authority import DS, IN, NS, NSEC, RRSIG, TTL, Zone
from kit.internet import Internet
from kit.signing import Signer

DNSKEY, NSEC3 = dns.rdatatype.from_text("DNSKEY"), dns.rdatatype.from_text("NSEC3")
NEGATIVE_TTL = 60


@dataclass(frozen=True)
class Hashed:
    """NSEC3 instead of NSEC. `opt_out`: delegations without DS are left out."""

    iterations: int = 0
    salt: str = "aabb"
    opt_out: bool = False

    def digest(self, name: dns.name.Name) -> str:
        return dns.dnssec.nsec3_hash(name, self.salt, self.iterations, 1).lower()


@dataclass
class Signed:
    """How a zone was signed; `zone` answers for it from now on."""

    zone: Zone
    signer: Signer
    hashed: Hashed | None = None
    chain: list[str] = field(default_factory=list)

    def resign(self, signer: Signer) -> None:
        """All signatures anew, by another key or with other times; the DNSKEY RRset stays as it is."""
        sign_all(self.zone, signer)


def sign(
    internet: Internet, origin: str, signer: Signer | None = None, hashed: Hashed | None = None, *, ds: bool = True
) -> Signed:
    """Sign the zone, children before their parents. `ds`: the closest zone above gets a DS for it."""
    zone, signer = internet.zone(origin), signer or Signer(origin)
    add(zone, zone.origin, DNSKEY, signer.dnskey)
    parent = _parent(internet, zone.origin)
    if ds and parent is not None:
        add(parent, zone.origin, DS, signer.ds())
    found = Signed(zone, signer, hashed)
    _hash(found, hashed) if hashed else _link(zone)
    sign_all(zone, signer)
    return found


def read_signed(origin: str, text: str) -> Zone:
    """A zone that somebody else signed, from its master file."""
    zone = Zone(origin)
    data = dns.zone.from_text(text, zone.origin, relativize=False, check_origin=False)
    zone.nodes = dict(data.nodes)
    chain = []
    for name, node in data.nodes.items():
        if any(rdataset.rdtype == NSEC3 for rdataset in node.rdatasets):
            chain.append(name.labels[0].decode().lower())
            continue
        while name not in zone.inner:
            zone.inner.add(name)
            name = name.parent()
    if chain:
        _answer_from(zone, sorted(chain))
    return zone


def _answer_from(zone: Zone, chain: list[str]) -> None:
    """Denials by the NSEC3 records that are there."""
    first = zone.get(dns.name.Name((chain[0].encode(), *zone.origin.labels)), NSEC3)
    assert first is not None
    how = Hashed(first[0].iterations, first[0].salt.hex())
    zone.proofs = lambda name: _proofs(zone, chain, how, name)  # type: ignore[method-assign]


def add(zone: Zone, owner: dns.name.Name, kind: dns.rdatatype.RdataType, *rdatas: dns.rdata.Rdata) -> None:
    """Records of a type, whatever was there before."""
    node = zone.nodes.setdefault(owner, dns.node.Node())
    node.delete_rdataset(IN, kind)
    ttl = NEGATIVE_TTL if kind in (NSEC, NSEC3) else TTL
    node.replace_rdataset(dns.rdataset.from_rdata_list(ttl, list(rdatas)))


def sign_all(zone: Zone, signer: Signer) -> None:
    for owner, node in zone.nodes.items():
        for rdataset in [r for r in node.rdatasets if r.rdtype != RRSIG and _is_own(zone, owner, r.rdtype)]:
            rrset = dns.rrset.from_rdata_list(owner, rdataset.ttl, list(rdataset))
            node.delete_rdataset(IN, RRSIG, rdataset.rdtype)
            signature = dns.rdataset.Rdataset(IN, RRSIG, rdataset.rdtype, rdataset.ttl)
            signature.add(signer.sign(rrset))
            node.rdatasets.append(signature)


def _parent(internet: Internet, origin: dns.name.Name) -> Zone | None:
    zones = {id(zone): zone for zones in internet.zones.values() for zone in zones}
    above = [z for z in zones.values() if z.origin != origin and origin.is_subdomain(z.origin)]
    return max(above, key=lambda zone: len(zone.origin), default=None)


def _cut(zone: Zone, owner: dns.name.Name) -> dns.name.Name | None:
    return next((name for name in zone.between(owner) if zone.get(name, NS)), None)


def _is_own(zone: Zone, owner: dns.name.Name, kind: int) -> bool:
    cut = _cut(zone, owner)
    return cut is None or (cut == owner and kind in (DS, NSEC))


def _owners(zone: Zone) -> list[dns.name.Name]:
    return sorted(name for name in zone.nodes if _cut(zone, name) in (None, name))


def _types(zone: Zone, owner: dns.name.Name, *more: int) -> list[int]:
    kinds = {int(r.rdtype) for r in zone.nodes[owner].rdatasets} if owner in zone.nodes else set()
    if _cut(zone, owner) == owner:
        kinds &= {int(NS), int(DS)}
    return sorted(kinds - {int(RRSIG)} | set(map(int, more))) if kinds or more else []


def _link(zone: Zone) -> None:
    owners = _owners(zone)
    for owner, following in zip(owners, [*owners[1:], owners[0]], strict=True):
        types = " ".join(
            dns.rdatatype.to_text(dns.rdatatype.RdataType.make(t)) for t in _types(zone, owner, RRSIG, NSEC)
        )
        add(zone, owner, NSEC, dns.rdata.from_text("IN", "NSEC", f"{following} {types}"))


def _hash(signed: Signed, how: Hashed) -> None:
    zone = signed.zone
    names = [n for n in zone.inner if _cut(zone, n) in (None, n)]
    if how.opt_out:
        names = [n for n in names if _cut(zone, n) is None or zone.get(n, DS)]
    digests = sorted((how.digest(name), name) for name in names)
    signed.chain = [digest for digest, _ in digests]
    for (digest, name), following in zip(digests, [*signed.chain[1:], signed.chain[0]], strict=True):
        kinds = _types(zone, name)
        own = [*kinds, int(RRSIG)] if set(kinds) - {int(NS)} else kinds
        rdata = dns.rdtypes.ANY.NSEC3.NSEC3(
            IN, NSEC3, 1, int(how.opt_out), how.iterations, bytes.fromhex(how.salt), _unhash(following),
            Bitmap.from_rdtypes([dns.rdatatype.RdataType.make(t) for t in own]).windows,
        )  # fmt: skip
        add(zone, dns.name.Name((digest.encode(), *zone.origin.labels)), NSEC3, rdata)
    zone.proofs = lambda name: _proofs(zone, signed.chain, how, name)  # type: ignore[method-assign]


def _unhash(digest: str) -> bytes:
    from base64 import b32hexdecode

    return b32hexdecode(digest.upper())


def _proofs(zone: Zone, chain: list[str], how: Hashed, name: dns.name.Name) -> list[dns.rrset.RRset]:
    """RFC 5155 §7.2: at the name, or the closest encloser, the next closer name and the wildcard."""
    if how.digest(name) in chain:
        return [_nsec3(zone, how.digest(name))]
    closer, encloser = name, name.parent()
    while how.digest(encloser) not in chain:
        closer, encloser = encloser, encloser.parent()
    wildcard = how.digest(dns.name.Name((b"*", *encloser.labels)))
    found = [_nsec3(zone, how.digest(encloser)), _nsec3(zone, _before(chain, how.digest(closer)))]
    found.append(_nsec3(zone, wildcard if wildcard in chain else _before(chain, wildcard)))
    return [rrset for place, rrset in enumerate(found) if rrset not in found[:place]]


def _before(chain: list[str], digest: str) -> str:
    return max((d for d in chain if d < digest), default=chain[-1])


def _nsec3(zone: Zone, digest: str) -> dns.rrset.RRset:
    found = zone.get(dns.name.Name((digest.encode(), *zone.origin.labels)), NSEC3)
    assert found is not None
    return found
