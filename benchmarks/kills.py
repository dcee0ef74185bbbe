"""Cells are killed at random, one after the other, while clients of every kind ask: how soon each is back, and what clients
notice.

`make kills KILLS=1000 RATE=500` runs it; needs root or unprivileged user namespaces. Every kill is a SIGKILL at a random cell at
a random moment, a fiftieth to a fifth of a second after the one before was back. A cell that was killed three times in a row
before it had served for a second is left alone for so long: the fourth time it would be kept waiting, on purpose
(`anchorhold/restarts.py`). Back means:

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
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import kit
import namespace
import page
import peers
import readings
import soak
import world
from page import Measure

from anchorhold.restarts import AT_ONCE, CALM

BACK = 0.2
STUCK = 2.0
AGAIN = 0.02
PATIENCE = 10.0
PAUSE = (0.02, 0.2)
SPARED = CALM + 0.1
"""Seconds that a cell is left alone after AT_ONCE kills within CALM: as one that cannot start it would be kept waiting."""


@dataclass
class Life:
    """What was seen of one cell: seconds until it was back, and until the supervisor said so."""

    back: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    since: float = 0.0
    """When it was back for the last time, on the monotonic clock."""
    streak: int = 0
    """Kills in a row before it had served for SPARED."""

    def may_be_killed(self, now: float) -> bool:
        return self.streak < AT_ONCE or now >= self.since + SPARED


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
        self._log, self._heard = made.log.open(), ""
        self._trust = ssl.create_default_context(cafile=str(made.ca))

    def kill_one(self) -> tuple[str, float]:
        """The cell, and how long it was away."""
        pids = readings.processes(self._made.pid)
        name = self._choose(pids)
        self._log.read()
        life, start = self.lives[name], time.monotonic()
        life.streak = 0 if start >= life.since + SPARED else life.streak + 1
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
        if name in ("keeper", "lists"):
            away = ready
        life.back.append(away)
        life.ready.append(ready)
        life.since = time.monotonic()
        if away > 5 * BACK:
            print(f"{name} was away for {away:.1f} s; the log:", self._heard[-2_000:], flush=True)
        return name, away

    def _choose(self, pids: dict[str, int]) -> str:
        while True:
            now = time.monotonic()
            chosen = [name for name, life in self.lives.items() if name in pids and life.may_be_killed(now)]
            if chosen:
                return self._random.choice(chosen)
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


def play(options: argparse.Namespace) -> tuple[Killer, dict[str, Any], dict[str, Any]]:
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


def judge(killer: Killer, crowd: dict[str, Any], devices: dict[str, Any], head: str) -> tuple[str, bool]:
    """The page, and whether everything is within its limits. `head`: how it was run."""
    every = [away for life in killer.lives.values() for away in life.back]
    measures = [
        Measure(f"kills after which a cell was away for more than {1000 * BACK:.0f} ms", late(every), 0),
        Measure("wrong answers", crowd["wrong"], 0),
        Measure("questions without an answer", crowd["lost"], 0),
        Measure("longest that a client waited for its right answer, s", round(crowd["slowest"], 2), STUCK),
        Measure("exchanges of DHCP lost", devices["lost"], 0),
        Measure("addresses leased twice, or changed under a device", devices["twice"] + devices["changed"], 0),
    ]
    good = all(one.seen <= one.limit for one in measures)
    lines = [
        *(page.heading("Killed cells"), "", head, ""),
        f"{len(every):,} kills; {crowd['asked']:,} questions meanwhile, over {page.shares(crowd['by_way'])}.",
        *("", *page.limits(measures)),
        f"| questions asked again | {crowd['again']:,} | |",
        f"| of these because a connection ended | {crowd['broken']:,} | |",
        f"| SERVFAIL, asked again | {crowd['failures']:,} | |",
        f"| exchanges of DHCP done, messages sent again, refused | {devices['done']:,}, {devices['again']}, "
        f"{devices['refused']} | |",
        *("", "Milliseconds until a cell was back; and until the supervisor said that it serves.", ""),
        "| cell | kills | median | 99 of 100 | longest | over 200 ms | said: median | longest |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(row(name, life) for name, life in killer.lives.items() if life.back),
        *("", *page.waits(crowd["waits"])),
    ]
    if crowd["wrong"] or crowd["lost"]:
        lines += ["", *(f"- `{line}`" for line in crowd["examples"])]
    return "\n".join([*lines, "", page.verdict(good), ""]), good


def late(away: list[float]) -> int:
    return sum(one > BACK for one in away)


def row(name: str, life: Life) -> str:
    away, ready = (sorted(1000 * seconds for seconds in times) for times in (life.back, life.ready))
    return (
        f"| {name} | {len(away)} | {away[len(away) // 2]:.0f} | {away[int(0.99 * (len(away) - 1))]:.0f} | {away[-1]:.0f} | "
        f"{late(life.back)} | {ready[len(ready) // 2]:.0f} | {ready[-1]:.0f} |"
    )


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
    conditions = page.Conditions()
    os.sched_setaffinity(0, {kit.LOAD_CORE if (os.cpu_count() or 1) > 1 else 0})
    seen = play(options)
    text, good = judge(*seen, conditions.printed_by("kills", f"seed {options.seed}", world.CORES) + ".")
    kit.finish(text, "kills", options.record)
    sys.exit(not good)


if __name__ == "__main__":
    main()
