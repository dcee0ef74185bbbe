"""The whole service on loopback: what is served encrypted is told by DDR, and not any more once it is gone."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest
from kit.certificates import authority
from kit.peers import free_ports, open_folder, until
from kit.secure import write_identity
from kit.service import PATIENCE, Running, started

CONFIG = """\
[service]
state = "{folder}/state"
[listen]
addresses = ["127.0.0.1:{clear}"]
control = "{folder}/control.sock"
[resolve]
mode = "iterate"
[secure]
name = "dns.example"
listen = ["tls://127.0.0.1:{tls}"]
certificate = "files"
chain = "chain.pem"
key = "key.pem"
"""


@dataclass
class House:
    folder: Path
    running: Running
    clear: int
    tls: int

    def ask(self, name: str, rrtype: str, flags: int = dns.flags.RD) -> dns.message.Message:
        return dns.query.udp(dns.message.make_query(name, rrtype, flags=flags), "127.0.0.1", PATIENCE, self.clear)

    def told(self) -> list[str]:
        return [data.to_text() for rrset in self.ask("_dns.resolver.arpa", "SVCB").answer for data in rrset]

    def until_told(self, expected: list[str]) -> None:
        until(lambda: self.told() == expected, "what is told")


@contextmanager
def house(certificate: bool = True) -> Iterator[House]:
    with open_folder() as folder:
        clear, tls = free_ports(2)
        if certificate:
            write_identity(folder)
        config = folder / "anchorhold.toml"
        config.write_text(CONFIG.format(folder=folder, clear=clear, tls=tls))
        with started(config) as running:
            running.wait_for("serving on")
            yield House(folder, running, clear, tls)


@pytest.fixture(scope="module")
def whole() -> Iterator[House]:
    with house() as made:
        yield made


def offer(made: House, name: str = "dns.example") -> list[str]:
    return [f'1 {name}. alpn="dot" port="{made.tls}" ipv4hint="127.0.0.1"']


def test_what_is_served_is_told_and_leads_there(whole: House) -> None:
    whole.until_told(offer(whole))
    (address,) = whole.ask("dns.example", "A").answer[0]
    assert address.to_text() == "127.0.0.1"
    context = ssl.create_default_context(cadata=authority().pem)
    query = dns.message.make_query("_dns.dns.example", "SVCB")
    response = dns.query.tls(
        query, "127.0.0.1", PATIENCE, whole.tls, server_hostname="dns.example", ssl_context=context
    )
    assert [data.to_text() for data in response.answer[0]] == offer(whole)


def test_the_resolver_describes_itself_to_who_wants_no_recursion(whole: House) -> None:
    response = whole.ask("resolver.arpa", "TYPE261", flags=0)
    assert len(response.answer) == 1
    assert response.flags & dns.flags.AA


def test_nobody_is_sent_to_a_cell_that_is_gone_and_to_the_next_one_again(whole: House) -> None:
    whole.until_told(offer(whole))
    pid = whole.running.cell("secure")
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    whole.running.wait_for("secure", "ended")
    whole.until_told(offer(whole))
    assert whole.running.cell("secure") != pid


def test_a_front_that_was_started_since_knows_it_too(whole: House) -> None:
    os.kill(whole.running.cell("front"), signal.SIGKILL)
    whole.running.wait_for("front", "serves again")
    whole.until_told(offer(whole))


def test_without_a_certificate_nobody_is_sent_there_until_there_is_one() -> None:
    with house(certificate=False) as made:
        assert made.told() == []
        made.running.wait_for("no certificate")
        write_identity(made.folder)
        made.until_told(offer(made))


def test_where_the_certificate_has_run_out_nobody_is_sent() -> None:
    with house(certificate=False) as made:
        write_identity(made.folder, "expired")
        made.running.wait_for("the certificate has run out")
        assert made.told() == []


def test_a_name_that_the_certificate_does_not_hold_is_told_to_nobody_until_it_does() -> None:
    with house(certificate=False) as made:
        write_identity(made.folder, "other-name")
        made.running.wait_for("the certificate does not hold the name in [secure]")
        assert made.told() == []
        write_identity(made.folder)
        made.until_told(offer(made))


def test_a_new_name_is_told_only_when_its_certificate_is_in_use() -> None:
    with house() as made:
        made.until_told(offer(made))
        config = made.folder / "anchorhold.toml"
        config.write_text(config.read_text().replace("dns.example", "other.example"))
        made.running.signal(signal.SIGHUP)
        seen = [made.told()]
        while seen[-1] != []:
            assert seen[-1] == offer(made)
            seen.append(made.told())
        made.running.wait_for("the certificate does not hold the name in [secure]")
        assert made.told() == []
        write_identity(made.folder, "other-name")
        made.until_told(offer(made, "other.example"))


def doctor(made: House, *more: str) -> tuple[int, dict[str, list[dict[str, object]]]]:
    authorities = made.folder / "authority.pem"
    authorities.write_text(authority().pem)
    program = str(Path(sys.executable).parent / "anchorhold")
    done = subprocess.run(
        [
            program,
            "doctor",
            "--config",
            str(made.folder / "anchorhold.toml"),
            "--ca-file",
            str(authorities),
            "--json",
            *more,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, json.loads(done.stdout)


def test_the_doctor_finds_a_way_in_well_and_warns_of_what_devices_cannot_verify(whole: House) -> None:
    whole.until_told(offer(whole))
    _, found = doctor(whole)
    rows = {str(one["subject"]): one for one in found["findings"]}
    way = rows[f"tls://127.0.0.1:{whole.tls}"]
    assert (way["level"], "proves who it is" in str(way["text"])) == ("good", True)
    levels = [one["level"] for one in found["findings"] if one["subject"] == "discovery at 127.0.0.1"]
    assert levels == ["good", "warning"]
    assert rows["service"]["level"] == "good"
    assert {str(row["devices"]).split()[0] for row in found["devices"]} >= {
        "Android",
        "iOS,",
        "Windows",
        "systemd-resolved",
    }


def test_the_doctor_finds_a_missing_certificate() -> None:
    with house(certificate=False) as made:
        code, found = doctor(made)
        bad = {one["subject"] for one in found["findings"] if one["level"] == "bad"}
        assert code == 1
        assert {"cell secure", f"tls://127.0.0.1:{made.tls}"} <= bad
