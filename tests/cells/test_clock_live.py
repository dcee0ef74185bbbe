"""The whole service on a machine whose clock is years behind, by libfaketime, until somebody sets it."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from click.testing import CliRunner
from kit.clocks import Clock
from kit.forwarder import root_server
from kit.keyset import ENTRY, keyset, signer
from kit.ownroot import service
from kit.service import Running
from kit.signing import plain, rrset_of

from anchorhold.cli import main
from net.clock import date
from resolver.dnssec.clock import WRONG_CLOCK
from resolver.edge.resolve import TURNS
from resolver.iterate.verdict import RRset
from wire.dns.codes import ExtendedError

PATIENCE = 60.0
YEARS_BEHIND, RIGHT = "-3000d", "+0"


@pytest.fixture
def clock() -> Iterator[Clock]:
    with tempfile.TemporaryDirectory() as folder:
        yield Clock(Path(folder), YEARS_BEHIND)


def believing(folder: Path, port: int, clock: Clock) -> AbstractContextManager[Running]:
    """It believes one key of the root, and gets the time from `ntp.clocks.`"""
    return service(folder, port, seeds=(1,), more='time_sources = ["ntp.clocks"]\n', environment=clock.environment())


def address(owner: str) -> RRset:
    """An RRset that the root has signed today."""
    rrset = rrset_of(f"{owner} 300 A 192.0.2.1")
    return plain(rrset)._replace(signatures=(signer(1, ENTRY, date()).sign(rrset).to_wire(),))


def asked(running: Running, name: str) -> tuple[str, bool, set[tuple[int, str]]]:
    """rcode, AD, extended errors."""
    port = running.port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(dns.message.make_query(name, "A", want_dnssec=True).to_wire(), ("127.0.0.1", port))
        answer = dns.message.from_wire(client.recv(65_535))
    errors = {(int(one.code), one.text or "") for one in answer.options if isinstance(one, dns.edns.EDEOption)}
    return dns.rcode.to_text(answer.rcode()), bool(answer.flags & dns.flags.AD), errors


def status(folder: Path) -> str:
    result = CliRunner().invoke(main, ["status", "--control", str(folder / "control.sock")])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.peer("faketime")
def test_a_service_that_starts_with_a_wrong_clock_serves_the_servers_of_time_until_it_is_set(
    tmp_path: Path, clock: Clock
) -> None:
    records = (keyset({1: ENTRY}, {1: ENTRY}, date()), address("ntp.clocks."), address("www.bank."))
    with root_server(*records) as port, believing(tmp_path, port, clock) as running:
        assert ("NOERROR", False, set()) == asked(running, "ntp.clocks.")
        refused = {(int(ExtendedError.NOT_READY), WRONG_CLOCK.text)}
        assert ("SERVFAIL", False, refused) == asked(running, "www.bank.")
        lost, found = TURNS.values()
        running.wait_for(lost)
        assert "THE CLOCK IS WRONG: it shows " in status(tmp_path)
        clock.set(RIGHT)
        assert ("NOERROR", True, set()) == asked(running, "www.bank.")
        assert ("NOERROR", True, set()) == asked(running, "ntp.clocks.")
        running.wait_for(found)
        assert "The clock is believed: it shows " in status(tmp_path)
        clock.set(YEARS_BEHIND)
        assert ("SERVFAIL", False, refused) == asked(running, "www.new.")
        running.wait_for(lost, count=2)
