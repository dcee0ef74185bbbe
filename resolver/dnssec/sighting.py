"""What a DNSKEY RRset shows to who follows a zone's keys (RFC 5011 §2). Signatures are verified here and nowhere else.

Keys are seen only in an RRset that a key believed today has signed. The one exception is a revocation, which needs no other
signature than that of the key that revokes itself (RFC 5011 §2.1).
"""

from dataclasses import dataclass, replace

from resolver.dnssec.algorithms import DIGESTS
from resolver.dnssec.budget import Spent, Validation
from resolver.dnssec.keys import DEFAULT, Policy, Supported, digest_of, read_keys, supported, trust
from resolver.dnssec.signature import KEYLESS, UNREADABLE, Signing, Stage, Unsigned, may_sign, prove
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, RecordType
from wire.dns.signing import REVOKED, DelegationSigner, Key, key_tag, parse_rrsig
from wire.errors import Malformed
from wire.units import Epoch

MOST_KEYS = 64
"""In one RRset; a zone that has more is not followed."""

SECURE_ENTRY_POINT = 0x0001
"""Bit of a key's flags: it may become a trust anchor (RFC 4034 §2.1.1, RFC 5011 §3)."""

_SHA256 = 2
_DNSKEY = int(RecordType.DNSKEY)

NONE_IN_FORCE = Unsigned(Stage.KEYLESS, Explanation(ExtendedError.DNSKEY_MISSING, "no key is believed any more"))
NOT_ITS_KEYS = Unsigned(Stage.ABSENT, Explanation(ExtendedError.DNSKEY_MISSING, "these are not the zone's keys"))
TOO_MANY = Unsigned(Stage.UNREADABLE, Explanation(ExtendedError.DNSSEC_BOGUS, f"more than {MOST_KEYS} keys"))


@dataclass(frozen=True, slots=True)
class Seen:
    """The keys of an RRset that a believed key has signed: those that may sign, and those that bear the REVOKE bit (shown
    without it). `revoked`: believed keys that have revoked themselves. `ttl`: the original TTL, and `span`: how many seconds
    the signature has left, the least of those by believed keys."""

    keys: tuple[Key, ...]
    with_revoke_bit: tuple[Key, ...]
    revoked: tuple[DelegationSigner, ...]
    ttl: float
    span: float
    policy: Policy = DEFAULT

    @property
    def entry_keys(self) -> tuple[Key, ...]:
        """Those that may become trust anchors, and could verify anything for us."""
        return tuple(k for k in self.keys if k.flags & SECURE_ENTRY_POINT and k.algorithm in self.policy.algorithms)


@dataclass(frozen=True, slots=True)
class OnlyRevoked:
    """No believed key has signed the RRset, but these revoke themselves in it."""

    revoked: tuple[DelegationSigner, ...]


def look(
    zone: bytes, rrset: RRset, records: tuple[DelegationSigner, ...], date: Epoch, policy: Policy = DEFAULT
) -> Seen | OnlyRevoked | Unsigned:
    """What `rrset` shows to who believes in `records` of `zone`."""
    if (rrset.owner, rrset.rrtype) != (zone, _DNSKEY):
        return NOT_ITS_KEYS
    if len(rrset.rdatas) > MOST_KEYS:
        return TOO_MANY
    if not records:
        return NONE_IN_FORCE
    believed = supported(records, policy)
    if not isinstance(believed, Supported):
        return Unsigned(KEYLESS.stage, believed.explanation)
    keys = read_keys(rrset.rdatas)
    bearing = tuple(key for key in keys if key.flags & REVOKED)
    revoked = tuple(r for r in records if any(_revokes(zone, rrset, key, r, date, policy) for key in bearing))
    try:
        trusted = trust(rrset, believed, date, Validation(), policy)
    except Spent as spent:
        trusted = Unsigned(UNREADABLE.stage, Explanation(ExtendedError.DNSSEC_INDETERMINATE, spent.what))
    if isinstance(trusted, Unsigned):
        return OnlyRevoked(revoked) if revoked else trusted
    ttl, span = _lifetime(rrset, believed, date)
    usable = tuple(key for key in keys if may_sign(key))
    return Seen(usable, tuple(map(_unrevoked, bearing)), revoked, ttl, span, policy)


def is_digest_of(zone: bytes, key: Key, record: DelegationSigner) -> bool:
    """Whether `record` is one of `key`, a key of `zone`."""
    if (key.tag, key.algorithm) != (record.tag, record.algorithm) or record.digest_type not in DIGESTS:
        return False
    return digest_of(zone, key, DIGESTS[record.digest_type]) == record.digest


def record_of(zone: bytes, key: Key) -> DelegationSigner:
    """The DS (SHA-256) that `key` is known by."""
    return DelegationSigner(key.tag, key.algorithm, _SHA256, digest_of(zone, key, DIGESTS[_SHA256]))


def _unrevoked(key: Key) -> Key:
    """As it was before it got the REVOKE bit, which changes its tag too (RFC 5011 §7)."""
    rdata = (key.flags & ~REVOKED).to_bytes(2, "big") + key.rdata[2:]
    return Key(key.flags & ~REVOKED, key.protocol, key.algorithm, key.public, key_tag(rdata), rdata)


def _revokes(zone: bytes, rrset: RRset, key: Key, record: DelegationSigner, date: Epoch, policy: Policy) -> bool:
    """> A key is considered revoked when the resolver sees the key in a self-signed RRSet and the key has the REVOKE bit …
    > set to '1' (RFC 5011 §2.1)"""
    if not is_digest_of(zone, _unrevoked(key), record):
        return False
    # `prove` takes no revoked key, and rightly; this one keeps its tag and loses its bit for this one question.
    signing = Signing(zone, (replace(key, flags=key.flags & ~REVOKED),), policy.algorithms)
    try:
        return isinstance(prove(rrset, signing, date, Validation()), Verified)
    except Spent:
        return False


def _lifetime(rrset: RRset, believed: Supported, date: Epoch) -> tuple[float, float]:
    """Original TTL and seconds left of the signatures by believed keys, the least of each: a forged one can make us look
    sooner, not later."""
    tags = {record.tag for record in believed.records}
    ttls, spans = [], []
    for rdata in rrset.signatures:
        try:
            signature = parse_rrsig(rdata)
        except Malformed:
            continue
        left = ((signature.expiration - int(date) + 0x80000000) & 0xFFFFFFFF) - 0x80000000  # RFC 1982 §3.2
        if signature.covered == _DNSKEY and signature.tag in tags and left > 0:
            ttls.append(signature.original_ttl)
            spans.append(left)
    return float(min(ttls, default=rrset.ttl)), float(min(spans, default=0))
