"""Servers of other projects as upstreams: Debian's unbound and dnsdist, each over TLS and over HTTPS."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
import trustme
from kit.peers import House, free_ports, house, open_folder, peer, program, until
from kit.processes import internet_sockets

NAME = "dns.peer.example"
ADDRESS = "192.0.2.9"
MANY = 200
IDLE = 2
"""Seconds until a peer closes an idle connection; less than our own 10."""
PATIENCE = 60.0
TCP_ESTABLISHED = 1

pytestmark = pytest.mark.peer("unbound, dnsdist")


@dataclass(frozen=True)
class Files:
    """A CA and a server's certificate, as files."""

    authority: Path
    chain: Path
    key: Path


@dataclass(frozen=True)
class Far:
    """A running peer: the ports by scheme."""

    ports: dict[str, int]
    files: Files

    def server(self, scheme: str) -> str:
        path = "/dns-query" if scheme == "https" else ""
        url = f"{scheme}://{NAME}@127.0.0.1:{self.ports[scheme]}{path}"
        return f'[upstreams.default]\nservers = [{{ url = "{url}", ca_file = "{self.files.authority}" }}]'


def write_files(folder: Path) -> Files:
    authority = trustme.CA()
    leaf = authority.issue_cert(NAME)
    files = Files(folder / "ca.pem", folder / "chain.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(files.authority)
    leaf.private_key_pem.write_to_path(files.key)
    files.chain.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
    return files


def unbound_command(folder: Path, ports: list[int], files: Files) -> list[str]:
    _, tls, https = ports
    interfaces = "".join(f"  interface: 127.0.0.1@{port}\n" for port in ports)
    path = folder / "unbound.conf"
    path.write_text(f"""server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  num-threads: 1
  tcp-idle-timeout: {1000 * IDLE}
  module-config: "iterator"
{interfaces}
  tls-port: {tls}
  https-port: {https}
  tls-service-pem: "{files.chain}"
  tls-service-key: "{files.key}"
  local-zone: "harbour.example." redirect
  local-data: "harbour.example. 300 IN A {ADDRESS}"
  local-data: "harbour.example. 300 IN AAAA 2001:db8::9"
  local-data: "harbour.example. 300 IN SOA ns.harbour.example. root.harbour.example. 1 2 3 4 60"
  local-zone: "missing.example." always_nxdomain
  local-zone: "refused.example." refuse
remote-control:
  control-enable: no
""")
    return [peer("unbound"), "-c", str(path)]


def dnsdist_command(folder: Path, ports: list[int], files: Files) -> list[str]:
    clear, tls, https = ports
    path = folder / "dnsdist.conf"
    path.write_text(f"""setLocal("127.0.0.1:{clear}")
setACL("127.0.0.0/8")
setSecurityPollSuffix("")
setTCPRecvTimeout({IDLE})
addTLSLocal("127.0.0.1:{tls}", "{files.chain}", "{files.key}")
addDOHLocal("127.0.0.1:{https}", "{files.chain}", "{files.key}", "/dns-query", {{idleTimeout={IDLE}}})
addAction("missing.example", RCodeAction(DNSRCode.NXDOMAIN))
addAction("refused.example", RCodeAction(DNSRCode.REFUSED))
addAction(AllRule(), SpoofAction("{ADDRESS}"))
addAction(AllRule(), RCodeAction(DNSRCode.NOERROR))
""")
    return [peer("dnsdist"), "--supervised", "--disable-syslog", "-C", str(path)]


COMMANDS: dict[str, Callable[[Path, list[int], Files], list[str]]] = {
    "unbound": unbound_command,
    "dnsdist": dnsdist_command,
}


@pytest.fixture(scope="module", params=list(COMMANDS))
def far(request: pytest.FixtureRequest) -> Iterator[Far]:
    peer(request.param)
    with open_folder() as folder:
        files, ports = write_files(folder), free_ports(3)
        command = COMMANDS[request.param](folder, ports, files)
        with program(command, folder / "peer.log", *ports):
            yield Far(dict(zip(("udp", "tls", "https"), ports, strict=True)), files)


@pytest.fixture(scope="module", params=["tls", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def here(far: Far, scheme: str) -> Iterator[House]:
    with open_folder() as folder, house(folder, far.server(scheme)) as running:
        yield running


def ask(here: House, name: str, rrtype: str = "A") -> dns.message.Message:
    query = dns.message.make_query(name, rrtype, use_edns=0)
    return dns.query.udp(query, here.address, PATIENCE, here.port)


def data_of(response: dns.message.Message) -> list[str]:
    return [item.to_text() for rrset in response.answer for item in rrset]


def status(here: House) -> list[dict[str, Any]]:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(PATIENCE)
        link.connect(str(here.folder / "control.sock"))
        link.sendall(b'{"verb": "status"}\n')
        return [json.loads(line) for line in link.makefile("rb")]


def connections(here: House, port: int) -> int:
    """How many the resolver has to the peer, by the kernel's own table."""
    sockets = internet_sockets(here.running.cell("resolver"))
    return len([one for one in sockets if one.remote[1] == port and one.state == TCP_ESTABLISHED])


def ask_many(here: House, names: list[str]) -> dict[str, list[str]]:
    """All at once from one UDP socket; the answers by name."""
    answers: dict[str, list[str]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect((here.address, here.port))
        for name in names:
            client.send(dns.message.make_query(name, "A").to_wire())
        end = time.monotonic() + PATIENCE
        while len(answers) < len(names) and time.monotonic() < end:
            response = dns.message.from_wire(client.recv(65_535))
            answers[response.question[0].name.to_text(omit_final_dot=True)] = data_of(response)
    return answers


def test_the_peers_answer_is_the_clients_answer(here: House) -> None:
    response = ask(here, "www.harbour.example")
    assert (dns.rcode.NOERROR, [ADDRESS]) == (response.rcode(), data_of(response))
    assert dns.flags.QR | dns.flags.RD | dns.flags.RA == response.flags


def test_a_name_that_the_peer_denies_is_nxdomain(here: House) -> None:
    assert dns.rcode.NXDOMAIN == ask(here, "missing.example").rcode()


def test_a_refusal_of_the_peer_is_passed_on_with_an_extended_error(here: House) -> None:
    response = ask(here, "refused.example")
    assert dns.rcode.REFUSED == response.rcode()
    assert ["EDE 0 (Other): the upstream says REFUSED"] == [option.to_text() for option in response.options]


def test_a_type_that_the_peer_does_not_have_gives_no_data(here: House) -> None:
    response = ask(here, "www.harbour.example", "MX")
    assert (dns.rcode.NOERROR, []) == (response.rcode(), data_of(response))


def test_many_questions_at_once_share_one_connection(here: House, far: Far, scheme: str) -> None:
    assert [ADDRESS] == data_of(ask(here, "first.harbour.example"))
    until(lambda: connections(here, far.ports[scheme]) == 1, "a connection")
    before = status(here)[1]["counters"]
    names = [f"host{number}.harbour.example" for number in range(MANY)]
    for at in range(0, MANY, 25):
        part = names[at : at + 25]
        assert {name: [ADDRESS] for name in part} == ask_many(here, part)
        assert 1 == connections(here, far.ports[scheme])
    after = status(here)[1]["counters"]
    assert MANY == after["asked"] - before["asked"]
    assert before["connect"] == after["connect"]


def test_a_connection_that_the_peer_closed_is_made_again_without_an_error(here: House, far: Far, scheme: str) -> None:
    assert [ADDRESS] == data_of(ask(here, "early.harbour.example"))
    until(lambda: connections(here, far.ports[scheme]) == 0, "the end of an idle connection")
    assert [ADDRESS] == data_of(ask(here, "late.harbour.example"))
    assert {} == status(here)[1]["upstreams"][0]["failures"]
