"""Cells are killed while clients ask over UDP, TCP and TLS: every question gets its answer, if need be when it is asked again,
and never a wrong one. How soon is for `make kills`."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
from kit.certificates import NAME
from kit.datagrams import answering
from kit.peers import open_folder, until
from kit.secure import secure_config, tls_port, trusting
from kit.service import Running, started

from wire.dns.codes import HeaderFlag, Rcode
from wire.dns.message import ResourceRecord, build_response, parse_message

CELLS = ("front", "secure", "resolver", "keeper", "lists")
MODULES = (*(f"anchorhold.cells.{name}" for name in ("front", "resolver", "keeper", "dhcp")), "kit.tireless_lists")
EACH = 4
FLAGS = HeaderFlag.QR | HeaderFlag.RD | HeaderFlag.RA
FIRST_PATIENCE = 0.5
"""Seconds after which a question is asked again."""

Ask = Callable[[dns.message.Message], dns.message.Message]


def address_of(number: int) -> str:
    return f"192.0.2.{1 + number % 250}"


def upstream(data: bytes) -> bytes:
    """Every name `nNUMBER.example.` has an address that follows from its number."""
    query = parse_message(data)
    owner = query.question.lower()[:-4]
    number = int(owner[2 : 1 + owner[0]]) if owner[1:2] == b"n" else 0
    rdata = bytes(map(int, address_of(number).split(".")))
    records = [ResourceRecord(owner, 1, 1, 60, rdata)] if query.question[-4:-2] == b"\0\1" else []
    return data[:2] + build_response(query.question, FLAGS, Rcode.NOERROR, records).message[2:]


@dataclass
class Client(threading.Thread):
    """Asks one question after the other, every second one for a name that it asked for before."""

    ask: Ask
    first: int
    answered: int = 0
    again: int = 0
    wrong: list[str] = field(default_factory=list)
    leaving: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        turn = 0
        while not self.leaving.is_set():
            self.settle(self.first + turn // 2)
            turn += 1

    def settle(self, number: int) -> None:
        """Until there is an answer."""
        query = dns.message.make_query(f"n{number}.example.", "A", use_edns=0)
        while True:
            try:
                response = self.ask(query)
            except (OSError, EOFError, dns.exception.DNSException):
                self.again += 1
                continue
            if response.rcode() == dns.rcode.SERVFAIL:
                self.again += 1
                continue
            found = [rdata.address for rrset in response.answer for rdata in rrset if rrset.rdtype == dns.rdatatype.A]
            if found != [address_of(number)] or response.question != query.question:
                self.wrong.append(response.to_text())
            self.answered += 1
            return


def clients(running: Running) -> list[Client]:
    clear, secure = running.port(), tls_port(running)
    trusted = trusting()

    def over_tls(query: dns.message.Message) -> dns.message.Message:
        return dns.query.tls(query, "127.0.0.1", 4 * FIRST_PATIENCE, secure, ssl_context=trusted, server_hostname=NAME)

    return [
        Client(lambda query: dns.query.udp(query, "127.0.0.1", FIRST_PATIENCE, clear), 0),
        Client(lambda query: dns.query.tcp(query, "127.0.0.1", 4 * FIRST_PATIENCE, clear), 100_000),
        Client(over_tls, 200_000),
    ]


def answered_once_more(crowd: list[Client]) -> None:
    """Wait until each client has had a further answer."""
    before = [client.answered for client in crowd]
    until(
        lambda: all(client.answered > count for client, count in zip(crowd, before, strict=True)), "an answer for each"
    )


def test_every_question_is_answered_rightly_whoever_is_killed() -> None:
    more = '[limits]\nrate = 0\n[lists.one]\nfile = "list.txt"\n'
    kills = random.Random(8).sample(CELLS * EACH, len(CELLS) * EACH)
    deaths: Counter[str] = Counter()
    with open_folder() as folder, answering(upstream) as port:
        (folder / "list.txt").write_text("0.0.0.0 blocked.example\n")
        (folder / "list.txt").chmod(0o644)
        config = secure_config(folder, server=f"udp://127.0.0.1:{port}", profile="opportunistic", more=more)
        with started(config, *MODULES) as running:
            running.all_serve(folder / "control.sock")
            crowd = clients(running)
            for client in crowd:
                client.start()
            answered_once_more(crowd)
            for name in kills:
                pid = running.cell(name)
                assert pid, name
                os.kill(pid, signal.SIGKILL)
                deaths[name] += 1
                running.wait_for(f"supervisor: {name} (pid", "serves again", count=deaths[name])
                # How many answers there are meanwhile is the machine's to say; that there are some is not.
                answered_once_more(crowd)
            for client in crowd:
                client.leaving.set()
            for client in crowd:
                client.join(60)
            assert [False] * 3 == [client.is_alive() for client in crowd]
            assert [] == [text for client in crowd for text in client.wrong]
            assert all(client.answered > len(kills) for client in crowd)
            assert running.end() == 0
    assert not any("Traceback" in line or "mistake" in line for line in running.lines)
