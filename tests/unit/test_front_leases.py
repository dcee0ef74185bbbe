"""Names of leases at the desk: answered here, at once, by no cache and by no resolver; and the pair to the dhcp cell."""

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import pytest
from kit.desk import START, Counter53, FakeRoad, answer
from kit.leased import GROUPS, HOME, NAS, V4, host

from anchorhold.cells.peer import LeasePeer, Pair
from anchorhold.ipc import Inbox, MessageType, Verb, build_message
from anchorhold.leases.messages import ALL, MAX_HOSTS, MORE, build_hosts
from anchorhold.link import LinkType, PairName
from resolver.cache.packets import DATAGRAM, shelf_of
from resolver.edge.flights import Flight
from resolver.local import Host, Leases
from resolver.settings import LeaseNames
from wire.dns.names import read_name
from wire.units import Instant

ROUTED = LeaseNames(HOME.domains, HOME.subnets, ((HOME.domains[0], -1),))


class Forbidden:
    """A resolver that nobody may ask."""

    def query(self, flight: Flight, _deadline: float) -> None:
        raise AssertionError(f"the resolver was asked for {flight.key.question!r}")

    def refresh(self, flight: Flight) -> None:
        raise AssertionError(f"the resolver was asked for {flight.key.question!r}")

    def cancel(self, _handle: int) -> None:
        raise AssertionError("the resolver was told of something that it was never asked for")


def counter(leases: LeaseNames = HOME, *, forbidden: bool = True) -> Counter53:
    front = Counter53(leases=leases, client_groups=GROUPS)
    if forbidden:
        front.desk.connect(Forbidden())
        front.desk.grant(100, START)
    return front


def ask(front: Counter53, name: str, rrtype: str = "A", **changes: object) -> dns.message.Message:
    asked = dns.message.make_query(name, rrtype, **changes)  # type: ignore[arg-type]
    message = front.ask(asked).message
    assert asked.is_response(message)
    return message


# -- the desk


def test_a_name_of_a_lease_is_answered_here_in_the_clients_spelling() -> None:
    front = counter()
    front.desk.learn([NAS], START)
    message = ask(front, "NaS.Home.arpa", want_dnssec=True)
    assert ("NaS.Home.arpa.", "192.168.1.20") == (message.question[0].name.to_text(), message.answer[0][0].to_text())
    assert [] == list(message.options)
    assert not message.flags & (dns.flags.AD | dns.flags.AA | dns.flags.TC)
    assert (1, 0, "lease") == (front.desk.counters["leases"], front.desk.counters["misses"], front.desk.origin)


def test_a_validating_client_gets_no_ad_bit_either() -> None:
    front = counter()
    front.desk.learn([NAS], START)
    assert not ask(front, "nas.home.arpa", flags=dns.flags.RD | dns.flags.AD).flags & dns.flags.AD


def test_no_question_in_a_zone_of_leases_reaches_the_resolver() -> None:
    front = counter()
    front.desk.learn([NAS], START)
    names = ["nas.home.arpa", "no.home.arpa", "_dns-sd._udp.home.arpa", "home.arpa", "1.1.168.192.in-addr.arpa"]
    for name in names:
        for rrtype in ("A", "AAAA", "PTR", "SOA", "NS", "DS", "DNSKEY", "HTTPS", "TXT", "ANY"):
            ask(front, name, rrtype)
            ask(front, name, rrtype, want_dnssec=True)
    assert (0, 0, {}) == (front.desk.open, len(front.desk.cache), front.desk.cache.rendered[shelf_of(0, DATAGRAM)])


def test_a_change_takes_effect_with_the_next_question() -> None:
    front = counter()
    assert dns.rcode.NXDOMAIN == ask(front, "nas.home.arpa").rcode()
    front.desk.learn([NAS], START)
    assert 1 == len(ask(front, "nas.home.arpa").answer)
    front.desk.learn([host("nas.home.arpa", gone=True)], START)
    assert dns.rcode.NXDOMAIN == ask(front, "nas.home.arpa").rcode()


def test_without_the_dhcp_cells_word_a_name_of_its_zone_does_not_go_outside_either() -> None:
    assert dns.rcode.NXDOMAIN == ask(counter(), "nas.home.arpa").rcode()


def test_an_answer_too_long_for_udp_is_cut_off() -> None:
    front = counter()
    front.desk.learn([host("nas.home.arpa", *(bytes((10, 0, 0, number)) for number in range(60)))], START)
    message = ask(front, "nas.home.arpa")
    assert message.flags & dns.flags.TC
    whole = front.ask(dns.message.make_query("nas.home.arpa", "A"), road=FakeRoad(stream=True)).message
    assert 60 == len(whole.answer[0])


