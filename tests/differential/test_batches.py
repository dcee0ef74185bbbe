"""UDP in batches, compiled and in plain Python, and one datagram at a time: the same packets get the same answers, and the same
is counted."""

import errno
import random
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

import dns.message
import pytest
from fuzz import corpus
from fuzz.mutate import mutate
from kit.two_forms import there

from net import messages
from resolver.edge.listen.datagram import IP_PKTINFO
from wire.units import Instant

Find = Callable[[str], Any]
FORMS: dict[str, Find] = {"compiled": there, "plain": import_module}
"""Where the modules are found whose batches are meant."""
MODULES = {"compiled": "batch", "plain": "plain_batch"}
PATIENCE = 60.0
START = 1_000.0
COUNT = 600
CHANGES: list[dict[str, object]] = [
    {},
    {"rate": 3.0, "burst": 20.0},
    {"allow": ("192.0.2.0/24", "2001:db8::/32")},
    {"allow": ("127.0.0.0/24", "::1/128")},
]


def script(seed: int) -> list[tuple[int, bytes]]:
    """(client, packet): names that are asked again and again, others, damaged ones, noise."""
    chance = random.Random(seed)
    hot = [
        dns.message.make_query(f"www{number}.example", "A", use_edns=0 if number % 2 else None) for number in range(5)
    ]
    packets = []
    for _ in range(COUNT):
        one = chance.choice(hot)
        one.id = chance.randrange(65_536)
        data = one.to_wire()
        match chance.randrange(20):
            case 0:
                data = mutate(data, [tuple(chance.randrange(1 << 16) for _ in range(3))])  # type: ignore[misc] # three
            case 1:
                data = chance.randbytes(chance.choice((0, 1, 2, 11, 60, 5_000)))
            case 2:
                data = chance.choice(corpus.queries())
            case 3:
                data = dns.message.make_query(f"n{chance.randrange(40)}.example", "AAAA").to_wire()
        packets.append((chance.randrange(3), data))
    return packets


SCRIPT = script(7)


@pytest.fixture(params=FORMS)
def find(request: pytest.FixtureRequest) -> Find:
    """Each form, and it is the one that it says."""
    find = FORMS[request.param]
    assert find("resolver.edge.listen.batched").batch.__name__ == f"resolver.edge.listen.{MODULES[request.param]}"
    return find


@contextmanager
def service(
    find: Find, kind: str, host: str, wildcard: bool, changes: dict[str, object]
) -> Iterator[tuple[Any, Any, socket.socket]]:
    """A desk, its listener of this kind, and the socket."""
    desk = find("kit.desk").Counter53(credits=1 << 20, **changes)
    desk.warm()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if wildcard:
            if family == socket.AF_INET6:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            server.setsockopt(socket.IPPROTO_IP, 8, 1)
            server.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        else:
            server.bind((host, 0))
        server.setblocking(False)
        module = find("resolver.edge.listen.batched")
        listener = getattr(module, kind)(server, wildcard, desk.desk, desk.admission)
        yield desk, listener, server


def played(
    find: Find, kind: str, host: str, wildcard: bool, changes: dict[str, object], seed: int
) -> tuple[list[list[bytes]], dict[str, int]]:
    """What each of three clients heard, and the counters."""
    chance = random.Random(seed)
    with service(find, kind, host, wildcard, changes) as (desk, listener, server):
        clients = []
        for number in range(3):
            one = socket.socket(server.family, socket.SOCK_DGRAM)
            one.bind((host if ":" in host else f"127.0.{number}.1", 0))
            one.connect((host, server.getsockname()[1]))
            one.setblocking(False)
            clients.append(one)
        heard: list[list[bytes]] = [[], [], []]
        now = START
        packets = SCRIPT
        while packets:
            for number, data in packets[: chance.randrange(1, 64)]:
                clients[number].send(data)
                packets = packets[1:]
            quiet = listener.ready(1, Instant(now))
            assert quiet in (True, False)
            for number, client in enumerate(clients):
                heard[number] += received(client)
            for flight in desk.port.queries[1:]:
                desk.reply(flight, find("kit.desk").answer(flight.key.question), now)
            del desk.port.queries[1:]
            now += chance.choice((0.0, 0.2, 0.7, 3.0))
        for client in clients:
            client.close()
        return heard, {what: count for what, count in desk.desk.counters.items() if count}


