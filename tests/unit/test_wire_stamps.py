import base64
import json
from pathlib import Path

import pytest

from wire.dns.stamps import MAX_STAMP, PREFIX, Stamp, StampProtocol, build_stamp, read_stamp

PUBLISHED: dict[str, list[str]] = json.loads((Path(__file__).parents[1] / "vectors/stamps.json").read_text())
READABLE = [text for kind, texts in PUBLISHED.items() if kind != "dnscrypt" for text in texts]
HASH = bytes(range(32))


def stamp(data: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=")


def body(protocol: int, *fields: bytes) -> bytes:
    return bytes((protocol,)) + bytes(8) + b"".join(bytes((len(field),)) + field for field in fields)


@pytest.mark.parametrize("text", READABLE)
def test_a_published_stamp_is_read_and_built_again_letter_by_letter(text: str) -> None:
    assert text == build_stamp(read_stamp(text))


def test_a_published_plain_stamp_says_what_it_is_known_to_say() -> None:
    assert Stamp(StampProtocol.PLAIN, 7, "8.8.8.8") == read_stamp(PUBLISHED["plain"][0])
    assert "[2606:4700:4700::1111]" == read_stamp(PUBLISHED["plain over IPv6"][0]).address


def test_a_published_doh_stamp_says_what_it_is_known_to_say() -> None:
    found = read_stamp(PUBLISHED["doh with two hashes"][0])
    assert (StampProtocol.DOH, 7, "1.0.0.1") == (found.protocol, found.properties, found.address)
    assert ("dns.cloudflare.com", "/dns-query", ()) == (found.host, found.path, found.bootstrap)
    assert [32, 32] == [len(item) for item in found.hashes]


def test_a_host_may_come_with_a_port() -> None:
    assert "dns9.quad9.net:443" == read_stamp(PUBLISHED["doh"][1]).host


def test_a_published_dot_stamp_may_leave_out_the_address() -> None:
    assert Stamp(StampProtocol.DOT, 3, "", (), "dns.adguard.com") == read_stamp(PUBLISHED["dot"][0])


def test_addresses_to_begin_with_are_read() -> None:
    assert ("54.39.40.163",) == read_stamp(PUBLISHED["dot with bootstrap"][0]).bootstrap


def test_a_stamp_for_what_we_do_not_speak_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"not supported yet.*DNSCRYPT"):
        read_stamp(PUBLISHED["dnscrypt"][0])


def test_a_published_doq_stamp_says_what_it_is_known_to_say() -> None:
    assert Stamp(StampProtocol.DOQ, 7, "", (), "dns.adguard-dns.com:784") == read_stamp(PUBLISHED["doq"][0])


def test_a_published_target_is_a_name_and_a_path_and_has_no_address() -> None:
    found = read_stamp(PUBLISHED["odoh target"][0])
    assert Stamp(StampProtocol.ODOH_TARGET, 7, "", (), "odoh.cloudflare-dns.com", "/dns-query") == found


def test_published_relays_say_what_they_are_known_to_say() -> None:
    fields = [(relay.address, relay.host, relay.path) for relay in map(read_stamp, PUBLISHED["odoh relay"])]
    assert [
        ("", "odoh-relay.edgecompute.app", "/"),
        ("89.38.131.38", "odoh-nl.alekberg.net:443", "/proxy"),
        ("", "odoh-relay.edgecompute.app", "/"),
    ] == fields


def test_padding_at_the_end_is_passed_over() -> None:
    text = PUBLISHED["plain"][0]
    assert read_stamp(text) == read_stamp(text + "=")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with sdns://"),
        ("https://example/", "begins with sdns://"),
        (PREFIX, "too short"),
        (PREFIX + "A" * MAX_STAMP, "at most 2048"),
        (PREFIX + "AAcAAAAAAAAABzgu OC44Ljg", "not base64url"),
        (PREFIX + "AAcAA", "not base64url"),
        (PREFIX + "ä" * 20, "not base64url"),
        (stamp(body(0x77, b"")), "protocol 0x77"),
        (stamp(body(5, b"a.example")), "cut off"),
        (stamp(body(5, b"a.example", b"/q", b"")), "octets too many"),
        (stamp(body(0x85, b"", b"", b"a.example")), "cut off"),
        (stamp(body(0x81, b"")), "not supported yet: a stamp for DNSCRYPT RELAY"),
        (stamp(body(0)[:9] + b"\x09"), "cut off"),
        (stamp(body(3, b"1.2.3.4")), "cut off"),
        (stamp(body(3, b"1.2.3.4", b"")), "cut off"),
        (stamp(body(0, b"1.2.3.4", b"")), "octets too many"),
        (stamp(body(2, b"", b"", b"a.example", b"/q", b"", b"")), "octets too many"),
        (stamp(body(0, b"\xff")), "not ASCII"),
        (stamp(body(3, b"", b"short", b"a.example")), "32 octets"),
    ],
)
def test_what_is_no_stamp_is_refused_with_a_text_for_the_user(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_stamp(text)


def test_an_empty_list_of_bootstraps_is_none() -> None:
    assert () == read_stamp(stamp(body(3, b"", b"", b"a.example", b""))).bootstrap


@pytest.mark.parametrize(
    "made",
    [
        Stamp(StampProtocol.DOT, 0, "192.0.2.1:853", (HASH,), "dot.example"),
        Stamp(StampProtocol.DOT, 1, "", (HASH, HASH[::-1], HASH), "dot.example", "", ("192.0.2.1", "2001:db8::1")),
        Stamp(StampProtocol.DOQ, 0, "192.0.2.1:8853", (HASH,), "doq.example", "", ("192.0.2.1",)),
        Stamp(StampProtocol.ODOH_TARGET, 1, "", (), "odoh.example:8443", "/dns-query"),
        Stamp(StampProtocol.ODOH_RELAY, 1, "192.0.2.1", (HASH, HASH), "relay.example", "/relay", ("192.0.2.1",)),
        Stamp(StampProtocol.DOH, 2**64 - 1, "", (), "doh.example", "/dns-query", ("192.0.2.1",)),
    ],
)
def test_a_stamp_is_read_back_as_it_was_built(made: Stamp) -> None:
    assert made == read_stamp(build_stamp(made))


def test_a_stamp_for_what_we_do_not_speak_is_not_built() -> None:
    with pytest.raises(ValueError, match="not supported yet"):
        build_stamp(Stamp(StampProtocol.DNSCRYPT, 0, ""))


@pytest.mark.parametrize(
    "made",
    [
        Stamp(StampProtocol.PLAIN, 0, "1" * 256),
        Stamp(StampProtocol.DOT, 0, "", (), "a.example", "", ("1" * 128,)),
        Stamp(StampProtocol.DOT, 0, "", (), "a.example", "", ("1" * 128, "2")),
    ],
)
def test_a_field_that_is_too_long_is_refused(made: Stamp) -> None:
    with pytest.raises(ValueError, match="too long"):
        build_stamp(made)
