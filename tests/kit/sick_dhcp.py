"""The dhcp cell over a disk that takes nothing while there is a file `sick` in the lease folder."""

from collections.abc import Iterable

from anchorhold.cells import dhcp
from dhcp.clock import Saved
from dhcp.edge.store import SqliteStore
from dhcp.store import StoreFailed
from dhcp.values import LeaseChange


class SickStore(SqliteStore):
    """Fails as a full disk does."""

    def commit(self, changes: Iterable[LeaseChange], clock: Saved) -> None:
        if self._folder.number("sick"):
            raise StoreFailed("leases.db: no space left on the device")
        super().commit(changes, clock)


if __name__ == "__main__":
    dhcp.SqliteStore = SickStore  # type: ignore[misc]
    dhcp.main()
