"""What all cells have in memory."""

import subprocess
import sys

PROGRAM = """\
import sys
from anchorhold import zygote
assert "typing_extensions" not in sys.modules
from anchorhold.accounts import CELLS
zygote.begin()
from net import h2_codecs, quic_codecs
from anchorhold.supervisor import first_modules
zygote.warm(*first_modules(), *(f"anchorhold.cells.{name}" for name in CELLS))
print(*sys.modules)
"""
UNUSED = {
    "email",
    "argparse",
    "click",
    "pydantic",
    "dns",
    "unittest",
    "multiprocessing",
    "xml",
    "http",
    "urllib.request",
}
"""What comes along with what is used, or is the loader's or the command line's."""


def test_cells_have_nothing_in_memory_that_none_of_them_uses() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    found = {*done.stdout.split()}
    assert "anchorhold.cells.secure" in found
    assert found.isdisjoint(UNUSED)
    # What zoneinfo would ask for where zones lie.
    assert not any(name.startswith("_sysconfigdata") for name in found)
