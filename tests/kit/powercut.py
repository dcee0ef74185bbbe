"""What a power cut can leave of a folder: the writes and syncs of a run, recorded by strace, replayed up to any point.

The model: what was written is on the disk for certain once its file was synced after it; until then every sector of it
(512 octets) may be there or not, in any combination, torn in the middle too, and so may a change of length. Names
(create, remove, rename) are on the disk in the order they were made, for certain once the directory was synced or, of a
new file, the file. A sync that failed makes certain of nothing, now or later: what was written before it may be lost
for ever, although everybody can read it until the cut.
"""

import random
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kit.peers import peer

SECTOR = 512
CALLS = "openat,close,pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat,renameat2,linkat,link"
_LINE = re.compile(r"(\w+)\((.*)\)\s+=\s+(-?\d+)(<.*?>)?")
_ARGUMENT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"|(AT_FDCWD|-?\d+)(?:<((?:\\x[0-9a-f]{2})*)>)?|([A-Z_|0-9]+)')
MINIATURE = Path(__file__).with_name("miniature.py")


class Call(NamedTuple):
    """One system call: its name, its arguments (octets, or a number with the path it stands for), its result."""

    name: str
    arguments: list[tuple[bytes, int, str]]
    result: int
    made: str
    """The path of the descriptor it gave."""


def record(folder: Path, steps: int, seed: int, inject: tuple[str, ...] = ()) -> tuple[list[Call], str]:
    """A run of the miniature server in `folder` under strace; `inject` as `strace -e inject=` takes it. Also what it
    said to standard error, which is nothing if all is well.
    """
    trace = folder.with_name("trace")
    ways = [word for one in inject for word in ("-e", f"inject={one}")]
    command = [peer("strace"), "-o", trace, "-e", f"trace={CALLS}", *ways, "-y", "-xx", "-s", "1000000", "--"]
    program = [sys.executable, MINIATURE, folder, str(steps), str(seed)]
    done = subprocess.run([*command, *program], capture_output=True, timeout=300, check=False)
    return [call for line in trace.read_text().splitlines() if (call := _read_call(line))], done.stderr.decode()


def _read_call(line: str) -> Call | None:
    found = _LINE.match(line)
    if found is None:
        return None
    name, inner, result, made = found.groups()
    arguments = []
    for text, number, path, _word in _ARGUMENT.findall(inner):
        value = -100 if number == "AT_FDCWD" else int(number or 0)
        arguments.append((_octets(text), value, _octets(path).decode()))
    return Call(name, arguments, int(result), _octets((made or "")[1:-1]).decode())


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass
class Write:
    """A piece of a file, or (without octets) its new length `at`."""

    at: int
    data: bytes | None
    certain: bool = False
    doomed: bool = False
    """A sync of it failed."""


@dataclass
class File:
    """A file's content: what is certain, and then what was done to it."""

    base: bytes = b""
    writes: list[Write] = field(default_factory=list)

    def synced(self) -> None:
        """All but the doomed is certain from now on."""
        for write in self.writes:
            write.certain = write.certain or not write.doomed
        while self.writes and self.writes[0].certain:
            self.base = _written(self.base, self.writes.pop(0), None)

    def failed(self) -> None:
        """A sync failed."""
        for write in self.writes:
            write.doomed = write.doomed or not write.certain

    def after_cut(self, draw: random.Random | None, share: float) -> bytes:
        """The content that a cut leaves; without `draw` all that was written is there."""
        content = self.base
        for write in self.writes:
            if draw is None or write.certain:
                content = _written(content, write, None)
            elif write.data is None:
                content = _written(content, write, None) if draw.random() < share else content
            else:
                content = _written(content, write, (draw, share))
        return content