def test_guests_do_not_see_who_is_there() -> None:
    front = counter()
    front.desk.learn([NAS], START)
    road = front.ask(dns.message.make_query("nas.home.arpa", "A"), address="127.0.0.65")
    assert dns.rcode.NXDOMAIN == road.message.rcode()


# -- where a route makes some names the resolver's


@pytest.mark.parametrize("whole", [False, True])
def test_what_the_resolver_said_of_a_name_is_gone_when_somebody_takes_the_name(whole: bool) -> None:
    front = counter(ROUTED, forbidden=False)
    front.warm("nas.home.arpa")
    front.warm("other.home.arpa")
    front.ask(dns.message.make_query("nas.home.arpa", "A", use_edns=0))
    assert 2 == len(front.port.queries)
    tell(front, NAS, whole=whole)
    assert "192.168.1.20" == ask(front, "nas.home.arpa").answer[0][0].to_text()
    assert ([], 1) == (list(front.desk.cache.rendered[0]), len(front.desk.cache))
    front.desk.learn([host("nas.home.arpa", gone=True)], START)
    front.ask(dns.message.make_query("nas.home.arpa", "A"))
    assert 3 == len(front.port.queries)


@pytest.mark.parametrize("whole", [False, True])
def test_who_waits_for_the_resolver_is_answered_when_somebody_takes_the_name(whole: bool) -> None:
    front = counter(ROUTED, forbidden=False)
    roads = [front.ask(dns.message.make_query("nas.home.arpa", "A")) for _ in range(2)]
    other = front.ask(dns.message.make_query("other.home.arpa", "A"))
    tell(front, NAS, whole=whole)
    assert ["192.168.1.20"] * 2 == [road.message.answer[0][0].to_text() for road in roads]
    assert ([], [front.port.queries[0].handle]) == (other.sent, front.port.cancelled)
    front.reply(front.port.queries[0], answer(front.port.queries[0].key.question))
    assert (0, 1) == (len(front.desk.cache), front.desk.counters["replies-late"])


def test_a_refresh_that_is_under_way_does_not_bring_the_old_answer_back() -> None:
    front = counter(ROUTED, forbidden=False)
    front.warm("nas.home.arpa", cacheable=100.0)
    for _ in range(3):
        front.ask(dns.message.make_query("nas.home.arpa", "A"), now=START + 95)
    (refresh,) = front.port.refreshes
    front.desk.learn([NAS], Instant(START + 95))
    front.reply(refresh, answer(refresh.key.question), START + 96)
    assert 0 == len(front.desk.cache)


def tell(front: Counter53, *hosts: Host, whole: bool) -> None:
    if not whole:
        front.desk.learn(hosts, START)
        return
    leases = Leases()
    for one in hosts:
        leases.apply(one, START)
    front.desk.relearn(leases, START)


# -- the pair to the dhcp cell


class Owner:
    """As much of the front cell as its end of the pair needs."""

    def __init__(self, front: Counter53) -> None:
        self.desk = front.desk
        self.accused: list[PairName] = []
        self.lost: list[str] = []

    def regroup(self, now: Instant) -> None:
        return

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        return

    def lose(self, pair: Pair, why: str) -> None:
        self.lost.append(why)
        pair.close()

    def accuse(self, name: PairName) -> None:
        self.accused.append(name)


class Line:
    """The pair, and the dhcp cell's end of it."""

    def __init__(self, front: Counter53) -> None:
        ours, self.dhcp = socket.socketpair()
        self.dhcp.settimeout(60.0)
        self.owner = Owner(front)
        self.peer = LeasePeer(self.owner, ours, PairName(LinkType.HOSTS))

    def say(self, *messages: bytes) -> None:
        self.dhcp.sendall(b"".join(messages))
        self.peer.ready(selectors.EVENT_READ, START)


@contextmanager
def lined(front: Counter53) -> Iterator[Line]:
    line = Line(front)
    with line.dhcp, line.peer.socket:
        yield line


def addresses(front: Counter53, name: str) -> list[bytes]:
    return list(front.desk.local.leases.addresses(read_name(name)) or ())


def test_what_the_dhcp_cell_tells_is_answered() -> None:
    front = counter()
    with lined(front) as line:
        line.say(*build_hosts([NAS], everything=True))
        line.say(*build_hosts([host("tv.home.arpa", b"\x0a\0\0\1")]))
        line.say(*build_hosts([host("nas.home.arpa", V4, gone=True)]))
    assert (1, 1) == (len(addresses(front, "nas.home.arpa")), len(addresses(front, "tv.home.arpa")))
    assert [] == line.owner.lost


