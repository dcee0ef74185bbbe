"""The control socket's side in front, over socket pairs."""

import json
import os
import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import pytest
from kit.desk import START, Counter53, answer, question
from kit.leased import HOME

from anchorhold.control import MAX_CONNECTIONS, ControlServer
from anchorhold.control_lines import Front, Wanted, answer_fact
from anchorhold.forms import describe
from anchorhold.ipc import MAX_REQUEST, Verb
from resolver.partition import resolver_for
from resolver.settings import LeaseNames
from wire.units import Instant

READ = selectors.EVENT_READ
PATIENCE = 5.0
Answer = Callable[[bytes, bool], None]


class FakeRelay:
    """The resolver: what it was asked, and how to answer. Likewise the dhcp cell, if there is one."""

    def __init__(self, there: bool = True) -> None:
        self.dhcp = self.secure = self.lists = False
        self.fronts: dict[int, list[tuple[Verb, bytes]]] = {}
        """What others were asked that are there, by number."""
        self.lease_asked: list[tuple[Verb, bytes]] = []
        self.lease_answers: list[Answer] = []
        self.asked: list[tuple[Verb, bytes, int]] = []
        self.numbers: list[int] = []
        """Which resolver each time."""
        self.gone: set[int] = set()
        self.answers: list[Answer] = []
        self.there = there

    def fact(self, verb: Verb, argument: bytes, group: int, answer: Answer, number: int = 0) -> bool:
        self.asked.append((verb, argument, group))
        self.numbers.append(number)
        if number not in self.gone:
            self.answers.append(answer)
        return self.there and number not in self.gone

    def answer_all(self) -> None:
        """As each resolver does that is asked, one after another."""
        while self.answers:
            self.answers.pop(0)(b'{"cell": "resolver"}', False)

    def lease_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        self.lease_asked.append((verb, argument))
        self.lease_answers.append(answer)
        return self.dhcp

    def secure_fact(self, verb: Verb, argument: bytes, answer: Answer, number: int = 0) -> bool:
        if self.secure and not number:
            answer(b'{"cell": "secure", "verb": "%s"}' % verb.name.encode(), False)
        return self.secure

    def front_fact(self, verb: Verb, argument: bytes, answer: Answer, number: int) -> bool:
        if number in self.fronts:
            self.fronts[number].append((verb, argument))
            answer(b'{"cell": "front-%d", "verb": "%s"}' % (number + 1, verb.name.encode()), False)
        return number in self.fronts

    def lists_fact(self, verb: Verb, argument: bytes, answer: Answer) -> bool:
        if self.lists:
            answer(b'{"cell": "lists", "argument": "%s"}' % argument.hex().encode(), False)
        return self.lists


class Service:
    def __init__(self, front: Counter53, relay: FakeRelay, path: Path, cores: int) -> None:
        self.front, self.relay, self._path = front, relay, path
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen()
        self.listening.setblocking(False)
        self.watched: dict[object, int] = {}
        asked = Front(front.desk, front.admission, 3, os.getpid(), cores)
        self.server = ControlServer(self.listening, lambda: asked, relay, self.watch)

    def watch(self, _endpoint: socket.socket, events: int, owner: object) -> None:
        self.watched[owner] = events

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(str(self._path))
        self.server.ready(READ, START)
        return client

    def say(self, client: socket.socket, data: bytes) -> None:
        """Send, and let every connection read."""
        client.sendall(data)
        for connection in list(self.server._connections):
            connection.ready(READ, START)


@contextmanager
def service(path: Path, *, there: bool = True, cores: int = 1, **changes: object) -> Iterator[Service]:
    one = Service(Counter53(**changes), FakeRelay(there), path / "control.sock", cores)  # type: ignore[arg-type]
    with one.listening:
        yield one
        for connection in list(one.server._connections):
            connection.close()


def lines(client: socket.socket) -> list[dict[str, object]]:
    with client, client.makefile("rb") as file:
        return [json.loads(line) for line in file]


