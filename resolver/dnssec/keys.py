"""A zone's DNSKEY RRset against the DS records that vouch for it (RFC 4035 §5.2, RFC 6840 §5.2 and §5.11)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from resolver.dnssec.algorithms import ALGORITHMS, DIGESTS, STRICT, Algorithm, Digest
from resolver.dnssec.budget import DS_MISMATCHES, Validation
from resolver.dnssec.signature import KEYLESS, Signing, Unsigned, Verifier, may_sign, prove, verify_now, why_unfit
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from resolver.values import Explanation
from wire.dns.codes import ExtendedError
from wire.dns.signing import DelegationSigner, Key, parse_dnskey, parse_ds
from wire.errors import Malformed
from wire.units import Epoch

MISMATCH = Explanation(ExtendedError.DNSKEY_MISSING, "no key of the zone has the digest that its parent gives")


@dataclass(frozen=True, slots=True)
class Policy:
    """Which algorithms and digests count; a zone that uses none of them is insecure."""

    algorithms: Mapping[int, Algorithm]
    digests: Mapping[int, Digest]


DEFAULT = Policy(ALGORITHMS, DIGESTS)
WITHOUT_SHA1 = Policy(STRICT, DIGESTS)


@dataclass(frozen=True, slots=True)
class Trusted:
    """The keys of a zone, proved for `ttl` seconds; `by`: the RDATA of the signature that did it."""

    signing: Signing
    ttl: int
    by: bytes = field(default=b"", compare=False)


@dataclass(frozen=True, slots=True)
class Supported:
    """The DS records that count."""

    records: tuple[DelegationSigner, ...]


@dataclass(frozen=True, slots=True)
class Unsupported:
    """No DS has both an algorithm and a digest that are known: the zone is insecure."""

    explanation: Explanation


def supported(records: tuple[DelegationSigner, ...], policy: Policy = DEFAULT) -> Supported | Unsupported:
    """> If the validator does not support any of the algorithms listed in an authenticated DS RRset, then the resolver has
    > no supported authentication path … SHOULD treat … as … unsigned (RFC 4035 §5.2, RFC 6840 §5.2)

    SHA-1 is ignored beside a better digest of a key (RFC 4509 §3): whoever can forge one must not choose it.
    """
    known = [record for record in records if record.algorithm in policy.algorithms]
    if not known:
        text = "no DS has a supported algorithm"
        return Unsupported(Explanation(ExtendedError.UNSUPPORTED_DNSKEY_ALGORITHM, text))
    usable = [record for record in known if record.digest_type in policy.digests]
    if not usable:
        return Unsupported(Explanation(ExtendedError.UNSUPPORTED_DS_DIGEST, "no DS has a supported digest"))
    best = max(policy.digests[record.digest_type].rank for record in usable)
    return Supported(tuple(record for record in usable if policy.digests[record.digest_type].rank == best))


def read_delegation(rdatas: tuple[bytes, ...], policy: Policy = DEFAULT) -> Supported | Unsupported:
    """The same of a DS RRset's RDATA; what cannot be read is no DS that is supported."""
    records = []
    for rdata in rdatas:
        try:
            records.append(parse_ds(rdata))
        except Malformed:
            continue
    return supported(tuple(records), policy)


def trust(
    dnskeys: RRset,
    vouching: Supported,
    date: Epoch | None,
    budget: Validation,
    policy: Policy = DEFAULT,
    verifier: Verifier = verify_now,
) -> Trusted | Unsigned:
    """The keys of the zone, if a key that has one of the digests has signed them. Any one path will do (RFC 6840 §5.11).
    `date` as in `prove`. Raises Spent."""
    zone = dnskeys.owner
    keys = read_keys(dnskeys.rdatas)
    usable = Signing(zone, tuple(key for key in keys if key.algorithm in policy.algorithms), policy.algorithms)
    entries = entry_points(usable, vouching.records, policy)
    if isinstance(entries, Unsigned):
        return entries
    proved = prove(dnskeys, Signing(zone, entries, policy.algorithms), date, budget, verifier)
    if not isinstance(proved, Verified):
        return proved
    return Trusted(usable, proved.rrset.ttl, proved.by)


def read_keys(rdatas: tuple[bytes, ...]) -> tuple[Key, ...]:
    """Those that can be read, zone keys or not."""
    keys = []
    for rdata in rdatas:
        try:
            keys.append(parse_dnskey(rdata))
        except Malformed:
            continue
    return tuple(keys)


def entry_points(usable: Signing, records: tuple[DelegationSigner, ...], policy: Policy) -> tuple[Key, ...] | Unsigned:
    """The keys that a DS is of, or why there are none. Of those alike in tag and algorithm but not in digest only so many
    are looked at (HashTrap)."""
    found: dict[bytes, Key] = {}
    mismatches = 0
    unfit: list[Key] = []
    named: dict[tuple[int, int], list[Key]] = {}
    for record in records:
        # Two lists of hundreds, every pair of them, would be dear even where nothing is hashed.
        name = (record.tag, record.algorithm)
        if name not in named:
            same = usable.named(*name)
            named[name] = [key for key in same if may_sign(key)]
            unfit += [key for key in same if not may_sign(key)]
        for key in named[name]:
            if digest_of(usable.zone, key, policy.digests[record.digest_type]) == record.digest:
                found[key.rdata] = key
            elif (mismatches := mismatches + 1) >= DS_MISMATCHES:
                return tuple(found.values()) or Unsigned(KEYLESS.stage, MISMATCH)
    if found:
        return tuple(found.values())
    why = why_unfit(unfit)
    return Unsigned(KEYLESS.stage, MISMATCH) if why is KEYLESS else why


def digest_of(zone: bytes, key: Key, digest: Digest) -> bytes:
    """RFC 4034 §5.1.4: over the owner's name in canonical form and the DNSKEY's RDATA."""
    return digest.hash(zone + key.rdata)
