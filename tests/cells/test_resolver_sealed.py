"""What seldom happens to a resolver, under its own filter of system calls and on each event loop: any call that is not in its
table would end it (SIGSYS), and it would answer no more."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import dns.flags
import dns.message
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest
from kit.bad_upstreams import honest, served
from kit.front import PATIENCE
from kit.internet import Internet
from kit.keyset import ROOT
from kit.liar import ENCRYPTED, OVER_HTTP, Lie
from kit.liar_thread import liar_at
from kit.meeting import LOOPS
from kit.questions import RD
from kit.rules import blocked, uses
from kit.sealed_resolver import RunningResolver, routed, running_resolver
from kit.signed import Hashed, sign
from kit.signing import DAY, Signer
from kit.stumbling_front import SECRET
from kit.toytree import Tree
from kit.updating import updating_server

from anchorhold import snapshot
from anchorhold.cells.start import EXIT_PROTOCOL
from anchorhold.ipc import Verb, build_message
from anchorhold.link import LinkType
from privacy.lists.compile import Source, compile_image
from resolver.dnssec.algorithms import ALGORITHMS
from resolver.edge.upstream import TRANSPORTS
from resolver.policy_settings import Policy
from resolver.settings import Anchor, Authority, Dnssec, Iteration
from wire.dns.codes import QueryFlag

LIES = (Lie.RESET, Lie.HALF_CLOSE, Lie.GARBAGE, Lie.CUT_OFF, Lie.TRUNCATED, Lie.WRONG_ID, Lie.SHORT, Lie.NOT_A_RESPONSE)
LIES_OVER_HTTP = (
    *(Lie.GOAWAY, Lie.RESET_STREAM, Lie.STATUS, Lie.REDIRECT, Lie.UNAUTHORIZED, Lie.ODD_STATUS, Lie.MEDIA_TYPE),
    *(Lie.AGED, Lie.INTERIM, Lie.INTERIM_END, Lie.INTERIM_TRAILERS, Lie.PING_FLOOD, Lie.HUGE, Lie.HUGE_ANNOUNCED),
)


@pytest.fixture(params=LOOPS, scope="module")
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def whole(loop: str) -> Iterator[RunningResolver]:
    with liar_at("udp") as liar, running_resolver(routed(liar.spec()), loop) as resolver:
        yield resolver


@pytest.fixture
def resolver(whole: RunningResolver) -> Iterator[RunningResolver]:
    """The same process for all tests that do not end it; it is there after each."""
    yield whole
    whole.ping()


def echo(query: bytes, _over_udp: bool = False) -> bytes:
    """A record of the type that was asked for, with data that may mean anything or nothing."""
    message = dns.message.from_wire(query)
    response = dns.message.make_response(message, recursion_available=True)
    question = message.question[0]
    rdata = dns.rdata.GenericRdata(question.rdclass, question.rdtype, b"\xc0\x00\x02\x07")
    response.answer.append(dns.rrset.from_rdata(question.name, 300, rdata))
    return response.to_wire(max_size=65_535)


def test_mistakes_are_told_over_the_link_without_their_words_and_it_goes_on(loop: str) -> None:
    names = ("task.example", "drop.example", "warn.example", "later.example")
    with (
        liar_at("udp") as liar,
        running_resolver(routed(liar.spec()), loop, "kit.stumbling_resolver") as resolver,
    ):
        resolver.put("fall.example")
        until = time.monotonic() + PATIENCE
        # What is asked in the same breath waits for what comes next.
        while not resolver.log:
            assert time.monotonic() < until
            resolver.ping()
        assert [True] * 4 == [resolver.resolves(name) for name in names]
        assert 0 == resolver.end()
        resolver.drain()
    told = [line.removeprefix("resolver: a mistake of ours: ") for line in resolver.log]
    assert ["ValueError", "LookupError", "KeyError", "RuntimeWarning"] == [line.split()[0] for line in told]
    assert all(" at stumbling_" in line for line in told)
    assert "; after KeyError at stumbling_resolver.py:" in told[0]
    assert SECRET not in "".join(told)
    assert "192.0.2.7" not in "".join(told)


def test_upstreams_that_reset_lie_go_and_come_again(resolver: RunningResolver) -> None:
    with ExitStack() as stack:
        liars = {scheme: stack.enter_context(liar_at(scheme)) for scheme in TRANSPORTS}
        resolver.forward(*(liar.spec() for liar in liars.values()))
        for scheme, liar in liars.items():
            assert resolver.resolves(f"first.{scheme}.example")
            for number, lie in enumerate((*LIES, *(LIES_OVER_HTTP if scheme in OVER_HTTP else ()))):
                # It may be met twice: once more on a fresh connection.
                liar.script[:] = liar.tcp_script[:] = [lie, lie, Lie.NONE]
                resolver.ask(f"n{number}.{scheme}.example", patience=300)
                liar.script[:] = liar.tcp_script[:] = [Lie.NONE]
                resolver.resolves_again(f"{scheme}.example")
        assert {scheme for scheme, liar in liars.items() if any(liar.resumed)} >= {"tls", "https", "odoh"}


def test_nobody_is_there_in_either_family(resolver: RunningResolver) -> None:
    with liar_at("udp") as liar:
        gone = [liar.spec(scheme=one, addresses=("::1", "127.0.0.1"), port=1) for one in ("tcp", "tls", "quic")]
        resolver.forward(liar.spec(), *gone)
        for scheme in ("tcp", "tls", "quic"):
            assert [] == resolver.ask(f"www.{scheme}.example").answer
        assert resolver.resolves("www.example")


def test_keys_are_updated_on_a_connection(resolver: RunningResolver) -> None:
    with updating_server() as (spec, updates):
        resolver.forward(spec)
        assert [True] * 20 == [resolver.resolves(f"n{number}.example") for number in range(20)]
        assert [1] * 20 == updates


def test_questions_of_every_type_and_odd_names(resolver: RunningResolver) -> None:
    kinds = [dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number)) for number in (*range(1, 70), 99, 249, 65_534)]
    names = ("xn--mnchen-3ya.example", "_dns.resolver.arpa", "a" * 63 + ".example", ".", "1.0.0.127.in-addr.arpa")
    with liar_at("udp", answers=echo) as liar:
        resolver.forward(liar.spec(), log_names=True)
        for kind in [*kinds, "ANY", "AXFR", "IXFR", "OPT"]:
            resolver.reply_to(resolver.put("www.example", kind, patience=300))
        for name in (*names, "m\\195\\188nchen.example", "local", "onion", "127.0.0.1"):
            resolver.ask(name, patience=300)
        assert resolver.resolves("later.example")


def test_zones_signed_by_each_algorithm_are_proved(resolver: RunningResolver) -> None:
    now = int(time.time())
    tree, times = Tree(), {"inception": now - DAY, "expiration": now + DAY}
    tree.internet.serve(".", {"a.root.": "192.0.2.1"})
    for number in ALGORITHMS:
        tree.internet.serve(f"n{number}.", {f"ns.n{number}.": "192.0.2.2"}, "www A 192.0.2.80")
        sign(tree.internet, f"n{number}.", Signer(f"n{number}.", number, **times), (Hashed(), None)[number % 2])
    root = Signer(".", **times)
    sign(tree.internet, ".", root)
    trust = Dnssec(tuple(Anchor(ROOT, root.ds(digest).to_wire()) for digest in (1, 2, 4)))
    with served(tree, honest) as port, liar_at("udp") as liar:
        resolver.forward(replace(liar.spec(), port=port), dnssec=trust)
        for number in ALGORITHMS:
            for name in (f"www.n{number}", f"missing.n{number}"):
                found = resolver.ask(name, flags=RD | int(QueryFlag.DO))
                assert (name, True) == (name, bool(found.flags & dns.flags.AD))


def test_it_iterates_over_udp_and_over_tcp(resolver: RunningResolver) -> None:
    tree = Tree(Internet())
    tree.internet.serve(".", {"a.root.": "127.0.0.1"})
    long = "\n".join(f"long A 192.0.2.{number}" for number in range(1, 200))
    tree.internet.serve("example.", {"ns.example.": "127.0.0.1"}, f"www A 192.0.2.80\n{long}")

    def answer(query: bytes, over_udp: bool) -> bytes:
        asked = dns.message.from_wire(query)
        assert isinstance(asked, dns.message.QueryMessage)
        response = honest(tree, asked)
        response.flags = response.flags & ~0x80 | 0x400
        if over_udp and asked.question[0].name.labels[0].lower() == b"long":
            response.answer.clear()
            response.flags |= 0x200
        return response.to_wire(max_size=65_535)

    with liar_at("udp", answers=answer) as liar:
        root = Authority(b"\1a\4root\0", (f"127.0.0.1@{liar.port}",))
        iteration = Iteration("root", b"\0", (root,), port=liar.port, private_servers=True)
        resolver.forward(iterations=(iteration,))
        assert resolver.resolves("www.example")
        (found,) = resolver.ask("long.example").answer
        assert 199 == len(found)
        assert liar.tcp_queries


def test_a_reload_adds_upstreams_of_every_kind_and_takes_them_away(resolver: RunningResolver) -> None:
    with ExitStack() as stack:
        liars = {scheme: stack.enter_context(liar_at(scheme)) for scheme in TRANSPORTS}
        clear = liars["udp"].spec()
        resolver.forward(clear)
        assert resolver.resolves("udp.example")
        resolver.forward(clear, *(liars[scheme].spec() for scheme in ENCRYPTED))
        for scheme in ENCRYPTED:
            assert resolver.resolves(f"www.{scheme}.example")
        assert all(liars[scheme].queries for scheme in ENCRYPTED)
        resolver.forward(clear)
        assert resolver.resolves("again.tls.example")


def test_a_name_of_an_upstream_is_looked_up_and_http3_is_gone_over_to(resolver: RunningResolver) -> None:
    def here(query: bytes, _over_udp: bool) -> bytes:
        return echo(query).replace(b"\xc0\x00\x02\x07", b"\x7f\0\0\1")

    with liar_at("udp", answers=here) as clear, liar_at("https") as first, liar_at("h3") as second:
        first.offer = f'h3=":{second.port}"; ma=60'.encode()
        spec = first.spec(addresses=(), bootstrap="g0", http3=True)
        resolver.forward(clear.spec(), spec)
        until = time.monotonic() + PATIENCE
        while not second.queries:
            assert time.monotonic() < until
            resolver.resolves_again("https.example")


def test_images_of_lists_come_one_after_another_and_one_is_of_no_use(resolver: RunningResolver) -> None:
    with liar_at("udp") as liar:
        resolver.forward(liar.spec(), policy=Policy(lists=uses("ads")))
        for number in range(5):
            entries = [blocked(1, f"ad{number}.example"), *(blocked(n, f"n{n}.example") for n in range(2, 3_000))]
            image = compile_image([Source("ads", bytes(32), entries)]).image
            resolver.hand(LinkType.LISTS, snapshot.seal_bytes(image, snapshot.MAX_LISTS), body=bytes(32))
            resolver.ping()
            assert [False, True] == [blocks_nothing(resolver, f"ad{n}.example") for n in (number, number + 1)]
        resolver.hand(LinkType.LISTS, snapshot.seal_bytes(b"nonsense"), body=bytes(32))
        resolver.ping()
        assert blocks_nothing(resolver, "ad4.example")
        assert any("is of no use" in line for line in resolver.log)


def blocks_nothing(resolver: RunningResolver, name: str) -> bool:
    return [["192.0.2.7"]] == [[item.to_text() for item in rrset] for rrset in resolver.ask(name).answer]


def test_pairs_come_anew_and_who_talks_nonsense_is_accused(resolver: RunningResolver) -> None:
    with liar_at("tls") as liar, ExitStack() as stack:
        resolver.forward(liar.spec())
        for number in range(5):
            resolver.new_peer()
            for kind in (LinkType.SECURE_PEER, LinkType.LISTS_PEER, LinkType.KEEPER):
                stack.enter_context(resolver.pair_of(kind))
            assert resolver.resolves(f"n{number}.example")
        for kind in (LinkType.SECURE_PEER, LinkType.LISTS_PEER, LinkType.KEEPER):
            for nonsense in (b"\xff" * 24, build_message(1, 1, b"\0"), build_message(2, 1, b"forged")):
                pair = stack.enter_context(resolver.pair_of(kind))
                resolver.ping()
                pair.sendall(nonsense)
                assert kind is resolver.wait_accused()
        resolver.send(build_message(6, 1, b"names of leases"))
        assert LinkType.PEER is resolver.wait_accused()
        resolver.new_peer()
        assert resolver.resolves("later.example")


def test_operators_ask_for_everything(resolver: RunningResolver) -> None:
    question = b"\1" + b"\3www\7example\0\0\1\0\1"
    arguments = {Verb.EXPLAIN: question, Verb.TRACE: question, Verb.CACHE_FLUSH: b"\0", Verb.PAUSE: bytes(4)}
    arguments |= {Verb.BLOCKED: b"\x3c\0\0\0", Verb.EXCEPT: bytes(4) + b"\7example\0"}
    with liar_at("tls") as liar:
        resolver.forward(liar.spec())
        assert resolver.resolves("www.example")
        for verb in Verb:
            if verb not in (Verb.LEASES, Verb.LISTS):
                assert b'"cell": "resolver"' in resolver.fact(verb, arguments.get(verb, b""))
        assert resolver.resolves("later.example")


def test_it_sleeps_and_wakes_and_ends_well_with_things_open(loop: str) -> None:
    with liar_at("tls") as liar, running_resolver(routed(liar.spec()), loop) as resolver:
        resolver.process.send_signal(signal.SIGSTOP)
        for number in (signal.SIGCONT, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            resolver.process.send_signal(number)
        assert resolver.resolves("www.example")
        liar.script[:] = [Lie.SILENCE]
        for number in range(10):
            resolver.put(f"n{number}.example")
        resolver.ping()


def test_settings_that_do_not_decode_end_it_and_say_so(loop: str) -> None:
    with liar_at("udp") as liar, running_resolver(routed(liar.spec()), loop, ends=EXIT_PROTOCOL) as resolver:
        resolver.hand(LinkType.SETTINGS, snapshot.seal({"generation": 2}), body=bytes(4))
        resolver.process.wait(PATIENCE)
        resolver.drain()
        assert resolver.log[-1].startswith("resolver: the supervisor sent what does not decode: ")
