"""Which system calls each process makes once it is sealed: the beginning of every table of calls.

    .venv/bin/python tests/kit/calls.py .venv/bin/pytest -q tests/cells/test_supervisor_live.py
    .venv/bin/python tests/kit/calls.py --cell front --shapes .venv/bin/anchorhold run --config FILE

Runs the command under strace(1), which holds the filters off: a table that is too short ends nobody here. `enter`
names a process after its profile as the last thing before the filter, and from there on its calls count, with those of its end.
Children of a cell have a line of their own.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LINE = re.compile(r"^(?P<pid>\d+) +(?P<rest>.*)$")
CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)$")
RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)$")
SEALED = re.compile(r'^prctl\(PR_SET_NAME, "(?P<name>[^"]+)"')
STARTING = {"clone", "clone3", "fork", "vfork"}

SHORTER = (
    (re.compile(r"/\*.*?\*/"), ""),
    (re.compile(r'"(?:[^"\\]|\\.)*"(?:\.\.\.)?'), "S"),
    (re.compile(r"\{[^{}]*\}"), "{}"),
    (re.compile(r"\[[^\[\]]*\]"), "[]"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "P"),
    (re.compile(r"(?<![\w])-?\d{2,}\b"), "N"),
    (re.compile(r"^\d+(?=,|$)"), "N"),
)
"""What is taken out of arguments, so that calls that do the same have the same text."""


@dataclass
class Seen:
    """What one kind of process did."""

    calls: Counter[str] = field(default_factory=Counter)
    shapes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


@dataclass
class Thread:
    """A thread as far as it was followed."""

    cell: str = ""
    pending: str = ""
    """Its calls begin to count after this call: the filter itself."""
    without_rights: bool = False
    """What names itself before it gave up its rights is not sealed yet."""
    beginning: str = ""
    """The first part of a call that is not finished."""


def short(arguments: str) -> str:
    """Arguments without what differs from call to call, up to the result."""
    text = re.sub(r"\) += .*$", "", arguments).strip()
    for pattern, put in SHORTER:
        # Brackets within brackets.
        for _ in range(4):
            text = pattern.sub(put, text)
    return re.sub(r"\s+", " ", text)[:160]


def read(lines: Iterable[str]) -> dict[str, Seen]:
    """What `strace -f -o` wrote, by profile."""
    threads: dict[str, Thread] = defaultdict(Thread)
    seen: dict[str, Seen] = defaultdict(Seen)
    for pid, text in _whole(lines, threads):
        thread = threads[pid]
        if text.startswith(("---", "+++")):
            continue
        call = CALL.match(text)
        if call is None:
            continue
        thread.without_rights = thread.without_rights or "PR_SET_NO_NEW_PRIVS, 1" in text
        if (sealed := SEALED.match(text)) and thread.without_rights:
            thread.cell = sealed["name"]
            continue
        name = call["name"]
        if name in STARTING and thread.cell and (child := re.search(r" = (\d+)", text)):
            inherits = thread.cell if "CLONE_THREAD" in text else f"{thread.cell}'s child"
            threads[child[1]].cell = threads[child[1]].cell or inherits
        if thread.cell and not (name == "seccomp" or text.startswith("prctl(PR_SET_SECCOMP")):
            seen[thread.cell].calls[name] += 1
            seen[thread.cell].shapes[name][short(call["arguments"])] += 1
    return seen


def _whole(lines: Iterable[str], threads: dict[str, Thread]) -> Iterator[tuple[str, str]]:
    """Each call in one piece, with its thread."""
    for line in lines:
        if not (parts := LINE.match(line.rstrip("\n"))):
            continue
        pid, text = parts["pid"], parts["rest"]
        if text.endswith("<unfinished ...>"):
            threads[pid].beginning = text.removesuffix("<unfinished ...>")
        elif resumed := RESUMED.match(text):
            yield pid, threads[pid].beginning + resumed["arguments"]
            threads[pid].beginning = ""
        else:
            if threads[pid].beginning:
                # It was ended in the middle of a call.
                yield pid, threads[pid].beginning
                threads[pid].beginning = ""
            yield pid, text
    for pid, thread in threads.items():
        if thread.beginning:
            yield pid, thread.beginning


def show(seen: dict[str, Seen], shapes: bool) -> None:
    """The most frequent first, as a table wants them."""
    for cell, book in sorted(seen.items()):
        print(f"\n{cell}: {len(book.calls)} calls")
        for name, count in book.calls.most_common():
            print(f"  {name:20} {count}")
            for shape, times in book.shapes[name].most_common(12) if shapes else ():
                print(f"    {times:8}  {shape}")


def trace(command: list[str], output: Path) -> int:
    """Run `command` under strace; its exit code. SIGINT and SIGTERM are for the command."""
    # `seccomp` succeeds without being made, so no filter is in force and every call is seen.
    options = ["-f", "-q", "-s", "16", "-e", "inject=seccomp:retval=0", "-o", str(output)]
    with subprocess.Popen(["strace", *options, *command]) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
        return process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", action="append", default=[], help="only these profiles")
    parser.add_argument("--shapes", action="store_true", help="also with which arguments, shortened")
    parser.add_argument("--keep", type=Path, help="keep what strace wrote, in this file")
    parser.add_argument("--read", type=Path, help="read such a file instead of running a command")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    code = 0
    with tempfile.TemporaryDirectory(prefix="calls-") as folder:
        output = options.read or options.keep or Path(folder, "trace")
        if options.read is None:
            code = trace(options.command, output)
        with output.open(errors="replace") as lines:
            seen = read(lines)
    show({cell: book for cell, book in seen.items() if not options.cell or cell in options.cell}, options.shapes)
    return code


if __name__ == "__main__":
    sys.exit(main())
