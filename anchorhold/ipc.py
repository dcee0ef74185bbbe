"""Messages between cells: a small fixed header and raw bytes over an AF_UNIX stream pair.

Header, 24 octets, little-endian: type u8, flags u8, group u16, length u32 (of the body), handle u64, generation u32,
deadline u32 (milliseconds left; 0: none; of a REPLY what it cost, in parts of COST). What does not decode raises `Malformed`,
and the receiver ends the sender.
"""

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from resolver.values import Explanation, Origin, Reply
from wire.dns.codes import ExtendedError
from wire.errors import Malformed

HEADER = struct.Struct("<BBHIQII")
MAX_BODY = 65_535 + 4_096 + 2 * 8_192
"""A DNS message, its explanation and its TTL offsets."""

READ_SIZE = 262_144
"""Octets read at once."""

CREDITS = 1_024
"""Queries a front may have open at a resolver."""

COST = 16
"""Parts of what a question costs that are told in a REPLY."""

FORGET = 1
"""Flag of SNAPSHOT: what is believed has changed within the generation."""

MORE = 1
"""Flag of FACT: that was not all of the answer yet."""

MAX_REQUEST = 64 * 1024
"""Octets of an operator's request, a line, and so of the argument of a FACT."""

FACT_PIECE = 65_000
"""Octets of an answer in one FACT."""

EVERY_GROUP = b"\1"
"""Behind the seconds of PAUSE: not the group of the header only."""

SO_FAR = 0xFFFF_FFFF
"""Seconds of BLOCKED that change nothing: show what was so far."""

PONG = 1
"""Flag of PING: this is the answer."""


_new = tuple.__new__
"""See `wire/dns/message.py`."""


class MessageType(IntEnum):
    """Everything that crosses; nothing else does."""

    QUERY = 1
    """front → resolver. flags: QueryFlag; body: `Query.key`."""
    REPLY = 2
    """resolver → front. flags: Origin; body: see `build_reply`."""
    CANCEL = 3
    """front → resolver: nobody waits for this handle any more. No body."""
    REFRESH = 4
    """front → resolver: like QUERY, for a popular answer near its end; nobody waits, the reply is for the cache."""
    SNAPSHOT = 5
    """resolver → front: this generation is in force here; flags 1 (FORGET): and what was answered before is not to be given
    out again. No body."""
    HOSTS = 6
    """dhcp → front: names of leases that come and go (body and flags: see `anchorhold/leases/messages.py`)."""
    CREDIT = 7
    """resolver → front: so many more queries may be opened. Body: u32."""
    FACT = 8
    """Both ways: a question of the operator's (body: Verb u8, then its argument) and its answer (UTF-8 text, relayed
    unread; flags 1 (MORE): more follows)."""
    PING = 9
    """Both ways; the answer carries the same handle and flags 1 (PONG)."""
    LOOK = 10
    """keeper → resolver: ask for the DNSKEY RRset of this zone (body: folded wire name)."""
    KEYS = 11
    """resolver → keeper: what came of it (body: see `anchorhold/keeper/messages.py`), or with flags 1 that nothing did (body: the
    zone)."""
    ANCHORS = 12
    """keeper → resolver: a trust point as it is in force (body: see `anchorhold/keeper/messages.py`); flags 1: more follow."""
    EXCEPT = 13
    """resolver → keeper: an operator wants an exception from validation, or its end (body: see
    `anchorhold/keeper/messages.py`)."""
    EXCEPTIONS = 14
    """keeper → resolver: all exceptions in force (body: likewise); the handle is that of the EXCEPT it answers, else 0."""
    CARRY = 15
    """secure → resolver: hand a body to a target of the oblivious relay. group: its place in the settings of the generation;
    body: the sealed query, or nothing if the target's keys are wanted."""
    CARRIED = 16
    """resolver → secure: what came of it (body: see `resolver/carried.py`)."""
    COPY = 17
    """resolver → first resolver: a copy of the root zone is wanted (flags 4; body: `Source.mark`, and the serial u32 of the copy
    that is there, if one is). And the answer: in pieces, or that there is none or no newer one (see
    `anchorhold/cells/root_copies.py`)."""
    REST = 18
    """lists → front: it has nothing to do, and ends; what it has not answered yet it will not answer. No body."""


class Verb(IntEnum):
    """What an operator may ask the resolver through `front`; the argument follows in the body."""

    STATUS = 1
    EXPLAIN = 2
    """flags u8 (QueryFlag), then a question key; the client group is the header's."""
    CACHE_STATS = 3
    CACHE_FLUSH = 4
    """Folded wire name: this name and everything below goes."""
    CACHE_DUMP = 5
    ANCHORS = 6
    """The trust anchors as the keeper last told them."""
    TRACE = 7
    """Like EXPLAIN; but the upstreams are asked, and the chain of trust is told too."""
    EXCEPT = 8
    """Seconds u32 (little-endian; 0: the exception ends), a folded wire name, the reason in UTF-8."""
    LEASES = 9
    """To dhcp, not to the resolver. JSON, see `anchorhold/leases/`."""
    LISTS = 10
    """To the lists cell. JSON, see `anchorhold/lists/`."""
    PAUSE = 11
    """Seconds u32 (little-endian; 0: the pause ends); the header's group is paused, or with EVERY_GROUP behind it all groups."""
    BLOCKED = 12
    """Seconds u32 (little-endian) for which what is blocked is to be remembered from now on; 0: nothing more, and it is
    forgotten; SO_FAR: nothing changes."""


