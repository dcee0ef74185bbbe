"""The port behind which leases are kept. `dhcp/edge/store.py` is the one in SQLite; another may keep them for two
servers at once.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from dhcp.clock import Saved
from dhcp.values import Lease, LeaseChange, Tag
from wire.units import Epoch


class StoreFailed(Exception):
    """The disk did not take it, and the text says why. Nothing of the call is kept; the same call later may succeed.

    Until then: renewals go on from memory (`dhcp/owed.py`), newcomers are refused.
    """


class StoreDamaged(StoreFailed):
    """What is on disk is no use any more. `LeaseStore.rebuild` writes it anew from memory."""


class Loaded(NamedTuple):
    """What was kept."""

    leases: tuple[Lease, ...]
    clock: Saved | None
    """None: none was ever saved, or it is lost."""
    problems: tuple[str, ...]
    """What was wrong and what was done, for the log: names files, no client. Empty if all was well."""


class LeaseStore(Protocol):
    """One writer's leases on disk. Only durable changes count: an offer in one is as if it were None."""

    def load(self) -> Loaded:
        """Everything kept; damage is repaired as far as it goes and told.

        Raises StoreFailed if it cannot be read just now: then nothing may be handed out until a later `load` succeeds,
        for nobody knows what is free.
        """

    def commit(self, changes: Iterable[LeaseChange], clock: Saved) -> None:
        """All of the changes, in one go: durable when this returns. Raises StoreFailed, StoreDamaged."""

    def tidy(self, now: Epoch) -> bool:
        """Do a bounded piece of what makes ended leases vanish from the disk; True if there is more to do at once.

        Called every minute (and again, between packets, while it says True), no trace of a lease is left an hour after
        its end. Raises StoreFailed, StoreDamaged.
        """

    def forget(self, tags: Iterable[Tag], now: Epoch) -> None:
        """No trace of these clients is on disk when this returns, nor of any ended lease, nor what was set aside. May
        take long. Raises StoreFailed, StoreDamaged.
        """

    def rebuild(self, leases: Iterable[Lease], clock: Saved | None) -> str:
        """Set what is on disk aside, whatever it is, and keep these instead; the name it has now. Raises
        StoreFailed.
        """

    def close(self) -> None:
        """Let go of the files; later calls but this one are mistakes."""
