"""What a listener sees of DoQ and of DoH over HTTP/3: packets of QUIC in few sizes, no name, no clear-text DNS. Needs root."""

import secrets

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from kit.capture import CLIENT, SERVICE, UDP, UPSTREAM, Capture, captured
from kit.certificates import NAME, authority
from kit.liar import answer
from kit.liar_thread import liar_at
from kit.peers import PATIENCE, House, house, need_root, open_folder

CLEAR_PORT = 53
BLOCK, LEAST, MOST = 128, 24, 112
"""A query's class (RFC 8467), and what packet, frames and their acknowledgements add, whatever the name."""

BEGINNING, ACKNOWLEDGED = 2, 8
"""Packets that carry what begins a connection too, in the second where it is said again, and octets by which acknowledgements
may differ in the first; the names differ by 59."""

ROADS = {"quic": "", "h3": "/dns-query"}
WRONG = ["other-name", "expired", "foreign", "self-signed"]


@pytest.fixture(autouse=True)
def _may_capture() -> None:
    need_root("a capture")


def reply(query: bytes, over_udp: bool) -> bytes:
    """The address to who asks for one; the service asks for keys of the root too, on its own account."""
    wanted = dns.message.from_wire(query)
    if wanted.question[0].rdtype == dns.rdatatype.A:
        return answer(query)
    return dns.message.make_response(wanted).to_wire()


def lookup(query: bytes, over_udp: bool) -> bytes:
    """The same; every name is the upstream's address."""
    wanted = dns.message.from_wire(query)
    response = dns.message.make_response(wanted)
    if wanted.question[0].rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(wanted.question[0].name, 300, "IN", "A", UPSTREAM))
    return response.to_wire()


def ask(here: House, name: str) -> dns.message.Message:
    query = dns.message.make_query(name, "A", use_edns=0)
    return dns.query.udp(query, here.address, PATIENCE, here.port, source=CLIENT)


def tables(ca_file: str, scheme: str, port: int) -> str:
    url = f"{scheme}://{NAME}@{UPSTREAM}:{port}{ROADS[scheme]}"
    return f'[upstreams.default]\nservers = [{{ url = "{url}", ca_file = "{ca_file}" }}]'


def check_only_quic(capture: Capture, label: bytes, port: int) -> None:
    """Nothing but packets of QUIC goes to the upstream, and the label is on packets with the client only."""
    assert capture.telling(label) != [], "the capture must see the client's own question"
    assert [] == [packet for packet in capture.telling(label) if packet.ends != {CLIENT, SERVICE}]
    towards = capture.to(UPSTREAM)
    assert {(UDP, port)} == {(packet.protocol, packet.destination[1]) for packet in towards}
    assert {0x40} == {packet.payload[0] & 0x40 for packet in towards}  # RFC 9000 §17: the fixed bit
    assert [] == [packet for packet in capture.packets if CLEAR_PORT in (packet.source[1], packet.destination[1])]


def carried(scheme: str, label: str, names: list[str]) -> list[int]:
    """The sizes of the packets to the upstream that carry more than acknowledgements, of one connection."""
    with open_folder() as folder, liar_at(scheme, answers=reply, address=UPSTREAM) as liar:
        ca_file = folder / "authority.pem"
        ca_file.write_text(authority().pem)
        with captured() as finish, house(folder, tables(str(ca_file), scheme, liar.port), SERVICE) as here:
            answers = [ask(here, name) for name in names]
            capture = finish()
    assert [dns.rcode.NOERROR] * len(names) == [response.rcode() for response in answers]
    check_only_quic(capture, label.encode(), liar.port)
    sizes = [len(packet.payload) for packet in capture.to(UPSTREAM) if not packet.payload[0] & 0x80]
    return [size for size in sizes if size > BLOCK // 2]


@pytest.mark.parametrize("scheme", ROADS)
def test_a_resolution_over_quic_shows_sizes_in_classes_and_no_name(scheme: str) -> None:
    """The first packets of a connection carry what begins it as well: more than others, and no more for a longer name."""
    label = "only" + secrets.token_hex(8)
    names = [f"{'x' * length}.{label}.example." for length in (1, 9, 20, 33, 47, 60)]
    upwards, downwards = carried(scheme, label, names), carried(scheme, label, names[::-1])
    assert len(names) <= min(len(upwards), len(downwards))
    later = [size for sizes in (upwards, downwards) for size in sizes[BEGINNING:]]
    assert {True} == {LEAST <= size % BLOCK <= MOST for size in later}, later
    assert abs(upwards[0] - downwards[0]) <= ACKNOWLEDGED, (upwards, downwards)


@pytest.mark.parametrize("scheme", ROADS)
def test_the_name_of_a_server_is_looked_up_encrypted_too(scheme: str) -> None:
    """With `bootstrap` its address comes from another group, over QUIC as well: no clear-text DNS at all."""
    label = "only" + secrets.token_hex(8)
    with (
        open_folder() as folder,
        liar_at(scheme, answers=reply, address=UPSTREAM) as liar,
        liar_at("quic", answers=lookup, address=UPSTREAM) as guide,
    ):
        ca_file = folder / "authority.pem"
        ca_file.write_text(authority().pem)
        url = f"{scheme}://{NAME}:{liar.port}{ROADS[scheme]}"
        group = f'[upstreams.default]\nservers = [{{ url = "{url}", ca_file = "{ca_file}", bootstrap = "guide" }}]'
        other = f'servers = [{{ url = "quic://{NAME}@{UPSTREAM}:{guide.port}", ca_file = "{ca_file}" }}]'
        settings = f"{group}\n[upstreams.guide]\n{other}"
        with captured() as finish, house(folder, settings, SERVICE) as here:
            response = ask(here, f"www.{label}.example.")
            capture = finish()
    assert dns.rcode.NOERROR == response.rcode()
    asked = [dns.message.from_wire(query).question[0].name.to_text(omit_final_dot=True) for query in guide.queries]
    assert NAME in asked
    assert [] == [packet for packet in capture.telling(label.encode()) if packet.ends != {CLIENT, SERVICE}]
    towards = capture.to(UPSTREAM)
    assert {(UDP, liar.port), (UDP, guide.port)} == {(packet.protocol, packet.destination[1]) for packet in towards}
    assert [] == [packet for packet in capture.packets if CLEAR_PORT in (packet.source[1], packet.destination[1])]


@pytest.mark.parametrize("scheme", ROADS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_server_over_quic_that_proves_nothing_is_told_nothing(wrong: str, scheme: str) -> None:
    label = "only" + secrets.token_hex(8)
    with open_folder() as folder, liar_at(scheme, wrong, answers=reply, address=UPSTREAM) as liar:
        ca_file = folder / "authority.pem"
        ca_file.write_text(authority().pem)
        with captured() as finish, house(folder, tables(str(ca_file), scheme, liar.port), SERVICE) as here:
            response = ask(here, f"www.{label}.example.")
            capture = finish()
    assert dns.rcode.SERVFAIL == response.rcode()
    assert liar.queries == []
    check_only_quic(capture, label.encode(), liar.port)
