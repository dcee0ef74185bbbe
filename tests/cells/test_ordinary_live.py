"""The whole service as an ordinary user: it serves, every cell is behind its filter, and what cannot be had is named."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import pytest
from click.testing import CliRunner
from kit.liar_thread import liar_at
from kit.ordinary import OrdinaryPlace
from kit.peers import open_folder
from kit.processes import state
from kit.secure import secure_text, tls_port, trusting, write_identity
from kit.service import PATIENCE, Running, started

from anchorhold.cli import main

CELLS = ("front", "secure", "resolver", "keeper", "lists")
LISTS = '[lists.own]\nfile = "own.txt"\n'


@dataclass
class Service:
    """Of an ordinary user; `ports` are those of UDP and of TLS."""

    running: Running
    folder: Path
    ports: tuple[int, int]

    def told(self, *command: str) -> str:
        return CliRunner().invoke(main, [*command, "--control", str(self.folder / "control.sock")]).stdout

    def cells(self) -> dict[str, dict[str, object]]:
        return {line["cell"]: line for line in json.loads(self.told("cells", "--json"))["cells"]}

    def answers(self, name: str) -> bool:
        """Over UDP and over TLS."""
        query = dns.message.make_query(name, "A")
        clear = dns.query.udp(query, "127.0.0.1", PATIENCE, self.ports[0])
        tls = dns.query.tls(
            query, "127.0.0.1", PATIENCE, self.ports[1], ssl_context=trusting(), server_hostname="dns.example"
        )
        return bool(clear.answer and tls.answer)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with open_folder() as folder, liar_at("udp") as liar:
        write_identity(folder)
        (folder / "own.txt").write_text("0.0.0.0 blocked.example\n")
        server = f"udp://127.0.0.1:{liar.port}"
        text = secure_text(folder, more=LISTS, server=server, profile="opportunistic")
        (folder / "anchorhold.toml").write_text(text)
        with started(folder / "anchorhold.toml", within=OrdinaryPlace(folder)) as running:
            running.all_serve(folder / "control.sock")
            clear = running.port()
            yield Service(running, folder, (clear, tls_port(running)))


def test_it_answers_blocks_and_reads_its_configuration_again(service: Service) -> None:
    assert service.answers("www.example")
    service.running.signal(signal.SIGHUP)
    service.running.wait_for("configuration 2 is in force")
    assert service.answers("later.example")


def test_every_cell_is_that_users_without_a_capability_and_behind_its_filter(service: Service) -> None:
    found = service.cells()
    assert {"supervisor", *CELLS} == set(found)
    user = state(service.running.process.pid)["Uid"]
    assert "0" not in user.split()
    for name in CELLS:
        status = state(int(str(found[name]["pid"])))
        assert (user, "2", "1", 0) == (
            status["Uid"],
            status["Seccomp"],
            status["NoNewPrivs"],
            int(status["CapPrm"], 16) | int(status["CapEff"], 16),
        )
    assert int(state(service.running.process.pid)["CapPrm"], 16) == 0


def test_what_cannot_be_had_is_named_to_operators_and_in_the_log(service: Service) -> None:
    found = service.cells()
    print(service.told("cells"))
    for name in CELLS:
        missing = found[name]["missing"]
        assert isinstance(missing, list)
        lines = [line for line in service.running.lines if f"{name}: is shut in less than it should be" in line]
        assert [True] * bool(missing) == [all(one in line for one in missing) for line in lines]


def test_a_cell_that_is_killed_comes_back(service: Service) -> None:
    before = service.cells()["resolver"]
    os.kill(int(str(before["pid"])), signal.SIGKILL)
    service.running.wait_for("resolver (pid", "serves again")
    assert service.answers("again.example")
    assert service.cells()["resolver"]["restarts"] == 1
