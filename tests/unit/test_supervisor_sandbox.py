"""`enter` in processes of its own: what is given up stays given up."""

import json
import os
import subprocess
import sys

import pytest
from kit.peers import need_root

from anchorhold.sandbox import LAZY, SandboxRefused, configured_user, find_user, preload

PROBE = """
import json, os, sys
from anchorhold.sandbox import SandboxProfile, enter, preload
preload()
before = set(sys.modules)
about = open("/proc/self/status")
standing = enter(SandboxProfile("probe"))
status = dict(line.split(":", 1) for line in about)
import encodings.idna
"b\\u00fccher.example".encode("idna")
try:
    raise ValueError("x")
except ValueError:
    import traceback
    traceback.format_exc()
print(json.dumps({
    "uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(),
    "status": {key: status[key].strip() for key in ("NoNewPrivs", "CapEff", "CapPrm", "CapInh", "CapAmb")},
    "late": sorted(set(sys.modules) - before),
}))
"""


def probe(code: str = PROBE, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_root_becomes_nobody_for_good() -> None:
    need_root("giving up rights")
    seen = json.loads(probe().stdout)
    entry = find_user("nobody")
    assert (seen["uids"], seen["gids"], seen["groups"]) == ([entry.pw_uid] * 3, [entry.pw_gid] * 3, [])


def test_no_privilege_can_be_gained_and_no_capability_is_left() -> None:
    status = json.loads(probe().stdout)["status"]
    assert status == {"NoNewPrivs": "1", **{f"Cap{kind}": "0" * 16 for kind in ("Eff", "Prm", "Inh", "Amb")}}


def test_nothing_is_imported_late() -> None:
    assert json.loads(probe().stdout)["late"] == []


def test_another_user_of_ours_cannot_look_in() -> None:
    need_root("giving up rights")
    code = PROBE + "\nimport ctypes\nprint(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    assert probe(code).stdout.splitlines()[-1] == "0"


@pytest.mark.parametrize(("user", "said"), [("root", "is root"), ("no-such-user", "there is no user")])
def test_a_user_that_will_not_do_stops_the_process(user: str, said: str) -> None:
    need_root("giving up rights")
    result = probe(ANCHORHOLD_USER=user)
    assert (result.returncode, result.stdout) == (1, "")
    assert said in result.stderr


def test_users_are_checked_by_name() -> None:
    with pytest.raises(SandboxRefused, match="is root"):
        find_user("root")
    with pytest.raises(SandboxRefused, match="create it"):
        find_user("no-such-user")


def test_the_supervisor_says_which_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANCHORHOLD_USER", raising=False)
    assert configured_user() == "nobody"
    monkeypatch.setenv("ANCHORHOLD_USER", "daemon")
    assert configured_user() == "daemon"


def test_what_is_lazy_is_named_once_and_there() -> None:
    preload("json")
    assert [name for name in LAZY if name not in sys.modules] == []
    assert len(set(LAZY)) == len(LAZY)
