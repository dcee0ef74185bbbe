"""What has been verified, told apart by type from what has only been received."""

from typing import TYPE_CHECKING, NamedTuple

from resolver.iterate.verdict import RRset

if TYPE_CHECKING:
    from resolver.dnssec.nsec import Range

LONG = 2**31 - 1
"""Seconds: as long as a signature can be valid (RFC 4034 §3.1.5)."""


class Verified(NamedTuple):
    """An RRset with a signature that was found valid.

    `rrset.ttl` is bounded already by the original TTL, the TTL of the RRSIG and the end of the signature (RFC 4035
    §5.3.3). `zone` is the signer's name, folded. `wildcard` is the name that the owner was expanded from
    (`*.example.`), as the labels field of the RRSIG says; None if the owner stands in the zone itself. `left`: seconds for
    which the signature is still valid; `by`: its RDATA.
    """

    rrset: RRset
    zone: bytes
    wildcard: bytes | None = None
    left: int = LONG
    by: bytes = b""


Spans = tuple["Range | None", ...]
"""What each of some records says, if it is an NSEC that may be used."""


class Learned(NamedTuple):
    """What an answer showed that answers to other questions can be made of (RFC 8198): the records of a proof with the SOA of
    their zone, if it was there, records that were `expanded` from a wildcard, or a DNAME (`renamer`). `spans`: what the records
    say, where that has been read."""

    records: tuple[Verified, ...] = ()
    soa: Verified | None = None
    expanded: Verified | None = None
    renamer: Verified | None = None
    spans: Spans = ()
