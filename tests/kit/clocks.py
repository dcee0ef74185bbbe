"""A clock for the processes of a service, by libfaketime."""

import glob
from pathlib import Path

from kit.peers import peer

LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"


class Clock:
    """Set by writing to a file that all of them may read; `offset` as `+45m`, `-3000d`."""

    def __init__(self, folder: Path, offset: str) -> None:
        folder.chmod(0o755)
        self.path = folder / "faketime"
        self.set(offset)

    def set(self, offset: str) -> None:
        # Replaced whole: a process may read it at any moment.
        draft = self.path.with_suffix(".draft")
        draft.write_text(f"{offset}\n")
        draft.chmod(0o644)
        draft.replace(self.path)

    def environment(self) -> dict[str, str]:
        peer("faketime")
        (library,) = glob.glob(LIBRARIES)
        return {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
