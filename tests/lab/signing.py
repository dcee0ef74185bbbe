"""Keys that are the same in every run, and signatures over a zone: NSEC by dnspython, the NSEC3 chain by us."""

import hashlib
from dataclasses import dataclass
from functools import cache

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.transaction
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dns.dnssectypes import Algorithm, DSDigest, NSEC3Hash
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from lab.model import Signing, Zone

HOUR = 3_600
LIFETIME = 30 * 24 * HOUR
SALT, ITERATIONS = "ab53", 1
"""RFC 9276 asks for neither salt nor iterations; resolvers must cope with both."""
OPT_OUT = 1
PARENTAL = {dns.rdatatype.NS, dns.rdatatype.DS, dns.rdatatype.NSEC}
"""What a zone says with authority at a cut."""

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A key that signs everything in its zone, and its public half."""

    private: Key
    public: DNSKEY


@cache
def pair(origin: str, algorithm: str) -> Pair:
    """The key of a zone: from its name, but for RSA, which is made anew."""
    seed = hashlib.sha256(f"lab {origin}".encode()).digest()
    key: Key
    match algorithm:
        case "ED25519":
            key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        case "ECDSAP256SHA256":
            key = ec.derive_private_key(int.from_bytes(seed, "big") >> 1, ec.SECP256R1())
        case _:
            key = rsa.generate_private_key(65_537, 2_048)
    return Pair(key, dns.dnssec.make_dnskey(key.public_key(), Algorithm[algorithm], flags=257))


def ds_of(zone: Zone) -> DS:
    """What the parent of a signed zone has to say of it (RFC 4034 §5)."""
    return dns.dnssec.make_ds(zone.origin, pair(zone.origin, zone.algorithm).public, DSDigest.SHA256)


def sign(content: dns.zone.Zone, zone: Zone, now: int) -> None:
    """Sign `content` in place, as `zone` says; `now` is Unix time."""
    key = pair(zone.origin, zone.algorithm)
    keys = [(key.private, key.public)]
    begin, end = (now - 3 * LIFETIME, now - LIFETIME) if zone.expired else (now - HOUR, now + LIFETIME)
    if zone.signing is Signing.NSEC:
        dns.dnssec.sign_zone(content, keys=keys, inception=begin, expiration=end)  # type: ignore[arg-type]
    elif zone.signing is not Signing.NONE:
        with content.writer() as change:
            _add_chain(content, change, key.public, zone.signing is Signing.OPT_OUT)
        with content.writer() as change:
            _sign_all(content, change, key, begin, end)


def _cuts(content: dns.zone.Zone) -> set[dns.name.Name]:
    return {
        name
        for name, node in content.items()
        if name != content.origin and node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.NS)
    }


def _is_below(name: dns.name.Name, cuts: set[dns.name.Name]) -> bool:
    """Whether `name` is glue, or hidden by a DNAME or a cut above it."""
    return any(name != cut and name.is_subdomain(cut) for cut in cuts)


def _add_chain(content: dns.zone.Zone, change: dns.transaction.Transaction, key: DNSKEY, opt_out: bool) -> None:
    """The NSEC3 chain (RFC 5155 §7.1): a record for every name with authority and every empty non-terminal."""
    origin = content.origin
    assert origin is not None
    soa = content.find_rdataset(origin, dns.rdatatype.SOA)
    change.add(origin, soa.ttl, key)
    parameters = f"1 0 {ITERATIONS} {SALT}"
    change.add(origin, 0, dns.rdata.from_text("IN", "NSEC3PARAM", parameters))
    types = _types_by_name(content, origin, opt_out)
    hashed = {
        dns.dnssec.nsec3_hash(name, SALT, ITERATIONS, NSEC3Hash.SHA1).lower(): found for name, found in types.items()
    }
    order = sorted(hashed)
    for here, following in zip(order, [*order[1:], order[0]], strict=True):
        words = " ".join(dns.rdatatype.to_text(one) for one in sorted(hashed[here]))
        text = f"1 {OPT_OUT if opt_out else 0} {ITERATIONS} {SALT} {following} {words}"
        change.add(dns.name.from_text(here, origin), soa[0].minimum, dns.rdata.from_text("IN", "NSEC3", text))


def _types_by_name(content: dns.zone.Zone, origin: dns.name.Name, opt_out: bool) -> dict[dns.name.Name, set[int]]:
    """The type bitmap of every name that the chain has; empty non-terminals have an empty one."""
    cuts, found = _cuts(content), dict[dns.name.Name, set[int]]()
    for name, node in content.items():
        if _is_below(name, cuts):
            continue
        types = {int(one.rdtype) for one in node.rdatasets}
        if name in cuts:
            types &= PARENTAL
            if opt_out and dns.rdatatype.DS not in types:
                continue
        if name == origin:
            types |= {dns.rdatatype.DNSKEY, dns.rdatatype.NSEC3PARAM}
        if types - {dns.rdatatype.NS}:
            types.add(dns.rdatatype.RRSIG)
        found[name] = types
    for name in list(found):
        while name != origin:
            name = name.parent()
            found.setdefault(name, set())
    return found


def _sign_all(content: dns.zone.Zone, change: dns.transaction.Transaction, key: Pair, begin: int, end: int) -> None:
    cuts = _cuts(content)
    for name, rdataset in list(content.iterate_rdatasets()):
        at_cut = name in cuts and rdataset.rdtype not in (dns.rdatatype.DS, dns.rdatatype.NSEC)
        if at_cut or _is_below(name, cuts):
            continue
        rrset = dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        signature = dns.dnssec.sign(rrset, key.private, content.origin, key.public, inception=begin, expiration=end)
        change.add(name, rdataset.ttl, signature)
