"""What validating one client's answer may cost (KeyTrap, NSEC3 closest encloser and their kin)."""

from resolver.dnssec.nsec3 import Hashes

UNITS = 64
"""Signature verifications, weighed: one over P-256 is 1."""

QUESTIONS = 40
"""DS and DNSKEY RRsets asked for."""

STEPS = 16
"""Zones on one chain of trust, from the anchor down."""

SIGNATURES = 8
"""Signatures tried for one RRset."""

SIGNATURES_READ = 32
"""Signatures of one RRset that are looked at without trying them."""

COLLIDING_KEYS = 2
"""Keys with the same tag and algorithm that one signature is tried with."""

DS_MISMATCHES = 4
"""Pairs of a DS and a key, tag and algorithm equal, whose digest turns out another."""


class Spent(Exception):
    """Answering would cost more than one question may. `what` is for people."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Validation:
    """Counts down from the client's question to its answer; never refilled, whatever is validated anew."""

    __slots__ = ("hashes", "questions", "steps", "units")

    def __init__(self, units: int = UNITS, questions: int = QUESTIONS, hashes: Hashes | None = None) -> None:
        self.units = units
        self.questions = questions
        self.hashes = hashes or Hashes()
        self.steps = 0

    def verify(self, cost: int) -> None:
        """A signature of this cost is about to be verified. Raises Spent."""
        if cost > self.units:
            raise Spent("verifying the signatures costs too much")
        self.units -= cost

    def ask(self) -> None:
        """A DS or DNSKEY RRset is about to be asked for. Raises Spent."""
        if self.questions <= 0:
            raise Spent("the chain of trust needs too many questions")
        self.questions -= 1

    def descend(self) -> None:
        """One more zone on the present chain of trust. Raises Spent."""
        if self.steps >= STEPS:
            raise Spent("the chain of trust is too long")
        self.steps += 1

    def ascend(self) -> None:
        """That zone is done with."""
        self.steps -= 1
