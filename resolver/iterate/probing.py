"""Which authoritative servers may be asked over TLS although nobody said so: unilateral probing (RFC 9539 §4). Pure.

Opportunistic by nature: nobody's name is proved, and clear text is always the way back. What is remembered is per address
and nothing of who asked for what. Time is an argument.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from wire.units import Instant

PERSISTENCE = 3 * 86_400.0
"""Seconds for which a server that spoke TLS is taken at its word (RFC 9539 §4.3)."""

DAMPING = 86_400.0
"""Seconds after a failed attempt before the next (RFC 9539 §4.3)."""

TIMEOUT = 4.0
"""Seconds for a connection to come about (RFC 9539 §4.3)."""

REMEMBERED = 10_000
"""Addresses."""


class Choice(Enum):
    """What to do with one question. CLEAR: as ever. PROBE: as ever, and try a connection at the side. ENCRYPTED: over TLS
    first."""

    CLEAR = "clear"
    PROBE = "probe"
    ENCRYPTED = "encrypted"


class Status(Enum):
    """How the last attempt ended (RFC 9539 §4.1). NONE: there was none, or it is under way."""

    NONE = "none"
    SUCCESS = "success"
    FAILED = "failed"


@dataclass(slots=True)
class _State:
    status: Status = Status.NONE
    initiated: float = -DAMPING
    completed: float = 0.0
    last_response: float = 0.0


class Prober:
    """The table of RFC 9539 §4.1; the least recently used addresses go first."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, _State] = OrderedDict()

    def choose(self, address: str, now: Instant) -> Choice:
        """For one question to `address`; PROBE counts as begun."""
        state = self._state(address)
        match state.status:
            case Status.SUCCESS if now - state.last_response < PERSISTENCE:
                return Choice.ENCRYPTED
            case Status.FAILED if now - state.completed < DAMPING:
                return Choice.CLEAR
            case Status.NONE if now - state.initiated < TIMEOUT:
                return Choice.CLEAR
            case _:
                state.status, state.initiated = Status.NONE, now
                return Choice.PROBE

    def established(self, address: str, now: Instant) -> None:
        """A connection came about."""
        state = self._state(address)
        state.status, state.completed, state.last_response = Status.SUCCESS, now, now

    def failed(self, address: str, now: Instant) -> None:
        """None came about, or it broke before it brought an answer."""
        state = self._state(address)
        state.status, state.completed = Status.FAILED, now

    def responded(self, address: str, now: Instant) -> None:
        """An answer came over it."""
        self._state(address).last_response = now

    def encrypting(self, now: Instant) -> int:
        """How many addresses are asked over TLS at present."""
        return sum(s.status is Status.SUCCESS and now - s.last_response < PERSISTENCE for s in self._states.values())

    def _state(self, address: str) -> _State:
        state = self._states.get(address)
        if state is None:
            state = self._states[address] = _State()
            if len(self._states) > REMEMBERED:
                self._states.popitem(last=False)
        else:
            self._states.move_to_end(address)
        return state
