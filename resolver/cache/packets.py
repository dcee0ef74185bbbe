"""`front`'s answer cache: undressed replies by question, and behind them the exact packets that asked for them.

Two levels. Answers by question, one shelf for each client group and each of DO|CD; and `rendered`, one shelf for each client
group and kind of road: the client's packet without its id → the whole response without its id, good for the current second of the
answer's age. Only packets without
anything particular to a client (no cookie) get into the second. Both levels count against one ceiling; what was not
used since eviction last passed goes first (second chance, as in SIEVE and CLOCK).

A million answers are a million of everything that one is made of, so an answer is one string of octets and what changes about it;
its packets hang together in a chain.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterator, Set
from typing import NamedTuple

from resolver.values import Explanation, Origin, Reply
from wire.dns.codes import QueryFlag
from wire.dns.names import is_below
from wire.units import Instant

KEPT_FLAGS = int(QueryFlag.DO | QueryFlag.CD)
"""The flags that make another answer. A plain number: enum arithmetic costs a microsecond, and this is the hot path."""

DATAGRAM, STREAM, ENCRYPTED, ROADS = 0, 1, 2, 3
"""The kinds of road that one packet is answered differently on, and how many there are."""

MAX_RENDERED = 8
"""Different packets remembered for one answer (case, payload size, DO are spelled differently by clients)."""

_ANSWER_OVERHEAD = 236
_RENDERED_OVERHEAD = 248
"""Octets of Python objects beside the octets themselves; `tests/unit/test_resolver_cache_packets.py` measures them."""

_REFRESH_SHARE = 0.1
_REFRESH_HITS = 2
_TC = 0x02
"""In the first octet behind the id: a packet that was cut off has no records."""
_NO_TTL = b"\0\0\0\0"
REFRESH_AGAIN_AFTER = 30.0
"""Seconds before a refresh that brought nothing is tried again (RFC 8767 §5)."""

_HEAD = struct.Struct("!ddQBH")
"""Before an answer's offsets, two octets each, and its message: when it was stored, for how many seconds it may be given out, its
generation and origin, how many offsets there are."""
_SHELVES = KEPT_FLAGS + 1
"""Of each client group: one for each of the flags."""
_SWEEP = 64
"""So many empty places in the queue are let be."""


class AnswerKey(NamedTuple):
    """What an answer in `front` is found by."""

    question: bytes
    flags: int
    group: int


class Answer:
    """One reply in the cache. `visited` is the eviction's mark; `hits` counts look-ups, bursts of one second as one or two;
    `rendered` is the first of its packets."""

    __slots__ = ("explanation", "hits", "packed", "question", "refresh_from", "rendered", "shelf", "visited")

    def __init__(self, key: AnswerKey, reply: Reply, now: Instant) -> None:
        offsets = reply.ttl_offsets
        self.question = key.question
        self.shelf = _SHELVES * key.group + key.flags
        head = _HEAD.pack(now, reply.cacheable, reply.generation, reply.origin.value, len(offsets))
        self.packed = head + struct.pack(f"!{len(offsets)}H", *offsets) + reply.message
        self.explanation: Explanation | None = reply.explanation
        self.visited = False
        self.hits = 0
        self.refresh_from = 0.0
        self.rendered: Rendered | None = None

    @property
    def reply(self) -> Reply:
        """As it was stored."""
        _, cacheable, generation, origin, count = _HEAD.unpack_from(self.packed)
        offsets = struct.unpack_from(f"!{count}H", self.packed, _HEAD.size)
        message = self.packed[_HEAD.size + 2 * count :]
        return Reply(message, offsets, cacheable, generation, Origin(origin), self.explanation)

    @property
    def stored(self) -> float:
        """When that was."""
        return float(_HEAD.unpack_from(self.packed)[0])

    @property
    def expires(self) -> float:
        """From when on it may not be given out any more."""
        stored, cacheable, *_ = _HEAD.unpack_from(self.packed)
        return float(stored + cacheable)

    @property
    def size(self) -> int:
        """Octets it takes, without its packets."""
        return _ANSWER_OVERHEAD + len(self.packed) + len(self.question)

    def age(self, now: Instant) -> int:
        """Whole seconds since it was stored."""
        return int(now - self.stored)

    def wants_refresh(self, now: Instant) -> bool:
        """Popular and near its end, and nobody asked for a new one a moment ago."""
        if self.hits < _REFRESH_HITS or now < self.refresh_from:
            return False
        stored, cacheable, *_ = _HEAD.unpack_from(self.packed)
        return bool(stored + cacheable - now <= _REFRESH_SHARE * cacheable)

    def packets(self) -> Iterator["Rendered"]:
        """Those remembered for it."""
        one = self.rendered
        while one is not None:
            yield one
            one = one.following


Heading = tuple[tuple[bytes, bytes], ...]
"""Header fields of HTTP: names and values."""


class Rendered:
    """A response without its id to the packet `raw`, also without, good until `until`; `shelf` is where it stands, `following`
    the next one of the same answer. `heading` is for who sends it: what goes before this very body, None until it is made."""

    __slots__ = ("answer", "body", "following", "heading", "raw", "shelf", "until", "used")

    def __init__(self, answer: Answer, raw: bytes, shelf: int, body: bytes, until: float) -> None:
        self.answer = answer
        self.raw = raw
        self.shelf = shelf
        self.body = body
        self.until = until
        self.used = False
        self.following = answer.rendered
        self.heading: Heading | None = None

    @property
    def size(self) -> int:
        """Octets it takes."""
        return _RENDERED_OVERHEAD + len(self.raw) + len(self.body)


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
        self._shelves: list[dict[bytes, Answer]] = [{} for _ in range(_SHELVES * groups)]
        self._queue: deque[Answer] = deque()
        """All answers, in the order in which eviction passes; with them some that were dropped, which are empty."""
        self._count = 0
        self.rendered: list[dict[bytes, Rendered]] = [{} for _ in range(ROADS * groups)]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Answer]:
        return (answer for shelf in self._shelves for answer in shelf.values())

    def find(self, key: AnswerKey, now: Instant) -> Answer | None:
        """The answer for `key` if it may still be given out."""
        answer = self._shelves[_SHELVES * key.group + key.flags].get(key.question)
        if answer is None:
            return None
        if answer.expires <= now:
            self._drop(answer)
            return None
        answer.visited = True
        return answer

    def store(self, key: AnswerKey, reply: Reply, now: Instant) -> Answer:
        """Keep `reply` as the answer for `key`, in place of a former one."""
        answer = Answer(key, reply, now)
        shelf = self._shelves[answer.shelf]
        former = shelf.get(key.question)
        if former is not None:
            # A refreshed answer starts with its packets' habits: what is popular stays popular.
            answer.visited = True
            self._drop(former)
        shelf[key.question] = answer
        self._queue.append(answer)
        self._count += 1
        self.size += answer.size
        self._make_room()
        return answer

    def render(self, packet: bytes, answer: Answer, response: bytes, kind: int, now: Instant) -> None:
        """Remember `response` for the very `packet` (both with their ids) on this kind of road until the answer's age changes.

        Nothing is remembered for an answer that found no room: it would never be counted off again.
        """
        if not answer.packed:
            return
        raw = packet[2:]
        until = min(answer.stored + answer.age(now) + 1, answer.expires)
        number = shelf_of(answer.shelf // _SHELVES, kind)
        shelf = self.rendered[number]
        known = shelf.get(raw)
        if known is not None and known.answer is answer:
            if known.used:
                answer.hits += 1
            self.size += len(response) - 2 - len(known.body)
            known.body, known.until, known.used, known.heading = response[2:], until, False, None
            return
        if known is not None or sum(1 for _ in answer.packets()) >= MAX_RENDERED:
            return
        rendered = Rendered(answer, raw, number, response[2:], until)
        if rendered.size > self.ceiling // 8:
            return
        shelf[raw] = answer.rendered = rendered
        self.size += rendered.size
        self._make_room()

    @staticmethod
    def renew(entry: Rendered, now: Instant) -> bool:
        """Bring a packet of a former second to the age that its answer has now, and count that as a look-up. False if it is to be
        looked up after all: its answer is near its end, or it holds no answer that has an age."""
        answer = entry.answer
        stored, cacheable, _, _, count = _HEAD.unpack_from(answer.packed)
        expires = stored + cacheable
        if expires - now <= _REFRESH_SHARE * cacheable or entry.body[0] & _TC:
            return False
        age = int(now - stored)
        entry.body = _aged(entry.body, answer.packed, count, age)
        entry.heading = None
        entry.until = min(stored + age + 1, expires)
        answer.hits += 1 + entry.used
        answer.visited = True
        entry.used = False
        return True

    def flush(self, suffix: bytes) -> int:
        """Forget every answer whose name is `suffix` or below it; how many."""
        return self._flush(lambda name: is_below(name, suffix))

    def flush_names(self, names: Set[bytes]) -> int:
        """Forget every answer to these very names; how many."""
        return self._flush(names.__contains__)

    def _flush(self, is_meant: Callable[[bytes], bool]) -> int:
        gone = [answer for answer in self if is_meant(answer.question[:-4])]
        for answer in gone:
            self._drop(answer)
        return len(gone)

    def _make_room(self) -> None:
        """Evict from the oldest on; what was used since the last pass goes to the young end instead, once."""
        while self.size > self.ceiling and self._count:
            answer = self._queue.popleft()
            if not answer.packed:
                continue
            if answer.visited or self._was_rendered(answer):
                answer.visited = False
                self._queue.append(answer)
            else:
                self._take_down(answer)
                self.evicted += 1

    @staticmethod
    def _was_rendered(answer: Answer) -> bool:
        """Whether the hot path used one of its packets; clears the marks."""
        used = False
        for one in answer.packets():
            used = used or one.used
            one.used = False
        return used

    def _drop(self, answer: Answer) -> None:
        """Forget it. It stays in the queue, empty; so that this stays short, it is swept when a fifth of it is empty."""
        self._take_down(answer)
        if len(self._queue) > self._count + self._count // 4 + _SWEEP:
            self._queue = deque(one for one in self._queue if one.packed)

    def _take_down(self, answer: Answer) -> None:
        del self._shelves[answer.shelf][answer.question]
        self._count -= 1
        self.size -= answer.size
        for one in answer.packets():
            del self.rendered[one.shelf][one.raw]
            self.size -= one.size
        # They hold each other, and Python looks for such circles seldom.
        answer.packed = answer.question = b""
        answer.rendered = None


def _aged(body: bytes, packed: bytes, count: int, age: int) -> bytes:
    """`body`, a response without its id to which the message of `packed` was dressed, with the `count` TTLs of that message
    lowered by `age` as `dress` lowers them."""
    out = bytearray(body)
    message = _HEAD.size + 2 * count
    for at in struct.unpack_from(f"!{count}H", packed, _HEAD.size):
        left = int.from_bytes(packed[message + at : message + at + 4], "big") - age
        out[at - 2 : at + 2] = left.to_bytes(4, "big") if left > 0 else _NO_TTL
    return bytes(out)
