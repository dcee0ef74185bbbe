"""A lease store in memory, for what happens when the disk fails."""

from dhcp.clock import Saved
from dhcp.store import Loaded, StoreFailed
from dhcp.values import Lease, LeaseChange
from wire.units import Epoch


class Disk:
    """A store that fails when told to."""

    def __init__(self) -> None:
        self.commits: list[tuple[LeaseChange, ...]] = []
        self.broken: StoreFailed | None = None
        self.rebuilt: list[Lease] = []
        self.tidied = 0
        self.closed = False

    def load(self) -> Loaded:
        return Loaded((), None, ())

    def commit(self, changes: tuple[LeaseChange, ...], clock: Saved) -> None:
        if self.broken is not None:
            raise self.broken
        self.commits.append(tuple(changes))

    def tidy(self, now: Epoch) -> bool:
        if self.broken is not None:
            raise self.broken
        self.tidied += 1
        return False

    def forget(self, tags: object, now: Epoch) -> None:
        raise NotImplementedError

    def rebuild(self, leases: object, clock: Saved | None) -> str:
        self.rebuilt = list(leases)  # type: ignore[call-overload]
        self.broken = None
        return "leases.db.damaged-1"

    def close(self) -> None:
        self.closed = True
