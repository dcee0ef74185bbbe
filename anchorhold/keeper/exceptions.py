"""Zones that an operator has excepted from validation for a while (RFC 7646): kept over restarts, and over at their end.

The only way in is the control socket; nothing that comes from the network can make an exception. Time is an argument.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from resolver.dnssec.anchors import MAX_REASON, is_reason
from wire.dns.names import MAX_NAME, ROOT, parse_name, show_name
from wire.errors import Malformed
from wire.units import Epoch

LONGEST = 30 * 86_400
"""Seconds. An exception is for the days until a zone is mended; one that is meant to stay belongs into the configuration."""

MOST = 32
"""At one time."""


class Refused(Exception):
    """An exception that is not made; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Excepted:
    """`zone` (folded) and what is below it is not validated, for `reason`, until a date."""

    zone: bytes
    reason: str
    since: Epoch
    until: Epoch


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator asks for: an exception for so many `seconds`; for 0, that the one that is there ends."""

    zone: bytes
    seconds: int
    reason: str


class Exceptions:
    """Those in force. `save` is called with all of them after each change."""

    def __init__(self, save: Callable[[tuple[Excepted, ...]], object], report: Callable[[str, str], None]) -> None:
        self._save = save
        self._report = report
        self._by_zone: dict[bytes, Excepted] = {}

    def open(self, kept: tuple[Excepted, ...], now: Epoch) -> None:
        """Take what was kept, as far as it is not over. A clock that was ahead makes nothing last longer than it may."""
        for one in kept:
            self._by_zone[one.zone] = replace(one, until=min(one.until, Epoch(now + LONGEST)))
        self.expire(now)

    def all(self) -> tuple[Excepted, ...]:
        """In the order in which they were made."""
        return tuple(self._by_zone.values())

    def change(self, wanted: Wanted, now: Epoch) -> None:
        """Make one, change it, or end it. Raises Refused."""
        zone = _checked_zone(wanted.zone)
        if wanted.seconds:
            self._add(zone, wanted, now)
        elif self._by_zone.pop(zone, None) is None:
            raise Refused(f"there is no exception for {show_name(zone)} that was made by a command")
        else:
            self._report("an exception from validation was taken back", show_name(zone))
        self._save(self.all())

    def _add(self, zone: bytes, wanted: Wanted, now: Epoch) -> None:
        if not 0 < wanted.seconds <= LONGEST:
            raise Refused(
                f"an exception lasts up to {LONGEST // 86_400} days (RFC 7646); for good: [[dnssec.negative]]"
            )
        if zone == ROOT:
            raise Refused("an exception for the root would end validation of everything; name the zone that is broken")
        if not is_reason(wanted.reason):
            raise Refused(f"a reason of up to {MAX_REASON} letters is needed, for whoever wonders later")
        if zone not in self._by_zone and len(self._by_zone) >= MOST:
            raise Refused(f"there are {MOST} exceptions already; take one back first")
        self._by_zone[zone] = Excepted(zone, wanted.reason, now, Epoch(now + wanted.seconds))
        self._report("a zone is excepted from validation", show_name(zone))

    def expire(self, now: Epoch) -> bool:
        """End those that are over; whether there were any."""
        over = [one.zone for one in self._by_zone.values() if one.until <= now]
        for zone in over:
            del self._by_zone[zone]
            self._report("an exception from validation is over", show_name(zone))
        if over:
            self._save(self.all())
        return bool(over)

    def pause(self, now: Epoch) -> float:
        """Seconds until the next is over; `LONGEST` if there is none."""
        return max(0.0, min((one.until - now for one in self._by_zone.values()), default=float(LONGEST)))


def _checked_zone(zone: bytes) -> bytes:
    """What comes from another process is a name, or refused."""
    try:
        name, end = parse_name(zone, 0)
    except Malformed:
        raise Refused("the zone is no domain name") from None
    if len(zone) > MAX_NAME or end != len(zone) or name != zone:
        raise Refused("the zone is no domain name")
    return zone
