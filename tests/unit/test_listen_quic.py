"""The QUIC listener under a virtual clock: aioquic's clients on a wire that loses, doubles and reorders; hostile ones too."""

import gc
import random
import weakref

import dns.edns
import pytest
from aioquic.buffer import Buffer
from aioquic.quic.packet import QuicErrorCode, pull_quic_transport_parameters
from kit.coders import quic_codec
from kit.quic import QuicClient, QuicHouse, Wire, connected, query

from net.quic_codecs import Codec
from net.quic_guard import MAX_CRYPTO
from net.quic_packets import LONGEST_RESET, SHORTEST_RESET
from net.quic_strain import MOST_UNEXPLAINED, STREAM_WINDOW, UNEXPLAINED_TOGETHER, WINDOW, Tickets
from resolver import admission
from resolver.edge.listen import quic as listening
from resolver.edge.listen.doq import DoqError
from resolver.edge.listen.quic import HANDSHAKE_PATIENCE, MOST_HEARD, RESET_RATE, RETRY_ABOVE

__all__ = ["quic_codec"]

pytestmark = pytest.mark.usefixtures("quic_codec")

CLIENT = ("127.0.0.1", 40_000)


def initial(address: tuple[str, int], now: float = 1_000.0) -> bytes:
    ((data, _),) = QuicClient(now, address=address).core.datagrams_to_send(now)
    return data


def silent_initials(house: QuicHouse, count: int, *, host: str = "127.0.0.9") -> None:
    """So many clients say hello and then nothing more, as if their addresses were forged."""
    for number in range(count):
        address = (host, 10_000 + number)
        house.listener.take(initial(address), address, [], house.now)
    house.turn()


# addresses that nobody has proved


@pytest.mark.parametrize("certificates", [1, 3, 12])
@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_before_its_address_is_proved_a_client_gets_at_most_three_times_what_it_sent(
    certificates: int, loss: float
) -> None:
    for seed in range(4):
        house = QuicHouse(Wire(seed=seed, loss=loss), certificates=certificates)
        address = ("127.0.0.9", 1_234)
        house.listener.take(initial(address), address, [], house.now)
        for _ in range(int(HANDSHAKE_PATIENCE / 0.5) + 4):
            house.run(0.5)
            assert house.down[address] <= 3 * 1_200
        assert house.listener.guests == set()


@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_a_chain_longer_than_that_still_gets_across(loss: float) -> None:
    house = QuicHouse(Wire(seed=3, loss=loss), certificates=12)
    client = house.connect()
    stream = client.ask(query())
    house.run(8.0)
    assert len(client.answers[stream]) == 2 + 468


def test_above_32_that_have_not_proved_their_address_the_next_must_prove_it_first() -> None:
    house = QuicHouse()
    silent_initials(house, RETRY_ABOVE)
    assert len(house.listener.unproved) == RETRY_ABOVE
    client = house.connect()
    stream = client.ask(query())
    house.run(1.0)
    assert house.counters["quic-retries"] == 1
    assert client.core._retry_count == 1
    assert len(client.answers[stream]) == 2 + 468
    assert len(house.listener.unproved) == RETRY_ABOVE


def test_a_retry_builds_no_connection_and_is_shorter_than_a_tenth_of_what_came(monkeypatch: pytest.MonkeyPatch) -> None:
    house = QuicHouse()
    silent_initials(house, RETRY_ABOVE)
    monkeypatch.setattr(listening, "QuicGuest", None)
    house.socket.sent.clear()
    for number in range(500):
        address = (f"127.1.{number % 250}.7", 5_000)
        house.listener.take(initial(address), address, [], house.now)
    assert len(house.socket.sent) == house.counters["quic-retries"] == 500
    assert max(len(data) for data, _, _ in house.socket.sent) < 120
    assert len(house.listener.guests) == RETRY_ABOVE


