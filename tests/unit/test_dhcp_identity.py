import hmac

import pytest

from dhcp.identity import (
    RECENT_SECONDS,
    Identifier,
    Recent,
    duid_hardware,
    duid_inside,
    hardware_octets,
    identify,
    is_changing,
    is_telling,
    tag,
)
from wire.dhcp.packet4 import Packet4
from wire.units import Instant

KEY = bytes(range(32))
MAC = bytes.fromhex("001122334455")
DUID = bytes.fromhex("0001000112345678001122334455")


def packet(options: dict[int, bytes] | None = None, chaddr: bytes = MAC, htype: int = 1) -> Packet4:
    none = bytes(4)
    return Packet4(1, htype, 0, 7, 0, 0, none, none, none, none, chaddr, b"", b"", options or {})


def test_equal_octets_of_two_kinds_have_two_tags() -> None:
    tags = {tag(KEY, what, MAC) for what in Identifier}
    assert len(Identifier) == len(tags)
    assert {16} == {len(value) for value in tags}


@pytest.mark.parametrize("key", [KEY, bytes(64), b"short"])
def test_a_tag_is_half_of_an_hmac(key: bytes) -> None:
    for what in Identifier:
        assert hmac.digest(key, what.value + MAC, "sha256")[:16] == tag(key, what, MAC)


def test_a_tag_is_another_one_with_another_key() -> None:
    assert tag(KEY, Identifier.CLIENT, MAC) != tag(bytes(32), Identifier.CLIENT, MAC)


def test_rfc2131_4_2_the_client_identifier_comes_before_the_hardware_address() -> None:
    one = identify(KEY, packet({61: b"\0phone"}))
    other = identify(KEY, packet({61: b"\0phone"}, chaddr=bytes.fromhex("00aabbccddee")))
    assert one is not None
    assert other is not None
    assert one.client == other.client
    assert one.hardware != other.hardware


def test_rfc2131_4_2_without_client_identifier_it_is_the_hardware_address_and_its_type() -> None:
    one, other = identify(KEY, packet()), identify(KEY, packet(htype=6))
    assert one is not None
    assert other is not None
    assert one.client == one.hardware == tag(KEY, Identifier.HARDWARE, hardware_octets(MAC))
    assert one.client != other.client


@pytest.mark.parametrize(
    "identifier",
    [b"", b"\1", b"\1" + bytes(6), b"\0" + bytes(16), b"\0" + b"\xff" * 16, b"\1" + b"\xff" * 6, b"x" * 256],
    ids=lambda value: value[:9].hex() or "empty",
)
def test_an_identifier_that_tells_nobody_apart_is_not_used(identifier: bytes) -> None:
    identity = identify(KEY, packet({61: identifier}))
    assert identity is not None
    assert identity.client == identity.hardware
    assert identifier == identity.identifier  # for the echo of RFC 6842
    assert not is_telling(identifier)


@pytest.mark.parametrize("chaddr", [b"", bytes(6), b"\xff" * 6, bytes.fromhex("01005e000001"), bytes(16)])
def test_who_has_neither_identifier_nor_a_station_address_is_nobody(chaddr: bytes) -> None:
    assert identify(KEY, packet(chaddr=chaddr)) is None
    named = identify(KEY, packet({61: b"\0phone"}, chaddr=chaddr))
    assert named is not None
    assert b"" == named.hardware


def test_rfc4361_the_duid_inside_a_client_identifier_is_found() -> None:
    identity = identify(KEY, packet({61: b"\xff\0\0\0\1" + DUID}))
    assert identity is not None
    assert DUID == identity.duid


@pytest.mark.parametrize(
    "identifier", [b"\1" + MAC, b"\xff\0\0\0\1", b"\xff\0\0\0\1\0\1", b"\xff\0\0\0\1" + bytes(131)]
)
def test_rfc4361_what_is_no_duid_is_not_taken_for_one(identifier: bytes) -> None:
    assert b"" == duid_inside(identifier)


@pytest.mark.parametrize(
    ("duid", "expected"),
    [
        (DUID, b"\1" + MAC),
        (bytes.fromhex("00030001001122334455"), b"\1" + MAC),
        (bytes.fromhex("000200000009" + "0cc084d303000912"), b""),
        (bytes.fromhex("0004") + bytes(16), b""),
        (b"\0\1\0\1\0\0\0\0", b""),
        (b"", b""),
    ],
)
def test_the_link_layer_address_of_a_duid(duid: bytes, expected: bytes) -> None:
    assert expected == duid_hardware(duid)


@pytest.mark.parametrize(
    ("address", "htype", "expected"),
    [
        ("021122334455", 1, True),
        ("da1122334455", 1, True),
        ("001122334455", 1, False),
        ("021122334455", 6, False),
        ("0211", 1, False),
    ],
)
def test_a_locally_administered_address_is_a_changing_one(address: str, htype: int, expected: bool) -> None:
    assert expected is is_changing(bytes.fromhex(address), htype)


def test_who_spoke_a_moment_ago_is_known_for_one_message_more() -> None:
    recent, asks = Recent(), packet({61: b"\0phone", 53: b"\1"})
    chooses = packet({61: b"\0phone", 53: b"\3"})
    first = recent.identify(KEY, asks)
    assert (identify(KEY, asks), 1) == (first, len(recent))
    assert recent.identify(KEY, chooses) is first, "nothing is hashed again"
    assert 0 == len(recent), "and nothing of it is kept"
    assert first == recent.identify(KEY, asks)


@pytest.mark.parametrize(
    "other",
    [packet({61: b"\0other"}), packet({61: b"\0phone"}, chaddr=bytes(6)), packet({61: b"\0phone"}, htype=6), packet()],
)
def test_who_differs_in_anything_is_somebody_else(other: Packet4) -> None:
    recent = Recent()
    recent.identify(KEY, packet({61: b"\0phone"}))
    assert identify(KEY, other) == recent.identify(KEY, other)


def test_who_does_not_speak_again_is_forgotten_after_seconds() -> None:
    recent = Recent()
    recent.pass_time(Instant(0.0))
    recent.identify(KEY, packet())
    recent.pass_time(Instant(10.0))
    recent.pass_time(Instant(10.0 + RECENT_SECONDS / 2))
    assert 1 == len(recent)
    recent.pass_time(Instant(10.0 + RECENT_SECONDS))
    assert 0 == len(recent)
    recent.identify(KEY, packet())
    recent.pass_time(Instant(20.0))
    assert 1 == len(recent), "its time begins anew"


def test_never_more_than_a_few_are_remembered_and_nobody_is_not() -> None:
    recent = Recent()
    assert recent.identify(KEY, packet(chaddr=b"")) is None
    assert 0 == len(recent)
    for number in range(1, 1_000):
        recent.identify(KEY, packet(chaddr=b"\0" + number.to_bytes(5, "big")))
        assert len(recent) <= 256
