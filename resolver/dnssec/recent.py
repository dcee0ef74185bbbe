"""RRsets that were found signed a moment ago: a zone's SOA and the NSEC of its apex come along with every denial.

Only what cannot change is spared: that this signature is over these records and by one of the keys that are in force. Times are
looked at each time, and the budget is charged as if it had been verified: what an answer comes to does not depend on what was
asked before.
"""

from collections import OrderedDict
from typing import NamedTuple

from resolver.dnssec.budget import Validation
from resolver.dnssec.signature import Signing, Unsigned, Verifier, prove, untimely, verified
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.codes import RecordType
from wire.dns.signing import Signature, parse_rrsig
from wire.units import Epoch

KEPT = 2_048
"""RRsets remembered, of up to `LONGEST` octets each; the least recently used go first."""

LONGEST = 1_024

_AGAIN = frozenset(int(RecordType[t]) for t in ("SOA", "NSEC", "NSEC3", "DNAME"))
"""Types of records that come with answers to many questions."""

_Place = tuple[bytes, int, tuple[bytes, ...], tuple[bytes, ...]]


class _Known(NamedTuple):
    """By which keys, with which signature, and what it cost to verify it."""

    signing: Signing
    signature: Signature
    wildcard: bytes | None
    cost: int


class Recent:
    """A Prover with a memory, one for each validator."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[_Place, _Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def __call__(
        self, rrset: RRset, signing: Signing, date: Epoch | None, budget: Validation, verifier: Verifier
    ) -> Verified | Unsigned:
        """As `prove`. Raises Spent."""
        # With several signatures it depends on the time which of them is tried.
        if rrset.rrtype not in _AGAIN or len(rrset.signatures) != 1:
            return prove(rrset, signing, date, budget, verifier)
        place = (rrset.owner, rrset.rrtype, rrset.rdatas, rrset.signatures)
        known = self._known.get(place)
        # Other keys, even equal ones, were proved anew: so is what they signed.
        if known is None or known.signing is not signing or untimely(known.signature, date) is not None:
            return self._prove(place, rrset, signing, date, budget, verifier)
        self._known.move_to_end(place)
        budget.verify(known.cost)
        return verified(rrset, signing.zone, known.signature, known.wildcard, rrset.signatures[0], date)

    def _prove(
        self,
        place: _Place,
        rrset: RRset,
        signing: Signing,
        date: Epoch | None,
        budget: Validation,
        verifier: Verifier,
    ) -> Verified | Unsigned:
        units, wrong = budget.units, budget.wrong
        found = prove(rrset, signing, date, budget, verifier)
        length = len(rrset.owner) + sum(map(len, rrset.rdatas + rrset.signatures))
        # What took several keys costs that each time.
        if isinstance(found, Verified) and budget.wrong == wrong and length <= LONGEST:
            known = _Known(signing, parse_rrsig(found.by), found.wildcard, units - budget.units)
            self._known[place] = known
            self._known.move_to_end(place)
            if len(self._known) > self._kept:
                self._known.popitem(last=False)
        return found
