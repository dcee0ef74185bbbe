"""The real service in front of upstreams that lie and fail: never a wrong answer, never an exception out of a cell.

One service for each encrypted scheme; each lie has two upstream groups of its own: the liar alone, and the liar with an
honest server behind it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest
from kit.certificates import NAME, authority
from kit.liar import Liar, Lie
from kit.service import Running, config_text, started

HONEST = "192.0.2.7"
MESSAGE_LIES = [lie for lie in Lie if lie.value <= Lie.RESET.value]
NOT_HTTP = {Lie.WRONG_ID, Lie.LATER, Lie.WRONG_COOKIE, Lie.COOKIE, Lie.BAD_COOKIE, Lie.OTHER_CASE, Lie.MALFORMED_FIRST}
HTTP_LIES = [lie for lie in Lie if Lie.GOAWAY.value <= lie.value <= Lie.PING_FLOOD.value]
QUIC_LIES = [Lie.GOAWAY, Lie.RESET_STREAM, Lie.HUGE, Lie.TWO, Lie.OWN_STREAM]
TRUTHFUL = {Lie.NONE, Lie.OTHER_CASE, Lie.AGED, Lie.COOKIE, Lie.WRONG_COOKIE}
"""Over an encrypted road the spelling proves nothing, and cookies are not looked at."""

CERTIFICATES = ("other-name", "expired", "self-signed", "foreign")


def lies_for(scheme: str) -> list[Lie]:
    lies = [lie for lie in MESSAGE_LIES if lie is not Lie.LATER]
    if scheme == "quic":
        return lies + QUIC_LIES
    return lies if scheme == "tls" else [lie for lie in lies if lie not in NOT_HTTP] + HTTP_LIES


def label(lie: Lie) -> str:
    return lie.name.lower().replace("_", "-")


@dataclass
class Sea:
    """All liars of one scheme, in a loop of their own."""

    scheme: str
    liars: dict[str, Liar]

    @staticmethod
    @contextlib.contextmanager
    def of(scheme: str) -> Iterator["Sea"]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        liars = {label(lie): Liar(scheme, lie) for lie in lies_for(scheme)}
        liars |= {kind: Liar(scheme, certificate=kind) for kind in CERTIFICATES}
        liars["honest"] = Liar(scheme)

        async def open_all() -> None:
            for liar in liars.values():
                await liar.__aenter__()

        async def close_all() -> None:
            for liar in liars.values():
                await liar.stop()

        asyncio.run_coroutine_threadsafe(open_all(), loop).result(60)
        try:
            yield Sea(scheme, liars)
        finally:
            asyncio.run_coroutine_threadsafe(close_all(), loop).result(60)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)
            loop.close()

    def server(self, name: str, certificates: Path, more: str = "") -> str:
        path = "/dns-query" if self.scheme in ("https", "h3") else ""
        url = f"{self.scheme}://{NAME}@127.0.0.1:{self.liars[name].port}{path}"
        return f'{{ url = "{url}", ca_file = "{certificates}"{more} }}'


@dataclass
class Service:
    """The running service and how to ask it."""

    running: Running
    port: int
    sea: Sea

    def ask(self, name: str) -> dns.message.Message:
        query = dns.message.make_query(name, "A", use_edns=0)
        return dns.query.udp(query, "127.0.0.1", timeout=30, port=self.port)


def groups(sea: Sea, certificates: Path) -> str:
    text = ""
    for name in [name for name in sea.liars if name != "honest"]:
        text += f"[upstreams.{name}]\nservers = [{sea.server(name, certificates)}]\n"
        text += f"[upstreams.{name}-backed]\nservers = [{sea.server(name, certificates)}, {sea.server('honest', certificates)}]\n"
        text += f'[[route]]\ndomains = ["{name}.alone.example"]\nupstreams = "{name}"\n'
        text += f'[[route]]\ndomains = ["{name}.backed.example"]\nupstreams = "{name}-backed"\n'
    wrong_pin = ', pins = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]'
    text += f"[upstreams.wrong-pin]\nservers = [{sea.server('none', certificates, wrong_pin)}]\n"
    return text + '[[route]]\ndomains = ["pin.alone.example"]\nupstreams = "wrong-pin"\n'


@pytest.fixture(scope="module", params=["tls", "https", "quic", "h3"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("faults")
    certificates = folder / "ca.pem"
    certificates.write_text(authority().pem)
    with Sea.of(request.param) as sea:
        extra = groups(sea, certificates) + "[limits]\ndeadline = 1.0\n[cache]\nstale_after = 0.5\n"
        config = folder / "anchorhold.toml"
        config.write_text(config_text(folder, extra=extra))
        with started(config) as running:
            port = running.port()
            yield Service(running, port, sea)


def address_of(message: dns.message.Message) -> list[str]:
    return [item.to_text() for rrset in message.answer for item in rrset]


def explained(message: dns.message.Message) -> bool:
    return any(isinstance(option, dns.edns.EDEOption) for option in message.options)


def test_a_lie_alone_never_becomes_an_answer_and_the_client_is_told_why(service: Service) -> None:
    wrong = {}
    for name in [label(lie) for lie in lies_for(service.sea.scheme) if lie not in TRUTHFUL]:
        message = service.ask(f"www.{name}.alone.example.")
        if message.rcode() != dns.rcode.SERVFAIL or address_of(message) or not explained(message):
            wrong[name] = (dns.rcode.to_text(message.rcode()), address_of(message), explained(message))
    # A server that answers right after a malformed message, or once the stream is retried, told the truth in the end.
    allowed = {"malformed-first", "bad-cookie", "ping-flood"}
    assert {name: seen for name, seen in wrong.items() if name not in allowed or seen[1] != [HONEST]} == {}


def test_what_is_true_in_the_end_is_answered(service: Service) -> None:
    for name in [label(lie) for lie in lies_for(service.sea.scheme) if lie in TRUTHFUL]:
        assert [HONEST] == address_of(service.ask(f"www.{name}.alone.example.")), name


def test_behind_every_liar_an_honest_server_answers(service: Service) -> None:
    wrong = {}
    for name in [name for name in service.sea.liars if name != "honest"]:
        message = service.ask(f"www.{name}.backed.example.")
        if address_of(message) != [HONEST]:
            wrong[name] = dns.rcode.to_text(message.rcode())
    assert wrong == {}


@pytest.mark.parametrize("kind", [*CERTIFICATES, "pin"])
def test_a_server_that_proves_nothing_is_told_nothing(service: Service, kind: str) -> None:
    before = len(service.sea.liars["none"].queries)
    message = service.ask(f"www.{kind}.alone.example.")
    assert (dns.rcode.SERVFAIL, [], True) == (message.rcode(), address_of(message), explained(message))
    asked = service.sea.liars["none"].queries[before:] if kind == "pin" else service.sea.liars[kind].queries
    assert [] == asked


def test_no_cell_died_and_none_said_a_traceback(service: Service) -> None:
    """Runs last: everything above went through these two processes."""
    assert [] == [line for line in service.running.lines if "Traceback" in line or "ended" in line or "mistake" in line]
    assert all(service.running.cell(name) for name in ("front", "resolver"))


def test_nothing_was_ever_sent_in_clear_text(service: Service) -> None:
    assert [] == [data for liar in service.sea.liars.values() for data in liar.datagrams]
