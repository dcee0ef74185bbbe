"""The TCP listener over real loopback sockets; time is an argument and nothing sleeps."""

import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf, isfinite

import dns.flags
import dns.message
import pytest
from kit.desk import START, Counter53, answer, hear, settings

from resolver import admission
from resolver.admission import Admission
from resolver.edge.listen import stream
from resolver.edge.listen.acceptor import MINIMUM_IDLE, idle_time
from resolver.edge.listen.door import BEHIND
from resolver.edge.listen.stream import PACE, PIECES, TURN, Crowd, StreamListener
from resolver.room import NEWCOMER
from resolver.settings import ClientGroup
from wire.dns.framing import frame
from wire.units import Instant

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
PATIENCE = 60.0


def query(name: str = "www.example", **changes: object) -> dns.message.Message:
    return dns.message.make_query(name, "A", **changes)  # type: ignore[arg-type]


class Streams:
    """A listener with a watch list in place of a loop."""

    def __init__(self, front: Counter53, stack: ExitStack, crowd: Crowd | None = None) -> None:
        self.front = front
        self.watched: dict[object, int] = {}
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server.setblocking(False)
        self.place = server.getsockname()
        self.listener = StreamListener(server, front.desk, front.admission, self.watch, crowd or Crowd())
        self._stack = stack

    def watch(self, _endpoint: socket.socket, events: int, owner: object) -> None:
        self.watched[owner] = events

    def connect(self, now: float = START, source: str = "127.0.0.1") -> tuple[socket.socket, stream.Connection | None]:
        before = set(self.listener.connections)
        client = self._stack.enter_context(socket.create_connection(self.place, PATIENCE, (source, 0)))
        self.wait(self.listener.socket)
        self.listener.ready(READ, Instant(now))
        return client, next(iter(self.listener.connections - before), None)

    def read(self, connection: stream.Connection, now: float = START) -> None:
        """One wake-up in which this connection can be read."""
        self.wait(connection.socket)
        connection.ready(READ, Instant(now))
        self.listener.flush(Instant(now))

    def say(
        self, octets: bytes, now: float = START, source: str = "127.0.0.1"
    ) -> tuple[socket.socket, stream.Connection]:
        """One who connects and says that, as far as it is read in one wake-up."""
        client, connection = self.connect(now, source)
        assert connection is not None
        client.sendall(octets)
        self.read(connection, now)
        return client, connection

    @staticmethod
    def wait(endpoint: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(endpoint, READ)
            assert selector.select(PATIENCE)


@contextmanager
def streams(front: Counter53, crowd: Crowd | None = None) -> Iterator[Streams]:
    with ExitStack() as stack:
        service = Streams(front, stack, crowd)
        yield service
        for connection in list(service.listener.connections):
            connection.close()


def test_answers_come_as_they_are_ready_and_not_as_they_were_asked() -> None:
    front = Counter53()
    with streams(front) as service:
        client, connection = service.connect()
        assert connection is not None
        asked = [query("a.example"), query("b.example")]
        client.sendall(b"".join(frame(one.to_wire()) for one in asked))
        service.read(connection)
        for flight in reversed(front.port.queries):
            front.reply(flight, answer(flight.key.question))
        service.listener.flush(START)
        heard = hear(client, 2)
    assert [asked[1].id, asked[0].id] == [message.id for message in heard]


def test_a_query_in_single_octets_is_a_query() -> None:
    front = Counter53()
    front.warm()
    with streams(front) as service:
        client, connection = service.connect()
        assert connection is not None
        for octet in frame(query().to_wire()):
            client.send(bytes((octet,)))
            service.read(connection)
        assert 1 == len(hear(client, 1))


def test_the_pipeline_is_bounded_and_goes_on_as_answers_go_out() -> None:
    """Everything is sent in one piece: what is over the bound waits here, unread or in the framer, and is not lost."""
    front = Counter53(credits=1_000, tcp_pipeline=8)
    with streams(front) as service:
        client, connection = service.connect()
        assert connection is not None
        asked = [query(f"n{number}.example") for number in range(100)]
        client.sendall(b"".join(frame(one.to_wire()) for one in asked))
        client.shutdown(socket.SHUT_WR)
        service.read(connection)
        answered = 0
        while answered < 100:
            assert 0 < connection.open <= 8
            if not service.watched[connection] & READ:
                flight = front.port.queries[answered]
                front.reply(flight, answer(flight.key.question))
                answered += 1
                service.listener.flush(START)
            else:
                service.read(connection)
        heard = hear(client, 100)
    assert {one.id for one in asked} == {message.id for message in heard}


def test_a_pipeline_of_cached_names_is_answered_however_long_some_in_each_wake_up() -> None:
    front = Counter53(tcp_pipeline=4)
    front.warm()
    question = frame(query().to_wire())
    with streams(front) as service:
        client, connection = service.say(question * 200)
        turns, hits = 1, front.desk.counters["hits"]
        assert TURN // len(question) == hits
        while front.desk.counters["hits"] < 200:
            service.read(connection)
            turns += 1
        assert (200, -(-200 * len(question) // TURN)) == (len(hear(client, 200)), turns)


def test_what_waited_behind_a_miss_is_answered_in_the_wake_up_that_brings_its_answer() -> None:
    """Cached names behind it make the connection dirty again while it is being flushed; nothing else would wake it."""
    front = Counter53(tcp_pipeline=1)
    front.warm()
    with streams(front) as service:
        client, _ = service.say(frame(query("miss.example").to_wire()) + frame(query().to_wire()) * 5)
        flight = front.port.queries[-1]
        front.reply(flight, answer(flight.key.question))
        service.listener.flush(START)
        assert 6 == len(hear(client, 6))


def test_half_closed_clients_get_all_their_answers_and_then_the_end() -> None:
    front = Counter53()
    with streams(front) as service:
        client, connection = service.connect()
        assert connection is not None
        client.sendall(frame(query().to_wire()))
        client.shutdown(socket.SHUT_WR)
        service.read(connection)
        service.read(connection)
        assert connection in service.listener.connections
        front.reply(front.port.queries[0], answer(front.port.queries[0].key.question))
        service.listener.flush(START)
        assert 1 == len(hear(client, 1))
        assert b"" == client.recv(1)
    assert 0 == service.listener.places.taken


def test_a_client_that_leaves_takes_its_questions_with_it() -> None:
    front = Counter53()
    with streams(front) as service:
        client, connection = service.say(frame(query().to_wire()))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        service.read(connection)
    assert ([front.port.queries[0].handle], 0) == (front.port.cancelled, front.desk.open)


def test_after_nonsense_the_connection_is_closed_and_nothing_behind_it_is_asked() -> None:
    front = Counter53()
    with streams(front) as service:
        client, _ = service.say(frame(b"x") + frame(query().to_wire()) * 3)
        assert b"" == client.recv(1)
    assert [] == front.port.queries


def test_over_its_rate_a_client_is_not_read_until_it_may_ask_again_and_loses_nothing() -> None:
    front = Counter53(rate=100.0, burst=3.0)
    front.warm()
    with streams(front) as service:
        client, connection = service.say(frame(query().to_wire()) * 10)
        client.shutdown(socket.SHUT_WR)
        answered = [3]
        assert (3, True, 0) == (len(hear(client, 3)), connection.over, service.watched[connection] & READ)
        now = START
        while connection.over:
            assert service.listener.reopens == now + PACE
            service.listener.flush(Instant(now + PACE / 2))
            now = Instant(now + PACE)
            service.listener.flush(now)
            answered.append(front.desk.counters["hits"])
        # Five in twentieths of a second, but three at most are saved up.
        assert [3, 6, 9, 10] == answered
        assert (7, inf) == (len(hear(client, 7)), service.listener.reopens)
        service.read(connection, now)
        assert b"" == client.recv(1)
    assert (3, 0) == (front.desk.counters["tcp-slowed"], service.listener.places.taken)


def test_over_their_rate_connections_of_one_household_take_turns() -> None:
    front = Counter53(rate=20.0, burst=1.0)
    front.warm()
    with streams(front) as service:
        said = [service.say(frame(query().to_wire()) * 9)[0] for _ in range(3)]
        assert 1 == len(hear(said[0], 1))
        for turn in range(1, 7):
            service.listener.flush(Instant(START + turn * PACE + 0.001 * turn))
            assert 1 == len(hear(said[(turn - 1) % 3], 1))
        assert 1 + 6 == front.desk.counters["hits"]


def test_who_is_over_its_rate_makes_room_before_others_who_asked() -> None:
    front = Counter53(tcp_clients=2, rate=1.0, burst=1.0)
    front.warm()
    with streams(front) as service:
        _, rested = service.say(frame(query().to_wire()))
        _, fast = service.say(frame(query().to_wire()) * 9, START + 1.0, "127.0.0.2")
        assert service.connect(START + 1.01, "127.0.0.3")[1] is not None
        assert (True, False) == tuple(one in service.listener.connections for one in (rested, fast))
        service.listener.flush(Instant(START + 1.0 + PACE))
        assert inf == service.listener.reopens


def test_whoever_makes_room_need_not_have_come_by_the_same_door() -> None:
    """A service has a listener for each address, of IPv4 and of IPv6, and they share their places."""
    front, crowd = Counter53(tcp_clients=2), Crowd()
    with streams(front, crowd) as one, streams(front, crowd) as other:
        for number in (1, 2):
            assert one.connect(source=f"127.0.1.{number}")[1] is not None
        assert other.connect(START + 0.004, "127.0.2.1")[1] is None
        assert isfinite(other.listener.reopens)
        other.listener.expire_sometimes(Instant(START + 1.0))
        assert other.connect(START + 1.0, "127.0.2.2")[1] is not None
        # The one who knocked before came in with it.
        assert (0, 2, 2) == (len(one.listener.connections), len(other.listener.connections), len(crowd.connections))
    assert (2, 0, 0) == (front.desk.counters["tcp-shed"], crowd.places.taken, len(crowd.connections))


def test_who_does_not_read_is_cut_off_with_bounded_memory() -> None:
    front = Counter53()
    front.ask(query())
    front.reply(front.port.queries[0], answer(front.port.queries[0].key.question, count=2_000))
    with streams(front) as service:
        client, connection = service.connect()
        assert connection is not None
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        most = 0
        for _ in range(400):
            try:
                client.sendall(frame(query().to_wire()) * 4)
                service.read(connection)
            except (ConnectionResetError, BrokenPipeError):
                break
            most = max(most, len(connection._out))
            if connection not in service.listener.connections or not service.watched[connection] & READ:
                break
    assert most <= stream.MAX_UNSENT
    assert 0 == service.watched[connection] & READ


def test_if_all_places_are_taken_who_was_silent_longest_makes_room() -> None:
    front = Counter53(tcp_clients=2)
    with streams(front) as service:
        _, silent = service.connect()
        client, busy = service.connect()
        assert busy is not None
        client.sendall(frame(query().to_wire()))
        service.read(busy, START + 0.1)
        assert service.connect(START + 0.004, "127.0.0.2")[1] is None
        assert service.connect(START + 0.3, "127.0.0.2")[1] is not None
        assert silent not in service.listener.connections
        # An answer is owed to one, the other has just come.
        assert service.connect(START + 0.304, "127.0.0.3")[1] is None
        assert busy in service.listener.connections
    assert (2, 1) == (front.desk.counters["tcp-refused-full"], front.desk.counters["tcp-shed"])


def test_who_never_asked_makes_room_before_who_did() -> None:
    front = Counter53(tcp_clients=2)
    front.warm()
    with streams(front) as service:
        client, old = service.say(frame(query().to_wire()))
        for number in range(5):
            # Each longer silent than allowed for a newcomer, and none as long as the one that had its answer.
            assert service.connect(START + 1.0 + number, f"127.0.1.{number + 1}")[1] is not None
        assert old in service.listener.connections
        # One that asked holds its place, but not for ever.
        client.close()
        service.say(frame(query().to_wire()), START + 7.0, "127.0.2.1")
        assert service.connect(START + 8.0, "127.0.2.2")[1] is not None
        assert old not in service.listener.connections


def test_who_says_what_is_no_question_has_not_asked() -> None:
    with streams(Counter53()) as service:
        _, connection = service.say(frame(query().to_wire()[:2] + b"\x80" + bytes(20)))
        assert (False, False) == (connection.asked, connection in service.listener.connections)


def test_a_crowd_that_never_asks_ends_nobody_who_did() -> None:
    front = Counter53(tcp_clients=10)
    front.warm()
    with streams(front) as service:
        _, asked = service.say(frame(query().to_wire()))
        for number in range(9):
            assert service.connect(START, f"127.0.1.{number + 1}")[1] is not None
        service.listener.expire(Instant(START + MINIMUM_IDLE + 0.1))
        assert {asked} == service.listener.connections
        service.listener.expire(Instant(START + front.desk.settings.tcp_idle + 0.1))
        assert not service.listener.connections
    assert 10 == front.desk.counters["tcp-idle"]


def test_places_are_bounded_in_all_and_for_each_address() -> None:
    front = Counter53(tcp_clients=3, tcp_clients_per_address=2)
    with streams(front) as service:
        ours = [service.connect()[1] is not None for _ in range(3)]
        theirs = [service.connect(source="127.0.0.2")[1] is not None for _ in range(2)]
        assert ([True, True, False], [True, False]) == (ours, theirs)
        # All have just come: the last one waits until they have had the moment in which one asks.
        assert service.listener.reopens == START + NEWCOMER
        service.listener.expire_sometimes(Instant(START + 0.011))
        assert service.connect(START + 0.011, source="127.0.0.3")[1] is not None
        assert service.listener.reopens == inf
    assert (1, 2) == (front.desk.counters["tcp-refused-client"], front.desk.counters["tcp-shed"])
    assert (0, 0) == (service.listener.places.taken, service.listener.places.held_by(front.client().household))


def test_all_devices_of_a_house_may_connect_over_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    front = Counter53(tcp_clients=64, tcp_clients_per_address=1, allow=("::/0",))
    with streams(front) as service:
        monkeypatch.setattr(service.listener, "client_at", lambda address, now: front.admission.client(next(who), now))
        who = iter([*(f"2001:db8::{number:x}" for number in (1, 1, 2, 3, 4, 5, 6, 7, 8, 9)), "2001:db8:0:100::1"])
        entered = [service.connect()[1] is not None for _ in range(11)]
    assert [True, False, *[True] * 7, False, True] == entered


def test_addresses_of_one_ipv6_household_share_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "DEVICES", 1)
    front = Counter53(tcp_clients=8, tcp_clients_per_address=2, allow=("::/0",))
    with streams(front) as service:
        monkeypatch.setattr(service.listener, "client_at", lambda address, now: front.admission.client(next(who), now))
        who = iter([*(f"2001:db8:0:{number:x}::1" for number in range(4)), "2001:db8:0:100::1"])
        entered = [service.connect()[1] is not None for _ in range(5)]
    assert [True, True, False, False, True] == entered
    assert 2 == front.desk.counters["tcp-refused-client"]


def test_outside_the_access_list_a_connection_is_closed_at_once() -> None:
    with streams(Counter53(allow=())) as service:
        client, connection = service.connect()
        assert (None, b"") == (connection, client.recv(1))


@pytest.mark.parametrize(
    ("taken", "seconds"), [(0, 30.0), (49, 30.0), (60, 3.0), (70, 0.6), (90, MINIMUM_IDLE), (100, MINIMUM_IDLE)]
)
def test_the_fuller_the_shorter_a_connection_may_idle(taken: int, seconds: float) -> None:
    assert seconds == pytest.approx(idle_time(30.0, taken, 100))


def test_the_idle_are_closed_and_those_who_wait_for_an_answer_are_not() -> None:
    front = Counter53()
    with streams(front) as service:
        _, idle = service.connect()
        _, waiting = service.say(frame(query().to_wire()))
        service.listener.expire(Instant(START + 30.5))
        assert {waiting} == service.listener.connections
        service.listener.expire(Instant(START + 35.5))
        assert set() == service.listener.connections
    assert (1, 1) == (front.desk.counters["tcp-idle"], front.desk.counters["tcp-stuck"])
    assert idle is not None


def test_a_reload_moves_open_connections_to_their_new_group() -> None:
    """With a group less, an old index would point beyond the cache's shelves."""
    front = Counter53()
    with streams(front) as service:
        client, connection = service.connect(source="127.0.0.65")
        assert connection is not None
        assert 1 == connection.client.group
        value = settings(generation=2, client_groups=(ClientGroup("default"),))
        front.desk.use(value)
        service.listener.use(Admission(value), START)
        client.sendall(frame(query().to_wire()))
        service.read(connection)
        assert [0] == [flight.key.group for flight in front.port.queries]
        assert 1 == service.listener.places.held_by(connection.client.household)


def test_a_reload_ends_connections_that_may_not_ask_any_more() -> None:
    front = Counter53()
    with streams(front) as service:
        client, connection = service.connect()
        value = settings(generation=2, allow=("192.0.2.0/24",))
        front.desk.use(value)
        service.listener.use(Admission(value), START)
        assert (b"", set(), 0) == (client.recv(1), service.listener.connections, service.listener.places.taken)
    assert connection is not None


def test_who_asks_comes_before_who_says_an_octet_now_and_then() -> None:
    front = Counter53()
    front.warm()
    with streams(front) as service:
        asked = frame(query().to_wire())
        client, connection = service.connect()
        assert connection is not None

        def say(octets: bytes) -> int:
            client.sendall(octets)
            service.read(connection)
            return service.watched[connection]

        assert READ | BEHIND == service.watched[connection]
        assert [READ | BEHIND, READ, READ] == [say(asked) for _ in range(3)]
        # One that comes in a few pieces is a question like any other.
        assert [READ] * PIECES == [say(asked[place : place + 1]) for place in range(PIECES)]
        assert READ == say(asked[PIECES:])
        assert [READ] * PIECES + [READ | BEHIND] == [say(asked[place : place + 1]) for place in range(PIECES + 1)]
        assert READ == say(asked[PIECES + 1 :])
        hear(client, 5)
