"""The next configuration on its way: one load at a time, and once more if that was asked for meanwhile."""

import selectors
import time
from pathlib import Path

from anchorhold.config.request import PATIENCE, LoaderRun, Refused, Snapshot


class Reloading:
    """A load that goes on beside the service. `selector` wakes up for it; then, and with every tick, `step` is to be called."""

    def __init__(self, config: Path, environment: dict[str, str], selector: selectors.BaseSelector) -> None:
        self._config = config
        self._environment = environment
        self._selector = selector
        self._run: LoaderRun | None = None
        self._until = 0.0
        self.wanted = False
        """Asked for again while one was under way."""

    @property
    def busy(self) -> bool:
        """Whether a load is under way."""
        return self._run is not None

    def begin(self, generation: int) -> Refused | None:
        """Start loading, or remember to do so once more. Refused if the file cannot be opened."""
        if self.busy:
            self.wanted = True
            return None
        self.wanted = False
        return self.begin_with(generation, None)

    def begin_with(self, generation: int, descriptor: int | None) -> Refused | None:
        """Start loading what is in `descriptor`, which is closed, instead of the file; nothing must be under way."""
        try:
            self._run = LoaderRun(self._config, generation, self._environment, descriptor)
        except OSError as error:
            return Refused(f"{self._config}: {error.strerror}")
        self._until = time.monotonic() + PATIENCE
        self._selector.register(self._run.link, selectors.EVENT_READ, self)
        return None

    def step(self) -> Snapshot | Refused | None:
        """Take what the loader says; an outcome ends the load."""
        return None if self._run is None else self._ended(self._run.step())

    def expire(self, now: float) -> Refused | None:
        """End a load that takes too long."""
        if self._run is None or now < self._until:
            return None
        refused = self._run.give_up()
        self._ended(refused)
        return refused

    def give_up(self) -> None:
        """The service ends."""
        if self._run is not None:
            self._ended(self._run.give_up())

    def _ended(self, outcome: Snapshot | Refused | None) -> Snapshot | Refused | None:
        if outcome is not None and self._run is not None:
            self._selector.unregister(self._run.link)
            self._run = None
        return outcome
