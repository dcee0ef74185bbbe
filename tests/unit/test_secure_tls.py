"""TLS and DoT over real loopback sockets; time is an argument and nothing sleeps."""

import gc
import ssl
from math import inf, isfinite
from pathlib import Path

import dns.edns
import dns.message
import pytest
from kit.certificates import authority
from kit.coders import CONNECTIONS, http2_codec
from kit.desk import START, Counter53, FakeRoad, answer
from kit.encrypted import READ, SteppedClient, encrypted
from kit.https import ENTIRE, GREETING, HEADERS, block
from kit.https import frame as http_frame
from kit.tls_record import DATA, HANDSHAKE, record

from resolver.edge.listen.acceptor import REFUSED
from resolver.edge.listen.door import BEHIND, PAUSE
from resolver.edge.listen.dot import DotSession
from resolver.edge.listen.house import HANDSHAKE_BURST
from resolver.edge.listen.https import HttpsSession
from resolver.edge.listen.stream import TURN
from resolver.edge.listen.tls import MAX_NOISE
from resolver.edge.listen.tls_listener import Speak
from resolver.settings import Served
from wire.dns.framing import frame
from wire.tls_hello import NO_APPLICATION_PROTOCOL
from wire.units import Instant

__all__ = ["http2_codec"]


def query(name: str = "www.example", **changes: object) -> dns.message.Message:
    return dns.message.make_query(name, "A", **changes)  # type: ignore[arg-type]


def reply_all(front: Counter53) -> None:
    for flight in front.port.queries:
        front.reply(flight, answer(flight.key.question))
    front.port.queries.clear()


def test_answers_come_as_they_are_ready_and_not_as_they_were_asked() -> None:
    front = Counter53()
    with encrypted(front) as service:
        client, connection = service.greet()
        asked = [query("a.example"), query("b.example")]
        service.ask(client, connection, *asked)
        for flight in reversed(front.port.queries):
            front.reply(flight, answer(flight.key.question))
        service.listener.flush(START)
        heard = client.messages(2)
        assert ("dot", "dns.example") == (connection.alpn, connection.peer_name)
    assert [asked[1].id, asked[0].id] == [message.id for message in heard]


def test_answers_are_padded_to_468_octets_whether_they_are_found_fresh_or_rendered() -> None:
    front = Counter53()
    front.warm()
    sizes = []
    with encrypted(front) as service:
        client, connection = service.greet()
        padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(20))
        for one in [query(use_edns=0), query(use_edns=0), query(use_edns=0, options=[padding])]:
            service.ask(client, connection, one)
            (heard,) = client.messages(1)
            sizes.append(len(heard.wire or b"") or len(heard.to_wire()))
            assert dns.edns.OptionType.PADDING in [option.otype for option in heard.options]
    assert [468, 468, 468] == sizes


def test_a_cookie_means_nothing_on_an_encrypted_way_and_is_not_given_back() -> None:
    front = Counter53()
    front.warm()
    with encrypted(front) as service:
        client, connection = service.greet()
        cookie = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"1234")
        service.ask(client, connection, query(use_edns=0, options=[cookie]))
        (heard,) = client.messages(1)
    assert (0, [dns.edns.OptionType.PADDING]) == (heard.rcode(), [option.otype for option in heard.options])


def test_a_padded_answer_is_not_given_to_a_stream_in_clear_text_nor_the_other_way_round() -> None:
    front = Counter53()
    front.warm()
    with encrypted(front) as service:
        client, connection = service.greet()
        one = query(use_edns=0)
        for _ in range(2):
            service.ask(client, connection, one)
            client.messages(1)
        road = front.ask(one, road=FakeRoad(stream=True))
    assert [] == list(road.message.options)


def test_a_client_that_offers_only_other_protocols_gets_the_alert_and_costs_no_handshake() -> None:
    front = Counter53()
    with encrypted(front) as service:
        endpoint, connection = service.connect()
        assert connection is not None
        endpoint.sendall(SteppedClient(endpoint, alpn=("h2", "http/1.1")).hello())
        service.read(connection)
        assert NO_APPLICATION_PROTOCOL == endpoint.recv(100)
        assert b"" == endpoint.recv(100)
    assert (1, 0) == (front.desk.counters["tls-wrong-protocol"], front.desk.counters["tls-handshakes"])


