"""The whole service with a root of the test's own: its keys are followed, a revocation outlives restarts and reaches clients."""

import time
from pathlib import Path

import pytest
from kit.forwarder import root_server
from kit.keyset import ENTRY, REVOKED, ROOT, keyset
from kit.ownroot import PATIENCE, asked, service, www

from anchorhold.control_client import ask_service
from anchorhold.keeper.files import read_points
from resolver.dnssec.rollover import KeyState
from wire.dns.codes import Rcode


def anchors(folder: Path) -> dict[str, object]:
    """What `anchorhold anchors` gets, once the first look is over."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        (line,) = ask_service(folder / "control.sock", {"verb": "anchors"})
        (zone,) = line["zones"]  # type: ignore[misc]
        if zone["last_look"] or zone["problem"]:
            return zone  # type: ignore[no-any-return]
    raise AssertionError("no look in time")


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