def test_initials_that_cannot_be_read_do_not_stay_and_still_press(monkeypatch: pytest.MonkeyPatch) -> None:
    house = QuicHouse()
    for number in range(200):
        address = ("127.0.0.9", 1_000 + number)
        data = initial(address)
        house.listener.take(data[:60] + bytes(len(data) - 60), address, [], house.now)
    assert house.listener.guests == set()
    assert house.listener._by_id == {}
    assert house.counters["quic-retries"] == 200 - RETRY_ABOVE


def test_clients_that_prove_themselves_are_never_told_to_come_back() -> None:
    house = QuicHouse()
    for number in range(100):
        connected(house, address=(f"127.0.0.{1 + number // 50}", 20_000 + number))
    assert "quic-retries" not in house.counters


def test_a_token_of_another_address_is_as_good_as_none() -> None:
    house = QuicHouse()
    silent_initials(house, RETRY_ABOVE)
    client = QuicClient(house.now)
    ((data, _),) = client.core.datagrams_to_send(house.now)
    house.listener.take(data, client.address, [], house.now)
    client.receive(house.socket.sent[-1][0], house.now)
    ((data, _),) = client.core.datagrams_to_send(house.now)
    house.listener.take(data, ("127.0.0.77", 9), [], house.now)
    assert (house.counters["quic-retries"], len(house.listener.guests)) == (2, RETRY_ABOVE)
    house.listener.take(data, client.address, [], house.now)
    assert (house.counters["quic-retries"], len(house.listener.guests)) == (2, RETRY_ABOVE + 1)


def test_short_initials_other_versions_strangers_and_noise() -> None:
    house = QuicHouse()
    data = initial(CLIENT)
    house.listener.take(data[:1_199], CLIENT, [], house.now)
    house.listener.take(data[:1] + b"\x0a\x0a\x0a\x0a" + data[5:], CLIENT, [], house.now)
    house.listener.take(data[:1] + b"\x0a\x0a\x0a\x0a" + data[5:300], CLIENT, [], house.now)
    house.listener.take(b"\x40" + bytes(40), CLIENT, [], house.now)
    house.listener.take(b"\x40" + bytes(4), CLIENT, [], house.now)
    house.listener.take(data, ("127.0.0.1", 0), [], house.now)
    house.listener.take(data, ("203.0.113.1", 9), [], house.now)
    (_, negotiated, _), (reset, told, _) = house.socket.sent
    assert [negotiated, told] == [CLIENT, CLIENT]
    assert (len(reset), reset[0] & 0xC0) == (40, 0x40)
    assert house.counters == {
        "quic-resets": 1,
        "quic-short-initial": 2,
        "quic-other-version": 1,
        "quic-unknown": 1,
        "quic-noise": 2,
        "dropped-access": 1,
    }


@pytest.mark.parametrize("fresh_id", [False, True])
def test_who_did_not_hear_of_the_end_is_told_at_the_next_packet(fresh_id: bool, quic_codec: Codec) -> None:
    house = QuicHouse()
    client = connected(house)
    (guest,) = house.listener.guests
    guest.vanish()
    if fresh_id:
        client.core.change_connection_id()
    client.ask(query())
    (sent, _), *_ = client.core.datagrams_to_send(house.now)
    house.listener.take(sent, client.address, [], house.now)
    ((reset, address, _),) = house.socket.sent
    assert address == client.address
    assert SHORTEST_RESET <= len(reset) <= min(LONGEST_RESET, len(sent) - 1)
    # Of an id that it did not begin with, qh3 alone makes the token: then the client waits until its own patience ends.
    known = reset[-16:] == client.core._peer_cid.stateless_reset_token
    assert known is not (fresh_id and quic_codec is Codec.QH3)


