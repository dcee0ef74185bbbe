"""What one client's question may cost, whatever it leads to (NXNS, CAMP and their kin): one object from end to end."""

from wire.units import Instant

PACKETS = 32
"""Queries sent for one client's question."""

MORE_FOR_AN_ALIAS, MOST_PACKETS = 8, 64
"""What each alias into unknown parts adds, and the end of that."""

OCTETS = 65_536
"""Octets received."""

LOOKUPS = 10
"""Addresses of name servers looked up: a referral to many servers without glue must not hurt their owners."""

DEPTH = 10
"""Look-ups inside look-ups."""

LINKS = 11
"""Aliases followed."""

RESTARTS = 3
"""Remembered delegations given up because none of their servers would do."""


class Budget:
    """Counts down; never refilled, whatever is begun anew. `deadline` is an instant of the monotonic clock."""

    __slots__ = ("deadline", "lookups", "octets", "packets", "restarts", "sent")

    def __init__(self, deadline: Instant, packets: int = PACKETS) -> None:
        self.deadline = deadline
        self.packets = packets
        self.octets = OCTETS
        self.lookups = LOOKUPS
        self.restarts = RESTARTS
        self.sent = 0

    def pay(self, packets: int, octets: int) -> None:
        """This much was used."""
        self.sent += packets
        self.octets -= octets

    def widen(self) -> None:
        """An alias leads elsewhere: a little more may be needed."""
        self.packets = min(self.packets + MORE_FOR_AN_ALIAS, MOST_PACKETS)

    def spent(self, now: Instant) -> str:
        """What has run out; empty if nothing has."""
        if self.sent >= self.packets:
            return "too many questions would be needed"
        if self.octets <= 0:
            return "too much came back"
        return "no answer in time" if now >= self.deadline else ""
