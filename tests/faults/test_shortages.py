"""The kernel has no descriptor, no memory, no way: what waits is let in as soon as there is room, and nothing goes up as an
exception or round in circles. Sockets fail by script here; `test_shortages_live.py` takes real limits."""

import asyncio
import errno
import os
import selectors
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from math import isfinite

import dns.message
import pytest
from kit.desk import START, Counter53
from kit.liar import Liar, answer
from kit.meeting import LOOPS, Counts, make_tools, query_for, run, soon
from kit.refusing import Refusing, refusing_at
from kit.world import UNVALIDATED, no_lookup, two_labels

from anchorhold.troubles import QUIET, Trouble, Watchman, trouble_of, troubles
from net import datagram, transport
from net.clock import now as clock
from net.shortage import SHORTAGES
from net.tls import TlsFactory
from resolver.edge.listen.datagram import DatagramListener
from resolver.edge.listen.door import OF_ONE, PAUSE
from resolver.edge.listen.stream import Connection, Crowd, StreamListener
from resolver.edge.resolve import Resolver
from resolver.edge.upstream import do53, open_upstream, packets
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.edge.world import ForwardingWorld
from resolver.servers import State
from resolver.settings import Authority, CacheSettings, Iteration, Profile, ResolverSettings, Route, UpstreamGroup
from resolver.values import Query, Reply
from wire.dns.names import read_name
from wire.units import Instant

READ = selectors.EVENT_READ
PATIENCE = 60.0
SEND_ERRORS = sorted({*SHORTAGES, errno.EAGAIN, errno.EPERM, errno.EACCES, errno.ENETUNREACH, errno.EHOSTUNREACH})

loops = pytest.mark.parametrize("loop", LOOPS)


# -- at the listening sockets


class Doorstep:
    """A TCP listener whose `accept` fails by script, and a watch list in place of a loop."""

    def __init__(self, stack: ExitStack, *script: int) -> None:
        self.front = Counter53()
        self.watched: dict[object, int] = {}
        bare = socket.create_server(("127.0.0.1", 0))
        self.socket = stack.enter_context(refusing_at(bare, ()))
        self.socket.setblocking(False)
        self.socket.script = list(script)
        self.place = self.socket.getsockname()
        self.listener = StreamListener(self.socket, self.front.desk, self.front.admission, self._watch, Crowd())
        self._stack = stack

    def _watch(self, _endpoint: socket.socket, events: int, owner: object) -> None:
        self.watched[owner] = events

    def knock(self) -> socket.socket:
        """A client that waits to be let in."""
        client = self._stack.enter_context(socket.create_connection(self.place, PATIENCE))
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, READ)
            assert selector.select(PATIENCE)
        return client

    def wake(self, now: float = START) -> int:
        """The loop calls; how many are inside then."""
        self.listener.ready(READ, Instant(now))
        return len(self.listener.connections)

    @property
    def listens(self) -> bool:
        return self.watched.get(self.listener, READ) == READ


@contextmanager
def doorstep(*script: int) -> Iterator[Doorstep]:
    with ExitStack() as stack:
        made = Doorstep(stack, *script)
        yield made
        for connection in list(made.listener.connections):
            connection.close()


@pytest.mark.parametrize("error", sorted(SHORTAGES))
def test_without_a_descriptor_nobody_is_listened_to_for_a_while(error: int) -> None:
    with doorstep(error) as step:
        step.knock()
        assert 0 == step.wake()
        assert (False, True) == (step.listens, isfinite(step.listener.reopens))
        assert 1 == step.front.desk.counters[f"tcp-accept-{error}"]
        step.listener.expire_sometimes(Instant(START + PAUSE / 2))
        assert not step.listens
        step.listener.expire_sometimes(Instant(START + PAUSE))
        assert (True, False) == (step.listens, isfinite(step.listener.reopens))
        assert 1 == step.wake(START + PAUSE)


def test_it_is_no_spin_a_wake_up_costs_one_accept() -> None:
    with doorstep(*[errno.EMFILE] * 100) as step:
        step.knock()
        for turn in range(20):
            step.listener.expire_sometimes(Instant(START + turn * PAUSE))
            step.wake(START + turn * PAUSE)
        assert 20 == step.socket.calls


