"""What the dhcp cell tells front of names: there and back, and what does not decode."""

import msgspec
import pytest

from anchorhold.ipc import MAX_BODY, Inbox, Message, MessageType
from anchorhold.leases.messages import (
    ALL,
    MAX_ADDRESSES,
    MAX_HOSTS,
    MAX_LEFT,
    MORE,
    build_hosts,
    host_of,
    parse_hosts,
)
from resolver.local import Host
from wire.dns.names import read_name
from wire.errors import Malformed

NAS = Host(read_name("nas.home.arpa"), (bytes((192, 0, 2, 1)), bytes(15) + b"\7"), left=3_600)


def through(hosts: list[Host], *, everything: bool = False) -> list[Message]:
    return list(Inbox().feed(b"".join(build_hosts(hosts, everything=everything))))


def message(body: object, flags: int = 0) -> Message:
    data = body if isinstance(body, bytes) else msgspec.msgpack.encode(body)
    return Message(MessageType.HOSTS, flags, 0, 0, 0, 0, data)


def test_what_is_told_is_heard() -> None:
    told = [NAS, Host(NAS.name, NAS.addresses[:1], gone=True), Host(NAS.name, (), gone=True)]
    (heard,) = through(told)
    assert (tuple(told), 0, MessageType.HOSTS) == (parse_hosts(heard), heard.flags, heard.type)


@pytest.mark.parametrize(
    ("count", "flags"),
    [(0, [ALL]), (1, [ALL]), (MAX_HOSTS, [ALL]), (MAX_HOSTS + 1, [ALL | MORE, 0]), (300, [ALL | MORE, MORE, 0])],
)
def test_all_of_it_begins_and_ends_somewhere(count: int, flags: list[int]) -> None:
    heard = through([NAS] * count, everything=True)
    assert flags == [one.flags for one in heard]
    assert [NAS] * count == [host for one in heard for host in parse_hosts(one)]


def test_nothing_to_tell_is_no_message_unless_it_is_all() -> None:
    assert [] == through([])


def test_the_largest_message_fits_into_a_body() -> None:
    name = b"".join(bytes((length,)) + b"a" * length for length in (63, 63, 63, 61)) + b"\0"
    assert 255 == len(name)
    (heard,) = through([Host(name, (bytes(range(16)),) * MAX_ADDRESSES, False, MAX_LEFT)] * MAX_HOSTS)
    assert (MAX_HOSTS, True) == (len(parse_hosts(heard)), len(heard.body) <= MAX_BODY)


def test_a_change_of_the_dhcp_room_becomes_a_wire_name_with_its_domain() -> None:
    assert NAS == host_of("nas", "Home.arpa", NAS.addresses, 3_600)
    assert MAX_LEFT == host_of("nas", "Home.arpa", NAS.addresses, 2**40).left
    with pytest.raises(ValueError, match="label"):
        host_of("a" * 64, "Home.arpa", NAS.addresses, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x90\x90", id="octets behind"),
        pytest.param({}, id="another shape"),
        pytest.param([["nas", []]], id="a name that is text"),
        pytest.param([[b"", [bytes(4)]]], id="no name"),
        pytest.param([[b"\0", [bytes(4)]]], id="the root"),
        pytest.param([[b"\3NAS\0", [bytes(4)]]], id="a name that is not folded"),
        pytest.param([[b"\3nas", [bytes(4)]]], id="a name cut off"),
        pytest.param([[b"\3nas\0\0", [bytes(4)]]], id="octets behind the name"),
        pytest.param([[b"\3nas\xc0\0", [bytes(4)]]], id="a pointer"),
        pytest.param([[b"\3nas\0", [bytes(5)]]], id="an address of five octets"),
        pytest.param([[b"\3nas\0", []]], id="no address"),
        pytest.param([[b"\3nas\0", [bytes(4)] * (MAX_ADDRESSES + 1)]], id="too many addresses"),
        pytest.param([[b"\3nas\0", [bytes(4)], False, -1]], id="less than nothing is left"),
        pytest.param([[b"\3nas\0", [bytes(4)], False, MAX_LEFT + 1]], id="more than for ever"),
        pytest.param([[b"\3nas\0", [bytes(4)], 2]], id="gone is a number"),
        pytest.param([[b"\3nas\0", [bytes(4)]]] * (MAX_HOSTS + 1), id="too many changes"),
        pytest.param(b"\x91" * 100_000, id="nested without end"),
    ],
)
def test_anything_else_is_malformed(wrong: object) -> None:
    with pytest.raises(Malformed):
        parse_hosts(message(wrong))


def test_an_unknown_flag_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_hosts(message([], flags=4))
