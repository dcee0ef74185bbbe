"""kill -9 at any moment, again and again, of a server whose leases are never written anew in between.

    python tests/faults/kills.py --kills 10000 [--seed 1]

Prints one JSON object: how many kills at what, how much was acknowledged, and what was lost or given twice.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import click  # noqa: E402
from kit.leases import BOOT, put, store  # noqa: E402
from kit.miniature import RECORD, STEP, Miniature, Said, Witness, Word, read_words  # noqa: E402

from dhcp.values import Lease  # noqa: E402

YOUNG = 0.004
"""Seconds that who dies young lives at most: it takes about three milliseconds to open and read the file."""
LONGEST = 0.001
"""Seconds that others live at most after they were heard: a commit takes 0.2 ms on a good disk, and several on a bad one."""
MOST_HEARD = 120
"""Records that a server says at most before it is killed; a commit has a dozen."""
BOOT_EVERY = 50
"""Of so many kills one is a new start of the machine: all that is known of the time is what the file says."""


class Machine:
    """The machine the servers run on: its folder, its true time, its clock."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.copy = path / "leases", path / "copy"
        self.path.mkdir()
        self.copy.mkdir()
        self.draw = random.Random(seed)
        self.witness = Witness()
        self.time, self.started, self.boot = 1_000, 0, BOOT
        self.at: Counter[str] = Counter()
        self.lost: list[str] = []
        self.problems: list[str] = []

    def live_and_die(self, number: int) -> None:
        """One server, killed after a random while; then what is on disk is compared with what clients know."""
        if number % BOOT_EVERY == BOOT_EVERY - 1:
            self.started, self.boot = self.time, f"boot {number}"
        # Every third dies young, at whatever its start has come to; the others some time after they have said a few things,
        # however fast the disk is.
        heard = 0 if number % 3 == 0 else self.draw.randrange(2, MOST_HEARD)
        said = self._kill_one(heard, self.draw.random() * (LONGEST if heard else YOUNG), number)
        words = list(read_words(said))
        self.at[self.witness.hear(iter(words)).name.lower()] += 1
        self.time = max([self.time, *(word.time for word in words)]) + STEP
        leases, problems = self._on_disk()
        self.problems += problems
        self.lost += self.witness.lost(leases, self.time)

    def _kill_one(self, heard: int, after: float, seed: int) -> bytes:
        reading, writing = os.pipe()
        said = b""
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._serve(writing, seed)
        os.close(writing)
        with open(reading, "rb", buffering=0) as file:
            while len(said) < heard * RECORD.size and (piece := file.read(RECORD.size)):
                said += piece
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return said + file.readall()

    def _serve(self, out: int, seed: int) -> None:
        try:
            server = Miniature(self.path, out, self.time, self.boot, self.time - self.started)
            while True:
                server.step(random.Random(seed := seed + 1_000_003))
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)

    def _on_disk(self) -> tuple[dict[int, Lease], list[str]]:
        """What a server would find; looked at in a copy, so that the next one has the work of opening it."""
        put(self.copy, {file.name: file.read_bytes() for file in self.path.iterdir()})
        with store(self.copy) as one:
            loaded = one.load()
        return {int.from_bytes(each.address, "big"): each for each in loaded.leases}, list(loaded.problems)


def run(kills: int, seed: int, folder: str | None) -> dict[str, object]:
    """So many kills; the result."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        machine = Machine(Path(name), seed)
        for number in range(kills):
            machine.live_and_die(number)
        size = (machine.path / "leases.db").stat().st_size
    return {
        "kills": kills,
        "at": dict(sorted(machine.at.items())),
        "acknowledged": machine.witness.acknowledged,
        "lost": machine.lost,
        "twice": machine.witness.twice,
        "problems": machine.problems,
        "octets": size,
        "seconds": round(time.monotonic() - begun, 1),
    }


@click.command()
@click.option("--kills", default=300)
@click.option("--seed", default=1)
@click.option("--folder", help="Where the files are; a file system in memory is quicker and proves the same.")
def main(kills: int, seed: int, folder: str | None) -> None:
    """Kill servers and print what came of it."""
    click.echo(json.dumps(run(kills, seed, folder)))


assert RECORD.size * 16 < 4_096, "what is said at once must fit into a pipe's atomic write"
assert Word(Said.IDLE).span == 0

if __name__ == "__main__":
    main()