def test_who_waits_for_nothing_is_given_up_first_the_longest_silent() -> None:
    with doorstep(0, errno.EAGAIN, 0, errno.EAGAIN, errno.EMFILE) as step:
        first = step.knock()
        assert 1 == step.wake()
        step.knock()
        assert 2 == step.wake(START + 0.5)
        step.knock()
        assert 2 == step.wake(START + 1)
        assert 1 == step.front.desk.counters["tcp-shed"]
        assert b"" == first.recv(1), "it was the first"


def test_nobody_is_given_up_who_waits_for_an_answer() -> None:
    with doorstep(0, errno.EAGAIN, errno.EMFILE) as step:
        client = step.knock()
        step.wake()
        (connection,) = step.listener.connections
        client.sendall(len(query := dns.message.make_query("miss.example", "A").to_wire()).to_bytes(2, "big") + query)
        with selectors.DefaultSelector() as selector:
            selector.register(connection.socket, READ)
            assert selector.select(PATIENCE)
        connection.ready(READ, START)
        assert connection.owing
        step.knock()
        assert 1 == step.wake()
        assert not step.listens


def test_room_made_twice_in_one_wake_up_would_empty_the_house() -> None:
    with doorstep(0, 0, 0, errno.EAGAIN, *[errno.ENFILE] * 10) as step:
        for _ in range(3):
            step.knock()
        assert 3 == step.wake()
        step.knock()
        assert 2 == step.wake(START + 1)
        assert not step.listens


def test_who_came_just_now_is_not_given_up() -> None:
    with doorstep(0, errno.EMFILE) as step:
        step.knock()
        step.knock()
        assert (1, False) == (step.wake(), step.listens)


def test_when_a_connection_ends_its_place_is_taken_at_once() -> None:
    with doorstep(0, errno.EAGAIN, errno.EMFILE, errno.EMFILE) as step:
        step.knock()
        step.wake()
        (inside,) = step.listener.connections
        inside.open = 1
        step.knock()
        step.wake()
        assert not step.listens
        inside.close()
        assert step.listens


@pytest.mark.parametrize("error", sorted(OF_ONE))
def test_what_befell_one_who_waited_is_nothing_to_the_next(error: int) -> None:
    with doorstep(error) as step:
        step.knock()
        assert 1 == step.wake()
        assert step.listens


def test_a_socket_that_is_closed_is_not_listened_to_again() -> None:
    with doorstep(errno.EMFILE) as step:
        step.knock()
        step.wake()
        step.listener.close()
        step.listener.expire_sometimes(Instant(START + PAUSE))
        assert not step.listens


# -- answers that the kernel does not take


@pytest.mark.parametrize("wildcard", [False, True])
@pytest.mark.parametrize("error", SEND_ERRORS)
def test_an_answer_that_cannot_be_sent_is_dropped_and_the_next_one_goes_out(error: int, wildcard: bool) -> None:
    front = Counter53()
    front.warm()
    with socket.socket(type=socket.SOCK_DGRAM) as bare, socket.socket(type=socket.SOCK_DGRAM) as client:
        bare.bind(("127.0.0.1", 0))
        bare.setsockopt(socket.IPPROTO_IP, 8, int(wildcard))
        client.connect(bare.getsockname())
        client.settimeout(PATIENCE)
        with refusing_at(bare, ()) as server:
            server.setblocking(False)
            listener = DatagramListener(server, wildcard, front.desk, front.admission)
            server.script = [error]
            asked = [dns.message.make_query("www.example", "A") for _ in range(2)]
            for one in asked:
                client.send(one.to_wire())
            listener.ready(READ, START)
            assert asked[1].id == dns.message.from_wire(client.recv(4_096)).id
    assert 1 == front.desk.counters[f"udp-send-{error}"]


# -- questions that the kernel does not take


def scripted(monkeypatch: pytest.MonkeyPatch, *script: int) -> list[Refusing]:
    """Sockets for questions whose `send` fails so, all together."""
    made: list[Refusing] = []
    errors = list(script)
    real = datagram.open_datagram

    def opened(address: str, port: int, entropy: Callable[[int], bytes]) -> tuple[socket.socket, bool]:
        bare, chosen = real(address, port, entropy)
        one = refusing_at(bare, ())
        one.script = errors
        made.append(one)
        return one, chosen

    monkeypatch.setattr(datagram, "open_datagram", opened)
    return made


