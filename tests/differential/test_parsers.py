"""The compiled parsers and the plain ones, octet for octet and error for error: valid messages, damaged ones, noise."""

from types import ModuleType

import pytest
from fuzz import corpus
from fuzz.mutate import mutate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.two_forms import outcome, there

from wire.dns import message, names, peek

SEEDS = [*corpus.messages(), *corpus.queries()]
EDIT = st.tuples(st.integers(0, 255), st.integers(0, 2**16), st.integers(0, 2**20))
DATA = st.one_of(
    st.builds(mutate, st.sampled_from(SEEDS), st.lists(EDIT, max_size=4)),
    st.binary(max_size=80),
)
NAME = st.lists(st.binary(min_size=1, max_size=63), max_size=6).map(
    lambda labels: (b"".join(bytes((len(label),)) + label for label in labels) + b"\0")[-255:]
)
quietly = settings(derandomize=True, deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))


def both(here: ModuleType, name: str, *arguments: object) -> None:
    assert outcome(getattr(here, name), *arguments) == outcome(getattr(there(here.__name__), name), *arguments)


def test_the_two_forms_are_two() -> None:
    assert names.__file__.endswith(".py")
    assert not str(there("wire.dns.names").__file__).endswith(".py")


@quietly
@given(DATA)
def test_messages_and_queries(data: bytes) -> None:
    both(peek, "peek", data)
    for name in ("parse_message", "parse_part", "parse_received"):
        both(message, name, data)


@quietly
@given(DATA, st.integers(0, 90))
def test_names_in_messages(data: bytes, at: int) -> None:
    for name in ("parse_name", "skip_name"):
        both(names, name, data, at)
    known: tuple[names.Known, names.Known] = ({}, {})
    for place in (at, 12, at // 2, at):
        assert outcome(names.parse_shared_name, data, place, known[0]) == outcome(
            there(names.__name__).parse_shared_name, data, place, known[1]
        )
        assert known[0] == known[1]


@quietly
@given(NAME, NAME, st.integers(0, 6))
def test_names_alone(name: bytes, other: bytes, drop: int) -> None:
    for function in ("parent", "count_labels", "canonical_order", "show_name"):
        both(names, function, name)
    for suffix in (other, name[-1 - drop :], name):
        both(names, "is_below", name, suffix)
        if name.endswith(b"\0"):
            both(names, "closest_in", name, {suffix, other})
    assert outcome(lambda: [*names.suffixes(name)]) == outcome(lambda: [*there(names.__name__).suffixes(name)])


@quietly
@given(st.text(alphabet="aB\\.0129é-*", max_size=70))
def test_names_as_text(text: str) -> None:
    both(names, "read_name", text)


@quietly
@given(DATA)
def test_what_is_built_of_what_was_read(data: bytes) -> None:
    try:
        read = message.parse_message(data)
    except message.Malformed:
        return
    for record in (*read.answer, *read.authority):
        for function in ("rdata_name", "soa_minimum"):
            both(message, function, read, record)
    records = [
        (one.owner, one.rrtype, one.rrclass, one.ttl, data[one.rdata_start : one.rdata_end]) for one in read.answer
    ]
    for rcode in (0, 3):
        both(message, "build_response", read.question, read.flags, rcode, records, records[:2])
    both(message, "build_query", read.question, read.flags)


@pytest.mark.parametrize("wrong", [None, "text", 7, bytearray(b"\0" * 12)])
def test_what_is_not_octets_is_a_mistake_in_both(wrong: object) -> None:
    """The plain form might read a bytearray; nobody gives it one, and the compiled one takes octets only."""
    assert outcome(there(message.__name__).parse_message, wrong)[0] in ("TypeError", "AttributeError")
