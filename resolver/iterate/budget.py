"""What one client's question may cost, whatever it leads to (NXNS, CAMP, KeyTrap and their kin): one object from end to end."""

from collections.abc import Iterator
from contextlib import contextmanager

from resolver.dnssec.budget import Validation
from resolver.iterate.port import Endpoint
from wire.units import Instant

PACKETS = 32
"""Queries sent for one client's question."""

MORE_FOR_AN_ALIAS, MORE_FOR_A_KEY, MOST_PACKETS = 8, 2, 64
"""What each alias into unknown parts adds, what each DS or DNSKEY that has to be asked for adds, and the end of that."""

OCTETS = 65_536
"""Octets received."""

LOOKUPS = 10
"""Addresses of name servers looked up: a referral to many servers without glue must not hurt their owners."""

DEPTH = 10
"""Look-ups inside look-ups."""

LINKS = 11
"""Aliases followed."""

FAIR_TIME = 1.0
"""Seconds: whoever has no more left learns nothing from silence."""

RESTARTS = 3
"""Remembered delegations given up because none of their servers would do."""


OCTETS_A_PACKET = 4_096
"""So many that are received make as much work as a packet does, whatever is in them."""

VERIFICATION = 0.25
"""The work of one signature, of that of a packet."""


Source = tuple[bytes, Endpoint]
"""A server of a zone."""


class Budget:
    """Counts down; never refilled, whatever is begun anew. `deadline` is an instant of the monotonic clock; `validation` what
    validating may cost; `begun` what was begun with it before anybody waits for it, until that is taken over. `heard` are the
    servers whose word of a zone was taken since it was last emptied, `shunned` those whose word turned out to be forged."""

    __slots__ = (
        "_validation",
        "begun",
        "deadline",
        "heard",
        "lookups",
        "octets",
        "packets",
        "restarts",
        "sent",
        "shunned",
    )

    def __init__(self, deadline: Instant, packets: int = PACKETS) -> None:
        self.deadline = deadline
        self.packets = packets
        self.octets = OCTETS
        self.lookups = LOOKUPS
        self.restarts = RESTARTS
        self.sent = 0
        self._validation: Validation | None = None
        self.begun: object = None
        self.heard: set[Source] = set()
        self.shunned: frozenset[Source] = frozenset()

    @property
    def validation(self) -> Validation:
        """What validating may cost; one object from the first look on."""
        if self._validation is None:
            self._validation = Validation()
        return self._validation

    def pay(self, packets: int, octets: int) -> None:
        """This much was used."""
        self.sent += packets
        self.octets -= octets

    def cost(self) -> float:
        """What was done for it so far, about, in the work that a packet makes which is sent and answered."""
        validation, cost = self._validation, self.sent + (OCTETS - self.octets) / OCTETS_A_PACKET
        return cost if validation is None else cost + validation.cost() * VERIFICATION

    def widen(self, more: int = MORE_FOR_AN_ALIAS) -> None:
        """An alias leads elsewhere, or a key is wanted: a little more may be needed."""
        self.packets = min(self.packets + more, MOST_PACKETS)

    @contextmanager
    def until(self, deadline: Instant) -> Iterator[None]:
        """Meanwhile it must be over by then; never later than before."""
        former, self.deadline = self.deadline, min(self.deadline, deadline)
        try:
            yield
        finally:
            self.deadline = former

    def spent(self, now: Instant) -> str:
        """What has run out; empty if nothing has."""
        if self.sent >= self.packets:
            return "too many questions would be needed"
        if self.octets <= 0:
            return "too much came back"
        return "no answer in time" if now >= self.deadline else ""

    def is_short(self, now: Instant) -> bool:
        """Whether a question that is asked now may have no answer only because nothing is left for it."""
        return self.is_used_up() or self.deadline - now < FAIR_TIME

    def is_used_up(self) -> bool:
        """Whether no more may be sent or received, however much time is left."""
        return self.sent >= self.packets or self.octets <= 0