@pytest.mark.parametrize(("served", "alpn", "welcome"), [(Served.TLS, (), True), (Served.HTTPS, (), False)])
def test_without_alpn_one_speaks_dot_and_never_http(served: Served, alpn: tuple[str, ...], welcome: bool) -> None:
    front = Counter53()
    with encrypted(front, served) as service:
        endpoint, connection = service.connect()
        assert connection is not None
        client = SteppedClient(endpoint, alpn=alpn)
        endpoint.sendall(client.hello())
        service.read(connection)
        assert welcome == (client.hear() != NO_APPLICATION_PROTOCOL)


def test_tls_1_1_is_refused() -> None:
    front = Counter53()
    with encrypted(front) as service:
        endpoint, connection = service.connect()
        assert connection is not None
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        client = SteppedClient(endpoint, context=old)
        endpoint.sendall(client.hello())
        service.read(connection)
        # Alert (21), fatal, protocol_version (70; RFC 8446 §6.2).
        assert (21, b"\x02\x46") == ((said := client.hear())[0], said[5:7])
    assert 1 == front.desk.counters["tls-handshake-failed"]


@pytest.mark.parametrize(
    "nonsense",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x1d\x12\x34\x01\x00", b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\0\4\1\0\0\0"],
)
def test_what_is_no_tls_ends_at_once_without_an_answer(nonsense: bytes) -> None:
    front = Counter53()
    with encrypted(front) as service:
        endpoint, connection = service.connect()
        assert connection is not None
        endpoint.sendall(nonsense)
        service.read(connection)
        assert b"" == endpoint.recv(100)
    assert 1 == front.desk.counters["tls-no-hello"]


def test_a_hello_in_single_octets_is_a_hello() -> None:
    front = Counter53()
    front.warm()
    with encrypted(front) as service:
        endpoint, connection = service.connect()
        assert connection is not None
        client = SteppedClient(endpoint)
        for octet in client.hello():
            endpoint.sendall(bytes((octet,)))
            service.read(connection)
        client.hear()
        endpoint.sendall(client.hello())
        service.read(connection)
        service.ask(client, connection, query())
        assert 1 == len(client.messages(1))


def test_octets_that_never_become_a_message_of_the_session_end_the_connection() -> None:
    front = Counter53()
    with encrypted(front) as service:
        client, connection = service.greet()
        # Empty records: whole for TLS, nothing for DNS. OpenSSL itself has had enough of them after 32.
        sent = 0
        while connection in service.listener.connections and sent <= MAX_NOISE:
            client.tls.write(b"")
            client.socket.sendall(piece := client.outgoing.read() or b"\x17\x03\x03\0\x13" + bytes(19))
            sent += len(piece)
            service.read(connection)
    assert sent <= MAX_NOISE
    assert 0 == len(service.house.guests)


def test_the_pipeline_is_bounded_and_goes_on_as_answers_go_out() -> None:
    front = Counter53(credits=1_000, tcp_pipeline=8)
    with encrypted(front) as service:
        client, connection = service.greet()
        asked = [query(f"n{number}.example") for number in range(100)]
        for one in asked:
            # A record each, so that some wait in TLS and some in the framer.
            client.tls.write(frame(one.to_wire()))
        client.socket.sendall(client.outgoing.read())
        service.read(connection)
        heard: list[dns.message.Message] = []
        while len(heard) < 100:
            assert 0 < len(front.port.queries) <= 8
            reply_all(front)
            service.listener.flush(START)
            heard += client.messages(1)
    assert {one.id for one in asked} == {message.id for message in heard}


def test_a_client_that_says_close_notify_gets_all_its_answers_and_then_the_end() -> None:
    front = Counter53()
    with encrypted(front) as service:
        client, connection = service.greet()
        service.ask(client, connection, query())
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.unwrap()
        client.socket.sendall(client.outgoing.read())
        service.read(connection)
        reply_all(front)
        service.listener.flush(START)
        client.hear()
        assert b"" == client.socket.recv(1)
    assert set() == service.house.guests


