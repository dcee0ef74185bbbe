"""Whether the digest of a whole zone is the zone's own: its keys against an anchor, its ZONEMD and SOA against its keys
(RFC 8976 §4, steps 1 to 3). `resolver.iterate.zonemd.verify` shows that the content has that digest; only both together show
that the zone is what its owner published.

Pure. Costs at most as many verifications as one client's question may: a task for a thread all the same.
"""

from resolver.dnssec.anchors import TrustAnchor
from resolver.dnssec.budget import Spent, Validation
from resolver.dnssec.keys import DEFAULT, Policy, Supported, supported, trust
from resolver.dnssec.signature import Stage, Unsigned, prove
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from resolver.iterate.zonecopy import ZoneCopy
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, RecordType
from wire.units import Epoch

_DNSKEY, _SOA, _ZONEMD, _RRSIG = (int(RecordType[t]) for t in ("DNSKEY", "SOA", "ZONEMD", "RRSIG"))


def _missing(what: str) -> Unsigned:
    return Unsigned(Stage.ABSENT, Explanation(ExtendedError.DNSKEY_MISSING, what))


NO_KEYS = _missing("the zone has no keys")
NO_DIGEST = _missing("the zone has no digest")
OTHER_ZONE = _missing("the trust anchor is another zone's")


def verify_zone(zone: ZoneCopy, anchor: TrustAnchor, date: Epoch, policy: Policy = DEFAULT) -> Verified | Unsigned:
    """The ZONEMD RRset of `zone`, proved by `anchor`, which is of the same zone, at `date`; or why it is not.

    An anchor of unknown algorithms only proves nothing here: who configures one wants the zone proved.
    """
    if anchor.zone != zone.apex:
        return OTHER_ZONE
    vouching = supported(anchor.records, policy)
    if not isinstance(vouching, Supported):
        return Unsigned(Stage.UNSUPPORTED, vouching.explanation)
    try:
        return _verify(zone, vouching, date, policy)
    except Spent as error:
        return Unsigned(Stage.WRONG, Explanation(ExtendedError.DNSSEC_BOGUS, error.what))


def _verify(zone: ZoneCopy, vouching: Supported, date: Epoch, policy: Policy) -> Verified | Unsigned:
    """Raises Spent."""
    keys, soa, digest = (_at_apex(zone, rrtype) for rrtype in (_DNSKEY, _SOA, _ZONEMD))
    if keys is None:
        return NO_KEYS
    if digest is None or soa is None:
        return NO_DIGEST
    budget = Validation()
    trusted = trust(keys, vouching, date, budget, policy)
    if isinstance(trusted, Unsigned):
        return trusted
    # The SOA first: without it, a digest of another version would count.
    proved = prove(soa, trusted.signing, date, budget)
    return proved if isinstance(proved, Unsigned) else prove(digest, trusted.signing, date, budget)


def _at_apex(zone: ZoneCopy, rrtype: int) -> RRset | None:
    """The RRset with its signatures, as it is in the copy; the lowest TTL of its records."""
    node = zone.nodes[zone.apex]
    records = node.get(rrtype)
    if not records:
        return None
    covered = rrtype.to_bytes(2, "big")
    signatures = tuple(rdata for rdata in node.get(_RRSIG, ()) if rdata.startswith(covered))
    return RRset(zone.apex, rrtype, min(records.values()), tuple(records), signatures)
