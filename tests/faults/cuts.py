"""Power cuts at every point of a recorded run: what the disk may hold then is given to the store, which must know every
lease that a client was told of.

    python tests/faults/cuts.py --steps 400 [--each 1] [--seed 1] [--inject CALL:error=EIO:when=FIRST+EVERY]

Prints one JSON object.
"""

import hashlib
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import click  # noqa: E402
from kit.leases import put, store  # noqa: E402
from kit.miniature import Witness, read_words  # noqa: E402
from kit.powercut import Disk, record  # noqa: E402

from dhcp.store import Loaded  # noqa: E402

SHARES = (0.0, 0.2, 0.5, 0.8, 1.0)
"""How much of what was not synced is there: a state of each is tried at every point."""


class Cuts:
    """States tried, and what was found."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder / "after"
        self._folder.mkdir()
        self._draw = random.Random(seed)
        self._seen: set[bytes] = set()
        self.witness = Witness()
        self.lost: list[str] = []
        self.problems: list[str] = []
        self.states = 0

    def try_all(self, disk: Disk, time: int) -> None:
        """The state a kill would leave here, and some of those a cut would."""
        self._try(disk.after_kill(), time)
        for share in SHARES:
            self._try(disk.after_cut(self._draw, share), time)

    def _try(self, files: dict[str, bytes], time: int) -> None:
        digest = hashlib.sha256()
        for name, data in sorted(files.items()):
            digest.update(name.encode() + b"\0" + data)
        # What clients know changes without the disk, so it is part of the state.
        digest.update(self.witness.acknowledged.to_bytes(8, "big"))
        if digest.digest() in self._seen:
            return
        self._seen.add(digest.digest())
        self.states += 1
        loaded = self._load(files)
        leases = {int.from_bytes(each.address, "big"): each for each in loaded.leases}
        self.lost += self.witness.lost(leases, time)
        self.problems += loaded.problems

    def _load(self, files: dict[str, bytes]) -> Loaded:
        put(self._folder, files)
        with store(self._folder) as one:
            first = one.load()
            one.close()
            again = one.load()
        if (first.leases, first.clock) != (again.leases, again.clock):
            self.problems.append("opened twice it holds two things")
        return first


def run(steps: int, each: int, seed: int, inject: tuple[str, ...] = ()) -> dict[str, object]:
    """Record a run and cut it at every `each`th call; the result."""
    begun = time.monotonic()
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shared) as name:
        folder = Path(name) / "leases"
        folder.mkdir()
        calls, errors = record(folder, steps, seed, inject)
        disk, cuts, now, points = Disk(folder), Cuts(Path(name), seed), 0, 0
        for number, call in enumerate(calls):
            said = disk.take(call)
            for word in read_words(said):
                now = max(now, word.time)
            cuts.witness.hear(read_words(said))
            if number % each == 0:
                points += 1
                cuts.try_all(disk, now)
    return {
        "calls": len(calls),
        "points": points,
        "states": cuts.states,
        "acknowledged": cuts.witness.acknowledged,
        "failures": cuts.witness.failures,
        "lost": cuts.lost,
        "twice": cuts.witness.twice,
        "problems": cuts.problems,
        "errors": errors,
        "seconds": round(time.monotonic() - begun, 1),
    }


@click.command()
@click.option("--steps", default=60, help="Commits of the run.")
@click.option("--each", default=1, help="Cut at every call, every second, ...")
@click.option("--seed", default=1)
@click.option("--inject", multiple=True, help="Calls that fail, as strace takes it.")
def main(steps: int, each: int, seed: int, inject: tuple[str, ...]) -> None:
    """Cut the power and print what came of it."""
    click.echo(json.dumps(run(steps, each, seed, inject)))


if __name__ == "__main__":
    main()