def test_a_client_that_leaves_takes_its_questions_with_it() -> None:
    front = Counter53()
    with encrypted(front) as service:
        client, connection = service.greet()
        service.ask(client, connection, query())
        connection.close()
    assert ([front.port.queries[0].handle], 0) == (front.port.cancelled, front.desk.open)


def test_after_nonsense_the_connection_is_closed_and_nothing_behind_it_is_asked() -> None:
    front = Counter53()
    with encrypted(front) as service:
        client, connection = service.greet()
        client.send(frame(b"x") + frame(query().to_wire()) * 3)
        service.read(connection)
        assert set() == service.listener.connections
    assert [] == front.port.queries


def test_over_its_rate_a_client_loses_its_connection() -> None:
    front = Counter53(rate=1.0, burst=3.0)
    with encrypted(front) as service:
        client, connection = service.greet()
        service.ask(client, connection, *[query(f"n{number}.example") for number in range(10)])
    assert (1, 0, 0) == (front.desk.counters["dropped-rate"], front.desk.open, len(service.house.guests))


def test_a_handshake_under_way_is_owed_its_end_when_the_cell_ends() -> None:
    with encrypted(Counter53()) as service:
        endpoint, connection = service.connect()
        assert connection is not None
        client = SteppedClient(endpoint)
        owed = [service.listener.owing]
        endpoint.sendall(client.hello())
        service.read(connection)
        owed.append(service.listener.owing)
        client.hear()
        endpoint.sendall(client.hello())
        service.read(connection)
        owed.append(service.listener.owing)
    assert [True, True, False] == owed


def test_who_does_not_finish_the_handshake_goes_after_ten_seconds() -> None:
    front = Counter53()
    with encrypted(front) as service:
        endpoint, connection = service.connect()
        assert connection is not None
        for second in range(10):
            endpoint.sendall(b"\x16\x03\x01\x01\0\1\0\0\xfc\3"[second : second + 1])
            connection.ready(READ, Instant(START + second))
            service.listener.expire(Instant(START + second))
        assert {connection} == service.listener.connections
        service.listener.expire(Instant(START + 10.5))
        assert set() == service.listener.connections
    assert 1 == front.desk.counters["tls-handshake-slow"]


def test_an_octet_a_second_is_no_sign_of_life() -> None:
    front = Counter53()
    with encrypted(front) as service:
        client, connection = service.greet()
        for second, octet in enumerate(frame(query().to_wire())[:28]):
            client.send(bytes((octet,)))
            service.wait(connection.socket)
            connection.ready(READ, Instant(START + second))
            service.listener.expire(Instant(START + second))
        assert {connection} == service.listener.connections
        service.listener.expire(Instant(START + 30.5))
    assert (1, 0) == (front.desk.counters["tls-idle"], len(service.house.guests))


def test_if_the_house_is_full_the_newcomer_is_let_in_and_the_longest_silent_goes() -> None:
    front = Counter53()
    front.warm()
    with encrypted(front, connections=4) as service:
        _, silent = service.greet(now=START)
        others = [service.greet(now=START + 1 + number)[1] for number in range(3)]
        client, newcomer = service.greet(now=START + 5, source="127.0.0.9")
        assert {*others, newcomer} == service.listener.connections
        service.ask(client, newcomer, query())
        assert 1 == len(client.messages(1))
        assert silent is not None
    assert 1 == front.desk.counters["secure-shed"]


def test_who_waits_for_an_answer_is_not_shed() -> None:
    front = Counter53()
    with encrypted(front, connections=2) as service:
        for number in range(2):
            client, connection = service.greet(now=START + number)
            service.ask(client, connection, query(f"n{number}.example"))
        assert (None, 2) == (service.connect(START + 3)[1], len(service.listener.connections))
    assert 1 == front.desk.counters["secure-refused-full"]


def test_overdue_handshakes_go_before_all_others_and_then_who_holds_many() -> None:
    front = Counter53()
    with encrypted(front, connections=20) as service:
        proved = service.greet(now=START - 100)[1]
        crowd = [service.connect(START + 10, "127.0.0.2")[1] for _ in range(18)]
        overdue = service.connect(START - 5, "127.0.0.3")[1]
        service.connect(START + 10, "127.0.0.4")
        assert overdue not in service.listener.connections
        service.connect(START + 10, "127.0.0.4")
        assert 17 == len({*crowd} & service.listener.connections)
        assert proved in service.listener.connections


