"""Where everything runs as an ordinary user, who the tests themselves need not be."""

import os
import subprocess
import sys
from pathlib import Path

from kit.peers import lacking, peer
from kit.profiles import ORDINARY


class OrdinaryPlace:
    """`folder` and what is in it becomes that user's."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, ORDINARY, ORDINARY)
        if subprocess.run(self.inside(sys.executable, "-c", ""), capture_output=True, timeout=60).returncode:
            lacking(f"{sys.executable} is not for others to run; put it where they can")

    def inside(self, *command: str) -> list[str]:
        """As any Place."""
        who = [peer("setpriv"), f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
        return [*(who if os.geteuid() == 0 else ()), *command]
