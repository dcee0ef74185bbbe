"""The resolver's memory of answers: per upstream group, with stale ones kept a while, and failures (RFC 2308, 8767, 9520).

Time is an argument. A ceiling in octets holds; what was not used since eviction last passed goes first.
"""

import struct
from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from privacy.reply import lower_ttls
from resolver.cache.ranges import Ranges
from resolver.cache.shelf import Shelf
from resolver.compose import Accepted
from resolver.dnssec.values import Learned
from resolver.settings import CacheSettings
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import BOGUS, ExtendedError, HeaderFlag, QueryFlag, Rcode
from wire.dns.names import is_below
from wire.units import Instant

_new = tuple.__new__
"""See `wire/dns/message.py`."""
_NOT_AD = 0xFF ^ int(HeaderFlag.AD)
"""In the fourth octet of a message (RFC 4035 §3)."""

RANGES_SHARE = 8
"""Which part of the memory the ranges learned of one way may take besides."""

KEPT_FLAGS, _DO = int(QueryFlag.DO | QueryFlag.CD), int(QueryFlag.DO)

LONGEST_FAILURE = 300.0
"""Seconds; RFC 9520 §3.2: at most five minutes."""

MAX_FAILURES = 10_000

_OVERHEAD = 260
"""Octets of Python objects for one answer, beside its octets; measured by tests/unit/test_resolver_answers.py."""


class MemoryKey(NamedTuple):
    """What an answer is found by. The upstream group is part of it: no answer crosses from one group to another. So is the
    client group (-1: whoever) where it has routes of its own, for an alias may lead into these."""

    question: bytes
    flags: int
    upstream_group: int
    client_group: int = -1


_HEAD = struct.Struct("!dIIBH")
"""Before an entry's offsets, two octets each, and its message: when it was stored, for how many seconds it is fresh and its
signatures are valid, its rcode, how many offsets there are."""
_PLACE = struct.Struct("!Bii")
"""After the question, what else an answer is found by."""


@lru_cache(64)
def _offsets(count: int) -> struct.Struct:
    """So many of them."""
    return struct.Struct(f"!{count}H")


def _packed(key: MemoryKey) -> bytes:
    question, flags, upstream_group, client_group = key
    return question + _PLACE.pack(flags, upstream_group, client_group)


def _without_or_with(key: MemoryKey) -> bytes:
    """The place of the same question without DO, or with it."""
    question, flags, upstream_group, client_group = key
    return question + _PLACE.pack(flags ^ _DO, upstream_group, client_group)


def _unpacked(packed: bytes) -> MemoryKey:
    return MemoryKey(packed[: -_PLACE.size], *_PLACE.unpack_from(packed, len(packed) - _PLACE.size))


class _Held(NamedTuple):
    """An entry's contents; `fresh`: for how many seconds."""

    stored: float
    fresh: int
    valid: int
    rcode: int
    offsets: tuple[int, ...]
    message: bytearray


class _Entry:
    """One answer, as one string of octets: of some there are a million."""

    __slots__ = ("doubted", "explanation", "packed", "visited")

    def __init__(self, accepted: Accepted, now: Instant) -> None:
        offsets = accepted.ttl_offsets
        head = _HEAD.pack(now, accepted.keep, accepted.valid, accepted.rcode, len(offsets))
        self.packed = head + _offsets(len(offsets)).pack(*offsets) + accepted.message
        self.explanation = accepted.explanation
        self.visited = False
        self.doubted = False

    @property
    def size(self) -> int:
        """Octets it takes; the key is in the overhead."""
        return _OVERHEAD + len(self.packed)

    @property
    def expires(self) -> float:
        """From when on it is stale."""
        stored, fresh, *_ = _HEAD.unpack_from(self.packed)
        return float(stored + fresh)

    def open(self) -> _Held:
        """All that is in it, the message to be changed at will."""
        stored, fresh, valid, rcode, count = _HEAD.unpack_from(self.packed)
        offsets = _offsets(count).unpack_from(self.packed, _HEAD.size)
        return _Held(stored, fresh, valid, rcode, offsets, bytearray(self.packed[_HEAD.size + 2 * count :]))


class Failure(NamedTuple):
    """Asking failed: until when that counts, and what clients are told."""

    until: float
    pause: float
    explanation: Explanation
    rcode: int


