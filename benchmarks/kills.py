"""Cells are killed at random, one after the other, while clients of every kind ask: how soon each is back, and what clients
notice.

`make kills KILLS=1000 RATE=500` runs it; needs root or unprivileged user namespaces. Every kill is a SIGKILL at a random cell at
a random moment, a fiftieth to a fifth of a second after the one before was back; only a cell that has served for a second,
for one that ends sooner counts as one that cannot start (`anchorhold/restarts.py`). Back means:

* front, resolver: an answer to a question for a name that nobody asked for before, over UDP. It is sent once the process is dead,
  and again every 20 ms.
* secure: the same over a new connection with TLS, from the first packet of TCP to the answer.
* dhcp: a device that was never there before has an address; it begins anew every 20 ms.
* keeper, lists: nobody waits for these; the supervisor says that the new process serves again.

Time counts from just before the kill. The clients are those of `make soak`, and ask as stub resolvers do (`crowd.py`).
"""

import argparse
import contextlib
import os
import platform
import random
import select
import signal
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import kit
import namespace
import peers
import readings
import soak
import world

BACK = 0.2
STUCK = 2.0
AGAIN = 0.02
PATIENCE = 10.0
PAUSE = (0.02, 0.2)
SPARED = 1.1
"""Seconds: a cell that ends before it served a second counts as one that cannot start, and is held back longer each time."""


@dataclass
class Life:
    """What was seen of one cell: seconds until it was back, and until the supervisor said so."""

    back: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)


def kill(pid: int) -> None:
    """Until it runs no more. Nobody looks into its folder of /proc meanwhile: the kernel would not let it go so soon."""
    place = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(place, signal.SIGKILL)
        ended = select.poll()
        ended.register(place, select.POLLIN)
        ended.poll()
    finally:
        os.close(place)


class Killer:
    """Kills, and waits until what was killed is back."""

    def __init__(self, made: world.World, devices: world.Helper, seed: int) -> None:
        self.lives: dict[str, Life] = {name: Life() for name in readings.CELLS}
        self._made, self._devices = made, devices
        self._random = random.Random(seed)
        self._numbers = count(1)
        self._back: dict[str, float] = {}
        self._log, self._heard = made.log.open(), ""
        self._trust = ssl.create_default_context(cafile=str(made.ca))

    def kill_one(self) -> tuple[str, float]:
        """The cell, and how long it was away."""
        pids = readings.processes(self._made.pid)
        name = self._choose(pids)
        self._log.read()
        start = time.monotonic()
        kill(pids[name])
        match name:
            case "front" | "resolver":
                self._ask_over_udp()
            case "secure":
                self._ask_over_tls()
            case "dhcp":
                self._devices.ask({"probe": next(self._numbers)})
        away = time.monotonic() - start
        ready = self._wait_for_word(name, start)
        self.lives[name].back.append(ready if name in ("keeper", "lists") else away)
        self.lives[name].ready.append(ready)
        self._back[name] = time.monotonic()
        if self.lives[name].back[-1] > 5 * BACK:
            print(f"{name} was away for {self.lives[name].back[-1]:.1f} s; the log:", self._heard[-2_000:], flush=True)
        return name, self.lives[name].back[-1]

    def _choose(self, pids: dict[str, int]) -> str:
        while True:
            now = time.monotonic()
            rested = [cell for cell in readings.CELLS if cell in pids and now >= self._back.get(cell, 0.0) + SPARED]
            if rested:
                return self._random.choice(rested)
            time.sleep(0.05)

    def pause(self) -> None:
        time.sleep(self._random.uniform(*PAUSE))

    def _question(self) -> bytes:
        name = kit.encode(f"n{90_000_000 + next(self._numbers):08}.w00.plain.example")
        return b"\0\0\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1"

    def _ask_over_udp(self) -> None:
        question, end = self._question(), time.monotonic() + PATIENCE
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", world.PORTS["udp"]))
            client.settimeout(AGAIN)
            while time.monotonic() < end:
                with contextlib.suppress(OSError):
                    client.send(question)
                    answer = client.recv(4096)
                    if answer[3] & 15 == 0 and answer[7]:
                        return

    def _ask_over_tls(self) -> None:
        end = time.monotonic() + PATIENCE
        question = self._question()
        while time.monotonic() < end:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", world.PORTS["tls"]), PATIENCE) as plain,
                self._trust.wrap_socket(plain, server_hostname=peers.UPSTREAM_NAME) as client,
            ):
                client.sendall(len(question).to_bytes(2, "big") + question)
                if len(client.recv(4096)) > 2:
                    return

    def _wait_for_word(self, name: str, start: float) -> float:
        """Seconds until the supervisor says that the cell serves again."""
        heard = self._heard = ""
        while time.monotonic() < start + PATIENCE:
            heard = self._heard = heard + self._log.read()
            for line in heard.splitlines():
                if line.startswith(f"supervisor: {name} (pid ") and line.endswith("serves again"):
                    return time.monotonic() - start
            time.sleep(0.002)
        return PATIENCE


