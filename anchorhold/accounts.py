"""Which account each cell gets. With one of its own no cell can touch another's process, folder or sockets."""

import os
import pwd
from collections import defaultdict
from collections.abc import Iterable

from anchorhold.sandbox import DEFAULT_USER, find_user

CELLS = ("front", "secure", "resolver", "dhcp", "keeper", "lists")
USUAL_USER = "anchorhold"
"""Stands for the service where the configuration names nobody and there is such an account."""


class Accounts:
    """`user` is the one that the configuration names, or empty. A cell CELL gets the account USER-CELL if there is one, else
    USER; and USER stands for what is short-lived: certificates, and whoever tries them. Where we are not root, all is ours."""

    def __init__(self, user: str) -> None:
        """Raises SandboxRefused if an account will not do."""
        self._root = os.geteuid() == 0
        self.user = (user or usual_user()) if self._root else user
        # Looked up once: what looks accounts up has code of its own in every system, which is not to run in service.
        self._own: set[str] = set()
        if self._root:
            find_user(self.user)
            self._own = {cell for cell in CELLS if _is_there(f"{self.user}-{cell}")}

    def user_of(self, cell: str) -> str:
        """The account's name."""
        return f"{self.user}-{cell}" if cell in self._own else self.user

    def owner_of(self, cell: str) -> tuple[int, int] | None:
        """(uid, gid) for a folder of this cell; None: it stays ours. Raises SandboxRefused."""
        return self._owner(self.user_of(cell))

    @property
    def owner(self) -> tuple[int, int] | None:
        """The same for what is short-lived. Raises SandboxRefused."""
        return self._owner(self.user)

    def _owner(self, user: str) -> tuple[int, int] | None:
        if not self._root:
            return None
        entry = find_user(user)
        return entry.pw_uid, entry.pw_gid

    def shared(self, cells: Iterable[str]) -> tuple[str, ...]:
        """For the log: who shares an account with whom."""
        if not self._root:
            return ("all cells have the account that the service was started with",)
        found = defaultdict(list)
        for cell in cells:
            found[self.user_of(cell)].append(cell)
        return tuple(
            f"{', '.join(names)} share the account {user!r}; accounts of their own keep them apart: "
            "deploy/systemd/anchorhold.sysusers"
            for user, names in found.items()
            if len(names) > 1
        )


def usual_user() -> str:
    """Whom the service takes where nobody is named."""
    return USUAL_USER if _is_there(USUAL_USER) else DEFAULT_USER


def _is_there(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
