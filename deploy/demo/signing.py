"""Signs the zones at the start, children before their parents, with dnspython."""

import hashlib
import time
from base64 import b32hexdecode
from dataclasses import dataclass, field

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.NSEC3
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dns.rdatatype import DNSKEY, DS, NS, NSEC, NSEC3, RRSIG, RdataType
from dns.rdtypes.util import Bitmap

from demo.zone import ED25519, P256, P384, TTL, ZONES, Contents

DAY = 86_400
NEGATIVE_TTL = 300

Owned = dict[tuple[dns.name.Name, RdataType], dns.rrset.RRset]


@dataclass
class Zone:
    """A zone as its servers have it. `names`: all that exist in it, empty non-terminals as well, none below a delegation;
    `chain`: the hashes of its NSEC3 records in order."""

    contents: Contents
    origin: dns.name.Name
    rrsets: Owned
    signatures: Owned = field(default_factory=dict)
    names: list[dns.name.Name] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)

    def cut(self, name: dns.name.Name) -> dns.name.Name | None:
        """The delegation at or above `name`, if there is one."""
        above = [name]
        while above[-1] != self.origin:
            above.append(above[-1].parent())
        return next((a for a in reversed(above[:-1]) if (a, NS) in self.rrsets), None)

    def types(self, name: dns.name.Name) -> set[RdataType]:
        """What this zone has of its own at `name`; of a delegation only NS and DS."""
        found = {kind for owner, kind in self.rrsets if owner == name}
        return found & {NS, DS} if self.cut(name) else found


def hashed(name: dns.name.Name) -> str:
    """As in an NSEC3 record: no salt, no further iterations (RFC 9276 §3.1)."""
    return dns.dnssec.nsec3_hash(name, "", 0, 1).lower()


def sign_zones() -> dict[dns.name.Name, Zone]:
    """Everything, by origin."""
    zones: dict[dns.name.Name, Zone] = {}
    origins = {contents: dns.name.from_text(contents.origin) for contents in ZONES}
    for contents, origin in sorted(origins.items(), key=lambda item: -len(item[1])):
        below = [
            zone for zone in zones.values() if not zone.contents.private and _parent(zone.origin, origins) == origin
        ]
        zones[origin] = _zone(contents, origin, below)
    return zones


def trust_anchor(zones: dict[dns.name.Name, Zone]) -> str:
    """The root's, for a configuration."""
    keys = zones[dns.name.root].rrsets[dns.name.root, DNSKEY]
    return f". DS {dns.dnssec.make_ds(dns.name.root, keys[0], 'SHA256')}"


def _parent(name: dns.name.Name, origins: dict[Contents, dns.name.Name]) -> dns.name.Name | None:
    above = [o for o in origins.values() if name != o and name.is_subdomain(o)]
    return max(above, key=len, default=None)


def _zone(contents: Contents, origin: dns.name.Name, below: list[Zone]) -> Zone:
    head = (
        f"@ SOA {contents.server} hostmaster.nic.example. 1 7200 900 1209600 {NEGATIVE_TTL}\n@ NS {contents.server}\n"
    )
    zone = Zone(contents, origin, _read(head + contents.records, origin))
    glue = [f"{c.server} A {c.address}" for c in (contents, *(z.contents for z in below))]
    delegations = [f"{z.contents.origin} NS {z.contents.server}" for z in below]
    inside = [line for line in glue if dns.name.from_text(line.split()[0]).is_subdomain(origin)]
    zone.rrsets |= _read("\n".join([*delegations, *inside]), origin)
    for child in below:
        keys = child.rrsets.get((child.origin, DNSKEY))
        if keys:
            _add(zone, child.origin, DS, dns.dnssec.make_ds(child.origin, keys[0], "SHA256"))
    own = {name for name, _ in zone.rrsets if zone.cut(name) in (None, name)}
    zone.names = sorted({a for name in own for a in _up_to(name, origin)})
    if contents.algorithm:
        _sign(zone)
    return zone


