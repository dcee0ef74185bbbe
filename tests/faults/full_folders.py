"""The keeper on a disk that is really full, then read-only, then well again: a small file system of its own.

    unshare --mount python tests/faults/full_folders.py FOLDER

Mounts over FOLDER, so it is to be run in a mount namespace of its own. Prints one JSON object.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from full_disk import fill  # noqa: E402
from kit.keyset import ENTRY, ROOT, keyset, record  # noqa: E402
from kit.signing import DATE, DAY  # noqa: E402

from anchorhold.keeper.files import ANCHORS, read_points  # noqa: E402
from anchorhold.keeper.folder import Folder  # noqa: E402
from anchorhold.keeper.keeper import Keeper  # noqa: E402
from resolver.dnssec.anchors import TrustAnchor  # noqa: E402
from wire.units import Epoch  # noqa: E402

SIZE = "64k"


def hear(keeper: Keeper, day: int, *seeds: int) -> None:
    """The root's keys on this day, signed by the first."""
    date = Epoch(DATE + day * DAY)
    keeper.heard(ROOT, keyset(dict.fromkeys(seeds, ENTRY), {seeds[0]: ENTRY}, date), date)


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


def main() -> None:
    """Before, while and after nothing can be written."""
    folder = Path(sys.argv[1]) / "disk"
    folder.mkdir()
    mount(folder, f"size={SIZE}")
    keeper = Keeper(Folder(os.open(folder, os.O_RDONLY)), (record(1),), Epoch(DATE - 100 * DAY), lambda *_: None)
    keeper.open(DATE)
    keeper.follow((TrustAnchor(ROOT, (record(1),)),), DATE)
    hear(keeper, 0, 1)
    former = (folder / ANCHORS).read_bytes()

    def state() -> dict[str, object]:
        return {"storage": keeper.told()[0].storage, "former": (folder / ANCHORS).read_bytes() == former}

    ballast = fill(folder)
    hear(keeper, 1, 1, 2)
    said: dict[str, object] = {"full": state()}
    mount(folder, f"remount,ro,size={SIZE}")
    hear(keeper, 2, 1, 2)
    said["read_only"] = state()
    mount(folder, f"remount,rw,size={SIZE}")
    ballast.unlink()
    keeper.keep_time(Epoch(DATE + 2 * DAY + 60))
    (point,) = read_points((folder / ANCHORS).read_bytes())
    files = sorted(file.name for file in folder.iterdir())
    said["after"] = {"storage": keeper.told()[0].storage, "keys": len(point.keys), "files": files}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