def test_a_client_may_change_its_connection_id_as_soon_as_it_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """As quic-go does: with its first packet after it heard of one."""
    house = QuicHouse(Wire(delay=0.0001))
    client, receive, streams = house.connect(), QuicClient.receive, []

    def hear(self: QuicClient, data: bytes, now: float) -> None:
        receive(self, data, now)
        if self.core._peer_cid_available and not streams:
            self.core.change_connection_id()
            streams.append(self.ask(query()))

    monkeypatch.setattr(QuicClient, "receive", hear)
    house.run(0.2)
    assert "quic-unknown" not in house.counters
    assert len(client.answers[streams[0]]) == 470


def test_resets_are_shorter_than_what_came_and_bounded_in_a_second() -> None:
    house = QuicHouse()
    for length in range(SHORTEST_RESET, 60):
        house.socket.sent.clear()
        house.listener.take(b"\x40" + bytes(length - 1), CLIENT, [], house.now)
        assert all(SHORTEST_RESET <= len(data) < length for data, _, _ in house.socket.sent)
        assert len(house.socket.sent) == (1 if length > SHORTEST_RESET else 0)
    for _ in range(1_000):
        house.listener.take(b"\x40" + bytes(40), CLIENT, [], house.now)
    assert house.counters["quic-resets"] == RESET_RATE


class OneWay(Wire):
    """Loses what a client sends once its handshake is done."""

    client: QuicClient | None = None

    def carry(self, data: bytes, address: tuple[str, int], *, up: bool) -> None:
        if not (up and self.client is not None and self.client.connected):
            super().carry(data, address, up=up)


def test_a_client_to_which_the_handshake_is_done_is_told_that_it_took_too_long() -> None:
    """Its last packet was lost: it would hold on until its own patience ends."""
    wire = OneWay()
    house = QuicHouse(wire)
    silent_initials(house, RETRY_ABOVE)
    client = wire.client = house.connect()
    house.run(HANDSHAKE_PATIENCE - 0.5)
    assert client.connected
    assert client.terminated is None
    house.run(1.5)
    assert house.listener.guests == set()
    assert client.terminated is not None
    assert client.terminated.error_code == QuicErrorCode.CONNECTION_REFUSED


def test_packets_of_another_address_reach_no_connection_and_are_not_answered() -> None:
    house = QuicHouse()
    client = connected(house)
    client.ask(query())
    moved = [data for data, _ in client.core.datagrams_to_send(house.now)]
    for data in moved:
        house.listener.take(data, ("127.0.0.66", 6), [], house.now)
    house.run(0.01)
    assert house.counters["quic-moved"] == len(moved)
    assert ("127.0.0.66", 6) not in house.down


def test_the_client_is_told_not_to_move() -> None:
    house = QuicHouse()
    client = house.connect()
    seen: list[bytes] = []
    parse = client.core._parse_transport_parameters
    client.core._parse_transport_parameters = lambda data, **how: (seen.append(data), parse(data, **how))[1]  # type: ignore
    house.run(0.2)
    assert seen
    assert pull_quic_transport_parameters(Buffer(data=seen[0])).disable_active_migration


# a bad network


