"""Accounts of a test's own: a mount namespace in which /etc/passwd and /etc/group are other files."""

from collections.abc import Mapping
from pathlib import Path

from kit.peers import peer

CELLS = ("front", "secure", "resolver", "dhcp", "keeper", "lists")
FIRST = 61_000
OURS = {"anchorhold": FIRST} | {f"anchorhold-{cell}": FIRST + 1 + place for place, cell in enumerate(CELLS)}
"""As deploy/systemd/anchorhold.sysusers has them, with numbers that no machine gives."""


class AccountsPlace:
    """Where there are root, nobody and `accounts` (name → number of user and group)."""

    def __init__(self, folder: Path, accounts: Mapping[str, int]) -> None:
        self._files = {"passwd": folder / "passwd", "group": folder / "group"}
        every = {"root": 0, "nobody": 65_534} | dict(accounts)
        self._files["passwd"].write_text("".join(f"{name}:x:{n}:{n}::/:/bin/false\n" for name, n in every.items()))
        self._files["group"].write_text("".join(f"{name}:x:{n}:\n" for name, n in every.items()))

    def inside(self, *command: str) -> list[str]:
        binds = " && ".join(f"mount --bind {path} /etc/{name}" for name, path in self._files.items())
        return [peer("unshare"), "--mount", "sh", "-c", f'{binds} && exec "$@"', "sh", *command]
