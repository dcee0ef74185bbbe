"""Signatures that were found valid a moment ago: a zone's SOA and the NSEC of its apex come along with every denial.

Only the arithmetic is spared, whose outcome cannot change. Whose the key is, times, names and labels are looked at each time,
and the budget is charged as if it had been done: what an answer comes to does not depend on what was asked before.
"""

from collections import OrderedDict

from resolver.dnssec.algorithms import Algorithm
from resolver.dnssec.signature import Verifier, verify_now
from wire.dns.codes import RecordType
from wire.dns.signing import Key

KEPT = 2_048
"""Signatures remembered, of up to `LONGEST` octets of signed data each; the least recently used go first."""

LONGEST = 1_024

_AGAIN = frozenset(int(RecordType[t]).to_bytes(2, "big") for t in ("SOA", "NSEC", "NSEC3", "DNAME"))
"""Types of records that come with answers to many questions. Signed data begin with the type (RFC 4034 §3.1.8.1)."""


class Recent:
    """A Verifier with a memory, one for each validator."""

    def __init__(self, verifier: Verifier = verify_now, kept: int = KEPT) -> None:
        self._verifier = verifier
        self._kept = kept
        self._valid: OrderedDict[tuple[int, bytes, bytes, bytes], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._valid)

    def __call__(self, algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> None:
        """As `Verifier` says. Raises Wrong."""
        if data[:2] not in _AGAIN or len(data) > LONGEST:
            self._verifier(algorithm, key, signature, data)
            return
        place = (algorithm.number, key.public, signature, data)
        if place in self._valid:
            self._valid.move_to_end(place)
            return
        self._verifier(algorithm, key, signature, data)
        self._valid[place] = None
        if len(self._valid) > self._kept:
            self._valid.popitem(last=False)
