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
