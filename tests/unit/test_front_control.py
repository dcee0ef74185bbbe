"""The control socket's side in front, over socket pairs: requests, right and wrong, and connections."""

from pathlib import Path

import dns.message
import pytest
from kit.desk import START, answer, question
from kit.operating import lines, request, service

from anchorhold.control import MAX_CONNECTIONS
from anchorhold.ipc import MAX_REQUEST, Verb
from wire.units import Instant


def test_explain_tells_the_resolver_the_group_and_never_the_address(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        key = question("www.example")
        one.say(client, request(verb="explain", key=key.hex(), flags=1, client="127.0.0.65"))
        one.relay.answers[0](b"{}", False)
        ours, _ = lines(client)
    assert (True, "kids", None) == (ours["allowed"], ours["group"], ours["cached"])
    assert [(Verb.EXPLAIN, b"\1" + key, 1)] == one.relay.asked


@pytest.mark.parametrize(("client", "verb"), [("127.0.0.65", Verb.TRACE), ("203.0.113.9", Verb.EXPLAIN)])
def test_upstreams_are_asked_for_the_chain_of_trust_only_for_who_may_ask(
    tmp_path: Path, client: str, verb: Verb
) -> None:
    with service(tmp_path) as one:
        with one.connect() as operator:
            key = question("www.example")
            one.say(operator, request(verb="explain", key=key.hex(), flags=1, client=client, dnssec=True))
        assert [(verb, b"\1" + key)] == [asked[:2] for asked in one.relay.asked]


def test_an_exception_is_passed_on_as_it_is_meant(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        with one.connect() as operator:
            zone = question("broken.example")[:-4]
            one.say(operator, request(verb="except", zone=zone.hex(), seconds=7_200, reason="Schlüssel weg"))
        assert [(Verb.EXCEPT, b"\x20\x1c\0\0" + zone + "Schlüssel weg".encode(), 0)] == one.relay.asked


def test_ask_takes_the_way_of_a_query_without_access_list_and_limit(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        query = dns.message.make_query("www.example", "A")
        client = one.connect()
        one.say(client, request(verb="ask", message=query.to_wire().hex()))
        (flight,) = one.front.port.queries
        one.front.reply(flight, answer(flight.key.question))
        (line,) = lines(client)
    assert query.is_response(dns.message.from_wire(bytes.fromhex(str(line["message"]))))
    assert ("upstream", "default") == (line["origin"], line["group"])


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"nonsense\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"7\n",
        b"{}\n",
        b'{"verb": 7}\n',
        b'{"verb": "reboot"}\n',
        b'{"verb": "cache-flush", "name": "zz"}\n',
        b'{"verb": "ask"}\n',
        b'{"verb": "ask", "message": "00"}\n',
        b'{"verb": "explain"}\n',
        b'{"verb": "explain", "key": "00", "flags": 1}\n',
        b'{"verb": "explain", "key": "000001000100", "flags": "x"}\n',
        b'{"verb": "explain", "key": "000001000100", "client": "nobody"}\n',
        b'{"verb": "explain", "key": "000001000100", "dnssec": 1}\n',
        b'{"verb": "except"}\n',
        b'{"verb": "leases"}\n',
        b'{"verb": "leases", "request": []}\n',
        b'{"verb": "leases", "request": {"x": NaN}}\n',
        b'{"verb": "leases", "request": {"x": "\\ud800"}}\n',
        b'{"verb": "leases", "request": {"x": [' + b"1e15," * 12_000 + b"1]}}\n",
        b'{"verb": "except", "zone": "0161", "seconds": 60, "reason": "x"}\n',
        b'{"verb": "except", "zone": "01410 0", "seconds": 60, "reason": "x"}\n',
        b'{"verb": "except", "zone": "014100", "seconds": 60, "reason": "x"}\n',
        b'{"verb": "except", "zone": "01610000", "seconds": 60, "reason": "x"}\n',
        b'{"verb": "except", "zone": "016100", "seconds": -1, "reason": "x"}\n',
        b'{"verb": "except", "zone": "016100", "seconds": 4294967296, "reason": "x"}\n',
        b'{"verb": "except", "zone": "016100", "seconds": "60", "reason": "x"}\n',
        b'{"verb": "except", "zone": "016100", "seconds": 60, "reason": 7}\n',
        b'{"verb": "except", "zone": "016100", "seconds": 60, "reason": "' + b"x" * 1_001 + b'"}\n',
        b"[" * 60_000 + b"\n",
        b'{"a":' * 10_000 + b"\n",
    ],
)
def test_every_wrong_request_is_answered_with_an_error(tmp_path: Path, data: bytes) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        one.say(client, data)
        (line,) = lines(client)
    assert {"error"} == set(line)


def test_a_request_in_pieces_is_a_request(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        for octet in request(verb="version"):
            one.say(client, bytes((octet,)))
        assert 1 == len(lines(client))


def test_a_request_without_an_end_is_hung_up_on(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        while one.server._connections:
            one.say(client, b"x" * 16_384)
        assert 0 == len(one.server._connections)
        client.close()
    assert 65_536 == MAX_REQUEST


def test_operators_are_few_and_the_silent_are_hung_up_on(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        clients = [one.connect() for _ in range(MAX_CONNECTIONS + 1)]
        assert b"" == clients[-1].recv(1)
        assert MAX_CONNECTIONS == len(one.server._connections)
        one.server.expire(Instant(START + 11))
        assert [b""] * MAX_CONNECTIONS == [client.recv(1) for client in clients[:-1]]
        for client in clients:
            client.close()


def test_an_operator_who_left_does_not_hurt_the_answer_that_comes_late(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        one.say(client, request(verb="ask", message=dns.message.make_query("a.example", "A").to_wire().hex()))
        client.close()
        one.server.expire(Instant(START + 11))
        (flight,) = one.front.port.queries
        one.front.reply(flight, answer(flight.key.question))
    assert 1 == len(one.front.desk.cache)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"verb": "pause", "seconds": 600}, (Verb.PAUSE, b"\x58\x02\0\0\1", 0)),
        ({"verb": "pause", "seconds": 600, "group": "default"}, (Verb.PAUSE, b"\x58\x02\0\0", 0)),
        ({"verb": "pause", "seconds": 0}, (Verb.PAUSE, b"\0\0\0\0\1", 0)),
        ({"verb": "blocked", "seconds": 900}, (Verb.BLOCKED, b"\x84\x03\0\0", 0)),
        ({"verb": "blocked", "seconds": 0}, (Verb.BLOCKED, b"\0\0\0\0", 0)),
        ({"verb": "blocked"}, (Verb.BLOCKED, b"\xff\xff\xff\xff", 0)),
    ],
)
def test_a_pause_and_a_view_of_what_is_blocked_go_to_the_resolver(
    tmp_path: Path, said: dict[str, object], expected: tuple[Verb, bytes, int]
) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        one.say(client, request(**said))
        one.relay.answers[0](b'{"cell": "resolver", "paused": []}', False)
        assert [{"cell": "resolver", "paused": []}] == lines(client)
    assert [expected] == one.relay.asked


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"verb": "pause"}, "seconds"),
        ({"verb": "pause", "seconds": True}, "seconds"),
        ({"verb": "pause", "seconds": -1}, "seconds"),
        ({"verb": "blocked", "seconds": 3_601}, "to 3600"),
        ({"verb": "blocked", "seconds": "1"}, "seconds"),
        ({"verb": "pause", "seconds": 1, "group": "nobody"}, "there are: default"),
        ({"verb": "pause", "seconds": 1, "group": ["default"]}, "no client group"),
    ],
)
def test_what_is_no_pause_is_said_and_goes_nowhere(tmp_path: Path, said: dict[str, object], why: str) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        one.say(client, request(**said))
        (line,) = lines(client)
    assert why in str(line["error"])
    assert [] == one.relay.asked