@pytest.mark.parametrize("seed", range(12))
def test_all_answers_come_over_a_wire_that_loses_doubles_and_reorders(seed: int) -> None:
    house = QuicHouse(Wire(seed=seed, loss=0.2, twice=0.2, jitter=0.05))
    client = house.connect()
    streams = [client.ask(query(f"n{number}.example")) for number in range(10)]
    house.run(25.0)
    assert [len(client.answers.get(stream, b"")) for stream in streams] == [470] * 10
    assert "quic-excessive-load" not in house.counters


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_nothing_is_raised_and_an_honest_client_is_served(seed: int) -> None:
    house = QuicHouse()
    noise = random.Random(seed)
    victim = connected(house)
    label = victim.core._peer_cid.cid
    for _ in range(300):
        base = noise.choice([initial(CLIENT), b"\x40" + label + noise.randbytes(60), noise.randbytes(1_200)])
        data = bytearray(base)
        for _ in range(noise.randint(0, 8)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        address = noise.choice([CLIENT, ("127.0.0.9", noise.randint(1, 60_000))])
        if address != CLIENT or data[0] & 0x80:
            house.listener.take(bytes(data), address, [], house.now)
        house.wire.now += 0.01
    house.run(1.0)
    stream = victim.ask(query())
    house.run(1.0)
    assert len(victim.answers[stream]) == 470
    assert not [counter for counter in house.counters if counter.startswith("quic-broken")]


# places and time


def test_places_of_an_address_and_of_the_house() -> None:
    house = QuicHouse(connections_per_address=2, connections=3)
    for number in range(3):
        house.connect(address=("127.0.0.1", 1_000 + number))
    house.run(0.3)
    assert len(house.listener.guests) == 2
    assert house.counters["secure-refused-client"] >= 1
    first = house.clients["127.0.0.1", 1_000]
    del house.clients["127.0.0.1", 1_002]
    for number in range(2):
        connected(house, address=(f"127.0.0.{5 + number}", 1_000))
    # A house this small is full at once, so who is idle goes within a fifth of a second, or makes room.
    assert len(house.house.guests) <= 3
    assert house.counters.get("secure-shed", 0) + house.counters.get("quic-idle", 0) >= 1
    assert first.terminated is not None
    assert first.terminated.error_code == DoqError.NO_ERROR


def test_one_ipv6_household_has_the_places_of_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "DEVICES", 1)
    house = QuicHouse(connections_per_address=2, connections=8, allow=("::/0",))
    addresses = [f"2001:db8:0:{number:x}::{number + 1:x}" for number in (0, 1, 0xFF)]
    for address in addresses:
        house.connect(address=(address, 1_000))
    house.run(0.3)
    assert len(house.listener.guests) == 2
    assert house.counters["secure-refused-client"] >= 1
    connected(house, address=("2001:db8:0:100::1", 1_000))


def test_packets_that_nobody_acknowledged_keep_no_connection(quic_codec: Codec) -> None:
    house = QuicHouse()
    connected(house)
    client = house.connect()
    # Three journeys of 10 ms: the handshake is done here, and what was said of it is still on its way.
    house.run(0.035)
    (guest,) = [one for one in house.listener.guests if one.address == client.address]
    if quic_codec is Codec.AIOQUIC:
        assert any(space.sent_packets for space in guest.conversation.core._spaces.values())  # type: ignore[attr-defined]
    core = weakref.ref(guest.conversation.core)
    gc.collect()
    gc.disable()
    try:
        guest.shed(house.now)
        house.listener.dirty.clear()
        del guest
        assert core() is None
    finally:
        gc.enable()


def test_who_is_gone_is_kept_by_no_timer() -> None:
    house = QuicHouse()
    clients = [connected(house) for _ in range(5)]
    gone = {id(guest) for guest in house.listener.guests}
    for client in clients:
        client.core.close(DoqError.NO_ERROR)
    house.run(0.2)
    assert house.listener.guests == set()
    assert house.listener._timers  # so it is no empty heap that keeps nobody
    kept = gc.get_referents(house.listener._timers, house.listener._numbered, *house.listener._timers)
    assert [] == [one for one in kept if id(one) in gone]


def test_who_is_idle_is_told_so_and_gone_and_everything_is_given_back() -> None:
    house = QuicHouse(idle=10.0)
    client = connected(house)
    for _ in range(3):
        house.run(6.0)
        client.ask(query())
    house.run(9.5)
    assert client.terminated is None
    house.run(1.0)
    assert client.terminated is not None
    assert client.terminated.error_code == DoqError.NO_ERROR
    assert (house.listener.guests, house.listener._by_id, house.house.guests) == (set(), {}, set())
    assert house.house.places.held_by(house.counter.client().household) == 0


def test_pings_keep_nobody_here() -> None:
    house = QuicHouse(idle=5.0)
    client = connected(house)
    for number in range(8):
        client.core.send_ping(number)
        house.run(1.0)
    assert house.counters["quic-idle"] == 1


