"""One message of 64 KiB, made to cost as much as it can: thousands of records, names of 127 labels that all point to each
other. Work is counted in lines of Python, which no busy machine changes; CPU time is noted beside it with a wide margin.

Before names were read once a message and owners were counted, the worst of these took 120 ms to iterate upon, and 1,070 ms
of a forwarding upstream.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import count, pairwise

import pytest
from kit.figures import holds
from kit.judged import judge
from kit.work import cpu_milliseconds, lines_run

from resolver.iterate.classify import classify
from resolver.settings import CacheSettings
from resolver.values import Query, QueryFlag
from wire.dns.message import HEADER, parse_message
from wire.dns.names import count_labels, read_name

MOST = 65_535
ZONE = read_name("e.")
NAME = read_name("1." * 124 + "e.")
"""125 labels, so that two octets more make the longest there are."""

HERE = b"\xc0\x0c"
"""A pointer to the question."""

LINES, MILLISECONDS = 300_000, 60
"""What one message may cost: about 15 ms of CPU by the count; four times that by the clock."""

A, NS, CNAME, SOA, TXT, PX, DNAME, RRSIG, NSEC = 1, 2, 5, 6, 16, 26, 39, 46, 47
ANSWER, AUTHORITY, ADDITIONAL = range(3)


def record(owner: bytes, rrtype: int, rdata: bytes = b"") -> bytes:
    return owner + struct.pack("!HHIH", rrtype, 1, 60, len(rdata)) + rdata


def labels() -> Iterator[bytes]:
    """Labels of three letters, none twice."""
    letters = bytes(range(97, 123)) + b"0123456789-_"
    for number in count():
        yield b"\3" + bytes(letters[number // 38**place % 38] for place in range(3))


def filled(section: int, records: Iterator[bytes], first: tuple[bytes, ...] = ()) -> bytes:
    """As many of `records` as fit into a response, behind `first`."""
    question = NAME + b"\0\1\0\1"
    body, counts = [*first], [0, 0, 0]
    room = MOST - 12 - len(question) - sum(map(len, first))
    for one in records:
        room -= len(one)
        if room < 0:
            break
        body.append(one)
    counts[section] = len(body)
    return HEADER.pack(0, 0x8400, 1, *counts) + question + b"".join(body)


def same(one: bytes) -> Iterator[bytes]:
    while True:
        yield one


def deep(names: Iterator[bytes]) -> Iterator[bytes]:
    return (label + HERE for label in names)


def chain(length: int) -> tuple[bytes, ...]:
    """Aliases from the question on."""
    names = [HERE, *(b"\2c" + bytes((97 + number,)) + HERE for number in range(length))]
    return tuple(record(owner, CNAME, target) for owner, target in pairwise(names))


def many_tails() -> bytes:
    """A record full of names, and behind it others whose owners point to each label of these: no two to the same."""
    name = b"\1x" * 126 + b"\0"
    heap = record(b"\0", TXT, name * 60)
    start = 12 + len(NAME) + 4 + 11
    targets = (start + 253 * row + 2 * label for label in range(126) for row in range(60))
    return filled(ANSWER, (record((0xC000 | target).to_bytes(2, "big"), TXT) for target in targets), (heap,))


MESSAGES: dict[str, Callable[[], bytes]] = {
    "5,900 minimal records": lambda: filled(ANSWER, same(record(b"\0", TXT))),
    "4,000 addresses": lambda: filled(ANSWER, same(record(HERE, A, bytes(4)))),
    "aliases of one name": lambda: filled(ANSWER, (record(HERE, CNAME, label + HERE) for label in labels())),
    "aliases of one name, and a chain": lambda: filled(
        ANSWER, (record(HERE, CNAME, label + HERE) for label in labels()), chain(16)
    ),
    "a chain of thousands": lambda: filled(ANSWER, (record(a, CNAME, b) for a, b in pairwise(deep(labels())))),
    "DNAMEs of one name": lambda: filled(ANSWER, same(record(HERE, DNAME, HERE))),
    "two names in each": lambda: filled(ANSWER, same(record(HERE, PX, b"\0\0" + HERE + HERE))),
    "addresses of as many names": lambda: filled(ANSWER, (record(label + HERE, A, bytes(4)) for label in labels())),
    "signatures of as many names": lambda: filled(
        ANSWER, (record(label + HERE, RRSIG, bytes(18) + b"\0") for label in labels())
    ),
    "owners that share no tail": many_tails,
    "name servers": lambda: filled(AUTHORITY, (record(HERE, NS, label + HERE) for label in labels())),
    "SOAs": lambda: filled(AUTHORITY, same(record(HERE, SOA, HERE + HERE + bytes(20)))),
    "name servers of as many zones": lambda: filled(AUTHORITY, (record(label + HERE, NS, HERE) for label in labels())),
    "NSECs of as many names": lambda: filled(AUTHORITY, (record(label + HERE, NSEC, b"\0") for label in labels())),
    "glue of as many names": lambda: filled(ADDITIONAL, (record(label + HERE, A, bytes(4)) for label in labels())),
    "glue of one name": lambda: filled(
        ADDITIONAL, same(record(HERE, A, bytes(4))), (record(b"\1a" + HERE, A, bytes(4)),)
    ),
}


def iterated(data: bytes) -> object:
    """As an authoritative server's response."""
    return classify(parse_message(data), NAME, A, ZONE)


def forwarded(data: bytes) -> object:
    """As an upstream's answer to a client that wants signatures."""
    query = Query(NAME + b"\0\1\0\1", int(QueryFlag.RD | QueryFlag.DO), 0, 1)
    return judge(query, data, CacheSettings())


@pytest.mark.parametrize("work", [iterated, forwarded])
@pytest.mark.parametrize("message", MESSAGES)
def test_no_message_is_dear(message: str, work: Callable[[bytes], object]) -> None:
    data = MESSAGES[message]()
    assert MOST - 600 <= len(data) <= MOST
    attack = f"64 KiB message, {work.__name__}"
    assert holds(attack, "lines of Python run", lines_run(lambda: work(data)), LINES)
    assert holds(attack, "CPU ms", round(cpu_milliseconds(lambda: work(data)), 1), MILLISECONDS)


def test_the_names_are_as_long_as_names_can_be() -> None:
    assert (125, 251) == (count_labels(NAME), len(NAME))
