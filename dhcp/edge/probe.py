"""Is an address free? ARP probes (RFC 5227 §2.1.1) and neighbour solicitations (RFC 4861 §7.2.2), all at the same time.

An answer ends a probe at once, silence after 300 ms. Nobody but the client that is to get the address waits for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dhcp.values import Address, Arrival, Probe
from wire.dhcp.packet4 import Packet4
from wire.dhcp.packet6 import Packet6, Relayed
from wire.units import Instant

PATIENCE = 0.3
"""Seconds until silence is an answer."""
ASK_AT = (0.0, 0.1, 0.2)
"""Seconds after the beginning: a frame may be lost, a device asleep."""
MAX_PROBES = 1_024
"""At once. What comes beyond waits for its client to ask again."""

Message = tuple[Packet4 | Packet6 | Relayed, Arrival]
"""A message as parsed, and how it came; to be handled again."""

Place = tuple[int, Address]
"""Interface and address."""


class Ended(NamedTuple):
    """A probe's outcome, and the message that waits for it."""

    probe: Probe
    used: bool
    message: Message


@dataclass(slots=True)
class _Pending:
    probe: Probe
    message: Message
    began: Instant
    asked: int = 0


class Prober:
    """All probes under way. `ask` sends one question on the link; False if it cannot be sent, so nobody could answer. `believes`:
    whether an answer from that hardware address counts."""

    def __init__(
        self, ask: Callable[[Probe], bool], believes: Callable[[Probe, bytes], bool] = lambda probe, hardware: True
    ) -> None:
        self._ask = ask
        self._believes = believes
        self._pending: dict[Place, _Pending] = {}
        self._ended: list[Ended] = []

    def __len__(self) -> int:
        return len(self._pending)

    def begin(self, probe: Probe, message: Message, now: Instant) -> bool:
        """Ask about an address for the sake of `message`. If somebody asks already, the newest message is kept: a client says the
        same again. False if too many are under way."""
        known = self._pending.get((probe.interface, probe.address))
        if known is not None:
            known.message = message
            return True
        if len(self._pending) >= MAX_PROBES:
            return False
        self._pending[probe.interface, probe.address] = _Pending(probe, message, now)
        return True

    def seen(self, interface: int, address: Address, hardware: bytes) -> None:
        """Somebody on this link has the address, from this hardware address (empty: not told)."""
        pending = self._pending.get((interface, address))
        if pending is None or (hardware and hardware == pending.probe.hardware):
            return
        if not self._believes(pending.probe, hardware):
            return
        del self._pending[interface, address]
        self._ended.append(Ended(pending.probe, True, pending.message))

    def turn(self, now: Instant) -> list[Ended]:
        """Ask what is to be asked now, and give what has ended."""
        for place, pending in list(self._pending.items()):
            if not self._has_asked(pending, now) or now >= pending.began + PATIENCE:
                del self._pending[place]
                self._ended.append(Ended(pending.probe, False, pending.message))
        ended, self._ended = self._ended, []
        return ended

    def _has_asked(self, pending: _Pending, now: Instant) -> bool:
        """False if a question cannot be sent."""
        while pending.asked < len(ASK_AT) and now >= pending.began + ASK_AT[pending.asked]:
            pending.asked += 1
            if not self._ask(pending.probe):
                return False
        return True

    def due(self, now: Instant) -> float | None:
        """Seconds until `turn` has something to do; None: nothing is asked."""
        if self._ended:
            return 0.0
        waits = [
            pending.began + (ASK_AT[pending.asked] if pending.asked < len(ASK_AT) else PATIENCE) - now
            for pending in self._pending.values()
        ]
        return max(0.0, min(waits)) if waits else None
