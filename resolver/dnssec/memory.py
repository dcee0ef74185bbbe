"""What is known of chains of trust: one for each upstream group or iteration, so none can spoil another's."""

from collections import OrderedDict
from dataclasses import dataclass, replace

from resolver.dnssec.keys import Supported, Trusted
from resolver.dnssec.security import Bogus, Insecure, Security
from wire.dns.names import is_below
from wire.units import Instant

MOST_SECONDS = 86_400
"""No key and no delegation is believed longer without looking again."""

BOGUS_SECONDS = 30
"""For which what cannot be proved is not tried again (RFC 9520 §3.2)."""

UNKNOWN_SECONDS = 5
"""For which what could not be had is not asked for again."""

OCTETS = 4 * 1024 * 1024
"""What all of it may take."""

_OVERHEAD = 800
"""Octets of Python objects for one entry, roughly."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A zone begins here, and the parent vouches for its keys for `ttl` seconds."""

    vouching: Supported
    ttl: int


@dataclass(frozen=True, slots=True)
class NotACut:
    """No zone begins here; for `ttl` seconds. `absent`: there is not even such a name."""

    absent: bool
    ttl: int


Cut = Signed | NotACut | Insecure | Bogus
"""What the parent says of a name that a zone may begin at."""

_NO_KEYS = (Signed, NotACut)

Keys = Trusted | Insecure | Bogus
"""What a zone's keys come to."""

_Key = tuple[bytes, bool]


class TrustMemory:
    """Keys of zones and delegations, with the instant until which they hold; the least recently used go first."""

    def __init__(self, octets: int = OCTETS) -> None:
        self.octets = octets
        self.size = 0
        self._entries: OrderedDict[_Key, tuple[Cut | Trusted, float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def cut(self, zone: bytes, now: Instant) -> Cut | None:
        """What is known of a delegation."""
        found = self._recall((zone, False), now)
        return None if isinstance(found, Trusted) else found

    def keys(self, zone: bytes, now: Instant) -> Keys | None:
        """What is known of a zone's keys."""
        found = self._recall((zone, True), now)
        return None if isinstance(found, _NO_KEYS) else found

    def store_cut(self, zone: bytes, cut: Cut, now: Instant) -> None:
        """Remember a delegation."""
        self._store((zone, False), cut, now)

    def store_keys(self, zone: bytes, keys: Keys, now: Instant) -> None:
        """Remember keys."""
        self._store((zone, True), keys, now)

    def flush(self, suffix: bytes) -> int:
        """Forget everything at or below `suffix`; how many entries."""
        gone = [key for key in self._entries if is_below(key[0], suffix)]
        for key in gone:
            self._drop(key)
        return len(gone)

    def _recall(self, key: _Key, now: Instant) -> Cut | Trusted | None:
        entry = self._entries.get(key)
        if entry is None or entry[1] <= now:
            return None
        self._entries.move_to_end(key)
        value, expires, _ = entry
        # How long something may be kept that rests on them is asked of delegations only.
        if isinstance(value, Trusted | Bogus):
            return value
        return replace(value, ttl=min(value.ttl, int(expires - now)))

    def _store(self, key: _Key, value: Cut | Trusted, now: Instant) -> None:
        self._drop(key)
        match value:
            case Bogus(security=Security.INDETERMINATE):
                lifetime = UNKNOWN_SECONDS
            case Bogus():
                lifetime = BOGUS_SECONDS
            case _:
                lifetime = min(value.ttl, MOST_SECONDS)
        size = _OVERHEAD + len(key[0]) + _size(value)
        if lifetime <= 0 or size > self.octets // 8:
            return
        self._entries[key] = (value, now + lifetime, size)
        self.size += size
        while self.size > self.octets:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry[2]


def _size(value: Cut | Trusted) -> int:
    match value:
        case Trusted(signing=signing):
            return sum(2 * len(key.rdata) + 200 for key in signing.keys)
        case Signed(vouching=vouching):
            return sum(len(record.digest) + 150 for record in vouching.records)
        case _:
            return 0