def test_a_handshake_that_is_not_finished_is_given_up() -> None:
    house = QuicHouse()
    silent_initials(house, 3)
    house.run(HANDSHAKE_PATIENCE - 0.5)
    assert len(house.listener.guests) == 3
    house.run(1.0)
    assert len(house.listener.guests) == 0
    assert house.counters["quic-slow-handshake"] == 3


def test_who_is_gone_leaves_no_circle_behind() -> None:
    house = QuicHouse(idle=3.0)
    for alpn in ("doq", "h3"):
        client = connected(house, alpn=alpn)
        if alpn == "doq":
            client.ask(query())
    house.run(0.3)
    cores = [weakref.ref(guest.conversation.core) for guest in house.listener.guests]
    gc.collect()
    gc.disable()
    try:
        # The longest timer is in the heap until then.
        house.run(12.0)
        assert house.listener.guests == set()
        assert [core() for core in cores] == [None, None]
    finally:
        gc.enable()


def test_after_close_nobody_new_comes_in_and_the_socket_goes_with_the_last_answer() -> None:
    house = QuicHouse()
    idle, client = connected(house), connected(house, address=("127.0.0.1", 40_001))
    house.answering = False
    stream = client.ask(query())
    house.run(0.1)
    house.listener.close()
    late = house.connect(address=("127.0.0.1", 40_002))
    house.run(0.1)
    assert idle.terminated is not None
    assert client.terminated is None
    assert not house.listener.ended
    house.answering = True
    house.run(0.5)
    assert late.connected is None
    assert len(client.answers[stream]) == 470
    assert client.terminated is not None
    assert house.listener.ended


def test_when_the_cell_ends_everybody_is_told_whoever_waits_for_an_answer() -> None:
    house = QuicHouse()
    client = connected(house)
    house.answering = False
    client.ask(query())
    house.run(0.1)
    house.listener.leave()
    assert house.listener.ended
    house.run(0.2)
    assert client.terminated is not None


def test_a_reload_that_lets_a_client_in_no_more_ends_its_connection() -> None:
    house = QuicHouse()
    client = connected(house)
    house.house.use(house.house.settings, QuicHouse(allow=("::1/128",)).counter.admission)
    house.listener.use(house.now)
    house.run(0.2)
    assert client.terminated is not None
    assert house.listener.guests == set()


# resumption


def test_a_session_is_resumed_once_and_without_early_data() -> None:
    house = QuicHouse()
    client = connected(house)
    (ticket,) = client.tickets
    assert ticket.max_early_data_size is None
    again = connected(house, ticket=ticket)
    assert again.connected is not None
    assert again.connected.session_resumed
    assert not again.connected.early_data_accepted
    third = connected(house, ticket=ticket)
    assert third.connected is not None
    assert not third.connected.session_resumed


def test_early_data_ends_the_handshake() -> None:
    house = QuicHouse()
    (ticket,) = connected(house).tickets
    ticket.max_early_data_size = 0xFFFFFFFF
    liar = house.connect(ticket=ticket)
    liar.ask(query())
    house.run(0.5)
    assert liar.connected is None
    assert liar.terminated is not None
    assert house.counter.port.queries == []
    assert "misses" not in house.counters


def test_a_wake_up_is_for_so_many_questions_however_many_are_in_a_packet() -> None:
    house, coming = QuicHouse(), list[tuple[bytes, tuple[str, int]]]()
    for client in [connected(house, address=("127.0.0.1", 41_000 + number)) for number in range(12)]:
        for _ in range(50):
            client.ask(query())
        coming += [(data, client.address) for data, _ in client.core.datagrams_to_send(house.now)]

    def recvmsg(*_: int) -> tuple[bytes, list[object], int, tuple[str, int]]:
        if not coming:
            raise BlockingIOError
        data, address = coming.pop()
        return data, [], 0, address

    house.socket.recvmsg = recvmsg  # type: ignore[attr-defined]
    turns = []
    while coming:
        before = house.counters.get("misses", 0)
        house.listener.ready(1, house.now)
        turns.append(house.counters["misses"] - before)
    # With the last packet of a turn come some more than that.
    assert 600 == sum(turns)
    assert all(MOST_HEARD - 1 <= one < MOST_HEARD + 50 for one in turns[:-1])
    assert len(turns) > 1


