"""DNS over QUIC: RFC 9250 §4 and §5, as clients of all kinds see it."""

import dns.edns
import dns.message
import pytest
from kit.coders import quic_codec
from kit.quic import QuicClient, QuicHouse, connected, query

from resolver.edge.listen.doq import DoqError
from wire.dns.framing import frame

__all__ = ["quic_codec"]

pytestmark = pytest.mark.usefixtures("quic_codec")

KEEPALIVE = dns.edns.GenericOption(11, b"")


def asked_raw(data: bytes, *, ended: bool = True) -> tuple[QuicHouse, QuicClient]:
    house = QuicHouse()
    client = connected(house)
    client.ask(data, framed=False, ended=ended)
    house.run(0.3)
    return house, client


def test_an_answer_has_id_0_its_length_before_it_and_468_octets() -> None:
    house = QuicHouse()
    client = connected(house)
    stream = client.ask(query())
    house.run(0.3)
    data = client.answers[stream]
    message = dns.message.from_wire(data[2:])
    assert (int.from_bytes(data[:2], "big"), message.id) == (468, 0)
    assert dns.edns.OptionType.PADDING in [option.otype for option in message.options]
    assert str(message.answer[0][0]) == "192.0.2.0"


def test_a_hit_needs_no_resolver_and_answers_come_as_they_are_ready() -> None:
    house = QuicHouse()
    client = connected(house)
    house.answering = False
    slow = client.ask(query("slow.example"))
    house.counter.warm("www.example", now=house.now)
    fast = client.ask(query())
    house.run(0.2)
    assert (len(client.answers[fast]), slow in client.answers) == (470, False)


def test_a_query_in_pieces_and_one_whose_end_comes_late() -> None:
    house = QuicHouse()
    client = connected(house)
    stream = client.core.get_next_available_stream_id()
    data = frame(query())
    for at in range(0, len(data), 7):
        client.core.send_stream_data(stream, data[at : at + 7], False)
        house.run(0.05)
    assert len(client.answers[stream]) == 470
    client.core.send_stream_data(stream, b"", True)
    house.run(0.2)
    assert client.terminated is None
    (guest,) = house.listener.guests
    assert guest.talk._roads == {}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "data",
    [
        frame(b"\x00\x01" + query()[2:]),
        frame(query("www.example", options=[KEEPALIVE])),
        frame(query()) + b"x",
        frame(query()) * 2,
        frame(query())[:-1],
        b"\x00",
        b"",
        frame(b""),
        frame(b"short"),
        frame(query()[:2] + b"\x80" + query()[3:]),
    ],
    ids=["id", "keepalive", "octet after", "two", "cut off", "half a length", "nothing", "empty", "short", "response"],
)
def test_what_breaks_the_protocol_ends_the_connection(data: bytes) -> None:
    house, client = asked_raw(data)
    assert client.terminated is not None
    assert client.terminated.error_code == DoqError.PROTOCOL_ERROR
    assert (house.counters["doq-protocol-error"], house.listener.guests) == (1, set())


def test_a_unidirectional_stream_is_an_error() -> None:
    house = QuicHouse()
    client = connected(house)
    client.core.send_stream_data(client.core.get_next_available_stream_id(is_unidirectional=True), b"x", True)
    house.run(0.3)
    assert client.terminated is not None
    assert client.terminated.error_code == DoqError.PROTOCOL_ERROR


def test_what_is_malformed_inside_is_answered() -> None:
    house, client = asked_raw(frame(query()[:20]))
    assert dns.message.from_wire(client.answers[0][2:]).rcode() == dns.rcode.FORMERR
    assert client.terminated is None
    assert len(house.listener.guests) == 1


def test_who_asks_and_wants_no_answer_in_one_packet_harms_nobody() -> None:
    house = QuicHouse()
    client = connected(house)
    client.ask(query())
    house.run(0.3)
    # The answer is at hand by now, so it is sent in the wake-up in which the stream is reset.
    stream = client.ask(query())
    client.core.stop_stream(stream, DoqError.REQUEST_CANCELLED)
    house.run(0.3)
    assert client.answers.get(stream) is None
    again = client.ask(query())
    house.run(0.3)
    assert len(client.answers[again]) == 470


@pytest.mark.parametrize("how", ["reset", "stop", "both", "gone"])
def test_a_cancelled_question_is_forgotten_by_desk_and_resolver(how: str) -> None:
    house = QuicHouse()
    client = connected(house)
    house.answering = False
    stream = client.ask(query(), ended=False)
    house.run(0.2)
    (flight,) = house.counter.port.queries
    if how in ("reset", "both"):
        client.core.reset_stream(stream, DoqError.REQUEST_CANCELLED)
    if how in ("stop", "both"):
        client.core.stop_stream(stream, DoqError.REQUEST_CANCELLED)
    if how == "gone":
        client.core.close(DoqError.NO_ERROR)
    house.run(0.2)
    assert house.counter.port.cancelled == [flight.handle]
    assert house.desk.open == 0
    if how != "gone":
        assert client.resets == {stream: DoqError.REQUEST_CANCELLED}
        (guest,) = house.listener.guests
        assert not guest.owing
        house.answering = True
        again = client.ask(query())
        house.run(0.3)
        assert len(client.answers[again]) == 470
    else:
        assert house.listener.guests == set()


def test_a_client_over_its_rate_loses_the_connection() -> None:
    house = QuicHouse(rate=5.0, burst=5.0)
    client = connected(house)
    for number in range(12):
        client.ask(query(f"n{number}.example"))
    house.run(0.3)
    assert client.terminated is not None
    assert client.terminated.error_code == DoqError.EXCESSIVE_LOAD
    assert house.counters["dropped-rate"] == 1


def test_questions_asked_for_nothing_end_the_connection() -> None:
    house = QuicHouse()
    client = connected(house)
    house.answering = False
    for number in range(200):
        stream = client.ask(query(f"n{number}.example"))
        house.turn()
        client.core.reset_stream(stream, DoqError.REQUEST_CANCELLED)
        client.core.stop_stream(stream, DoqError.REQUEST_CANCELLED)
        house.run(0.02)
    assert client.terminated is not None
    assert client.terminated.error_code == DoqError.EXCESSIVE_LOAD
    assert house.desk.open == 0
    assert len(house.counter.port.cancelled) < 100


def test_the_name_asked_for_says_the_group() -> None:
    house = QuicHouse(name="dns.example", identities=(("kids-tablet", 1),))
    client = house.connect(name="kids-tablet.dns.example", verify=False)
    client.ask(query())
    house.answering = False
    house.run(0.3)
    assert [flight.key.group for flight in house.counter.port.queries] == [1]