def test_all_of_it_counts_when_the_last_piece_has_come() -> None:
    front = counter()
    many = [
        host(f"h{number}.home.arpa", bytes((10, 0, number // 256, number % 256))) for number in range(MAX_HOSTS + 1)
    ]
    with lined(front) as line:
        line.say(*build_hosts([NAS], everything=True))
        first, last = build_hosts(many, everything=True)
        line.say(first)
        assert (2, 0) == (len(addresses(front, "nas.home.arpa")), len(addresses(front, "h1.home.arpa")))
        line.say(last)
        assert (0, MAX_HOSTS + 1) == (len(addresses(front, "nas.home.arpa")), len(front.desk.local.leases))


def test_names_stay_when_the_dhcp_cell_dies_and_the_next_one_says_what_is_true() -> None:
    front = counter()
    with lined(front) as line:
        line.say(*build_hosts([NAS, host("tv.home.arpa", b"\x0a\0\0\1")], everything=True))
        line.dhcp.close()
        line.peer.ready(selectors.EVENT_READ, START)
        assert ["the dhcp cell hung up"] == line.owner.lost
    assert 1 == len(ask(front, "nas.home.arpa").answer)
    with lined(front) as line:
        line.say(*build_hosts([NAS], everything=True))
    assert [2, 0] == [len(addresses(front, f"{name}.home.arpa")) for name in ("nas", "tv")]


def test_a_dhcp_cell_that_dies_in_the_middle_of_it_changes_nothing() -> None:
    front = counter()
    with lined(front) as line:
        line.say(*build_hosts([NAS], everything=True))
    with lined(front) as line:
        line.say(next(iter(build_hosts([host("tv.home.arpa", V4)] * (MAX_HOSTS + 1), everything=True))))
    assert 2 == len(addresses(front, "nas.home.arpa"))


def hosts_message(*hosts: Host, flags: int) -> bytes:
    (heard,) = Inbox().feed(b"".join(build_hosts(hosts)))
    return build_message(MessageType.HOSTS, 0, heard.body, flags=flags)


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param([bytes(24)], id="unknown type"),
        pytest.param([build_message(MessageType.REPLY, 1, b"")], id="what a resolver says"),
        pytest.param([build_message(MessageType.HOSTS, 0, b"\xc1", flags=ALL)], id="no msgpack"),
        pytest.param([hosts_message(NAS, flags=0)], id="does not begin with all of it"),
        pytest.param([hosts_message(NAS, flags=ALL), hosts_message(NAS, flags=MORE)], id="more of what did not begin"),
        pytest.param([hosts_message(NAS, flags=4)], id="unknown flag"),
    ],
)
def test_a_dhcp_cell_that_sends_nonsense_is_accused_and_hung_up_on(nonsense: list[bytes]) -> None:
    with lined(counter()) as line:
        line.say(*nonsense)
        assert ([PairName(LinkType.HOSTS)], 1, b"") == (line.owner.accused, len(line.owner.lost), line.dhcp.recv(1))


def test_pings_are_answered_and_answers_are_not() -> None:
    with lined(counter()) as line:
        line.say(build_message(MessageType.PING, 1), build_message(MessageType.PING, 2, flags=1))
        line.peer.flush()
        (heard,) = Inbox().feed(line.dhcp.recv(4_096))
    assert (MessageType.PING, 1, 1) == (heard.type, heard.handle, heard.flags)


def test_an_operators_question_is_relayed_there_and_back() -> None:
    told: list[tuple[bytes, bool]] = []
    with lined(counter()) as line:
        line.peer.fact(Verb.LEASES, b'{"do":"list"}', 0, lambda text, more: told.append((text, more)))
        line.peer.flush()
        (heard,) = Inbox().feed(line.dhcp.recv(4_096))
        assert bytes((Verb.LEASES,)) + b'{"do":"list"}' == heard.body
        for text, flags in ((b"a", 1), (b"b", 0), (b"late", 0)):
            line.say(build_message(MessageType.FACT, heard.handle, text, flags=flags))
    assert [(b"a", True), (b"b", False)] == told


def test_an_operator_is_told_when_the_dhcp_cell_ends_before_it_answers() -> None:
    told: list[tuple[bytes, bool]] = []
    with lined(counter()) as line:
        line.peer.fact(Verb.STATUS, b"", 0, lambda text, more: told.append((text, more)))
        line.dhcp.close()
        line.peer.ready(selectors.EVENT_READ, START)
    ((text, more),) = told
    assert (True, False) == (text.startswith(b'{"cell": "dhcp", "error": "the dhcp cell ended'), more)
