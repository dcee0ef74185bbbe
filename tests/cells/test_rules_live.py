"""Rules, a list and a schedule in the whole service: two groups of clients, and a clock that is moved past an edge."""

import json
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import pytest
from click.testing import CliRunner
from kit.clocks import Clock
from kit.peers import open_folder
from kit.service import PATIENCE, Running, config_text, started

from anchorhold.cli import main
from net.clock import date
from wire.dns.codes import ExtendedError

KIDS, OTHERS = "127.0.0.65", "127.0.0.1"
MINUTE = 60


@pytest.fixture
def clock() -> Iterator[Clock]:
    with tempfile.TemporaryDirectory() as folder:
        yield Clock(Path(folder), "+0")


def rules(folder: Path) -> str:
    """The schedule begins in half an hour."""
    (folder / "ads.txt").write_text("# advertising\nads.example\n")
    (folder / "ads.txt").chmod(0o644)

    def shown(minutes: int) -> str:
        at = time.gmtime(date() + minutes * MINUTE)
        return f"{at.tm_hour:02}:{at.tm_min:02}"

    return f"""\
[clients.kids]
networks = ["127.0.0.64/28"]
[schedules.soon]
windows = ["daily {shown(30)}-{shown(90)}"]
[[rule]]
action = "block"
name = "bedtime"
domains = ["games.example"]
clients = ["kids"]
schedule = "soon"
[[rule]]
action = "block"
name = "never"
domains = ["bad.example"]
answer = "nxdomain"
[lists]
ads = {{ file = "ads.txt" }}
"""


def asked(running: Running, name: str, source: str) -> tuple[str, list[str], set[tuple[int, str]]]:
    """rcode, addresses, extended errors of blocking."""
    port = running.port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((source, 0))
        client.settimeout(PATIENCE)
        client.sendto(dns.message.make_query(name, "A", use_edns=0).to_wire(), ("127.0.0.1", port))
        answer = dns.message.from_wire(client.recv(65_535))
    errors = {(int(one.code), one.text or "") for one in answer.options if isinstance(one, dns.edns.EDEOption)}
    addresses = [item.to_text() for rrset in answer.answer for item in rrset]
    return dns.rcode.to_text(answer.rcode()), addresses, {one for one in errors if one[0] in (15, 17)}


def until_it_says(running: Running, name: str, source: str, wanted: object) -> None:
    """Something that comes by itself: an image, an edge."""
    end = time.monotonic() + PATIENCE
    while (said := asked(running, name, source)) != wanted:
        assert time.monotonic() < end, said
        time.sleep(0.05)


NULL = ["0.0.0.0"]  # an answer, no place to listen at
NOTHING = ("SERVFAIL", [], set[tuple[int, str]]())
"""What a name that is not blocked gets: there is no upstream."""


@pytest.mark.peer("faketime")
def test_a_household_with_two_groups_a_list_and_a_schedule(clock: Clock) -> None:
    with open_folder() as folder:
        config = folder / "anchorhold.toml"
        config.write_text(config_text(folder, extra=rules(folder)))
        with started(config, environment=clock.environment()) as running:
            household(folder, running, clock)


def household(folder: Path, running: Running, clock: Clock) -> None:
    never = ("NXDOMAIN", [], {(int(ExtendedError.BLOCKED), "rule never")})
    assert asked(running, "www.bad.example", OTHERS) == never
    assert asked(running, "www.bad.example", KIDS) == never
    until_it_says(running, "ads.example", KIDS, ("NOERROR", NULL, {(15, "list ads line 2")}))
    assert asked(running, "games.example", KIDS) == NOTHING
    clock.set("+45m")
    bedtime = ("NOERROR", NULL, {(int(ExtendedError.FILTERED), "rule bedtime")})
    until_it_says(running, "games.example", KIDS, bedtime)
    assert asked(running, "games.example", OTHERS) == NOTHING
    clock.set("+95m")
    until_it_says(running, "games.example", KIDS, NOTHING)
    told = CliRunner().invoke(
        main, ["explain", "games.example", "--client", KIDS, "--json", "--control", str(folder / "control.sock")]
    )
    considered = json.loads(told.output)["resolver"]["considered"]
    assert [row["result"] for row in considered if row["rule"] == "bedtime"] == ["not at this time (soon)"]