def received(client: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(client.recv(65_535))
        except BlockingIOError:
            return found


@pytest.mark.parametrize("changes", CHANGES, ids=["open", "limited", "closed", "some"])
@pytest.mark.parametrize(
    ("host", "wildcard"), [("127.0.0.1", False), ("127.0.0.9", True), ("::1", False), ("::1", True)]
)
def test_the_same_answers_and_the_same_counters(
    find: Find, host: str, wildcard: bool, changes: dict[str, object]
) -> None:
    single, counted = played(find, "DatagramListener", host, wildcard, changes, 7)
    batched, counted_there = played(find, "BatchedListener", host, wildcard, changes, 7)
    # Within a wake-up hits go first.
    assert [sorted(one) for one in single] == [sorted(one) for one in batched]
    assert counted == counted_there
    assert any(single) == ("dropped-access" not in counted or counted["dropped-access"] < COUNT)


def test_an_answer_that_has_no_room_in_that_of_its_packet_is_sent_all_the_same(find: Find) -> None:
    with (
        service(find, "BatchedListener", "127.0.0.1", False, {}) as (desk, listener, server),
        socket.socket(server.family, socket.SOCK_DGRAM) as client,
    ):
        client.connect(server.getsockname())
        client.settimeout(PATIENCE)
        asked = dns.message.make_query("www.example", "A", id=7).to_wire()
        for _ in range(2):
            client.send(asked)
            listener.ready(1, Instant(START))
            client.recv(65_535)
        (entry,) = desk.desk.cache.rendered[0].values()
        entry.body = bytes(5_000)
        for packet in (asked, b"\0\1" + asked[2:]):
            client.send(packet)
        before = desk.desk.counters["hits"]
        listener.ready(1, Instant(START))
        assert [asked[:2] + entry.body, b"\0\1" + entry.body] == [client.recv(65_535) for _ in range(2)]
        assert before + 2 == desk.desk.counters["hits"]


def test_a_batch_of_one_kind_of_socket_leaves_nothing_to_the_next(find: Find) -> None:
    kinds = [("::1", True), ("127.0.0.1", False), ("::1", False), ("127.0.0.9", True)]
    with ExitStack() as stack:
        served = [stack.enter_context(service(find, "BatchedListener", host, wild, {})) for host, wild in kinds]
        clients = []
        for (host, _), (_, _, server) in zip(kinds, served, strict=True):
            client = stack.enter_context(socket.socket(server.family, socket.SOCK_DGRAM))
            client.connect((host, server.getsockname()[1]))
            client.settimeout(PATIENCE)
            clients.append(client)
        asked = dns.message.make_query("www.example", "A", id=7).to_wire()
        for count in (1, 20, 2, 1):
            for client, (_, listener, _) in zip(clients, served, strict=True):
                for _ in range(count):
                    client.send(asked)
                listener.ready(1, Instant(START))
                # Connected: what came from another address would not be heard.
                assert 1 == len({client.recv(65_535) for _ in range(count)})


def test_what_is_sent_to_nowhere_is_counted_and_after_the_end_nothing_is_sent(find: Find) -> None:
    with service(find, "BatchedListener", "127.0.0.1", False, {}) as (desk, listener, _):
        listener.road(b"\0" * 16, b"").send(b"x")
        listener.close()
        listener.road(b"\0" * 16, b"").send(b"x")
        assert listener.ready(1, Instant(START)) is False
        counters = desk.desk.counters
        assert (1, 1) == (
            counters[f"udp-send-{errno.EINVAL}"] + counters[f"udp-send-{errno.EAFNOSUPPORT}"],
            counters["udp-closed"],
        )


def test_messages_of_the_link_come_and_go_by_the_same_calls(find: Find) -> None:
    batched = find("resolver.edge.listen.batched")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, batched.one_by_one(theirs) as link, socket.socket() as given:
        with pytest.raises(BlockingIOError):
            socket.recv_fds(link, 100, 2)
        socket.send_fds(ours, [b"hello"], [given.fileno()])
        data, descriptors, flags, _ = socket.recv_fds(link, 100, 2)
        assert (b"hello", 1, 0) == (data, len(descriptors), flags)
        with socket.socket(fileno=descriptors[0]) as again:
            assert again.getsockname() == given.getsockname()
        ours.send(bytes(50))
        assert socket.MSG_TRUNC == socket.recv_fds(link, 20, 2)[2]
        assert 7 == socket.send_fds(link, [b"answer", b"!"], [])
        assert b"answer!" == ours.recv(100)
        assert 1 == socket.send_fds(link, [b"x"], [given.fileno()])
        data, descriptors, flags, _ = socket.recv_fds(ours, 100, 2)
        assert (b"x", 1, 0) == (data, len(descriptors), flags)
        with socket.socket(fileno=descriptors[0]) as again:
            assert again.getsockname() == given.getsockname()
        ours.close()
        assert b"" == socket.recv_fds(link, 100, 2)[0]
        with pytest.raises(BrokenPipeError):
            socket.send_fds(link, [b"x"], [])


def source_of(family: int, host: str) -> list[tuple[int, int, bytes]]:
    """The control message that makes a datagram leave from there."""
    packed = socket.inet_pton(family, host)
    if family == socket.AF_INET6:
        return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed + bytes(4))]
    return [(socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + packed + bytes(4))]


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_who_sent_a_message_is_told_as_python_tells_it(find: Find, family: socket.AddressFamily, host: str) -> None:
    batched = find("resolver.edge.listen.batched")
    plain = socket.socket(family, socket.SOCK_DGRAM)
    plain.bind((host, 0))
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.connect(plain.getsockname()[:2])
        client.send(b"one")
        expected = plain.recvmsg(100, 32)
        assert host == expected[3][0]
        plain.setblocking(False)
        with batched.one_by_one(plain) as taking:
            with pytest.raises(BlockingIOError):
                taking.recvmsg(100, 32)
            for _ in range(2):
                client.send(b"one")
                assert expected == taking.recvmsg(100, 32)
            assert 4 == taking.sendmsg([b"ba", b"ck"], [], 0, expected[3])
            assert b"back" == client.recv(100)
            assert 4 == taking.sendmsg([b"from"], source_of(family, host), 0, expected[3])
            assert b"from" == client.recv(100)
            with pytest.raises(OSError, match=r"Connection refused|Invalid argument|Destination address required"):
                taking.sendmsg([b"nobody"])


