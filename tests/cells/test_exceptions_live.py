"""The whole service with a broken zone: explained, excepted from validation by a command, over a restart, and taken back."""

import json
import stat
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kit.forwarder import root_server
from kit.keyset import ENTRY, keyset
from kit.ownroot import asked, service, www
from kit.peers import until

from anchorhold.cli import main
from anchorhold.control_client import ControlFailed, ask_service
from wire.dns.codes import Rcode

BROKEN = (int(Rcode.SERVFAIL), False)
BELIEVED = (int(Rcode.NOERROR), False)
STRANGER = 3
"""A key that nobody believes has signed `www.`."""


def run(folder: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(main, [*arguments, "--control", str(folder / "control.sock")])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def keys() -> object:
    return keyset({1: ENTRY, 2: ENTRY}, {1: ENTRY}, time.time())


def test_a_broken_zone_is_explained_excepted_and_validated_again(tmp_path: Path) -> None:
    with root_server(keys(), www(STRANGER)) as port, service(tmp_path, port) as running:  # type: ignore[arg-type]
        assert BROKEN == asked(running)
        explained = run(tmp_path, "explain", "--dnssec", "www", "A")
        assert 1 == explained.exit_code
        assert "First failure: records of www.: no key of the zone fits the signature (EDE 9," in explained.stdout
        assert "clients get SERVFAIL" in explained.stderr

        made = run(tmp_path, "anchors", "except", "www", "--for", "2h", "--reason", "their key is lost")
        assert (0, "") == (made.exit_code, made.stderr)
        assert BELIEVED == asked(running)
        mine = "www. is not validated: their key is lost (by command, for 2.0 hours more)"
        plain = run(tmp_path, "explain", "www").stdout
        assert mine in plain.replace("2 hours", "2.0 hours")
        chain = json.loads(run(tmp_path, "explain", "--dnssec", "www", "--json").stdout)["resolver"]["dnssec"]
        assert ["exception", "records"] == [step["step"] for step in chain["parts"][0]["steps"]]
        assert ("insecure", False) == (chain["verdict"]["security"], chain["verdict"]["ad"])
        for command in (("status",), ("anchors",)):
            (row,) = json_rows(run(tmp_path, *command, "--json"))
            assert ("www.", "command", "their key is lost") == (row["zone"], row["by"], row["why"])

    kept = tmp_path / "state/keeper/exceptions"
    assert 0o600 == stat.S_IMODE(kept.stat().st_mode)

    with root_server(keys(), www(STRANGER)) as port, service(tmp_path, port) as running:  # type: ignore[arg-type]
        assert BELIEVED == asked(running)
        assert 0 == run(tmp_path, "anchors", "except", "--remove", "www").exit_code
        # Neither cache gives out what was believed a moment ago.
        assert BROKEN == asked(running)
        again = run(tmp_path, "anchors", "except", "--remove", "www")
        assert (1, True) == (again.exit_code, "there is no exception for www. that" in again.stderr)


def json_rows(result: Result) -> list[dict[str, object]]:
    found = json.loads(result.stdout)
    return found.get("resolver", found)["exceptions"]  # type: ignore[no-any-return]


def test_what_the_keeper_refuses_changes_nothing(tmp_path: Path) -> None:
    with root_server(keys(), www(STRANGER)) as port, service(tmp_path, port) as running:  # type: ignore[arg-type]
        for zone, seconds, reason in (("00", 60, "all"), ("0377777700", 31 * 86_400, "long"), ("0377777700", 60, " ")):
            request = {"verb": "except", "zone": zone, "seconds": seconds, "reason": reason}
            with pytest.raises(ControlFailed, match=r"root would end|up to 30 days|a reason of up to"):
                ask_service(tmp_path / "control.sock", request)
        assert [] == json_rows(run(tmp_path, "status", "--json"))
        assert BROKEN == asked(running)


def test_an_exception_ends_by_itself(tmp_path: Path) -> None:
    with root_server(keys(), www(STRANGER)) as port, service(tmp_path, port) as running:  # type: ignore[arg-type]
        request = {"verb": "except", "zone": "0377777700", "seconds": 1, "reason": "for a moment"}
        ask_service(tmp_path / "control.sock", request)
        running.wait_for("an exception from validation is over")
        # The keeper says so before it writes it down and tells the resolver.
        until(lambda: BROKEN == asked(running), "the end of the exception")