def _written(content: bytes, write: Write, chance: tuple[random.Random, float] | None) -> bytes:
    if write.data is None:
        return content[: write.at].ljust(write.at, b"\0")
    if chance is None:
        return content[: write.at].ljust(write.at, b"\0") + write.data + content[write.at + len(write.data) :]
    draw, share = chance
    for start, piece in _sectors(write.at, write.data):
        if draw.random() < share:
            # One in eight is torn.
            whole = len(piece) if draw.random() < 0.875 else draw.randrange(len(piece))
            content = _written(content, Write(start, piece[:whole]), None)
    return content


def _sectors(at: int, data: bytes) -> list[tuple[int, bytes]]:
    pieces = []
    while data:
        length = SECTOR - at % SECTOR
        pieces.append((at, data[:length]))
        at, data = at + length, data[length:]
    return pieces


class Disk:
    """The folder as the run of calls leaves it, and as a cut may leave it."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}"
        self._names: dict[str, File] = {}
        self._certain: dict[str, File] = {}
        self._pending: list[dict[str, File]] = []
        """The names after each change that is not certain yet."""
        self._open: dict[int, File | None] = {}
        """By descriptor; None for the folder itself."""

    def take(self, call: Call) -> bytes:
        """Do what the call did; the octets if it was said to standard output."""
        arguments, result = call.arguments, call.result
        match call.name:
            case "write" | "pwrite64" if result >= 0:
                _, number, _ = arguments[0]
                if number == 1:
                    return arguments[1][0]
                if (file := self._open.get(number)) is not None:
                    at = arguments[3][1] if call.name == "pwrite64" else sum(len(w.data or b"") for w in file.writes)
                    file.writes.append(Write(at, arguments[1][0][:result]))
            case "ftruncate" if result == 0 and (file := self._open.get(arguments[0][1])) is not None:
                file.writes.append(Write(arguments[1][1], None))
            case "fsync" | "fdatasync":
                self._sync(arguments[0][1], result == 0)
            case "openat" if result >= 0:
                self._opened(result, call.made)
            case "close":
                self._open.pop(arguments[0][1], None)
            case "unlink" | "unlinkat" if result == 0:
                self._rename(self._path(arguments), "")
            case "rename" | "renameat" | "renameat2" if result == 0:
                paths = [text for text, _, _ in arguments if text]
                self._rename(*(self._local(path.decode()) for path in paths))
            case "link" | "linkat" if result == 0:
                raise AssertionError("the store links nothing")
        return b""

    def _sync(self, number: int, done: bool) -> None:
        if number not in self._open:
            return
        file = self._open[number]
        if file is None:
            if done:
                self._certain, self._pending = dict(self._names), []
            return
        file.synced() if done else file.failed()
        if done and any(file is each for each in self._names.values()):
            # A new file's name comes with it, and with that all names before (as journals do).
            self._certain, self._pending = dict(self._names), []

    def _opened(self, number: int, path: str) -> None:
        if path == self._folder:
            self._open[number] = None
        elif path.startswith(self._folder + "/"):
            name = self._local(path)
            if name not in self._names:
                self._names[name] = File()
                self._pending.append(dict(self._names))
            self._open[number] = self._names[name]
        else:
            self._open.pop(number, None)

    def _path(self, arguments: list[tuple[bytes, int, str]]) -> str:
        return self._local(next(text for text, _, _ in arguments if text).decode())

    def _local(self, path: str) -> str:
        return path.removeprefix(self._folder + "/")

    def _rename(self, old: str, new: str) -> None:
        file = self._names.pop(old)
        if new:
            self._names[new] = file
        self._pending.append(dict(self._names))

    def after_kill(self) -> dict[str, bytes]:
        """All files if the process ends now and the machine goes on."""
        return {name: file.after_cut(None, 1.0) for name, file in self._names.items()}

    def after_cut(self, draw: random.Random, share: float) -> dict[str, bytes]:
        """All files if the power is cut now; of what is not certain about `share` is there."""
        states = [self._certain, *self._pending]
        names = (
            states[min(len(states) - 1, draw.randrange(len(states) + 1))] if 0 < share < 1 else states[int(share) - 1]
        )
        names = self._certain if share == 0 else names
        return {name: file.after_cut(draw, share) for name, file in names.items()}
