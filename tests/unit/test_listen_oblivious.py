"""Oblivious DoH as it is served, without a socket: what a target opens and answers, what a relay carries and to whom."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import dns.edns
import dns.message
import pytest
from kit.desk import START, Counter53, answer

from privacy.keyring import LIFETIME
from privacy.odoh import MEDIA_TYPE, SEED, WELL_KNOWN, Sealed, open_answer, parse_configs, seal_query
from resolver.carried import MAX_QUERY, Carried, Outcome
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.oblivious import MAX_CARRIED, MAX_OF_ONE, Oblivious
from resolver.edge.listen.requests import DohHandler, serve_doh
from resolver.http import HttpRequest, HttpResponse
from resolver.settings import SecureSettings
from wire.units import Instant

TARGETS = (("target.test", "/dns-query"), ("other.test:8443", "/q"))
HERE = "targethost=target.test&targetpath=%2Fdns-query"
HEADERS = {"content_type": MEDIA_TYPE, "accept": MEDIA_TYPE, "query": "", "method": "POST"}


class Port:
    """Keeps what was to be carried."""

    def __init__(self) -> None:
        self.carried: list[tuple[int, bytes, float]] = []
        self.then: list[Callable[[Carried], None]] = []

    def carry(self, place: int, sealed: bytes, seconds: float, then: Callable[[Carried], None]) -> None:
        self.carried.append((place, sealed, seconds))
        self.then.append(then)


class Served:
    """A house with target and relay."""

    def __init__(self, target: bool = True, relay: bool = True, **changes: object) -> None:
        self.front = Counter53(**changes)
        settings = SecureSettings(
            self.front.settings, odoh_target=target, odoh_relay=relay, odoh_targets=TARGETS if relay else ()
        )
        self.house = SecureHouse(settings, self.front.desk, self.front.admission)
        random = Random(3)
        self.port: Port | None = Port()
        self.oblivious = Oblivious(self.house, lambda: self.port, random.randbytes, START)
        self.handlers = self.house.handlers

    def ask(
        self, path: str, body: bytes = b"", now: float = START, source: str = "127.0.0.1", **changes: str
    ) -> list[HttpResponse]:
        got: list[HttpResponse] = []
        fields = HEADERS | changes
        request = HttpRequest(path=path, body=body, peer_name="", **fields)  # type: ignore[arg-type]
        self.cancel = self.handlers[path](request, got.append, self.front.client(source), Instant(now))
        return got

    def key(self, now: float = START) -> bytes:
        (response,) = self.ask(WELL_KNOWN, now=now, method="GET")
        assert response.status == 200
        return response.body

    def sealed(self, query: dns.message.Message | bytes, now: float = START) -> Sealed:
        data = query if isinstance(query, bytes) else query.to_wire()
        return seal_query(parse_configs(self.key(now))[0], data, bytes(SEED))


def query(**changes: object) -> dns.message.Message:
    return dns.message.make_query("www.example", "A", id=0, **changes)  # type: ignore[arg-type]


# the target


def test_a_sealed_question_is_answered_and_the_answer_opens() -> None:
    served = Served()
    sealed = served.sealed(query())
    got = served.ask("/odoh", sealed.body)
    assert got == []
    flight = served.front.port.queries[-1]
    served.front.reply(flight, answer(flight.key.question))
    (response,) = got
    assert (response.status, response.content_type, response.cache_control) == (200, MEDIA_TYPE, "no-store")
    message = dns.message.from_wire(open_answer(sealed, response.body))
    assert [str(rrset[0]) for rrset in message.answer] == ["192.0.2.0"]


@pytest.mark.parametrize("options", [None, [dns.edns.GenericOption(12, b"")], [dns.edns.GenericOption(12, bytes(60))]])
def test_every_answer_has_the_size_of_its_class(options: list[dns.edns.Option] | None) -> None:
    served = Served()
    served.front.warm()
    asked = query() if options is None else query(use_edns=0, options=options)
    (response,) = served.ask("/odoh", served.sealed(asked).body)
    assert len(response.body) == 1 + 2 + 16 + 2 + 16 + 4 + 468


def test_a_former_key_still_opens_and_one_before_it_is_401() -> None:
    """> it MUST return a 401 (Unauthorized) response to the Proxy (RFC 9230 §8)"""
    served = Served()
    served.front.warm(cacheable=1e6)
    sealed = served.sealed(query())
    assert [r.status for r in served.ask("/odoh", sealed.body, START + LIFETIME)] == [200]
    assert [r.status for r in served.ask("/odoh", sealed.body, START + 2 * LIFETIME)] == [401]
    assert [r.status for r in served.ask("/odoh", served.sealed(query(), START + 2 * LIFETIME).body)] == [200]


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        (405, {"method": "GET"}),
        (405, {"method": "PUT"}),
        (415, {"content_type": "application/dns-message"}),
        (415, {"content_type": ""}),
    ],
)
def test_only_sealed_bodies_are_taken(status: int, changes: dict[str, str]) -> None:
    served = Served()
    body = served.sealed(query()).body
    for path in ("/odoh", "/relay"):
        (response,) = served.ask(path, body, **({"query": HERE} | changes))
        assert (response.status, response.cache_control) == (status, "no-store")


def test_what_does_not_open_is_400_and_what_is_too_long_413() -> None:
    served = Served()
    body = served.sealed(query()).body
    for bad in (b"", b"\1", body[:-1], body + b"\0", body[:80] + b"\0" + body[81:], served.sealed(bytes(12)).body[:20]):
        assert [r.status for r in served.ask("/odoh", bad)] == [400]
    assert [r.status for r in served.ask("/odoh", bytes(MAX_QUERY + 1))] == [413]
    assert served.front.port.queries == []


@pytest.mark.parametrize("message", [bytes(12) + b"\x3f", query().to_wire()[:2] + b"\x81" + query().to_wire()[3:]])
def test_what_opens_and_is_no_query_is_400(message: bytes) -> None:
    served = Served()
    assert [r.status for r in served.ask("/odoh", served.sealed(message).body)] == [400]


def test_the_rate_limit_is_the_relays_and_counts_what_does_not_open() -> None:
    served = Served(rate=1.0, burst=3.0)
    body = served.sealed(query()).body
    statuses = [served.ask("/odoh", b"nonsense")[0].status for _ in range(3)]
    assert statuses == [400, 400, 400]
    assert [r.status for r in served.ask("/odoh", body)] == [429]
    assert served.front.port.queries == []


def test_a_question_called_off_is_forgotten() -> None:
    served = Served()
    served.ask("/odoh", served.sealed(query()).body)
    assert served.cancel is not None
    served.cancel()
    assert served.front.port.cancelled == [served.front.port.queries[0].handle]


def test_keys_are_shown_with_the_time_they_last() -> None:
    served = Served()
    (response,) = served.ask(WELL_KNOWN, method="GET")
    assert (response.status, response.cache_control) == (200, "max-age=3600")
    (response,) = served.ask(WELL_KNOWN, method="GET", now=START + LIFETIME - 60)
    assert response.cache_control == "max-age=60"
    assert [r.status for r in served.ask(WELL_KNOWN)] == [405]
    assert [r.status for r in Served(target=False).ask(WELL_KNOWN, method="GET")] == [404]


def test_who_serves_neither_has_no_place_for_it() -> None:
    assert Served(target=False, relay=False).handlers == {}
    assert set(Served(target=False).handlers) == {"/relay", WELL_KNOWN}
    assert set(Served(relay=False).handlers) == {"/odoh", WELL_KNOWN}


def test_a_reload_keeps_the_keys_and_serves_what_it_says() -> None:
    served = Served()
    before = served.key()
    served.house.handlers["/dns-query"] = served.handlers["/odoh"]
    served.house.use(replace(served.house.settings, odoh_path="/other", odoh_relay=False), served.front.admission)
    served.oblivious.use()
    assert set(served.handlers) == {"/dns-query", "/other", WELL_KNOWN}
    assert served.key() == before


# the relay


def test_a_body_is_carried_as_it_is_and_the_answer_comes_back_as_it_is() -> None:
    served = Served()
    got = served.ask("/relay", b"opaque", query=HERE)
    assert served.port is not None
    assert served.port.carried == [(0, b"opaque", served.front.settings.deadline)]
    served.port.then[0](Carried(Outcome.ANSWERED, 200, True, b"sealed"))
    (response,) = got
    assert (response.status, response.content_type, response.body) == (200, MEDIA_TYPE, b"sealed")
    assert response.cache_control == "no-store"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("targethost=OTHER.test%3A8443&targetpath=/q", 1),
        ("targetpath=%2Fq&targethost=other.test:8443", 1),
        ("targethost=target.test:443&targetpath=dns-query", 0),
        (f"{HERE}&more=1", 0),
    ],
)
def test_the_target_is_read_from_the_query_however_it_is_written(text: str, place: int) -> None:
    served = Served()
    served.ask("/relay", b"x", query=text)
    assert served.port is not None
    assert [carried[0] for carried in served.port.carried] == [place]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, ""),
        (400, "targethost=target.test"),
        (400, "targetpath=/dns-query"),
        (400, f"{HERE}&targethost=other.test"),
        (400, "targethost=&targetpath="),
        (403, "targethost=evil.test&targetpath=/dns-query"),
        (403, "targethost=target.test&targetpath=/admin"),
        (403, "targethost=127.0.0.1&targetpath=/dns-query"),
        (403, "targethost=target.test%00&targetpath=/dns-query"),
        (403, "targethost=target.test&targetpath=/dns-query%0d%0aHost:x"),
        (403, "targethost=target.test@evil.test&targetpath=/dns-query"),
    ],
)
def test_nothing_is_carried_to_whom_the_configuration_does_not_name(status: int, text: str) -> None:
    served = Served()
    for path, method in (("/relay", "POST"), (WELL_KNOWN, "GET")):
        if path == "/relay" or "targethost=" in text:
            assert [r.status for r in served.ask(path, b"x", query=text, method=method)] == [status]
    assert served.port is not None
    assert served.port.carried == []


@pytest.mark.parametrize("status", [400, 401, 415, 429, 500])
def test_the_targets_status_is_passed_on(status: int) -> None:
    served = Served()
    got = served.ask("/relay", b"x", query=HERE)
    assert served.port is not None
    served.port.then[0](Carried(Outcome.ANSWERED, status, False, b"why"))
    assert [(r.status, r.body) for r in got] == [(status, b"why")]
    assert got[0].headers == (("proxy-status", f"relay; received-status={status}"),)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome])
def test_a_target_that_gives_none_has_a_reason(outcome: Outcome) -> None:
    served = Served()
    got = served.ask("/relay", b"x", query=HERE)
    assert served.port is not None
    served.port.then[0](Carried(outcome))
    (response,) = got
    assert response.status in (502, 503, 504)
    assert response.headers[0][0] == "proxy-status"


def test_keys_of_a_target_are_fetched_for_who_must_not_ask_it() -> None:
    served = Served(target=False)
    got = served.ask(WELL_KNOWN, method="GET", query=HERE)
    assert served.port is not None
    assert served.port.carried[0][:2] == (0, b"")
    served.port.then[0](Carried(Outcome.ANSWERED, 200, False, b"configs"))
    assert [(r.status, r.body) for r in got] == [(200, b"configs")]


def test_without_a_way_out_it_is_503_and_the_same_at_the_limit() -> None:
    served = Served()
    for number in range(MAX_CARRIED):
        assert served.ask("/relay", b"x", query=HERE, source=f"127.0.1.{number // MAX_OF_ONE}") == []
    assert [r.status for r in served.ask("/relay", b"x", query=HERE)] == [503]
    assert served.port is not None
    served.port.then[0](Carried(Outcome.TIMEOUT))
    assert served.ask("/relay", b"x", query=HERE) == []
    served.port = None
    assert [r.status for r in served.ask("/relay", b"x", query=HERE)] == [503]


def test_one_client_cannot_take_all_places_of_the_relay() -> None:
    served = Served()
    for _ in range(MAX_OF_ONE):
        assert served.ask("/relay", b"x", query=HERE) == []
    assert [r.status for r in served.ask("/relay", b"x", query=HERE)] == [503]
    assert served.ask("/relay", b"x", query=HERE, source="127.0.1.1") == []
    assert served.port is not None
    served.port.then[0](Carried(Outcome.TIMEOUT))
    assert served.ask("/relay", b"x", query=HERE) == []


def test_the_relay_has_limits_of_rate_and_size() -> None:
    served = Served(rate=1.0, burst=2.0)
    assert [served.ask("/relay", b"x", query=HERE) for _ in range(2)] == [[], []]
    assert [r.status for r in served.ask("/relay", b"x", query=HERE)] == [429]
    assert [r.status for r in Served().ask("/relay", bytes(MAX_QUERY + 1), query=HERE)] == [413]
    assert [r.status for r in Served().ask("/relay", b"", query=HERE)] == [400]


def test_a_reload_may_give_doh_the_path_that_the_target_had() -> None:
    served = Served()
    serve_doh(served.house)
    settings = replace(served.house.settings, path="/odoh", odoh_path="/dns-query")
    served.house.use(settings, served.front.admission)
    serve_doh(served.house)
    served.oblivious.use()
    assert isinstance(served.handlers["/odoh"], DohHandler)
    sealed = served.sealed(query())
    assert served.ask("/dns-query", sealed.body) == []
