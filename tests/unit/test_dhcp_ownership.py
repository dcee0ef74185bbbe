"""SQLite under the dhcp cell's filter of system calls, which has no place for what it need not ask."""

import os
import signal
import sqlite3
from pathlib import Path

import pytest
from kit.children import ended
from kit.profiles import LINUX

from anchorhold.cells import dhcp
from anchorhold.sandbox import seccomp
from dhcp.edge.ownership import ask_for_no_user
from dhcp.edge.schema import migrate, prepare

pytestmark = LINUX


def keep_something(path: Path) -> None:
    """A new file, and a log beside it."""
    connection = sqlite3.connect(path, isolation_level=None)
    prepare(connection)
    migrate(connection, path.name)
    assert Path(f"{path}-wal").exists()


@pytest.mark.parametrize(("asked", "end"), [(True, 0), (False, -signal.SIGSYS)])
def test_a_log_is_made_without_a_question_who_we_are(tmp_path: Path, asked: bool, end: int) -> None:
    def body() -> None:
        os.umask(0o077)
        keep_something(tmp_path / "first.db")
        assert not asked or ask_for_no_user()
        seccomp.install(seccomp.pack(seccomp.assemble(dhcp.PROFILE.calls, seccomp.here())))
        keep_something(tmp_path / "second.db")

    assert end == ended(body)