def test_one_address_has_its_share_of_connections_and_of_handshakes() -> None:
    front = Counter53()
    with encrypted(front, connections_per_address=2) as service:
        assert [True, True, False] == [service.connect()[1] is not None for _ in range(3)]
        for _ in range(int(HANDSHAKE_BURST)):
            _, connection = service.connect(source="127.0.0.2")
            if connection is not None:
                connection.close()
        assert service.connect(source="127.0.0.2")[1] is None
        assert service.connect(START + 1, source="127.0.0.2")[1] is not None
    assert (1, 1) == (
        front.desk.counters["secure-refused-client"],
        front.desk.counters["secure-refused-handshakes"],
    )


def test_a_flood_of_refused_connections_waits_for_a_moment_and_who_is_let_in_ends_that() -> None:
    with encrypted(Counter53(), connections_per_address=1) as service:
        listener = service.listener
        service.connect()
        for _ in range(REFUSED - 1):
            service.connect()
        assert listener.reopens == inf
        service.connect(source="127.0.0.2")
        for _ in range(REFUSED):
            assert listener.reopens == inf
            service.connect()
        assert (True, 0) == (isfinite(listener.reopens), service.watched[listener])
        listener.expire_sometimes(Instant(START + PAUSE))
        assert (False, READ) == (isfinite(listener.reopens), service.watched[listener])
        assert service.connect(source="127.0.0.3")[1] is not None


def test_a_reload_ends_the_connections_of_those_who_may_not_ask_any_more() -> None:
    front = Counter53()
    with encrypted(front) as service:
        _, connection = service.greet()
        admission = Counter53(allow=("192.0.2.0/24",)).admission
        service.house.use(service.house.settings, admission)
        service.listener.use(START)
        assert {connection: 0} == {connection: service.watched[connection]}
        assert (set(), 0) == (service.listener.connections, len(service.house.guests))


def test_a_name_in_the_handshake_chooses_the_group() -> None:
    front = Counter53()
    with encrypted(front, name="example", identities=(("dns", 1),)) as service:
        client, connection = service.greet()
        service.ask(client, connection, query())
    assert [1] == [flight.key.group for flight in front.port.queries]


def test_a_ticket_brings_the_client_back_without_a_signature() -> None:
    front = Counter53()
    front.warm()
    with encrypted(front) as service:
        context = ssl.create_default_context(cadata=authority().pem)
        first, connection = service.greet(context=context)
        service.ask(first, connection, query())
        first.messages(1)
        endpoint, connection2 = service.connect()
        assert connection2 is not None
        again = SteppedClient(endpoint, context=context)
        again.tls = context.wrap_bio(
            again.incoming, again.outgoing, server_hostname="dns.example", session=first.tls.session
        )
        endpoint.sendall(again.hello())
        service.read(connection2)
        again.hear()
        endpoint.sendall(again.hello())
        service.read(connection2)
        assert again.tls.session_reused
    assert (1, 1) == (front.desk.counters["tls-handshakes"], front.desk.counters["tls-resumed"])


def test_who_has_shaken_hands_comes_before_who_has_not() -> None:
    with encrypted(Counter53()) as service:
        endpoint, connection = service.connect()
        assert connection is not None
        client = SteppedClient(endpoint)
        assert READ | BEHIND == service.watched[connection]
        endpoint.sendall(client.hello())
        service.read(connection)
        assert READ | BEHIND == service.watched[connection]
        client.hear()
        endpoint.sendall(client.hello())
        service.read(connection)
        assert READ == service.watched[connection]


