"""DNSKEY RRsets of the root for who follows its keys: seed → flags, signed by some of them, good from a day before `date`."""

from kit.signing import DAY, Signer, plain, rrset_of

from resolver.dnssec.sighting import record_of
from resolver.iterate.verdict import RRset
from wire.dns.signing import DelegationSigner

ROOT = b"\0"
ENTRY, ZONE, REVOKED = 257, 256, 257 + 128
TTL = 172_800
SPAN = 20 * DAY
"""Seconds that a signature is still good for at its date."""


def signer(seed: int, flags: int, date: float, zone: str = ".") -> Signer:
    return Signer(zone, 13, seed, flags, inception=int(date) - DAY, expiration=int(date) + SPAN)


def keyset(members: dict[int, int], by: dict[int, int], date: float, ttl: int = TTL, zone: str = ".") -> RRset:
    """The RRset, with a signature by each of `by`."""
    records = [signer(seed, flags, date, zone).dnskey.to_text() for seed, flags in members.items()]
    rrset = rrset_of(*(f"{zone} {ttl} DNSKEY {text}" for text in records))
    signatures = (signer(seed, flags, date, zone).sign(rrset).to_wire() for seed, flags in by.items())
    return plain(rrset)._replace(signatures=tuple(signatures))


def record(seed: int, zone: str = ".") -> DelegationSigner:
    """What the entry key of this seed is known by."""
    one = signer(seed, ENTRY, 0, zone)
    return record_of(one.name.to_wire().lower(), one.key)
