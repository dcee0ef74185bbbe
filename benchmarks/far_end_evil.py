"""Zones made to keep resolvers busy, for `far_end.py --evil`: those of docs/threats.md that need zones.
What is asked of each stands in `overload.py`.
"""

import dns.dnssec
import dns.name
import dns.rdatatype
from kit.authority import NSEC, Zone
from kit.internet import Internet
from kit.signed import DNSKEY, Hashed, Signed, sign
from kit.signed import add as put
from kit.traps import colliding, junk, put_signatures, signatures
from kit.trapzones import tiny_keys

from benchmarks.far_end import signer

A = dns.rdatatype.from_text("A")
CHAIN, DEAD, CUTS, SERVERS = 11, 50, 200, 20
COLLISIONS, JUNK = 60, 16


def add(made: Internet) -> None:
    """All of them, below `example.`, which is signed afterwards."""
    trap(made, "keytrap", 13)
    trap(made, "dear", 14)
    many_keys(made)
    denials(made)
    amplifiers(made)


def trap(made: Internet, label: str, algorithm: int) -> None:
    """KeyTrap (A1, A2): keys of one tag, and signatures that are all wrong."""
    signed = _sign(made, label, "* 300 A 203.0.113.66", algorithm)
    _more_keys(signed, colliding(signed.signer.dnskey, COLLISIONS))
    zone = signed.zone
    put_signatures(zone, "*", A, junk(signatures(zone, "*", A)[0], JUNK))


def many_keys(made: Internet) -> None:
    """A response of 64 KiB for nothing but keys."""
    _more_keys(_sign(made, "manykeys", "* 300 A 203.0.113.67"), tiny_keys(None))  # type: ignore[arg-type]


def denials(made: Internet) -> None:
    """A3 and A4: names far from their closest encloser, and every proof of a zone behind wrong signatures."""
    _sign(made, "nsec3", "a." * 105 + "nsec3.example. 300 A 203.0.113.68", hashed=Hashed(50, "ab" * 255))
    zone = _sign(made, "padded", "\n".join(f"n{number:03} 300 A 203.0.113.69" for number in range(60))).zone
    owners = [owner for owner, node in zone.nodes.items() if node.get_rdataset(dns.rdataclass.IN, NSEC)]
    for owner in owners:
        real = signatures(zone, owner, NSEC)[0]
        put_signatures(zone, owner, NSEC, [*junk(real, 7), real])
    found = [rrset for owner in owners if (rrset := zone.get(owner, NSEC)) is not None]
    zone.proofs = lambda name: found  # type: ignore[method-assign]


def amplifiers(made: Internet) -> None:
    """B1 to B7: what makes a resolver ask others."""
    made.serve("victim.example.", {"ns.victim.example.": "10.0.2.20"})
    made.serve("nxns.example.", {"ns.nxns.example.": "10.0.2.21"})
    zone = made.zone("nxns.example.")
    for cut in range(CUTS):
        zone.add("\n".join(f"d{cut:03} NS v{server}-{cut}.victim.example." for server in range(SERVERS)))
    for place in range(CHAIN):
        text = f"* 300 CNAME m.camp{place + 1}.example." if place < CHAIN - 1 else "* 300 A 203.0.113.70"
        made.serve(f"camp{place}.example.", {f"ns.camp{place}.example.": f"10.0.3.{place + 1}"}, text)
    made.delegate("ring-a.example.", {"ns.ring-b.example.": ()})
    made.delegate("ring-b.example.", {"ns.ring-a.example.": ()})
    for number in range(DEAD):
        made.delegate(f"dead{number:02}.example.", {f"ns.dead{number:02}.example.": f"10.9.0.{number + 1}"})
    made.serve("torture.example.", {"ns.torture.example.": "10.0.2.22"})
    made.serve(
        "large.example.",
        {"ns.large.example.": "10.0.2.23"},
        "\n".join(f'* 300 TXT "{n:03}{"x" * 240}"' for n in range(60)),
    )


def _sign(made: Internet, label: str, text: str, algorithm: int = 13, hashed: Hashed | None = None) -> Signed:
    origin = f"{label}.example."
    place = 1 + len(made.zones)
    made.serve(origin, {f"ns.{origin}": f"10.0.2.{100 + place}"}, text)
    return sign(made, origin, signer(origin, algorithm), hashed)


def _more_keys(signed: Signed, keys: list[dns.dnssec.DNSKEY]) -> None:
    zone: Zone = signed.zone
    put(zone, zone.origin, DNSKEY, signed.signer.dnskey, *keys)
    signed.resign(signed.signer)
