"""Our units as systemd's own programs read them, and the limits of one as they can be had without systemd.

The programs come with Debian's systemd and need no running one: `systemd-analyze verify`, `security` and `syscall-filter`,
`systemd-sysusers`.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.peers import peer

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = DEPLOY / "systemd"
PROGRAM = "/usr/local/bin/anchorhold"

Lines = dict[str, list[str]]
"""Directive → its values, in order."""


def read_unit(*paths: Path) -> dict[str, Lines]:
    """Section → directives, of a unit and then its drop-ins; an empty value takes back what came before."""
    sections: dict[str, Lines] = {}
    for path in paths:
        current: Lines = {}
        for line in path.read_text().splitlines():
            if header := re.fullmatch(r"\[(\w+)\]", line):
                current = sections.setdefault(header[1], {})
            elif line and not line.startswith(("#", ";")):
                name, equals, value = line.partition("=")
                assert equals, line
                if value:
                    current.setdefault(name, []).append(value)
                else:
                    current.pop(name, None)
    return sections


@contextmanager
def installed(*names: str, dropin: str = "") -> Iterator[Path]:
    """A folder of units as /etc/systemd/system would be, with a program that is there; `dropin` is one of the service."""
    with TemporaryDirectory(prefix="anchorhold-units-") as name:
        folder = Path(name)
        for unit in names:
            text = (UNITS / unit).read_text()
            (folder / unit).write_text(text.replace(PROGRAM, shutil.which("true") or "/bin/true"))
        if dropin:
            (folder / "anchorhold.service.d").mkdir()
            shutil.copy(UNITS / dropin, folder / "anchorhold.service.d")
        yield folder


def analyze(folder: Path, *arguments: str) -> str:
    """What `systemd-analyze` prints on both streams, of units in `folder`; fails the test if it fails."""
    done = subprocess.run(
        [peer("systemd-analyze"), "--no-pager", *arguments],
        cwd=folder,
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def exposure(folder: Path) -> float:
    """The figure of `systemd-analyze security`: 0 safe, 10 exposed, by its own list of what a service could do without."""
    told = analyze(folder, "security", "--offline=true", "--threshold=100", "./anchorhold.service")
    found = re.search(r"exposure level for anchorhold\.service: ([\d.]+)", told)
    assert found is not None, told
    return float(found[1])


def call_names(values: list[str]) -> set[str]:
    """The system calls that lines of SystemCallFilter= allow, groups taken apart as systemd has them."""
    found: set[str] = set()
    for word in (word for value in values for word in value.split()):
        assert not word.startswith("~")
        found |= _group(word) if word.startswith("@") else {word}
    return found


def _group(name: str) -> set[str]:
    text = subprocess.run(
        [peer("systemd-analyze"), "--no-pager", "syscall-filter", name], capture_output=True, text=True, check=True
    ).stdout
    words = [
        line.strip() for line in text.splitlines() if line.startswith("    ") and not line.lstrip().startswith("#")
    ]
    return {call for word in words for call in (_group(word) if word.startswith("@") else {word})}
