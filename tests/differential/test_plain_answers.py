"""The usual answer is read and written in one go: what comes of it is what the long way through a whole message gives, octet for
octet, for honest messages and for damaged ones, in both forms."""

from types import ModuleType

import pytest
from fuzz.mutate import mutate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.two_forms import outcome, there

from resolver import accept, compose
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Positive, RRset
from resolver.settings import CacheSettings
from resolver.values import Query
from wire.dns import message, rdata
from wire.dns.edns import build_opt

LIMITS = CacheSettings(minimum_ttl=60, maximum_ttl=86_400)
NAMES = [b"\0", b"\1a\0", b"\3www\7example\0"]
TYPES = [1, 2, 5, 16, 28, 41, 46, 48, 65, 255]
OPTS = [
    b"",
    build_opt(1232, True, []),
    build_opt(1232, False, [(12, bytes(9)), (10, bytes(16))]),
    build_opt(512, True, [], 1),
]
EDIT = st.tuples(st.integers(0, 255), st.integers(0, 2**16), st.integers(0, 2**20))
quietly = settings(derandomize=True, deadline=None, max_examples=600, suppress_health_check=list(HealthCheck))


def forms() -> tuple[ModuleType, ModuleType]:
    return message, there(message.__name__)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A question, and what may be the usual answer to it."""
    name, rrtype = draw(st.sampled_from(NAMES)), draw(st.sampled_from(TYPES))
    question = name + rrtype.to_bytes(2, "big") + b"\0\1"
    records = b""
    kinds = draw(st.lists(st.sampled_from([rrtype, rrtype, 46, 1]), max_size=4))
    for kind in kinds:
        content = (
            draw(st.binary(max_size=6)) if kind != 46 else rrtype.to_bytes(2, "big") + draw(st.binary(max_size=20))
        )
        ttl = draw(st.sampled_from([0, 30, 300, 2**31 - 1, 2**31, 2**32 - 1]))
        owner = draw(st.sampled_from([b"\xc0\x0c", b"\xc0\x0c", b"\xc0\x0c", name]))
        records += owner + kind.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big")
        records += len(content).to_bytes(2, "big") + content
    opt = draw(st.sampled_from(OPTS))
    spelled = name.upper() if draw(st.booleans()) else name
    counts = (1).to_bytes(2, "big") + len(kinds).to_bytes(2, "big") + b"\0\0" + (1 if opt else 0).to_bytes(2, "big")
    whole = b"\7\7" + draw(st.sampled_from([b"\x81\x80", b"\x81\x80", b"\x85\xb0", b"\x83\x80"])) + counts
    whole += spelled + question[-4:] + records + opt
    return question, mutate(whole, draw(st.lists(EDIT, max_size=2))) if draw(st.booleans()) else whole


@quietly
@given(answers())
def test_it_is_understood_as_the_whole_message_is(drawn: tuple[bytes, bytes]) -> None:
    question, data = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accept, "read_plain", lambda _: None)
        whole = outcome(accept.read, question, data, LIMITS)
    for form in (accept, there(accept.__name__)):
        assert outcome(form.read, question, data, LIMITS) == whole


@quietly
@given(answers())
def test_it_is_read_alike_in_both_forms_and_only_where_the_whole_can_be_read(drawn: tuple[bytes, bytes]) -> None:
    _, data = drawn
    plain, compiled = (outcome(form.read_plain, data) for form in forms())
    assert plain == compiled
    found = message.read_plain(data) if plain[0] == "gives" else None
    if found is not None:
        read = message.parse_message(data)
        assert found.options == bool(read.edns and read.edns.options)


def test_the_usual_answer_is_read_that_way() -> None:
    """Or all of this would compare the long way with itself."""
    record = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
    data = b"\7\7\x81\x80\0\1\0\1\0\0\0\1" + b"\3WWW\0\0\1\0\1" + record + OPTS[2]
    found = message.Plain(b"\3www\0\0\1\0\1", 1, 300, (b"\xc0\0\2\1",), (), True)
    assert [found, found] == [form.read_plain(data) for form in forms()]


@quietly
@given(
    st.sampled_from(NAMES),
    st.sampled_from(TYPES),
    st.integers(0, 2**31 - 1),
    st.lists(st.binary(max_size=300), min_size=1, max_size=400),
    st.lists(st.binary(max_size=300), max_size=2),
    st.integers(0, 15),
)
def test_it_is_written_as_any_answer_is(
    name: bytes, rrtype: int, ttl: int, datas: list[bytes], signatures: list[bytes], flags: int
) -> None:
    query = Query(name + rrtype.to_bytes(2, "big") + b"\0\1", flags, 0, 1)
    resolved = Resolved((), Positive(RRset(name, rrtype, ttl, tuple(datas), tuple(signatures))))
    whole = outcome(compose._whole, query, resolved, LIMITS, True, None, 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "_whole", lambda *_: pytest.fail("the long way"))
        for form in forms():
            patch.setattr(compose, "build_answer", form.build_answer)
            assert outcome(compose.compose, query, resolved, LIMITS, True, None, 7) == whole


def test_where_names_stand_is_said_of_every_type_that_has_them() -> None:
    assert set(rdata._NAMES) == rdata.MAY_COMPRESS == message.NAMED