def play(options: argparse.Namespace) -> tuple[Killer, dict[str, object], dict[str, object]]:
    with world.world() as made:
        devices = made.devices()
        devices.say({"rate": 10, "devices": 500})
        warming = made.helper("crowd.py")
        warming.say(soak.order(options.rate / 4, made.ca, numbers=50_000_000, network=11))
        time.sleep(options.gentle)
        warming.ask({"stop": True})
        crowd = made.helper("crowd.py")
        crowd.say(soak.order(options.rate, made.ca))
        killer = Killer(made, devices, options.seed)
        time.sleep(2)
        for number in range(1, options.kills + 1):
            name, away = killer.kill_one()
            if number % 20 == 0 or away > BACK or number == options.kills:
                told = crowd.ask({})
                print(
                    f"{number:5} kills, {name} back after {1000 * away:.0f} ms; {told['answered']:,} answered, "
                    f"{told['wrong']} wrong, {told['lost']} lost, {told['again']} asked again, {told['failures']} failures, "
                    f"slowest {told['slowest']:.2f} s {told['examples'][:3] if away > 5 * BACK else ''}",
                    flush=True,
                )
            killer.pause()
        time.sleep(3)
        if options.log:
            options.log.write_text(made.log.read_text())
        return killer, crowd.ask({"stop": True}), devices.ask({"stop": True})


def judge(
    killer: Killer, crowd: dict[str, object], devices: dict[str, object], options: argparse.Namespace
) -> tuple[str, bool]:
    system = platform.release().split("-")[0]
    kills = sum(len(life.back) for life in killer.lives.values())
    late = sum(away > BACK for life in killer.lives.values() for away in life.back)
    lines = [
        f"# Killed cells, {time.strftime('%Y-%m-%d', time.gmtime())}",
        "",
        f"Printed by `make kills KILLS={options.kills} RATE={options.rate:g}` (seed {options.seed}; CPython "
        f"{platform.python_version()}, Linux {system}; service on one core, clients and the Internet it asks on the "
        f"other; {options.machine}).",
        "",
        f"{kills:,} kills; {int(str(crowd['asked'])):,} questions meanwhile: {soak.shares('over', crowd['by_way'])}.",
        "",
        "| measure | seen | limit |",
        "| --- | --- | --- |",
    ]
    rows: list[tuple[str, float, float]] = [
        (f"kills after which a cell was away for more than {1000 * BACK:.0f} ms", late, 0),
        ("wrong answers", int(str(crowd["wrong"])), 0),
        ("questions without an answer", int(str(crowd["lost"])), 0),
        ("longest that a client waited for its right answer, s", round(float(str(crowd["slowest"])), 2), STUCK),
        ("exchanges of DHCP lost", int(str(devices["lost"])), 0),
        (
            "addresses leased twice, or changed under a device",
            int(str(devices["twice"])) + int(str(devices["changed"])),
            0,
        ),
    ]
    lines += [f"| {what} | {seen:,} | {most:g} |" for what, seen, most in rows]
    lines += [
        f"| questions asked again | {crowd['again']:,} | |",
        f"| of these because a connection ended | {crowd['broken']:,} | |",
        f"| SERVFAIL, asked again | {crowd['failures']:,} | |",
        f"| exchanges of DHCP done, messages sent again, refused | {devices['done']:,}, {devices['again']}, "
        f"{devices['refused']} | |",
        "",
        "Milliseconds until a cell was back; and until the supervisor said that it serves.",
        "",
        "| cell | kills | median | 99 of 100 | longest | over 200 ms | said: median | longest |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, life in killer.lives.items():
        if life.back:
            away, ready = (
                sorted(1000 * seconds for seconds in life.back),
                sorted(1000 * seconds for seconds in life.ready),
            )
            lines.append(
                f"| {name} | {len(away)} | {away[len(away) // 2]:.0f} | {away[int(0.99 * (len(away) - 1))]:.0f} | "
                f"{away[-1]:.0f} | "
                f"{sum(one > 1000 * BACK for one in away)} | {ready[len(ready) // 2]:.0f} | {ready[-1]:.0f} |"
            )
    waits: dict[str, dict[str, float]] = crowd["waits"]  # type: ignore[assignment]
    lines += ["", "| waits of clients, ms | median | 99 of 100 | 999 of 1,000 |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {what} | {w.get('50', 0)} | {w.get('99', 0)} | {w.get('99.9', 0)} |" for what, w in sorted(waits.items())
    ]
    if crowd["wrong"] or crowd["lost"]:
        lines += ["", *[f"- `{line}`" for line in crowd["examples"]]]  # type: ignore[attr-defined]
    good = all(seen <= most for _, seen, most in rows)
    lines += ["", "Everything is within its limits." if good else "**Not everything is within its limits.**", ""]
    return "\n".join(lines), good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--gentle", type=float, default=soak.GENTLE, help="seconds before the first kill")
    parser.add_argument("--log", type=Path, help="keep there what the service logged")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-kills.md")
    options = parser.parse_args()
    namespace.enter()
    options.machine = world.machine()
    os.sched_setaffinity(0, {kit.LOAD_CORE if (os.cpu_count() or 1) > 1 else 0})
    text, good = judge(*play(options), options)
    kit.finish(text, "kills", options.record)
    sys.exit(not good)


if __name__ == "__main__":
    main()
