"""A real service whose lists cell has nothing to do: it ends, what it made stays in force, and it is there when it is needed."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
from click.testing import CliRunner
from kit.datagrams import answering
from kit.peers import open_folder, until
from kit.service import PATIENCE, Running, config_text, ready_cells, started

from anchorhold.cli import main
from anchorhold.control_client import ask_service

MODULES = (*(f"anchorhold.cells.{name}" for name in ("front", "resolver", "keeper", "dhcp")), "kit.tired_lists")
RESTS = "for it has nothing to do"
BLOCKED, REAL = "0.0.0.0", "NXDOMAIN"  # no bind


def nothing(data: bytes) -> bytes:
    """What the upstream gives for every name."""
    response = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
    response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()


class House:
    """A running service with one list, which is a file."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running, self.folder = running, folder
        self.control = folder / "control.sock"
        self.port = running.port()
        self.rests = 0

    def says(self, name: str) -> str:
        answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", PATIENCE, self.port)
        return answer.answer[0][0].to_text() if answer.answer else dns.rcode.to_text(answer.rcode())

    def wait_for_rest(self) -> None:
        self.rests += 1
        self.running.wait_for("lists (pid", RESTS, count=self.rests)
        assert 0 == self.running.cell("tired_lists") == self.running.cell("lists")

    def wait_until(self, name: str, what: str) -> None:
        until(lambda: self.says(name) == what, name)


@contextmanager
def house() -> Iterator[House]:
    with open_folder() as folder, answering(nothing) as port, started(configured(folder, port), *MODULES) as running:
        one = House(running, folder)
        one.wait_until("ads.example", BLOCKED)
        one.wait_for_rest()
        yield one


def configured(folder: Path, port: int) -> Path:
    (folder / "ads.txt").write_text("0.0.0.0 ads.example\n")
    (folder / "ads.txt").chmod(0o644)
    lists = '[lists]\nads = { file = "ads.txt" }\n'
    config = folder / "anchorhold.toml"
    config.write_text(config_text(folder, server=f"udp://127.0.0.1:{port}", profile="opportunistic", extra=lists))
    return config


def test_lists_block_while_their_cell_rests_and_an_operator_who_asks_is_answered() -> None:
    with house() as one:
        assert (BLOCKED, REAL) == (one.says("ads.example"), one.says("other.example"))
        assert 1 == ready_cells(one.control)["lists"], "what it did stays in force"
        shown = CliRunner().invoke(main, ["cells", "--control", str(one.control)])
        assert "lists rests: it has nothing to do" in shown.output
        assert "does not run" not in shown.output
        (line,) = ask_service(one.control, {"verb": "lists", "request": {"do": "status"}})
        assert ("lists", ["in force"]) == (line["cell"], [row["state"] for row in line["lists"]])  # type: ignore[attr-defined]
        one.wait_for_rest()
        status = {line["cell"]: line for line in ask_service(one.control, {"verb": "status"})}
        assert 0 == status["lists"]["restarts"], "to rest is no fault"
        one.wait_for_rest()
        log = "\n".join(one.running.lines)
        assert ("hung up" in log, "serves again" in log) == (False, False)


def test_a_new_configuration_wakes_the_cell_and_a_new_resolver_needs_it_not() -> None:
    with house() as one:
        (one.folder / "ads.txt").write_text("0.0.0.0 ads.example\n0.0.0.0 more.example\n")
        one.running.signal(signal.SIGHUP)
        one.wait_until("more.example", BLOCKED)
        one.wait_for_rest()
        os.kill(one.running.cell("resolver"), signal.SIGKILL)
        one.running.wait_for("resolver (pid", "serves again")
        assert (BLOCKED, BLOCKED, REAL) == tuple(one.says(f"{name}.example") for name in ("ads", "more", "new"))
        assert 0 == one.running.cell("tired_lists")