def request(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def test_version_is_answered_without_the_resolver(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        one.say(client, request(verb="version"))
        (line,) = lines(client)
    assert ("front", describe(), []) == (line["cell"], line["form"], one.relay.asked)


def test_status_is_two_lines_and_the_second_is_relayed_unread(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        client = one.connect()
        one.front.warm()
        one.say(client, request(verb="status"))
        one.relay.answers[0](b'{"cell": "resolver", ', True)
        one.relay.answers[0](b'"pid": 7}', False)
        ours, theirs = lines(client)
    assert ("front", 1, 3, 1) == (ours["cell"], ours["generation"], ours["restarts"], ours["cache"]["answers"])  # type: ignore[index]
    assert describe() == ours["form"]
    assert {"cell": "resolver", "pid": 7} == theirs
    assert [(Verb.STATUS, b"", 0)] == one.relay.asked


def test_without_a_resolver_our_own_line_comes_and_then_the_reason(tmp_path: Path) -> None:
    with service(tmp_path, there=False) as one:
        client = one.connect()
        one.say(client, request(verb="cache-stats"))
        ours, error = lines(client)
    assert "front" == ours["cell"]
    assert "resolver" in str(error["error"])


def test_the_dhcp_cells_status_comes_after_the_resolvers(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        one.relay.dhcp = True
        client = one.connect()
        one.say(client, request(verb="status"))
        assert [] == one.relay.lease_asked
        one.relay.answers[0](b'{"cell": "resolver"}', False)
        one.relay.lease_answers[0](b'{"cell": ', True)
        one.relay.lease_answers[0](b'"dhcp"}', False)
        cells = [line["cell"] for line in lines(client)]
    assert (["front", "resolver", "dhcp"], [(Verb.STATUS, b"")]) == (cells, one.relay.lease_asked)


def test_a_dhcp_cell_that_should_be_there_is_missed(tmp_path: Path) -> None:
    with service(tmp_path, there=False, leases=HOME) as one:
        client = one.connect()
        one.say(client, request(verb="status"))
        ours, resolver, dhcp = lines(client)
    assert {"addresses": 0, "refused": 0} == ours["leases"]
    assert ("front", None, "dhcp") == (ours["cell"], resolver.get("cell"), dhcp["cell"])
    assert ("resolver" in str(resolver["error"]), "dhcp" in str(dhcp["error"])) == (True, True)


def test_a_question_about_leases_goes_to_the_dhcp_cell_as_it_is(tmp_path: Path) -> None:
    inner = {"do": "show", "device": "Küche", "after": None}
    with service(tmp_path) as one:
        one.relay.dhcp = True
        client = one.connect()
        one.say(client, request(verb="leases", request=inner))
        one.relay.lease_answers[0](b'{"cell": "dhcp", "leases": []}', False)
        assert [{"cell": "dhcp", "leases": []}] == lines(client)
    ((verb, argument),) = one.relay.lease_asked
    assert (Verb.LEASES, inner, []) == (verb, json.loads(argument), one.relay.asked)


@pytest.mark.parametrize(("leases", "why"), [(None, "no [dhcp]"), (HOME, "try again")])
def test_without_a_dhcp_cell_the_operator_is_told_why(tmp_path: Path, leases: LeaseNames | None, why: str) -> None:
    with service(tmp_path, leases=leases) as one:
        client = one.connect()
        one.say(client, request(verb="leases", request={"do": "list"}))
        (line,) = lines(client)
    assert why in str(line["error"])


def test_a_name_of_a_lease_is_explained_without_the_resolver(tmp_path: Path) -> None:
    with service(tmp_path, leases=HOME) as one:
        client = one.connect()
        one.say(client, request(verb="explain", key=question("nas.home.arpa").hex(), flags=1, dnssec=True))
        (line,) = lines(client)
    assert (True, []) == (line["lease"], one.relay.asked)


def test_a_flush_forgets_here_and_there(tmp_path: Path) -> None:
    with service(tmp_path) as one:
        one.front.warm("www.example")
        client = one.connect()
        name = question("example")[:-4]
        one.say(client, request(verb="cache-flush", name=name.hex()))
        one.relay.answers[0](b'{"flushed": 2}', False)
        assert [{"cell": "front", "flushed": 1}, {"flushed": 2}] == lines(client)
    assert ([(Verb.CACHE_FLUSH, name, 0)], 0) == (one.relay.asked, len(one.front.desk.cache))


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ({"verb": "pause", "seconds": 600}, [0, 1, 2]),
        ({"verb": "blocked"}, [0, 1, 2]),
        ({"verb": "cache-dump"}, [0, 1, 2]),
        ({"verb": "anchors"}, [0]),
        ({"verb": "except", "zone": "00", "seconds": 0}, [0]),
    ],
)
def test_all_resolvers_are_asked_what_each_knows_for_itself(
    tmp_path: Path, said: dict[str, object], numbers: list[int]
) -> None:
    with service(tmp_path, cores=3) as one, one.connect() as client:
        one.say(client, request(**said))
        one.relay.answer_all()
    assert numbers == one.relay.numbers


def test_what_all_resolvers_know_is_told_by_the_first_that_is_there(tmp_path: Path) -> None:
    with service(tmp_path, cores=3) as one, one.connect() as client:
        one.relay.gone = {0}
        one.say(client, request(verb="anchors"))
    assert [0, 1] == one.relay.numbers


def test_a_question_is_explained_by_the_resolver_that_would_have_it(tmp_path: Path) -> None:
    with service(tmp_path, cores=3) as one:
        for name in ("a.example", "b.example", "www.c.example"):
            with one.connect() as client:
                one.say(client, request(verb="explain", key=question(name).hex(), flags=1))
    asked = [resolver_for(question(name)[:-4], 3) for name in ("a.example", "b.example", "www.c.example")]
    assert (asked, 1 < len(set(asked))) == (one.relay.numbers, True)


def test_all_fronts_are_reported_and_one_that_is_gone_is_named(tmp_path: Path) -> None:
    with service(tmp_path, cores=3) as one:
        one.relay.fronts[1] = []
        client = one.connect()
        one.say(client, request(verb="status"))
        one.relay.gone = {2}
        one.relay.answer_all()
        found = lines(client)
    assert ["front", "front-2", "front-3", "resolver", "resolver", "resolver-3"] == [line["cell"] for line in found]
    assert (["error" in line for line in found], one.relay.fronts) == (
        [False, False, True, False, False, True],
        {1: [(Verb.STATUS, b"")]},
    )


def test_a_flush_reaches_every_front(tmp_path: Path) -> None:
    with service(tmp_path, cores=3) as one:
        one.relay.fronts = {1: [], 2: []}
        client = one.connect()
        one.say(client, request(verb="cache-flush", name="00"))
        one.relay.answer_all()
        assert ["front", "front-2", "front-3", *["resolver"] * 3] == [line["cell"] for line in lines(client)]
    assert ([(Verb.CACHE_FLUSH, b"\0", 0)] * 3, [0, 1, 2]) == (one.relay.asked, one.relay.numbers)
    assert {1: [(Verb.CACHE_FLUSH, b"\0")], 2: [(Verb.CACHE_FLUSH, b"\0")]} == one.relay.fronts


@pytest.mark.parametrize(
    ("address", "there", "cell"),
    [("127.0.0.1", True, "front"), ("127.0.0.3", True, "front-2"), ("127.0.0.3", False, "front")],
)
def test_what_is_cached_for_a_client_is_told_by_the_front_that_it_asks(
    tmp_path: Path, address: str, there: bool, cell: str
) -> None:
    with service(tmp_path, cores=2) as one:
        one.relay.fronts = {1: []} if there else {}
        client = one.connect()
        key = question("www.example")
        one.say(client, request(verb="explain", key=key.hex(), flags=1, client=address))
        one.relay.answers[0](b'{"cell": "resolver"}', False)
        assert [cell, "resolver"] == [line["cell"] for line in lines(client)]
    asked = [Wanted.parse(argument) for _, argument in one.relay.fronts.get(1, [])]
    assert asked == ([Wanted(key, 1, address)] if cell == "front-2" else [])


def test_another_front_answers_the_first(tmp_path: Path) -> None:
    desk = Counter53()
    desk.warm("www.example")
    front = Front(desk.desk, desk.admission, 2, 77, 2, 1)
    status = answer_fact(front, Verb.STATUS, b"", START)
    assert ("front-2", 77, 2) == (status["cell"], status["pid"], status["restarts"])
    wanted = Wanted(question("www.example"), 0, "")
    assert answer_fact(front, Verb.EXPLAIN, wanted.build(), START)["cached"]
    assert answer_fact(front, Verb.CACHE_FLUSH, b"\0", START) == {"cell": "front-2", "flushed": 1}
    assert answer_fact(front, Verb.CACHE_STATS, b"", START)["cache"] == status["cache"] | {"answers": 0, "octets": 0}  # type: ignore[operator]
    assert "error" in answer_fact(front, Verb.LEASES, b"", START)


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
