"""Names, types and messages as text."""

import dns.message
import pytest

from anchorhold import text
from wire.dns.codes import QueryFlag


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Example.NET", b"\7example\3net\0"),
        ("example.net.", b"\7example\3net\0"),
        (".", b"\0"),
        (r"a\.b.test", b"\3a.b\4test\0"),
        (r"\000.test", b"\1\0\4test\0"),
        ("bücher.test", b"\x0dxn--bcher-kva\4test\0"),
    ],
)
def test_a_name_becomes_its_folded_wire_form(name: str, wire: bytes) -> None:
    assert wire == text.read_name(name)


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".".join(["x" * 60] * 5), "\udcff.test", r"\999"])
def test_what_is_no_name_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match="is no domain name"):
        text.read_name(name)


def test_a_wire_name_is_shown_with_escapes_and_no_control_characters() -> None:
    assert text.show_name(b"\3a.b\1\x1b\4test\0") == r"a\.b.\027.test."


@pytest.mark.parametrize(
    ("name", "number"), [("A", 1), ("aaaa", 28), ("HTTPS", 65), ("TYPE65", 65), ("TYPE65280", 65280)]
)
def test_a_type_has_a_name_or_a_number(name: str, number: int) -> None:
    assert number == text.read_type(name)


@pytest.mark.parametrize("name", ["", "NOPE", "TYPE70000", "TYPE", "-1"])
def test_what_is_no_type_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match="is no record type"):
        text.read_type(name)


def test_a_question_asks_for_recursion_and_nothing_of_its_sender() -> None:
    key = text.question_key(b"\7example\3net\0", 28)
    query = dns.message.from_wire(text.build_question(key, QueryFlag.RD))
    assert (query.id, dns.flags.to_text(query.flags), query.ednsflags, query.options) == (0, "RD", 0, ())
    assert query.question[0].to_text() == "example.net. IN AAAA"
    assert query.payload == text.MAX_PAYLOAD


def test_records_of_unknown_types_are_shown_in_the_generic_form() -> None:
    message = dns.message.from_text("id 0\nflags QR\n;ANSWER\na.test. 5 IN TYPE65280 \\# 2 abcd\n")
    shown = text.show_message(message.to_wire())
    assert [record.line() for record in shown.answer] == [r"a.test.	5	IN	TYPE65280	\# 2 abcd"]


@pytest.mark.parametrize("data", [b"", b"\0" * 11, b"\0" * 12 + b"x", b"\0\0\x81\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"])
def test_bytes_that_are_no_message_are_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="no DNS message"):
        text.show_message(data)