def packed_source(family: int, host: str) -> bytes:
    return b"".join(messages.pack(*one) for one in source_of(family, host))


@pytest.mark.parametrize("kind", ["many", "each"])
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_many_messages_come_and_go_as_they_were_put(
    find: Find, kind: str, family: socket.AddressFamily, host: str
) -> None:
    net = find("net.messages")
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind((host, 0))
    made.setblocking(False)
    made.setsockopt(
        *(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) if ":" in host else (socket.IPPROTO_IP, IP_PKTINFO), 1
    )
    ours = find("resolver.edge.listen.batched").one_by_one(made) if kind == "many" else made
    with ours, socket.socket(family, socket.SOCK_DGRAM) as client:
        client.connect(ours.getsockname()[:2])
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            net.receive_all(ours, 16, 100, 64)
        said = [b"", b"one", *(bytes([number]) * number for number in range(20)), bytes(200)]
        for one in said:
            client.send(one)
        came = net.receive_all(ours, 16, 100, 64) + net.receive_all(ours, 16, 100, 64)
        assert [one[:100] for one in said] == [data for data, _, _ in came]
        name = net.name_of(*client.getsockname())
        assert {name} == {name for _, name, _ in came}
        assert [client.getsockname()] * len(came) == [net.address_in(name) for _, name, _ in came]
        assert [socket.inet_pton(family, host) in content for _, _, content in net.unpack(came[0][2])] == [True]
        with pytest.raises(BlockingIOError):
            net.receive_all(ours, 1, 100, 64)
        source = packed_source(family, host)
        going = [(b"%d" % number, name, source if number % 2 else b"") for number in range(20)]
        nowhere = (b"lost", b"", b"")
        assert 20 == net.send_all(ours, [nowhere, *going[:7], nowhere, nowhere, *going[7:], nowhere])
        assert [data for data, _, _ in going] == received(client)
        assert 0 == net.send_all(ours, [nowhere])
        assert 0 == net.send_all(ours, [])


@pytest.mark.parametrize(("most", "size", "ancillary"), [(65, 100, 64), (1, 4_097, 64), (1, 100, 129)])
def test_of_many_messages_not_more_come_than_there_is_room_for(
    find: Find, most: int, size: int, ancillary: int
) -> None:
    batch = find("resolver.edge.listen.batched").batch
    with socket.socket(type=socket.SOCK_DGRAM) as endpoint, pytest.raises(ValueError, match="more than there is room"):
        batch.receive_all(endpoint.fileno(), most, size, ancillary)


def test_an_address_that_is_none_of_ip_is_none(find: Find) -> None:
    batched = find("resolver.edge.listen.batched")
    assert batched.address_in(b"") is None
    assert batched.address_in(socket.AF_UNIX.to_bytes(2, sys.byteorder) + b"/run/x") is None
    assert batched.address_in(socket.AF_INET.to_bytes(2, sys.byteorder) + b"\0") is None
    assert batched.address_in(socket.AF_INET6.to_bytes(2, sys.byteorder) + bytes(14)) is None
