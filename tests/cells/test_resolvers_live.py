"""`[service] cores = 2`: what all resolvers are to know, each of them knows, whoever was told first."""

import json
import os
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
from click.testing import CliRunner
from kit.datagrams import answering
from kit.forwarder import root_server
from kit.keyset import ENTRY, keyset, record, signer
from kit.peers import open_folder, until
from kit.rootzone import SMALL, with_digest
from kit.service import Running, config_text, started
from kit.signing import plain, rrset_of

from anchorhold.cli import main
from anchorhold.control_client import Answer, ask_service
from anchorhold.keeper.files import show_record
from resolver.iterate.verdict import RRset
from resolver.partition import resolver_for
from wire.dns.names import read_name

PATIENCE = 60.0
RESOLVERS = ("resolver", "resolver-2")
STRANGER = 3
"""A key that nobody believes."""


def name_of(resolver: int, form: str) -> str:
    """A name that this one of two has."""
    return next(name for name in map(form.format, range(50)) if resolver_for(read_name(name), 2) == resolver)


NAMES = tuple(name_of(number, "n{}.") for number in range(2))


class Service:
    """The running service, asked from one address."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running, self.folder, self.port = running, folder, running.port()

    def ask(self, name: str) -> dns.message.Message:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(dns.message.make_query(name, "A", want_dnssec=True).to_wire(), ("127.0.0.1", self.port))
            return dns.message.from_wire(client.recv(65_535))

    def rcodes(self) -> list[str]:
        return [dns.rcode.to_text(self.ask(name).rcode()) for name in NAMES]

    def told(self, **request: object) -> list[Answer]:
        """What each resolver says."""
        cells = {line.get("cell"): line for line in ask_service(self.folder / "control.sock", dict(request))}
        return [cells[name] for name in RESOLVERS if name in cells]

    def command(self, *arguments: str) -> str:
        result = CliRunner().invoke(main, [*arguments, "--control", str(self.folder / "control.sock")])
        assert result.exit_code == 0, result.output
        return result.output

    def kill(self, name: str) -> None:
        os.kill(self.running.cell(name), signal.SIGKILL)
        self.running.wait_for(f"{name} (pid", "serves again")


@contextmanager
def serving(folder: Path, port: int, *, dnssec: str = "", more: str = "") -> Iterator[Service]:
    server = f"udp://127.0.0.1:{port}"
    text = config_text(
        folder, server=server, profile="opportunistic", extra=more, **({"dnssec": dnssec} if dnssec else {})
    )
    config = folder / "anchorhold.toml"
    config.write_text(text.replace("[service]\n", "[service]\ncores = 2\n"))
    with started(config) as running:
        running.all_serve(folder / "control.sock")
        yield Service(running, folder)
        assert running.end() == 0


def forged(name: str) -> RRset:
    rrset = rrset_of(f"{name} 300 A 192.0.2.1")
    return plain(rrset)._replace(signatures=(signer(STRANGER, ENTRY, time.time()).sign(rrset).to_wire(),))


def test_an_exception_reaches_every_resolver_and_one_that_is_started_later(tmp_path: Path) -> None:
    keys = keyset({1: ENTRY, 2: ENTRY}, {1: ENTRY}, time.time())
    anchors = ", ".join(f'". DS {show_record(record(seed))}"' for seed in (1, 2))
    with (
        root_server(keys, *map(forged, NAMES)) as port,
        serving(tmp_path, port, dnssec=f"[dnssec]\ntrust_anchors = [{anchors}]\n") as one,
    ):
        assert one.rcodes() == ["SERVFAIL"] * 2
        for name in NAMES:
            one.command("anchors", "except", name, "--for", "2h", "--reason", "their key is lost")
        until(lambda: one.rcodes() == ["NOERROR"] * 2, "the exceptions in all")
        for name in RESOLVERS:
            one.kill(name)
            for line in one.told(verb="status"):
                assert {row["zone"] for row in line["exceptions"]} == set(NAMES)  # type: ignore[attr-defined]
            assert one.rcodes() == ["NOERROR"] * 2
        for name in NAMES:
            one.command("anchors", "except", "--remove", name)
        # What front was given before is not given out again.
        until(lambda: one.rcodes() == ["SERVFAIL"] * 2, "the end of the exceptions in all")
        until(lambda: [line["exceptions"] for line in one.told(verb="status")] == [[], []], "no exception in any")


def there(data: bytes) -> bytes:
    """What the upstream says: every name has one address."""
    response = dns.message.make_response(dns.message.from_wire(data))
    response.flags |= dns.flags.RA
    response.answer.append(dns.rrset.from_text(response.question[0].name, 300, "IN", "A", "192.0.2.7"))
    return response.to_wire()


BLOCKED, THERE = ["0.0.0.0"] * 2, ["192.0.2.7"] * 2  # no bind


def test_lists_and_a_pause_reach_every_resolver() -> None:
    wanted = [name_of(number, "n{}.example.") for number in range(2)]
    with open_folder() as folder, answering(there) as port:
        (folder / "ads").write_text("".join(f"0.0.0.0 {name[:-1]}\n" for name in wanted))
        (folder / "ads").chmod(0o644)
        with serving(folder, port, more=f'[lists.ads]\nfile = "{folder}/ads"\n') as one:
            check_policy(one, wanted)


def check_policy(one: Service, wanted: list[str]) -> None:

    def found() -> list[str]:
        return [one.ask(name).answer[0][0].to_text() for name in wanted]

    until(lambda: found() == BLOCKED, "the list in all resolvers")
    one.command("pause", "10m")
    assert found() == THERE
    assert "paused" in one.command("status")
    # A resolver that is started anew has the lists, and knows of no pause.
    one.kill("resolver-2")
    one.command("pause", "--end")
    assert found() == BLOCKED
    one.command("blocked", "--for", "10m")
    assert found() == BLOCKED
    rows = json.loads(one.command("blocked", "--json"))["blocked"]
    assert {row["name"] for row in rows} == set(wanted)


class RootServer(socketserver.BaseRequestHandler):
    """Gives the root zone away; `asked` is what for, by everybody."""

    asked: ClassVar[list[str]] = []
    zone = dns.zone.from_text(with_digest(SMALL), ".", relativize=False)

    def handle(self) -> None:
        with self.request.makefile("rb") as file:
            while length := file.read(2):
                query = dns.message.from_wire(file.read(int.from_bytes(length, "big")))
                rrtype = query.question[0].rdtype
                self.asked.append(dns.rdatatype.to_text(rrtype))
                response = dns.message.make_response(query)
                soa = dns.rrset.from_rdata_list(dns.name.root, 86_400, [self.zone.get_soa()])
                response.answer.append(soa)
                if rrtype == dns.rdatatype.AXFR:
                    rest = [
                        (name, rdataset)
                        for name, rdataset in self.zone.iterate_rdatasets()
                        if rdataset.rdtype != soa.rdtype
                    ]
                    for name, rdataset in rest:
                        response.answer.append(dns.rrset.from_rdata_list(name, rdataset.ttl, [*rdataset]))
                    response.answer.append(dns.rrset.from_rdata_list(dns.name.root, 86_400, [self.zone.get_soa()]))
                wire = response.to_wire(max_size=65_535)
                self.request.sendall(len(wire).to_bytes(2, "big") + wire)


def test_the_root_zone_is_fetched_once_for_all_resolvers(tmp_path: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), RootServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            root = f'[resolve]\nmode = "iterate"\nlocal_root_servers = ["127.0.0.1@{server.server_address[1]}"]\n'
            with serving(tmp_path, 9, more=root) as one:

                def serials() -> list[object]:
                    return [line["iterations"][0]["local_root"]["serial"] for line in one.told(verb="status")]  # type: ignore[index]

                until(lambda: serials() == [2026112400] * 2, "a copy in both")
                assert RootServer.asked == ["SOA", "AXFR"]
                # Whoever is started anew has it from the first.
                one.kill("resolver-2")
                until(lambda: serials() == [2026112400] * 2, "a copy in the new one")
                assert RootServer.asked == ["SOA", "AXFR"]
        finally:
            server.shutdown()
            thread.join()