class AnswerMemory:
    """All answers and failures of one resolver."""

    def __init__(self, settings: CacheSettings, apart: frozenset[int] = frozenset()) -> None:
        """`apart`: client groups that have routes of their own."""
        self.settings = settings
        self._apart = apart
        self._entries: Shelf[bytes, _Entry] = Shelf(settings.memory)
        self._failures: OrderedDict[MemoryKey, Failure] = OrderedDict()
        self._ranges: dict[int, Ranges] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Octets kept."""
        return self._entries.size

    @property
    def evicted(self) -> int:
        """How many answers had to go for want of room."""
        return self._entries.evicted

    def key(self, query: Query, upstream_group: int) -> MemoryKey:
        """Where `query`'s answer from `upstream_group` is kept."""
        question, flags, group, _ = query
        return _new(MemoryKey, (question, flags & KEPT_FLAGS, upstream_group, group if group in self._apart else -1))

    def knows(self, key: MemoryKey) -> bool:
        """Whether there is anything of it, fresh or not, or for who asks without DO: most questions are new."""
        entries, failures = self._entries, self._failures
        if _packed(key) in entries or (failures and key in failures):
            return True
        return bool(key.flags & _DO) and _without_or_with(key) in entries

    def fresh(self, key: MemoryKey, generation: int, now: Instant) -> Reply | None:
        """The answer, if it has not expired; its TTLs are what is left."""
        entry = self._entries.get(_packed(key))
        if entry is None:
            return None
        stored, fresh, _, _, offsets, message = entry.open()
        left = stored + fresh - now
        if left <= 0:
            return None
        entry.visited = True
        lower_ttls(message, offsets, int(now - stored))
        return Reply(bytes(message), offsets, left, generation, Origin.CACHE, entry.explanation)

    def stale(self, key: MemoryKey, generation: int, now: Instant) -> Reply | None:
        """An expired answer that may stand in while upstreams are silent: every TTL is the stale TTL (RFC 8767 §4).

        Who asks with DO gets one without signatures if there is no other: better than none.
        """
        settings = self.settings
        entry = self._entries.get(_packed(key))
        if entry is None and key.flags & _DO:
            entry = self._entries.get(_packed(key._replace(flags=key.flags & ~_DO)))
        if not settings.stale or entry is None or entry.doubted:
            return None
        stored, fresh, valid, rcode, offsets, message = entry.open()
        if now > stored + fresh + settings.stale_for:
            return None
        entry.visited = True
        if now - stored >= valid:
            # Its signatures have ended too.
            message[3] &= _NOT_AD
        for at in offsets:
            message[at : at + 4] = settings.stale_ttl.to_bytes(4, "big")
        nxdomain = rcode == Rcode.NXDOMAIN
        code = ExtendedError.STALE_NXDOMAIN_ANSWER if nxdomain else ExtendedError.STALE_ANSWER
        explanation = Explanation(code, "upstreams do not answer; this is an older answer")
        # Not kept by `front`, so that recovery is seen at once; how often servers are tried is told by failures here (RFC 8767
        # §5: the recheck timer).
        return Reply(bytes(message), offsets, 0.0, generation, Origin.STALE, explanation)

    def failed(self, key: MemoryKey, now: Instant) -> Failure | None:
        """Whether asking failed a moment ago, and why (RFC 9520)."""
        failure = self._failures.get(key)
        return None if failure is None or failure.until <= now else failure

    def store(self, key: MemoryKey, accepted: Accepted, now: Instant) -> None:
        """Keep an answer, unless it may not be kept; what was remembered, a failure too, is over either way."""
        entries, packed, other = self._entries, _packed(key), _without_or_with(key)
        if self._failures:
            self._failures.pop(key, None)
        former = entries.get(other)
        if former is not None and former.expires < now:
            entries.drop(other)
        if accepted.keep <= 0:
            entries.drop(packed)
            return
        entries.put(packed, _Entry(accepted, now))
        if entries.size > entries.ceiling:
            entries.trim()

    def store_failure(
        self, key: MemoryKey, explanation: Explanation, rcode: int, now: Instant, least: float = 0.0
    ) -> float:
        """Remember that asking failed, for `least` seconds at least; twice as long each time, up to five minutes. Gives the
        seconds.

        Where an upstream found the data not genuine, the older answer may not stand in for them once it has expired.
        """
        entry = self._entries.get(_packed(key))
        if entry is not None and explanation.code in BOGUS:
            entry.doubted = True
        former = self._failures.pop(key, None)
        pause = max(float(self.settings.failure_ttl), least)
        if former is not None and now - former.until < former.pause:
            pause = min(2 * former.pause, LONGEST_FAILURE)
        self._failures[key] = Failure(now + pause, pause, explanation, rcode)
        if len(self._failures) > MAX_FAILURES:
            self._failures.popitem(last=False)
        return pause

    def forget_failures(self) -> None:
        """Whatever failed may be tried again."""
        self._failures.clear()

    def learn(self, upstream_group: int, learned: tuple[Learned, ...], now: Instant) -> None:
        """Keep what proofs from there show (RFC 8198)."""
        for one in learned:
            ranges = self.ranges(upstream_group)
            if one.soa is None and one.records:
                ranges.store_proof(one.records, now)
            if one.soa is not None:
                ranges.store(one.soa, one.records, now, one.spans)
            if one.expanded is not None:
                ranges.store_wildcard(one.expanded, now)
            if one.renamer is not None:
                ranges.store_renamer(one.renamer, now)

    def ranges(self, upstream_group: int) -> Ranges:
        """The ranges of names that are not there, as learned from there."""
        found = self._ranges.get(upstream_group)
        if found is None:
            settings = self.settings
            found = Ranges(settings.memory // RANGES_SHARE, min(settings.negative_ttl, settings.maximum_ttl))
            self._ranges[upstream_group] = found
        return found

    def flush(self, suffix: bytes) -> int:
        """Forget every answer, range and failure at or below `suffix`; how many answers."""
        for ranges in self._ranges.values():
            ranges.flush(suffix)
        gone = [packed for packed in self._entries if is_below(_unpacked(packed).question[:-4], suffix)]
        for packed in gone:
            self._entries.drop(packed)
        for key in [key for key in self._failures if is_below(key.question[:-4], suffix)]:
            del self._failures[key]
        return len(gone)

    def left(self, key: MemoryKey, now: Instant) -> float | None:
        """Seconds for which the answer is fresh; None if there is none, negative if it is stale."""
        entry = self._entries.get(_packed(key))
        return None if entry is None else entry.expires - now

    def keys(self) -> Iterator[MemoryKey]:
        """Everything kept, oldest first."""
        return map(_unpacked, self._entries)

    def count_failures(self, now: Instant) -> int:
        """How many failures are remembered."""
        return sum(failure.until > now for failure in self._failures.values())