@pytest.mark.parametrize("records", [1, 400])
def test_who_says_much_at_once_has_a_turn_and_the_others_theirs_in_between(records: int) -> None:
    front = Counter53()
    front.warm()
    with encrypted(front) as service:
        greedy, hers = service.greet(source="127.0.0.2")
        honest, his = service.greet()
        asked, counters = frame(query().to_wire()), front.desk.counters
        for _ in range(records):
            greedy.tls.write(asked * (400 // records))
        greedy.socket.sendall(greedy.outgoing.read())
        honest.send(asked)
        service.wait(hers.socket)
        most = TURN // len(asked) + 1
        for connection in (hers, his):
            connection.ready(READ, START)
        # One of hers, and his, which waited for no more than a turn of hers.
        assert 1 < counters["hits"] <= most + 1
        service.listener.flush(START)
        assert counters["hits"] <= 2 * most + 1
        assert 1 == len(honest.messages(1))
        # No further event comes for what is here already: the loop does not wait, and does not read more either.
        assert (0.0, 0) == (service.listener.reopens, service.watched[hers] & READ)
        while counters["hits"] < 401:
            before = counters["hits"]
            if service.listener.reopens == inf:
                # She had said more than is read at once.
                service.wait(hers.socket)
                hers.ready(READ, START)
            service.listener.flush(START)
            assert 1 <= counters["hits"] - before <= 2 * most
        service.listener.flush(START)
        assert (inf, READ) == (service.listener.reopens, service.watched[hers])
        assert 400 == len(greedy.messages(400))


def test_who_has_not_had_all_of_her_turns_may_go_at_any_moment() -> None:
    front = Counter53()
    front.warm()
    with encrypted(front) as service:
        greedy, hers = service.greet()
        greedy.send(frame(query().to_wire()) * 400)
        service.read(hers)
        assert 0.0 == service.listener.reopens
        hers.close()
        service.listener.flush(START)
        assert (inf, set()) == (service.listener.reopens, service.listener.connections)


def living() -> int:
    """Sessions, and codecs of HTTP/2."""
    return sum(1 for one in gc.get_objects() if isinstance(one, (DotSession, HttpsSession, *CONNECTIONS)))


@pytest.mark.usefixtures("http2_codec")
@pytest.mark.parametrize(
    ("served", "speak", "alpn"), [(Served.TLS, DotSession, "dot"), (Served.HTTPS, HttpsSession, "h2")]
)
def test_who_is_gone_leaves_no_circle_behind(served: Served, speak: Speak, alpn: str) -> None:
    """Python looks for circles seldom, and a crowd that is thrown out would stay in memory until then."""
    with encrypted(Counter53(), served, speak) as service:
        client, connection = service.greet(alpn=(alpn,))
        hello = GREETING + http_frame(HEADERS, ENTIRE, 1, block())
        client.send(hello if served is Served.HTTPS else frame(query().to_wire()))
        service.read(connection)
        gc.collect()
        gc.disable()
        try:
            before = living()
            connection.close()
            assert before - living() == (1 if served is Served.TLS else 2)
        finally:
            gc.enable()


def test_who_does_not_read_is_cut_off_with_bounded_memory() -> None:
    front = Counter53()
    front.ask(query())
    front.reply(front.port.queries[0], answer(front.port.queries[0].key.question, count=2_000))
    with encrypted(front) as service:
        client, connection = service.greet()
        most = 0
        for _ in range(1_000):
            if connection not in service.listener.connections:
                break
            if service.watched[connection] & READ:
                client.send(frame(query().to_wire()) * 4)
                service.read(connection)
            else:
                connection.flush(START)
                service.listener.expire(Instant(START + 36))
            most = max(most, connection.unsent)
        assert connection not in service.listener.connections
    # What one wake-up answers comes on top: a pipeline of the largest answers at most.
    assert most < 512 * 1024


@pytest.mark.parametrize("end", ["an answer", "the cell's end"])
def test_half_a_handshake_message_behind_a_query_ends_this_connection_and_nothing_else(
    tmp_path: Path, end: str
) -> None:
    front, keys = Counter53(), tmp_path / "keys"
    with encrypted(front) as service:
        context = ssl.create_default_context(cadata=authority().pem)
        context.keylog_filename = str(keys)
        client, connection = service.greet(context=context)
        assert client.tls.cipher() == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)
        half_a_key_update = bytes((24, 0, 0, 1))
        client.socket.sendall(
            record(keys, 0, frame(query().to_wire()), DATA) + record(keys, 1, half_a_key_update, HANDSHAKE)
        )
        service.read(connection)
        (flight,) = front.port.queries
        front.reply(flight, answer(flight.key.question))
        if end == "an answer":
            service.listener.flush(START)
            assert 1 == front.desk.counters["tls-broken"]
        else:
            service.listener.leave()
        assert set() == service.listener.connections == service.house.guests
