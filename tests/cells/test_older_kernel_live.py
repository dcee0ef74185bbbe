"""On a kernel whose Landlock knows files only, as that of Debian 12 does: it is used as far as it goes, the service answers, and
what is in force and what is missing is named in the log, by `anchorhold cells` and by `anchorhold status`."""

import json
from pathlib import Path

from click.testing import CliRunner
from kit.manager import managed
from kit.profiles import LINUX

from anchorhold.cli import main
from anchorhold.sandbox.landlock import lacking

pytestmark = LINUX

CELLS = ("front", "resolver", "keeper")
DEBIAN_12 = 2
OLDER = f"from anchorhold.sandbox import landlock; landlock.NEWEST = {DEBIAN_12}; "


def told(config: Path, *command: str) -> str:
    return CliRunner().invoke(main, [*command, "--control", str(config.parent / "control.sock")]).stdout


def test_landlock_is_used_as_far_as_it_goes_and_what_it_lacks_is_named(config: Path) -> None:
    with managed(config, before=OLDER) as running:
        running.all_serve(config.parent / "control.sock")
        assert "127.0.0.1" in told(config, "ask", "localhost")
        found = {line["cell"]: line for line in json.loads(told(config, "cells", "--json"))["cells"]}
        status = told(config, "status")
        table = told(config, "cells")
        for cell in CELLS:
            assert (cell, DEBIAN_12) == (cell, found[cell]["landlock"])
            assert set(lacking(DEBIAN_12)) <= set(found[cell]["missing"])
        assert f"{len(CELLS)} in Landlock {DEBIAN_12}" in status
        for what in ("Landlock's TCP ports", "Landlock's scopes"):
            assert what in lacking(DEBIAN_12)
            for cell in CELLS:
                running.wait_for(f"{cell}: is shut in less than it should be; missing: ", what)
            for text in (table, status):
                (line,) = [line for line in text.splitlines() if line.endswith(f": {what}")]
                assert set(CELLS) == set(line.split(":")[0].split()[2:])
