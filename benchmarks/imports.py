"""What imports cost: modules, memory that is this process's own, CPU time. Without arguments, those that the supervisor makes for
all cells.

    .venv/bin/python benchmarks/imports.py
    .venv/bin/python benchmarks/imports.py --first net.quic_client_qh3 net.quic_server_qh3 --then aioquic.h3.connection

`--then`: what comes on top of `--first`, or of all that cells import, when these are imported too.
"""

import argparse
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from anchorhold import zygote
from anchorhold.accounts import CELLS


def cells() -> None:
    import anchorhold.supervisor

    zygote.warm(*anchorhold.supervisor.first_modules(), *(f"anchorhold.cells.{name}" for name in CELLS))


def private() -> int:
    """KiB written to."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_Dirty:"))


def cost(what: str, act: Callable[[], object]) -> str:
    modules, memory, begun = len(sys.modules), private(), time.process_time()
    act()
    seconds = time.process_time() - begun
    return (
        f"{what}: {len(sys.modules) - modules} modules, {private() - memory:,} KiB, {seconds * 1e3:.0f} ms of CPU time"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", nargs="+", default=[], metavar="MODULE")
    parser.add_argument("--then", nargs="+", default=[], metavar="MODULE")
    options = parser.parse_args()
    zygote.begin()
    if options.first:
        print(cost("first", lambda: [import_module(name) for name in options.first]))
    else:
        print(cost("all cells", cells))
    if options.then:
        print(cost("then", lambda: [import_module(name) for name in options.then]))


if __name__ == "__main__":
    main()
