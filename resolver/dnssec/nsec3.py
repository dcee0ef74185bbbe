"""What NSEC3 records say of names by their hashes (RFC 5155 §8), and what hashing may cost (RFC 9276 §3.2)."""

from base64 import b32hexdecode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1

from resolver.dnssec.evidence import Absent, Encloser, TooExpensive, Unproved
from resolver.dnssec.nsec import denies_its_owner, ends_here
from resolver.dnssec.values import Verified
from wire.dns.codes import RecordType
from wire.dns.names import parent, suffixes
from wire.dns.nsec import Types, parse_nsec3
from wire.errors import Malformed

MAX_ITERATIONS = 50
"""More make a zone insecure (RFC 9276 §3.2 lets validators choose; BIND, Knot and PowerDNS chose this)."""

MAX_HASHES = 200
"""Names hashed for one client's question, however often it is validated anew."""

ROUNDS = 20
"""SHA-1 computations for each of them, on average. In the dearest zone a name may have 78 labels, or two have the 34 of
ip6.arpa; few zones have iterations at all (RFC 9276)."""

ROUNDS_A_UNIT = 100
"""So many take about as long as verifying one signature."""

_NSEC3, _NXNAME = int(RecordType.NSEC3), int(RecordType.NXNAME)
_SHA1 = 1
_OPT_OUT = 1
_DIGEST = 20
"""Octets of a SHA-1 digest; 32 as a label in base 32."""


class HashesSpent(Exception):
    """No more hashes for this question. Caught by `resolver.dnssec.denial`, which makes it a value."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """How a zone hashes its names: SHA-1, `salt`, and so many iterations beyond the first."""

    iterations: int
    salt: bytes


class Hashes:
    """Hashes made for one client's question. It lives as long as the question, so no name is hashed twice for it."""

    __slots__ = ("_given", "_made", "left", "rounds")

    def __init__(self, left: int = MAX_HASHES) -> None:
        self.left = left
        self._given = self.rounds = left * ROUNDS
        self._made: dict[tuple[Hashing, bytes], bytes] = {}

    def cost(self) -> float:
        """What was spent so far, in verifications of a signature (`resolver.dnssec.budget.UNITS`)."""
        return (self._given - self.rounds) / ROUNDS_A_UNIT

    def digest(self, name: bytes, hashing: Hashing) -> bytes:
        """The hash of a folded name. Raises HashesSpent."""
        key = (hashing, name)
        made = self._made.get(key)
        if made is None:
            if self.left <= 0 or self.rounds <= hashing.iterations:
                raise HashesSpent
            self.left -= 1
            self.rounds -= 1 + hashing.iterations
            made = self._made[key] = hash_name(name, hashing)
        return made


def hash_name(name: bytes, hashing: Hashing) -> bytes:
    """IH(salt, x, k) of RFC 5155 §5: the digest, 20 octets."""
    salt = hashing.salt
    digest = sha1(name + salt, usedforsecurity=False).digest()
    for _ in range(hashing.iterations):
        digest = sha1(digest + salt, usedforsecurity=False).digest()
    return digest


@dataclass(frozen=True, slots=True)
class HashRange:
    """One NSEC3: no name has a hash between `owner` and `next` (`opt_out`: but unsigned delegations may)."""

    owner: bytes
    next: bytes
    opt_out: bool
    types: Types
    hashing: Hashing

    def covers(self, digest: bytes) -> bool:
        """Whether the hash lies strictly between; the last range goes on at the first owner."""
        if self.owner < self.next:
            return self.owner < digest < self.next
        return digest > self.owner or digest < self.next