def _up_to(name: dns.name.Name, origin: dns.name.Name) -> list[dns.name.Name]:
    found = [name]
    while found[-1] != origin:
        found.append(found[-1].parent())
    return found


def _read(text: str, origin: dns.name.Name) -> Owned:
    lines = "\n".join(line.strip() for line in text.splitlines())
    data = dns.zone.from_text(f"$TTL {TTL}\n{lines}\n", origin, relativize=False, check_origin=False)
    return {
        (name, rdataset.rdtype): dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        for name, rdataset in data.iterate_rdatasets()
    }


def _add(zone: Zone, owner: dns.name.Name, kind: RdataType, rdata: dns.rdata.Rdata) -> None:
    ttl = NEGATIVE_TTL if kind in (NSEC, NSEC3) else TTL
    zone.rrsets[owner, kind] = dns.rrset.from_rdata(owner, ttl, rdata)


def _sign(zone: Zone) -> None:
    """A key for everything, what denies the rest, and a signature over each RRset that is the zone's own."""
    private = _private_key(zone.contents)
    key = dns.dnssec.make_dnskey(private.public_key(), zone.contents.algorithm, 257)
    _add(zone, zone.origin, DNSKEY, key)
    if zone.contents.hashed:
        _hash(zone)
    else:
        _link(zone)
    end = time.time() + (-DAY if zone.contents.expired else DAY)
    for (owner, kind), rrset in zone.rrsets.items():
        if kind in (NSEC, NSEC3) or kind in zone.types(owner) - ({NS} if zone.cut(owner) else set()):
            signature = dns.dnssec.sign(rrset, private, zone.origin, key, end - 7 * DAY, end)
            zone.signatures[owner, kind] = dns.rrset.from_rdata(owner, rrset.ttl, signature)
    zone.rrsets |= _read(zone.contents.forged, zone.origin)


def _private_key(contents: Contents) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey:
    """The same each time, so that what is printed is; but for RSA, of which nothing is."""
    secret = hashlib.sha512(f"the demo's key for {contents.origin}".encode()).digest()
    match contents.algorithm:
        case algorithm if algorithm == P256:
            return ec.derive_private_key(int.from_bytes(secret[:31], "big"), ec.SECP256R1())
        case algorithm if algorithm == P384:
            return ec.derive_private_key(int.from_bytes(secret[:47], "big"), ec.SECP384R1())
        case algorithm if algorithm == ED25519:
            return ed25519.Ed25519PrivateKey.from_private_bytes(secret[:32])
        case _:
            return rsa.generate_private_key(65_537, 2048)


def _link(zone: Zone) -> None:
    """RFC 4034 §4: from each name that has records to the next."""
    owners = [name for name in zone.names if zone.types(name)]
    for owner, following in zip(owners, [*owners[1:], owners[0]], strict=True):
        kinds = " ".join(dns.rdatatype.to_text(kind) for kind in sorted(zone.types(owner) | {RRSIG, NSEC}))
        _add(zone, owner, NSEC, dns.rdata.from_text("IN", "NSEC", f"{following} {kinds}"))


def _hash(zone: Zone) -> None:
    """RFC 5155 §7.1: from each hash to the next; no opt-out."""
    digests = sorted((hashed(name), name) for name in zone.names)
    zone.chain = [digest for digest, _ in digests]
    for (digest, name), following in zip(digests, [*zone.chain[1:], zone.chain[0]], strict=True):
        kinds = zone.types(name)
        bitmap = Bitmap.from_rdtypes(sorted(kinds | ({RRSIG} if kinds - {NS} else set())))
        next_hash = b32hexdecode(following.upper())
        rdata = dns.rdtypes.ANY.NSEC3.NSEC3(dns.rdataclass.IN, NSEC3, 1, 0, 0, b"", next_hash, bitmap.windows)
        _add(zone, dns.name.Name((digest.encode(), *zone.origin.labels)), NSEC3, rdata)
