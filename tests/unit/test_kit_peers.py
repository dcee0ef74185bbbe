"""A program of another project that is missing: what its tests do then."""

import shutil

import pytest
from kit.peers import peer


@pytest.mark.parametrize("value", ["true", "", None])
def test_a_missing_peer_is_a_failure_in_ci_and_a_skip_elsewhere(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, path: None)
    if value is None:
        monkeypatch.delenv("CI", raising=False)
    else:
        monkeypatch.setenv("CI", value)
    expected = pytest.fail.Exception if value == "true" else pytest.skip.Exception
    with pytest.raises(expected, match="kdig is not installed; on Debian: apt-get install knot-dnsutils"):
        peer("kdig")


def test_a_peer_that_is_there_is_found_outside_of_a_users_path_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, path: f"{path.split(':')[-2]}/{program}")
    assert "/usr/sbin/unbound" == peer("unbound")
