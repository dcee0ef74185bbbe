"""RRsets that were found signed a moment ago: a zone's SOA and the NSEC of its apex come along with every denial.

Only what cannot change is spared: that this signature is over these records and by one of the keys that are in force. Times are
looked at each time, and the budget is charged as if it had been verified: what an answer comes to does not depend on what was
asked before.
"""

from collections import OrderedDict

from resolver.dnssec.budget import Validation
from resolver.dnssec.signature import Signing, Unsigned, Verifier, Window, prove, verified, window_of
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.codes import RecordType
from wire.dns.signing import parse_rrsig
from wire.units import Epoch

KEPT = 2_048
"""RRsets remembered, of up to `LONGEST` octets each; the least recently used go first."""

LONGEST = 1_024

_AGAIN = frozenset(int(RecordType[t]) for t in ("SOA", "NSEC", "NSEC3", "DNAME"))
"""Types of records that come with answers to many questions."""

_RANGES = frozenset(int(RecordType[t]) for t in ("NSEC", "NSEC3"))
"""Of these most come once only: they are remembered from the second time on."""

_Place = tuple[bytes, int, tuple[bytes, ...], tuple[bytes, ...]]


class _Known:
    """By which keys, the original TTL, what it cost to verify it, and when that holds; what was made of it last, of an RRset with
    which TTL, in which second."""

    __slots__ = ("came", "cost", "said", "second", "signing", "ttl", "window")

    def __init__(self, signing: Signing, ttl: int, cost: int, window: Window, said: Verified) -> None:
        self.signing = signing
        self.ttl = ttl
        self.cost = cost
        self.window = window
        self.said = said
        self.came = self.second = -1


class Recent:
    """A Prover with a memory, one for each validator."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[_Place, _Known] = OrderedDict()
        self._seen: set[int] = set()
        """Of ranges that came once, what their places hash to."""

    def __len__(self) -> int:
        return len(self._known)

    def __call__(
        self, rrset: RRset, signing: Signing, date: Epoch | None, budget: Validation, verifier: Verifier
    ) -> Verified | Unsigned:
        """As `prove`. Raises Spent."""
        # With several signatures it depends on the time which of them is tried.
        owner, rrtype, ttl, rdatas, signatures = rrset
        if rrtype not in _AGAIN or len(signatures) != 1 or date is None:
            return prove(rrset, signing, date, budget, verifier)
        place = (owner, rrtype, rdatas, signatures)
        known = self._known.get(place)
        # Other keys, even equal ones, were proved anew: so is what they signed.
        if known is None or known.signing is not signing or not known.window.since <= date <= known.window.until:
            return self._prove(place, rrset, signing, date, budget, verifier)
        self._known.move_to_end(place)
        budget.verify(known.cost)
        second = int(date)
        if known.second != second or known.came != ttl:
            left = max(known.window.ends - second, 0)
            known.said = verified(rrset, signing.zone, known.said.wildcard, signatures[0], min(known.ttl, left), left)
            known.second, known.came = second, ttl
        return known.said

    def _prove(
        self,
        place: _Place,
        rrset: RRset,
        signing: Signing,
        date: Epoch,
        budget: Validation,
        verifier: Verifier,
    ) -> Verified | Unsigned:
        units, wrong = budget.units, budget.wrong
        found = prove(rrset, signing, date, budget, verifier)
        if rrset.rrtype in _RANGES and not self._came_before(hash(place)):
            return found
        length = len(rrset.owner) + sum(map(len, rrset.rdatas + rrset.signatures))
        # What took several keys costs that each time.
        if isinstance(found, Verified) and budget.wrong == wrong and length <= LONGEST:
            signature = parse_rrsig(found.by)
            window = window_of(signature, date)
            cost = units - budget.units
            self._known[place] = _Known(signing, signature.original_ttl, cost, window, found)
            self._known.move_to_end(place)
            if len(self._known) > self._kept:
                self._known.popitem(last=False)
        return found

    def _came_before(self, place: int) -> bool:
        if place in self._seen:
            return True
        if len(self._seen) >= self._kept:
            self._seen.clear()
        self._seen.add(place)
        return False