def test_tickets_are_bounded() -> None:
    house = QuicHouse()
    (ticket,) = connected(house).tickets
    tickets = Tickets()
    for number in range(Tickets.MOST + 10):
        ticket.ticket = number.to_bytes(4, "big")
        tickets.keep(ticket)
    assert len(tickets) == Tickets.MOST
    assert tickets.take(bytes(4)) is None


# floods

FLOODS = {
    "PING": b"\x01" * 1_000,
    "RESET_STREAM": b"\x04\x00\x00\x00" * 250,
    "STOP_SENDING": b"\x05\x00\x00" * 330,
    "MAX_DATA": b"\x10\x00" * 500,
    "MAX_STREAM_DATA": b"\x11\x00\x00" * 330,
    "MAX_STREAMS": b"\x12\x00" * 500,
    "DATA_BLOCKED": b"\x14\x00" * 500,
    "STREAMS_BLOCKED": b"\x16\x00" * 500,
    "PATH_CHALLENGE": (b"\x1a" + bytes(8)) * 110,
    "empty STREAM": b"\x0a\x00\x00" * 330,
    "PADDING": bytes(1_000),
    "a gap in CRYPTO": b"\x06\x02\x01x" * 250,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_frames_ends_the_connection_within_300_datagrams_and_costs_nobody_else(kind: str) -> None:
    house = QuicHouse()
    honest, flooder = connected(house), connected(house)
    sent = 0
    while len(house.listener.guests) == 2 and sent < 400:
        house.listener.take(flooder.inject(FLOODS[kind]), flooder.address, [], house.now)
        house.listener.flush(house.now)
        sent += 1
    assert sent <= 300
    house.run(0.3)
    assert house.counters["quic-excessive-load"] == 1
    assert flooder.terminated is not None
    assert flooder.terminated.error_code == DoqError.EXCESSIVE_LOAD
    refused = house.connect()
    house.run(0.3)
    assert refused.connected is None
    assert house.counters["secure-refused-barred"] >= 1
    stream = honest.ask(query())
    house.run(0.3)
    assert len(honest.answers[stream]) == 470


def crypto(offset: int, length: int) -> bytes:
    """A piece of what looks like a handshake message of 16 MB."""
    data = (b"\x01\xff\xff\xff" + bytes(length))[:length] if offset == 0 else bytes(length)
    return b"\x06" + (0x80000000 | offset).to_bytes(4, "big") + (0x4000 | length).to_bytes(2, "big") + data


@pytest.mark.parametrize("stalled", [False, True])
@pytest.mark.parametrize("gap", [0, 1])
def test_who_asks_as_well_cannot_have_a_handshake_kept_that_never_ends(gap: int, stalled: bool) -> None:
    """Questions pay for it, or what is unfinished keeps us from looking: it is bounded all the same."""
    house = QuicHouse(idle=60.0)
    client = connected(house)
    # Others have come to what all may have together.
    house.terms.house.unexplained = UNEXPLAINED_TOGETHER
    if stalled:
        for _ in range(4):
            client.ask(bytes((255, 255)) + bytes(50_000), framed=False, ended=False)
        house.run(1.0)
    sent = 0
    while house.listener.guests and sent < 300_000:
        house.listener.take(client.inject(crypto(sent + gap, 1_000)), client.address, [], house.now)
        sent += 1_000
        for number in range(0 if stalled else 3):
            client.ask(query(f"n{number}.example"))
        house.run(0.1)
    assert sent <= MOST_UNEXPLAINED + (WINDOW if stalled else 0) + 2_000
    assert "quic-excessive-load" not in house.counters


def test_what_is_kept_of_handshakes_is_bounded_over_all_connections_and_given_back() -> None:
    """Nobody else has anything: so many connections may have a little each, and together no more than that."""
    house = QuicHouse(idle=60.0)
    clients = [connected(house) for _ in range(2)]
    kept = house.terms.house
    kept.unexplained = UNEXPLAINED_TOGETHER - 3 * MOST_UNEXPLAINED
    before, sent = kept.unexplained, 0
    while len(house.listener.guests) == 2 and sent < 300_000:
        for client in clients:
            house.listener.take(client.inject(crypto(sent + 1, 1_000)), client.address, [], house.now)
            client.ask(query(f"n{sent}.example"))
            client.ask(query(f"m{sent}.example"))
            client.ask(query(f"k{sent}.example"))
        sent += 1_000
        house.run(0.1)
    assert 0 < sent <= 3 * MOST_UNEXPLAINED // 2 + 4_000
    for client in clients:
        client.core.close()
    house.run(20.0)
    assert (house.listener.guests, kept.unexplained) == (set(), before)


@pytest.mark.parametrize(("at_once", "padding"), [(1, 0), (90, 0), (8, 1_000)])
def test_an_honest_client_that_asks_a_lot_keeps_its_connection(at_once: int, padding: int) -> None:
    """Thousands of questions, many to a datagram, or padded by frames of QUIC (RFC 9250 §5.4)."""
    house = QuicHouse(Wire(seed=5, loss=0.01, twice=0.01), idle=60.0, streams=100)
    client = connected(house)
    asked = 0
    while asked < (400 if padding else 6_000):
        streams = [client.ask(query()) for _ in range(at_once)]
        if padding:
            house.listener.take(client.inject(bytes(padding)), client.address, [], house.now)
        house.run(0.1)
        while not all(len(client.answers.get(stream, b"")) == 470 for stream in streams):
            assert client.terminated is None
            house.run(0.5)
        asked += at_once
    assert len(house.listener.guests) == 1


def test_what_fails_where_something_had_waited_ends_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    house = QuicHouse()
    honest, victim = connected(house), connected(house)
    (guest,) = [one for one in house.listener.guests if one.address == victim.address]

    def fail() -> None:
        raise IndexError

    monkeypatch.setattr(guest.conversation.core, "heard", fail)
    victim.ask(query())
    stream = honest.ask(query())
    house.run(0.3)
    assert len(honest.answers[stream]) == 470
    assert victim.terminated is not None
    assert victim.terminated.error_code == QuicErrorCode.INTERNAL_ERROR
    assert house.counters["quic-broken-IndexError"] == 1


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x06\x80\x00\x40\x00\x01x", QuicErrorCode.CRYPTO_BUFFER_EXCEEDED),
        (b"\x0e\x00\x80\x02\x00\x00\x01x", QuicErrorCode.FLOW_CONTROL_ERROR),
        (b"\x0a\x41\x90\x01x", QuicErrorCode.STREAM_LIMIT_ERROR),
        (b"\x19\x40\xff", QuicErrorCode.PROTOCOL_VIOLATION),
        (b"\x2f", QuicErrorCode.FRAME_ENCODING_ERROR),
        (b"\x1e", QuicErrorCode.PROTOCOL_VIOLATION),
    ],
    ids=["a gap in CRYPTO", "a gap in a stream", "stream 101", "an id never given", "no frame", "HANDSHAKE_DONE"],
)
def test_what_is_out_of_bounds_ends_the_connection(frames: bytes, code: int, quic_codec: Codec) -> None:
    house = QuicHouse()
    client = connected(house)
    house.listener.take(client.inject(frames), client.address, [], house.now)
    house.run(0.3)
    if quic_codec is Codec.QH3 and code == QuicErrorCode.CRYPTO_BUFFER_EXCEEDED:
        # It counts the octets that it keeps, and keeps none of this.
        assert client.terminated is None
        return
    assert client.terminated is not None
    assert client.terminated.error_code == code
    assert house.listener.guests == set()


