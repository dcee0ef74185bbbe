"""What a test needs and is not there, a program of another project or root: what it does then."""

import os
import shutil

import pytest
from kit.peers import need_root, peer


@pytest.mark.parametrize("value", ["true", "", None])
def test_what_is_missing_is_a_failure_in_ci_and_a_skip_elsewhere(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, path: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    if value is None:
        monkeypatch.delenv("CI", raising=False)
    else:
        monkeypatch.setenv("CI", value)
    expected = pytest.fail.Exception if value == "true" else pytest.skip.Exception
    with pytest.raises(expected, match="kdig is not installed; on Debian: apt-get install knot-dnsutils"):
        peer("kdig")
    with pytest.raises(expected, match="a network namespace needs root"):
        need_root("a network namespace")


def test_root_may_do_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("CI", "true")
    need_root("a network namespace")


def test_a_peer_that_is_there_is_found_outside_of_a_users_path_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, path: f"{path.split(':')[-2]}/{program}")
    assert "/usr/sbin/unbound" == peer("unbound")
