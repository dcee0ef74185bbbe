"""The front as a real process, and a dhcp cell that the test plays."""

import json
import socket
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest
from kit.desk import settings
from kit.front import PATIENCE, RunningFront, is_silent, running_front
from kit.leased import HOME, NAS, host

from anchorhold.ipc import Inbox, MessageType, Verb, build_message
from anchorhold.leases.messages import build_hosts
from anchorhold.link import LinkType
from resolver.settings import ClientGroup
from wire.dns.framing import frame
from wire.dns.names import read_name

VALUE = settings(leases=HOME)
NAS_NAMES = (read_name("nas.home.arpa"),)


def ask(front: RunningFront, name: str = "nas.home.arpa", *, tcp: bool = False) -> dns.message.Message:
    asked = dns.message.make_query(name, "A")
    exchange = dns.query.tcp if tcp else dns.query.udp
    return exchange(asked, "127.0.0.1", PATIENCE, front.port)


def tell(front: RunningFront, dhcp: socket.socket, *messages: bytes) -> None:
    """Say this and wait until front has heard it."""
    dhcp.sendall(b"".join(messages) + build_message(MessageType.PING, 1))
    (pong,) = Inbox().feed(dhcp.recv(65_536))
    assert (MessageType.PING, 1) == (pong.type, pong.flags)


@pytest.mark.parametrize("tcp", [False, True])
def test_names_come_and_go_with_leases_and_the_resolver_learns_of_none(tcp: bool) -> None:
    with running_front(value=VALUE) as front, front.new_dhcp() as dhcp:
        assert dns.rcode.NXDOMAIN == ask(front, tcp=tcp).rcode()
        tell(front, dhcp, *build_hosts([NAS], everything=True))
        for _ in range(3):
            assert "192.168.1.20" == ask(front, tcp=tcp).answer[0][0].to_text()
        tell(front, dhcp, *build_hosts([host("nas.home.arpa", gone=True)]))
        assert dns.rcode.NXDOMAIN == ask(front, tcp=tcp).rcode()
        assert is_silent(front.peer)


def test_names_outlive_the_dhcp_cell_until_the_next_one_knows_better() -> None:
    with running_front(value=VALUE) as front:
        with front.new_dhcp() as dhcp:
            tell(front, dhcp, *build_hosts([NAS], everything=True))
        assert 1 == len(ask(front).answer)
        with front.new_dhcp() as dhcp:
            assert 1 == len(ask(front).answer)
            tell(front, dhcp, *build_hosts([], everything=True))
        assert dns.rcode.NXDOMAIN == ask(front).rcode()


def test_a_dhcp_cell_that_sends_nonsense_is_accused_and_the_next_one_is_heard() -> None:
    with running_front(value=VALUE) as front:
        with front.new_dhcp() as dhcp:
            dhcp.sendall(build_message(MessageType.HOSTS, 0, b"\xc1", flags=1))
            assert LinkType.HOSTS is front.wait_accused()
            assert b"" == dhcp.recv(1)
        with front.new_dhcp() as dhcp:
            tell(front, dhcp, *build_hosts([NAS], everything=True))
            assert 1 == len(ask(front).answer)


def test_an_operators_questions_reach_the_dhcp_cell(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with running_front(value=VALUE, control=path) as front, front.new_dhcp() as dhcp:
        with socket.socket(socket.AF_UNIX) as operator:
            operator.settimeout(PATIENCE)
            operator.connect(str(path))
            operator.sendall(b'{"verb": "leases", "request": {"do": "list"}}\n')
            (fact,) = Inbox().feed(dhcp.recv(65_536))
            assert bytes((Verb.LEASES,)) + b'{"do":"list"}' == fact.body
            dhcp.sendall(build_message(MessageType.FACT, fact.handle, b'{"cell": "dhcp", "leases": []}'))
            with operator.makefile("rb") as file:
                assert [{"cell": "dhcp", "leases": []}] == [json.loads(line) for line in file]
        assert is_silent(front.peer)


@pytest.mark.parametrize("tcp", [False, True])
def test_a_device_asks_in_its_group_from_the_time_that_it_has_the_address(tcp: bool) -> None:
    """Over TCP the connection stands before the name comes, as after a restart of the service."""
    groups = (ClientGroup("default"), ClientGroup("kids", devices=NAS_NAMES))
    value = settings(leases=HOME, client_groups=groups)
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with running_front(value=value) as front, front.new_dhcp() as dhcp, socket.socket(type=kind) as device:
        device.settimeout(PATIENCE)
        device.connect(("127.0.0.1", front.port))
        seen = []
        for hosts in ([], [host("nas.home.arpa", bytes((127, 0, 0, 1)))], [host("nas.home.arpa", gone=True)]):
            tell(front, dhcp, *build_hosts(hosts, everything=not hosts))
            question = dns.message.make_query(f"n{len(seen)}.example", "A").to_wire()
            device.sendall(frame(question) if tcp else question)
            (query,) = [one for one in Inbox().feed(front.peer.recv(65_536)) if one.type is MessageType.QUERY]
            seen.append(query.group)
        assert [0, 1, 0] == seen