class Nsec3Chain:
    """The NSEC3 records of one zone that came with an answer, hashed alike. Methods raise HashesSpent."""

    def __init__(self, zone: bytes, ranges: Iterable[HashRange], hashing: Hashing, hashes: Hashes) -> None:
        self.zone = zone
        self._ranges = list(ranges)
        self._types = {found.owner: found.types for found in self._ranges}
        self._hashing = hashing
        self._hashes = hashes

    def types_at(self, name: bytes) -> Types | None:
        """The types of a name that exists, none for one that has only names below it; None if that is not said."""
        return self._types.get(self._digest(name))

    def absent(self, name: bytes) -> Absent | None:
        """Proof that nothing signed has this name; None if that is not said."""
        digest = self._digest(name)
        covering = [found for found in self._ranges if found.covers(digest)]
        if not covering or digest in self._types:
            return None
        return Absent(any(found.opt_out for found in covering))

    def encloser(self, name: bytes) -> Encloser | None:
        """The closest encloser proof (RFC 5155 §8.3): an ancestor that exists, and proof that the next closer name does
        not; None if it is not there.

        From the apex down, so that a name of many labels costs few hashes: below a name that does not exist none does.
        """
        above = None
        for candidate in self._from_the_apex(name):
            digest = self._digest(candidate)
            types = self._types.get(digest)
            if above is not None and types is None and (absent := self.absent(candidate)) is not None:
                return None if ends_here(above) or _NXNAME in above else Encloser(parent(candidate), absent.opt_out)
            above = types
        return None

    def says_no_name(self, name: bytes) -> bool:
        """Whether an NSEC3 of the name itself says that it does not exist (compact denial)."""
        types = self.types_at(name)
        return types is not None and denies_its_owner(types)

    def _from_the_apex(self, name: bytes) -> list[bytes]:
        within = []
        for suffix in suffixes(name):
            within.append(suffix)
            if suffix == self.zone:
                break
        return within[::-1]

    def _digest(self, name: bytes) -> bytes:
        return self._hashes.digest(name, self._hashing)


def read_chain(zone: bytes, records: Iterable[Verified], hashes: Hashes) -> Nsec3Chain | Unproved | TooExpensive:
    """The NSEC3 records of `records` that may be used for names of `zone`.

    All must be hashed alike (RFC 5155 §8.2). They are verified before they come here, so the limit on iterations is no
    way round a signature.
    """
    ranges = [found for record in records if (found := read_hash_range(record, zone)) is not None]
    if not ranges:
        return Unproved("no NSEC or NSEC3 record of the zone speaks of it")
    hashing = ranges[0].hashing
    if any(found.hashing != hashing for found in ranges):
        return Unproved("NSEC3 records hashed in different ways")
    if hashing.iterations > MAX_ITERATIONS:
        return TooExpensive(f"NSEC3 with {hashing.iterations} iterations, {MAX_ITERATIONS} are the most")
    return Nsec3Chain(zone, ranges, hashing, hashes)


def read_hash_range(record: Verified, zone: bytes) -> HashRange | None:
    """The NSEC3 as a range; None if it may not be used for names of `zone`.

    It must be signed by that zone and no wildcard's expansion, stand directly below the apex and be the only one there.
    > A validator MUST ignore NSEC3 RRs with unknown hash types. (RFC 5155 §8.1)
    > A validator MUST ignore NSEC3 RRs with a Flag fields value other than zero or one. (§8.2)
    """
    rrset = record.rrset
    if rrset.rrtype != _NSEC3 or record.zone != zone or record.wildcard is not None or len(rrset.rdatas) != 1:
        return None
    owner = _owner_digest(rrset.owner, zone)
    try:
        found = parse_nsec3(rrset.rdatas[0])
    except Malformed:
        return None
    if owner is None or found.algorithm != _SHA1 or found.flags not in (0, _OPT_OUT) or len(found.next) != _DIGEST:
        return None
    hashing = Hashing(found.iterations, found.salt)
    return HashRange(owner, found.next, found.flags == _OPT_OUT, found.types, hashing)


def _owner_digest(owner: bytes, zone: bytes) -> bytes | None:
    """The hash that the first label spells, if there is just this label in front of the zone's name."""
    if len(owner) != 1 + 32 + len(zone) or owner[0] != 32 or parent(owner) != zone:
        return None
    try:
        return b32hexdecode(owner[1:33].upper())
    except ValueError:
        return None
