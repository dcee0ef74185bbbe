"""The first record of a TLS client, made by OpenSSL and changed by hand."""

import contextlib
import ssl

import pytest

from wire.errors import Malformed
from wire.tls_hello import Hello, parse_hello, record_length


def hello(name: str | None = "Dns.Example", alpn: tuple[str, ...] = ("dot", "h2")) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(
    ("name", "alpn", "told"),
    [
        ("Dns.Example", ("dot", "h2"), Hello("dns.example", (b"dot", b"h2"))),
        (None, ("dot",), Hello("", (b"dot",))),
        ("dns.example", (), Hello("dns.example")),
    ],
)
def test_a_hello_tells_the_name_and_the_protocols(name: str | None, alpn: tuple[str, ...], told: Hello) -> None:
    record = hello(name, alpn)
    assert (told, len(record)) == (parse_hello(record), record_length(record))


def test_of_a_record_the_header_says_how_long_it_is_and_four_octets_say_nothing_yet() -> None:
    record = hello()
    assert [None] * 5 == [record_length(record[:count]) for count in range(5)]
    assert len(record) == record_length(record[:5])


@pytest.mark.parametrize("start", [b"G", b"\x80", b"\x15", b"\x16\2", b"\x16\3\1\0\0", b"\x16\3\1\x40\1"])
def test_what_is_no_handshake_is_known_by_its_first_octets(start: bytes) -> None:
    with pytest.raises(Malformed):
        record_length(start)


def test_a_hello_that_goes_on_in_another_record_tells_nothing() -> None:
    record = hello()
    piece = record[5:100]
    assert Hello() == parse_hello(b"\x16\3\1" + len(piece).to_bytes(2, "big") + piece)


def test_another_message_than_a_hello_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_hello(b"\x16\3\1\0\4\2\0\0\0")


def test_a_vector_that_says_it_is_longer_than_the_rest_is_malformed() -> None:
    record = bytearray(hello())
    # The length of the session id, behind type, length, version and random.
    record[5 + 4 + 2 + 32] = 255
    record[5 + 4 + 2 + 33 :] = record[5 + 4 + 2 + 33 :][:100]
    record[6:9] = (len(record) - 9).to_bytes(3, "big")
    with pytest.raises(Malformed):
        parse_hello(bytes(record))