async def exchanged(liar: Liar, seconds: float = 5.0) -> tuple[bytes | Why, Counts]:
    counts = Counts()
    upstream = do53.open_udp(liar.spec(), Profile.OPPORTUNISTIC, make_tools(counts))
    try:
        return (await upstream.exchange(query_for(), soon(seconds)))[2:], counts
    except UpstreamFailed as failure:
        return failure.why, counts
    finally:
        await upstream.close()


@loops
@pytest.mark.parametrize("error", [errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN])
def test_a_question_the_kernel_has_no_room_for_is_sent_again(
    loop: str, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, error)
    monkeypatch.setattr(packets, "RESEND_AFTER", (0.01, 2.0))

    async def conversation() -> None:
        async with Liar("udp") as liar:
            exchange = packets.PacketExchange(
                query_for(),
                [("127.0.0.1", liar.port)],
                soon(),
                packets.CookieJar(os.urandom),
                make_tools(counts := Counts()),
                (0.01, 2.0),
            )
            outcome = await exchange.run()
            exchange.close()
            assert isinstance(outcome, packets.Message)
            assert 1 == counts[f"udp-upstream-{errno.errorcode[error]}"]

    run(loop, conversation())


@loops
@pytest.mark.parametrize(
    "error", [errno.EPERM, errno.EACCES, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL]
)
def test_a_question_that_is_forbidden_or_has_no_way_fails_at_once(
    loop: str, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scripted(monkeypatch, *[error] * 20)

    async def conversation() -> None:
        async with Liar("udp") as liar:
            begun = clock()
            why, counts = await exchanged(liar)
            assert (Why.UNREACHABLE, True) == (why, clock() - begun < 1.0)
            assert 3 == counts[f"udp-upstream-{errno.errorcode[error]}"]

    run(loop, conversation())
    assert all(one.fileno() < 0 for one in made), "no socket is left"


# -- connections, and what is thought of those who could not be asked


@pytest.fixture
def exhausted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """While its list holds an error, no socket can be had for questions."""
    state: list[int] = []
    real_socket, real_datagram = transport.open_socket, datagram.open_datagram

    def any_socket(family: int, kind: int, protocol: int = 0) -> socket.socket:
        if state:
            raise OSError(state[0], os.strerror(state[0]))
        return real_socket(family, kind, protocol)

    def opened(address: str, port: int, entropy: Callable[[int], bytes]) -> tuple[socket.socket, bool]:
        if state:
            raise OSError(state[0], os.strerror(state[0]))
        return real_datagram(address, port, entropy)

    monkeypatch.setattr(transport, "open_socket", any_socket)
    monkeypatch.setattr(datagram, "open_datagram", opened)
    return state


def resolver_for(liar: Liar, **changes: object) -> Resolver:
    counts: Counter[str] = Counter()
    tools = Tools(clock, os.urandom, no_lookup, lambda what: counts.update([what]), TlsFactory())
    profile = Profile.STRICT if liar.scheme in ("tls", "https") else Profile.OPPORTUNISTIC
    group = UpstreamGroup("default", (liar.spec(),), profile=profile)
    settings = ResolverSettings(
        1, ("default",), (group,), (Route(b"\0", -1, 0),), CacheSettings(stale=False), dnssec=UNVALIDATED
    )
    return Resolver(replace(settings, **changes), ForwardingWorld(tools, bytes(32), two_labels), lambda fact: None)


async def ask(resolver: Resolver, name: str) -> Reply:
    done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    resolver.ask(Query(read_name(name) + b"\0\1\0\1", 0, 0, 1), object(), done.set_result)
    return await done


@loops
@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls", "https"])
@pytest.mark.parametrize("error", sorted(SHORTAGES))
def test_our_own_shortage_is_no_fault_of_the_upstream_and_over_at_once(
    loop: str, scheme: str, error: int, exhausted: list[int]
) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar:
            resolver = resolver_for(liar)
            exhausted.append(error)
            for _ in range(5):
                reply = await ask(resolver, "www.example.")
                assert (2, "every upstream is at its limit") == (
                    reply.message[3] & 15,
                    reply.explanation and reply.explanation.text,
                )
            (server,) = resolver.world.groups[0].servers
            assert (State.READY, 0) == (server.health.state(clock()), server.health.open)
            exhausted.clear()
            assert answer(query_for())[-4:] == (await ask(resolver, "www.example.")).message[-4:]
            await resolver.close()

    run(loop, conversation())


@loops
def test_an_iteration_that_has_no_place_for_it_is_begun_anew_with_the_next_question(
    loop: str, exhausted: list[int]
) -> None:
    async def conversation() -> None:
        async with Liar("udp") as liar:
            servers = (Authority(read_name("ns.example."), ("127.0.0.1",)),)
            root = Iteration("root", b"\0", servers, prime=False, port=liar.port, private_servers=True)
            resolver = resolver_for(liar, iterations=(root,), routes=(Route(b"\0", -1, 1),))
            exhausted.append(errno.EMFILE)
            said = "no place is left for one more question to the zone"
            for _ in range(3):
                reply = await ask(resolver, "www.example.")
                assert (2, said) == (reply.message[3] & 15, reply.explanation and reply.explanation.text)
            assert not liar.queries
            exhausted.clear()
            await ask(resolver, "www.example.")
            assert liar.queries
            await resolver.close()

    run(loop, conversation())


@loops
def test_a_shortage_opens_nothing_that_was_encrypted(loop: str, exhausted: list[int]) -> None:
    async def conversation() -> None:
        async with Liar("tls") as liar:
            counts = Counts()
            upstream = open_upstream(liar.spec(), Profile.OPPORTUNISTIC, make_tools(counts))
            exhausted.append(errno.EMFILE)
            with pytest.raises(UpstreamFailed) as failed:
                await upstream.exchange(query_for(), soon())
            assert Why.BUSY is failed.value.why
            assert not counts["opportunistic-clear"]
            exhausted.clear()
            assert (await upstream.exchange(query_for(), soon()))[2:] == answer(query_for())[2:]
            await upstream.close()

    run(loop, conversation())


# -- what is said of it


def test_counters_are_read_by_number_and_by_name() -> None:
    assert Trouble.DESCRIPTORS is trouble_of(f"tcp-accept-{errno.EMFILE}")
    assert Trouble.MEMORY is trouble_of("udp-upstream-ENOBUFS")
    assert Trouble.FORBIDDEN is trouble_of(f"udp-send-{errno.EPERM}")
    assert Trouble.NO_WAY is trouble_of(f"quic-send-{errno.ENETUNREACH}")
    assert Trouble.DESCRIPTORS is trouble_of("connect-shortage")
    assert (None, None, None) == tuple(trouble_of(name) for name in ("hits", "udp-send-90", "udp-truncated"))
    assert {Trouble.MEMORY: 5} == troubles({"udp-send-105": 2, "quic-send-12": 3, "hits": 9, "udp-send-1": 0})


def test_trouble_is_said_once_when_it_begins_and_once_when_it_is_over() -> None:
    watchman, counters = Watchman(), Counter({"udp-send-1": 0})
    said = []
    for second in range(100):
        counters["udp-send-1"] += 1_000 if second < 50 else 0
        said += [(second, line) for line in watchman.look(counters, Instant(second))]
    (begin, first), (end, last) = said
    assert (0, 50 + QUIET) == (begin, end)
    assert first.startswith("the kernel forbids packets of ours: ")
    assert last.endswith("that is over; 50000 times")


def test_relief_is_told_once() -> None:
    watchman, counters = Watchman(), Counter[str]()
    relieved = []
    for second in range(10):
        counters["udp-upstream-EMFILE"] += second in (3, 4)
        watchman.look(counters, Instant(second))
        relieved.append(watchman.relieved)
    assert [5] == [second for second, one in enumerate(relieved) if one]


# -- streams that break


@pytest.mark.parametrize("error", sorted({errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.EPERM, *SHORTAGES}))
def test_a_client_whose_stream_breaks_is_gone_and_nobody_else(error: int) -> None:
    with doorstep() as step:
        near, far = socket.socketpair()
        with far, refusing_at(near, [error]) as endpoint:
            connection = Connection(step.listener, endpoint, step.listener.client_at("127.0.0.1", START), START)
            step.listener.connections.add(connection)
            step.listener.places.enter(connection.client)
            connection.open = 1
            connection.send(b"an answer")
            step.listener.flush(START)
            assert (set(), 0) == (step.listener.connections, step.listener.places.taken)
            step.knock()
            assert 1 == step.wake()
