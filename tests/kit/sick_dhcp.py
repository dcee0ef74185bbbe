"""The dhcp cell over a disk that takes nothing while there is a file `sick` in the lease folder."""

import socket
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


def run(link: socket.socket) -> None:
    dhcp.SqliteStore = SickStore  # type: ignore[misc]
    dhcp.run(link)
