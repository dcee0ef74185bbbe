"""One configuration after another, as the supervisor goes through them: read again, on trial, taken back.

What is given to the cells, and how, is the supervisor's: `take_over`. Here is when.
"""

import os
import selectors
import time
from collections.abc import Callable
from pathlib import Path

from anchorhold import facts
from anchorhold.applying import Applying, Begin, TakeBack, Wish
from anchorhold.config.request import Refused, Snapshot
from anchorhold.listeners import CannotListen
from anchorhold.notify import ServiceManager
from anchorhold.reloading import Reloading
from anchorhold.state import StateRefused

NAME = "supervisor"


class Changing:
    """`config` is the file, `control` where the control socket is; `first` is in force. `take_over` gives a configuration to the
    cells and gives back the former one; it raises CannotListen or StateRefused, and then nothing has changed. `manager` hears of
    it; `cells` gives the list of them, for operators."""

    def __init__(
        self,
        config: Path,
        control: Path,
        selector: selectors.BaseSelector,
        environment: dict[str, str],
        first: Snapshot,
        take_over: Callable[[Snapshot], Snapshot],
        manager: ServiceManager,
        cells: Callable[[], str],
    ) -> None:
        self._take_over = take_over
        self._manager = manager
        self._reloading = Reloading(config, environment, selector)
        self._applying = Applying(config, control, selector, cells)
        self._applying.open()
        self._generation = self._newest = first.generation

    @property
    def due(self) -> float | None:
        """When a trial is over, monotonic seconds."""
        return self._applying.due

    def ready(self, owner: object, endpoint: object) -> None:
        """A socket of `owner`'s, which is one of our parts, can be read."""
        if owner is self._applying:
            self._try_out(self._applying.hear(endpoint))
        else:
            self._finish_load(self._reloading.step())

    def look(self, now: float) -> None:
        """With every tick."""
        self._finish_load(self._reloading.expire(now))
        self._try_out(self._applying.look(now))

    def in_force(self) -> None:
        """The cells that answer have what they were given last."""
        self._applying.in_force()

    def close(self) -> None:
        """The service ends."""
        self._reloading.give_up()
        self._applying.close()

    # The file is read again.

    def reload(self) -> None:
        """Who wants what is in the file wants no trial of another."""
        # The stamp is for Type=notify-reload: only a READY that comes after it ends the reload.
        self._manager.say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1_000}")
        self.take_back("the configuration is read again")
        self._finish_load(self._reloading.begin(self._newest + 1))

    def _finish_load(self, outcome: Snapshot | Refused | None) -> None:
        match outcome:
            case None:
                return
            case Refused(text=text):
                self._keep_old(text)
            case Snapshot() if self._applying.loading and not self._applying.wanted:
                outcome.close()
                self._keep_old("the command that asked for another configuration is gone")
            case Snapshot():
                self._use(outcome)
        if self._reloading.wanted:
            self.reload()

    def _use(self, snapshot: Snapshot) -> None:
        try:
            former = self._give(snapshot)
        except (CannotListen, StateRefused) as error:
            snapshot.close()
            self._keep_old(f"{error}. An address that overlaps one of the old configuration needs a restart")
            return
        self._newest = snapshot.generation
        if self._applying.loading:
            facts.log(NAME, f"configuration {snapshot.generation} is on trial")
            self._applying.hold(former, time.monotonic())
        else:
            former.close()
            self._applying.supersede()

    def _give(self, snapshot: Snapshot) -> Snapshot:
        former = self._take_over(snapshot)
        self._generation = snapshot.generation
        return former

    def _keep_old(self, why: str) -> None:
        if self._applying.loading:
            self._applying.refused(why)
        facts.log_lines(NAME, why)
        facts.log(NAME, f"configuration {self._generation} stays in force")
        self._manager.say("READY=1")

    # One is on trial.

    def _try_out(self, wish: Wish) -> None:
        match wish:
            case Begin(descriptor) if self._reloading.busy:
                os.close(descriptor)
                self._applying.not_now("the configuration is being read again just now; try again in a second")
            case Begin(descriptor):
                self._finish_load(self._reloading.begin_with(self._newest + 1, descriptor))
            case TakeBack(why):
                self.take_back(why)

    def take_back(self, why: str) -> None:
        """What was before a trial comes back; if there is none, nothing happens. Nothing is loaded for it, so nothing can go
        wrong but that somebody took an address meanwhile: then it is tried until that is free."""
        former = self._applying.former
        if former is None:
            return
        try:
            self._give(former).close()
        except (CannotListen, StateRefused) as error:
            facts.log(NAME, f"configuration {former.generation} cannot come back yet: {error}")
            self._applying.put_off(why, time.monotonic())
            return
        facts.log(NAME, f"configuration {former.generation} comes back: {why}")
        self._applying.taken_back(why)
