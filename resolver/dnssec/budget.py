"""What validating one client's answer may cost (KeyTrap, NSEC3 closest encloser and their kin)."""

from resolver.dnssec.nsec3 import Hashes

UNITS = 64
"""Signature verifications, weighed: one over P-256 is 1."""

WRONG_UNITS = 24
"""Of these, for signatures that turn out wrong: honest zones have none, those made to keep us busy little else."""

RECORDS_OF_A_SET = 256
"""Records of one RRset; larger ones are not verified at all. (PowerDNS keeps 256 of them, BIND 100.)"""

OCTETS_A_UNIT = 32_768
"""So many octets take about half as long to hash as a unit takes: each as many add one."""

QUESTIONS = 22
"""DS and DNSKEY RRsets asked for. A chain through more zones than that fails at first; what was learned is kept, so the next
time it goes on from there."""

WALKED = 16
"""Names above one that came unsigned of which the parent is asked whether a zone begins there. An address in ip6.arpa needs ten
to fourteen of them, to the delegation to whoever has the network."""

RECORDS_OF_AN_ANSWER, RECORDS = 400, 600
"""Records and signatures that come back for one of these questions, and for all. What is done with an answer costs about the
same whatever it is for, but a message has room for thousands of keys."""

STEPS = 16
"""Zones on one chain of trust, from the anchor down."""

SIGNATURES = 8
"""Signatures tried for one RRset."""

SIGNATURES_READ = 16
"""Signatures of one RRset that are looked at without trying them."""

SIGNERS_READ = 48
"""Signatures of all RRsets in one place that are looked at to learn which zone signed them."""

PROOFS = 16
"""RRsets of one zone verified to show that something is not there. A denial takes four, each wildcard on the way two more."""

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

    __slots__ = ("hashes", "questions", "records", "steps", "units", "wrong")

    def __init__(self, units: int = UNITS, questions: int = QUESTIONS, hashes: Hashes | None = None) -> None:
        self.units = units
        self.wrong = WRONG_UNITS
        self.questions = questions
        self.records = RECORDS
        self.hashes = hashes or Hashes()
        self.steps = 0

    def verify(self, cost: int) -> None:
        """A signature of this cost is about to be verified. Raises Spent."""
        if cost > self.units:
            raise Spent("verifying the signatures costs too much")
        self.units -= cost

    def fail(self, cost: int) -> None:
        """It was wrong. Raises Spent."""
        self.wrong -= cost
        if self.wrong < 0:
            raise Spent("too many signatures are wrong")

    def cost(self) -> float:
        """What was spent so far, in units."""
        return UNITS - self.units + self.hashes.cost()

    def ask(self) -> None:
        """A DS or DNSKEY RRset is about to be asked for. Raises Spent."""
        if self.questions <= 0:
            raise Spent("the chain of trust needs too many questions")
        self.questions -= 1

    def hear(self, records: int) -> None:
        """So many records and signatures came back. Raises Spent."""
        self.records -= records
        if self.records < 0:
            raise Spent("the chain of trust has too many records")

    def descend(self) -> None:
        """One more zone on the present chain of trust. Raises Spent."""
        if self.steps >= STEPS:
            raise Spent("the chain of trust is too long")
        self.steps += 1

    def ascend(self) -> None:
        """That zone is done with."""
        self.steps -= 1
