"""What was made of another product's configuration, as a service on loopback; and Pi-hole's database for the corpus."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kit.service import started

from anchorhold.migrate import Migration
from anchorhold.migrate.settle import settled


def build_gravity(script: Path, path: Path) -> Path:
    """The database that a file of SQL makes."""
    with closing(sqlite3.connect(path)) as base:
        base.executescript(script.read_text())
    return path


@contextmanager
def moved_service(migration: Migration, folder: Path) -> Iterator[int]:
    """The port of the service made of it, in the test's own world, where nothing can be proved."""
    draft = migration.draft
    draft.table("service").set("state", str(folder / "state"))
    draft.table("listen").set("addresses", ["127.0.0.1:0"])
    draft.table("listen").set("control", str(folder / "control.sock"))
    exempt = draft.table("dnssec").append("negative")
    exempt.set("zone", ".")
    exempt.set("reason", "the test's own world")
    config = folder / "anchorhold.toml"
    config.write_text(settled(migration, config, "test"))
    config.chmod(0o644)
    with started(config) as running:
        found = re.search(r"127\.0\.0\.1:(\d+)", running.wait_for("serving on 127.0.0.1:"))
        assert found is not None
        yield int(found[1])
