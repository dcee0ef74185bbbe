"""A cell that was taken over and forges a frame to another one: that one says so, the supervisor ends the sender and nobody else,
and the service answers on. What each cell takes for forged: test_front_cell.py, test_front_leases.py, test_keeper_cell.py,
test_resolver_sealed.py, tests/unit/test_forged_between_cells.py; how it ends the accused:
test_link_messages.py there."""

import signal
import socket
from pathlib import Path

import dns.message
import dns.query
import pytest
from kit.liar_thread import liar_at
from kit.service import PATIENCE, config_text, started

REAL = ("anchorhold.cells.front", "anchorhold.cells.resolver", "anchorhold.cells.keeper")
CELLS = ("front", "resolver", "keeper")
SAID_BY = {"front": "resolver: front", "resolver": "front: the resolver", "keeper": "resolver: the keeper"}


@pytest.mark.parametrize("name", CELLS)
def test_who_forges_a_frame_is_ended_by_the_supervisor_and_nobody_else(name: str, tmp_path: Path) -> None:
    config = tmp_path / "anchorhold.toml"
    modules = [f"kit.forging_{cell}" if cell == name else real for cell, real in zip(CELLS, REAL, strict=True)]
    with liar_at("udp") as liar:
        server = f"udp://127.0.0.1:{liar.port}"
        config.write_text(config_text(tmp_path, server=server, profile="opportunistic"))
        with started(config, *modules) as running:
            port = running.port()
            others = {cell: running.cell(cell) for cell in CELLS if cell != name}
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.sendto(dns.message.make_query("forge.example", "A").to_wire(), ("127.0.0.1", port))
            if name == "keeper":
                # It hears of no question.
                running.signal(signal.SIGHUP)
            running.wait_for(SAID_BY[name], "sent what does not decode")
            running.wait_for(f"{name} (pid", "signal SIGKILL")
            running.wait_for(f"{name} (pid", "serves again")
            assert dns.query.udp(dns.message.make_query("later.example", "A"), "127.0.0.1", PATIENCE, port).answer
            assert others == {cell: running.cell(cell) for cell in others}
