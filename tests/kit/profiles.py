"""The profiles with a table of system calls, and who enters one for a test."""

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from anchorhold.cells import dhcp, front, keeper, lists, resolver, secure
from anchorhold.certificates import renew
from anchorhold.config import loader, request
from anchorhold.lists import helper
from anchorhold.sandbox import SandboxProfile

FILTERED: dict[str, SandboxProfile] = {
    "front": front.PROFILE,
    "front in batches": front.PROFILE_BATCHED,
    "secure": secure.PROFILE,
    "resolver": resolver.PROFILE,
    "resolver on uvloop": resolver.PROFILE_UVLOOP,
    "dhcp": dhcp.PROFILE,
    "keeper": keeper.PROFILE,
    "lists": lists.PROFILE,
    "workshop": helper.PROFILE,
    "loader": loader.PROFILE,
    "reader": request.PROFILE,
    "certificates": renew.PROFILE,
}
"""All that have a table of system calls."""

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what is tested is Linux's")

ORDINARY = 65_533
"""A user without a name, for what an ordinary user can and cannot have."""
_SET_DUMPABLE = 4


@contextmanager
def folder_for(profile: SandboxProfile) -> Iterator[int]:
    """An empty folder, for `enter`, if the profile has one; else -1."""
    with tempfile.TemporaryDirectory(prefix="anchorhold-folder-") as empty:
        os.chmod(empty, 0o755)
        folder = os.open(empty, os.O_RDONLY | os.O_DIRECTORY) if profile.folder else -1
        try:
            yield folder
        finally:
            if folder >= 0:
                os.close(folder)


def become_ordinary() -> None:
    """As somebody who logged in: no rights, and master of his own processes."""
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 1, 0, 0, 0)
