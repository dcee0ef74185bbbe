"""What the measured runs share: processes on a core of their own, CPU time of a whole tree, dnsperf's figures."""

import contextlib
import datetime
import json
import math
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER_CORE, LOAD_CORE = 0, 1
AUTHENTIC = 0x20
"""AD, in the fourth octet of a message."""


@dataclass(frozen=True, slots=True)
class Load:
    """What dnsperf said of one run."""

    completed: int
    lost: int
    rate: float
    latency_ms: float
    codes: dict[str, int]
    """How many answers of each RCODE."""


def find(program: str) -> str | None:
    """Debian keeps daemons in /usr/sbin, which an ordinary PATH lacks."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def pinned(core: int) -> list[str]:
    """Command prefix that keeps a process and its children on one core, where the machine has two."""
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


def start(command: list[str], core: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen([*pinned(core), *command], stdout=output, stderr=output, stdin=subprocess.DEVNULL)


def stop(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Helper:
    """A process on the load's core that reads and prints one JSON value a line."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log.with_suffix(f".{time.monotonic_ns()}.log")
        with self._log.open("wb") as errors:
            self.process = subprocess.Popen(
                [*pinned(LOAD_CORE), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def say(self, what: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def line(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else sys.exit(f"{self.process.args}: ended\n{self._log.read_text()[-3_000:]}")

    def ask(self, what: dict[str, Any]) -> Any:
        self.say(what)
        return self.line()


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Time on a CPU of every thread of the tree, in seconds (first field of schedstat, nanoseconds)."""
    total = 0
    for member in tree(pid):
        for task in Path(f"/proc/{member}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total / 1e9


def free_port() -> int:
    """A port free for both UDP and TCP on 127.0.0.1 just now, and none that the kernel gives to whoever asks for any: nobody
    takes it by chance before the server does."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(type=socket.SOCK_DGRAM) as datagram,
        ):
            try:
                stream.bind(("127.0.0.1", random.randrange(10_240, lowest) if lowest > 12_000 else 0))
                port: int = stream.getsockname()[1]
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_for_answer(port: int, name: str, seconds: float = 20) -> None:
    """Until something answers NOERROR for `name` over UDP."""
    query = b"\x00\x07\x01\x00\x00\x01" + bytes(6) + encode(name) + b"\x00\x01\x00\x01"
    end = time.monotonic() + seconds
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        probe.connect(("127.0.0.1", port))  # so that a port that nobody has is refused at once
        while time.monotonic() < end:
            try:
                probe.send(query)
                answer = probe.recv(4096)
            except OSError:
                time.sleep(0.01)
                continue
            if answer[3] & 15 == 0 and answer[7]:
                return
    raise SystemExit(f"nothing answers {name} on port {port}")


def is_authentic(port: int, name: str) -> bool:
    """Whether the server says of its answer, asked with AD, that it validated it (RFC 6840 §5.7)."""
    query = b"\x00\x09\x01\x20\x00\x01" + bytes(6) + encode(name) + b"\x00\x01\x00\x01"
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.settimeout(5)
        probe.sendto(query, ("127.0.0.1", port))
        return bool(probe.recv(4096)[3] & AUTHENTIC)


def wait_for_listener(port: int, seconds: float = 20) -> None:
    """Until something accepts connections."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def client(network: int, number: int) -> str:
    """The address of a client, one of 62,500 of 127.`network`.0.0/16."""
    return f"127.{network}.{number // 250 % 250}.{1 + number % 250}"


def encode(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label) + b"\0"


def dnsperf(
    port: int,
    names: Path,
    *,
    seconds: float = 0,
    mode: str = "udp",
    outstanding: int = 100,
    clients: int = 8,
    rate: int = 0,
) -> Load:
    """One dnsperf run on the load core: for so many seconds, or once through `names` (0)."""
    command = dnsperf_command(port, names, seconds, mode, outstanding, clients, rate)
    return load_of(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def paced(port: int, names: Path, seconds: float, *, mode: str, clients: int, rate: int) -> list[float]:
    """Microseconds that each answer took at a constant rate, as dnsperf tells them, sorted; what was lost took forever."""
    command = [*dnsperf_command(port, names, seconds, mode, 1_000 if mode == "udp" else clients, clients, rate), "-v"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = sorted(1e6 * float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("> NO"))
    return found + [math.inf] * load_of(text).lost


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of figures that are sorted; not a number if there is none."""
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] if ordered else math.nan


def dnsperf_command(
    port: int, names: Path, seconds: float, mode: str, outstanding: int, clients: int, rate: int
) -> list[str]:
    command = [*pinned(LOAD_CORE), "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(names), "-m", mode]
    command += ["-q", str(outstanding), "-c", str(clients), "-t", "3" if seconds else "6"]
    command += ["-l", str(seconds)] if seconds else ["-n", "1"]
    return [*command, "-Q", str(rate)] if rate else command


def load_of(text: str) -> Load:
    """What dnsperf said at its end."""

    def number(label: str) -> float:
        match = re.search(rf"{label}:\s+([\d.]+)", text)
        return float(match.group(1)) if match else 0.0

    return Load(
        int(number("Queries completed")),
        int(number("Queries lost")),
        number("Queries per second"),
        1000 * number(r"Average Latency \(s\)"),
        {code: int(count) for code, count in re.findall(r"\b([A-Z]{4,}) (\d+) \(", text)},
    )


@contextlib.contextmanager
def serving(command: list[str], core: int, log: Path, port: int, name: str) -> Iterator[int]:
    """The process that this command line starts, once it answers for `name` over UDP: its id."""
    command[0] = find(command[0]) or sys.exit(f"{command[0]} is missing: make peers")
    process = start(command, core, log)
    try:
        wait_for_answer(port, name)
        yield process.pid
    except SystemExit as end:
        raise SystemExit(f"{end}; it said: {log.read_text(errors='replace')[-2_000:]}") from None
    finally:
        stop(process)


def ratio(mine: Sequence[float], reference: Sequence[float]) -> str:
    """Median by median; nothing where the reference was not measured."""
    return f"{statistics.median(mine) / statistics.median(reference):.2f}" if reference else "–"


def finish(text: str, kind: str, record: bool) -> None:
    """Print the results, and write them to `benchmarks/results/DATE-KIND.md` if they are to be kept."""
    print(text)
    if record:
        day = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
        path = Path(__file__).parent / "results" / f"{day}-{kind}.md"
        path.write_text(text)
        print(f"written to {path.name}")
