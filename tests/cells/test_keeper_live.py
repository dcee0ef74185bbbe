"""The whole service with a root of the test's own: its keys are followed, a revocation outlives restarts and reaches clients."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import pytest
from kit.forwarder import root_server
from kit.keyset import ENTRY, REVOKED, ROOT, keyset, record, signer
from kit.service import Running, config_text, started
from kit.signing import plain, rrset_of

from anchorhold.control_client import ask_service
from anchorhold.keeper.files import read_points, show_record
from resolver.dnssec.rollover import KeyState
from resolver.iterate.verdict import RRset
from wire.dns.codes import Rcode

PATIENCE = 20.0


def www(seed: int) -> RRset:
    rrset = rrset_of("www. 300 A 192.0.2.1")
    return plain(rrset)._replace(signatures=(signer(seed, ENTRY, time.time()).sign(rrset).to_wire(),))


@contextmanager
def service(folder: Path, port: int) -> Iterator[Running]:
    """Run with the keys of seeds 1 and 2 as the root's anchors."""
    records = ", ".join(f'". DS {show_record(record(seed))}"' for seed in (1, 2))
    text = config_text(folder, server=f"udp://127.0.0.1:{port}")
    head, _, tail = text.partition("[[dnssec.negative]]")
    tail = tail.partition("[upstreams.default]")[2]
    config = folder / "anchorhold.toml"
    upstreams = f'[upstreams.default]\nprofile = "opportunistic"{tail}'
    config.write_text(f"{head}[dnssec]\ntrust_anchors = [{records}]\n{upstreams}")
    with started(config) as running:
        running.wait_for("serving on")
        yield running
        assert running.end() == 0


def anchors(folder: Path) -> dict[str, object]:
    """What `anchorhold anchors` gets, once the first look is over."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        (line,) = ask_service(folder / "control.sock", {"verb": "anchors"})
        (zone,) = line["zones"]  # type: ignore[misc]
        if zone["last_look"] or zone["problem"]:
            return zone  # type: ignore[no-any-return]
    raise AssertionError("no look in time")


def asked(running: Running) -> tuple[int, bool]:
    """rcode and AD of the answer to `www.`"""
    port = int(running.wait_for("serving on 127.0.0.1:").split(" (")[0].rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(dns.message.make_query("www.", "A", want_dnssec=True).to_wire(), ("127.0.0.1", port))
        answer = dns.message.from_wire(client.recv(65_535))
    return int(answer.rcode()), bool(answer.flags & dns.flags.AD)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_a_revocation_outlives_restarts_and_reaches_clients(folder: Path) -> None:
    now = time.time()
    both = {1: ENTRY, 2: ENTRY}
    with root_server(keyset(both, {1: ENTRY}, now), www(1)) as port, service(folder, port) as running:
        zone = anchors(folder)
        assert (None, ["valid", "valid"]) == (zone["problem"], [key["state"] for key in zone["keys"]])  # type: ignore[attr-defined]
        assert (0, True) == asked(running)
    (point,) = read_points((folder / "state/keeper/anchors").read_bytes())
    assert (ROOT, 2) == (point.zone, len(point.records))
    assert now - 60 < point.looked < time.time() + 60

    # The zone revokes key 1; the service was just there, so make its next look due.
    _make_due(folder)
    revoked = {1: REVOKED, 2: ENTRY}
    with root_server(keyset(revoked, revoked, now), www(1)) as port, service(folder, port):
        until = time.monotonic() + PATIENCE
        states: list[str] = []
        while "revoked" not in states and time.monotonic() < until:
            states = [key["state"] for key in anchors(folder)["keys"]]  # type: ignore[attr-defined]
        assert ["revoked", "valid"] == states

    # Whoever has the old key can show what he likes now.
    with root_server(keyset(both, {1: ENTRY}, now), www(1)) as port, service(folder, port) as running:
        assert (int(Rcode.SERVFAIL), False) == asked(running)
        assert ["revoked", "valid"] == [key["state"] for key in anchors(folder)["keys"]]  # type: ignore[attr-defined]


def _make_due(folder: Path) -> None:
    """A day passes for the state that was kept."""
    from dataclasses import replace

    from anchorhold.keeper.files import write_points
    from wire.units import Epoch

    path = folder / "state/keeper/anchors"
    (point,) = read_points(path.read_bytes())
    data = write_points((replace(point, due=Epoch(time.time() - 1)),))
    # In place: the file stays the keeper's.
    with path.open("r+b") as file:
        file.truncate()
        file.write(data)


def test_a_root_whose_keys_cannot_be_had_is_a_problem_that_is_shown(folder: Path) -> None:
    with root_server() as port, service(folder, port):
        zone = anchors(folder)
        assert ("the keys could not be had", None) == (zone["problem"], zone["last_look"])
        states = {key["state"] for key in zone["keys"]}  # type: ignore[attr-defined]
        assert {KeyState.VALID.value} == states
