"""ODoH with programs that share no code with ours: Cloudflare's odoh-rs, where `make interop` has built it, and pyhpke.

They seal for our target and open what our client seals; between them are our relay and our target as real services, and curl.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.message
import pytest
from kit import oblivious
from kit.certificates import NAME, authority
from kit.households import Household, settle
from kit.liar import Liar, answer
from kit.liar_thread import liar_at
from kit.meeting import Counts, make_tools, outcome, query_for, run
from kit.peers import open_folder, peer

from resolver.edge.upstream.odoh import open_odoh
from resolver.settings import ObliviousTarget, Profile

ODOHPEER = Path(sys.executable).parent / "odohpeer"
PEERS = ["pyhpke", *(["odoh-rs"] if ODOHPEER.exists() else [])]
MEDIA_TYPE = "application/oblivious-dns-message"
every = pytest.mark.parametrize("name", PEERS)


class Lines:
    """A running odohpeer."""

    def __init__(self, *arguments: str) -> None:
        command = [str(ODOHPEER), *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self) -> bytes:
        assert self._process.stdout is not None
        return bytes.fromhex(self._process.stdout.readline().strip())

    def ask(self, data: bytes) -> bytes:
        assert self._process.stdin is not None
        self._process.stdin.write(data.hex() + "\n")
        self._process.stdin.flush()
        return self.hear()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(10)


class RustClient:
    """kit.oblivious.Client on odoh-rs."""

    def __init__(self, lines: Lines) -> None:
        self.seal = lines.ask
        self.open = lines.ask


class RustTarget(oblivious.Target):
    """kit.oblivious.Target on odoh-rs."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.configs = lines.hear()

    def knows(self, body: bytes) -> bool:
        return True

    def open(self, body: bytes) -> oblivious.Query:
        return RustQuery(self._lines, self._lines.ask(body))


class RustQuery(oblivious.Query):
    """One that odoh-rs opened and will answer."""

    def __init__(self, lines: Lines, message: bytes) -> None:
        self._lines = lines
        self.message = message

    def answer(self, message: bytes, padding: int = 0) -> bytes:
        return self._lines.ask(message)


@contextmanager
def client_of(name: str, configs: bytes) -> Iterator[oblivious.Client | RustClient]:
    if name == "pyhpke":
        yield oblivious.Client(configs)
        return
    lines = Lines("client", configs.hex(), "20")
    yield RustClient(lines)
    lines.close()


@contextmanager
def target_of(name: str) -> Iterator[oblivious.Target]:
    if name == "pyhpke":
        yield oblivious.Target()
        return
    lines = Lines("target")
    yield RustTarget(lines)
    lines.close()


@pytest.fixture(scope="module")
def houses() -> Iterator[tuple[Household, Household]]:
    """A relay and a target."""
    with open_folder() as folder, liar_at("tls") as liar, ExitStack() as stack:
        carrier, opener = settle(Path(folder), "carrier.test", "opener.test")
        upstream = f'{{ url = "tls://{NAME}@127.0.0.1:{liar.port}", ca_file = "{opener.authority}" }}'
        place = f'{{ url = "{opener.place}", ca_file = "{opener.authority}" }}'
        stack.enter_context(opener.started(upstream, "target = true"))
        stack.enter_context(carrier.started(upstream, f"relay = true\ntargets = [{place}]"))
        yield carrier, opener


def curl(house: Household, path: str, body: bytes | None = None) -> tuple[bytes, str]:
    """The body and the status, over HTTP/2."""
    url = f"https://{house.name}:{house.port}{path}"
    command = [peer("curl"), "--silent", "--http2-prior-knowledge", "--max-time", "10", "--cacert", house.authority]
    command += ["--resolve", f"{house.name}:{house.port}:127.0.0.1", "--write-out", "%{stderr}%{http_code}"]
    if body is not None:
        command += ["--header", f"content-type: {MEDIA_TYPE}", "--header", f"accept: {MEDIA_TYPE}"]
        command += ["--data-binary", "@-"]
    done = subprocess.run([*command, url], input=body or b"", capture_output=True, check=True)
    return done.stdout, done.stderr.decode()


@every
def test_what_they_seal_our_target_answers_through_our_relay(name: str, houses: tuple[Household, Household]) -> None:
    carrier, opener = houses
    meant = f"?targethost={opener.name}:{opener.port}&targetpath=/odoh"
    configs, status = curl(carrier, f"/.well-known/odohconfigs{meant}")
    assert (status, configs) == ("200", curl(opener, "/.well-known/odohconfigs")[0])
    with client_of(name, configs) as client:
        for number in range(3):
            query = dns.message.make_query(f"n{number}.example.", "A", use_edns=0)
            body, status = curl(carrier, f"/relay{meant}", client.seal(query.to_wire()))
            assert (status, len(body)) == ("200", 1 + 2 + 16 + 2 + 16 + 4 + 468)
            message = dns.message.from_wire(client.open(body))
            assert ["192.0.2.7"] == [item.to_text() for rrset in message.answer for item in rrset]


@every
def test_what_our_client_seals_they_open_and_what_they_answer_it_opens(name: str) -> None:
    query = query_for()

    async def conversation() -> None:
        async with Liar("odoh") as liar:
            with target_of(name) as target:
                liar.target = target
                spec = liar.spec(target=ObliviousTarget("target.test", "/dns-query", target.configs))
                upstream = open_odoh(spec, Profile.STRICT, make_tools(Counts()))
                for _ in range(3):
                    assert await outcome(upstream, query) == answer(query)[2:]
                await upstream.close()

    run("asyncio", conversation())


def test_the_relay_carries_to_nobody_else(houses: tuple[Household, Household]) -> None:
    carrier, opener = houses
    assert authority().pem == Path(carrier.authority).read_text()
    for meant, status in (
        (f"?targethost={opener.name}:{opener.port}&targetpath=/dns-query", "403"),
        ("?targethost=127.0.0.1&targetpath=/odoh", "403"),
        ("", "400"),
    ):
        assert status == curl(carrier, f"/relay{meant}", b"opaque")[1]
    assert "400" == curl(carrier, f"/relay?targethost={opener.name}:{opener.port}&targetpath=/odoh", b"opaque")[1]
