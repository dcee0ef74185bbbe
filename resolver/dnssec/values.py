"""What has been verified, told apart by type from what has only been received."""

from dataclasses import dataclass

from resolver.iterate.verdict import RRset


@dataclass(frozen=True, slots=True)
class Verified:
    """An RRset with a signature that was found valid.

    `rrset.ttl` is bounded already by the original TTL, the TTL of the RRSIG and the end of the signature (RFC 4035
    §5.3.3). `zone` is the signer's name, folded. `wildcard` is the name that the owner was expanded from
    (`*.example.`), as the labels field of the RRSIG says; None if the owner stands in the zone itself.
    """

    rrset: RRset
    zone: bytes
    wildcard: bytes | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What an answer showed that answers to other questions can be made of (RFC 8198): the records of a proof with the SOA of
    their zone, if it was there, or records that were `expanded` from a wildcard."""

    records: tuple[Verified, ...]
    soa: Verified | None = None
    expanded: Verified | None = None
