"""Work for a message of DHCPv6 or neighbour discovery is bounded by its length: counted in lines run, not in seconds."""

import pytest
from kit.work import lines_run

from wire.dhcp.associations6 import parse_association
from wire.dhcp.codecs import MAX_VALUE
from wire.dhcp.codes6 import MessageType6, Option6
from wire.dhcp.contents6 import MAX_REQUESTED, parse_numbers
from wire.dhcp.neighbour import MAX_ND_OPTIONS
from wire.dhcp.options6 import OPTIONS6
from wire.dhcp.packet6 import (
    MAX_HOPS,
    MAX_OPTIONS,
    MAX_PACKET,
    Packet6,
    Relayed,
    RelayHop,
    build_relayed,
    parse_packet6,
)
from wire.dhcp.ra import parse_router_advertisement
from wire.errors import Malformed

FULL = ((65_000, b""),) * (MAX_OPTIONS - 1)
ROUTER = b"\xfe\x80" + bytes(14)


def test_the_work_for_a_message_full_of_options_in_eight_relays_is_bounded() -> None:
    hop = RelayHop(0, bytes(16), bytes(16), FULL)
    data = build_relayed(MessageType6.RELAY_FORWARD, Relayed((hop,) * MAX_HOPS, Packet6(1, 0, FULL)))
    assert len(data) < MAX_PACKET
    # Nine levels; each option is read, and looked at twice where a relay's message is sought.
    assert lines_run(lambda: parse_packet6(data)) <= 12 * MAX_OPTIONS * (MAX_HOPS + 1)


def test_the_work_for_an_association_full_of_associations_is_bounded() -> None:
    """What is in an option is read once, however deep: addresses hold no addresses."""
    address = b"\0\5\0\x18" + bytes(24)
    data = bytes(12) + address * MAX_OPTIONS
    assert lines_run(lambda: parse_association(Option6.IA_NA, data)) <= 40 * MAX_OPTIONS
    with pytest.raises(Malformed, match="too many"):
        parse_association(Option6.IA_NA, data + address)


def test_of_an_option_request_only_the_beginning_is_read() -> None:
    assert lines_run(lambda: parse_numbers(bytes(8_000))) <= 2 * MAX_REQUESTED + 20


OPTIONS = [
    b"\3\4\x40\xc0" + bytes(28),
    b"\x18\1" + bytes(6),
    b"\x19\3" + bytes(22),
    b"\x26\2" + bytes(14),
    b"\x1f\2" + bytes(6) + b"\1a\1b\0\0\0\0",
    b"\x90\2\0\1\0\0\0\0\0\3\1a" + bytes(4),
    b"\xfd\1" + bytes(6),
]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: str(option[0]))
def test_the_work_for_an_advertisement_of_the_smallest_options_is_bounded(option: bytes) -> None:
    data = b"\x86" + bytes(15) + option * MAX_ND_OPTIONS
    assert lines_run(lambda: parse_router_advertisement(data, 255, ROUTER)) <= 60 * MAX_ND_OPTIONS
    with pytest.raises(Malformed, match="too many"):
        parse_router_advertisement(data + option, 255, ROUTER)


def test_a_search_list_of_the_longest_option_is_bounded() -> None:
    """At most 32 names of 127 labels."""
    names = (b"\1a" * 127 + b"\0") * 7
    data = b"\x86" + bytes(15) + (b"\x1f\xff" + bytes(6) + names.ljust(2_032, b"\0")) * 2
    assert lines_run(lambda: parse_router_advertisement(data, 255, ROUTER)) <= 14 * 127 * 12


WORST = [
    (15, b"\0\1a"),
    (17, b"\0\0\0\0"),
    (23, bytes(16)),
    (24, b"\1a\0"),
    (56, b"\0\1\0\x10" + bytes(16)),
    (60, b"\0\1a"),
]


@pytest.mark.parametrize(("code", "unit"), WORST, ids=lambda value: str(value)[:12])
def test_the_work_for_a_value_of_the_smallest_parts_is_bounded(code: int, unit: bytes) -> None:
    data = unit * (MAX_VALUE // len(unit))

    def check() -> None:
        try:
            OPTIONS6.numbered(code).codec.check(data)
        except Malformed:
            return

    assert lines_run(check) <= 13 * MAX_VALUE