class Message(NamedTuple):
    """One message, as read."""

    type: MessageType
    flags: int
    group: int
    handle: int
    generation: int
    deadline: int
    body: bytes


def build_message(
    kind: int, handle: int, body: bytes = b"", *, flags: int = 0, group: int = 0, generation: int = 0, deadline: int = 0
) -> bytes:
    """The bytes of one message; the caller coalesces."""
    return HEADER.pack(kind, flags, group, len(body), handle, generation, deadline) + body


def build_facts(handle: int, text: bytes) -> Iterator[bytes]:
    """The FACT messages that answer an operator's question."""
    for at in range(0, max(len(text), 1), FACT_PIECE):
        flags = MORE if at + FACT_PIECE < len(text) else 0
        yield build_message(MessageType.FACT, handle, text[at : at + FACT_PIECE], flags=flags)


def build_pong(ping: Message) -> bytes:
    """The answer to a PING; nothing to what is an answer itself: that would go on for ever."""
    return b"" if ping.flags & PONG else build_message(MessageType.PING, ping.handle, flags=PONG)


_TYPES = {int(kind): kind for kind in MessageType}
_ORIGINS = {origin.value: origin for origin in Origin}


class Inbox:
    """Bytes in, messages out. Keeps at most one incomplete message."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Every message completed by `data`. Raises Malformed; then the stream is of no more use. Who takes only some of them,
        for a mistake, gets the others with the next data."""
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        try:
            while end - at >= HEADER.size:
                kind, flags, group, length, handle, generation, deadline = HEADER.unpack_from(data, at)
                if length > MAX_BODY:
                    raise Malformed("message body too long", at)
                stop = at + HEADER.size + length
                if stop > end:
                    break
                message_type = _TYPES.get(kind)
                if message_type is None:
                    raise Malformed("unknown message type", at)
                body = data[at + HEADER.size : stop]
                at = stop
                yield _new(Message, (message_type, flags, group, handle, generation, deadline, body))
        finally:
            self._rest = data[at:]


class Reader(Protocol):
    """What is heard of a pair: asyncio's StreamReader."""

    async def read(self, n: int, /) -> bytes:
        """At most `n` octets; none: the other end hung up."""


async def listen(reader: Reader, hear: Callable[[Message], None]) -> None:
    """Hand over what comes over a pair, until the other end hangs up. Raises Malformed, and what `hear` raises. No generator: of
    one that is left before its end an event loop tells itself, on uvloop with a system call that no cell may make."""
    inbox = Inbox()
    while data := await _read(reader):
        for message in inbox.feed(data):
            hear(message)


async def _read(reader: Reader) -> bytes:
    try:
        return await reader.read(READ_SIZE)
    except OSError:
        return b""


# A reply's body, little-endian: cacheable milliseconds u32, EDE code and another one u16 (0xFFFF: none), number of TTL offsets
# u16, length of the EDE text u8; then the offsets (u16 each), the text, the message.
_REPLY = struct.Struct("<IHHHB")
_NO_EXPLANATION = 0xFFFF


@lru_cache(64)
def _offsets(count: int) -> struct.Struct:
    """So many of them."""
    return struct.Struct(f"<{count}H")


def build_reply(reply: Reply) -> bytes:
    """The body of a REPLY."""
    count = len(reply.ttl_offsets)
    explanation = reply.explanation
    if explanation is None:
        head = _REPLY.pack(min(int(reply.cacheable * 1000), 0xFFFFFFFF), _NO_EXPLANATION, _NO_EXPLANATION, count, 0)
        return head + _offsets(count).pack(*reply.ttl_offsets) + reply.message
    also = _NO_EXPLANATION if explanation.also is None else int(explanation.also)
    text = explanation.text.encode("ascii", "replace")[:255]
    head = _REPLY.pack(min(int(reply.cacheable * 1000), 0xFFFFFFFF), int(explanation.code), also, count, len(text))
    return b"".join((head, _offsets(count).pack(*reply.ttl_offsets), text, reply.message))


def parse_reply(message: Message) -> Reply:
    """The reply in a REPLY message. Raises Malformed."""
    body = message.body
    try:
        cacheable, code, also, count, text_length = _REPLY.unpack_from(body)
        at = _REPLY.size
        offsets = _offsets(count).unpack_from(body, at)
        at += 2 * count
        origin = _ORIGINS[message.flags]
        explanation = None
        if code != _NO_EXPLANATION:
            further = None if also == _NO_EXPLANATION else ExtendedError(also)
            explanation = Explanation(ExtendedError(code), body[at : at + text_length].decode("ascii"), further)
    except (struct.error, ValueError, KeyError) as error:
        raise Malformed(f"reply: {error}") from None
    at += text_length
    length = len(body) - at
    if length < 12 or (offsets and max(offsets) + 4 > length):
        raise Malformed("reply without a whole message", at)
    cost = message.deadline / COST
    return _new(Reply, (body[at:], offsets, cacheable / 1000, message.generation, origin, explanation, cost))
