"""The digest of a whole zone, and whether it is the one the zone claims to have (RFC 8976).

What a digest proves is that the copy is whole: `verify` takes a zone at its word, and gives evidence of damage, not of forgery.
Who wrote it is proved by the signature of the ZONEMD records: `resolver.dnssec.wholezone`.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum

from resolver.iterate.zonecopy import FIXED, Node, ZoneCopy
from wire.dns.codes import RecordClass, RecordType

SIMPLE = 1
"""The only scheme there is (RFC 8976 §5.2)."""

_ZONEMD, _RRSIG, _IN = int(RecordType.ZONEMD), int(RecordType.RRSIG), int(RecordClass.IN)
_FIELDS = 6
_LEAST = 12


class Hash(IntEnum):
    """Hash algorithms (RFC 8976 §5.3)."""

    SHA384 = 1
    SHA512 = 2


_LENGTHS = {Hash.SHA384: 48, Hash.SHA512: 64}
_HASHES = {Hash.SHA384: hashlib.sha384, Hash.SHA512: hashlib.sha512}


class Doubt(Enum):
    """Why a zone is not taken to be whole."""

    ABSENT = "it has no ZONEMD record"
    SERIAL = "its ZONEMD belongs to another serial"
    UNKNOWN = "its ZONEMD has no scheme and hash that is known here"
    MISMATCH = "its content is not what its ZONEMD says"


class Unverified(Exception):
    """The zone does not have the digest it claims, or claims none."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt.value)
        self.doubt = doubt


@dataclass(frozen=True, slots=True)
class Digested:
    """Evidence: the zone of this `serial` has the `digest` it claims."""

    serial: int
    algorithm: Hash
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Claim:
    serial: int
    scheme: int
    algorithm: int
    digest: bytes


def verify(zone: ZoneCopy) -> Digested:
    """That the content of `zone` is what one of its ZONEMD records says (RFC 8976 §4). Raises Unverified."""
    claims = [_claim(rdata) for rdata in zone.nodes[zone.apex].get(_ZONEMD, ()) if len(rdata) >= _FIELDS + _LEAST]
    if not claims:
        raise Unverified(Doubt.ABSENT)
    claims = [claim for claim in claims if claim.serial == zone.timers.serial]
    if not claims:
        raise Unverified(Doubt.SERIAL)
    usable = list(_usable(claims))
    if not usable:
        raise Unverified(Doubt.UNKNOWN)
    for claim in usable:
        algorithm = Hash(claim.algorithm)
        if hmac.compare_digest(claim.digest, compute(zone, algorithm)):
            return Digested(claim.serial, algorithm, claim.digest)
    raise Unverified(Doubt.MISMATCH)


def _claim(rdata: bytes) -> _Claim:
    """Serial u32, scheme u8, hash algorithm u8, digest (RFC 8976 §2.2)."""
    return _Claim(int.from_bytes(rdata[:4], "big"), rdata[4], rdata[5], rdata[_FIELDS:])


def _usable(claims: list[_Claim]) -> Iterator[_Claim]:
    """Of a scheme and hash that we know, of the right length, and the only one of its kind."""
    kinds = [(claim.scheme, claim.algorithm) for claim in claims]
    for claim, kind in zip(claims, kinds, strict=True):
        known = claim.scheme == SIMPLE and claim.algorithm in _LENGTHS
        # Two of the same scheme and hash contradict each other: neither may be used (RFC 8976 §4).
        if known and kinds.count(kind) == 1 and len(claim.digest) == _LENGTHS[Hash(claim.algorithm)]:
            yield claim


def compute(zone: ZoneCopy, algorithm: Hash) -> bytes:
    """The digest of `zone` by the SIMPLE scheme (RFC 8976 §3): every record in canonical form and order, but the apex's
    ZONEMD records and their signatures. Time is linear in the records but for sorting them."""
    state = _HASHES[algorithm]()
    for owner, node in zone.ordered():
        state.update(b"".join(_written(owner, node, owner == zone.apex)))
    return state.digest()


def _written(owner: bytes, node: Node, is_apex: bool) -> Iterable[bytes]:
    for rrtype in sorted(node):
        if is_apex and rrtype == _ZONEMD:
            continue
        for rdata, ttl in sorted(node[rrtype].items()):
            if is_apex and rrtype == _RRSIG and int.from_bytes(rdata[:2], "big") == _ZONEMD:
                continue
            yield owner + FIXED.pack(rrtype, _IN, ttl, len(rdata)) + rdata
