"""What came back for a question, looked through before anything of it is believed."""

from collections.abc import Iterator, Sequence

from resolver.dnssec.budget import SIGNATURES_READ, SIGNERS_READ
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Alias, Negative, Positive, RRset, TooLong
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, is_below
from wire.dns.signing import SIGNER_AT, parse_rrsig
from wire.errors import Malformed

SIGNERS = 2
"""Zones tried as the signer of one RRset."""

_DS = int(RecordType.DS)


def rrsets_of(found: Resolved) -> Iterator[RRset]:
    """Everything that came."""
    for part in (*found.links, found.end):
        match part:
            case Alias(rrset=rrset) | Positive(rrset=rrset) | TooLong(dname=rrset):
                yield rrset
            case Negative(soa=RRset() as rrset):
                yield rrset
            case _:
                pass
        if isinstance(part, Alias | Positive | Negative):
            yield from part.proof


def signers_of(rrsets: tuple[RRset, ...], name: bytes, rrtype: int, top: bytes) -> list[bytes]:
    """The zones that signatures say are theirs and that could be the zone of `name`: at or above it and at or below the
    anchor, for DS above; the deepest first."""
    found: list[bytes] = []
    last = b""
    if len(rrsets) == 1:
        every: Sequence[bytes] = rrsets[0].signatures[:SIGNATURES_READ]
    else:
        every = [rdata for rrset in rrsets for rdata in rrset.signatures[:SIGNATURES_READ]]
    for rdata in every[:SIGNERS_READ]:
        # A name says itself where it ends.
        if last and rdata.startswith(last, SIGNER_AT):
            continue
        try:
            last = signer = parse_rrsig(rdata).signer
        except Malformed:
            continue
        if signer in found:
            continue
        if is_below(name, signer) and is_below(signer, top) and not (rrtype == _DS and signer == name != ROOT):
            found.append(signer)
    return sorted(found, key=len, reverse=True)[:SIGNERS] if len(found) > 1 else found
