"""The UDP listener over real loopback sockets; time is an argument and nothing sleeps."""

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
from kit.desk import START, Counter53

from resolver.edge.listen.batched import open_datagrams
from resolver.edge.listen.datagram import BATCH, DatagramListener
from wire.units import Instant

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
PATIENCE = 60.0


def query(name: str = "www.example", **changes: object) -> dns.message.Message:
    return dns.message.make_query(name, "A", **changes)  # type: ignore[arg-type]


# -- UDP


@contextmanager
def datagrams(front: Counter53) -> Iterator[tuple[DatagramListener, socket.socket]]:
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        client.connect(server.getsockname())
        client.settimeout(PATIENCE)
        yield open_datagrams(server, False, front.desk, front.admission), client


def received(client: socket.socket) -> list[dns.message.Message]:
    """All that has come; a datagram over loopback is there when the send returns."""
    client.setblocking(False)
    found = []
    while True:
        try:
            found.append(dns.message.from_wire(client.recv(65_535)))
        except BlockingIOError:
            return found


def answered(
    listener: DatagramListener, client: socket.socket, count: int, now: float = START
) -> list[dns.message.Message]:
    """What comes of so many questions at once, in one wake-up."""
    for _ in range(count):
        client.send(query().to_wire())
    listener.ready(READ, Instant(now))
    return received(client)


def test_a_hot_packet_is_answered_with_its_own_id_from_its_octets() -> None:
    front = Counter53()
    front.warm()
    with datagrams(front) as (listener, client):
        asked = [query() for _ in range(3)]
        for one in asked:
            client.send(one.to_wire())
        listener.ready(READ, START)
        heard = received(client)
    assert all(one.is_response(message) for one, message in zip(asked, heard, strict=True))
    assert (3, 1) == (front.desk.counters["hits"], len(front.desk.cache.rendered[0]))


def test_a_hot_packet_of_a_past_second_is_rendered_anew() -> None:
    front = Counter53()
    front.warm()
    with datagrams(front) as (listener, client):
        ages = []
        for now in (START, START + 0.9, START + 1.1, START + 250.5):
            ages.append(answered(listener, client, 1, now)[0].answer[0].ttl)
    assert [300, 300, 299, 50] == ages


def test_one_wake_up_takes_a_batch_and_leaves_the_rest_for_the_next() -> None:
    front = Counter53()
    front.warm()
    with datagrams(front) as (listener, client):
        first = len(answered(listener, client, BATCH + 5))
        listener.ready(READ, START)
        assert (BATCH, 5) == (first, len(received(client)))


def test_outside_the_access_list_there_is_silence() -> None:
    front = Counter53(allow=("192.0.2.0/24",), rate=10.0)
    with datagrams(front) as (listener, client):
        client.send(query().to_wire())
        client.send(b"nonsense")
        listener.ready(READ, START)
        assert [] == received(client)
    assert ([], 2) == (front.port.queries, front.desk.counters["dropped-access"])


def test_over_the_rate_every_second_query_is_told_to_use_tcp_and_the_others_nothing() -> None:
    front = Counter53(rate=1.0, burst=2.0)
    front.warm()
    with datagrams(front) as (listener, client):
        heard = answered(listener, client, 8)
    assert [False, False, True, True, True] == [bool(message.flags & dns.flags.TC) for message in heard]
    assert 6 == front.desk.counters["dropped-rate"]


def test_a_client_over_its_rate_is_served_again_as_soon_as_a_token_has_grown() -> None:
    front = Counter53(rate=10.0, burst=1.0)
    front.warm()
    with datagrams(front) as (listener, client):
        answered(listener, client, 50)
        assert [1] == [len(message.answer) for message in answered(listener, client, 1, START + 0.2)]


def test_a_datagram_that_the_kernel_does_not_take_is_counted_and_the_batch_goes_on() -> None:
    front = Counter53(payload=1_232)
    front.warm()
    with datagrams(front) as (listener, client):
        answered(listener, client, 1)
        entry = next(iter(front.desk.cache.rendered[0].values()))
        entry.body = bytes(70_000)
        client.send(query().to_wire())
        client.send(query(use_edns=0).to_wire())
        listener.ready(READ, START)
        heard = received(client)
    assert ([0], 1) == ([message.edns for message in heard], front.desk.counters["udp-send-90"])
