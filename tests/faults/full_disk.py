"""A disk that is really full, and then is not: a small file system of its own, which a ballast file fills up.

    unshare --mount python tests/faults/full_disk.py FOLDER

Mounts over FOLDER, so it is to be run in a mount namespace of its own. Prints one JSON object.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from kit.leases import put, store  # noqa: E402
from kit.miniature import Miniature, Said, Witness, Word, read_words  # noqa: E402

from dhcp.store import Loaded  # noqa: E402

SIZE = "600k"


class Watched:
    """A server on the small disk, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        self.witness = Witness()
        self._draw = random.Random(1)
        self.server = Miniature(folder, writing, 1_000)

    def run(self, steps: int) -> list[Word]:
        """So many commits; what was said."""
        words: list[Word] = []
        for _ in range(steps):
            self.server.step(self._draw)
            heard = list(read_words(os.read(self._reading, 65_536)))
            self.witness.hear(iter(heard))
            words += heard
        return words

    def loaded(self) -> Loaded:
        """What a copy of the disk holds, opened elsewhere."""
        copy = self.folder.with_name("copy")
        put(copy, {file.name: file.read_bytes() for file in self.folder.glob("leases.db*")})
        with store(copy) as one:
            return one.load()

    def lost(self) -> list[str]:
        """Leases that clients have and the disk does not."""
        leases = {int.from_bytes(each.address, "big"): each for each in self.loaded().leases}
        return self.witness.lost(leases, self.server.time)


def newcomers(words: list[Word], known: dict[int, tuple[int, int]]) -> int:
    """How many were told of an address that they did not have."""
    return sum(known.get(w.address, (0, 0))[0] != w.client for w in words if w.kind is Said.TOLD and w.client)


def fill(folder: Path) -> Path:
    """A file that takes all that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\xa5" * 512):
                pass
        except OSError:
            return ballast
    raise AssertionError("the disk took all of it")


def main() -> None:
    """Before, while and after the disk is full."""
    folder = Path(sys.argv[1]) / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
    watched = Watched(folder)
    watched.run(40)
    ballast = fill(folder)
    known, failed = dict(watched.witness.told), watched.witness.failures
    told = [word for word in watched.run(60) if word.kind is Said.TOLD and word.client]
    full = {"failures": watched.witness.failures - failed, "told": len(told), "newcomers": newcomers(told, known)}
    # A start while it is full: what is there can be read.
    full |= {"lost": watched.lost(), "kept": len(watched.loaded().leases)}
    ballast.unlink()
    failed = watched.witness.failures
    before = dict(watched.witness.told)
    words = watched.run(20)
    after = {
        "failures": watched.witness.failures - failed,
        "newcomers": newcomers(words, before),
        "lost": watched.lost(),
    }
    held = {each.address: each for each in watched.server.leases()}
    kept = {each.address: each for each in watched.loaded().leases}
    print(json.dumps({"full": full, "after": after, "same": held == kept, "twice": watched.witness.twice}))


if __name__ == "__main__":
    main()
