"""`front`'s answer cache: undressed replies by question, and behind them the exact packets that asked for them.

Two levels. `answers`: (question key, DO|CD, client group) → the reply. `rendered`, one shelf for each client group and
kind of road: the client's packet without its id → the whole response without its id, good for the current second of the
answer's age. Only packets without
anything particular to a client (no cookie) get into the second. Both levels count against one ceiling; what was not
used since eviction last passed goes first (second chance, as in SIEVE and CLOCK).
"""

from collections import OrderedDict
from collections.abc import Callable, Set
from typing import NamedTuple

from resolver.values import Reply
from wire.dns.codes import QueryFlag
from wire.units import Instant

KEPT_FLAGS = int(QueryFlag.DO | QueryFlag.CD)
"""The flags that make another answer. A plain number: enum arithmetic costs a microsecond, and this is the hot path."""

DATAGRAM, STREAM, ENCRYPTED, ROADS = 0, 1, 2, 3
"""The kinds of road that one packet is answered differently on, and how many there are."""

MAX_RENDERED = 8
"""Different packets remembered for one answer (case, payload size, DO are spelled differently by clients)."""

_ANSWER_OVERHEAD = 640
_RENDERED_OVERHEAD = 420
"""Octets of Python objects beside the octets themselves; `tests/unit/test_resolver_cache_packets.py` measures them."""

_REFRESH_SHARE = 0.1
_REFRESH_HITS = 2
REFRESH_AGAIN_AFTER = 30.0
"""Seconds before a refresh that brought nothing is tried again (RFC 8767 §5)."""


class AnswerKey(NamedTuple):
    """What an answer in `front` is found by."""

    question: bytes
    flags: int
    group: int


class Answer:
    """One reply in the cache. `visited` is the eviction's mark; `hits` counts look-ups, bursts of one second as one or two."""

    __slots__ = ("expires", "hits", "key", "refresh_from", "rendered", "reply", "size", "stored", "visited")

    def __init__(self, key: AnswerKey, reply: Reply, now: Instant) -> None:
        self.key = key
        self.reply = reply
        self.stored = now
        self.expires = now + reply.cacheable
        self.visited = False
        self.hits = 0
        self.refresh_from: float = now
        self.rendered: list[tuple[int, bytes]] = []
        self.size = _ANSWER_OVERHEAD + len(reply.message) + 8 * len(reply.ttl_offsets) + len(key.question)

    def age(self, now: Instant) -> int:
        """Whole seconds since it was stored."""
        return int(now - self.stored)

    def wants_refresh(self, now: Instant) -> bool:
        """Popular and near its end, and nobody asked for a new one a moment ago."""
        left = self.expires - now
        return now >= self.refresh_from and self.hits >= _REFRESH_HITS and left <= _REFRESH_SHARE * self.reply.cacheable


class Rendered:
    """A response without its id, good until `until`."""

    __slots__ = ("answer", "body", "until", "used")

    def __init__(self, answer: Answer, body: bytes, until: float) -> None:
        self.answer = answer
        self.body = body
        self.until = until
        self.used = False


def shelf_of(group: int, kind: int) -> int:
    """The shelf of rendered packets: truncation and padding depend on the kind of road (DATAGRAM, STREAM, ENCRYPTED), the answer
    on the group."""
    return ROADS * group + kind


class PacketCache:
    """Both levels, within `ceiling` octets; `groups` is the number of client groups."""

    def __init__(self, ceiling: int, groups: int) -> None:
        self.ceiling = ceiling
        self.size = 0
        self.evicted = 0
        self._answers: OrderedDict[AnswerKey, Answer] = OrderedDict()
        self.rendered: list[dict[bytes, Rendered]] = [{} for _ in range(ROADS * groups)]

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: AnswerKey, now: Instant) -> Answer | None:
        """The answer for `key` if it may still be given out."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        if answer.expires <= now:
            self._drop(answer)
            return None
        answer.visited = True
        return answer

    def store(self, key: AnswerKey, reply: Reply, now: Instant) -> Answer:
        """Keep `reply` as the answer for `key`, in place of a former one."""
        former = self._answers.get(key)
        answer = Answer(key, reply, now)
        if former is not None:
            # A refreshed answer starts with its packets' habits: what is popular stays popular.
            answer.visited = True
            self._drop(former)
        self._answers[key] = answer
        self.size += answer.size
        self._make_room()
        return answer

    def render(self, packet: bytes, answer: Answer, response: bytes, kind: int, now: Instant) -> None:
        """Remember `response` for the very `packet` (both with their ids) on this kind of road until the answer's age changes.

        Nothing is remembered for an answer that found no room: it would never be counted off again.
        """
        if self._answers.get(answer.key) is not answer:
            return
        raw = packet[2:]
        until = min(answer.stored + answer.age(now) + 1, answer.expires)
        number = shelf_of(answer.key.group, kind)
        shelf = self.rendered[number]
        known = shelf.get(raw)
        if known is not None and known.answer is answer:
            if known.used:
                answer.hits += 1
            known.body, known.until, known.used = response[2:], until, False
            return
        if known is not None or len(answer.rendered) >= MAX_RENDERED:
            return
        size = _RENDERED_OVERHEAD + len(raw) + len(response)
        if size > self.ceiling // 8:
            return
        shelf[raw] = Rendered(answer, response[2:], until)
        answer.rendered.append((number, raw))
        answer.size += size
        self.size += size
        self._make_room()

    def flush(self, suffix: bytes) -> int:
        """Forget every answer whose name is `suffix` or below it; how many."""
        return self._flush(lambda name: _is_below(name, suffix))

    def flush_names(self, names: Set[bytes]) -> int:
        """Forget every answer to these very names; how many."""
        return self._flush(names.__contains__)

    def _flush(self, is_meant: Callable[[bytes], bool]) -> int:
        gone = [answer for answer in self._answers.values() if is_meant(answer.key.question[:-4])]
        for answer in gone:
            self._drop(answer)
        return len(gone)

    def _make_room(self) -> None:
        """Evict from the oldest on; what was used since the last pass goes to the young end instead, once."""
        while self.size > self.ceiling and self._answers:
            _, answer = next(iter(self._answers.items()))
            if answer.visited or self._was_rendered(answer):
                answer.visited = False
                self._answers.move_to_end(answer.key)
            else:
                self._drop(answer)
                self.evicted += 1

    def _was_rendered(self, answer: Answer) -> bool:
        """Whether the hot path used one of its packets; clears the marks."""
        used = False
        for number, raw in answer.rendered:
            entry = self.rendered[number][raw]
            used = used or entry.used
            entry.used = False
        return used

    def _drop(self, answer: Answer) -> None:
        del self._answers[answer.key]
        self.size -= answer.size
        for number, raw in answer.rendered:
            del self.rendered[number][raw]


def _is_below(name: bytes, suffix: bytes) -> bool:
    """`name` is `suffix` or ends with it at a label border."""
    while len(name) > len(suffix):
        name = name[1 + name[0] :]
    return name == suffix