def test_gaps_on_all_streams_hold_no_more_than_the_connections_window(quic_codec: Codec) -> None:
    house = QuicHouse()
    client = connected(house)
    (guest,) = house.listener.guests
    for number in range(100):
        offset = (0x80000000 | (STREAM_WINDOW - 10)).to_bytes(4, "big")
        stream = (0x4000 | 4 * number).to_bytes(2, "big")
        house.listener.take(client.inject(b"\x0e" + stream + offset + b"\x01x"), client.address, [], house.now)
        house.listener.flush(house.now)
        if house.listener.guests == set():
            break
    if quic_codec is Codec.AIOQUIC:
        held = sum(len(stream.receiver._buffer) for stream in guest.conversation.core._streams.values())  # type: ignore[attr-defined]
        assert held <= WINDOW
    assert house.listener.guests == set()
    assert MAX_CRYPTO <= WINDOW


def test_a_hundred_streams_at_once_and_a_thousand_one_after_another() -> None:
    house = QuicHouse()
    client = connected(house)
    house.answering = False
    for number in range(130):
        client.ask(query(f"n{number}.example"))
    house.run(0.5)
    assert len(house.counter.port.queries) == 100
    house.answering = True
    house.run(1.0)
    assert len([answer for answer in client.answers.values() if len(answer) == 470]) == 130
    for round_ in range(17):
        for number in range(51):
            client.ask(query(f"r{round_}-{number}.example"))
        house.run(0.3)
    assert len(client.answers) == 130 + 17 * 51
    (guest,) = house.listener.guests
    assert not getattr(guest.conversation.core, "_streams", {})
    assert guest.talk is not None
    assert guest.talk._roads == {}  # type: ignore[attr-defined]


