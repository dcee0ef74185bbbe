"""What a service manager is told (sd_notify(3)): ready, reloading, stopping, how it goes; and that we are alive, as long as every
cell is (sd_watchdog_enabled(3))."""

import socket
from collections.abc import Iterable, Mapping
from typing import Protocol

from anchorhold.facts import log

NAME = "supervisor"
EVERY = 4
"""So many signs of life fall into the time after which the service manager misses them."""


class Watched(Protocol):
    """A cell, as far as its health is concerned."""

    name: str
    ready: int

    @property
    def silent(self) -> bool:
        """Whether it was asked for a sign of life, and did not give one before the next was due."""


class ServiceManager:
    """Whoever started us, if they want to hear of us; otherwise nothing here does anything."""

    def __init__(self, environment: Mapping[str, str], now: float, pid: int) -> None:
        """Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. `pid` is ours."""
        place = environment.get("NOTIFY_SOCKET", "")
        self._place = "\0" + place[1:] if place.startswith("@") else place
        self._sender: socket.socket | None = None
        if place.startswith(("/", "@")):
            self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            # It must not stop us; a word that is lost is followed by others.
            self._sender.setblocking(False)
        self._patience = _patience(environment, pid) if self._sender else 0.0
        """Seconds; 0: nobody waits for signs of life."""
        self._due = now
        self._well: dict[str, float] = {}
        self._said = ""

    def say(self, *lines: str) -> None:
        """Tell, if somebody wants to hear; a manager that is gone is none of our trouble."""
        if self._sender is None:
            return
        try:
            self._sender.sendto("\n".join(lines).encode(), self._place)
        except OSError:
            return

    def look(self, now: float, vital: Iterable[Watched], others: Iterable[Watched]) -> None:
        """With every tick: a sign of life, if one is due and every cell gives signs of its own.

        A cell that ended is started again by us, and that is no reason to start all of it anew; but one of `vital`, without which
        nobody is answered, must be ready again in half of the time. So must one be that is silent and cannot be ended.
        """
        if not self._patience:
            return
        ill = {cell.name for cell in vital if not cell.ready or cell.silent} | {c.name for c in others if c.silent}
        self._well = {name: self._well.get(name, now) for name in ill}
        late = sorted(name for name, since in self._well.items() if now - since > self._patience / 2)
        if late:
            self._complain(" and ".join(late))
        elif now >= self._due:
            self._said = ""
            self._due = now + self._patience / EVERY
            self.say("WATCHDOG=1")

    def close(self) -> None:
        """The service ends."""
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def _complain(self, names: str) -> None:
        if names != self._said:
            log(
                NAME,
                f"no sign of life from {names}; the service manager gets none either, and may start all of it anew",
            )
        self._said = names


def _patience(environment: Mapping[str, str], pid: int) -> float:
    """Seconds after which the service manager misses our sign of life; 0: it waits for none, or for that of another process."""
    asked, whom = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(pid))
    return int(asked) / 1_000_000 if asked.isdecimal() and whom == str(pid) else 0.0
