"""Every parser against random and mutated input: it accepts or says Malformed, and nothing else."""

from random import Random

import pytest
from fuzz import corpus, images, lists, packets
from fuzz.mutate import mutate
from fuzz.parsers import HARNESSES, NEVER_RAISE, OTHERS, find_parsers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.judged import judge

from resolver.accept import Rejected
from resolver.compose import Accepted
from resolver.settings import CacheSettings
from resolver.values import Query, QueryFlag
from wire.dns.message import HEADER, parse_message
from wire.errors import Malformed

quietly = settings(derandomize=True, deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
EVERY = HARNESSES | packets.HARNESSES | images.HARNESSES | lists.HARNESSES
ENTRIES = corpus.everything() + packets.entries() + images.entries() + lists.entries()
every = pytest.mark.parametrize("parser", sorted(EVERY))

EDIT = st.tuples(st.integers(0, 255), st.integers(0, 2**16), st.integers(0, 2**20))
VALID = st.sampled_from(ENTRIES)
"""For every parser what is meant for any."""


def feed(parser: str, data: bytes) -> None:
    try:
        EVERY[parser](data)
    except Malformed:
        assert parser not in NEVER_RAISE


def test_every_parser_of_the_tree_has_a_harness() -> None:
    assert set(EVERY) == find_parsers()


def test_the_parsers_by_another_name_exist() -> None:
    assert OTHERS == find_parsers() & OTHERS


@every
@quietly
@given(st.binary(max_size=600))
def test_random_octets_are_accepted_or_malformed(parser: str, data: bytes) -> None:
    feed(parser, data)


@every
@quietly
@given(VALID, st.lists(EDIT, min_size=1, max_size=6))
def test_mutated_messages_are_accepted_or_malformed(
    parser: str, data: bytes, edits: list[tuple[int, int, int]]
) -> None:
    feed(parser, mutate(data, edits))


@every
def test_every_beginning_of_a_message_is_accepted_or_malformed(parser: str) -> None:
    for data in ENTRIES[::7]:
        for end in range(len(data)):
            feed(parser, data[:end])


@every
def test_something_of_the_corpus_is_accepted_by_each_parser(parser: str) -> None:
    """A fuzzer that is always refused at the door tests the door only."""

    def accepted(data: bytes) -> bool:
        try:
            return EVERY[parser](data)
        except Malformed:
            return False

    assert any(accepted(data) for data in ENTRIES)


def test_a_mutation_is_a_pure_function_of_its_edits() -> None:
    random = Random(5)
    edits = [(random.randrange(256), random.randrange(2**16), random.randrange(2**20)) for _ in range(40)]
    data = corpus.messages()[0]
    assert mutate(data, edits) == mutate(data, edits)


ROOT_NS = b"\0\0\2\0\1"
IN_THE_HEADER = b"\xc0\x00\0\2\0\1\0\0\0\x3c\0\1\0"
IN_A_TTL = b"\0\0\2\0\1\0\0\0\x3c\0\1\0" + b"\xc0\x16\0\2\0\1\0\0\0\x3c\0\1\0"


@pytest.mark.parametrize(("count", "answer"), [(1, IN_THE_HEADER), (2, IN_A_TTL)], ids=["header", "TTL"])
def test_no_owner_of_an_accepted_answer_depends_on_the_id_or_a_ttl(count: int, answer: bytes) -> None:
    """Who is asked could so give one client another owner than was judged, or a message that is malformed."""
    data = HEADER.pack(0, 0x8180, 1, count, 0, 0) + ROOT_NS + answer
    found = judge(Query(ROOT_NS, QueryFlag.RD, 0, 1), data, CacheSettings())
    if isinstance(found, Rejected):
        return
    assert isinstance(found, Accepted)
    dressed = bytearray(found.message)
    dressed[0:2] = b"\x01\x02"
    for at in found.ttl_offsets:
        dressed[at : at + 4] = b"\1\1\1\1"
    assert {b"\0"} == {record.owner for record in parse_message(bytes(dressed)).answer}