def test_a_long_life_gives_the_window_back() -> None:
    house = QuicHouse()
    client = connected(house)
    padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(16_000))
    padded = query("long.example", options=[padding])
    for _ in range(40):
        client.ask(padded)
        house.run(0.5)
    assert len(client.answers) == 40


def test_a_handshake_that_only_brings_pieces_holds_little(quic_codec: Codec) -> None:
    """Of the ClientHello, again and again: whoever sends it need not be where it says."""
    house = QuicHouse()
    address = ("127.0.0.9", 1_234)
    first = initial(address)
    house.listener.take(first, address, [], house.now)
    (guest,) = house.listener.guests
    for _ in range(300):
        house.listener.take(first, address, [], house.now)
    house.turn()
    assert guest not in house.listener.guests
    assert house.down[address] <= 3 * 1_200


def test_octets_that_nobody_takes_stop_a_client_and_who_takes_them_back_is_served_or_goes(quic_codec: Codec) -> None:
    house = QuicHouse(idle=5.0)
    client = connected(house)
    streams = [client.ask(bytes((255, 255)) + bytes(50_000), framed=False, ended=False) for _ in range(40)]
    house.run(3.0)
    (guest,) = house.listener.guests
    held = sum(len(road.pieces) for road in guest.talk._roads.values())  # type: ignore[attr-defined,union-attr]
    assert held == WINDOW
    for stream in streams:
        client.core.reset_stream(stream, DoqError.REQUEST_CANCELLED)
    house.run(1.0)
    after = client.ask(query())
    house.run(5.0)
    # qh3 gives room for what it hands out, so it hands out no more, and what takes octets back is behind them.
    assert (len(client.answers.get(after, b"")) == 470) is (quic_codec is Codec.AIOQUIC)
    house.run(5.0)
    assert house.listener.guests == set()
    assert "quic-excessive-load" not in house.counters
